// A program that sends by go-mail. It is a module of its own, so that go-mail never stands in the go.mod of a program
// that uses Parley.
module github.com/parleymail/parley/interop/catch/gomail

go 1.26.0

require github.com/wneessen/go-mail v0.8.1 // the library that it sends by

require (
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/text v0.40.0 // indirect
)
