package inbox

import (
	"log/slog"
	"sync"
)

// unended are sessions whose end could not be written: the disk was full, say.
type unended struct {
	mu   sync.Mutex
	list []*record
}

// again sees to what nobody waits for, after the transaction in which it stood came to nothing. Sessions' ends are tried later.
// Mails in memory, which were answered already, are tried one by one: it was most likely something else that failed.
func (s *Store) again(jobs []job, why error) {
	for _, j := range jobs {
		switch {
		case j.ended != nil:
			s.unended.mu.Lock()
			s.unended.list = append(s.unended.list, j.ended)
			s.unended.mu.Unlock()
		case j.mail != nil && j.done == nil && len(jobs) > 1:
			s.writeOne(j)
		case j.mail != nil && j.done == nil:
			s.lost(j.mail, why)
		}
	}
}

// writeOne writes a mail in a transaction of its own.
func (s *Store) writeOne(j job) {
	if s.gate != nil {
		<-s.gate
		defer func() { s.gate <- struct{}{} }()
	}
	b := &batch{s: s, c: s.w, st: s.st}
	if _, err := b.run([]job{j}); err != nil {
		undone(b.saved)
		s.lost(j.mail, err)
		return
	}
	b.committed()
}

// lost: a mail in memory was answered, and is not there. It must be told, and its content must not stay.
func (s *Store) lost(a *arrival, why error) {
	slog.Error("inbox: a mail that was answered 250 could not be kept", "session", a.rec.row.ID, "error", why)
	a.rec.change(func(row *Session) { row.Messages-- })
	s.shelf.drop(a.content)
}

// endAgain has those ends written that could not be before.
func (s *Store) endAgain() {
	s.unended.mu.Lock()
	list := s.unended.list
	s.unended.list = nil
	s.unended.mu.Unlock()
	for _, r := range list {
		if s.end(r) != nil {
			return // closed: saveLive has written what it could
		}
	}
}
