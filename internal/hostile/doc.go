// Package hostile is the other side at its worst, for tests: lines that fail at
// any octet, and servers that lie, babble, or say nothing.
//
// [Pipe] is a connection in memory that counts what goes over it and breaks where
// a [Fault] says; [Relay] does the same between two sockets. [Server] is an honest
// server that keeps a record of its own of what it took, so that what a client
// believes can be held against it. [Babbler] is a server that never ends a reply.
// [Judge] reads a content with two parsers that are not ours.
//
// Nothing in it is a secret, and nothing in it is fit to be run outside a test. It
// shares no code with the packages that it is to prove wrong.
package hostile
