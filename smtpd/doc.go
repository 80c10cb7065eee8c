// Package smtpd speaks SMTP (RFC 5321) and LMTP (RFC 2033), as the side that
// takes.
//
// A [Server] is a struct whose zero fields are safe. [Server.Serve] takes
// connections from a listener, [Server.ServeConn] a single one; each becomes a
// [Session], and each mail in it a [Transaction]. On the way four functions are
// asked, any of which may be nil:
//
//	Greet   a client has connected
//	Mail    it gave the reverse-path: MAIL
//	Rcpt    it gave a forward-path: RCPT
//	Data    the content comes: DATA, BDAT
//
// They give a reply, which [Reply] makes of a line of text; the zero Reply is the
// usual yes. They never write: one loop does. What Data says yes to has been taken,
// and the server answers for it from then on (RFC 5321 §6.1): what it was told to
// keep must be on stable storage by then.
//
//	server := &smtpd.Server{
//		Hostname: "mx.example",
//		Rcpt: func(t *smtpd.Transaction, r mail.Recipient) smtp.Reply {
//			if r.Path.Local != "kim" {
//				return smtpd.Reply("550 5.1.1 no such user")
//			}
//			return smtp.Reply{}
//		},
//		Data: func(t *smtpd.Transaction, content io.Reader) smtp.Reply {
//			...
//		},
//	}
//	err := server.ListenAndServe(":25")
//
// # What it offers
//
// PIPELINING, SIZE, 8BITMIME, SMTPUTF8, DSN, CHUNKING, ENHANCEDSTATUSCODES, LIMITS,
// HELP; STARTTLS where there is a certificate, and REQUIRETLS once it is spoken;
// AUTH where there are accounts, over TLS unless they say otherwise. Server.Without
// leaves out any of them.
//
// # What it refuses
//
// A content ends at CRLF, dot, CRLF, and at nothing else. One that holds a bare CR,
// a bare LF or a NUL is read to its end, refused, and the connection closed, for
// such octets are how one mail is made to look like two (SMTP smuggling). A command
// ends with CRLF; octets that stand behind STARTTLS in the clear close the
// connection. Every line, list, count, size and wait has a limit, and what a limit
// refuses is neither kept nor waited for.
//
// # Faults on purpose
//
// A server that clients are tested with fails where it is told to: Server.Fault is
// asked at every step, and gives a [Fault] for what is to go wrong there, such as
// another reply, a wait, garbage, a line that breaks, or a bad certificate. What a
// fault says stands in the trace as it was said. Server.Idle is for clients that are
// silent for too long. Package fault makes both of a plan.
//
// # What it does not do
//
// It keeps no mail, delivers none, and adds no field to the content:
// [Transaction.Received] gives the trace field that a relay has to put before it.
// It looks nothing up in DNS and judges no SPF, DKIM or DMARC. It does not know
// EXPN, ETRN, TURN nor BINARYMIME, and VRFY tells nobody anything. A function of
// yours that panics ends the program, as it does anywhere else.
package smtpd
