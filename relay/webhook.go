package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/parleymail/parley/internal/webhook"
	"github.com/parleymail/parley/outbox"
)

// A Webhook is told of what happens to mail, each event at least once and in their order:
//
//	{"webhook": "shop", "events": [{"seq": 7, "what": "sent", "message": "0rkq3vj8c1m2t", ...}, ...]}
//
// It is a POST of up to 100 events. Any answer but 2yz has it sent again, later and later, up to an hour between two tries and for
// three days in all; what comes meanwhile waits behind it. Its place stands in the database. A redirect is no answer.
// Parley-Signature is "t=SECONDS,v1=HEX", the HMAC-SHA256 of "SECONDS." and the body by the secret.
type Webhook struct {
	Name   string // its place is kept under this name: letters, digits, - and _
	URL    string
	Secret string        // not shown anywhere; empty: nothing is signed
	Events []outbox.What // that are told; empty: all
	Said   bool          // tell the conversations too
}

// Format shows its name alone: a URL may be a secret too.
func (w Webhook) Format(f fmt.State, _ rune) { io.WriteString(f, "webhook "+w.Name) }

func (w *Webhook) reader(s *Server) *reader {
	client := webhook.Client()
	one := *w
	return &reader{
		server: s, name: "webhook " + w.Name, wants: wanted(w.Events),
		patience: patience{first: time.Second, most: time.Hour, lasts: 3 * 24 * time.Hour},
		tell: func(ctx context.Context, events []outbox.Event) error {
			body, err := json.Marshal(struct {
				Webhook string         `json:"webhook"`
				Events  []outbox.Event `json:"events"`
			}{one.Name, one.shown(events)})
			if err != nil {
				return fmt.Errorf("writing the events: %w", err)
			}
			return webhook.Post(ctx, client, one.URL, one.Secret, body)
		},
	}
}

func (w *Webhook) shown(events []outbox.Event) []outbox.Event {
	return withoutSaid(events, w.Said)
}

func withoutSaid(events []outbox.Event, said bool) []outbox.Event {
	if !said {
		for i := range events {
			events[i].Said = ""
		}
	}
	return events
}

// An EventLog is a file, or whatever else, that gets a line of JSON for each event: at least once, in their order. Where it was
// cut off by a crash the last line may be part of one, and is written again.
type EventLog struct {
	Name   string    // as of a Webhook
	Path   string    // of a file that is opened anew for each write, so that it may be moved away
	Writer io.Writer // where Path is empty
	Events []outbox.What
	Said   bool
}

func (l *EventLog) reader(s *Server) *reader {
	one := *l
	return &reader{
		server: s, name: "log " + l.Name, wants: wanted(l.Events), patience: patience{first: time.Second, most: time.Minute},
		tell: func(_ context.Context, events []outbox.Event) error {
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			for _, e := range withoutSaid(events, one.Said) {
				if err := enc.Encode(&e); err != nil {
					return fmt.Errorf("writing the events: %w", err)
				}
			}
			return one.write(b.Bytes())
		},
	}
}

func (l *EventLog) write(lines []byte) error {
	if l.Path == "" {
		_, err := l.Writer.Write(lines)
		return err
	}
	f, err := os.OpenFile(l.Path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	if err == nil {
		err = f.Sync()
	}
	if failed := f.Close(); err == nil {
		err = failed
	}
	return err
}
