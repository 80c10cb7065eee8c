// Package fault is what goes wrong on purpose: plans of faults for servers that clients are tested with.
//
// A [Plan] has [Rule]s: where (a stage, a recipient, a session...), how often ("the first two"), and what: any reply, a [Persona], which
// is what a provider really says, a wait, garbage, a line that breaks, a certificate that is no good. Its method At is what
// [smtpd.Server.Fault] is set to, and Idle what Server.Idle is; rules come and go while the server runs.
//
//	plan := new(fault.Plan)
//	plan.Add(fault.Rule{Stage: "rcpt", Recipient: "kim@*", Times: 2, Reply: "451 4.7.1 come back later"})
//	plan.Add(fault.Rule{Persona: "gmail-no-app-password"})
//	server := &smtpd.Server{Fault: plan.At, Idle: plan.Idle}
//
// On a command line and on a page a rule is written in one line, as [ParseRule] reads it:
//
//	rcpt recipient=kim@* times=2 reply="451 4.7.1 come back later"
//
// A file has [[fault]] tables of TOML, or JSON: see [Read].
package fault
