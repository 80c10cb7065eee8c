package relay_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
)

// lines is a log that many write to.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func hash(t testing.TB, password string) relay.Hash {
	t.Helper()
	line, err := relay.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	h, err := relay.ParseHash(line)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestSubmitted: what is taken arrives, with what RFC 6409 §8 has us add, and without what is not for others.
func TestSubmitted(t *testing.T) {
	r := start(t, nil)
	_, err := r.client().Send(t.Context(), raw("shop@shop.example", "kim@example.net li@example.net",
		"Bcc: li@example.net\nX-Parley-Class: alert\nX-Parley-Topic: =?utf-8?q?caf=C3=A9?=\nReturn-Path: <x@y.example>\n"+letter))
	if err != nil {
		t.Fatal(err)
	}
	m := r.sink.Wait(t, 1)[0]
	if len(m.Recipients) != 2 || m.ReversePath != path("shop@shop.example") {
		t.Errorf("the envelope is %v", m.Envelope)
	}
	header, body, _ := strings.Cut(string(m.Content), "\r\n\r\n")
	if body != "See you at six.\r\n" {
		t.Errorf("the body is %q", body)
	}
	for _, want := range []string{"Received: from program.example ([127.0.0.1])\r\n\tby relay.example with ESMTP;", "\r\nDate: ", "\r\nMessage-ID: <", "\r\nFrom: shop@shop.example\r\nTo: kim@example.net\r\nSubject: hello"} {
		if !strings.Contains(header, want) {
			t.Errorf("the header has no %q:\n%s", want, header)
		}
	}
	for _, not := range []string{"bcc", "x-parley", "return-path"} {
		if strings.Contains(strings.ToLower(header), not) {
			t.Errorf("the header has %q:\n%s", not, header)
		}
	}
	items, err := r.box.List(t.Context(), outbox.Query{Topic: "café"})
	if err != nil || len(items) != 2 || items[0].Class != outbox.Alert {
		t.Errorf("%v, %v", items, err)
	}
}

// TestSaid: what programs hear, as conversations.
func TestSaid(t *testing.T) {
	r := start(t, func(c *relay.Config) {
		c.Users = []relay.User{
			{Name: "shop", Password: hash(t, "opensesame"), Senders: []string{"*@shop.example"}, Classes: []outbox.Class{outbox.Normal, outbox.Bulk}, PerMinute: 3, MaxSize: 2000},
		}
		c.Listeners[0].User = "shop"
	})
	for name, script := range map[string]string{
		"taken": `
			S: 220 relay.example ESMTP
			C: EHLO x
			S: 250 *
			C: MAIL FROM:<a@shop.example>
			S: 250 2.1.0 ok
			C: RCPT TO:<kim@example.net>
			S: 250 2.1.5 ok
			C: DATA
			S: 354 *
			C: From: a@shop.example
			C: 
			C: hello
			C: .
			S: 250 2.0.0 ok: queued as *`,
		"another's reverse-path": `
			S: 220 *
			C: EHLO x
			S: 250 *
			C: MAIL FROM:<a@else.example>
			S: 550 5.7.1 the reverse-path <a@else.example> is not one of user shop: use one of *@shop.example, or have it added to the user's senders`,
		"another's From": `
			S: 220 *
			C: EHLO x
			S: 250 *
			C: MAIL FROM:<>
			S: 250 *
			C: RCPT TO:<kim@example.net>
			S: 250 *
			C: DATA
			S: 354 *
			C: From: Boss <boss@else.example>
			C: 
			C: .
			S: 550 5.7.1 the address <boss@else.example> of the field From is not one of user shop: *`,
		"too large": `
			S: 220 *
			C: EHLO x
			S: 250 *
			C: MAIL FROM:<a@shop.example> SIZE=2001
			S: 552 5.3.4 the mail has 2001 octets, and user shop may send 2000`,
	} {
		t.Run(name, func(t *testing.T) { say(t, r.addr(), script) })
	}
}

