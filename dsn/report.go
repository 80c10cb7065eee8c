package dsn

import (
	"errors"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A Report says what became of one mail: RFC 3464 §2.
type Report struct {
	ReportingMTA string    // the host that reports
	ReceivedFrom string    // the host that it had the mail from; may be empty
	ArrivalDate  time.Time // when it had it; may be zero
	EnvelopeID   string    // ENVID, decoded; empty where the mail had none
	Recipients   []Recipient

	// Original is what is known of the mail's header. A Letter that has the content reads it there.
	Original Original
}

// A Recipient is what became of a mail for one of its recipients: RFC 3464 §2.3.
type Recipient struct {
	Original string    // ORCPT, decoded, as in [mail.Recipient]: "rfc822;kim@example.net"; empty where there was none
	Final    mail.Path // where it was to go
	Action   Action
	Status   smtp.EnhancedCode // a Letter takes it from Reply, if zero

	RemoteMTA  string     // the host that said so; empty: the reporting one
	Reply      smtp.Reply // what it said; zero where nothing was said
	Diagnostic string     // what is known where there is no Reply: "connecting: no route to host"
	LogID      string     // Final-Log-ID

	LastAttempt    time.Time
	WillRetryUntil time.Time // where Action is Delayed

	// Why is what it means. A Letter asks package diagnose, if Kind is empty.
	Why diagnose.Diagnosis
}

// Address is the one that the sender knows: that of Original, else Final.
func (r *Recipient) Address() mail.Path {
	if p, ok := typedPath(r.Original); ok {
		return p
	}
	return r.Final
}

// Action is what a mail system did: RFC 3464 §2.3.3.
type Action uint8

const (
	Failed    Action = iota + 1 // given up
	Delayed                     // not yet delivered, and tried further
	Delivered                   // into the mailbox
	Relayed                     // to a server that will not report
	Expanded                    // to several others, and these may fail yet
)

var actions = [...]string{"", "failed", "delayed", "delivered", "relayed", "expanded"}

// String is the action's name: "failed".
func (a Action) String() string {
	if int(a) >= len(actions) {
		return ""
	}
	return actions[a]
}

// ParseAction is the reverse of [Action.String], in either case.
func ParseAction(s string) (Action, error) {
	for a := Failed; a <= Expanded; a++ {
		if strings.EqualFold(s, actions[a]) {
			return a, nil
		}
	}
	return 0, errors.New("there is no action " + smtp.Printable(excerpt(s)))
}

// MarshalText is [Action.String].
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is [ParseAction].
func (a *Action) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAction(string(text))
	return err
}

// An Original is the header of the mail that a report tells of.
type Original struct {
	MessageID string // without <>
	Subject   string
	From, To  string // as the header has them, decoded
	Date      string
}

// excerpt is enough of a text to know it by.
func excerpt(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// status is the one given, else what the reply and the action tell: RFC 3461 §6.3 (g).
func (r *Recipient) status() smtp.EnhancedCode {
	switch {
	case r.Status != smtp.EnhancedCode{}:
		return r.Status
	case r.Reply.Enhanced != smtp.EnhancedCode{}:
		return r.Reply.Enhanced
	case r.Reply.Code/100 == 2 || r.Action >= Delivered:
		return smtp.EnhancedCode{Class: 2}
	case r.Reply.Code/100 == 4 || r.Action == Delayed:
		return smtp.EnhancedCode{Class: 4}
	}
	return smtp.EnhancedCode{Class: 5}
}

// explained is what came of it for a recipient: given, or what package diagnose says.
func (r *Recipient) explained() diagnose.Diagnosis {
	if r.Why.Kind != "" || r.Action >= Delivered {
		return r.Why
	}
	text := replyText(r.Reply)
	if text == "" {
		text = r.Diagnostic
	}
	hint := diagnose.Hint{Server: r.RemoteMTA}
	if text != "" {
		if d := diagnose.Text(text, hint); d.Kind != unclassified {
			return d
		}
	}
	if s := r.status(); s.Class > 2 && s.Subject > 0 { // the status alone tells more than that nobody knows the words
		return diagnose.Text(itoa(s.Class)+"50 "+s.String(), hint)
	}
	return diagnose.Text(text, hint)
}

const unclassified diagnose.Kind = "unclassified"
