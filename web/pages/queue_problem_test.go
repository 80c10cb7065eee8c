package pages

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/relay"
)

// TestQueueHelpLogsIn: where there are users the command on the page has one.
func TestQueueHelpLogsIn(t *testing.T) {
	if openQueue(t, nil).page("/help", "en").says("curl --user NAME") {
		t.Error("a login is told of, and there are no users")
	}
	h := openQueue(t, func(c *relay.Config) {
		c.Users = []relay.User{{Name: "cron", Senders: []string{"*"}}}
		c.Listeners[0].User = "cron"
	})
	h.page("/help", "en").must("curl --user NAME http")
}

// TestQueueCountOnProblem: mail waits, whatever page is not there.
func TestQueueCountOnProblem(t *testing.T) {
	h := fullQueue(t, nil)
	for _, target := range []string{"/messages/0000000000000", "/messages?state=lost"} {
		if p := h.page(target, "en"); strings.Contains(p.text, `data-live="2">0</span>`) {
			t.Errorf("%s says that nothing waits", target)
		}
	}
}

// TestQueueDatabaseAway: that the database cannot be reached is told as that, with what to do, and to operators what the system said.
func TestQueueDatabaseAway(t *testing.T) {
	q := new(Queue)
	err := fmt.Errorf("looking: %w", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")})
	for operator, detail := range map[bool]bool{true: true, false: false} {
		p := q.problemOf(err, asker{Operator: operator})
		if p.word != "queue-database" || p.status != http.StatusServiceUnavailable || strings.Contains(p.detail, "refused") != detail {
			t.Errorf("operator %t: %+v", operator, p)
		}
	}
}

// TestQueueIsSlow: what takes too long is told as that, whatever the database calls it.
func TestQueueIsSlow(t *testing.T) {
	h := openQueue(t, nil)
	ctx, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	for _, target := range []string{"/messages?to=@x.example", "/rates", "/suppressions"} {
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody))
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "This took too long") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}
