package outbox

import (
	"context"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A Transport takes mails further; an *[smtp.Client] is one, with Partial set so that one
// refused recipient does not hold the others up. With KeepSaid the history has the conversations of mails that were taken too.
type Transport interface {
	// Send gives a receipt where a server has taken the mail, for all recipients but those in
	// Receipt.Refused, and an error where it took it for nobody, or where nobody knows.
	Send(ctx context.Context, object mail.Object) (*smtp.Receipt, error)
}

// A Router knows who takes a mail. Package route has one for named servers and for MX.
type Router interface {
	// Lanes gives the names of lanes that can take the mail for one recipient, the best first: the next ones are
	// for when those before cannot be had. It must not ask the network for long: it is asked for each recipient.
	//
	// An error of type *[Refusal] bounces the recipient, any other has the question asked again later.
	Lanes(ctx context.Context, r Recipient) ([]string, error)

	// Lane gives what is known of a lane by its name. It is asked again from time to time, for limits may change;
	// lanes that a Router no longer knows are an error, and their mail is routed anew.
	Lane(ctx context.Context, name string) (*Lane, error)
}

// Refusal is a Router's word that a recipient cannot be reached at all: its domain takes no mail (RFC 7505), or there is no such domain.
type Refusal struct {
	Reply string // "550 5.1.10 example.net takes no mail"
}

func (r *Refusal) Error() string { return r.Reply }

// A Recipient is what a Router is told of one.
type Recipient struct {
	Message     ID
	Origin      string
	Topic       string
	Class       Class
	ReversePath mail.Path
	Path        mail.Path
	Size        int64
	Attempts    int
}

// A Warmer is a Router that wants to know of many recipients before it is asked for each: the questions to the DNS go out together.
type Warmer interface {
	Warm(ctx context.Context, recipients []Recipient)
}

// A Lane is a way to a server: an account, or the address that we send from, with the site that it goes to.
type Lane struct {
	Name      string // "qq/statements@qq.com"
	Transport Transport
	Limits    Limits

	// Judge says what a failure means for the lane as a whole. It is asked of an error once (it reads Also itself), and of each of
	// Receipt.Refused. Nil: nothing but what [Box.Run] sees by itself, which is a connection or login that could not be had.
	Judge func(err *smtp.Error) Verdict
}

// Limits are what a lane's server allows, in all workers together, in any minute, hour and day. Zero fields have no limit, but for
// Sessions. Of a limit of 20 or more a twentieth is kept for alerts, and PerMinute is used up evenly but by alerts: a tenth in each six seconds.
type Limits struct {
	Sessions   int // at once; zero: 20
	Recipients int // of one transaction; zero: 100, RFC 5321 §4.5.3.1.8
	PerMinute  int // recipients
	PerHour    int
	PerDay     int
}

// Verdict is what a reply means for a lane.
type Verdict struct {
	Suspend time.Duration // nothing is sent for so long; the reply was about the lane then, and no recipient is bounced for it, even at 5yz
	Slow    time.Duration // for so long no more than Rate
	Rate    int           // recipients a minute
	Why     string        // the reply, or why, to be shown
}

// One is a Router that has one lane, for all.
func One(t Transport, l Limits) Router { return one{&Lane{Name: "default", Transport: t, Limits: l}} }

type one struct{ lane *Lane }

func (o one) Lanes(context.Context, Recipient) ([]string, error) { return []string{o.lane.Name}, nil }
func (o one) Lane(context.Context, string) (*Lane, error)        { return o.lane, nil }
