package smtptest_test

import (
	"context"
	"errors"
	"fmt"
	"net/smtp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	parley "github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// TestServer: each way to reach a server, and what it keeps.
func TestServer(t *testing.T) {
	users := map[string]string{"shop": "hush hush", "zoo": "roar"}
	for name, s := range map[string]*smtptest.Server{
		"zero":           {},
		"users":          {Users: users},
		"implicit":       {Users: users, Security: parley.ImplicitTLS},
		"clear text":     {Users: users, Security: parley.Plaintext},
		"opportunistic":  {Security: parley.Opportunistic},
		"lmtp":           {LMTP: true, Security: parley.Plaintext},
		"memory":         {Users: users, InMemory: true},
		"memory, simple": {Without: []string{"PIPELINING", "CHUNKING", "STARTTLS", "8BITMIME", "SIZE"}, Security: parley.Plaintext, InMemory: true},
	} {
		t.Run(name, func(t *testing.T) {
			s.Start(t)
			client := s.Client()
			for i := range 3 {
				if _, err := client.Send(t.Context(), newLetter()); err != nil {
					t.Fatal(err)
				}
				m := s.Wait(t, i+1)[i]
				checkMail(t, s, m)
			}
			if s.Sessions() != 1 {
				t.Errorf("%d sessions", s.Sessions())
			}
		})
	}
}

func checkMail(t *testing.T, s *smtptest.Server, m *smtptest.Mail) {
	t.Helper()
	if m.ReversePath.String() != "<a@example.com>" || fmt.Sprint(m.To()) != "[b@example.net]" || string(m.Content) != newLetter().content {
		t.Errorf("from %v to %v: %q", m.ReversePath, m.To(), m.Content)
	}
	user := ""
	if s.Users != nil {
		user = "shop"
	}
	if m.Hello != "localhost" || m.User != user || (m.TLS == nil) != (s.Security == parley.Plaintext) {
		t.Errorf("hello %q, user %q, TLS %v", m.Hello, m.User, m.TLS != nil)
	}
	text := m.Transcript().String()
	for _, want := range []string{"-- connected from 127.0.0.1:", "C: MAIL FROM:<a@example.com>", "(content, 22 octets)\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the transcript has no %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "hush") {
		t.Errorf("the transcript tells the secret:\n%s", text)
	}
}

// TestServerKnowsTLS: TLS is smtpd's own, so that what leans on it is there: channel binding and REQUIRETLS, each way.
func TestServerKnowsTLS(t *testing.T) {
	for _, security := range []parley.Security{parley.StartTLS, parley.ImplicitTLS} {
		t.Run(fmt.Sprint(security), func(t *testing.T) {
			s := (&smtptest.Server{Users: map[string]string{"shop": "hush hush"}, Security: security}).Start(t)
			client := s.Client()
			client.Auth = sasl.Only("SCRAM-SHA-256-PLUS", sasl.Password("shop", "hush hush"))
			if _, err := client.Send(t.Context(), &mail.Message{
				From: mail.Address{Address: "a@example.com"}, To: mail.To("b@example.net"), Text: "hello\n", RequireTLS: true,
			}); err != nil {
				t.Fatal(err)
			}
			m := s.Wait(t, 1)[0]
			if !m.RequireTLS || m.User != "shop" || m.TLS == nil {
				t.Errorf("REQUIRETLS %v, user %q", m.RequireTLS, m.User)
			}
			client.Close()
			for _, want := range []string{"AUTH SCRAM-SHA-256-PLUS (secret)", " REQUIRETLS"} {
				if !strings.Contains(m.Transcript().String(), want) {
					t.Errorf("there is no %q in\n%s", want, m.Transcript())
				}
			}
		})
	}
}

// TestServerURL: what another program needs, read by smtp.ParseURL.
func TestServerURL(t *testing.T) {
	for _, s := range []*smtptest.Server{
		{},
		{Users: map[string]string{"a@example.com": "p:/?#%@ss"}, Security: parley.ImplicitTLS},
		{Users: map[string]string{"shop": "hush"}, Security: parley.Plaintext},
		{Security: parley.Opportunistic},
		{LMTP: true, Security: parley.Plaintext},
	} {
		url := s.Start(t).URL()
		client, err := parley.ParseURL(url)
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		if _, err := client.Send(t.Context(), newLetter()); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		client.Close()
		s.Wait(t, 1)
	}
}

// TestServerFromNetSMTP: a client that is not ours.
func TestServerFromNetSMTP(t *testing.T) {
	s := smtptest.NewServer(t)
	c, err := smtp.Dial(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Mail("a@example.com"); err == nil || !strings.Contains(err.Error(), "530") {
		t.Errorf("mail before TLS: %v", err)
	}
	if err := c.StartTLS(s.Client().TLS); err == nil {
		t.Error("no name, and it is trusted")
	}
}

// TestServerWants: TLS before mail, and AUTH before mail.
func TestServerWants(t *testing.T) {
	s := (&smtptest.Server{Users: map[string]string{"shop": "hush"}}).Start(t)
	for _, tt := range []struct {
		change func(c *parley.Client)
		kind   parley.Kind
		stage  parley.Stage
		code   int
	}{
		{func(c *parley.Client) { c.Security, c.Auth = parley.Plaintext, nil }, parley.Refused, parley.StageMail, 530},
		{func(c *parley.Client) { c.Auth = nil }, parley.Refused, parley.StageMail, 530},
		{func(c *parley.Client) { c.Auth = sasl.Password("shop", "hash") }, parley.Unauthorized, parley.StageAuth, 535},
		{func(c *parley.Client) { c.TLS = nil }, parley.Insecure, parley.StageTLS, 0},
	} {
		client := s.Client()
		tt.change(client)
		_, err := client.Send(t.Context(), newLetter())
		e, ok := errors.AsType[*parley.Error](err)
		if !ok || e.Kind != tt.kind || e.Stage != tt.stage || e.Reply.Code != tt.code {
			t.Errorf("got %v, want %v at %v", err, tt.kind, tt.stage)
		}
	}
	if list := s.Mails(); len(list) > 0 {
		t.Errorf("%d mails were taken", len(list))
	}
}

// TestServerFaults: each fault, over TLS and in clear text, in memory and with no
// real time: what the client makes of it, and what the server has then.
func TestServerFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault smtptest.Fault
		err   string // what the first mail's error begins with; empty: none
		kept  int    // of two mails
	}{
		{"greeting", smtptest.Fault{Stage: parley.StageGreeting, Say: "554 5.7.1 not you", Times: 1}, "smtp: waiting for the greeting: 554 5.7.1 not you", 1},
		{"hello", smtptest.Fault{Stage: parley.StageHello, Say: "421 4.7.0 try later", Times: 1, Then: smtptest.HangUp}, "smtp: saying EHLO: 421 4.7.0 try later", 1},
		{"auth", smtptest.Fault{Stage: parley.StageAuth, Say: "535 5.7.8 no", Times: 1}, "smtp: authenticating: 535 5.7.8 no", 1},
		{"auth, the second reply", smtptest.Fault{Stage: parley.StageAuth, Match: "AUTH *", Skip: 1, Times: 1, Say: "454 4.7.0 later"}, "smtp: authenticating: 454 4.7.0 later", 1},
		{"mail", smtptest.Fault{Stage: parley.StageMail, Match: "*<a@*", Say: "550 5.7.1 not you", Times: 1}, "smtp: giving the reverse-path: 550 5.7.1 not you", 1},
		{"another mail", smtptest.Fault{Stage: parley.StageMail, Match: "*<z@*", Say: "550 5.7.1 not you"}, "", 2},
		{"rcpt, twice, then taken", smtptest.Fault{Stage: parley.StageRcpt, Match: "*<b@*", Say: "451 4.7.1 greylisted", Times: 1}, "smtp: giving a forward-path <b@example.net>: 451 4.7.1 greylisted", 1},
		{"the second", smtptest.Fault{Stage: parley.StageRcpt, Skip: 1, Say: "550 5.1.1 no"}, "", 1},
		{"data", smtptest.Fault{Stage: parley.StageData, Say: "451 4.3.0 not now", Times: 1}, "smtp: asking to send the content: 451 4.3.0 not now", 1},
		{"content, cut", smtptest.Fault{Stage: parley.StageContent, Octets: 10, Then: smtptest.Reset, Times: 1}, "smtp: ending the content (the mail may have been taken)", 1},
		{"content, refused", smtptest.Fault{Stage: parley.StageContent, Octets: 10, Say: "552 5.3.4 enough", Times: 1}, "smtp: ending the content: 552 5.3.4 enough", 1},
		{"end", smtptest.Fault{Stage: parley.StageEnd, Say: "554 5.7.1 spam", Times: 1}, "smtp: ending the content: 554 5.7.1 spam", 1},
		{"hangs up after the dot", smtptest.Fault{Stage: parley.StageEnd, Mute: true, Then: smtptest.HangUp, Times: 1}, "smtp: ending the content (the mail may have been taken): the server hung up", 2},
		{"hangs up after the dot, and loses it", smtptest.Fault{Stage: parley.StageEnd, Mute: true, Lose: true, Then: smtptest.HangUp, Times: 1}, "smtp: ending the content (the mail may have been taken): the server hung up", 1},
		{"silent after the dot", smtptest.Fault{Stage: parley.StageEnd, Mute: true, Then: smtptest.Fall, Times: 1}, "smtp: ending the content (the mail may have been taken): the server said nothing for 10m0s", 2},
		{"slow", smtptest.Fault{Stage: parley.StageEnd, Wait: 9 * time.Minute}, "", 2},
		{"hangs up after the 250", smtptest.Fault{Stage: parley.StageEnd, Then: smtptest.HangUp, Times: 1}, "", 2},
		{"421 when idle", smtptest.Fault{Stage: parley.StageEnd, Pause: time.Second, More: "421 4.4.2 idle", Then: smtptest.HangUp, Times: 1}, "", 2},
		{"junk", smtptest.Fault{Stage: parley.StageRcpt, Say: "what?", Times: 1}, `smtp: giving a forward-path <b@example.net>: the server said "what?", which is no reply`, 1},
		{"RSET is refused", smtptest.Fault{Stage: parley.StageReset, Say: "502 5.5.1 not here"}, "", 2},
		{"QUIT is cut", smtptest.Fault{Stage: parley.StageQuit, Then: smtptest.Reset, Mute: true}, "", 2},
	} {
		for _, security := range []parley.Security{parley.Plaintext, parley.StartTLS} {
			t.Run(fmt.Sprint(tt.name, " ", security), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := (&smtptest.Server{InMemory: true, Security: security, Users: map[string]string{"shop": "hush"}, Without: []string{"CHUNKING"}}).Start(t)
					s.Fault(tt.fault)
					faultyPair(t, s, tt.err, tt.kept)
				})
			})
		}
	}
}

