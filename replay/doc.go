// Package replay plays a conversation that was recorded, as the server: it says what the real one said, to any
// program.
//
// A [Server] is given a transcript, and takes connections. It need not be spoken to by the client of the recording: to
// each command it says what the real server said to the same command at that place.
//
//   - The n-th RCPT gets the reply to the n-th RCPT, and an address that is in the recording gets its own; MAIL goes the
//     same way. Where the client asks more often than the recording has it, the last reply is said again.
//   - The name in EHLO, the order of parameters, sizes, passwords and contents are the client's own and change
//     nothing. EHLO in clear text and within TLS have each their own reply. BDAT gets what DATA and its dot got, and
//     the other way round.
//   - TLS begins where it did, with a certificate that is made on the spot.
//   - A login by any mechanism that says the password, or a token, ends as that of the recording did. By SCRAM the
//     server would have to prove that it knows the password: that succeeds for Users, and for nobody else.
//   - Where the server hung up, cut the connection or fell silent, it does so again.
//
// The n-th connection plays the n-th session of the recording; after the last one they begin anew, unless Once.
//
// What the client says otherwise than the recording is told as a [Departure], in words; [Server.Strict] ends the
// session there. What of a recording cannot be played at all is told by [Server.Notes].
//
// # What it does not do
//
// It decides nothing by itself: a command that the recording has no reply to gets 451, or a plain yes where that can
// mean nothing else (NOOP, RSET, QUIT). It keeps no mail. What was wrong with a certificate is not played.
package replay
