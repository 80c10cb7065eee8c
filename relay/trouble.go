package relay

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

// mostProblems of a mail are told: whoever sends a list of ten thousand wrong addresses is not to have ten thousand sentences back.
const mostProblems = 20

// trouble makes the reply of what kept a mail from being stored, and tells of the beginning and the end of troubles of ours.
// Nil is that one was stored.
func (s *Server) trouble(err error) *Refusal {
	if err == nil {
		s.recovered()
		return nil
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	if p, ok := errors.AsType[mail.Problems](err); ok {
		p = p[:min(len(p), mostProblems)]
		return refuse("554 5.6.0 %v", p).because(p)
	}
	if c, ok := errors.AsType[*wire.ContentError](err); ok {
		return refuse("554 5.6.0 %v", c)
	}
	switch {
	case errors.Is(err, outbox.ErrTooLarge):
		return refuse("552 5.3.4 the mail is larger than this server takes")
	case errors.Is(err, outbox.ErrKeyReused):
		return refuse("554 5.5.4 the key in X-Parley-Key was used for another mail of this user: a key is for one mail").because(err)
	case errors.Is(err, outbox.ErrClosed):
		return refuse("421 4.3.2 this server is shutting down, try again later")
	case errors.Is(err, context.Canceled):
		return refuse("451 4.3.0 the session ended before the mail was stored")
	}
	s.broken(err)
	if isFull(err) {
		return refuse("452 4.3.1 there is no room left to store mail, try again later")
	}
	return refuse("451 4.3.0 the mail cannot be stored at the moment, try again later")
}

// isFull reports whether a database has no room left.
func isFull(err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return true
	}
	const sqliteFull = 13 // SQLITE_FULL, in the low octet of an extended code
	if e, ok := errors.AsType[interface {
		error
		Code() int
	}](err); ok && e.Code()&0xff == sqliteFull {
		return true
	}
	e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err)
	return ok && e.SQLState() == "53100" // disk_full
}

// broken notes that mail cannot be stored. Of a trouble that lasts, the log has a line a minute and not one a mail.
func (s *Server) broken(err error) {
	s.counts.failures.Add(1)
	s.ill.mu.Lock()
	defer s.ill.mu.Unlock()
	s.ill.err = err
	if now := time.Now(); now.Sub(s.ill.told) > time.Minute {
		s.ill.told = now
		s.log().Error("relay: mail cannot be stored", "error", err)
	}
}

// recovered notes that mail is stored again.
func (s *Server) recovered() {
	s.ill.mu.Lock()
	defer s.ill.mu.Unlock()
	if s.ill.err != nil {
		s.ill.err, s.ill.told = nil, time.Time{}
		s.log().Info("relay: mail is stored again")
	}
}

// Ready reports whether mail would be taken now: the ports are open, the database answers, and the last mail could be stored.
func (s *Server) Ready(ctx context.Context) error {
	if s.stopping.Load() {
		return errors.New("the server is shutting down")
	}
	if !s.listening() {
		return errors.New("the ports are not open yet")
	}
	s.ill.mu.Lock()
	err := s.ill.err
	s.ill.mu.Unlock()
	if err != nil {
		return fmt.Errorf("the last mail could not be stored: %w", err)
	}
	if _, err := s.box.ReaderPosition(ctx, "ready"); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	return nil
}
