package statement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"strings"
	"sync"

	"github.com/parleymail/parley/internal/plain"
)

// A Report is what was found in a table.
type Report struct {
	Rows     int            `json:"rows"`
	Ready    int            `json:"ready"`    // are to be sent
	Bad      int            `json:"bad"`      // cannot be
	Sent     int            `json:"sent"`     // were sent before, or are on their way
	Failed   int            `json:"failed"`   // were sent before, and failed
	Changed  int            `json:"changed"`  // of those that were sent, or failed: their mail would be another one now
	Gone     int            `json:"gone"`     // were in the table before, and are no longer
	Octets   int64          `json:"octets"`   // of all mails that are ready; 0 where PDFs are yet to be made
	Problems map[string]int `json:"problems"` // how often, by code
}

// A ColumnsError tells of columns that are wanted, and that the table does not have.
type ColumnsError struct{ Missing, Has []string }

func (e *ColumnsError) Error() string {
	return "statement: the table has no column " + strings.Join(quotedAll(e.Missing), ", ") + "; it has " + strings.Join(quotedAll(e.Has), ", ")
}

func quotedAll(list []string) (out []string) {
	for _, s := range list {
		out = append(out, plain.Quoted(s))
	}
	return out
}

// Prepare looks at each row of a table, and sends nothing: whether its mail can be made, and whether it was sent before. What is wrong with rows is told
// by [Job.Problems]. Rows that were prepared before and are no longer in the table will not be sent.
//
// With progress it is told from time to time how many rows have been looked at.
func (j *Job) Prepare(ctx context.Context, t *Table, progress func(rows int)) (*Report, error) {
	k, err := newMaker(&j.c)
	if err != nil {
		return nil, err
	}
	defer k.close()
	if t.columns != nil {
		if err := k.known(t.columns); err != nil {
			return nil, err
		}
	}
	p := &preparing{j: j, k: k, report: Report{Problems: map[string]int{}}, progress: progress}
	if err := p.begin(ctx); err != nil {
		return nil, failed("preparing", err)
	}
	if err := p.all(ctx, t); err != nil {
		return nil, err
	}
	if err := p.end(ctx); err != nil {
		return nil, failed("preparing", err)
	}
	return &p.report, nil
}

// known tells which columns are missing.
func (k *maker) known(columns []string) error {
	has := map[string]bool{}
	for _, c := range columns {
		has[c] = true
	}
	var missing []string
	for _, name := range append(k.fields(), k.c.Template.Fields()...) {
		if !has[name] {
			missing = append(missing, name)
			has[name] = true
		}
	}
	if len(missing) > 0 {
		return &ColumnsError{missing, columns}
	}
	return nil
}

// preparing is one call of Prepare.
type preparing struct {
	j          *Job
	k          *maker
	run        int64
	suppresses bool // there are addresses that nothing is sent to
	n          int64
	report     Report
	progress   func(int)
}

