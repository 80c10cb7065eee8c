package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// A proxyFile keeps the conversation of one session. What is beside it, as causes
// and fixes, stands in lines that a reader of transcripts passes over.
type proxyFile struct {
	v *proxyView
	f *os.File
}

// newFile begins one. Nobody else reads it: addresses are in there.
func (v *proxyView) newFile(e smtp.Event) *proxyFile {
	name := filepath.Join(v.flags.transcript, fmt.Sprintf("%s-%04d", e.At.Format("20060102-150405"), e.Session))
	for i := 1; ; i++ {
		path := name + ".txt"
		if i > 1 {
			path = fmt.Sprintf("%s.%d.txt", name, i)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) && i < 100 {
			continue
		}
		if err != nil {
			v.u.warn(wordProxyNoFile, err)
			return nil
		}
		file := &proxyFile{v: v, f: f}
		file.line(fmt.Sprintf("parley proxy to %s, session %d, %s", smtp.Printable(v.proxy.To.Addr), e.Session, e.At.Format("2006-01-02 15:04:05 -07:00")))
		file.line("")
		return file
	}
}

// line writes one; the first failure is told of, and the last.
func (p *proxyFile) line(s string) {
	if p == nil || p.f == nil {
		return
	}
	if _, err := p.f.WriteString(strings.TrimRight(s, " ") + "\n"); err != nil {
		p.v.u.warn(wordProxyNoFile, err)
		p.close()
	}
}

func (p *proxyFile) close() {
	if p == nil || p.f == nil {
		return
	}
	if err := p.f.Close(); err != nil {
		p.v.u.warn(wordProxyNoFile, err)
	}
	p.f = nil
}