// faultyPair sends two mails, of which the first may fail.
func faultyPair(t *testing.T, s *smtptest.Server, want string, kept int) {
	t.Helper()
	client := s.Client()
	client.MaxIdle = time.Hour
	_, err := client.Send(context.Background(), newLetter())
	if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	time.Sleep(5 * time.Second)
	if _, err := client.Send(context.Background(), newLetter()); err != nil && kept == 2 {
		t.Errorf("the second mail: %v", err)
	}
	client.Close()
	if list := s.Mails(); len(list) != kept {
		t.Errorf("%d mails were kept, want %d", len(list), kept)
	}
}

// TestServerFaultsInTCP: a cut and a hang-up over a real socket.
func TestServerFaultsInTCP(t *testing.T) {
	s := smtptest.NewServer(t)
	s.Fault(smtptest.Fault{Stage: parley.StageMail, Then: smtptest.Reset, Mute: true, Times: 1})
	s.Fault(smtptest.Fault{Stage: parley.StageMail, Say: "421 4.3.2 closing", Then: smtptest.HangUp, Times: 1})
	client := s.Client()
	for _, want := range []string{"reset", "421 4.3.2 closing", ""} {
		_, err := client.Send(t.Context(), newLetter())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	s.Wait(t, 1)
	s.Refuse(parley.StageRcpt, "", "550 5.1.1 no")
	s.Forget()
	if _, err := client.Send(t.Context(), newLetter()); err != nil || len(s.Mails()) != 1 {
		t.Errorf("after Forget: %v, %d mails", err, len(s.Mails()))
	}
}

// TestServerOddPrompts: the prompts of LOGIN say what they like.
func TestServerOddPrompts(t *testing.T) {
	s := (&smtptest.Server{Users: map[string]string{"shop": "hush"}}).Start(t)
	s.Fault(smtptest.Fault{Stage: parley.StageAuth, Match: "AUTH LOGIN*", Say: "334 VXNlciBOYW1lAA==", Times: 1})
	s.Fault(smtptest.Fault{Stage: parley.StageAuth, Match: "AUTH LOGIN*", Say: "334", Times: 1})
	client := s.Client()
	client.Auth = sasl.Only("LOGIN", sasl.Password("shop", "hush"))
	if _, err := client.Send(t.Context(), newLetter()); err != nil {
		t.Error(err)
	}
}

// TestServerContents: contents of any size and with any dots, each way.
func TestServerContents(t *testing.T) {
	for _, without := range [][]string{nil, {"CHUNKING"}, {"CHUNKING", "PIPELINING"}} {
		s := (&smtptest.Server{Without: without}).Start(t)
		client := s.Client()
		for i, body := range []string{"", ".\r\n", "..\r\n.\r\n", strings.Repeat(".x\r\n", 50_000), strings.Repeat("x", 998) + "\r\n", "\r\n\r\n.\r\n\r\n"} {
			m := newLetter()
			m.content = "Subject: x\r\n\r\n" + body
			if _, err := client.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			if got := string(s.Wait(t, i+1)[i].Content); got != m.content {
				t.Errorf("content %d, without %v: got %d octets, want %d", i, without, len(got), len(m.content))
			}
		}
	}
}

// TestServerGrease: what no client knows is offered, the same in each run.
func TestServerGrease(t *testing.T) {
	offered := func() string {
		client := smtptest.NewServer(t).Client()
		var lines []string
		client.Trace = func(e parley.Event) {
			if e.Stage == parley.StageHello && e.Did == parley.Answer {
				lines = append(lines, e.Line[4:])
			}
		}
		if _, err := client.Send(t.Context(), newLetter()); err != nil {
			t.Fatal(err)
		}
		return strings.ToUpper(strings.Join(lines, "\n"))
	}
	a, b := offered(), offered()
	if a != b {
		t.Errorf("%q, then %q", a, b)
	}
	if n := strings.Count(a, "XGREASE-"); n < 2 { // before and after STARTTLS
		t.Errorf("%d words of grease in %q", n, a)
	}
}

// TestWaitFails: what came is told where it is not what was wanted.
func TestWaitFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&smtptest.Server{InMemory: true, Security: parley.Plaintext}).Start(t)
		if _, err := s.Client().Send(context.Background(), newLetter()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		got := watch(t, func(t testing.TB) { s.Wait(t, 2) })
		want := "smtptest: 2 mails are wanted, and within 10s there came 1:\n\tfrom <a@example.com> to b@example.net, 22 octets"
		if got != want || time.Since(start) != 10*time.Second {
			t.Errorf("after %v: %s", time.Since(start), got)
		}
		found := s.Find(t, func(m *smtptest.Mail) bool { return m.To()[0] == "b@example.net" })
		if found == nil {
			t.Error("not found")
		}
		s.Forget()
		if got := watch(t, func(t testing.TB) { s.Find(t, func(*smtptest.Mail) bool { return true }) }); got != "smtptest: no mail is like the one that is wanted; within 10s there came none" {
			t.Error(got)
		}
		for fault, want := range map[*smtptest.Fault]string{
			{Stage: parley.StageDial}:                       "smtptest: a Fault at stage dial is none that a server can have",
			{Stage: parley.StageMail, Say: "x", Mute: true}: `smtptest: a Fault says "x" and is Mute`,
			{Stage: parley.StageMail, Then: 9}:              "smtptest: a Fault's Then is 9, which is nothing",
		} {
			if got := watch(t, func(t testing.TB) { (&smtptest.Server{InMemory: true}).Start(t).Fault(*fault) }); got != want {
				t.Error(got)
			}
		}
	})
}
