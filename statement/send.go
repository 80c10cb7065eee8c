package statement

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/pause"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

// SendOptions say what is sent. The zero value sends all rows that are ready.
type SendOptions struct {
	Sample  int           // only so many of them, from all over the table
	Changed bool          // also those that were sent, and whose mail is another one now: once more
	Again   []string      // only rows with these keys: once more if they have failed, and once if they never went out; those that did are passed over
	TestTo  *mail.Address // the mails go to this address, and nothing is noted: the rows stay ready
	SkipBad bool          // send the rows that are good, though there are bad ones
	Start   time.Time     // not before, and not before it either where it is resumed; zero: now, also what was to wait for a time

	Progress func(Progress) // is told how far it has come, about twice a second; nil: nobody is
}

// Progress is how far a mailing has come.
type Progress struct {
	Counts map[State]int // rows in each state
	Left   int           // chosen rows that are not yet in the outbox
	Rate   float64       // mails a second that servers took of late
	Start  time.Time     // nothing goes out before; zero: it goes out now
	Lanes  []outbox.LaneTally
	Why    diagnose.Words // nothing has moved for some seconds: why one of the mails waits
}

// Open is how many rows that this sending is about have not come to their end.
func (p *Progress) Open() int {
	return p.Left + p.Counts[Waiting] + p.Counts[Deferred] + p.Counts[Held]
}

// Send sends, and ends when all that was chosen is sent or given up, or waits for a server that cannot be had now, or for a person's word.
// What was chosen is written down first: after whatever has happened, [Job.Resume] goes on with it.
func (j *Job) Send(ctx context.Context, o SendOptions) error {
	if err := j.mayBegin(ctx, o); err != nil {
		return err
	}
	if o.TestTo != nil {
		return j.test(ctx, o)
	}
	if err := j.choose(ctx, o); err != nil {
		return failed("choosing rows", err)
	}
	if err := j.begins(ctx, o.Start); err != nil {
		return failed("noting when it begins", err)
	}
	return j.resume(ctx, o)
}

// Resume goes on with what was chosen. What was paused is no longer.
func (j *Job) Resume(ctx context.Context, o SendOptions) error {
	if err := j.release(ctx); err != nil {
		return failed("resuming", err)
	}
	return j.resume(ctx, o)
}

func (j *Job) mayBegin(ctx context.Context, o SendOptions) error {
	r := j.s.reader()
	run, err := r.number(ctx, "run")
	done := int64(0)
	if err == nil {
		done, err = r.number(ctx, "mailing")
	}
	paused := int64(0)
	if err == nil {
		paused, err = r.number(ctx, "paused")
	}
	bad := 0
	if err == nil {
		err = r.Row(ctx, "SELECT count(*) FROM parley_statement_problems", nil, &bad)
	}
	switch {
	case err != nil:
		return failed("beginning to send", err)
	case run == 0 || run != done:
		return ErrNotPrepared
	case paused > 0:
		return ErrPaused
	case bad > 0 && !o.SkipBad:
		return fmt.Errorf("%w: %d", ErrBadRows, bad)
	}
	return nil
}

// choose notes which rows are to be sent.
func (j *Job) choose(ctx context.Context, o SendOptions) error {
	return j.s.write(ctx, func(t *tx) (err error) {
		switch {
		case o.Again != nil:
			for _, key := range o.Again {
				n, err := t.Exec(ctx, "UPDATE parley_statement_rows SET state = ?, chosen = 1, edition = edition + 1, kind = '', reply = '', at = ? WHERE id = ? AND state = ?", Ready, j.now(), key, Failed)
				if err != nil {
					return err
				}
				if n > 0 {
					continue
				}
				n, err = t.Exec(ctx, "UPDATE parley_statement_rows SET chosen = 1 WHERE id = ? AND state = ?", key, Ready)
				if err != nil {
					return err
				}
				if n > 0 {
					continue
				}
				var state State
				switch err := t.Row(ctx, "SELECT state FROM parley_statement_rows WHERE id = ?", []any{key}, &state); {
				case errors.Is(err, sql.ErrNoRows) || err == nil && state == Gone:
					return fmt.Errorf("%w: %s", ErrNoRow, plain.Quoted(key))
				case err != nil:
					return err
				case state == Bad:
					return fmt.Errorf("%w, and one of those that are asked for: %s", ErrBadRows, plain.Quoted(key))
				}
			}
			return nil
		case o.Sample > 0:
			// The digest is as good as drawn by lot, and the same each time.
			_, err = t.Exec(ctx, "UPDATE parley_statement_rows SET chosen = 1 WHERE id IN (SELECT id FROM parley_statement_rows WHERE state = ? AND chosen = 0 ORDER BY digest LIMIT ?)", Ready, o.Sample)
			return err
		}
		if o.Changed {
			_, err = t.Exec(ctx, "UPDATE parley_statement_rows SET state = ?, edition = edition + 1, at = ? WHERE (state = ? OR state = ?) AND sent <> ? AND digest <> ? AND sent <> digest", Ready, j.now(), Sent, Failed, []byte{}, []byte{})
		}
		if err == nil {
			_, err = t.Exec(ctx, "UPDATE parley_statement_rows SET chosen = 1 WHERE state = ?", Ready)
		}
		return err
	})
}

