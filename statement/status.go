package statement

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/outbox"
)

// A Status is where a mailing is.
type Status struct {
	Counts   map[State]int `json:"counts"`
	Chosen   int           `json:"chosen"`  // rows that are to be sent, and are not yet in the outbox
	Changed  int           `json:"changed"` // rows whose mail would be another one than was sent
	Problems int           `json:"problems"`
	Prepared bool          `json:"prepared"` // a table was looked through to its end
	Paused   bool          `json:"paused"`
	Start    time.Time     `json:"start,omitzero"` // nothing goes out before
	Troubles []Trouble     `json:"troubles,omitempty"`
}

// A Trouble is why rows have not arrived: how many, and what was said of one of them. The most frequent stand first, five at most.
type Trouble struct {
	State State          `json:"state"` // Deferred: they are tried again; Failed; Bad
	Rows  int            `json:"rows"`
	Reply string         `json:"reply,omitempty"`
	Kind  string         `json:"kind,omitempty"`
	Cause diagnose.Words `json:"cause,omitzero"`
	Fix   diagnose.Words `json:"fix,omitzero"`
}

// Status tells where the mailing is.
func (j *Job) Status(ctx context.Context) (*Status, error) {
	if err := j.Sync(ctx); err != nil {
		return nil, err
	}
	s := new(Status)
	var err error
	if s.Counts, err = j.count(ctx); err != nil {
		return nil, failed("counting rows", err)
	}
	r := j.s.reader()
	rowless := 0
	for _, q := range []struct {
		query string
		args  []any
		into  any
	}{
		{"SELECT count(*) FROM parley_statement_rows WHERE state = 0 AND chosen = 1", nil, &s.Chosen},
		{"SELECT count(*) FROM parley_statement_rows WHERE (state = ? OR state = ?) AND sent <> ? AND digest <> ? AND sent <> digest", []any{Sent, Failed, []byte{}, []byte{}}, &s.Changed},
		{"SELECT count(*) FROM parley_statement_problems", nil, &s.Problems},
		{"SELECT count(DISTINCT line)" + ofRowless, nil, &rowless},
	} {
		if err := r.Row(ctx, q.query, q.args, q.into); err != nil {
			return nil, failed("counting rows", err)
		}
	}
	if rowless > 0 {
		s.Counts[Bad] += rowless
	}
	run, err := r.number(ctx, "run")
	done, paused := int64(0), int64(0)
	if err == nil {
		done, err = r.number(ctx, "mailing")
	}
	if err == nil {
		paused, err = r.number(ctx, "paused")
	}
	s.Prepared, s.Paused = run > 0 && run == done, paused > 0
	if err == nil {
		s.Start, err = j.start(ctx)
	}
	if err == nil {
		s.Troubles, err = j.troubles(ctx)
	}
	return s, failed("reading the state", err)
}

func (j *Job) troubles(ctx context.Context) (list []Trouble, err error) {
	const most = "SELECT state, kind, min(reply), count(*) FROM parley_statement_rows WHERE state = ? OR state = ? OR state = ? GROUP BY state, kind ORDER BY count(*) DESC, state, kind LIMIT 5"
	err = j.s.reader().Each(ctx, most, []any{Deferred, Failed, Bad}, func(scan func(...any) error) error {
		var r Result
		var n int
		err := scan(&r.State, &r.Kind, &r.Reply, &n)
		r.explain()
		list = append(list, Trouble{State: r.State, Rows: n, Reply: r.Reply, Kind: r.Kind, Cause: r.Cause, Fix: r.Fix})
		return err
	})
	return list, err
}

// Pause keeps what is not yet sent where it is, until [Job.Resume]. A process that sends ends by itself. Where nothing is on its way there is nothing to pause:
// the next [Job.Send] sends.
func (j *Job) Pause(ctx context.Context) error {
	s, err := j.Status(ctx)
	if err != nil {
		return err
	}
	if s.Chosen+s.Counts[Waiting]+s.Counts[Deferred]+s.Counts[Held] == 0 {
		return nil
	}
	if err := j.s.reader().setNumber(ctx, "paused", 1); err != nil {
		return failed("pausing", err)
	}
	return failed("pausing", j.eachRef(ctx, []outbox.State{outbox.Queued, outbox.Deferred}, func(refs []outbox.Ref) error {
		_, err := j.box.Hold(ctx, "statement: paused", refs...)
		return err
	}))
}

