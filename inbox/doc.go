// Package inbox keeps what was caught: every session with all that was said in it,
// and the mails.
//
// A [Store] keeps, in an embedded SQLite database, which is in memory or in a file. A
// [Server] takes sessions over SMTP and puts them there, those that failed and
// those that said nothing too. What is kept is asked for by a [Query], whose words
// [ParseQuery] knows:
//
//	Store.Messages   a page of a list, newest first
//	Store.Content    the octets of one mail, as they were sent
//	Store.Sessions   the conversations, and [Store.Transcript] what was said in one
//	Store.Wait       the next mail that is like this, for tests
//	Store.Watch      all that changes, for a page that is live
//
// A [Forwarder] passes kept mails on to a real server, by hand or by rule.
//
//	store, err := inbox.Open(inbox.Options{})
//	server := &inbox.Server{Store: store}
//	go server.Serve(listener)
//	message, err := store.Wait(ctx, inbox.Query{Text: "to:kim@example.net subject:welcome"})
//
// # What is kept
//
// The envelope as it was said, with its parameters; the content octet for octet,
// with nothing put before it; the conversation with its times. What stands in the
// header is read from the content afterwards, and never the other way round. What
// AUTH said is in none of it.
//
// # What 250 means
//
// With a file, the mail is in it, and so is its session, before the client hears
// 250: it is there after the process was killed. The file is SQLite's with a
// write-ahead log and synchronous=NORMAL: a machine that loses its power keeps a
// sound file, and may lose the mails of the last moments. For mail that must not
// be lost there is the outbox. In memory a mail is there for all who ask after its
// 250, and goes with the process.
//
// # What is not kept
//
// The oldest goes first, when there is more than [Options] allow. Of a long session
// the beginning and the end of what was said are kept, and a note between says how
// much is left out.
//
// # What it does not do
//
// It delivers nothing, unless a Forwarder is asked to. It judges no signature and
// looks nothing up. A content is not made fit for a browser here: package
// inbox/view does that.
package inbox
