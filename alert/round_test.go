package alert

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
)

// One that fires is told of, is no second one when it comes again, and is told of as resolved in the same thread.
func TestThread(t *testing.T) {
	h := newHouse(t)
	h.work()
	h.take(firing("Disk full", "host", "db1"), firing("Disk full", "host", "db2"))
	if r := h.round(); r.Mails != 0 {
		t.Fatalf("it did not wait for further alerts: %+v", r)
	}
	h.clock.forward(time.Second)
	h.take(firing("Disk full", "host", "db1"))
	h.round()
	first := h.mails(1)[0]
	if !strings.Contains(first.Subject, "FIRING") || !strings.Contains(first.Subject, "Disk full, and 1 more") {
		t.Errorf("the subject is %q", first.Subject)
	}
	if !strings.Contains(first.Text, "host: db1") || !strings.Contains(first.HTML, "db2") || !strings.Contains(first.HTML, "cid:chart.png") || len(first.Inline) != 1 {
		t.Errorf("the mail is\n%s\n%s", first.Text, first.HTML)
	}
	h.clock.forward(10 * time.Second)
	h.take(firing("Disk full", "host", "db1"), resolved("Disk full", "host", "db2"))
	if r := h.round(); r.Mails != 0 {
		t.Error("the interval was not waited for")
	}
	h.clock.forward(5 * time.Minute)
	h.round()
	second := h.mails(2)[1]
	h.settled()
	h.take(resolved("Disk full", "host", "db1"), resolved("Nobody knows it"))
	h.clock.forward(5 * time.Minute)
	h.round()
	third := h.mails(3)[2]
	if !strings.Contains(third.Subject, "RESOLVED") || third.InReplyTo != second.MessageID || !slices.Equal(third.References, []string{first.MessageID, second.MessageID}) {
		t.Errorf("%q answers %s with %v", third.Subject, third.InReplyTo, third.References)
	}
	h.settled()
	h.clock.forward(24 * time.Hour)
	if r := h.round(); r.Mails != 0 {
		t.Error("what is over is repeated")
	}
	h.take(firing("Disk full", "host", "db1"))
	h.clock.forward(time.Second)
	h.round()
	if again := h.mails(4)[3]; again.InReplyTo != "" {
		t.Error("what begins anew does not begin a thread")
	}
}

// What fires for long is repeated, and further people are told.
func TestRepeatAndEscalate(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.Receivers[0].Repeat = time.Hour
		c.Receivers[0].Escalate = Escalate{After: 90 * time.Minute, To: mail.To("boss@example.com")}
	})
	h.work()
	h.take(firing("Down"))
	for range 45 {
		h.clock.forward(5 * time.Minute)
		h.round()
		h.settled()
	}
	list := h.mails(5) // at 5, 65, 90, 150 and 210 minutes
	for i, want := range []string{"[FIRING]", "[STILL FIRING]", "[ESCALATED]", "[STILL FIRING]", "[STILL FIRING]"} {
		if !strings.HasPrefix(list[i].Subject, want) {
			t.Errorf("mail %d is %q", i, list[i].Subject)
		}
	}
	if len(list[1].To) != 1 || len(list[2].To) != 2 || len(list[3].To) != 2 {
		t.Error("not those are told who should be")
	}
}

// In quiet hours only what cannot wait is told; all else comes as one mail when they end.
func TestQuiet(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Skip("this machine knows no time zones")
	}
	h := newHouse(t, func(c *Config) {
		c.Receivers[0].Quiet = []Quiet{{From: 22 * time.Hour, To: 7 * time.Hour, Zone: shanghai}}
		c.Receivers[0].Repeat = -1
	})
	h.work()
	h.clock.forward(3 * time.Hour) // it is 23:00 in Shanghai
	for i := range 5 {
		h.take(firing(fmt.Sprint("Slow ", i)))
	}
	urgent := firing("On fire")
	urgent.Severity = "Critical"
	h.take(urgent)
	h.clock.forward(time.Second)
	if r := h.round(); r.Mails != 1 || r.Held != 5 {
		t.Fatalf("%+v", r)
	}
	if m := h.mails(1)[0]; !strings.Contains(m.Subject, "On fire") || m.Priority != mail.High {
		t.Errorf("it is %q", m.Subject)
	}
	if s := h.status(); s.Waits != 5 {
		t.Fatalf("%d wait", s.Waits)
	}
	for range 20 {
		h.settled()
		h.clock.forward(30 * time.Minute)
		h.round()
	}
	if m := h.mails(2)[1]; !strings.Contains(m.Subject, "5 alerts in 5 groups") || !strings.Contains(m.Text, "quiet hours") {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
}

// Many groups do not make many mails: what is more than may be becomes a summary.
func TestCap(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Receivers[0].Most = 5 })
	h.work()
	for i := range 5 {
		h.take(firing(fmt.Sprint("Early ", i)))
	}
	h.clock.forward(time.Second)
	h.round()
	h.mails(5)
	for i := range 31 {
		h.settled()
		h.take(firing(fmt.Sprint("Late ", i)))
		h.clock.forward(time.Second)
		h.round()
	}
	h.mails(5)
	if s := h.status(); s.Waits != 31 || s.Groups[10].Held != "rate" {
		t.Fatalf("%d wait", s.Waits)
	}
	h.clock.forward(15 * time.Minute)
	h.round()
	if m := h.mails(6)[5]; !strings.Contains(m.Subject, "31 alerts in 31 groups") || strings.Count(m.Text, "* Late") != 31 {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
}