// release lets go of what was paused.
func (j *Job) release(ctx context.Context) error {
	paused, err := j.s.reader().number(ctx, "paused")
	if err != nil || paused == 0 {
		return err
	}
	err = j.eachRef(ctx, []outbox.State{outbox.Held}, func(refs []outbox.Ref) error {
		_, err := j.box.Release(ctx, refs...)
		return err
	})
	if err != nil {
		return err
	}
	return j.s.reader().setNumber(ctx, "paused", 0)
}

// eachRef gives the mails of this mailing that are in some states, some at a time.
func (j *Job) eachRef(ctx context.Context, states []outbox.State, do func([]outbox.Ref) error) error {
	var refs []outbox.Ref
	for item, err := range j.box.Each(ctx, outbox.Query{Origin: "statement", Topic: j.topic(), States: states}) {
		if err != nil {
			return err
		}
		if refs = append(refs, item.Ref); len(refs) == followAtOnce {
			if err := do(refs); err != nil {
				return err
			}
			refs = refs[:0]
		}
	}
	if len(refs) == 0 {
		return nil
	}
	return do(refs)
}

// A Result is what became of a row.
type Result struct {
	Line    int       `json:"line"`
	Key     string    `json:"key"`
	Address string    `json:"address"`
	State   State     `json:"state"`
	At      time.Time `json:"time"`
	Reply   string    `json:"reply,omitempty"`
	Kind    string    `json:"kind,omitempty"` // what a failure was diagnosed as, or the code of a [Problem]
	Message outbox.ID `json:"message,omitzero"`

	Cause diagnose.Words `json:"cause,omitzero"`
	Fix   diagnose.Words `json:"fix,omitzero"`
}

// Failures are the rows that did not arrive, and why: those that failed, that may have been taken, and whose mail cannot be made.
func (j *Job) Failures(ctx context.Context) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		for r, err := range j.results(ctx, "state = ? OR state = ? OR state = ?", Failed, Unknown, Bad) {
			if !yield(r, err) {
				return
			}
		}
		for r, err := range j.rowless(ctx) {
			if !yield(r, err) {
				return
			}
		}
	}
}

// ofRowless are the problems of lines that are not kept as rows: they cannot be read, have no key, or have that of a line before.
const ofRowless = " FROM parley_statement_problems p WHERE NOT EXISTS (SELECT 1 FROM parley_statement_rows r WHERE r.id = p.id AND r.line = p.line)"

// rowless are those lines, each with the first of its problems.
func (j *Job) rowless(ctx context.Context) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		stop, last := errors.New("enough"), -1
		err := j.s.reader().Each(ctx, "SELECT line, id, address, code, detail"+ofRowless+" ORDER BY line, n", nil, func(scan func(...any) error) error {
			r := Result{State: Bad}
			if err := scan(&r.Line, &r.Key, &r.Address, &r.Kind, &r.Reply); err != nil || r.Line == last {
				return err
			}
			last = r.Line
			if r.explain(); !yield(r, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(Result{}, fmt.Errorf("statement: reading rows: %w", err))
		}
	}
}

// Results are all rows, and what became of them.
func (j *Job) Results(ctx context.Context) iter.Seq2[Result, error] {
	return j.results(ctx, "state >= 0")
}

func (j *Job) results(ctx context.Context, where string, args ...any) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		stop := errors.New("enough")
		query := "SELECT line, id, shown, state, at, reply, kind, message FROM parley_statement_rows WHERE " + where
		err := j.s.reader().Each(ctx, query, args, func(scan func(...any) error) error {
			var r Result
			var at int64
			if err := scan(&r.Line, &r.Key, &r.Address, &r.State, &at, &r.Reply, &r.Kind, &r.Message); err != nil {
				return err
			}
			r.At = timeOf(at)
			r.explain()
			if !yield(r, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(Result{}, fmt.Errorf("statement: reading rows: %w", err))
		}
	}
}

