package outbox_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

// quiet is a client that prints nothing, of several sessions, that leaves out who is refused.
func quiet(s *smtptest.Server) *smtp.Client {
	c := s.Client()
	c.Trace, c.Partial, c.MaxSessions = nil, true, 20
	return c
}

// What the server says decides, for each recipient apart.
func outcomes(t *testing.T, open opener) {
	refuse := func(stage smtp.Stage, reply string) smtptest.Fault { return smtptest.Fault{Stage: stage, Say: reply} }
	for _, c := range []struct {
		name     string
		fault    smtptest.Fault
		unknown  outbox.Policy
		state    outbox.State
		what     outbox.What
		attempts int
		kind     string // of failure
		wait     [2]time.Duration
		open     bool // the lane goes on
	}{
		{name: "taken", state: outbox.Sent, what: outbox.WasSent, attempts: 1, open: true},
		{name: "no such user", fault: refuse(smtp.StageRcpt, "550 5.1.1 no such user"), state: outbox.Bounced, what: outbox.WasBounced, attempts: 1, kind: "recipient-unknown", open: true},
		{name: "later", fault: refuse(smtp.StageRcpt, "451 4.3.0 try later"), state: outbox.Deferred, what: outbox.WasDeferred, attempts: 1,
			wait: [2]time.Duration{4 * time.Minute, 6 * time.Minute}, open: true},
		{name: "greylisted", fault: refuse(smtp.StageRcpt, "451 4.7.1 Greylisted, please try again in 60 seconds"), state: outbox.Deferred, what: outbox.WasDeferred, attempts: 1,
			kind: "greylisted", wait: [2]time.Duration{60 * time.Second, 70 * time.Second}, open: true},
		{name: "content refused", fault: refuse(smtp.StageEnd, "554 5.7.1 spam"), state: outbox.Bounced, what: outbox.WasBounced, attempts: 1, open: true},
		{name: "content later", fault: refuse(smtp.StageEnd, "452 4.3.1 disk full"), state: outbox.Deferred, what: outbox.WasDeferred, attempts: 1,
			wait: [2]time.Duration{4 * time.Minute, 6 * time.Minute}, open: true},
		{name: "password", fault: refuse(smtp.StageAuth, "535 5.7.8 bad password"), state: outbox.Queued, what: outbox.WasDeferred, kind: "auth-bad-credential"},
		{name: "no TLS", fault: refuse(smtp.StageTLS, "454 4.7.0 no TLS today"), state: outbox.Queued, what: outbox.WasDeferred},
		{name: "not let in", fault: refuse(smtp.StageGreeting, "554 5.3.2 go away"), state: outbox.Queued, what: outbox.WasDeferred},
		{name: "too many", fault: smtptest.Fault{Stage: smtp.StageGreeting, Say: "421 4.7.0 too many connections", Then: smtptest.HangUp}, state: outbox.Queued, what: outbox.WasDeferred},
		{name: "cut after the dot", fault: smtptest.Fault{Stage: smtp.StageEnd, Mute: true, Then: smtptest.Reset}, state: outbox.Deferred, what: outbox.WasUnknown, attempts: 1,
			wait: [2]time.Duration{4 * time.Minute, 6 * time.Minute}, open: true},
		{name: "cut after the dot, held", fault: smtptest.Fault{Stage: smtp.StageEnd, Mute: true, Then: smtptest.Reset}, unknown: outbox.Hold, state: outbox.Unknown, what: outbox.WasUnknown, attempts: 1, open: true},
		{name: "cut in the envelope", fault: smtptest.Fault{Stage: smtp.StageRcpt, Then: smtptest.Reset}, state: outbox.Deferred, what: outbox.WasDeferred, attempts: 1,
			wait: [2]time.Duration{4 * time.Minute, 6 * time.Minute}, open: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			box := open(t)
			server := (&smtptest.Server{Users: map[string]string{"shop": "secret"}, Without: []string{"CHUNKING"}}).Start(t)
			if c.fault != (smtptest.Fault{}) {
				server.Fault(c.fault)
			}
			id := box.put(t, &outbox.Mail{Object: hello(1, "kim@example.net"), Unknown: c.unknown})
			stop := box.work(t, outbox.Worker{Router: outbox.One(quiet(server), outbox.Limits{}), Bounces: outbox.Bounces{None: true}})
			box.until(t, 1, fmt.Sprintf("SELECT CASE WHEN COUNT(*) > 0 THEN 1 ELSE 0 END FROM parley_history WHERE message = %d AND what = %d", id, c.what))
			if !c.open {
				box.until(t, 1, "SELECT COUNT(*) FROM parley_lanes WHERE open_at > 0")
			}
			stop()
			if got := box.inState(t, c.state); got != 1 {
				t.Errorf("it is not %v\n%s", c.state, box.dump(t))
			}
			if got := box.count(t, "SELECT attempts FROM parley_recipients"); got != c.attempts {
				t.Errorf("%d attempts, and not %d", got, c.attempts)
			}
			if n := box.count(t, fmt.Sprintf("SELECT COUNT(*) FROM parley_history WHERE what = %d AND kind = '%s' AND said <> ''", c.what, c.kind)); n == 0 && c.kind != "" {
				t.Errorf("it is not diagnosed as %s, or has no conversation\n%s", c.kind, box.dump(t))
			}
			if c.wait != [2]time.Duration{} {
				wait := time.Duration(box.count(t, "SELECT next_at - changed FROM parley_recipients")) * time.Millisecond
				if wait < c.wait[0] || wait > c.wait[1] {
					t.Errorf("it is tried again after %v, and not %v", wait, c.wait)
				}
			}
			if open := box.count(t, "SELECT COUNT(*) FROM parley_lanes WHERE open_at > 0") == 0; open != c.open {
				t.Errorf("the lane goes on: %v\n%s", open, box.dump(t))
			}
			if box.count(t, "SELECT COUNT(*) FROM parley_history WHERE said LIKE '%secret%' AND said NOT LIKE '%(secret)%'") > 0 {
				t.Error("a password stands in the history")
			}
		})
	}
}

