package statement

import (
	"context"

	"github.com/parleymail/parley/internal/plain"
)

// A claim is a row's to what only one row can have: its key, its address, a file.
type claim struct {
	line int64
	id   string // its key
	size int64  // of its mail
}

// claim notes whose a thing is. Where it is another row's already, that one is given.
func (t *tx) claim(ctx context.Context, thing string, c claim) (other *claim, err error) {
	n, err := t.Exec(ctx, "INSERT INTO parley_statement_owners (thing, line, id, size) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", thing, c.line, c.id, c.size)
	if err != nil || n > 0 {
		return nil, err
	}
	other = &claim{}
	return other, t.Row(ctx, "SELECT line, id, size FROM parley_statement_owners WHERE thing = ?", []any{thing}, &other.line, &other.id, &other.size)
}

// doubles finds what two rows have of which there is one. Nobody but who made the table knows which of them is meant, so that both are wrong: the first would
// else be sent with what may be the second's.
func (p *preparing) doubles(ctx context.Context, t *tx, l *looked) (sameKey bool, err error) {
	mine := claim{int64(l.row.Line), l.d.key, l.d.size}
	look := func(thing, code string, args ...any) (bool, error) {
		other, err := t.claim(ctx, thing, mine)
		if err != nil || other == nil {
			return false, err
		}
		l.wrong = append(l.wrong, problem(code, append(append([]any{}, args...), other.line)...))
		return true, p.spoil(ctx, t, other, problem(code, append(append([]any{}, args...), mine.line)...))
	}
	if l.d.key != "" {
		if sameKey, err = look("k "+l.d.key, keyDouble); err != nil {
			return sameKey, err
		}
	}
	if l.d.path != "" && !p.j.c.Doubles {
		if _, err := look("a "+l.d.path, toDouble); err != nil {
			return sameKey, err
		}
	}
	for _, name := range l.d.files {
		if _, err := look("f "+name, fileDouble, name); err != nil {
			return sameKey, err
		}
	}
	return sameKey, nil
}

// spoil takes a row out that was good until another one had the same. What it was sent before is sent.
func (p *preparing) spoil(ctx context.Context, t *tx, c *claim, w *Problem) error {
	n, err := t.Exec(ctx, "UPDATE parley_statement_rows SET state = ?, kind = ?, reply = ? WHERE id = ? AND run = ? AND state = ?", Bad, w.Code, w.detail(), c.id, p.run, Ready)
	if err != nil || n == 0 {
		return err
	}
	p.report.Ready--
	p.report.Bad++
	p.report.Octets -= c.size
	var shown string
	if err := t.Row(ctx, "SELECT shown FROM parley_statement_rows WHERE id = ?", []any{c.id}, &shown); err != nil {
		return err
	}
	return p.complain(ctx, t, int(c.line), plain.OneLine(c.id, 300), shown, []*Problem{w})
}