// TestRefused: headers that are none.
func TestRefused(t *testing.T) {
	r := start(t, nil)
	for name, c := range map[string]struct{ content, want string }{
		"no From":          {"Subject: x\n\nhello\n", "554 5.6.0 the header has no field From: say who the mail is from"},
		"two From":         {"From: a@x.example\nFrom: b@x.example\n\n", "554 5.6.0 the header has 2 fields From, and may have one"},
		"no header":        {"hello, world\n", "554 5.6.0 line 1 of the header is no field: an empty line ends the header"},
		"blank first":      {" a: b\n", "554 5.6.0 the header begins with a blank"},
		"raw UTF-8":        {"From: a@x.example\nSubject: café\n\n", "554 5.6.7 the field Subject has octets over 127: encode it (RFC 2047), or say SMTPUTF8 with MAIL"},
		"loop":             {strings.Repeat("Received: x\n", 51) + "From: a@x.example\n\n", "554 5.4.6 this mail went round: it has 51 Received fields"},
		"no class":         {"From: a@x.example\nX-Parley-Class: urgent\n\n", "554 5.5.4 X-Parley-Class: there is no class \"urgent\": it is alert, normal or bulk"},
		"no time":          {"From: a@x.example\nX-Parley-Not-Before: tomorrow\n\n", "554 5.5.4 X-Parley-Not-Before is no time such as 2026-03-01T08:00:00+08:00"},
		"From of nobody":   {"From: nobody\n\n", "554 5.6.0 the field From has no address that can be read"},
		"long line":        {"From: a@x.example\n\n" + strings.Repeat("x", 999) + "\n", "554 5.6.0 a line of the content is longer than this server takes"},
		"long header":      {strings.Repeat("X-A: "+strings.Repeat("x", 900)+"\n", 300) + "From: a@x.example\n\n", "554 5.6.0 the header is longer than 256 KiB"},
		"key of 201 bytes": {"From: a@x.example\nX-Parley-Key: " + strings.Repeat("k", 201) + "\n\n", "554 5.5.4 X-Parley-Key is longer than 200 octets, or no text"},
	} {
		t.Run(name, func(t *testing.T) {
			script := "S: 220 *\nC: EHLO x\nS: 250 *\nC: MAIL FROM:<a@x.example> BODY=8BITMIME\nS: 250 *\nC: RCPT TO:<kim@example.net>\nS: 250 *\nC: DATA\nS: 354 *\n"
			for l := range strings.Lines(c.content) {
				script += "C: " + l
			}
			say(t, r.addr(), script+"C: .\nS: "+c.want)
		})
	}
	if tally, err := r.box.Tally(t.Context()); err != nil || len(tally.States) != 0 {
		t.Errorf("the box holds %v, %v", tally, err)
	}
}

