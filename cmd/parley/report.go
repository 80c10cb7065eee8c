package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A result is how it ended: what the last line of --json bears. Its names stay as
// they are.
type result struct {
	Outcome  string          `json:"outcome"` // one of the words below
	Exit     int             `json:"exit"`
	Server   string          `json:"server,omitempty"`
	Reply    *replyRecord    `json:"reply,omitempty"`
	QueueID  string          `json:"queue_id,omitempty"`
	Octets   int64           `json:"octets,omitempty"`
	Envelope *envelopeRecord `json:"envelope,omitempty"`
	Content  string          `json:"content,omitempty"`        // of --dry-run
	Encoded  []byte          `json:"content_octets,omitempty"` // the same in base64, where it is not UTF-8
	Refused  []*failure      `json:"refused,omitempty"`
	Error    *failure        `json:"error,omitempty"`
	Checks   []comparison    `json:"checks,omitempty"` // of demo

	quiet bool // says nothing of its success to the person
}

const (
	outcomeTaken   = "taken"
	outcomePartly  = "partly taken"
	outcomeNot     = "not taken"
	outcomeUnknown = "unknown"
	outcomeDry     = "not sent" // --dry-run, which is as it should be
)

type replyRecord struct {
	Code     int    `json:"code"`
	Enhanced string `json:"enhanced,omitempty"`
	Text     string `json:"text,omitempty"`
}

type envelopeRecord struct {
	ReversePath string   `json:"reverse_path"`
	Recipients  []string `json:"recipients"`
}

// A failure is what went wrong, for programs.
type failure struct {
	Kind      string        `json:"kind"` // smtp's, or usage, message, differs
	Stage     string        `json:"stage,omitempty"`
	Recipient string        `json:"recipient,omitempty"`
	Reply     *replyRecord  `json:"reply,omitempty"`
	Message   string        `json:"message"`
	Problems  []string      `json:"problems,omitempty"`
	Temporary bool          `json:"temporary,omitempty"`
	Means     diagnose.Kind `json:"means,omitempty"` // the diagnosis: "auth-needs-app-password"
	Cause     string        `json:"cause,omitempty"`
	Fix       string        `json:"fix,omitempty"`
}

func recordReply(r smtp.Reply) *replyRecord {
	if r.Code == 0 {
		return nil
	}
	record := &replyRecord{Code: r.Code, Text: smtp.Printable(r.Text())}
	if r.Enhanced != (smtp.EnhancedCode{}) {
		record.Enhanced = r.Enhanced.String()
	}
	return record
}

func recordEnvelope(env *mail.Envelope) *envelopeRecord {
	record := &envelopeRecord{ReversePath: env.ReversePath.String()}
	for i := range env.Recipients {
		record.Recipients = append(record.Recipients, env.Recipients[i].Path.String())
	}
	return record
}

// finish tells how it ended, to the person and to programs, and gives the exit
// code. It is the one place where that is told.
func (u *ui) finish(r *result, err error, addr string, asJSON bool) int {
	r.Exit = exitCode(err)
	r.Server = addr
	if err != nil {
		u.explain(r, err, addr)
	}
	if asJSON {
		u.printResult(r)
	} else if r.Reply != nil && !r.quiet {
		u.print(smtp.Printable(u.say(wordTaken, addr, r.Reply)))
	}
	return r.Exit
}

// explain tells what went wrong on standard error, and notes it in r.
func (u *ui) explain(r *result, err error, addr string) {
	if r.Outcome == "" {
		r.Outcome = outcomeNot
	}
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		r.Error = u.explainError(e, addr)
		if e.Uncertain() {
			r.Outcome = outcomeUnknown
		}
		return
	}
	if e, ok := errors.AsType[*messageError](err); ok {
		for _, line := range e.lines {
			u.tell(line)
		}
		u.tell(u.say(wordNothingSent))
		r.Error = &failure{Kind: "message", Message: e.Error(), Problems: e.lines}
		return
	}
	if e, ok := errors.AsType[*partialError](err); ok {
		u.explainPartial(r, e, addr)
		return
	}
	if e, ok := errors.AsType[*adviceError](err); ok {
		r.Error = u.advise(e)
		return
	}
	u.tell(err.Error())
	r.Error = &failure{Kind: "usage", Message: err.Error()}
	if _, ok := errors.AsType[differsError](err); ok {
		r.Error.Kind = "differs"
	}
}

// explainPartial tells who was refused, where others were not.
func (u *ui) explainPartial(r *result, e *partialError, addr string) {
	r.Outcome = outcomePartly
	for _, refused := range e.refused {
		u.tell(wordsOf(refused))
		r.Refused = append(r.Refused, u.record(refused, addr))
	}
	u.tell(u.say(wordPartly))
	u.advice(r.Refused[0])
}

