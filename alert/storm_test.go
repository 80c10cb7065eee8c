package alert

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// A thousand webhooks at once, as Alertmanager sends them that groups by nothing: each is taken within the ten seconds that it waits for an answer.
func TestStorm(t *testing.T) {
	h := newHouse(t)
	n := 1000
	if testing.Short() {
		n = 100
	}
	var tasks sync.WaitGroup
	took, errs := make([]time.Duration, n), make([]error, n)
	for i := range n {
		tasks.Go(func() {
			ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
			defer stop()
			begun := time.Now()
			errs[i] = h.Take(ctx, Alert{Title: fmt.Sprintf("host %d is slow", i), Severity: "critical"})
			took[i] = time.Since(begun)
		})
	}
	tasks.Wait()
	bad := 0
	for _, err := range errs {
		if err != nil {
			bad++
			if bad == 1 {
				t.Errorf("the first of those refused: %v", err)
			}
		}
	}
	slices.Sort(took)
	t.Logf("%d of %d refused; half within %v, all within %v", bad, n, took[n/2], took[n-1])
}
