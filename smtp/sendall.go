package smtp

import (
	"cmp"
	"context"
	"iter"

	"github.com/parleymail/parley/mail"
)

// A Result is what became of one mail of SendAll.
type Result struct {
	Index   int // which one, counted from 0
	Object  mail.Object
	Receipt *Receipt // nil where Err is not
	Err     error    // nil, or an *Error: see Client.Send
}

// SendAll sends mail after mail over one session, and gives what became of each
// as it is known. The next mail's envelope rides with the content of the one
// before it, and where the server offers CHUNKING up to Client.Ahead mails are
// under way at once: very many mails cost hardly more than their octets.
//
// A mail that fails does not keep the others from being sent. When the caller
// stops, nothing more is sent; mails that were under way at once may have been
// taken all the same. When the context ends, those under way have it as their
// result, and those not begun have none.
//
// The next mail is asked for before the reply to the last is read: where mails
// come slowly, use Send. The session is held until the end, so that a Send of the
// same Client in the loop needs another: see Client.MaxSessions.
func (c *Client) SendAll(ctx context.Context, mails iter.Seq[mail.Object]) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		next, stop := iter.Pull(mails)
		defer stop()
		c.pool.init(c)
		r := &run{client: c, ctx: ctx, next: next, yield: yield, ahead: cmp.Or(max(c.Ahead, 0), defaultAhead)}
		defer r.end()
		r.all()
	}
}

const defaultAhead = 16

// A run is one SendAll.
type run struct {
	client  *Client
	ctx     context.Context
	next    func() (mail.Object, bool)
	yield   func(Result) bool
	ahead   int
	count   int
	session *Session
	done    func()         // ends the context's hold on the session
	flight  []*transaction // begun and not over; the oldest first
	again   []*transaction // to be tried on another session
	ended   bool           // no more mails are to be begun
	denied  *Error         // the credentials were refused: to say them again for each mail would lock the account
}

func (r *run) all() {
	for {
		r.fill()
		if len(r.flight) == 0 {
			if r.ended && len(r.again) == 0 {
				return
			}
			continue
		}
		if t := r.flight[0]; r.yield == nil && !t.said {
			// Nobody hears of it any more: it is not to be sent. Its envelope is
			// already, so that there is no way back but to drop the connection.
			return
		}
		r.finish(r.flight[0])
	}
}

// fill begins mails while there is room. Behind a mail whose content waits for
// the server's word none can be begun.
func (r *run) fill() {
	for len(r.flight) < r.ahead+1 && (len(r.flight) == 0 || r.last().said) {
		if len(r.flight) >= r.ahead && r.last().whole {
			return
		}
		if len(r.flight) > 0 && (r.client.worn(r.session) || !r.session.exts.pipelining) {
			return
		}
		if l := r.client.pool.limiter; l != nil && len(r.flight) > 0 && l.Tokens() < 1 {
			return // what is under way is not kept waiting for the rate
		}
		t := r.take()
		if t == nil {
			return
		}
		r.begin(t)
	}
}

func (r *run) last() *transaction { return r.flight[len(r.flight)-1] }

// take gives the next mail that can be sent.
func (r *run) take() *transaction {
	for {
		if len(r.again) > 0 {
			t := r.again[0]
			r.again = r.again[1:]
			if e := t.open(); e != nil {
				r.result(t, nil, e)
				continue
			}
			return t
		}
		if r.ended || r.ctx.Err() != nil {
			r.ended = true
			return nil
		}
		object, ok := r.next()
		if !ok {
			r.ended = true
			return nil
		}
		index := r.count
		r.count++
		t, e := prepare(object)
		if e != nil {
			r.result(&transaction{object: object, index: index}, nil, e)
			continue
		}
		t.index = index
		if r.client.pool.pace(r.ctx) != nil {
			t.close()
			r.ended = true
			return nil
		}
		return t
	}
}

