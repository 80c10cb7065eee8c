package outbox

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parleymail/parley/diagnose"
)

// experiment is Postfix's (its SCHEDULER_README): a server that takes so many sessions at once and turns the others away. Each
// delivery takes some time; a session that is turned away is over at once. It gives the mean and the deviation of how many
// were in use, as each delivery began, and the share that was turned away.
func experiment(limit, most, deliveries int) (mean, deviation, refused float64) {
	random := rand.New(rand.NewPCG(1, uint64(limit)))
	var f feedback
	var ends []float64 // of sessions in use, whether they were let in
	now, turned := 0.0, 0
	var sum, squares, count float64
	for n := 0; n < deliveries; {
		for len(ends) < f.window(most) {
			n++
			if use := float64(len(ends) + 1); n > deliveries/10 {
				sum, squares, count = sum+use, squares+use*use, count+1
			}
			if len(ends) >= limit {
				turned++
				f.ill(most)
				continue
			}
			ends = append(ends, now+0.9+0.2*random.Float64())
		}
		first := 0
		for i, e := range ends {
			if e < ends[first] {
				first = i
			}
		}
		now = ends[first]
		inUse := len(ends)
		ends = append(ends[:first], ends[first+1:]...)
		f.well(inUse, most)
	}
	mean = sum / count
	return mean, math.Sqrt(squares/count - mean*mean), float64(turned) / float64(deliveries)
}

func TestFeedbackSettlesAtWhatIsBorne(t *testing.T) {
	for _, limit := range []int{5, 10, 15} {
		mean, deviation, refused := experiment(limit, 20, 20_000)
		t.Logf("limit %d: %.2f ± %.2f in use, %.1f%% turned away", limit, mean, deviation, 100*refused)
		// Postfix measured 5.17 ± 0.38 for 5.
		if want := float64(limit) + 1/float64(limit+1); math.Abs(mean-want) > 0.05 || deviation > 0.4 {
			t.Errorf("limit %d: %.2f ± %.2f in use", limit, mean, deviation)
		}
		// One in N+1 finds out, and no more.
		if most := 1.25 / float64(limit+1); refused > most {
			t.Errorf("limit %d: %.1f%% were turned away, and %.1f%% are to be", limit, 100*refused, 100*most)
		}
	}
}

func TestFeedbackOfADeadLane(t *testing.T) {
	for _, bears := range []float64{0, 1, 3, 20} {
		f := feedback{bears: bears}
		n, window := 1, f.window(20)
		for !f.ill(20) {
			n++
		}
		if n > window || window > 1 && n < window/2 {
			t.Errorf("with %d sessions it is dead after %d", window, n)
		}
		if f.window(20) != firstSessions || f.window(1) != 1 {
			t.Error("it does not begin anew")
		}
	}
	// One in between that goes well, and the count begins anew.
	f := feedback{}
	for range 100 {
		f.ill(20)
		f.ill(20)
		f.well(f.window(20), 20)
		if f.window(20) < 1 {
			t.Fatal("no session is left")
		}
	}
}

// What is not used teaches nothing.
func TestFeedbackDoesNotGrowUnused(t *testing.T) {
	var f feedback
	for range 10_000 {
		f.well(1, 1000)
	}
	if w := f.window(1000); w > 1+firstSessions {
		t.Errorf("%d, with one in use", w)
	}
}

func TestSuspension(t *testing.T) {
	for n := int64(1); n < 100; n++ {
		for _, tr := range []trouble{full, wrong} {
			if a, b := tr.suspension(n), tr.suspension(n+1); a > b || a < 10*time.Second || b > time.Hour {
				t.Errorf("%d: %v, then %v", n, a, b)
			}
		}
	}
}

func TestRetrySchedule(t *testing.T) {
	for _, c := range []struct {
		retry Retry
		want  []time.Duration
	}{
		{Retry{}.or(5*time.Minute, 4*time.Hour), []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute, 4 * time.Hour, 4 * time.Hour}},
		{Retry{}.or(30*time.Second, 15*time.Minute), []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute}},
		{Retry{First: time.Hour, Most: time.Minute}.or(1, 1), []time.Duration{time.Minute, time.Minute}},
		{Retry{First: -1, Most: -1}.or(2*time.Hour, math.MaxInt64), []time.Duration{2 * time.Hour, 4 * time.Hour}},
	} {
		for n, want := range c.want {
			least, most := time.Duration(math.MaxInt64), time.Duration(0)
			for seed := range uint64(2048) {
				got := c.retry.after(n+1, seed)
				least, most = min(least, got), max(most, got)
			}
			if least < want*79/100 || least > want*81/100 || most < want*119/100 || most > want*121/100 {
				t.Errorf("after attempt %d: from %v to %v, and not about %v", n+1, least, most, want)
			}
		}
	}
	if got := (Retry{First: time.Second, Most: time.Hour}).after(10_000_000, 0); got != 48*time.Minute {
		t.Error(got)
	}
}

func TestWish(t *testing.T) {
	for _, c := range []struct {
		text string
		kind string
		want time.Duration
	}{
		{"Greylisted, please try again in 60 seconds", "greylisted", time.Minute},
		{"Greylisting in action, try again in 00:04:12", "", 4*time.Minute + 12*time.Second},
		{"try again after 5 minutes", "", 5 * time.Minute},
		{"retry in 2h", "", 2 * time.Hour},
		{"deferred for 300s", "", 5 * time.Minute},
		{"please wait at least 90 sec", "", 90 * time.Second},
		{"greylisted", "greylisted", 5 * time.Minute},
		{"try again later", "", 0},
		{"in 99999 hours", "", 0},
		{"max 20 messages in 10 connections", "", 0},
		{"450 4.2.1 try later", "", 0},
	} {
		if got := wish(c.text, diagnose.Kind(c.kind)); got != c.want {
			t.Errorf("%s: %v", c.text, got)
		}
	}
}
