package inbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtpd"
)

// parameters are those of MAIL and RCPT that an envelope had.
type parameters struct {
	Return     mail.Return     `json:"return,omitempty"`
	ID         string          `json:"id,omitempty"`
	RequireTLS bool            `json:"require_tls,omitempty"`
	Submitter  string          `json:"submitter,omitempty"`
	Recipients []rcptParameter `json:"recipients,omitempty"`
}

type rcptParameter struct {
	Number   int         `json:"number"` // among the recipients, from 0
	Notify   mail.Notify `json:"notify,omitempty"`
	Original string      `json:"original,omitempty"`
}

// envelope takes over what was said of a mail before its content.
func (a *arrival) envelope(t *smtpd.Transaction) {
	a.reverse = bare(t.ReversePath)
	if t.EightBit {
		a.marks |= markEightBit
	}
	if t.UTF8 {
		a.marks |= markUTF8
	}
	p := parameters{Return: t.Return, ID: t.ID, RequireTLS: t.RequireTLS}
	if !t.Submitter.IsNull() {
		p.Submitter = bare(t.Submitter)
	}
	any := p.Return != 0 || p.ID != "" || p.RequireTLS || p.Submitter != ""
	if len(t.Recipients) == 1 {
		a.rcpts = bare(t.Recipients[0].Path)
	}
	var list []string
	for i, r := range t.Recipients {
		if len(t.Recipients) > 1 {
			list = append(list, bare(r.Path))
		}
		if r.Notify != 0 || r.Original != "" {
			p.Recipients = append(p.Recipients, rcptParameter{i, r.Notify, r.Original})
			any = true
		}
	}
	if list != nil {
		a.rcpts = strings.Join(list, "\n")
	}
	if any {
		b, _ := json.Marshal(p) // it has strings and numbers alone
		a.params = string(b)
	}
}

// Envelope gives the envelope of a message as it was said, with the parameters of DSN
// and REQUIRETLS.
func (s *Store) Envelope(ctx context.Context, id int64) (mail.Envelope, error) {
	if err := s.sync(ctx); err != nil {
		return mail.Envelope{}, err
	}
	var reverse, rcpts string
	var params sql.NullString
	err := s.read(ctx, func(q querier) error {
		return found(q.QueryRowContext(ctx, "SELECT reverse_path, recipients, parameters FROM messages WHERE id = ?", id).Scan(&reverse, &rcpts, &params))
	})
	if err != nil {
		return mail.Envelope{}, err
	}
	e, err := readEnvelope(reverse, strings.Split(rcpts, "\n"), params.String)
	if err != nil {
		return mail.Envelope{}, fmt.Errorf("inbox: reading the envelope of message %d: %w", id, err)
	}
	return e, nil
}

func readEnvelope(reverse string, rcpts []string, params string) (e mail.Envelope, err error) {
	if e.ReversePath, err = mail.ParsePath(reverse); err != nil {
		return e, err
	}
	e.Recipients = make([]mail.Recipient, len(rcpts))
	for i, text := range rcpts {
		if e.Recipients[i].Path, err = mail.ParsePath(text); err != nil {
			return e, err
		}
	}
	if params == "" {
		return e, nil
	}
	var p parameters
	if err = json.Unmarshal([]byte(params), &p); err != nil {
		return e, err
	}
	e.Return, e.ID, e.RequireTLS = p.Return, p.ID, p.RequireTLS
	for _, r := range p.Recipients {
		if r.Number >= 0 && r.Number < len(e.Recipients) {
			e.Recipients[r.Number].Notify, e.Recipients[r.Number].Original = r.Notify, r.Original
		}
	}
	return e, nil
}
