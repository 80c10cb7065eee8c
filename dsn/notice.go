package dsn

import (
	"errors"
	"strings"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A Notice is a mail that came in, as far as it tells of another.
type Notice struct {
	Kind Kind
	Report
	Feedback Feedback // where Kind is Complaint

	To []mail.Path // whom the notice itself was sent to, as its header says: look here for a [Signer]'s path

	// Form is by which form it was read: "rfc3464", "rfc5965", "rfc8098", "rfc3834", or the id of one in
	// facts/forms.toml; empty for Other. Confidence says how sure it is that Kind and Recipients are right: 1 where the mail
	// keeps to an RFC. Below 0.5 no program should do anything by it alone.
	Form       string
	Confidence float64

	Text string // what it says to people; at most 16 KiB, and not fit to be shown as it is: see [smtp.Printable]
	Cut  bool   // the mail is longer than what was read of it
}

// Kind says what a mail is that came in.
type Kind uint8

const (
	Other       Kind = iota // a mail as any other
	Failure                 // a mail was given up, for one recipient at least
	Delay                   // it is not yet delivered, and tried further
	Success                 // it was delivered, or passed on
	AutoReply               // an automatic answer, of a holiday or the like: RFC 3834
	Complaint               // somebody says that it is spam: RFC 5965
	Disposition             // it was shown to its reader, or deleted: RFC 8098
)

var kinds = [...]string{"other", "failure", "delay", "success", "auto-reply", "complaint", "disposition"}

// String is the kind's name: "auto-reply".
func (k Kind) String() string {
	if int(k) >= len(kinds) {
		return ""
	}
	return kinds[k]
}

// ParseKind is the reverse of [Kind.String].
func ParseKind(s string) (Kind, error) {
	for k := Other; k <= Disposition; k++ {
		if strings.EqualFold(s, kinds[k]) {
			return k, nil
		}
	}
	return 0, errors.New("there is no kind of notice " + smtp.Printable(excerpt(s)))
}

// MarshalText is [Kind.String].
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText is [ParseKind].
func (k *Kind) UnmarshalText(text []byte) (err error) {
	*k, err = ParseKind(string(text))
	return err
}

// Feedback is what a complaint tells beside its Report: RFC 5965 §3. Its recipients, where it names any, stand in the Report
// without an action.
type Feedback struct {
	Type      string // "abuse", "fraud", "virus", "not-spam"
	UserAgent string // what wrote it
	SourceIP  string // whom that had the mail from
	MailFrom  mail.Path
	Domains   []string // Reported-Domain
}
