// Package pause waits, but no longer than anybody wants.
package pause

import (
	"context"
	"time"
)

// For waits, and is false where the context ended before.
func For(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
