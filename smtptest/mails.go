package smtptest

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/eml"
	"github.com/parleymail/parley/transcript"
)

// A Mail is one that a [Server] has taken.
type Mail struct {
	mail.Envelope
	Content []byte // as it was sent: CRLF at each line's end, no dots doubled

	Hello string               // the name that the client gave itself
	User  string               // who was authenticated; empty: nobody
	TLS   *tls.ConnectionState // nil in clear text
	At    time.Time

	said *transcript.Recorder
}

// To are the recipients, as plain addresses.
func (m *Mail) To() []string {
	list := make([]string, len(m.Recipients))
	for i, r := range m.Recipients {
		list[i] = strings.Trim(r.Path.String(), "<>")
	}
	return list
}

// Message is what the mail says, read anew each time; see [eml.Read].
func (m *Mail) Message() (*mail.Message, error) { return eml.Read(bytes.NewReader(m.Content)) }

// Transcript is what was said in the mail's session, up to now.
func (m *Mail) Transcript() transcript.Transcript { return m.said.Transcript() }

// mails are those that a server has taken.
type mails struct {
	mu   sync.Mutex
	more *sync.Cond // there is one more, or time is up
	list []*Mail
}

func newMails() *mails {
	m := new(mails)
	m.more = sync.NewCond(&m.mu)
	return m
}

func (m *mails) add(one *Mail) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, one)
	m.more.Broadcast()
}

func (m *mails) all() []*Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*Mail(nil), m.list...)
}

func (m *mails) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = nil
}

// wait waits until done says that the list will do, at most for patience.
func (m *mails) wait(patience time.Duration, done func([]*Mail) bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	until := time.Now().Add(patience)
	timer := time.AfterFunc(patience, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.more.Broadcast()
	})
	defer timer.Stop()
	for !done(m.list) {
		if !time.Now().Before(until) {
			return false
		}
		m.more.Wait()
	}
	return true
}

// Mails are those that the server has taken until now, in the order in which it
// did.
func (s *Server) Mails() []*Mail { return s.mails.all() }

// Wait waits until the server has taken n mails in all, and gives all that it has
// then. Where they do not come within Server.Patience the test fails and ends, so
// that it is to be called from the test's own goroutine.
func (s *Server) Wait(t testing.TB, n int) []*Mail {
	t.Helper()
	if !s.mails.wait(s.patience(), func(list []*Mail) bool { return len(list) >= n }) {
		t.Fatalf("smtptest: %d mails are wanted, and within %v there came %s", n, s.patience(), s.describe())
	}
	return s.Mails()
}

// Find waits for a mail that match says yes to, in the same way.
func (s *Server) Find(t testing.TB, match func(*Mail) bool) *Mail {
	t.Helper()
	var found *Mail
	ok := s.mails.wait(s.patience(), func(list []*Mail) bool {
		for _, m := range list {
			if match(m) {
				found = m
				return true
			}
		}
		return false
	})
	if !ok {
		t.Fatalf("smtptest: no mail is like the one that is wanted; within %v there came %s", s.patience(), s.describe())
	}
	return found
}

// describe is what came, for a test that wanted something else.
func (s *Server) describe() string {
	list := s.Mails()
	if len(list) == 0 {
		return "none"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d:", len(list))
	for _, m := range list {
		fmt.Fprintf(&b, "\n\tfrom %v to %s, %d octets", m.ReversePath, strings.Join(m.To(), ", "), len(m.Content))
	}
	return b.String()
}
