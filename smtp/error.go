package smtp

import (
	"strings"

	"github.com/parleymail/parley/mail"
)

// A Kind says what failed, and so what can be done about it.
type Kind uint8

const (
	Invalid      Kind = iota + 1 // the mail itself cannot be sent: mend it
	Unreachable                  // no connection, or it was lost: try later
	Insecure                     // TLS was asked for and not had
	Unauthorized                 // the server does not take our word for who we are
	Unsupported                  // the mail needs what this server does not offer
	Refused                      // the server understood, and said no
	Garbled                      // what came back was not SMTP
	Interrupted                  // the context ended it
)

var kinds = [...]string{"", "invalid", "unreachable", "insecure", "unauthorized", "unsupported", "refused", "garbled", "interrupted"}

// String is the kind's name, one word: "refused".
func (k Kind) String() string {
	if int(k) >= len(kinds) {
		return ""
	}
	return kinds[k]
}

// An Error is a mail not sent, or one of which it is not known. It is the only
// type of error that this package gives for one.
type Error struct {
	Kind  Kind
	Stage Stage
	Path  mail.Path // the recipient in question, at StageRcpt (and StageEnd over LMTP)
	Reply Reply     // zero where the server said nothing, or nothing that can be read
	Err   error     // the cause, where it was not a reply alone

	// Also are the other recipients that were refused in the same transaction.
	Also []*Error

	// Said is the end of the conversation, oldest first, secrets left out: at most
	// 64 events and 8 KiB.
	Said []Event

	Peer

	uncertain bool
}

// Error names the stage, and what was said there or went wrong.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("smtp: ")
	if int(e.Stage) < len(stages) {
		b.WriteString(stages[e.Stage].doing)
	}
	if e.Path != (mail.Path{}) {
		b.WriteString(" " + e.Path.String())
	}
	if e.uncertain {
		// Postfix's wording for the same: the one thing that the reader must know.
		b.WriteString(" (the mail may have been taken)")
	}
	if e.Reply.Code != 0 {
		b.WriteString(": " + Printable(e.Reply.String()))
	}
	switch {
	case e.Err != nil:
		b.WriteString(": " + Printable(e.Err.Error()))
	case e.Reply.Code == 0:
		b.WriteString(": " + e.Kind.String())
	}
	return b.String()
}

// Unwrap gives the cause: errors.Is(err, context.Canceled) works.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same mail may fare better later, unchanged.
func (e *Error) Temporary() bool {
	if e.Reply.Code != 0 {
		return e.Reply.Temporary()
	}
	return e.Kind == Unreachable || e.Kind == Interrupted
}

// Uncertain reports whether the mail may have been taken all the same: its last
// line was sent, and no reply came. To send it again may send it twice.
func (e *Error) Uncertain() bool { return e.uncertain }