// TestKeys: with one key a mail goes out once, however often it is handed over; another mail with it is refused.
func TestKeys(t *testing.T) {
	r := start(t, nil)
	c := r.client()
	for range 3 {
		if _, err := c.Send(t.Context(), raw("a@x.example", "kim@example.net", "X-Parley-Key: order 7\n"+letter)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Send(t.Context(), raw("a@x.example", "kim@example.net", "X-Parley-Key: order 7\n"+strings.Replace(letter, "hello", "goodbye", 1)))
	if err == nil || !strings.Contains(err.Error(), "554 5.5.4 the key in X-Parley-Key was used for another mail") {
		t.Errorf("%v", err)
	}
	r.sink.Wait(t, 1)
	tally, err := r.box.Tally(t.Context())
	if err != nil || sum(tally.States) != 1 {
		t.Errorf("%v, %v", tally, err)
	}
}

func sum(states map[outbox.State]int) (n int) {
	for _, one := range states {
		n += one
	}
	return n
}

// TestLimits: a user's limits are kept, in the words of a server that wants the rest later.
func TestLimits(t *testing.T) {
	r := start(t, func(c *relay.Config) {
		c.Users = []relay.User{{Name: "shop", Password: hash(t, "opensesame"), Senders: []string{"*"}, PerMinute: 3}}
		c.Listeners[0].User = "shop"
	})
	say(t, r.addr(), `
		S: 220 *
		C: EHLO x
		S: 250 *
		C: MAIL FROM:<a@shop.example>
		S: 250 *
		C: RCPT TO:<a@example.net>
		S: 250 *
		C: RCPT TO:<b@example.net>
		S: 250 *
		C: RCPT TO:<c@example.net>
		S: 250 *
		C: RCPT TO:<d@example.net>
		S: 452 4.5.3 user shop may send to 3 recipients a minute, and has sent to 0: try again after *
		C: DATA
		S: 354 *
		C: From: a@shop.example
		C: 
		C: .
		S: 250 *
		C: MAIL FROM:<a@shop.example>
		S: 450 4.7.1 user shop may send to 3 recipients a minute, and has sent to 3: try again after *`)
}

// TestLogins: by each mechanism that a hash has, and by no other; nothing is said of which names there are, and no
// password or hash is told to anybody.
func TestLogins(t *testing.T) {
	const bcrypted = "$2b$10$XnSzkG5oZ0Jk1nYcWbQ3s.Z5Z0W0Yl1kVqO8wJ0pZs9Gk9C5rB3hK"
	for _, c := range []struct {
		name  string
		users []relay.User
		offer string
	}{
		{"scram", []relay.User{{Name: "kim", Password: hash(t, "opensesame"), Senders: []string{"*"}}}, "250-AUTH SCRAM-SHA-256 PLAIN LOGIN"},
		{"mixed", []relay.User{{Name: "kim", Password: hash(t, "opensesame"), Senders: []string{"*"}}, {Name: "li", Password: parsed(t, bcrypted), Senders: []string{"*"}}}, "250-AUTH PLAIN LOGIN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, func(config *relay.Config) { config.Users = c.users })
			if _, err := r.as("kim", "opensesame").Send(t.Context(), raw("a@x.example", "kim@example.net", letter)); err != nil {
				t.Fatal(err)
			}
			for _, wrong := range [][2]string{{"kim", "opensesam"}, {"nobody", "opensesame"}, {"li", "opensesame"}} {
				_, err := r.as(wrong[0], wrong[1]).Send(t.Context(), raw("a@x.example", "kim@example.net", letter))
				if err == nil || !strings.Contains(err.Error(), "535 5.7.8 authentication failed") {
					t.Errorf("%s: %v", wrong[0], err)
				}
			}
			_, err := r.client().Send(t.Context(), raw("a@x.example", "kim@example.net", letter))
			if err == nil || !strings.Contains(err.Error(), "530 5.7.0") {
				t.Errorf("without a login: %v", err)
			}
			r.sink.Wait(t, 1)
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			log := r.log.String()
			if strings.Contains(log, "sesam") || strings.Contains(log, "$") {
				t.Errorf("the log has a secret:\n%s", log)
			}
			if n := strings.Count(log, `msg="relay: a login was refused" remote=127.0.0.1:`); n != 3 || !strings.Contains(log, "user=kim") || strings.Contains(log, "user=nobody") {
				t.Errorf("3 logins were refused, and the log tells of %d:\n%s", n, log)
			}
		})
	}
}

func parsed(t testing.TB, line string) relay.Hash {
	t.Helper()
	h, err := relay.ParseHash(line)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestNotOpen: no configuration lets other machines in without a login and TLS.
func TestNotOpen(t *testing.T) {
	users := []relay.User{{Name: "kim", Password: hash(t, "x"), Senders: []string{"*"}}}
	for name, change := range map[string]func(*relay.Config){
		"all interfaces":      func(c *relay.Config) { c.Listeners = []relay.Listener{{Address: "0.0.0.0:0"}} },
		"all IPv6 interfaces": func(c *relay.Config) { c.Listeners = []relay.Listener{{Address: "[::]:0"}} },
		"a name":              func(c *relay.Config) { c.Listeners = []relay.Listener{{Address: "relay.example:25"}} },
		"another address":     func(c *relay.Config) { c.Listeners = []relay.Listener{{Address: "192.0.2.1:25"}} },
		"one of two":          func(c *relay.Config) { c.Listeners = append(c.Listeners, relay.Listener{Address: "0.0.0.0:0"}) },
		"users without TLS": func(c *relay.Config) {
			c.Listeners, c.Users = []relay.Listener{{Address: "0.0.0.0:0"}}, users
		},
		"a user for all": func(c *relay.Config) {
			c.Listeners, c.Users = []relay.Listener{{Address: "0.0.0.0:0", User: "kim"}}, users
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := relay.Config{Listeners: []relay.Listener{{Address: "127.0.0.1:0"}}}
			change(&c)
			c.Routes = sinkConfig(start(t, nil).sink).Routes
			if err := relay.Check(c); err == nil || !strings.Contains(err.Error(), "reached by other machines") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestLarge: a content that is larger than memory should hold comes and goes in pieces, and is what was sent.
func TestLarge(t *testing.T) {
	r := start(t, nil)
	m := &mail.Message{From: mail.Address{Address: "a@x.example"}, To: mail.To("kim@example.net"), Subject: "big", Text: "see attached", Attach: []mail.Part{mail.Bytes("big.bin", make([]byte, 8<<20))}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := r.client().Send(ctx, m); err != nil {
		t.Fatal(err)
	}
	if got := len(r.sink.Wait(t, 1)[0].Content); got < 10<<20 {
		t.Errorf("it has %d octets", got)
	}
}
