// Package mail is the mail object of RFC 5321 §2.3.1: an envelope, which servers
// go by, and a content, which people read.
//
// The way through it:
//
//  1. A program fills in a [Message]: From, To, Subject, Text, and what else it
//     needs. Addresses are made by [To] or [ParseAddress], files by [File], [Bytes],
//     [FS] or [Reader]. Bytes that exist already are a [Raw]; JSON becomes a Message
//     by [DecodeJSON], and an .eml file by package eml.
//  2. [Message.Check] tells all that is wrong with it, field by field. It need not be
//     called: nothing wrong gets past the next step.
//  3. What sends it, smtp.Client for one, takes either as an [Object]. It asks for
//     the [Envelope], then opens the [Content], which opens the files and looks at
//     the texts, all before the first command.
//  4. [Content.Fit] is told what the server takes. It settles what is encoded and how,
//     and says what the content is then like.
//  5. The content is written as a stream: header and texts by one write, files a piece
//     at a time. An attachment of 50 MiB takes a few hundred KiB of memory.
//
// Header and envelope are written from one parse of each address, a [Path]: where
// the header says that a mail goes is where it goes.
//
// # Rules that are kept
//
// Every line ends with CRLF and has at most 998 octets, those of the header too: a
// longer word there is encoded, and where it cannot be, as in an identifier or a
// URL, it is refused. No CR, LF, NUL or other control character gets from a
// field of the API into a header; what holds one is refused with the field's name, not
// cleaned. Texts go as 7bit where they are ASCII, as 8bit where the server takes
// it, else as quoted-printable or base64, whichever is shorter. A server without
// SMTPUTF8 gets no UTF-8 in the header, and a mail that needs it is an error there.
//
// # What it does not do
//
// It does not sign or encrypt; it does not fill in templates, make text of HTML, or
// fetch pictures; it does not read mail, for which there is package eml; it does
// not ask DNS whether a domain exists. It does not change a message to make it pass.
package mail
