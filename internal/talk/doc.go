// Package talk is a session by hand: a person, or a script, says SMTP commands,
// and sees what the server says to them.
//
// A [Conversation] is one connection. It takes any line in any order, lays each
// reply to the command that it answers, keeps what follows from both in a [State],
// speaks TLS once the server has said yes to STARTTLS, and tells of all of it, line
// by line, with what the line means. Nobody has to ask for what the server says:
// it is heard as it comes.
//
// The tables in commands.go say of each command how it is written, when it makes
// sense, what it is for, and what the replies to it mean. Completion, hints and
// remarks come out of them.
//
// A [Talk] is the person's side: it reads lines from an [Input], which is a
// [Terminal] or a [Script], sends what is SMTP as it was typed, and does what
// begins with a slash itself. A login is done for the person where only its
// mechanism was typed, and contents get their dots.
//
// What a person types where the server asks for a secret is given to the
// connection and to nothing else: the trace has "(secret)" in its place, and so
// have history and screen.
//
// It is not smtp.Session: that knows what to say next, and never says anything else.
package talk
