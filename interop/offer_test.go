package interop_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// An offer is what a server says of itself, heard by a few lines of code that share
// nothing with the client under test: a gap in the matrix is then the server's own.
type offer struct {
	extensions []string // keywords
	auth       []string // mechanisms
	anonymous  string   // its reply to MAIL without AUTH, where that is a refusal
}

func (o offer) has(keyword string) bool { return slices.Contains(o.extensions, keyword) }

// hear asks a server for its offer, at one of its ports.
func hear(ctx context.Context, addr string, mode mode, cfg *tls.Config) (offer, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cfg = cfg.Clone()
	cfg.ServerName = "127.0.0.1"
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return offer{}, err
	}
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	r := &raw{conn: conn}
	defer func() { r.conn.Close() }()
	if mode == implicitTLS {
		r.conn = tls.Client(conn, cfg)
	}
	r.in = bufio.NewReader(r.conn)
	r.want(220, "")
	if mode == startTLS {
		if r.want(250, "EHLO localhost"); !slices.Contains(r.lines, "STARTTLS") {
			r.fail(errors.New("STARTTLS is not offered"))
		}
		r.want(220, "STARTTLS")
		r.conn = tls.Client(conn, cfg)
		r.in.Reset(r.conn)
	}
	r.want(250, "EHLO localhost")
	var o offer
	for _, line := range r.lines[min(1, len(r.lines)):] {
		words := strings.Fields(line)
		o.extensions = append(o.extensions, words[0])
		if words[0] == "AUTH" {
			o.auth = words[1:]
		}
	}
	if code := r.say("MAIL FROM:<raw@example.net>"); code != 250 {
		o.anonymous = fmt.Sprint(code, " ", strings.Join(r.lines, " "))
	}
	r.say("QUIT")
	return o, r.err
}

// raw speaks SMTP, barely.
type raw struct {
	conn  net.Conn
	in    *bufio.Reader
	lines []string // of the last reply, without codes
	err   error
}

func (r *raw) say(line string) (code int) {
	if r.err != nil {
		return 0
	}
	if line != "" {
		if _, err := fmt.Fprintf(r.conn, "%s\r\n", line); err != nil {
			r.fail(err)
			return 0
		}
	}
	r.lines = nil
	for {
		reply, err := r.in.ReadString('\n')
		if err != nil {
			r.fail(fmt.Errorf("after %q: %w", line, err))
			return 0
		}
		var sep rune
		if _, err := fmt.Sscanf(reply, "%3d%c", &code, &sep); err != nil {
			r.fail(fmt.Errorf("after %q it said %q", line, reply))
			return 0
		}
		r.lines = append(r.lines, strings.TrimSpace(reply[4:]))
		if sep != '-' {
			return code
		}
	}
}

func (r *raw) want(code int, line string) {
	if got := r.say(line); got != code && r.err == nil {
		r.fail(fmt.Errorf("after %q it said %d %s", line, got, strings.Join(r.lines, " ")))
	}
}

func (r *raw) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}
