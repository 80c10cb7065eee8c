// Package transcript is the conversation written down: "C:" before what the
// client says and "S:" before what the server says, as in RFC 5321 Appendix D,
// and "--" before what was done.
//
//	-- connected to mx.example:25
//	S: 220 mx.example ESMTP
//	C: EHLO shop.example
//	S: 250-mx.example
//	S: 250 AUTH PLAIN LOGIN
//	C: AUTH PLAIN (secret)
//	S: 235 2.7.0 welcome
//	...
//	C: (content, 1234 octets)
//	C: .
//	S: 250 2.0.0 queued as 42
//	-- closed
//
// The way through it: [Print] writes a conversation as it happens and is what
// [smtp.Client.Trace] takes; [JSON] does so with one object a line; a [Recorder]
// keeps it; [Of] is the conversation that led to an error. All of them make a
// [Transcript], whose String can be kept in a file, sent with a bug report, read
// again by [Parse] or [Read], and played as a server by smtptest.Play.
//
// # The notation
//
// A line is a turn where it begins with "C:", "S:" or "--" and a blank. Blanks
// and tabs may stand before it. Any other line is a remark and is passed over: a
// script may say in plain words what it is about.
//
// What is not fit for a terminal is written as Go writes it: \x1b for an octet,
// \u202e for a character that would turn the line around. A backslash is doubled
// where it would be read as the beginning of such a thing, and nowhere else; a
// blank that ends a line is \x20. So every line that was on the wire can be
// written on one line, and is read back octet for octet.
//
// "(secret)" stands where a secret stood, and "(content, 1234 octets)" for a
// content, of which a transcript has no more than its size.
//
// The sessions of one client may overlap. A session that begins while no other
// is open bears no mark; each other has its number before its lines:
//
//	C: MAIL FROM:<a@example.com>
//	2 C: EHLO shop.example
//	S: 250 2.1.0 ok
//
// # What it does not do
//
// It holds no content, since that is the business of those who send and take it.
// The text has no times unless they are asked for, and they are not read back;
// JSON keeps all of an event but the certificates. Nothing in here looks for
// secrets: they never stand in an event.
package transcript
