package smtp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A fake is a server that takes everything, but for what answer says otherwise.
// It remembers what it was told, session by session.
type fake struct {
	offers   []string                 // extensions
	tls      *tls.Config              // with it STARTTLS is taken
	implicit bool                     // TLS from the first octet, where it listens
	answer   func(line string) string // "": the usual; "-": silence from then on; "!": hang up

	mu       sync.Mutex
	sessions [][]string // commands of each; a content is one line, "(content)"
	contents []string
	closed   int
}

// client gives a client that talks to the fake over pipes.
func (f *fake) client() *smtp.Client {
	return &smtp.Client{
		Addr: "mx.example:25", Hello: "localhost", Security: smtp.Plaintext,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			f.mu.Lock()
			n := len(f.sessions)
			f.sessions = append(f.sessions, nil)
			f.mu.Unlock()
			go f.serve(theirs, n)
			return ours, nil
		},
	}
}

func (f *fake) said(session int) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if session >= len(f.sessions) {
		return nil
	}
	return slices.Clone(f.sessions[session])
}

func (f *fake) count() (sessions, contents, closed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sessions), len(f.contents), f.closed
}

func (f *fake) serve(c net.Conn, n int) {
	defer func() {
		c.Close()
		f.mu.Lock()
		f.closed++
		f.mu.Unlock()
	}()
	// Replies go through a pipe of their own, so that a client that says much
	// before it hears anything is not a deadlock of two full pipes.
	replies, written := make(chan string, 1000), make(chan struct{})
	go func() {
		defer close(written)
		for r := range replies {
			io.WriteString(c, r)
		}
	}()
	defer func() {
		close(replies)
		<-written
	}()
	r := bufio.NewReader(c)
	line := "(connect)"
	for {
		if line == "STARTTLS" && f.tls != nil {
			f.mu.Lock()
			f.sessions[n] = append(f.sessions[n], line)
			f.mu.Unlock()
			io.WriteString(c, "220 go ahead\r\n")
			c = tls.Server(c, f.tls)
			r = bufio.NewReader(c)
			l, err := r.ReadString('\n')
			if err != nil {
				return
			}
			line = strings.TrimSuffix(l, "\r\n")
		}
		reply := f.reply(line, n)
		if reply == "!" {
			return
		}
		if reply != "-" {
			replies <- reply
		}
		if strings.HasPrefix(reply, "221") {
			return
		}
		if reply == "-" || strings.HasPrefix(reply, "421") {
			io.Copy(io.Discard, c)
			return
		}
		if strings.HasPrefix(reply, "354") {
			content, err := readContent(r)
			if err != nil {
				return
			}
			f.took(n, content)
			line = "(content)"
			continue
		}
		l, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(l, "\r\n")
		if strings.HasPrefix(line, "BDAT") {
			var size int
			fmt.Sscanf(line, "BDAT %d", &size)
			b := make([]byte, size)
			if _, err := io.ReadFull(r, b); err != nil {
				return
			}
			f.took(n, string(b))
		}
	}
}

func readContent(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		l, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if l == ".\r\n" {
			return b.String(), nil
		}
		b.WriteString(strings.TrimPrefix(l, "."))
	}
}

func (f *fake) took(n int, content string) {
	f.mu.Lock()
	f.contents = append(f.contents, content)
	f.mu.Unlock()
}

func (f *fake) reply(line string, n int) string {
	f.mu.Lock()
	if line != "(connect)" {
		f.sessions[n] = append(f.sessions[n], line)
	}
	f.mu.Unlock()
	if f.answer != nil {
		if a := f.answer(line); a != "" {
			return strings.ReplaceAll(a, "\n", "\r\n") + map[bool]string{true: "\r\n"}[len(a) > 1]
		}
	}
	verb, _, _ := strings.Cut(line, " ")
	switch verb {
	case "(connect)":
		return "220 mx.example ESMTP\r\n"
	case "EHLO", "LHLO":
		all := "250-mx.example\r\n"
		for _, o := range f.offers {
			all += "250-" + o + "\r\n"
		}
		return all + "250 HELP\r\n"
	case "DATA":
		return "354 go on\r\n"
	case "QUIT":
		return "221 bye\r\n"
	}
	return "250 ok\r\n"
}

func letter(to ...string) *mail.Message {
	return &mail.Message{From: mail.Address{Address: "a@example.com"}, To: mail.To(to...), Subject: "x", Text: "hello\r\n"}
}

func wantErr(t *testing.T, err error, kind smtp.Kind, stage smtp.Stage, text string) {
	t.Helper()
	e, ok := err.(*smtp.Error)
	if !ok || e.Kind != kind || e.Stage != stage || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v (%+v), want %v at %v with %q", err, e, kind, stage, text)
	}
}
