package check

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// envelope asks whether a mail would be taken, and takes the question back: MAIL, RCPT, RSET, QUIT.
// It logs in anew, for a Client's session has no envelope without a mail.
func (w *walk) envelope() {
	if w.failed || w.stopped || w.check.From == "" || w.check.Send {
		return
	}
	if !w.direct {
		for _, name := range []string{"mail", "rcpt", "reset", "quit"} {
			w.give(Step{Name: name, Verdict: Skipped, Found: foundProxy()})
		}
		return
	}
	from, to, err := w.paths()
	if err != nil {
		w.fail("mail", &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageMail, Err: err}, nil)
		return
	}
	l, err := w.openLine(manner{told: true, login: true})
	if err != nil {
		w.fail("mail", w.lineFailed(smtp.StageMail, mail.Path{}, err), nil)
		return
	}
	defer l.close()
	command := "MAIL FROM:" + from.String()
	if from.UTF8() || to.UTF8() {
		command += " SMTPUTF8" // RFC 6531 §3.4
	}
	if w.askStep(l, smtp.StageMail, from, command) && w.askStep(l, smtp.StageRcpt, to, "RCPT TO:"+to.String()) {
		// QUIRK: some servers refuse RSET (eYou: 502), and QUIT takes the envelope back as well.
		w.politely(l, smtp.StageReset, "RSET")
	}
	if !l.lost {
		w.politely(l, smtp.StageQuit, "QUIT")
	}
}

// paths are those of the envelope, in ASCII where they can be.
func (w *walk) paths() (from, to mail.Path, err error) {
	if from, err = mail.ParsePath(w.check.From); err != nil {
		return from, to, fmt.Errorf("Check.From: %w", err)
	}
	if to, err = mail.ParsePath(w.recipient()); err != nil {
		return from, to, fmt.Errorf("Check.To: %w", err)
	}
	if to.IsNull() {
		return from, to, errors.New("Check.To is not set, and Check.From is the null path")
	}
	if from.UTF8() || to.UTF8() {
		return from, to, nil
	}
	if ascii, err := from.ASCII(); err == nil {
		from = ascii
	}
	if ascii, err := to.ASCII(); err == nil {
		to = ascii
	}
	return from, to, nil
}

// askStep is a command of the envelope.
func (w *walk) askStep(l *line, stage smtp.Stage, path mail.Path, command string) bool {
	l.goOn()
	began := time.Now()
	r, err := l.ask(stage, command, "")
	took := time.Since(began)
	facts := func(s *Step) { s.Took, s.Facts = took, Facts{Path: path.String(), Reply: r.String()} }
	if err != nil {
		of := path
		if stage != smtp.StageRcpt {
			of = mail.Path{}
		}
		w.fail(stage.String(), w.lineFailed(stage, of, err), nil, facts)
		return false
	}
	s := Step{Name: stage.String(), Verdict: Good, Found: foundSaid(r.String())}
	facts(&s)
	w.give(s)
	return true
}

// politely is a command whose refusal harms nothing.
func (w *walk) politely(l *line, stage smtp.Stage, command string) {
	if w.stopped {
		return
	}
	l.goOn()
	began := time.Now()
	r, err := l.ask(stage, command, "")
	s := Step{Name: stage.String(), Verdict: Good, Took: time.Since(began), Facts: Facts{Reply: r.String()}, Found: foundSaid(r.String())}
	if err != nil {
		s.Verdict = Warning
		if r.Code == 0 {
			s.Found = foundError(w.lineFailed(stage, mail.Path{}, err))
		}
	}
	if stage == smtp.StageQuit {
		l.tell(smtp.Event{Stage: stage, Did: smtp.Closed})
	}
	w.give(s)
}

// lineFailed words what broke on a line as package smtp would.
func (w *walk) lineFailed(stage smtp.Stage, path mail.Path, err error) *smtp.Error {
	e := &smtp.Error{Kind: smtp.Unreachable, Stage: stage, Path: path, Err: err, Said: w.events}
	var no refusal
	var odd notSMTP
	switch {
	case w.ctx.Err() != nil:
		e.Kind, e.Err = smtp.Interrupted, w.ctx.Err()
	case errors.As(err, &no):
		e.Kind, e.Reply, e.Err = smtp.Refused, no.reply, nil
	case errors.As(err, &odd):
		e.Kind = smtp.Garbled
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		e.Err = fmt.Errorf("the server hung up: %w", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.Err = fmt.Errorf("the server said nothing for %v: %w", w.timeout, err)
	}
	return e
}