// explain says why a mail did not arrive, and what to do.
func (r *Result) explain() {
	switch {
	case r.State == Sent || r.State == Ready || r.State == Waiting || r.State == Gone || r.State == Held || r.State == Ended:
	case r.State == Bad:
		if r.Kind != "" {
			p := Problem{Code: r.Kind}
			p.setDetail(r.Reply)
			r.Cause, r.Reply = p.Words(), ""
		} else {
			r.Cause = diagnose.Words{En: "the row has a mistake", Zh: "该行有误"}
		}
		r.Fix = diagnose.Words{En: "mend it, and prepare again", Zh: "改正后重新检查（prepare）"}
	case r.State == Unknown:
		r.Cause = diagnose.Words{En: "the connection broke before the server had answered: it may have taken the mail", Zh: "服务器答复之前连接断开：邮件可能已被收下"}
		r.Fix = diagnose.Words{En: "ask the customer; then parley queue cancel where it has come, or release, which sends it again", Zh: "先问客户：已收到就用 parley queue cancel，没收到就用 release 重新发送"}
	case r.Kind == "suppressed":
		r.Cause = diagnose.Words{En: "nothing is sent to this address any more", Zh: "该地址已停止发送"}
		r.Fix = diagnose.Words{En: "ask the customer for another address", Zh: "向客户询问新的地址"}
	default:
		if r.Kind != "" {
			r.Cause, r.Fix = diagnose.Default().Meaning(diagnose.Kind(r.Kind))
		}
	}
}

// WriteCSV writes results as a table: key, address, state, time, reply, cause, fix. It has a mark at its beginning by which spreadsheets know UTF-8, and no cell that
// they would take for a formula.
func WriteCSV(w io.Writer, results iter.Seq2[Result, error], lang diagnose.Lang) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	if err := c.Write([]string{"key", "address", "state", "time", "reply", "cause", "fix"}); err != nil {
		return err
	}
	for r, err := range results {
		if err != nil {
			return err
		}
		at := ""
		if !r.At.IsZero() {
			at = r.At.Format(time.RFC3339)
		}
		cells := []string{r.Key, r.Address, r.State.String(), at, r.Reply, r.Cause.In(lang), r.Fix.In(lang)}
		for i := range cells {
			cells[i] = harmless(cells[i])
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// harmless is a cell that no spreadsheet takes for a formula.
func harmless(s string) string {
	s = plain.OneLine(s, 2000)
	if s != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}

// ReadKeys reads the keys of such a table, as [SendOptions].Again takes them; only of rows that have failed, or could not be sent.
func ReadKeys(name string) (keys []string, err error) {
	t, err := OpenTable(context.Background(), name, TableOptions{})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	if err := (&maker{c: &Config{Template: &Template{}}}).hasKeys(t.columns); err != nil {
		return nil, err
	}
	for row, err := range t.Rows(context.Background()) {
		if err != nil {
			return nil, err
		}
		key := row.Text("key")
		if len(key) > 1 && key[0] == '\'' && harmless(key[1:]) == key {
			key = key[1:]
		}
		if s := row.Text("state"); key != "" && (s == "" || s == Failed.String() || s == Bad.String()) {
			keys = append(keys, key)
		}
	}
	if keys == nil {
		keys = []string{}
	}
	return keys, nil
}

func (k *maker) hasKeys(columns []string) error {
	for _, c := range columns {
		if c == "key" {
			return nil
		}
	}
	return &ColumnsError{[]string{"key"}, columns}
}

// MarshalJSON has counts under the names of states.
func (s *Status) MarshalJSON() ([]byte, error) {
	type plain Status
	counts := map[string]int{}
	for state, n := range s.Counts {
		counts[state.String()] = n
	}
	return json.Marshal(struct {
		*plain
		Counts map[string]int `json:"counts"`
	}{(*plain)(s), counts})
}
