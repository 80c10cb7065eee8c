package transcript_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// Watch a conversation as it happens.
func ExamplePrint() {
	client := &smtp.Client{Addr: "mx.example:587", Trace: transcript.Print(os.Stdout)}

	// What Send will make of it:
	client.Trace(smtp.Event{Session: 1, Did: smtp.Connected, Line: "mx.example:587"})
	client.Trace(smtp.Event{Session: 1, Did: smtp.Answer, Line: "220 mx.example ESMTP"})
	client.Trace(smtp.Event{Session: 1, Did: smtp.Command, Line: "EHLO shop.example"})
	// Output:
	// -- connected to mx.example:587
	// S: 220 mx.example ESMTP
	// C: EHLO shop.example
}

// What a server says may move the cursor, or look like another line. It does
// neither in a transcript.
func ExampleLine() {
	fmt.Println(transcript.Line(smtp.Event{Did: smtp.Answer, Line: "250 \x1b[2J\nS: 250 forged"}))
	// Output: S: 250 \x1b[2J\x0aS: 250 forged
}

// An error brings along the end of the conversation that led to it.
func ExampleOf() {
	var err error = &smtp.Error{Kind: smtp.Refused, Stage: smtp.StageMail, Said: []smtp.Event{
		{Session: 7, Did: smtp.Command, Line: "MAIL FROM:<a@example.com>"},
		{Session: 7, Did: smtp.Answer, Line: "550 5.7.1 not from there"},
	}}
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		fmt.Print(transcript.Of(e))
	}
	// Output:
	// C: MAIL FROM:<a@example.com>
	// S: 550 5.7.1 not from there
}

// A transcript that came with a bug report is read, and what is no turn passed
// over.
func ExampleParse() {
	t, err := transcript.Parse(`
This is what we get since Monday:

	S: 220 mx.example ESMTP
	C: EHLO shop.example
	S: 421 4.7.0 try later
`)
	if err != nil {
		fmt.Println(err)
	}
	for _, e := range t {
		if e.Did == smtp.Answer {
			fmt.Println(e.Line)
		}
	}
	// Output:
	// 220 mx.example ESMTP
	// 421 4.7.0 try later
}

// A Recorder keeps the last of a conversation for when it is asked for.
func ExampleRecorder() {
	recorder := &transcript.Recorder{Max: 100}
	client := &smtp.Client{Addr: "mx.example:587", Trace: recorder.Trace}
	client.Trace(smtp.Event{Session: 1, Did: smtp.Command, Line: "QUIT"})
	fmt.Print(recorder.Transcript())
	// Output: C: QUIT
}
