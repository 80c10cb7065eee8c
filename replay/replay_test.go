package replay_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/replay"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

var order = &mail.Message{
	From: mail.Address{Address: "shop@example.com"}, To: mail.To("kim@example.net", "lee@example.net"),
	Subject: "Your order", Text: "It is on its way.\n",
}

// A played is a server that plays, and what it told.
type played struct {
	*replay.Server
	listener net.Listener

	mu         sync.Mutex
	departures []replay.Departure
}

func play(t *testing.T, s *replay.Server) *played {
	t.Helper()
	p := &played{Server: s}
	s.Departed = func(d replay.Departure) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.departures = append(p.departures, d)
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.listener = l
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != nil && !errors.Is(err, replay.ErrClosed) {
			t.Error(err)
		}
	})
	return p
}

func (p *played) client() *smtp.Client {
	return &smtp.Client{
		Addr: p.listener.Addr().String(), Hello: "localhost", Security: p.Speaks(), LMTP: p.LMTP(),
		Fingerprint: p.Fingerprint(), Timeout: 2 * time.Second,
	}
}

// told are the departures so far, in words.
func (p *played) told() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, d := range p.departures {
		fmt.Fprintf(&b, "%d %v %v: %s\n", d.Connection, d.Stage, d.Kind, d.Words.En)
	}
	return b.String()
}

func parse(t testing.TB, text string) transcript.Transcript {
	t.Helper()
	tr, err := transcript.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestRoundTrip: a client that is recorded against a server, and then speaks to the recording, cannot tell the two
// apart; nor can who compares the two conversations.
func TestRoundTrip(t *testing.T) {
	users := map[string]string{"shop": "a secret"}
	for _, c := range []struct {
		name   string
		server *smtptest.Server
		fault  smtptest.Fault
		client func(*smtp.Client)
		mails  int
	}{
		{name: "plain", server: &smtptest.Server{Security: smtp.Plaintext}},
		{name: "starttls", server: &smtptest.Server{}},
		{name: "implicit", server: &smtptest.Server{Security: smtp.ImplicitTLS}},
		{name: "login by SCRAM", server: &smtptest.Server{Users: users}},
		{name: "login by PLAIN", server: &smtptest.Server{Users: users, Without: []string{"PIPELINING"}}, client: only("PLAIN")},
		{name: "login by LOGIN", server: &smtptest.Server{Users: users}, client: only("LOGIN")},
		{name: "login by CRAM-MD5", server: &smtptest.Server{Users: users}, client: only("CRAM-MD5")},
		{name: "login refused", server: &smtptest.Server{Users: map[string]string{"shop": "another"}}},
		{name: "login by SCRAM refused", server: &smtptest.Server{Users: map[string]string{"shop": "another"}}, client: only("SCRAM-SHA-256")},
		{name: "no chunking", server: &smtptest.Server{Without: []string{"CHUNKING", "PIPELINING"}}},
		{name: "three mails", server: &smtptest.Server{}, mails: 3},
		{name: "LMTP", server: &smtptest.Server{LMTP: true, Security: smtp.Plaintext}, client: func(c *smtp.Client) { c.Partial = true }},
		{name: "a recipient refused", server: &smtptest.Server{}, fault: smtptest.Fault{Stage: smtp.StageRcpt, Match: "*<lee@*", Say: "550 5.1.1 no such user"}, client: func(c *smtp.Client) { c.Partial = true }},
		{name: "all refused", server: &smtptest.Server{}, fault: smtptest.Fault{Stage: smtp.StageMail, Say: "451 4.7.1 greylisted"}},
		{name: "content refused", server: &smtptest.Server{}, fault: smtptest.Fault{Stage: smtp.StageEnd, Say: "554 5.7.1 spam"}},
		{name: "greeting refused", server: &smtptest.Server{}, fault: smtptest.Fault{Stage: smtp.StageGreeting, Say: "554 5.3.2 go away"}},
		{name: "hangs up at MAIL", server: &smtptest.Server{}, fault: smtptest.Fault{Stage: smtp.StageMail, Mute: true, Then: smtptest.HangUp}},
		{name: "hangs up after the content", server: &smtptest.Server{}, fault: smtptest.Fault{Stage: smtp.StageEnd, Mute: true, Then: smtptest.HangUp}},
		{name: "hangs up before the greeting", server: &smtptest.Server{}, fault: smtptest.Fault{Stage: smtp.StageGreeting, Mute: true, Then: smtptest.HangUp}},
		{name: "says 421", server: &smtptest.Server{}, fault: smtptest.Fault{Stage: smtp.StageMail, Say: "421 4.3.2 shutting down", Then: smtptest.HangUp}},
		{name: "STARTTLS refused", server: &smtptest.Server{}, fault: smtptest.Fault{Stage: smtp.StageTLS, Say: "454 4.7.0 TLS not available"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := c.server.Start(t)
			if c.fault.Stage != 0 {
				server.Fault(c.fault)
			}
			session := func(client *smtp.Client) (transcript.Transcript, string) {
				var r transcript.Recorder
				client.Trace, client.Timeout = r.Trace, 2*time.Second
				if c.server.Users != nil {
					client.Auth = sasl.Password("shop", "a secret")
				}
				if c.client != nil {
					c.client(client)
				}
				outcome := ""
				for range max(c.mails, 1) {
					receipt, err := client.Send(t.Context(), order)
					outcome += fmt.Sprintln(receipt, err)
				}
				client.Close()
				return r.Transcript(), outcome
			}
			recorded, _ := session(server.Client())
			// What is played is what is read from a file.
			kept := parse(t, recorded.String())
			p := play(t, &replay.Server{Transcript: kept, Users: users})
			again, _ := session(p.client())
			if d := transcript.Diff(recorded, again); !d.Same() {
				f := d.First()
				t.Errorf("%v %v: %q, and then %q\nrecorded\n%v\nreplayed\n%v\n%s", f.Stage, f.What, f.A, f.B, recorded, again, p.told())
			}
			if told := p.told(); told != "" {
				t.Errorf("the same client departs:\n%s%v\n%v", told, recorded, again)
			}
		})
	}
}

func only(mechanism string) func(*smtp.Client) {
	return func(c *smtp.Client) { c.Auth = sasl.Only(mechanism, c.Auth) }
}
