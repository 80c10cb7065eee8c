// Package parley is the house of a library and a command: they let a program send
// mail, and let a person see what was said.
//
// SMTP is a conversation in lines. The client asks, the server answers with a
// number and some words, and when it goes wrong most programs show neither. In
// Parley the conversation is a thing of its own: every mail sent, every mail
// taken and every error has one, and it can be read, kept, played back and tested
// against.
//
// There is nothing to import here. A mail's way goes through the folders:
//
//	mail        what it says and who it is for
//	sasl        how a client proves who it is
//	smtp        the conversation, the side that sends
//	smtpd       the conversation, the side that takes
//	transcript  the conversation written down, and read back
//	smtptest    the server in your test
//
// and the command is in cmd/parley. ARCHITECTURE.md has the way of a mail in one
// page, and what each floor may know of the others.
package parley
