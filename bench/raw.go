package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	stdsmtp "net/smtp"
	"os"

	gosmtp "github.com/emersion/go-smtp"
)

// The clients that send bytes made beforehand.

// contentOf is the letter's content, anew for each mail; from its file where that
// is large.
func contentOf(l letter) func() (io.ReadCloser, error) {
	if l.prebuilt != "" {
		return func() (io.ReadCloser, error) { return os.Open(l.prebuilt) }
	}
	raw := l.raw("\r\n")
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
}

type goSMTPMailer struct {
	to      []string
	content func() (io.ReadCloser, error)
	client  *gosmtp.Client
}

func openGoSMTP(l letter, addr string) (mailer, error) {
	client, err := gosmtp.Dial(addr)
	if err != nil {
		return nil, err
	}
	return &goSMTPMailer{l.to, contentOf(l), client}, client.Hello("localhost")
}

func (g *goSMTPMailer) send(int) error {
	r, err := g.content()
	if err != nil {
		return err
	}
	defer r.Close()
	return g.client.SendMail(sender, g.to, r)
}

func (g *goSMTPMailer) close() error { return g.client.Quit() }

type netMailer struct {
	to      []string
	content func() (io.ReadCloser, error)
	client  *stdsmtp.Client
}

func openNetSMTP(l letter, addr string) (mailer, error) {
	client, err := stdsmtp.Dial(addr)
	if err != nil {
		return nil, err
	}
	return &netMailer{l.to, contentOf(l), client}, client.Hello("localhost")
}

func (m *netMailer) send(int) error {
	if err := m.client.Mail(sender); err != nil {
		return err
	}
	for _, to := range m.to {
		if err := m.client.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := m.client.Data()
	if err != nil {
		return err
	}
	r, err := m.content()
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	return w.Close()
}

func (m *netMailer) close() error { return m.client.Quit() }

// A hand is what a client can cost at least in Go: the content and the next
// envelope are one write of bytes made beforehand, and replies are counted and not
// kept. It has no error model and no deadlines; nothing that can be used is as
// cheap. It is also the load of the servers.
type hand struct {
	conn     net.Conn
	envelope int    // commands in it
	next     []byte // the content, and the next envelope behind it
	buf      []byte
}

func openByHand(l letter, addr string) (mailer, error) {
	h := &hand{buf: make([]byte, 4096), envelope: 2 + len(l.to)}
	envelope := "MAIL FROM:<" + sender + ">\r\n"
	for _, to := range l.to {
		envelope += "RCPT TO:<" + to + ">\r\n"
	}
	envelope += "DATA\r\n"
	h.next = bytes.ReplaceAll(l.raw("\r\n"), []byte("\n."), []byte("\n.."))
	h.next = append(append(h.next, ".\r\n"...), envelope...)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	h.conn = conn
	if err := h.replies(1); err != nil {
		return nil, err
	}
	if err := h.say("EHLO localhost\r\n", 1); err != nil {
		return nil, err
	}
	return h, h.say(envelope, h.envelope)
}

func (h *hand) send(int) error {
	if _, err := h.conn.Write(h.next); err != nil {
		return err
	}
	return h.replies(1 + h.envelope)
}

// close hangs up: an envelope is under way, and RSET would be content.
func (h *hand) close() error { return h.conn.Close() }

func (h *hand) say(lines string, replies int) error {
	if _, err := io.WriteString(h.conn, lines); err != nil {
		return err
	}
	return h.replies(replies)
}

// replies reads as many replies as are due; no more than these will come.
func (h *hand) replies(due int) error {
	held := 0
	for due > 0 {
		n, err := h.conn.Read(h.buf[held:])
		if err != nil {
			return err
		}
		held += n
		begin := 0
		for {
			i := bytes.IndexByte(h.buf[begin:held], '\n')
			if i < 0 {
				break
			}
			line := h.buf[begin : begin+i]
			if len(line) < 4 || line[0] > '3' {
				return fmt.Errorf("the server said %q", line)
			}
			if line[3] != '-' {
				due--
			}
			begin += i + 1
		}
		held = copy(h.buf, h.buf[begin:held])
	}
	return nil
}
