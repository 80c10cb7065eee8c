package outbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// isNotice finds what senders are told, by a word in it.
func isNotice(word string) func(*smtptest.Mail) bool {
	return func(m *smtptest.Mail) bool {
		return m.Envelope.ReversePath.IsNull() && strings.Contains(string(m.Content), word)
	}
}

// Who asked to be told of success is told by whoever knows last: by us where the server behind us tells nobody, else not by us.
func isPassedOn(t *testing.T, open opener) {
	for _, c := range []struct {
		name    string
		without []string
		notify  mail.Notify
		told    bool
	}{
		{"to a server that tells", nil, mail.NotifySuccess, false},
		{"to one that does not", []string{"DSN"}, mail.NotifySuccess | mail.NotifyFailure, true},
		{"and nobody asks", []string{"DSN"}, 0, false},
		{"and failure is asked for", []string{"DSN"}, mail.NotifyFailure, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			box := open(t)
			server := (&smtptest.Server{Without: c.without}).Start(t)
			m := hello(1, "kim@example.net")
			m.Env.Recipients[0].Notify = c.notify
			box.put(t, m)
			stop := box.work(t, outbox.Worker{Router: outbox.One(quiet(server), outbox.Limits{})})
			want := 1
			if c.told {
				want = 2
			}
			box.untilState(t, want, outbox.Sent)
			stop()
			if n := box.count(t, "SELECT COUNT(*) FROM parley_messages"); n != want {
				t.Errorf("%d messages, and not %d", n, want)
			}
			if c.told {
				n := server.Find(t, isNotice("Action: relayed"))
				if text := string(n.Content); !strings.Contains(text, "Final-Recipient: rfc822; kim@example.net") || !strings.Contains(text, "Status: 2.") {
					t.Errorf("it does not tell of whom:\n%s", text)
				}
			}
		})
	}
}

// Who asked to be told of delay is told once, when a mail was tried for long; who did not is not.
func isLate(t *testing.T, open opener) {
	box := open(t)
	server := smtptest.NewServer(t)
	server.Fault(smtptest.Fault{Stage: smtp.StageRcpt, Match: "*@example.net*", Say: "451 4.3.0 the disk is full"})
	asked := hello(1, "kim@example.net", "li@example.net")
	asked.Env.Recipients[0].Notify = mail.NotifyDelay
	first := box.put(t, asked)
	box.put(t, hello(2, "kim@example.net"))
	worker := outbox.Worker{
		Router: outbox.One(quiet(server), outbox.Limits{}), Retry: outbox.Retry{First: 50 * time.Millisecond, Most: 50 * time.Millisecond},
		Bounces: outbox.Bounces{Late: 300 * time.Millisecond},
	}
	stop := box.work(t, worker)
	server.Find(t, isNotice("Action: delayed"))
	tried := box.count(t, "SELECT MAX(attempts) FROM parley_recipients")
	box.until(t, 3, fmt.Sprintf("SELECT COUNT(*) FROM parley_recipients WHERE attempts > %d", tried+3))
	stop()
	var notices []string
	for _, m := range server.Mails() {
		if isNotice("")(m) {
			notices = append(notices, string(m.Content))
		}
	}
	if len(notices) != 1 {
		t.Fatalf("%d notices, and not 1\n%s", len(notices), strings.Join(notices, "\n"))
	}
	for _, want := range []string{"kim@example.net", "the disk is full", "Will-Retry-Until: ", "statement 1"} {
		if !strings.Contains(notices[0], want) {
			t.Errorf("it does not have %q:\n%s", want, notices[0])
		}
	}
	if strings.Contains(notices[0], "li@example.net") {
		t.Error("it tells of one that nobody asked about")
	}
	shown, err := box.Show(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	warned := 0
	for _, e := range shown.History {
		if e.What == outbox.WasWarned {
			warned++
		}
	}
	if warned != 1 || shown.Recipients[0].State.Final() {
		t.Errorf("%d warnings stand in its history, and it is %v", warned, shown.Recipients[0].State)
	}
}