func (p *preparing) begin(ctx context.Context) error {
	list, err := p.j.box.Suppressions(ctx, "", 1)
	if err != nil {
		return err
	}
	p.suppresses = len(list) > 0
	return p.j.s.write(ctx, func(t *tx) (err error) {
		if p.run, err = t.number(ctx, "run"); err != nil {
			return err
		}
		p.run++
		if err = t.setNumber(ctx, "run", p.run); err != nil {
			return err
		}
		for _, q := range []string{"DELETE FROM parley_statement_problems", "DELETE FROM parley_statement_owners"} {
			if _, err = t.Exec(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
}

// end takes rows out that are no longer in the table, and notes that all were looked at.
func (p *preparing) end(ctx context.Context) error {
	return p.j.s.write(ctx, func(t *tx) error {
		n, err := t.Exec(ctx, "UPDATE parley_statement_rows SET state = ?, chosen = 0 WHERE run <> ? AND (state = ? OR state = ?)", Gone, p.run, Ready, Bad)
		p.report.Gone = int(n)
		if err == nil {
			err = t.setNumber(ctx, "mailing", p.run)
		}
		return err
	})
}

// A looked row is what was found of it.
type looked struct {
	d      *made
	row    *Row
	data   string
	wrong  []*Problem
	noRow  *RowError
	digest []byte
}

// all looks at rows in batches, several at a time, and writes down what was found.
func (p *preparing) all(ctx context.Context, t *Table) error {
	batch := make([]looked, 0, 2*batchRows)
	for row, err := range t.Rows(ctx) {
		one := looked{row: row}
		if err != nil && !errors.As(err, &one.noRow) {
			return err
		}
		if batch = append(batch, one); len(batch) == cap(batch) {
			if err := p.batch(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return p.batch(ctx, batch)
}

func (p *preparing) batch(ctx context.Context, batch []looked) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	inParallel(len(batch), func(i int) { p.look(ctx, &batch[i]) })
	before := p.report
	before.Problems = maps.Clone(before.Problems)
	n := p.n
	err := p.j.s.write(ctx, func(t *tx) error {
		p.report, p.n = before, n
		p.report.Problems = maps.Clone(before.Problems)
		for i := range batch {
			if err := p.note(ctx, t, &batch[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if p.progress != nil && err == nil {
		p.progress(p.report.Rows)
	}
	return failed("preparing", err)
}

// inParallel calls f for 0 to n-1, on all processors.
func inParallel(n int, f func(i int)) {
	var tasks sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		tasks.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	tasks.Wait()
}

// look makes the mail of a row, and keeps of it what is to be written down.
func (p *preparing) look(ctx context.Context, l *looked) {
	if l.noRow != nil {
		l.wrong = []*Problem{problem(badRow, l.noRow.What)}
		return
	}
	l.d, l.wrong = p.k.make(l.row)
	if p.suppresses && l.d.path != "" {
		if s, err := p.j.box.Suppressed(ctx, l.d.path); err == nil && s != nil {
			l.wrong = append(l.wrong, problem(toSuppressed, s.Reason))
		}
	}
	l.digest = l.d.digest
	l.d.m, l.d.data, l.d.pdf = nil, nil, nil // they are large, and made again
	data, err := l.row.encode()
	if err != nil {
		l.wrong = append(l.wrong, problem(badMail, err.Error()))
	}
	l.data = data
}

// note writes down what was found of a row.
func (p *preparing) note(ctx context.Context, t *tx, l *looked) error {
	p.report.Rows++
	if l.noRow != nil {
		p.report.Bad++
		return p.complain(ctx, t, l.noRow.Line, "", "", l.wrong)
	}
	d, line := l.d, l.row.Line
	double, err := p.doubles(ctx, t, l)
	if err != nil {
		return err
	}
	if len(l.wrong) > 0 {
		p.report.Bad++
		if err := p.complain(ctx, t, line, d.key, d.address, l.wrong); err != nil {
			return err
		}
	}
	if d.key == "" || double {
		return nil // what is known of the key is the first row
	}
	return p.keep(ctx, t, l)
}

func (p *preparing) complain(ctx context.Context, t *tx, line int, key, address string, wrong []*Problem) error {
	for _, w := range wrong {
		p.n++
		p.report.Problems[w.Code]++
		_, err := t.Exec(ctx, "INSERT INTO parley_statement_problems (n, line, id, address, code, detail) VALUES (?, ?, ?, ?, ?, ?)", p.n, line, plain.OneLine(key, 300), plain.OneLine(address, 300), w.Code, w.detail())
		if err != nil {
			return err
		}
	}
	return nil
}

// keep writes the row down. What was sent, or is on its way, stays so.
func (p *preparing) keep(ctx context.Context, t *tx, l *looked) error {
	var state State
	var sent []byte
	err := t.Row(ctx, "SELECT state, sent FROM parley_statement_rows WHERE id = ?", []any{l.d.key}, &state, &sent)
	isNew := errors.Is(err, sql.ErrNoRows)
	if err != nil && !isNew {
		return err
	}
	next := Ready
	if len(l.wrong) > 0 {
		next = Bad
	}
	kind, reply := "", ""
	if next == Bad {
		kind, reply = l.wrong[0].Code, l.wrong[0].detail()
	}
	digest := l.digest
	if digest == nil {
		digest = []byte{}
	}
	switch {
	case isNew:
		_, err = t.Exec(ctx, `INSERT INTO parley_statement_rows (id, line, address, shown, digest, data, state, chosen, run, edition, message, sent, at, kind, reply)
			VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, 0, 0, ?, ?, ?, ?)`, l.d.key, l.row.Line, l.d.path, plain.OneLine(l.d.address, 320), digest, l.data, next, p.run, []byte{}, p.j.now(), kind, reply)
	case state == Ready || state == Bad || state == Gone:
		_, err = t.Exec(ctx, "UPDATE parley_statement_rows SET line = ?, address = ?, shown = ?, digest = ?, data = ?, state = ?, run = ?, kind = ?, reply = ? WHERE id = ?",
			l.row.Line, l.d.path, plain.OneLine(l.d.address, 320), digest, l.data, next, p.run, kind, reply, l.d.key)
	default:
		if next == Ready {
			if state == Failed {
				p.report.Failed++
			} else {
				p.report.Sent++
			}
			if len(sent) > 0 && string(sent) != string(digest) {
				p.report.Changed++
			}
		}
		_, err = t.Exec(ctx, "UPDATE parley_statement_rows SET line = ?, address = ?, shown = ?, digest = ?, data = ?, run = ? WHERE id = ?",
			l.row.Line, l.d.path, plain.OneLine(l.d.address, 320), digest, l.data, p.run, l.d.key)
		return err
	}
	if err == nil && next == Ready {
		p.report.Ready++
		p.report.Octets += l.d.size
	}
	return err
}

// Problems are what was wrong with rows when the table was looked through last, in the table's order.
func (j *Job) Problems(ctx context.Context) iter.Seq2[Problem, error] {
	return func(yield func(Problem, error) bool) {
		stop := errors.New("enough")
		err := j.s.reader().Each(ctx, "SELECT line, id, address, code, detail FROM parley_statement_problems ORDER BY line, n", nil, func(scan func(...any) error) error {
			var p Problem
			var detail string
			if err := scan(&p.Line, &p.Key, &p.Address, &p.Code, &detail); err != nil {
				return err
			}
			p.setDetail(detail)
			if !yield(p, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(Problem{}, fmt.Errorf("statement: reading problems: %w", err))
		}
	}
}
