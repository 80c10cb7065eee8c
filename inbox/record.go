package inbox

import (
	"context"
	"crypto/tls"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A record is a session that goes on, as far as it went.
type record struct {
	mu     sync.Mutex
	row    Session
	tape   tape
	bad    string     // the lines of a refusal, until its last one has come
	badAt  smtp.Stage // of LastBad
	dirty  bool       // the row in the database is older, or is none
	untold bool       // the transcript in the database is older, or is none
	saved  bool       // there is a row in the database
	over   bool       // all of it is in the database, and may be deleted there
}

// trace takes in what was said or done.
func (r *record) trace(e smtp.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tape.add(e)
	r.untold = true
	switch e.Did {
	case smtp.Connected:
		r.row.Begun, r.row.Remote = e.At, strings.TrimPrefix(e.Line, "from ")
		r.dirty = true
	case smtp.Command:
		r.command(e)
	case smtp.Answer:
		r.answer(e)
	case smtp.StartedTLS:
		r.row.TLS, r.row.Cipher, r.row.SNI = tls.VersionName(e.TLS.Version), tls.CipherSuiteName(e.TLS.CipherSuite), smtp.Printable(e.TLS.ServerName)
		r.row.Hello = "" // RFC 3207 §4.2: nothing that was said before counts
		r.dirty = true
	case smtp.Closed:
		at := e.At
		r.row.Ended = &at
		if e.Err != nil {
			r.row.Why = smtp.Printable(e.Err.Error())
			r.row.Failed = true
		}
		r.dirty = true
	default:
	}
}

func (r *record) command(e smtp.Event) {
	verb, rest, _ := strings.Cut(e.Line, " ")
	switch {
	case e.Stage == smtp.StageHello:
		r.row.Hello = smtp.Printable(strings.TrimSpace(rest))
		r.dirty = true
	case e.Stage == smtp.StageAuth && strings.EqualFold(verb, "AUTH"):
		mechanism, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		r.row.Mechanism = smtp.Printable(strings.ToUpper(mechanism))
		r.dirty = true
	}
}

// mostBad is how much of a refusal is kept beside the transcript.
const mostBad = 1000

func (r *record) answer(e smtp.Event) {
	if len(e.Line) < 3 || e.Line[0] != '4' && e.Line[0] != '5' {
		return
	}
	if len(r.bad)+len(e.Line) <= mostBad {
		if r.bad != "" {
			r.bad += "\n"
		}
		r.bad += e.Line
	}
	if len(e.Line) > 3 && e.Line[3] == '-' {
		return
	}
	if r.row.LastBad == "" || !follows(e.Line, r.badAt) {
		lines := strings.Split(r.bad, "\n")
		for i := range lines {
			lines[i] = smtp.Printable(lines[i])
		}
		r.row.LastBad, r.row.LastStage, r.badAt = strings.Join(lines, "\n"), e.Stage.String(), e.Stage
		if e.Stage == 0 {
			r.row.LastStage = ""
		}
	}
	r.row.Refused++
	r.row.Failed, r.dirty = true, true
	r.bad = ""
}

// change lets f change the row.
func (r *record) change(f func(*Session)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.row)
	r.dirty = true
}

func (r *record) transcript() (transcript.Transcript, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tape.transcript(r.row.ID)
}

// live has the sessions that go on.
type live struct {
	mu      sync.Mutex
	records map[int64]*record
}

// begin makes a record for a session that begins now.
func (s *Store) begin() *record {
	r := &record{row: Session{ID: s.lastSession.Add(1), Begun: time.Now()}, dirty: true}
	s.live.mu.Lock()
	s.live.records[r.row.ID] = r
	s.live.mu.Unlock()
	s.watches.tellOne("session", r.row.ID, "")
	return r
}

// learn lets f note something of a session. One that turns out to be of a mailbox is told of once more: when it began nobody knew.
func (s *Store) learn(r *record, f func(*Session)) {
	var was, is string
	r.change(func(row *Session) {
		was = row.Mailbox
		f(row)
		is = row.Mailbox
	})
	if is != was {
		s.watches.tellOne("session", r.row.ID, is)
	}
}

// end has a session written that is over. Nothing more is said in it.
func (s *Store) end(r *record) error {
	return s.queue.put(job{ended: r})
}

func (l *live) find(id int64) *record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records[id]
}

func (l *live) drop(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.records, id)
}

// dirty are those of which the database does not know all.
func (l *live) dirty() []*record {
	return l.those(func(r *record) bool { return r.dirty })
}

func (l *live) changed() bool { return len(l.dirty()) > 0 }

func (l *live) those(fit func(*record) bool) []*record {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*record
	for _, r := range l.records {
		r.mu.Lock()
		if fit(r) {
			list = append(list, r)
		}
		r.mu.Unlock()
	}
	return list
}

// saveLive writes what is new of the sessions that go on, so that it outlives the
// process.
func (s *Store) saveLive(ctx context.Context) error {
	return s.save(ctx, s.live.those(func(r *record) bool { return r.dirty || r.untold }), func(b *batch, r *record) error {
		if err := b.saveRow(r); err != nil {
			return err
		}
		return b.saveTape(r)
	})
}

// save writes something of sessions, of some in each transaction: there may be thousands
// that are slow, and they are not to hold up the others.
func (s *Store) save(ctx context.Context, records []*record, one func(*batch, *record) error) error {
	const together = 200
	for some := range slices.Chunk(records, together) {
		err := s.do(ctx, func(b *batch) error {
			for _, r := range some {
				if err := one(b, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// saveRow writes what is known of a session.
func (b *batch) saveRow(r *record) error {
	r.mu.Lock()
	row, over := r.row, r.over
	r.dirty = false
	r.mu.Unlock()
	if over {
		return nil
	}
	var ended any
	if row.Ended != nil {
		ended = row.Ended.UnixNano()
	}
	_, err := b.st.session.ExecContext(noContext, row.ID, row.Begun.UnixNano(), ended, row.Remote, row.Local, row.Hello, row.User, row.Mechanism,
		row.Protocol, row.TLS, row.Cipher, row.SNI, row.Mailbox, row.Messages, row.Refused, row.Why, row.Failed, row.LastBad, row.LastStage)
	if err != nil {
		r.change(func(*Session) {})
		return err
	}
	b.saved = append(b.saved, r)
	return nil
}

func (b *batch) saveTape(r *record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.untold = false
	if r.over {
		return nil
	}
	_, err := b.st.transcript.ExecContext(noContext, r.row.ID, notNil(r.tape.head.data), notNil(r.tape.tail()), r.tape.dropped)
	if err != nil {
		r.untold = true
	}
	return err
}

// notNil: what is nil would be NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// putEnded writes a session that is over.
func (b *batch) putEnded(r *record) error {
	if err := b.saveRow(r); err != nil {
		return err
	}
	if err := b.saveTape(r); err != nil {
		return err
	}
	b.delta.ended++
	b.ended = append(b.ended, r)
	b.tell("session-ended", r.row.ID, r.row.Mailbox)
	return nil
}
