package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A Forwarder passes kept mails on: by hand, which is [Forwarder.Release], or by rule,
// which is [Forwarder.Run]. Each is tried once, and what became of it is noted: see
// [Store.Releases]. Whatever must arrive belongs into an outbox.
type Forwarder struct {
	Store  *Store
	Client *smtp.Client
	Rules  []Rule

	place place
}

// A Rule passes on each mail that its query fits; an address in it means what it means to
// [Store.Wait].
type Rule struct {
	Query string   `json:"query"`
	To    []string `json:"to,omitempty"` // in place of its recipients
}

// A Release is a mail that was passed on, or was to be.
type Release struct {
	ID         int64     `json:"id"`
	Message    int64     `json:"message"`
	At         time.Time `json:"at"`
	Recipients []string  `json:"recipients"`
	Rule       string    `json:"rule,omitempty"`  // the query of the rule; empty: by hand
	Reply      string    `json:"reply,omitempty"` // the server's word that it has taken the mail
	Error      string    `json:"error,omitempty"`
}

// ErrLoop is said of a mail that a rule has passed on before, octet for octet: it has
// come back to where it is caught.
var ErrLoop = errors.New("inbox: the mail was forwarded before, and seems to have come back")

// Release sends a kept mail on, as it is, octet for octet: from its own reverse-path and
// to its own recipients, or those given. The parameters of its envelope are kept where
// its recipients are.
func (f *Forwarder) Release(ctx context.Context, id int64, from string, to []string) (*smtp.Receipt, error) {
	env, err := f.envelope(ctx, id, from, to)
	if err != nil {
		return nil, err
	}
	return f.send(ctx, id, env, "")
}

// send sends a mail on, and notes what became of it.
func (f *Forwarder) send(ctx context.Context, id int64, env mail.Envelope, rule string) (*smtp.Receipt, error) {
	receipt, err := f.Client.Send(ctx, &mail.Raw{
		Env: env, KeepBcc: true,
		Source: func() (io.ReadCloser, error) { return f.Store.Open(ctx, id) },
	})
	if noteErr := f.note(id, env.Recipients, rule, receipt, err); err == nil && noteErr != nil {
		return receipt, fmt.Errorf("the mail was taken, and this could not be noted: %w", noteErr)
	}
	return receipt, err
}

func (f *Forwarder) envelope(ctx context.Context, id int64, from string, to []string) (mail.Envelope, error) {
	env, err := f.Store.Envelope(ctx, id)
	if err != nil {
		return env, err
	}
	if from != "" {
		if env.ReversePath, err = mail.ParsePath(from); err != nil {
			return env, fmt.Errorf("reading the reverse-path: %w", err)
		}
	}
	if len(to) == 0 {
		return env, nil
	}
	env.Recipients = nil
	for _, text := range to {
		p, err := mail.ParsePath(text)
		if err != nil {
			return env, fmt.Errorf("reading a recipient: %w", err)
		}
		env.Recipients = append(env.Recipients, mail.Recipient{Path: p})
	}
	return env, nil
}

// note notes what became of it, whoever has gone meanwhile.
func (f *Forwarder) note(id int64, rcpts []mail.Recipient, rule string, receipt *smtp.Receipt, failed error) error {
	list := make([]string, len(rcpts))
	for i, r := range rcpts {
		list[i] = bare(r.Path)
	}
	reply, text := "", ""
	if receipt != nil {
		reply = smtp.Printable(receipt.Reply.String())
	}
	if failed != nil {
		text = smtp.Printable(failed.Error())
	}
	return f.Store.do(noContext, func(b *batch) error {
		_, err := b.c.ExecContext(noContext, `INSERT INTO releases (message, at, recipients, rule, reply, error)
			SELECT ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM messages WHERE id = ?)`,
			id, time.Now().UnixNano(), strings.Join(list, "\n"), rule, reply, text, id)
		var box string
		if b.c.QueryRowContext(noContext, "SELECT mailbox FROM messages WHERE id = ?", id).Scan(&box) == nil {
			b.tell("released", id, box)
		}
		return err
	})
}

// Releases are the times that a message was passed on, oldest first.
func (s *Store) Releases(ctx context.Context, message int64) ([]Release, error) {
	if err := s.sync(ctx); err != nil {
		return nil, err
	}
	list := []Release{}
	err := s.read(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, "SELECT id, message, at, recipients, rule, reply, error FROM releases WHERE message = ? ORDER BY id", message)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r Release
			var at int64
			var rcpts string
			if err = rows.Scan(&r.ID, &r.Message, &at, &rcpts, &r.Rule, &r.Reply, &r.Error); err != nil {
				return err
			}
			r.At, r.Recipients = time.Unix(0, at), strings.Split(rcpts, "\n")
			list = append(list, r)
		}
		return rows.Err()
	})
	return list, err
}
