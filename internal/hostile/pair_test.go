package hostile_test

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A keeper is package smtpd's server with a record of what it took, in the form of
// the honest Server's.
type keeper struct {
	server smtpd.Server
	mu     sync.Mutex
	taken  []*hostile.Mail
	dirty  []string
}

func newKeeper(s scene) *keeper {
	k := &keeper{}
	k.server = smtpd.Server{Hostname: "mx.test", LMTP: s.lmtp, Without: s.without, Data: k.data,
		Rcpt: func(_ *smtpd.Transaction, r mail.Recipient) smtp.Reply {
			if strings.HasPrefix(r.Path.Local, "no") {
				return smtpd.Reply(s.refuse)
			}
			return smtpd.Reply("250 2.1.5 ok")
		}}
	return k
}

func (k *keeper) data(t *smtpd.Transaction, content io.Reader) smtp.Reply {
	b, err := io.ReadAll(content)
	if err != nil {
		return smtpd.Reply("451 4.3.0 not kept")
	}
	m := &hostile.Mail{From: t.ReversePath.String(), Content: b}
	for _, r := range t.Recipients {
		m.To = append(m.To, r.Path.String())
	}
	m.Taken = m.To
	k.mu.Lock()
	defer k.mu.Unlock()
	k.taken = append(k.taken, m)
	if what := hostile.Unclean(b); what != "" {
		k.dirty = append(k.dirty, what)
	}
	return smtpd.Reply("250 2.0.0 taken")
}

func (k *keeper) Serve(conn net.Conn) error { return k.server.ServeConn(conn) }

// Both sides of the conversation are ours, and the line between them fails at any
// octet: the client never believes what the server does not know to be so.
func TestOutcomeIsRightBetweenOurselves(t *testing.T) {
	var runs atomic.Int64
	t.Cleanup(func() { t.Logf("%d sessions", runs.Load()) })
	for _, without := range [][]string{nil, {"CHUNKING"}, {"CHUNKING", "PIPELINING"}} {
		for _, s := range scenes() {
			// Of the scenes those that differ in more than what the server offers.
			if !slices.Contains([]string{"partial", "lmtp-partial", "pooled-bdat", "all-bdat-mixed", "bdat-big"}, s.name) {
				continue
			}
			s.name = strings.Join(append([]string{s.name, "without"}, without...), " ")
			s.ours, s.without = true, append([]string{"LIMITS"}, without...)
			s.offers = nil
			if len(without) == 0 {
				s.offers = []string{"CHUNKING"}
			}
			if s.stride == 0 {
				s.stride = 3
			}
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				up, down := s.lengths(t)
				for _, kind := range []hostile.Break{hostile.Cut, hostile.Short, hostile.Reset, hostile.Stall, hostile.HalfClose} {
					runs.Add(s.faults(t, kind, hostile.ToServer, up))
					runs.Add(s.faults(t, kind, hostile.ToClient, down))
				}
			})
		}
	}
}
