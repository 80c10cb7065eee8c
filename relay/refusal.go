package relay

import (
	"fmt"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A Refusal is why a mail was not taken, in the words that a program hears by SMTP.
type Refusal struct {
	Reply smtp.Reply
	Again time.Time // when there is room for it, where a limit is what refused it
	Err   error     // what came of it, where that is more than the reply: [mail.Problems], [outbox.ErrKeyReused], what reading the content gave
}

func (r *Refusal) Error() string { return r.Reply.String() }
func (r *Refusal) Unwrap() error { return r.Err }

// because gives a refusal its cause.
func (r *Refusal) because(err error) *Refusal {
	r.Err = err
	return r
}

func refuse(line string, args ...any) *Refusal {
	return &Refusal{Reply: smtpd.Reply(smtp.Printable(fmt.Sprintf(line, args...)))}
}
