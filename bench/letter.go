package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A letter is what all contestants send alike: the words, and what goes with
// them. How it becomes a content is each library's own business.
type letter struct {
	kind       string
	to         []string
	text, html string
	attached   []byte // the attachment, where it is in memory
	file       string // the attachment, where it is on disk
	prebuilt   string // a file with the whole content, for those that do not compose, where the attachment is on disk
}

const (
	text1K    = "1 KiB text"
	html      = "text and HTML, UTF-8"
	attach100 = "100 KiB attachment"
	attach10M = "10 MB attachment"
	file50M   = "50 MiB attachment"
)

const (
	sender     = "accounts@example.net"
	attachment = "statement.pdf"
	files50    = "letter-50m" // name of the file on disk, without its ending
)

// newLetter makes a letter of a kind; dir is where the files of file50M are.
func newLetter(kind string, recipients int, dir string) letter {
	l := letter{kind: kind, text: words(1024)}
	for i := range recipients {
		l.to = append(l.to, fmt.Sprintf("customer%d@example.org", i))
	}
	switch kind {
	case html:
		l.text = strings.Repeat("您好：随信附上三月对账单，请查收。如有疑问，请与财务部联系。\n", 20)
		l.html = "<html><body>" + strings.Repeat("<p>您好：随信附上<b>三月</b>对账单，请查收。</p>\n", 20) + "</body></html>\n"
	case attach100:
		l.attached = noise(100 << 10)
	case attach10M:
		l.attached = noise(10_000_000)
	case file50M:
		l.file = filepath.Join(dir, files50+".pdf")
		l.prebuilt = filepath.Join(dir, files50+".eml")
	}
	return l
}

// words is n octets of plain ASCII text.
func words(n int) string {
	const line = "The quick brown fox jumps over the lazy dog; the five boxing wizards jump.\n"
	return strings.Repeat(line, n/len(line)+1)[:n-1] + "\n"
}

// noise is n octets that are the same in every process, and not compressible.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{'p', 'a', 'r', 'l', 'e', 'y'}).Read(b)
	return b
}

func (l letter) subject(n int) string { return "Statement " + strconv.Itoa(n) + " for March" }

// raw is the letter as a content made beforehand, for those that send bytes.
func (l letter) raw(line string) []byte {
	var b bytes.Buffer
	header := []string{
		"Date: Sun, 22 Nov 2026 10:00:00 +0000",
		"From: Accounts <" + sender + ">",
		"To: " + strings.Join(l.to, ","+line+" "),
		"Message-ID: <0123456789abcdef0123456789@example.net>",
		"Subject: " + l.subject(0),
		"MIME-Version: 1.0",
	}
	b.WriteString(strings.Join(header, line) + line)
	text := "Content-Type: text/plain; charset=us-ascii" + line + line + strings.ReplaceAll(l.text, "\n", line)
	if l.attached == nil {
		b.WriteString(text)
		return b.Bytes()
	}
	const boundary = "=_statement"
	b.WriteString("Content-Type: multipart/mixed; boundary=\"" + boundary + "\"" + line + line)
	b.WriteString("--" + boundary + line + text + line + "--" + boundary + line)
	b.WriteString("Content-Type: application/pdf" + line + "Content-Transfer-Encoding: base64" + line)
	b.WriteString("Content-Disposition: attachment; filename=\"" + attachment + "\"" + line + line)
	for rest := l.attached; len(rest) > 0; {
		n := min(57, len(rest))
		b.WriteString(base64.StdEncoding.EncodeToString(rest[:n]) + line)
		rest = rest[n:]
	}
	b.WriteString("--" + boundary + "--" + line)
	return b.Bytes()
}

// writeFiles makes what smtp-source reads, for which lines end as files do here.
func writeFiles(dir string) error {
	for _, kind := range []string{text1K, attach100} {
		if err := os.WriteFile(filepath.Join(dir, fileFor(kind)), newLetter(kind, 1, dir).raw("\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeLarge makes the files of the letter that is read from disk.
func writeLarge(dir string) error {
	l := newLetter(text1K, 1, dir)
	l.attached = noise(50 << 20)
	for name, content := range map[string][]byte{
		files50 + ".pdf": l.attached,
		files50 + ".eml": l.raw("\r\n"),
		fileFor(file50M): l.raw("\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fileFor is the file that smtp-source is given for a kind of letter.
func fileFor(kind string) string { return strings.ReplaceAll(kind, " ", "-") + ".txt" }
