package check

import (
	"errors"
	"fmt"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// verify asks whether a mail would be taken, and takes the question back. Its steps are told
// by the trace.
func (w *walk) verify(s *smtp.Session) {
	env, err := w.paths()
	if err != nil {
		w.fail("mail", &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageMail, Err: err}, nil)
		return
	}
	if err := s.Verify(w.ctx, env); err != nil && !w.stopped {
		e := asError(err, smtp.StageMail)
		path := env.ReversePath
		if e.Stage == smtp.StageRcpt {
			path = e.Path
		}
		w.fail(e.Stage.String(), e, nil, func(s *Step) { s.Facts = Facts{Path: path.String(), Reply: e.Reply.String()} })
	}
	if w.undone != nil {
		w.give(*w.undone)
	}
}

// paths are the envelope that is asked for.
func (w *walk) paths() (env mail.Envelope, err error) {
	if env.ReversePath, err = mail.ParsePath(w.check.From); err != nil {
		return env, fmt.Errorf("Check.From: %w", err)
	}
	to, err := mail.ParsePath(w.recipient())
	if err != nil {
		return env, fmt.Errorf("Check.To: %w", err)
	}
	if to.IsNull() {
		return env, errors.New("Check.To is not set, and Check.From is the null path")
	}
	env.Recipients = []mail.Recipient{{Path: to}}
	return env, nil
}
