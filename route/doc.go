// Package route knows which server takes a mail.
//
//	router, err := route.New(route.Table{
//		Servers: []route.Server{
//			{Name: "qq", Account: "59419979@qq.com", Client: qq},
//			{Name: "ses", Client: ses},
//		},
//		Rules: []route.Rule{
//			{Class: []string{"bulk"}, Servers: []string{"ses"}},
//			{To: []string{"*.example.com"}, Servers: []string{"mx"}},
//		},
//		Default: []string{"qq", "ses"}, // ses where qq cannot be had
//	})
//	...
//	err = box.Work(ctx, outbox.Worker{Router: router})
//
// A [Table] is what a person writes: servers with names, and rules of which the
// first that fits counts. [New] looks through it and gives a [Router], which is an
// [outbox.Router].
//
//  1. [Router.Lanes] names the lanes that can take the mail for a recipient, the best
//     first: "qq/59419979@qq.com" for a server, which is an account at a provider, and
//     "mx/google" or "mx/mx.example.net" for delivery to a domain's own hosts. Domains
//     with one set of MX hosts share one lane, whatever machine names it.
//  2. [Router.Lane] gives a lane with its limits: those of the table, else what is
//     known of the provider (limits/*.toml, with sources).
//  3. The lane's Transport sends: through the server's client, or, for MX, to the
//     hosts of the recipients' domains in the order of RFC 5321 §5.1.
//  4. The lane's Judge says what a reply means for all mail of the lane: that
//     nothing more is let in today, that logins are to stop (replies/*.toml). What
//     these do not know is judged by its [diagnose.Kind].
//
// # What it does not do
//
// It keeps no mail and no times: what is tried again, and when, is the outbox's
// matter. It does not read MTA-STS policies or TLSA records: TLS to an MX is
// opportunistic, unless the mail asks for REQUIRETLS. net.Resolver tells no TTL, so
// answers are kept for [MX.Keep], and not for as long as their owner says.
package route
