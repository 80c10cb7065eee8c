// Package outbox keeps mail in a database until a server has taken it.
//
// A program hands a mail over in the transaction in which it does what the mail is
// about, so that there are both or neither:
//
//	box, err := sqlite.Open(ctx, "app.db", outbox.Options{})
//	...
//	id, err := box.Put(ctx, tx, message) // the order and its mail, or neither
//	err = tx.Commit()
//
// and works the box off, in the same process or in others, on one machine or on
// many:
//
//	err := box.Run(ctx, client) // an *smtp.Client; or box.Work, with a Router that knows many
//
// # The way of a mail
//
//  1. [Box.Put] writes the message, its content, and a row for each recipient, which
//     is queued. Without a transaction of the caller's, many are written in one and
//     are on stable storage when Put returns.
//  2. [Box.Run] asks its Router for the lane of each recipient: an account, or the
//     address that we send from, with the site that it goes to. What a server allows,
//     and how it behaves, is a lane's matter, and shared by all workers.
//  3. A worker takes recipients of a lane that has room, the class [Alert] first, and
//     notes that it is sending them before it does.
//  4. What came of it is written down for each recipient, with the server's reply:
//     sent, deferred and tried again later, or bounced, of which the reverse-path is told
//     by a delivery status notification (RFC 3464).
//
// # What is never lost, and what may come twice
//
// A mail that Put has taken is delivered, or its sender learns why not. Nobody can
// promise that it is delivered once: between the server's word that it has taken a
// mail and ours that we know of it, a line can be cut, or a worker killed. Such an
// outcome is [Unknown]; it is written down, and the mail's class decides whether it
// is sent again or waits for a person.
//
// # What it does not do
//
// It composes nothing (that is package mail), it does not speak SMTP (package smtp),
// and it does not decide which server takes a mail (package route).
package outbox
