package outbox

import (
	"errors"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/smtp"
)

// An Event is something that happened to a mail. All events together are its history, kept for
// Options.KeepHistory, and the stream that [Box.Events] gives.
type Event struct {
	Seq       int64         `json:"seq"` // grows; some numbers are never given
	What      What          `json:"what"`
	At        time.Time     `json:"at"`
	Message   ID            `json:"message"`
	Recipient int           `json:"recipient"`         // its place in the envelope, from 0; -1: the whole message
	Path      string        `json:"path,omitempty"`    // the recipient's address
	Attempt   int           `json:"attempt,omitempty"` // which one it was, from 1
	Lane      string        `json:"lane,omitempty"`
	Worker    int64         `json:"worker,omitempty"`
	Remote    string        `json:"remote,omitempty"` // the address that was spoken with
	TLS       string        `json:"tls,omitempty"`    // "TLS 1.3"
	Took      time.Duration `json:"took,omitempty"`   // the transaction, from MAIL to the verdict
	Stage     smtp.Stage    `json:"stage,omitempty"`  // where it failed
	Kind      diagnose.Kind `json:"kind,omitempty"`   // what the failure was diagnosed as
	Reply     string        `json:"reply,omitempty"`  // the server's, on one line; or the failure in our words
	Said      string        `json:"said,omitempty"`   // the conversation, as [transcript.Read] reads it
}

// Repeats reports whether the same happened again, told in the same words: where a server cannot be had,
// each of the first sessions with it fails alike, within the same moment.
func (e *Event) Repeats(before *Event) bool {
	return e.What == before.What && e.Message == before.Message && e.Recipient == before.Recipient && e.Attempt == before.Attempt && e.Lane == before.Lane &&
		e.Remote == before.Remote && e.Stage == before.Stage && e.Kind == before.Kind && e.Reply == before.Reply
}

// What happened.
type What uint8

const (
	WasPut        What = iota + 1 // handed over; [Box.Show] tells it, and [Box.Events] does not: whoever put it knows
	WasDeferred                   // an attempt failed, and another will be made
	WasSent                       // a server has taken it
	WasBounced                    // given up
	WasReturned                   // it was sent, and a bounce came back
	WasExpired                    // its time was over
	WasUnknown                    // nobody knows whether it was taken; Policy tells what comes next
	WasHeld                       // by a person, or by a rule
	WasReleased                   // after it was held, or unknown
	WasRetried                    // a person asked for an attempt now
	WasCancelled                  // by a person, or by the program
	WasDelivered                  // a notification of success came back
	WasDelayed                    // a notification of delay came back
	WasSuppressed                 // its address is on the suppression list
	WasMoved                      // to another lane, for its own could not be had
	WasAsked                      // a person asked for it to be held or cancelled while it was being sent, or no longer so; Reply tells which
	WasWarned                     // its sender was told that it is delayed: RFC 3461 §4.1
	numWhats
)

var whats = [...]string{"", "put", "deferred", "sent", "bounced", "returned", "expired", "unknown", "held", "released", "retried", "cancelled", "delivered", "delayed", "suppressed", "moved", "asked", "warned"}

func (w What) String() string { return whats[min(w, numWhats-1)] }

// ParseWhat is the reverse of [What.String].
func ParseWhat(s string) (What, error) {
	for w := WasPut; w < numWhats; w++ {
		if s == whats[w] {
			return w, nil
		}
	}
	return 0, errors.New("nothing that happens is called " + plain.Quoted(s))
}

// MarshalText is [What.String].
func (w What) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText is [ParseWhat].
func (w *What) UnmarshalText(text []byte) (err error) {
	*w, err = ParseWhat(string(text))
	return err
}
