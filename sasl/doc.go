// Package sasl holds what AUTH speaks: the mechanisms of RFC 4422 that mail
// servers have, both sides of them.
//
// # The way through
//
// The client's side. [Credentials] know who we are: [Password], [Token],
// [External]. Choose looks at what the server offers and gives a [Mechanism],
// which is one exchange: Next answers challenges, and Outcome is told the verdict.
//
// The server's side. [Accounts] know who may come in; [Users] are some for a test,
// and with [Anyone] nobody is turned away.
// Offer is the list for the reply to EHLO, and Start gives an [Exchange] for the
// mechanism that the client named.
//
// Both sides speak in octets. Base64, the line "*" that ends an exchange, and the
// reply codes are the business of packages smtp and smtpd.
//
// # Which mechanism, and why
//
// [Password] takes the first of these that the server offers:
//
//		                     over TLS   in clear text
//		SCRAM-SHA-256-PLUS      1            -
//		SCRAM-SHA-256           2            1
//		SCRAM-SHA-1-PLUS        3            -
//		SCRAM-SHA-1             4            2
//		PLAIN                   5            4
//		LOGIN                   6            5
//		CRAM-MD5                7            3
//
//	  - SCRAM (RFC 5802, RFC 7677) comes first, for the server never sees the
//	    password and has to prove that it knew it. With -PLUS the proof is bound to
//	    this TLS connection: whoever sits between, with whatever certificate, can
//	    pass it on to nobody.
//	  - PLAIN (RFC 4616) says the password. Over TLS only the server hears it.
//	  - LOGIN says the same in two steps. It is for servers that have nothing else.
//	  - CRAM-MD5 (RFC 2195) hides the password from listeners, so in clear text it
//	    goes before PLAIN. Over TLS there are none, and it is last: many servers that
//	    offer it cannot serve it, for they keep passwords hashed.
//
// A -PLUS mechanism is passed over where the connection has nothing safe to bind
// to: TLS 1.2 without the extended master secret, or a client that allows
// renegotiation. The binding is tls-exporter over TLS 1.3 and tls-unique before;
// [Bind] names another. Where we could have bound and the server offers no -PLUS of
// that mechanism, we say so (the flag "y" of RFC 5802 §6), and a server whose list
// was cut short on the way refuses.
//
// [Token] takes OAUTHBEARER (RFC 7628) before XOAUTH2, and [External] takes EXTERNAL.
// What else is offered, known or not, is not looked at.
// [Only] holds credentials to one mechanism by name.
//
// Whether to say a password in clear text is not decided here. smtp.Client does not
// get to AUTH without TLS unless it was told to.
//
// # What is refused
//
// An empty user name, password or token, and one with control characters in it, is
// an error of Choose, which names the field and never shows its value. SCRAM with
// fewer than 4,096 iterations is refused, for they make a password cheap to guess
// by whoever poses as the server; so are more than 1,000,000, which would only keep
// our processor busy. A server that accepts without its proof is not believed.
//
// On the server's side, nobody acts for another: an authorization identity that is
// not the user's own name is refused. SCRAM and CRAM-MD5 answer a user that does not
// exist as one that does, by the same words and after the same work; for PLAIN and
// LOGIN that is in the hands of Accounts.Password.
//
// # Secrets
//
// Credentials, mechanisms and exchanges show no secret, whatever they are printed
// with, and no error of this package repeats one, though the server said it back.
// Secrets of a Mechanism are for those who write down what was said.
//
// # What it does not do
//
// No GSSAPI, NTLM or DIGEST-MD5, no SCRAM over SHA-512, no security layers. No second
// try by another mechanism after a refusal. It gets no OAuth token: a [TokenSource]
// does, and package sasl/oauth makes one of golang.org/x/oauth2. On the server's
// side it counts no failures and slows nobody down.
package sasl
