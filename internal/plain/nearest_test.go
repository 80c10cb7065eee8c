package plain_test

import (
	"testing"

	"github.com/parleymail/parley/internal/plain"
)

func TestNearest(t *testing.T) {
	list := []string{"work", "home", "a"}
	for word, want := range map[string]string{"wrk": "work", "Work": "work", "hme": "home", "b": "", "localhost": "", "xyzzy": "", "": ""} {
		if got := plain.Nearest(word, list); got != want {
			t.Errorf("%q: %q, and not %q", word, got, want)
		}
	}
}