// One refused recipient holds up nobody, and the sender learns of it by one letter.
func someAreRefused(t *testing.T, open opener) {
	for _, partial := range []bool{true, false} {
		t.Run(fmt.Sprint(partial), func(t *testing.T) {
			box := open(t)
			server := smtptest.NewServer(t)
			server.Refuse(smtp.StageRcpt, "*nobody*", "550 5.1.1 no such user")
			client := quiet(server)
			client.Partial = partial
			box.put(t, hello(1, "kim@example.net", "nobody1@example.net", "lee@example.net", "nobody2@example.net"))
			box.work(t, outbox.Worker{Router: outbox.One(client, outbox.Limits{}), Bounces: outbox.Bounces{Host: "mx.example.com"}})
			box.untilState(t, 2, outbox.Bounced)
			mails := server.Wait(t, 2)
			box.untilState(t, 3, outbox.Sent) // and the bounce
			box.eachWasTold(t, outbox.WasBounced, "RCPT TO:<nobody", "550 5.1.1 no such user")
			got := map[string]int{}
			for _, m := range mails {
				for _, r := range m.Envelope.Recipients {
					got[r.Path.Local]++
				}
			}
			if got["kim"] != 1 || got["lee"] != 1 || got["shop"] != 1 {
				t.Errorf("who got mail: %v", got)
			}
			bounce := server.Find(t, func(m *smtptest.Mail) bool { return m.Envelope.ReversePath.IsNull() })
			for _, want := range []string{"nobody1@example.net", "nobody2@example.net", "mx.example.com", "no such user", "statement 1"} {
				if !strings.Contains(string(bounce.Content), want) {
					t.Errorf("the bounce does not tell of %s:\n%s", want, bounce.Content)
				}
			}
			if strings.Contains(string(bounce.Content), "kim@") {
				t.Error("the bounce tells of who got it")
			}
		})
	}
}

