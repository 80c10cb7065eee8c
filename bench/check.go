package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// check lets every contestant send a mail of each kind to a server that keeps it,
// and reads that with the standard library: who sends less than the others is no
// contestant.
func (b *bench) check() error {
	for _, c := range contestants() {
		for _, kind := range []string{text1K, html, attach100} {
			if kind == html && !c.composes {
				continue // has only bytes of the other kinds
			}
			l := newLetter(kind, 2, b.dir)
			content, err := caught(c, l)
			if err == nil {
				err = l.sameAs(content)
			}
			if err != nil {
				return fmt.Errorf("%s, %s: %w", c.name, kind, err)
			}
		}
	}
	fmt.Fprintln(b.out, "Each contestant's mails arrived whole.")
	return nil
}

// caught is the content that arrives when a contestant sends a letter.
func caught(c contestant, l letter) ([]byte, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	type catch struct {
		content []byte
		err     error
	}
	caught := make(chan catch, 1)
	go func() {
		content, err := catchOne(listener)
		caught <- catch{content, err}
	}()
	m, err := c.open(l, listener.Addr().String())
	if err != nil {
		return nil, fmt.Errorf("opening: %w", err)
	}
	if err := m.send(0); err != nil {
		return nil, fmt.Errorf("sending: %w", err)
	}
	m.close()
	got := <-caught
	return got.content, got.err
}

// catchOne is a server for one session, which offers nothing but PIPELINING. It
// keeps the first content.
func catchOne(l net.Listener) ([]byte, error) {
	conn, err := l.Accept()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	text := textproto.NewConn(conn)
	var content []byte
	reply := "220 here"
	for {
		if err := text.PrintfLine("%s", reply); err != nil {
			return content, nil
		}
		line, err := text.ReadLine()
		if err != nil {
			return content, nil
		}
		switch verb, _, _ := strings.Cut(line, " "); strings.ToUpper(verb) {
		case "EHLO":
			reply = "250-here\r\n250 PIPELINING"
		case "DATA":
			if err := text.PrintfLine("354 go on"); err != nil {
				return content, err
			}
			data, err := readContent(text.R)
			switch {
			case content != nil:
				return content, nil // who writes the next envelope along has none to send
			case err != nil:
				return nil, err
			}
			content = data
			reply = "250 taken"
		case "QUIT":
			text.PrintfLine("221 gone")
			return content, nil
		default:
			reply = "250 yes"
		}
	}
}

// readContent reads to the dot and takes doubled dots back. Lines keep their CR LF.
func readContent(r *bufio.Reader) ([]byte, error) {
	var b bytes.Buffer
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return nil, fmt.Errorf("in the content: %w", err)
		}
		if string(line) == ".\r\n" {
			return b.Bytes(), nil
		}
		b.Write(bytes.TrimPrefix(line, []byte(".")))
	}
}

// sameAs reports what a content does not have of the letter.
func (l letter) sameAs(content []byte) error {
	m, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		return err
	}
	for _, field := range []string{"From", "To", "Date", "Subject", "Mime-Version"} {
		if m.Header.Get(field) == "" {
			return fmt.Errorf("it has no %s", field)
		}
	}
	found := make(map[string][]byte)
	if err := collect(found, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body); err != nil {
		return err
	}
	plain := func(b []byte) string { return strings.TrimRight(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n") }
	if got := plain(found["text/plain"]); got != plain([]byte(l.text)) {
		return fmt.Errorf("its text is not the one that was sent: %.60q", got)
	}
	if got := plain(found["text/html"]); got != plain([]byte(l.html)) {
		return fmt.Errorf("its HTML is not the one that was sent: %.60q", got)
	}
	if got := found["application/pdf"]; !bytes.Equal(got, l.attached) {
		return fmt.Errorf("its attachment has %d octets, and not the %d that were sent", len(got), len(l.attached))
	}
	return nil
}

// collect gathers the decoded parts of a MIME tree by their type.
func collect(found map[string][]byte, contentType, encoding string, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("its content type: %w", err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		r := multipart.NewReader(body, params["boundary"])
		for {
			part, err := r.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := collect(found, part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	data, err := io.ReadAll(body)
	found[kind] = data
	return err
}
