package alert

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/testpg"
)

// Over PostgreSQL all is as it is over SQLite.
func TestPostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("a server is started")
	}
	cluster := testpg.Start(t)
	t.Run("without mail", func(t *testing.T) { withoutMail(t, newHouseIn(t, cluster.Database(t)), 5) })
	t.Run("two processes", func(t *testing.T) {
		url := cluster.Database(t)
		quick := func(c *Config) { c.Receivers[0].Most, c.Stall = -1, time.Hour }
		twoAtOnce(t, newHouseIn(t, url, quick), newHouseIn(t, url, quick))
	})
}

// Two processes over one database: each alert is told once.
func TestTwoAtOnce(t *testing.T) {
	quick := func(c *Config) { c.Receivers[0].Most, c.Stall = -1, time.Hour }
	one := newHouse(t, quick)
	twoAtOnce(t, one, newHouseIn(t, "sqlite:"+one.path, quick))
}

func twoAtOnce(t *testing.T, one, other *house) {
	other.clock = one.clock
	other.c.clock = one.clock.now
	const each = 40
	var tasks sync.WaitGroup
	for n, h := range []*house{one, other} {
		tasks.Go(func() {
			for i := range each {
				if err := h.Take(t.Context(), firing(fmt.Sprintf("Alert %d", i), "by", fmt.Sprint(n)), firing(fmt.Sprintf("Alert %d", i))); err != nil {
					t.Error(err)
				}
				h.clock.forward(time.Second)
				if _, err := h.Round(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	tasks.Wait()
	one.clock.forward(10 * time.Minute)
	one.round()
	one.work()
	one.settled()
	told := make(map[string]int)
	one.mu.Lock()
	defer one.mu.Unlock()
	for _, m := range one.came {
		fires, _, _ := strings.Cut(m.Text, "Firing still")
		for _, part := range strings.Split(fires, "\n* ")[1:] {
			name, rest, _ := strings.Cut(part, "\n")
			_, by, _ := strings.Cut(rest, "by: ")
			told[name+"/"+strings.TrimSpace(strings.Split(by+"\n", "\n")[0])]++
		}
	}
	if len(told) != 3*each {
		t.Errorf("%d are told, and %d were taken", len(told), 3*each)
	}
	for name, n := range told {
		if n != 1 {
			t.Errorf("%s is told %d times", name, n)
		}
	}
}