// Of a mail from nobody nobody is told, and of one whose sender wants none no more; so no bounce ever bounces.
func noBounce(t *testing.T, open opener) {
	box := open(t)
	server := smtptest.NewServer(t)
	server.Refuse(smtp.StageRcpt, "", "550 5.1.1 no such user")
	fromNobody := hello(1, "kim@example.net")
	fromNobody.Env.ReversePath = mail.Path{}
	never := hello(2, "kim@example.net")
	never.Env.Recipients[0].Notify = mail.NotifyNever
	for _, m := range []*mail.Raw{fromNobody, never, hello(3, "kim@example.net")} {
		box.put(t, m)
	}
	box.work(t, outbox.Worker{Router: outbox.One(quiet(server), outbox.Limits{})})
	box.untilState(t, 4, outbox.Bounced) // the bounce of the third too
	if n := box.count(t, "SELECT COUNT(*) FROM parley_messages"); n != 4 {
		t.Errorf("%d messages, and not 4", n)
	}
}

// A mail that no server takes in its time is given up, where a lane is suspended too, and its sender learns why.
func expires(t *testing.T, open opener) {
	box := open(t)
	server := smtptest.NewServer(t)
	server.Fault(smtptest.Fault{Stage: smtp.StageMail, Match: "*shop*", Say: "451 4.3.0 the disk is full", Times: 1})
	id := box.put(t, &outbox.Mail{Object: hello(1, "kim@example.net")})
	stop := box.work(t, outbox.Worker{Router: outbox.One(quiet(server), outbox.Limits{})})
	box.untilState(t, 1, outbox.Deferred)
	stop()
	box.expire(t, id)
	box.work(t, outbox.Worker{Router: outbox.One(quiet(server), outbox.Limits{})})
	box.untilState(t, 1, outbox.Expired)
	bounce := server.Find(t, func(m *smtptest.Mail) bool { return m.Envelope.ReversePath.IsNull() })
	if !strings.Contains(string(bounce.Content), "the disk is full") || !strings.Contains(string(bounce.Content), "4.4.7") {
		t.Errorf("the bounce does not tell why:\n%s", bounce.Content)
	}
}

// A corrupt content is never sent, nor is it lost: a person looks at it.
func corruptIsHeld(t *testing.T, open opener) {
	box := open(t)
	server := smtptest.NewServer(t)
	box.put(t, hello(1, "kim@example.net"))
	box.put(t, hello(2, "lee@example.net"))
	box.put(t, hello(3, "sam@example.net"))
	var content []byte
	if err := box.db.QueryRow("SELECT content FROM parley_messages WHERE subject = 'statement 1'").Scan(&content); err != nil {
		t.Fatal(err)
	}
	content[len(content)-3] ^= 1
	box.exec(t, "UPDATE parley_messages SET content = ? WHERE subject = 'statement 1'", content)
	box.exec(t, "UPDATE parley_recipients SET path = 'eve@example.net' WHERE path = 'lee@example.net'")
	box.work(t, outbox.Worker{Router: outbox.One(quiet(server), outbox.Limits{})})
	box.untilState(t, 2, outbox.Held)
	box.untilState(t, 1, outbox.Sent)
	if mails := server.Mails(); len(mails) != 1 || mails[0].Envelope.Recipients[0].Path.Local != "sam" {
		t.Errorf("%d mails were sent", len(mails))
	}
}

// A server that takes few recipients at once gets the others afterwards.
func fewRecipientsAtOnce(t *testing.T, open opener) {
	box := open(t)
	sink := newSink(t, func(s *smtpdServer) { s.MaxRecipients = 7 })
	var to []string
	for i := range 50 {
		to = append(to, fmt.Sprintf("kim%d@example.net", i))
	}
	box.put(t, hello(1, to...))
	box.work(t, outbox.Worker{Router: outbox.One(sink.client(t, 4), outbox.Limits{})})
	box.untilState(t, 50, outbox.Sent)
	if n := sink.taken.Load(); n < 8 || n > 30 {
		t.Errorf("%d transactions for 50 recipients, 7 at once", n)
	}
}

