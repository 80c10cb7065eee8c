package check

import (
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// sendMail sends a short mail; its steps are told by hear.
func (w *walk) sendMail(s *smtp.Session) {
	m, err := w.message()
	if err != nil {
		w.fail("mail", &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageMail, Err: err}, nil)
		return
	}
	if _, err := s.Send(w.ctx, m); err != nil && !w.stopped {
		e := asError(err, smtp.StageMail)
		name := e.Stage.String()
		if e.Stage >= smtp.StageData && e.Stage <= smtp.StageEnd {
			name = "send"
		}
		w.fail(name, e, nil)
	}
}

func (w *walk) message() (*mail.Message, error) {
	m := &mail.Message{
		To: mail.To(w.recipient()), Subject: "Parley check",
		Text:          "This mail was sent by a check of " + w.addr + ". It can be thrown away.\n",
		AutoSubmitted: "auto-generated",
	}
	from, err := mail.ParsePath(w.check.From)
	if err != nil {
		return nil, err
	}
	if m.From.Address = w.check.From; from.IsNull() {
		m.From.Address, m.ReversePath = w.recipient(), &from
	}
	return m, nil
}

func (w *walk) recipient() string {
	if w.check.To != "" {
		return w.check.To
	}
	return w.check.From
}
