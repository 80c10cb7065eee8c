// Package dsn writes delivery status notifications (RFC 3464) and reads them, and what
// other mail systems send in their place.
//
// # Writing
//
// A [Report] says what became of one mail, for each of its recipients. A [Letter]
// carries it to the mail's sender. It is a [mail.Object], so that a client sends it and an
// outbox keeps it as any other:
//
//	letter := &dsn.Letter{
//		Report: dsn.Report{
//			ReportingMTA: "mx.example.net",
//			EnvelopeID:   envelope.ID,
//			Recipients: []dsn.Recipient{
//				{Final: path, Original: orcpt, Action: dsn.Failed, Reply: reply, RemoteMTA: "mx.example.com"},
//			},
//		},
//		To:      envelope.ReversePath,
//		Return:  envelope.Return,
//		Content: func() (io.ReadCloser, error) { return os.Open("the mail") },
//	}
//
// It has a part for people, in English and in Chinese, with cause and fix from package
// diagnose; one for programs; and as much of the mail as is to be returned. What servers have said is
// not to be trusted: nothing of it begins a field, a line or a part.
//
// # Reading
//
// [Read] takes any mail and gives a [Notice]: whether it tells of a failure, a delay or a
// delivery, or is an automatic answer, a complaint (RFC 5965), a notice that a mail was read
// (RFC 8098), or none of these; of which mail it tells, and of which recipients, each with the
// reply, and with what that means. Notifications by RFC 3464 are read as such. Bounces that keep to no standard are
// read by the rules of facts/forms.toml, and [Notice.Confidence] says how sure that is.
//
// # Matching
//
// A bounce is matched to its mail by [Report.EnvelopeID] where servers keep that, by
// [Original.MessageID] where the header came back, and surest by the address that it was
// sent to: [Signer.Path] puts a token into a reverse-path (VERP), and [Signer.Token] takes it out and knows
// whether it is ours. A program that suppresses addresses should go by nothing that
// anybody could have written.
//
// # What it does not do
//
// It keeps nothing, sends nothing, and does not decide whether an address is to be written to
// again. It checks no signature of the mail that it reads.
package dsn
