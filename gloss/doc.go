// Package gloss has a word on each line of a conversation, for who reads one and does not speak SMTP.
//
// [Of] goes through a transcript; a [Glosser] follows one that is under way. Either gives a [Line] for each event: a
// remark in English and Chinese, and where the server said no, or the line broke, the diagnosis of package
// diagnose. What was remarked once in a conversation is marked as repeated, and whoever prints may leave it out.
//
//	C: EHLO shop.example          The client says who it is, and asks what the server can do.
//	S: 250-mx.example             Yes. Below its name stands what it can do, a line each.
//	S: 250 SIZE 10240000          A mail may have 10,240,000 octets.
//	C: MAIL FROM:<a@example.com>  The envelope begins: where a bounce would go.
//	S: 550 5.7.1 not from there   (a diagnosis: its cause and its fix)
//
// [Times] tells where the time went: an interval for each step, which a page draws as a timeline.
//
// The words speak of the client and the server, and never of "you": the same transcript is read by who wrote the
// client, by who runs the server and by who stands between.
//
// # What it does not do
//
// It looks at no mail's content, and at nothing but the transcript: what a name resolves to, or whether a
// certificate is good, package check asks.
package gloss
