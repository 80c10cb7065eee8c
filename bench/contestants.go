package main

import "io"

// A contestant is a way to send mail.
type contestant struct {
	name     string
	composes bool // makes every mail anew, from its words; else it sends bytes made beforehand
	open     func(l letter, addr string) (mailer, error)

	// compose makes one mail and writes it, without a server; nil where the
	// contestant does not compose.
	compose func(l letter, n int, w io.Writer) error
}

// A mailer is a contestant's open connection. A mailer that is also a mailsAll
// sends many mails with one call.
type mailer interface {
	send(n int) error
	close() error
}

type mailsAll interface {
	mailer
	sendAll(count int, heard func(n int)) error
}

const (
	parleySend = "parley Send"
	parleyAll  = "parley SendAll"

	// Of a client that keeps its sessions; a distance shows what they differ in.
	parleyPool    = "parley Client.Send"
	parleyLast    = "parley Client.Send, MaxMessages 1"
	parleyPartial = "parley Client.Send, Partial"

	goMail     = "go-mail"
	goMailBare = "go-mail, no NOOP and RSET"
	goMailV2   = "gomail"
	goSMTP     = "go-smtp"
	netSMTP    = "net/smtp"
	byHand     = "by hand, one write a mail"
	source     = "smtp-source" // a C program: it is run, and is not in the list
)

func contestants() []contestant {
	return []contestant{
		{parleySend, true, openParley, composeParley},
		{parleyAll, true, openParleyAll, nil},
		{parleyPool, true, openParleyPooled, nil},
		{parleyLast, true, openParleyLast, nil},
		{parleyPartial, true, openParleyPartial, nil},
		{goMail, true, openGoMail, composeGoMail},
		{goMailBare, true, openGoMailBare, nil},
		{goMailV2, true, openGomail, composeGomail},
		{goSMTP, false, openGoSMTP, nil},
		{netSMTP, false, openNetSMTP, nil},
		{byHand, false, openByHand, nil},
	}
}

func contestantNamed(name string) (contestant, bool) {
	for _, c := range contestants() {
		if c.name == name {
			return c, true
		}
	}
	return contestant{}, false
}