// resume sends what was chosen.
func (j *Job) resume(ctx context.Context, o SendOptions) (err error) {
	if o.Start, err = j.start(ctx); err != nil {
		return failed("reading when it begins", err)
	}
	k, err := newMaker(&j.c)
	if err != nil {
		return err
	}
	defer k.close()
	if err := j.Sync(ctx); err != nil {
		return err
	}
	counts, err := j.count(ctx)
	if err != nil {
		return failed("counting rows", err)
	}
	j.mu.Lock()
	j.counts = counts
	j.mu.Unlock()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	f := &feeding{j: j, k: k, o: o}
	var tasks sync.WaitGroup
	var worked, followed error
	if j.c.Worker.Router != nil {
		tasks.Go(func() {
			defer stop()
			worked = j.box.Work(ctx, j.c.Worker)
		})
	}
	tasks.Go(func() { followed = j.follow(ctx) })
	err = f.run(ctx)
	if err == nil && j.c.Worker.Router != nil {
		err = f.wait(ctx)
	}
	stop()
	f.end()
	tasks.Wait()
	if e := j.Sync(context.WithoutCancel(ctx)); err == nil {
		err = e
	}
	f.tell(context.WithoutCancel(ctx))
	if err == nil {
		err = errors.Join(worked, followed)
	}
	return err
}

// feeding puts mails into the outbox, as they are sent.
type feeding struct {
	j      *Job
	k      *maker
	o      SendOptions
	told   time.Time
	next   chan batch // what is being made; nil: nothing is
	behind bool       // rows have been put since it began at the first one
	rates  []sample
	done   int       // rows that had come to their end when it was told last
	moved  time.Time // when that was another number
}

type sample struct {
	at time.Time
	n  int
}

// run puts what was chosen, until nothing is left.
func (f *feeding) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		f.report(ctx)
		paused, err := f.j.s.reader().number(ctx, "paused")
		if err != nil {
			return failed("sending", err)
		}
		if paused > 0 {
			return ErrPaused
		}
		if f.j.c.Worker.Router != nil && f.j.inBox() >= f.j.c.Window {
			if !pause.For(ctx, 50*time.Millisecond) {
				return ctx.Err()
			}
			continue
		}
		n, err := f.batch(ctx)
		if err != nil {
			return failed("sending", err)
		}
		if n == 0 {
			return nil
		}
	}
}

// wait waits until nothing more can be sent for now.
func (f *feeding) wait(ctx context.Context) error {
	for idle := 0; idle < 3; {
		if !pause.For(ctx, 200*time.Millisecond) {
			return ctx.Err()
		}
		f.report(ctx)
		paused, err := f.j.s.reader().number(ctx, "paused")
		if err != nil {
			return failed("sending", err)
		}
		if paused > 0 {
			return ErrPaused
		}
		t, err := f.j.box.Tally(ctx)
		if err != nil {
			return failed("sending", err)
		}
		now := time.Now()
		early := now.Before(f.o.Start) && t.States[outbox.Queued] > 0
		if idle++; early || !t.Stuck(now) {
			idle = 0
		}
	}
	return nil
}

// remake makes the mail that was looked at; where it would be another one now, it is not sent.
func (k *maker) remake(ctx context.Context, c *chosen) {
	row, err := decodeRow(c.line, c.data)
	if err != nil {
		c.wrong = problem(badMail, err.Error())
		return
	}
	d, wrong := k.make(row)
	switch {
	case len(wrong) > 0:
		c.wrong = wrong[0]
	case string(d.digest) != string(c.digest):
		c.wrong = problem(changedSince)
	default:
		if c.wrong, c.err = k.finish(ctx, d); c.wrong == nil && c.err == nil {
			c.d = d
		}
	}
}

