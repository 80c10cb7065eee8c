package outbox

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestComplaints: a database that is away for an hour is an error when it begins, one a minute with how often it was met, and a word when it is over.
func TestComplaints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		w := &work{b: &Box{log: slog.New(slog.NewTextHandler(&said, nil))}}
		away := errors.New("connection refused")
		lines := func() []string {
			defer said.Reset()
			return strings.Split(strings.TrimSuffix(said.String(), "\n"), "\n")
		}
		w.well()
		w.complain(t.Context(), nil)
		if said.Len() > 0 {
			t.Errorf("nothing has happened: %s", said.String())
		}
		for range 3600 * 4 {
			w.complain(t.Context(), away)
			time.Sleep(time.Second / 4)
		}
		got := lines()
		if len(got) != 60 || !strings.Contains(got[0], "times=1") || !strings.Contains(got[1], "times=240") || !strings.Contains(got[1], "connection refused") {
			t.Errorf("%d lines, the first of them %s", len(got), got[:min(len(got), 2)])
		}
		w.well() // one thing goes well while another does not
		if said.Len() > 0 {
			t.Errorf("it is over at once: %s", said.String())
		}
		time.Sleep(troubleOver)
		w.well()
		w.well()
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], "worked off again") || !strings.Contains(got[0], "after=59m59.75s") {
			t.Errorf("%s", got)
		}
		w.complain(t.Context(), away)
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], "times=1") {
			t.Errorf("what begins anew is told: %s", got)
		}
	})
}
