// The benchmark is a module of its own, so that the libraries it compares with
// never stand in the go.mod of a program that uses Parley.
module github.com/parleymail/parley/bench

go 1.26.0

replace github.com/parleymail/parley => ..

require (
	github.com/emersion/go-smtp v0.25.1 // a contestant: client and server
	github.com/parleymail/parley v0.0.0 // the one that stands around this folder
	github.com/wneessen/go-mail v0.8.1 // a contestant: the composing client most used
	golang.org/x/sys v0.49.0 // the CPU clock of another process, and on which CPU it runs
	gopkg.in/gomail.v2 v2.0.0-20160411212932-81ebce5c23df // a contestant: the fastest composer before
)

require (
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/xdg-go/scram v1.4.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/time v0.16.0 // indirect
	gopkg.in/alexcesaro/quotedprintable.v3 v3.0.0-20150716171945-2caba252f4dc // indirect
)
