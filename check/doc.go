// Package check walks the way to a server step by step, and says where it ends and
// what to do about that.
//
//	c := &check.Check{Client: client} // an smtp.Client that cannot send
//	for step := range c.Run(ctx) {
//		fmt.Println(step.Name, step.Verdict, step.Found.En)
//		if d := step.Diagnosis; d != nil {
//			fmt.Println(d.Cause.En, d.Fix.En)
//		}
//	}
//
// [Check.Run] looks up the name, connects to each of its addresses, hears the greeting,
// starts TLS, looks at the certificate, says EHLO, logs in, asks for the envelope and
// takes it back. Nothing is sent, unless [Check.Send] says so. Where a step fails, what
// needs it is skipped, and what can still be learnt is: which other port
// answers, whether this one speaks TLS where clear text was tried or the other way
// round, what certificate it was that was not believed.
//
// [Check.Report] gathers the steps. A [Report] is kept as JSON, and [Compare] lays two
// of them side by side. [Check.Ways] tries the usual ports in each mode of TLS.
//
// The conversation itself is package smtp's: what holds for a check holds for a mail
// that is sent by the same Client. Beside it stand probes over connections of their own,
// for what a client as strict as that never asks: what a port speaks that does not
// speak SMTP, old versions of TLS, certificates that are not good, an envelope
// without a mail.
//
// # What it does not do
//
// It does not go through [smtp.Client.Proxy] but for the session itself; without a
// way of its own to the server, the probes are left out. It does not look at a
// domain's SPF, DKIM or DMARC records, nor at block lists.
package check
