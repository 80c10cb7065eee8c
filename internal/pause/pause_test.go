package pause_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/internal/pause"
)

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		if !pause.For(t.Context(), time.Hour) || time.Since(begun) != time.Hour {
			t.Errorf("an hour took %v", time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if begun = time.Now(); pause.For(ctx, time.Hour) || time.Since(begun) != time.Minute {
			t.Errorf("an hour that ended after a minute took %v", time.Since(begun))
		}
	})
}
