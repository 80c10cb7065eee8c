// Package relay takes mail from programs, keeps it in an outbox, and has it sent.
//
//	box, err := relay.Open(ctx, "sqlite:outbox.db", outbox.Options{})
//	...
//	server, err := relay.New(box, relay.Config{
//		Listeners: []relay.Listener{{Address: "127.0.0.1:2525"}},
//		Routes:    route.Table{Servers: []route.Server{{Name: "qq", Client: client}}},
//	})
//	...
//	err = server.Run(ctx)
//
// # The way of a mail
//
//  1. A [Listener] takes it by SMTP, as a submission server does (RFC 6409): who a
//     [User] is was proved by AUTH, and what they may send is asked at MAIL, at RCPT
//     and of the header.
//  2. Its header is completed, and its content goes into the outbox as it comes. 250 is
//     said when it is on stable storage, and not before.
//  3. [outbox.Box.Work] sends it by the servers of a [route.Table]. On its way out it is
//     signed (DKIM, [Key]), and gets a reverse-path that its bounces are known by ([Bounces]).
//  4. A bounce that comes back is laid to its mail, and all that happens is told: to
//     [Webhook], and to an [EventLog].
//
// [ReadFile] reads all of that from a file that people write; [Server.Reload] takes
// another configuration without dropping a session or a mail.
//
// # Who may send
//
// A listener without users takes connections from this machine alone, whatever
// address it listens at; one that other machines reach takes no mail before AUTH, and
// no AUTH before TLS. There is no setting that opens it.
//
// # What it does not do
//
// It is no MX: it takes mail from its users, and reports for its own mails. It keeps no
// mailboxes, judges no spam, and serves no pages (package web does).
package relay
