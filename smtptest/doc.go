// Package smtptest is the server in your test.
//
// [Play] is a conversation written down, and the test fails where the client does
// not keep to it:
//
//	client := smtptest.Play(t, `
//	S: 220 mx.example ESMTP
//	C: EHLO localhost
//	S: 250 mx.example
//	C: MAIL FROM:<shop@example.com>
//	S: 250 2.1.0 ok
//	C: RCPT TO:<kim@example.net>
//	S: 550 5.1.1 no such user
//	`)
//	_, err := client.Send(ctx, message)
//
// # Scripts
//
// A script is a transcript (see package transcript): what [smtp.Client.Trace]
// printed, where a customer's mail failed, can be pasted into a test and is played.
// Lines that are no turns are remarks.
//
//	C: MAIL FROM:<*@example.com>*   "*" stands for any text, and "(secret)" too
//	S: 250-mx.example               a line of a reply; \x00 and \xff are octets
//	C: (content)                    after 354 or BDAT: any content, up to its dot
//	C: .                            directly after 354: the same
//	C: Subject: Hello               after 354: a line of the content, dots doubled
//	-- connected                    the next connection begins
//	-- closed                       the server hangs up
//	-- reset                        the connection is cut
//	-- refused                      there is no connection
//	-- silence                      the server hears, and says nothing more
//	-- deaf                         it does not even hear
//	-- wait 1m30s                   it takes its time
//	-- raw 250 half a li            it says this, with no CRLF after it
//	-- tls                          TLS begins: first thing, or after STARTTLS
//	-- tls expired                  the same with a bad certificate; also misnamed, untrusted
//
// The client may put its lines on the way together where the script offers
// PIPELINING; where it does not, and after commands that have to be waited for
// (RFC 2920 §3.1), running ahead fails the test. Lines with a number before them
// ("2 C: ...") are those of a second connection at the same time.
//
// Connections of a script are in memory: they hold 64 KiB on the way, as sockets
// do, and wait as testing/synctest wants it, so that ten minutes of silence take
// no time.
//
// # The server
//
// A [Server] is for the test of a program: it takes mail, over loopback with TLS and
// AUTH, or in memory. [Server.Client] and [Server.URL] reach it, [Server.Wait] and
// [Server.Find] give what came, and [Server.Refuse] and [Server.Fault] make it fail:
//
//	server := smtptest.NewServer(t)
//	server.Refuse(smtp.StageRcpt, "*<kim@*", "550 5.1.1 no such user")
//	server.Fault(smtptest.Fault{Stage: smtp.StageEnd, Mute: true, Then: smtptest.HangUp, Times: 1})
//	shop := NewShop(server.URL())
//	...
//	m := server.Wait(t, 1)[0]
//
// It is smtpd, whose session loop has the faults itself, so that it knows all that
// smtpd knows: channel binding (SCRAM-SHA-256-PLUS), REQUIRETLS, chunks. Its
// certificate is of a throwaway CA, an [Authority], and it offers extensions that do
// not exist, so that a client which cannot pass over them is found. Server.Plan takes
// the plans of package fault, for what a [Fault] has no word for.
//
// # Recordings
//
// [Replay] takes a transcript as Play does, and holds nobody to it: it is a server that says what the recorded one said,
// whatever client, mail and address it is spoken to with. A customer's log is so a server in a test.
//
//	server := smtptest.Replay(t, recorded)
//	shop := NewShop(server.URL())
//
// [Pipe] is for those who play their server by hand.
//
// # What it does not do
//
// A script cannot play mechanisms of AUTH in which the server must prove something
// (SCRAM). The Server asks for no certificate of a client (EXTERNAL) and takes no
// tokens. It keeps mails in memory and delivers none.
package smtptest