// What a server cannot take goes to one that can, and else comes back with a clear word.
func unsupported(t *testing.T, open opener) {
	box := open(t)
	old, other := (&smtptest.Server{Without: []string{"8BITMIME", "SMTPUTF8"}}).Start(t), smtptest.NewServer(t)
	router := &table{lanes: map[string]*outbox.Lane{"old": {Transport: quiet(old)}, "new": {Transport: quiet(other)}}, way: []string{"old", "new"}}
	m := hello(1, "kim@example.net")
	m.Data = append(m.Data, "Grüße\r\n"...)
	box.put(t, m)
	stop := box.work(t, outbox.Worker{Router: router})
	box.untilState(t, 1, outbox.Sent)
	stop()
	if len(other.Mails()) != 1 {
		t.Error("it did not go to the server that takes it")
	}
	box.put(t, m)
	router.way = []string{"old"}
	box.work(t, outbox.Worker{Router: router})
	box.untilState(t, 1, outbox.Bounced)
	box.until(t, 1, "SELECT COUNT(*) FROM parley_history WHERE what = 4 AND reply LIKE '%8BITMIME%'")
	if n := old.Find(t, isNotice("8BITMIME")); !strings.Contains(string(n.Content), "Status: 5.6.3") || !strings.Contains(string(n.Content), "over 127 in it") {
		t.Errorf("the sender is told %s", n.Content)
	}
}

// discardAll reads a content.
func discardAll(content io.Reader) { io.Copy(io.Discard, content) } //nolint:errcheck // the server tells

// eachWasTold looks whether each event of a kind has the conversation in which it came to be.
func (s *store) eachWasTold(t *testing.T, what outbox.What, parts ...string) {
	t.Helper()
	n := 0
	for i, err := range s.Each(t.Context(), outbox.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		shown, err := s.Show(t.Context(), i.Message)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range shown.History {
			if e.What != what {
				continue
			}
			n++
			for _, part := range parts {
				if !strings.Contains(e.Said, part) {
					t.Errorf("recipient %d, %v: its conversation has no %q: %q", e.Recipient, e.What, part, e.Said)
				}
			}
		}
	}
	if n == 0 {
		t.Errorf("no event tells of %v", what)
	}
}

// Of a session that is used again what is kept of a refusal begins where its own mail does: each reply is laid to its own command.
func refusedInAUsedSession(t *testing.T, open opener) {
	box := open(t)
	server := smtptest.NewServer(t)
	server.Refuse(smtp.StageRcpt, "*full*", "452 4.2.2 mailbox full")
	box.work(t, outbox.Worker{Router: outbox.One(quiet(server), outbox.Limits{Sessions: 1})})
	box.put(t, hello(1, "kim@example.net"))
	box.untilState(t, 1, outbox.Sent)
	box.put(t, hello(2, "full1@example.net")) // which leaves a transaction open, so that RSET comes before the next one
	box.untilState(t, 1, outbox.Deferred)
	id := box.put(t, hello(3, "full2@example.net"))
	box.untilState(t, 2, outbox.Deferred)
	shown, err := box.Show(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	said, err := transcript.Parse(shown.History[len(shown.History)-1].Said)
	if err != nil || len(said) == 0 || said[0].Did != smtp.Command {
		t.Fatalf("%v: %v", err, said)
	}
	commands, answers := 0, 0
	for _, e := range said {
		switch e.Did {
		case smtp.Command:
			commands++
		case smtp.Answer:
			answers++
		}
	}
	if last := said[len(said)-1].Line; answers > commands || !strings.HasPrefix(last, "452 4.2.2") {
		t.Errorf("%d commands have %d replies, the last of them %q:\n%v", commands, answers, last, said)
	}
}
