// Package smtp speaks SMTP (RFC 5321) and LMTP (RFC 2033), as the side that sends.
//
// A [Client] says how to reach a server. [Client.Send] brings it one mail and
// [Client.SendAll] very many; [Client.Open] gives a [Session], which is one
// connection, greeted and ready.
package smtp
