package inbox

import (
	"errors"
	"time"
)

// ErrNotFound is what is said of a message or a session that is not there, or not
// any more.
var ErrNotFound = errors.New("inbox: there is no such thing")

// ErrClosed is what a store says once it was closed.
var ErrClosed = errors.New("inbox: the store is closed")

// A Session is one connection, also one that brought nothing.
type Session struct {
	ID        int64      `json:"id"`
	Begun     time.Time  `json:"begun"`
	Ended     *time.Time `json:"ended,omitempty"` // nil: it goes on
	Remote    string     `json:"remote"`
	Local     string     `json:"local"`
	Hello     string     `json:"hello,omitempty"`
	User      string     `json:"user,omitempty"`
	Mechanism string     `json:"mechanism,omitempty"` // of AUTH
	Protocol  string     `json:"protocol,omitempty"`  // "ESMTPSA"
	TLS       string     `json:"tls,omitempty"`       // "TLS 1.3"
	Cipher    string     `json:"cipher,omitempty"`
	SNI       string     `json:"server_name,omitempty"`
	Mailbox   string     `json:"mailbox,omitempty"`
	Messages  int        `json:"messages"`           // that were kept
	Refused   int        `json:"refused"`            // replies of 4yz and 5yz that were said
	Why       string     `json:"why,omitempty"`      // why it ended, where the client did not mean it
	Failed    bool       `json:"failed"`             // something was refused, or it broke off
	LastBad   string     `json:"last_bad,omitempty"` // the last reply that refused something
	LastStage string     `json:"last_stage,omitempty"`
}

// A Message is a mail that was taken, without its content.
type Message struct {
	ID          int64     `json:"id"`
	Session     int64     `json:"session"`
	Mailbox     string    `json:"mailbox,omitempty"`
	At          time.Time `json:"at"`
	ReversePath string    `json:"reverse_path"` // the envelope's, without <>
	Recipients  []string  `json:"recipients"`   // the envelope's
	Size        int64     `json:"size"`
	From        string    `json:"from"` // the header's, decoded
	To          string    `json:"to"`
	Cc          string    `json:"cc,omitempty"`
	Subject     string    `json:"subject"`
	MessageID   string    `json:"message_id,omitempty"`
	Date        string    `json:"date,omitempty"`
	Snippet     string    `json:"snippet,omitempty"`
	Attachments int       `json:"attachments"`
	Seen        bool      `json:"seen"`
	EightBit    bool      `json:"eight_bit,omitempty"`
	UTF8        bool      `json:"utf8,omitempty"`
}

// A Page is a part of a list, newest first.
type Page[T any] struct {
	Items []T  `json:"items"`
	Total int  `json:"total"` // that the query fits
	More  bool `json:"more"`
}

// An Event tells of a change.
type Event struct {
	What    string `json:"what"` // "message", "message-deleted", "session", "session-ended", "deleted", "seen", "released", "missed"
	ID      int64  `json:"id"`   // zero for "deleted", which is many
	Mailbox string `json:"mailbox,omitempty"`
}

// Stats are for metrics and the head of the page.
type Stats struct {
	Messages  int            `json:"messages"`
	Unseen    int            `json:"unseen"`
	Bytes     int64          `json:"bytes"`
	Sessions  int            `json:"sessions"`
	Open      int            `json:"open_sessions"`
	Failed    int            `json:"failed_sessions"`
	Taken     int64          `json:"taken"` // messages since the start
	Mailboxes []MailboxStats `json:"mailboxes"`
}

// MailboxStats are those of one mailbox.
type MailboxStats struct {
	Name     string `json:"name"`
	Messages int    `json:"messages"`
	Unseen   int    `json:"unseen"`
}
