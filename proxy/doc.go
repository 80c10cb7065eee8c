// Package proxy stands between a program and its provider, passes the conversation
// on byte for byte, and tells what was said.
//
// A [Proxy] is told where the provider is, by a [smtp.Client]. It takes connections
// from a listener, makes one to the provider for each, and hands on what comes from
// either side as soon as it comes. Beside that a tap follows both directions: it
// lays each reply to its command and makes [smtp.Event]s of them for Trace, and it
// makes a [Finding], with its cause and its fix, of each thing that goes wrong, on
// whichever side.
//
// It can do for a program what the program cannot:
//
//   - speak TLS with the provider, of either kind, while the program speaks in
//     clear text: that is what the Client's Security says;
//   - speak TLS with the program: Implicit, OfferTLS;
//   - log in: with the Client's Auth.
//
// Where the Client's Security is [smtp.Plaintext], and the program says STARTTLS, the
// proxy speaks TLS with both, so that the conversation stays to be seen. With Blind it
// lets them speak TLS with each other, and sees no more.
//
// # What is changed
//
// Nothing but what was asked for: lines and their ends, bare LFs, dots, octets over
// 127, what is sent together and what is not, all go on as they came. What one side
// does not take, the other is not asked for: there are no queues in between.
//
// In the reply to EHLO the lines STARTTLS and AUTH come and go with OfferTLS, a login
// and AcceptLogin, and those of Without go; so do mechanisms that bind the login to TLS,
// where that ends here (SCRAM-SHA-256-PLUS). A note in the trace says so. Of its own
// accord the proxy speaks to the program only where there is no provider that could:
// 421, and why.
//
// # What it does not do
//
// It makes no faults. It keeps no mail, and tries nothing again. What it cannot follow
// it passes on all the same, and says that it has lost track; but where it logs in, it
// hangs up on HTTP and TLS that come where a command should: a page in a browser could
// send mail in somebody's name by them.
package proxy