// put puts mails and notes it, in one transaction.
func (f *feeding) put(ctx context.Context, list []chosen) error {
	j := f.j
	put, bad := 0, 0
	err := j.s.write(ctx, func(t *tx) error {
		put, bad = 0, 0
		for i := range list {
			c := &list[i]
			if c.wrong != nil {
				n, err := t.Exec(ctx, "UPDATE parley_statement_rows SET state = ?, chosen = 0, kind = ?, reply = ?, at = ? WHERE id = ? AND state = ?", Bad, c.wrong.Code, c.wrong.detail(), j.now(), c.key, Ready)
				if err != nil {
					return err
				}
				bad += int(n)
				continue
			}
			// The row first: another process may have put it meanwhile.
			n, err := t.Exec(ctx, "UPDATE parley_statement_rows SET state = ?, sent = digest, kind = '', reply = '', at = ? WHERE id = ? AND state = ? AND edition = ?", Waiting, j.now(), c.key, Ready, c.edition)
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			id, err := j.box.Put(ctx, t.SQL, j.letter(c, f.o.Start))
			if err != nil {
				return fmt.Errorf("row %d: %w", c.line, err)
			}
			if _, err = t.Exec(ctx, "UPDATE parley_statement_rows SET message = ? WHERE id = ?", int64(id), c.key); err != nil {
				return err
			}
			put++
		}
		return nil
	})
	if err == nil {
		j.move(map[State]int{Ready: -put - bad, Waiting: put, Bad: bad})
	}
	return err
}

// letter is a row's mail, as it is put.
func (j *Job) letter(c *chosen, start time.Time) *outbox.Mail {
	m := &outbox.Mail{
		Object: c.d.m, Class: outbox.Bulk, Origin: "statement", Topic: j.topic(), Key: fmt.Sprintf("%s/%d", keyOf(c.key), c.edition), Print: c.digest,
		NotBefore: start, Unknown: outbox.Hold,
	}
	if j.c.Again {
		m.Unknown = outbox.Again
	}
	if j.c.MaxAge > 0 {
		m.Expires = time.Now().Add(j.c.MaxAge)
		if start.After(time.Now()) {
			m.Expires = start.Add(j.c.MaxAge)
		}
	}
	return m
}

func (j *Job) topic() string { return j.c.Name }

// keyOf is a key of any length as one of the outbox.
func keyOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "statement/" + hex.EncodeToString(sum[:])
}

// test sends the mails of some rows to one address.
func (j *Job) test(ctx context.Context, o SendOptions) error {
	k, err := newMaker(&j.c)
	if err != nil {
		return err
	}
	defer k.close()
	if o.Sample <= 0 {
		o.Sample = 1
	}
	var list []chosen
	err = j.s.reader().Each(ctx, chosenColumns+"state = 0 ORDER BY digest LIMIT ?", []any{o.Sample}, scanChosen(&list))
	if err != nil {
		return failed("choosing rows", err)
	}
	if len(list) == 0 {
		return fmt.Errorf("%w that is ready", ErrNoRow)
	}
	var errs []string
	for i := range list {
		if k.remake(ctx, &list[i]); list[i].err != nil {
			return list[i].err
		}
		if list[i].wrong != nil {
			errs = append(errs, fmt.Sprintf("row %d: %v", list[i].line, list[i].wrong))
			continue
		}
		m := list[i].d.m
		m.To = []mail.Address{*o.TestTo}
		if _, err := j.box.Put(ctx, nil, &outbox.Mail{Object: m, Origin: "statement", Topic: j.topic() + " (test)", Unknown: outbox.Hold}); err != nil {
			return failed("sending a test", err)
		}
	}
	if j.c.Worker.Router != nil {
		if err := j.drain(ctx); err != nil {
			return failed("sending a test", err)
		}
	}
	if len(errs) > 0 {
		return errors.New("statement: " + strings.Join(errs, "; "))
	}
	return nil
}

// drain works until nothing more can be sent for now.
func (j *Job) drain(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var worked error
	var tasks sync.WaitGroup
	tasks.Go(func() {
		defer stop()
		worked = j.box.Work(ctx, j.c.Worker)
	})
	err := (&feeding{j: j}).wait(ctx)
	stop()
	tasks.Wait()
	return errors.Join(worked, err)
}
