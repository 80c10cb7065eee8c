package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/inbox"
)

const (
	usualWait   = 30 * time.Second
	longestWait = 10 * time.Minute
)

// wait gives the first message that is like this: one that is there, or the first that comes.
func (a *API) wait(r *http.Request) (any, error) {
	if err := known(r, "to", "from", "subject", "query", "mailbox", "since", "after", "timeout"); err != nil {
		return nil, err
	}
	text := []string{r.FormValue("query")}
	for _, key := range []string{"to", "from", "subject"} {
		if value := r.FormValue(key); value != "" {
			name := key
			if key == "to" {
				name = "rcpt" // whom it reached, though it be by Bcc
			}
			text = append(text, name+":"+quoted(value))
		}
	}
	q, err := query(r)
	if err != nil {
		return nil, err
	}
	wanted, err := inbox.ParseQuery(strings.TrimSpace(strings.Join(text, " ")))
	if err != nil {
		return nil, bad("%v", err)
	}
	q.Text = wanted.Text
	patience, err := timeout(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	defer context.AfterFunc(a.Context, cancel)()
	m, err := a.Inbox.Wait(ctx, q)
	switch {
	case a.Context.Err() != nil:
		return nil, inbox.ErrClosed
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &failure{http.StatusRequestTimeout, "none_came", fmt.Sprintf("no such message came within %v", patience)}
	case err != nil:
		return nil, err
	}
	return a.detail(r.Context(), m)
}

// quoted is a value as a query has it.
func quoted(value string) string {
	if !strings.ContainsAny(value, " \t\"") {
		return value
	}
	return `"` + strings.ReplaceAll(value, `"`, " ") + `"`
}

func timeout(r *http.Request) (time.Duration, error) {
	text := r.FormValue("timeout")
	if text == "" {
		return usualWait, nil
	}
	d, err := time.ParseDuration(text)
	if seconds, bare := strconv.Atoi(text); bare == nil {
		d, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || d < 0 || d > longestWait {
		return 0, bad("timeout: %q is no duration between 0 and %v, such as 10s", text, longestWait)
	}
	return d, nil
}

// events tells of what changes, as it does: server-sent events. Nothing is kept for who was away: they hear "missed" first, and
// ask anew.
func (a *API) events(w http.ResponseWriter, r *http.Request) {
	if err := known(r, "mailbox"); err != nil {
		fail(w, err)
		return
	}
	box, err := mailbox(r)
	if err != nil {
		fail(w, err)
		return
	}
	changes, stop := a.Inbox.Watch()
	defer stop()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would hold them back
	out := http.NewResponseController(w)
	first := "retry: 1000\n\n"
	if r.Header.Get("Last-Event-ID") != "" {
		first += "event: missed\ndata: {\"what\":\"missed\"}\n\n"
	}
	const heartbeat = 15 * time.Second
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for n, text := 1, first; ; n++ {
		// A reader that has gone is found out by its writes.
		out.SetWriteDeadline(time.Now().Add(heartbeat))
		if _, err := w.Write([]byte(text)); err != nil || out.Flush() != nil {
			return
		}
		if text = next(r.Context(), a.Context, changes, beat.C, box, n); text == "" {
			return
		}
	}
}

// next is the next event as it goes over the wire; empty for none any more.
func next(request, server context.Context, changes <-chan inbox.Event, beat <-chan time.Time, box string, n int) string {
	for {
		select {
		case e, ok := <-changes:
			if !ok {
				return ""
			}
			if box != "" && e.Mailbox != inbox.MailboxName(box) && e.ID != 0 {
				continue
			}
			data, err := json.Marshal(e)
			if err != nil {
				return ""
			}
			return fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", n, e.What, data)
		case <-beat:
			return ": still here\n\n"
		case <-request.Done():
			return ""
		case <-server.Done():
			return ""
		}
	}
}
