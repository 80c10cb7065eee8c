package outbox

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever is tried as soon as it may be: no minute has more than the limit, wherever it begins, and no time
// is wasted but a slice.
func TestCounterHoldsForAnyMinute(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		most := 1 + random.IntN(30)
		var c counter
		var tried []int64
		now := int64(1_700_000_000_000) + random.Int64N(100_000)
		for range 400 {
			if random.IntN(3) == 0 {
				now += random.Int64N(20_000)
			}
			again := counter{begun: c.begun}
			again.read(c.text()) // as it goes through the database
			if again != c {
				t.Fatalf("%v is read back as %v", c, again)
			}
			if c.left(minutely, most, now) == 0 {
				when := c.when(minutely, most, now)
				if when <= now || when > now+66_000 {
					t.Fatalf("at %d it says when: %d", now, when)
				}
				before := c
				if before.left(minutely, most, when-1) > 0 {
					t.Fatalf("there is room before %d", when)
				}
				now = when
				if c.left(minutely, most, now) == 0 {
					t.Fatalf("there is no room at %d, when there should be", when)
				}
			}
			c.n[0]++
			tried = append(tried, now)
		}
		for i := range tried {
			if j := i + most; j < len(tried) && tried[j]-tried[i] < time.Minute.Milliseconds() {
				t.Fatalf("limit %d: %d in %d ms", most, most+1, tried[j]-tried[i])
			}
		}
	}
}

func TestCounterOfAnOddText(t *testing.T) {
	var c counter
	c.read("1,x,,9,1,1,1,1,1,1,1,1,1,1")
	if c.n[0] != 1 || c.n[1] != 0 || c.n[3] != 9 {
		t.Error(c.n)
	}
	c.begun = 100_000
	if c.now(minutely, 5); c.begun != 100_000 {
		t.Error("a clock that went back made it forget")
	}
}
