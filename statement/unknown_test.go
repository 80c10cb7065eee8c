package statement_test

import (
	"testing"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/statement"
)

// TestUnknown: a mail that may have been taken waits for a person. Who says that it has come ends it, and it does not go out with the failures either; who says that it has not
// sends it again.
func TestUnknown(t *testing.T) {
	h := newHouse(t, func(h *house) { h.c.Attach = nil })
	h.smtp.Fault(smtptest.Fault{Stage: smtp.StageEnd, Mute: true, Then: smtptest.Reset, Times: 1})
	h.smtp.Fault(smtptest.Fault{Stage: smtp.StageEnd, Mute: true, Lose: true, Then: smtptest.Reset, Times: 1})
	h.prepare(h.rowsOf("A1,客户,c1@example.net,1,2026-03,", "A2,客户,c2@example.net,1,2026-03,"))
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	came := map[string]bool{}
	for _, m := range h.smtp.Mails() {
		came[m.To()[0]] = true
	}
	var doubts, keys []string
	for r, err := range h.Failures(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		doubts = append(doubts, r.State.String())
		ref := outbox.All(r.Message)
		if came[r.Address] {
			keys = append(keys, r.Key)
			_, err = h.Box().Cancel(t.Context(), "it has come", ref)
		} else {
			_, err = h.Box().Release(t.Context(), ref)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(doubts) != 2 || doubts[0] != "unknown" || doubts[1] != "unknown" || len(keys) != 1 {
		t.Fatalf("%v, of which %v came", doubts, keys)
	}
	if err := h.Resume(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	s, err := h.Status(t.Context())
	if err != nil || s.Counts[statement.Ended] != 1 || s.Counts[statement.Sent] != 1 {
		t.Errorf("%+v %v", s, err)
	}
	for r := range h.Failures(t.Context()) {
		t.Errorf("%+v is a failure", r)
	}
	if err := h.Send(t.Context(), statement.SendOptions{Again: keys}); err != nil {
		t.Fatal(err)
	}
	if n := len(h.smtp.Mails()); n != 2 {
		t.Errorf("%d mails came", n)
	}
}
