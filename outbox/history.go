package outbox

import (
	"context"
	"fmt"

	"github.com/parleymail/parley/smtp"
)

const historyColumns = "message, n, at, what, attempt, worker, took, stage, lane, remote, tls, kind, reply, said"

// record writes down what happened. Those in this process who follow the events are told when it is committed.
func record(ctx context.Context, t *tx, events []Event) error {
	t.recorded = t.recorded || len(events) > 0
	columns := []column{number, number, number, number, number, number, number, number, text, text, text, text, text, text}
	row := func(args []any, i int) []any {
		e := &events[i]
		return append(args, int64(e.Message), e.Recipient, at(e.At), int64(e.What), e.Attempt, e.Worker, e.Took.Milliseconds(), int64(e.Stage),
			e.Lane, e.Remote, e.TLS, string(e.Kind), cut(e.Reply, mostReply), cut(e.Said, mostSaid))
	}
	err := t.insert("INSERT INTO parley_history ("+historyColumns+")", len(events), columns, row, func(query string, args []any) error {
		_, err := t.Exec(ctx, query, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("outbox: writing history: %w", err)
	}
	return nil
}

const (
	mostReply = 2 << 10  // octets of a reply that are kept
	mostSaid  = 16 << 10 // octets of a conversation that are kept
)

// cut is a text that fits, in characters that a terminal can have. PostgreSQL takes no NUL.
func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\n' && s[i] != '\t' || s[i] >= 0x7f {
			return clean(s)
		}
	}
	return s
}

// clean is [smtp.Printable], line by line.
func clean(s string) string {
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		line, rest := s, ""
		for i := range len(s) {
			if s[i] == '\n' {
				line, rest = s[:i], s[i:]
				break
			}
		}
		out = append(out, smtp.Printable(line)...)
		if rest == "" {
			break
		}
		out, s = append(out, '\n'), rest[1:]
	}
	return string(out)
}
