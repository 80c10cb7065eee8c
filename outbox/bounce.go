package outbox

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/dsn"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A bounce is a notification that is composed, and waits for the transaction in which its mail is given up: so there
// are both or neither.
type bounce struct {
	letter *letter
	pieces [][]byte
}

func (n *bounce) put(ctx context.Context, t *tx) error {
	for i, piece := range n.pieces {
		if err := n.letter.putPiece(ctx, t, int64(i), piece); err != nil {
			return err
		}
	}
	_, err := n.letter.put(ctx, t)
	return err
}

// A notice is what the sender of a mail is told of a recipient.
type notice struct {
	action   dsn.Action
	path     mail.Path
	original string
	expired  bool
	reply    smtp.Reply
	words    string
	remote   string
}

// bounceOf is the notification of those recipients of a transaction that there is something to tell of.
func (w *work) bounceOf(s *sending) *bounce {
	var list []notice
	for i, o := range s.outcomes {
		action := w.actionOf(s, i)
		if action == 0 {
			continue
		}
		g := notice{action: action, path: w.pathOf(s, i), original: s.to[i].original, expired: o.state == Expired, reply: o.reply, words: o.event.Reply, remote: o.event.Remote}
		if g.expired && s.to[i].last != "" {
			g.words += "; what was said last: " + s.to[i].last
		}
		list = append(list, g)
	}
	return w.bounce(s.msg, list)
}

// actionOf is what the sender is told of a recipient; zero: nothing.
func (w *work) actionOf(s *sending, i int) dsn.Action {
	o, notify := s.outcomes[i], mail.Notify(s.to[i].notify)
	switch {
	case o.state == Bounced || o.state == Expired:
		if wantsToKnow(notify) {
			return dsn.Failed
		}
	case o.what == WasSent && !o.tells && notify&mail.NotifySuccess != 0:
		return dsn.Relayed // RFC 3461 §5.2.2: nobody behind us can tell
	case o.what == WasDeferred && notify&mail.NotifyDelay != 0 && w.isLate(s, i):
		o.warned = true
		return dsn.Delayed
	}
	return 0
}

const lateAfter = 4 * time.Hour // RFC 5321 §4.5.4.1 speaks of that many days of trying

// isLate reports whether a recipient waits for so long that its sender is to learn of it, and has not yet.
func (w *work) isLate(s *sending, i int) bool {
	late := cmp.Or(w.Bounces.Late, lateAfter)
	if w.Bounces.None || s.msg == nil || s.msg.Env.ReversePath.IsNull() || w.now()-s.msg.NotBefore < late.Milliseconds() {
		return false
	}
	var warned bool
	err := w.readers.row(begun, "SELECT EXISTS (SELECT 1 FROM parley_history WHERE message = ? AND n = ? AND what = ?)", []any{int64(s.message), s.to[i].n, int64(WasWarned)}, &warned)
	return err == nil && !warned
}

// wantsToKnow reports whether a notification of failure is wanted: RFC 3461 §4.1.
func wantsToKnow(n mail.Notify) bool {
	return n == 0 || n&mail.NotifyFailure != 0
}

// bounce composes the notification; nil where nobody is told. Of a mail from nobody nobody is told, so that no bounce
// ever bounces: RFC 5321 §6.1.
func (w *work) bounce(m *stored, list []notice) *bounce {
	if w.Bounces.None || m == nil || len(list) == 0 || m.Env.ReversePath.IsNull() {
		return nil
	}
	l := &dsn.Letter{
		Report: dsn.Report{ReportingMTA: w.Bounces.Host, ArrivalDate: m.ID.Time(), EnvelopeID: m.Env.ID},
		To:     m.Env.ReversePath, From: w.Bounces.From, Lang: w.Bounces.Lang, Most: w.Bounces.Most, Return: m.Env.Return,
		Content: func() (io.ReadCloser, error) { return w.b.Content(begun, m.ID) },
	}
	for _, g := range list {
		r := g.report()
		if r.Action == dsn.Delayed {
			r.WillRetryUntil = timeOf(m.Expires)
		}
		l.Recipients = append(l.Recipients, r)
	}
	n, err := w.compose(l)
	if err != nil {
		w.b.log.Error("outbox: a bounce goes without the mail that it is about", "message", m.ID, "error", err)
		l.Content = nil
		n, err = w.compose(l)
	}
	if err != nil {
		w.b.log.Error("outbox: a bounce cannot be written", "message", m.ID, "error", err)
		return nil
	}
	return n
}

func (g *notice) report() dsn.Recipient {
	r := dsn.Recipient{Final: g.path, Original: g.original, Action: g.action, Reply: g.reply}
	if host, _, err := net.SplitHostPort(g.remote); err == nil {
		r.RemoteMTA = host
	}
	switch {
	case g.reply.Code != 0:
	case g.expired:
		r.Status = smtp.EnhancedCode{Class: 4, Subject: 4, Detail: 7} // RFC 3463 §3.5
		r.Diagnostic = g.words
	case g.action == dsn.Delayed:
		r.Status = smtp.EnhancedCode{Class: 4}
		r.Diagnostic = g.words
	case g.action == dsn.Relayed:
		r.Status = smtp.EnhancedCode{Class: 2}
	default:
		r.Status = statusOf(g.words)
		r.Diagnostic = g.words
	}
	return r
}

// statusOf is the status of a mail that no server was asked to take, by the words for why: RFC 3463 §3.4, §3.7.
func statusOf(words string) smtp.EnhancedCode {
	switch diagnose.Text(words, diagnose.Hint{}).Kind {
	case "message-too-big":
		return smtp.EnhancedCode{Class: 5, Subject: 3, Detail: 4}
	case "utf8-unsupported":
		return smtp.EnhancedCode{Class: 5, Subject: 6, Detail: 7} // RFC 6531 §3.7.4
	case "encoding-unsupported":
		return smtp.EnhancedCode{Class: 5, Subject: 6, Detail: 3}
	case "tls-required":
		return smtp.EnhancedCode{Class: 5, Subject: 7, Detail: 30} // RFC 8689 §5
	}
	return smtp.EnhancedCode{Class: 5}
}

func (w *work) compose(l *dsn.Letter) (*bounce, error) {
	p, err := w.b.prepare(begun, &Mail{Object: l, Topic: "bounce"})
	if err != nil {
		return nil, fmt.Errorf("outbox: composing a bounce: %w", err)
	}
	defer p.content.Close()
	n := &bounce{letter: p}
	err = p.compose(func(_ int64, piece []byte) error {
		n.pieces = append(n.pieces, bytes.Clone(piece))
		return nil
	})
	return n, err
}