// explainError tells of a mail that was not taken, or of which it is not known.
func (u *ui) explainError(e *smtp.Error, addr string) *failure {
	f := u.record(e, addr)
	if problems := problemsOf(e); len(problems) > 0 {
		for _, p := range problems {
			u.tell(p.Error())
			f.Problems = append(f.Problems, p.Error())
		}
	} else {
		u.tell(wordsOf(e))
	}
	for _, also := range e.Also {
		u.tell(wordsOf(also))
	}
	if e.Uncertain() {
		u.tell(u.say(wordUncertain))
	} else {
		u.tell(u.say(wordNothingSent))
	}
	u.advice(f)
	return f
}

// wordsOf is an error without the name of the package that it comes from.
func wordsOf(e *smtp.Error) string { return strings.TrimPrefix(e.Error(), "smtp: ") }

func (u *ui) advice(f *failure) {
	u.tellPlain("cause: " + f.Cause)
	u.tellPlain("fix: " + f.Fix)
}

func (u *ui) record(e *smtp.Error, addr string) *failure {
	f := &failure{Kind: e.Kind.String(), Stage: e.Stage.String(), Reply: recordReply(e.Reply), Temporary: e.Temporary()}
	f.Message = wordsOf(e)
	if !e.Path.IsNull() {
		f.Recipient = e.Path.String()
	}
	d := diagnose.Default().Explain(e, diagnose.Hint{Server: addr})
	f.Means, f.Cause, f.Fix = d.Kind, smtp.Printable(d.Cause.In(diagnose.Lang(u.lang))), smtp.Printable(d.Fix.In(diagnose.Lang(u.lang)))
	if e.Stage == smtp.StageRcpt && e.Reply.Code != 0 {
		f.Fix = strings.TrimRight(f.Fix, ".。") + u.say(wordPartialHelps)
	}
	return f
}

// String is the reply on one line, as the person sees it.
func (r *replyRecord) String() string {
	s := fmt.Sprint(r.Code)
	if r.Enhanced != "" {
		s += " " + r.Enhanced
	}
	if r.Text != "" {
		s += " " + r.Text
	}
	return s
}

// printResult writes the last line of --json. It is an event like the others, a
// note, so that all of the lines together are a transcript that can be read back.
func (u *ui) printResult(r *result) {
	line := r.Outcome
	if r.Reply != nil {
		line += ": " + r.Reply.String()
	} else if r.Error != nil {
		line += ": " + r.Error.Message
	}
	u.printJSON(struct {
		At     time.Time `json:"at"`
		Did    string    `json:"did"`
		Line   string    `json:"line"`
		Result *result   `json:"result"`
	}{time.Now(), smtp.Note.String(), line, r})
}

func (u *ui) printJSON(v any) { u.out.Write(u.encodeJSON(v)) }

// encodeJSON is v on a line of its own, fit for a terminal.
func (u *ui) encodeJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // <kim@example.net> is to be read by people too
	if err := enc.Encode(v); err != nil {
		u.tell(err.Error()) // cannot be: all that is in it can be written
		return nil
	}
	return escapeControls(b.Bytes())
}

// escapeControls writes what encoding/json lets through and a terminal obeys as
// escapes of JSON. Such characters stand in strings alone.
func escapeControls(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		if plain := plainASCII(b); plain > 0 { // nearly all of it
			out, b = append(out, b[:plain]...), b[plain:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		if c := string(b[:n]); r != '\n' && smtp.Printable(c) != c {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, c...)
		}
		b = b[n:]
	}
	return out
}

// plainASCII is how many octets there are before the first that is not.
func plainASCII(b []byte) int {
	for i, c := range b {
		if c < ' ' || c > '~' {
			return i
		}
	}
	return len(b)
}

// queueIDs are how servers name the mail in their queue in the reply to its end.
var queueIDs = []*regexp.Regexp{
	regexp.MustCompile(`(?i)queued as ([^\s.,;]+)`),                    // Postfix, and many others
	regexp.MustCompile(`\bid=([\w-]+)`),                                // Exim
	regexp.MustCompile(`(?i)^(\S+) message accepted for delivery`),     // Sendmail, OpenSMTPD
	regexp.MustCompile(`(?i)\bok:? ([0-9a-f][0-9a-z-]{9,}[0-9a-z])\b`), // SES
	regexp.MustCompile(`(?i)<([^<>@\s]+@[^<>\s]+)> .*queued`),          // Microsoft
}

func queueID(r smtp.Reply) string {
	for _, form := range queueIDs {
		if m := form.FindStringSubmatch(r.Text()); m != nil {
			return smtp.Printable(m[1])
		}
	}
	return ""
}

// trace is what is told of a conversation: to programs, to the person, or to
// nobody.
func (u *ui) trace(verbose, asJSON bool) func(smtp.Event) {
	var list []func(smtp.Event)
	if verbose {
		list = append(list, transcript.Print(u.err))
	}
	if asJSON {
		list = append(list, transcript.JSON(u.out))
	}
	if len(list) == 0 {
		return nil
	}
	return func(e smtp.Event) {
		for _, f := range list {
			f(e)
		}
	}
}
