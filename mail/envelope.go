package mail

// An Envelope is what a server is told before it is shown the content. Its
// words are never those of the header, for the two may differ, and do.
type Envelope struct {
	ReversePath Path        // where a bounce goes; the zero Path, <>, is nowhere
	Recipients  []Recipient // at least one

	Return     Return // how much of the content a bounce brings back; asked only where DSN is offered
	ID         string // ENVID: comes back in a bounce; at most 100 characters, RFC 3461 §4.4
	RequireTLS bool   // every hop must use TLS, or the mail comes back: RFC 8689
}

// A Recipient is a forward-path, and what its sender wants to hear of it.
type Recipient struct {
	Path     Path
	Notify   Notify // when to send a notification; asked only where DSN is offered
	Original string // ORCPT: the address as first given, "rfc822;kim@example.net"; RFC 3461 §4.2
}

// Notify says when the sender of a mail wants a notification: RFC 3461 §4.1.
// Zero leaves it to the server, which then usually tells of failures.
type Notify uint8

const (
	NotifyNever   Notify = 1 << iota // alone
	NotifySuccess                    // delivered
	NotifyFailure                    // given up
	NotifyDelay                      // not yet delivered
)

// Return says what part of the content a notification of failure brings back:
// RFC 3461 §4.3. Zero leaves it to the server.
type Return uint8

const (
	ReturnFull   Return = iota + 1 // RET=FULL
	ReturnHeader                   // RET=HDRS
)