// begin begins a mail, on a new session where there is none.
func (r *run) begin(t *transaction) {
	if r.session != nil && len(r.flight) == 0 && r.client.worn(r.session) {
		r.leave()
	}
	if r.session == nil && r.denied != nil {
		r.result(t, nil, r.denied)
		return
	}
	if r.session == nil {
		s, e := r.client.take(r.ctx, t.tries > 0)
		if e != nil {
			if e.Kind == Unauthorized {
				r.denied = e
			}
			r.result(t, nil, e)
			return
		}
		r.session, r.done = s, s.within(r.ctx)
	}
	if e := r.session.begin(t); e != nil {
		if r.session.broken != nil && t.step == 0 {
			r.retry(t, e) // not a word of it was said
		} else {
			r.failed(t, e)
		}
		return
	}
	r.flight = append(r.flight, t)
}

// finish brings the oldest mail under way to its end.
func (r *run) finish(t *transaction) {
	s := r.session
	e := s.hearEnvelope(t)
	if e == nil && !t.said {
		if e = s.sayContent(t); e == nil {
			r.fill() // the next envelope goes out with this content
		}
	}
	var receipt *Receipt
	if e == nil {
		receipt, e = s.hearEnd(t)
	}
	r.flight = r.flight[1:]
	if e == nil {
		r.result(t, receipt, nil)
	} else {
		r.failed(t, e)
	}
	if s.lost {
		r.abandon(e)
	}
}

// abandon sorts what was under way when the session came to its end. e is what
// ended it, nil where the last mail was still taken.
func (r *run) abandon(e *Error) {
	flight := r.flight
	r.flight = nil
	for _, t := range flight {
		// Replies come in order: a server that said 421 and hung up has looked at
		// nothing that came after.
		closed := e != nil && e.Reply.Code == 421
		if t.said && r.session.written >= t.endAt && !closed {
			lost := &Error{Kind: Unreachable, Stage: StageEnd, Err: errLost, uncertain: true}
			if e != nil {
				lost.Kind, lost.Err, lost.Said = e.Kind, e.Err, e.Said
			}
			r.result(t, nil, lost)
			continue
		}
		// Not e itself: it names a recipient of another mail.
		own := &Error{Kind: Unreachable, Stage: StageMail, Err: errLost}
		if e != nil && (e.Reply.Code == 421 || r.ctx.Err() != nil) {
			own.Kind, own.Reply, own.Err, own.Said = e.Kind, e.Reply, e.Err, e.Said
		}
		r.retry(t, own)
	}
	r.leave()
}

// failed gives the error of a mail, or tries it again where only its session had
// come to an end.
func (r *run) failed(t *transaction, e *Error) {
	if r.session.stale(e) {
		r.retry(t, e)
		return
	}
	r.result(t, nil, e)
}

func (r *run) retry(t *transaction, e *Error) {
	if r.yield == nil {
		t.close() // nobody hears of it any more
		return
	}
	if t.tries > 0 || r.ctx.Err() != nil {
		r.result(t, nil, e)
		return
	}
	t.tries++
	r.again = append(r.again, t)
}

// end leaves nothing behind, however the run came to its end: also by a panic of
// the caller's.
func (r *run) end() {
	if len(r.flight) > 0 && r.session != nil {
		r.session.lost = true
	}
	for _, t := range append(r.flight, r.again...) {
		t.close()
	}
	r.flight, r.again = nil, nil
	r.leave()
}

// leave gives the session back.
func (r *run) leave() {
	if r.session != nil {
		r.done()
		r.client.give(r.session)
		r.session = nil
	}
}

func (r *run) result(t *transaction, receipt *Receipt, e *Error) {
	t.close()
	result := Result{Index: t.index, Object: t.object, Receipt: receipt}
	if e != nil {
		result.Err = e
	}
	if r.yield != nil && !r.yield(result) {
		r.yield, r.ended = nil, true
		for _, t := range r.again {
			t.close()
		}
		r.again = nil
	}
}
