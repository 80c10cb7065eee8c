package inbox_test

import (
	"bufio"
	"encoding/base64"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/smtp"
)

// A hand says lines to a server, each once the one before it was answered.
type hand struct {
	net.Conn
	in *bufio.Reader
}

// reach gives a connection that was greeted, and has said EHLO.
func reach(t testing.TB, addr string) *hand {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	h := &hand{conn, bufio.NewReader(conn)}
	h.hear(t)
	h.say(t, "EHLO client.example")
	return h
}

// say says a line, and gives the last line of the reply.
func (h *hand) say(t testing.TB, line string) string {
	t.Helper()
	if _, err := h.Write([]byte(line + "\r\n")); err != nil {
		t.Fatal(err)
	}
	return h.hear(t)
}

func (h *hand) hear(t testing.TB) string {
	t.Helper()
	for {
		line, err := h.in.ReadString('\n')
		if err != nil {
			t.Fatalf("%q, %v", line, err)
		}
		if len(line) < 4 || line[3] != '-' {
			return strings.TrimSpace(line)
		}
	}
}

func planOf(t testing.TB, lines ...string) *fault.Plan {
	t.Helper()
	p := new(fault.Plan)
	for _, line := range lines {
		r, err := fault.ParseRule(line)
		if err == nil {
			_, err = p.Add(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestFaultOfAMailbox: it hits the mails of its mailbox, whatever the session has brought before.
func TestFaultOfAMailbox(t *testing.T) {
	const no = "451 4.0.0 for a alone"
	for name, c := range map[string]struct {
		rule string
		by   inbox.MailboxBy
		user string
		to   [][]string // the recipients of each mail of one session
		hit  []string   // those that were refused, or "." for a content
	}{
		"at RCPT, by token":       {`rcpt mailbox=a reply="` + no + `"`, inbox.ByToken, "", [][]string{{"kim+a", "kim+b"}, {"kim+b", "kim+a", "kim"}}, []string{"kim+a", "kim+a"}},
		"at RCPT, by recipient":   {`rcpt mailbox=kim@x.example reply="` + no + `"`, inbox.ByRecipient, "", [][]string{{"lee"}, {"kim"}, {"lee", "Kim"}}, []string{"kim", "Kim"}},
		"at the end, of any":      {`end mailbox=a reply="` + no + `"`, inbox.ByToken, "", [][]string{{"kim+b", "kim+a"}, {"kim+b"}, {"kim+a"}}, []string{".", "."}},
		"at MAIL, of nobody yet":  {`mail mailbox=a reply="` + no + `"`, inbox.ByToken, "", [][]string{{"kim+a"}, {"kim+b"}}, nil},
		"at MAIL, of a login":     {`mail mailbox=a reply="` + no + `"`, inbox.ByToken, "shop+a", [][]string{{"kim+b"}}, []string{"MAIL"}},
		"at RCPT, by the login's": {`rcpt mailbox=a reply="` + no + `"`, inbox.ByToken, "shop+b", [][]string{{"kim+a"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := reach(t, serve(t, &inbox.Server{Store: open(t, inbox.Options{}), Faults: planOf(t, c.rule), MailboxBy: c.by}))
			if c.user != "" {
				h.say(t, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+c.user+"\x00x")))
			}
			var hit []string
			note := func(what, reply string) {
				if reply == no {
					hit = append(hit, what)
				}
			}
			for _, rcpts := range c.to {
				note("MAIL", h.say(t, "MAIL FROM:<a@x.example>"))
				for _, to := range rcpts {
					note(to, h.say(t, "RCPT TO:<"+to+"@x.example>"))
				}
				if reply := h.say(t, "DATA"); strings.HasPrefix(reply, "354") {
					note(".", h.say(t, "Subject: x\r\n\r\nx\r\n."))
				}
				h.say(t, "RSET")
			}
			if !slices.Equal(hit, c.hit) {
				t.Errorf("%q were hit, want %q", hit, c.hit)
			}
		})
	}
}

// TestFaultOfASession: a rule's number is the one on the session's page and in the trace, also in a store that had some
// before.
func TestFaultOfASession(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	var hit []int64
	for range 2 {
		store, err := inbox.Open(inbox.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		traced := make(chan uint64, 100)
		server := &inbox.Server{Store: store, Faults: planOf(t, `mail session=3 reply="451 4.0.0 session 3"`), Trace: func(e smtp.Event) {
			if e.Did == smtp.Connected {
				traced <- e.Session
			}
		}}
		addr := serve(t, server)
		for range 2 {
			h := reach(t, addr)
			refused := strings.HasPrefix(h.say(t, "MAIL FROM:<a@x.example>"), "451")
			page, err := store.Sessions(t.Context(), inbox.Query{Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			id := page.Items[0].ID
			if refused {
				hit = append(hit, id)
			}
			if number := <-traced; number != uint64(id) {
				t.Errorf("the session %d is %d in the trace", id, number)
			}
			h.say(t, "QUIT")
		}
		if err := server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(hit, []int64{3}) {
		t.Errorf("the sessions %v were hit", hit)
	}
}

// TestSecretThatAFaultAsksFor: it comes into no store.
func TestSecretThatAFaultAsksFor(t *testing.T) {
	const secret = "AGtpbQBodW50ZXIyaHVudGVyMg=="
	path := filepath.Join(t.TempDir(), "mail.db")
	store, err := inbox.Open(inbox.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	server := &inbox.Server{Store: store, Faults: planOf(t, `auth times=1 reply="334 UGFzc3dvcmQ6"`)}
	h := reach(t, serve(t, server))
	for _, line := range []string{"AUTH PLAIN " + secret, secret, secret, "QUIT"} {
		h.say(t, line)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	said, err := store.Transcript(t.Context(), 1)
	if err != nil || !strings.Contains(said.String(), "QUIT") || strings.Contains(said.String(), secret) {
		t.Errorf("%v\n%v", err, said)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if strings.Contains(readAll(t, path), secret) {
		t.Error("it stands in the file")
	}
}