// For a day no mail can leave. What comes meanwhile is told by one mail, and nothing is lost.
func TestDayWithoutMail(t *testing.T) {
	hours := 24
	if testing.Short() {
		hours = 5
	}
	withoutMail(t, newHouse(t), hours)
}

func withoutMail(t *testing.T, h *house, hours int) {
	h.work()
	h.take(firing("Before"))
	h.clock.forward(time.Second)
	h.round()
	h.mails(1)
	h.settled()
	h.set(true, "")
	n := 0
	for hour := range hours {
		for i := range 10 {
			h.take(firing(fmt.Sprintf("Group %d", (hour+i)%20), "n", fmt.Sprint(n)))
			n++
			h.clock.forward(6 * time.Minute)
			h.round()
		}
	}
	h.take(resolved("Before"))
	h.clock.forward(time.Hour)
	h.round()
	if w := h.waiting(); w != 1 {
		t.Errorf("%d mails wait", w)
	}
	if s := h.status(); len(s.Unmailed) == 0 {
		t.Error("the status does not tell of it")
	}
	h.set(false, "")
	m := h.mails(2)[1]
	h.settled()
	h.round()
	if want := fmt.Sprintf("[FIRING] %d alerts in %d groups", n+1, min(hours+9, 20)+1); !strings.HasPrefix(m.Subject, want) {
		t.Errorf("it is %q, and not %q", m.Subject, want)
	}
	if len(m.References) == 0 || !strings.Contains(m.Text, "No mail could leave") || n >= mostShown && !strings.Contains(m.Text, fmt.Sprintf("%d more", n+1-mostShown)) {
		t.Errorf("it tells\n%s", m.Text)
	}
	if s := h.status(); len(s.Unmailed) != 0 || s.Waits != 0 || s.Firing != n {
		t.Errorf("%v, %d wait, %d fire", s.Unmailed, s.Waits, s.Firing)
	}
}

// A mail that came back is written again, and the status tells of it until one has arrived.
func TestComesBack(t *testing.T) {
	h := newHouse(t)
	h.set(false, "5.1.1 nobody of this name")
	h.work()
	h.take(firing("Down"))
	h.clock.forward(time.Second)
	h.round()
	h.settled()
	if r := h.round(); r.Returned != 1 {
		t.Fatalf("%+v", r)
	}
	if s := h.status(); len(s.Unmailed) != 1 || !s.Unmailed[0].Lost || !strings.Contains(s.Unmailed[0].Reply, "nobody of this name") || s.Waits != 1 {
		t.Fatalf("%v, %d wait", s.Unmailed, s.Waits)
	}
	h.set(false, "")
	h.clock.forward(16 * time.Minute)
	h.round()
	if m := h.mails(1)[0]; m.InReplyTo != "" {
		t.Error("it answers a mail that never arrived")
	}
	h.settled()
	h.round()
	if s := h.status(); len(s.Unmailed) != 0 || s.Waits != 0 {
		t.Fatalf("%v, %d wait", s.Unmailed, s.Waits)
	}
}

// Whoever dies between taking a mail back and writing another is followed by another who goes on.
func TestDiesWhileTakingBack(t *testing.T) {
	h := newHouse(t)
	h.set(true, "")
	stop := h.work()
	h.take(firing("One"))
	h.take(firing("Two"))
	h.clock.forward(time.Second)
	h.round()
	h.clock.forward(time.Minute)
	stop()
	if err := h.s.write(t.Context(), func(x *tx) error {
		_, err := x.Exec(t.Context(), "UPDATE parley_alert_mails SET state = 1")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	h.round()
	h.round()
	if w := h.waiting(); w != 1 {
		t.Fatalf("%d mails wait", w)
	}
	h.set(false, "")
	h.work()
	if m := h.mails(1)[0]; !strings.Contains(m.Subject, "2 alerts in 2 groups") {
		t.Error(m.Subject)
	}
}

// What fired and was resolved again before a mail could tell of it is told nevertheless.
func TestCameAndWent(t *testing.T) {
	h := newHouse(t)
	h.work()
	h.take(firing("Blink"))
	h.take(resolved("Blink"))
	h.clock.forward(time.Second)
	h.round()
	if m := h.mails(1)[0]; m.Subject != "[RESOLVED] Blink" {
		t.Error(m.Subject)
	}
}

// An alert that ends by itself is resolved then.
func TestEnds(t *testing.T) {
	h := newHouse(t)
	h.work()
	a := firing("Maintenance")
	a.Ends = h.clock.now().Add(time.Hour)
	h.take(a)
	h.clock.forward(time.Second)
	h.round()
	h.mails(1)
	h.settled()
	h.clock.forward(time.Hour)
	h.round()
	h.clock.forward(time.Second)
	h.round()
	if m := h.mails(2)[1]; m.Subject != "[RESOLVED] Maintenance" {
		t.Error(m.Subject)
	}
}

// An alert whose receiver the file has no more is told to the first one that it has.
func TestReceiverIsGone(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.Receivers = append(c.Receivers, Receiver{Name: "gone", To: mail.To("gone@example.com")})
	})
	a := firing("Down")
	a.Receiver = "gone"
	h.take(a)
	h.clock.forward(time.Second)
	h.Close()
	h.open(h.config())
	h.work()
	h.round()
	if m := h.mails(1)[0]; m.To[0].Address != "ops@example.com" {
		t.Error(m.To)
	}
}
