// Package hostile is the other side at its worst, for tests: lines that fail at
// any octet, and servers that lie, babble, or say nothing.
//
// [Pipe] is a connection in memory that counts what goes over it and breaks where
// a [Fault] says; a [Relay] does the same between two sockets. [Server] is an honest
// server that keeps a record of its own of what it took, so that what a client
// believes can be held against it; it may be told to say something else instead,
// or something without end ([Endless], [Say]). A [Sink] is a server in the
// client's own calls, for a million mails. [Fields] finds every string that an API
// takes, [Payloads] are what to put there, and [Python] and [ReadGo] read what
// comes of it with parsers that are not ours.
//
// Nothing in it is fit to be run outside a test. It shares no code with the packages
// that it is to prove wrong.
package hostile
