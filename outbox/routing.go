package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/dsn"
	"github.com/parleymail/parley/internal/pause"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

const (
	routedAtOnce = 400             // recipients in a round
	patience     = 5 * time.Second // for all answers of a round
)

// A waiting is a recipient that is asked a lane for.
type waiting struct {
	taken
	Recipient
	since int64
	names []string
	err   error
	list  *Suppression
	lane  string // the one it goes to
}

// routing gives lanes to those recipients of a class that have none. Each class has its own round, so that
// alerts wait for no other's names to be looked up.
func (w *work) routing(ctx context.Context, rank int64) {
	woken, stop := w.b.waker(rank)
	defer stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		began := time.Now()
		n, err := w.route(ctx, rank)
		if err != nil {
			w.complain(ctx, err)
			if !pause.For(ctx, time.Second) {
				return
			}
			continue
		}
		if n == routedAtOnce {
			// There is enough to send for now: the others, and alerts before all, are to have their turn at the database.
			if rank != Alert.rank() && !pause.For(ctx, min(time.Since(began), 200*time.Millisecond)) {
				return
			}
			continue
		}
		select {
		case <-woken:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// route is one round.
func (w *work) route(ctx context.Context, rank int64) (int, error) {
	list, err := w.unrouted(ctx, rank)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	w.askLanes(ctx, list)
	if ctx.Err() != nil {
		return 0, nil
	}
	if err := w.listed(ctx, list); err != nil {
		return 0, err
	}
	if err := w.choose(ctx, list); err != nil {
		return 0, err
	}
	if err := w.writeRouted(ctx, list); err != nil {
		return 0, fmt.Errorf("outbox: routing: %w", err)
	}
	poke(w.routed)
	return len(list), nil
}

func (w *work) unrouted(ctx context.Context, rank int64) (list []*waiting, err error) {
	err = w.readers.each(ctx, `SELECT r.message, r.n, r.path, r.notify, r.original, r.attempts, r.next_at, m.origin, m.topic, m.reverse_path, m.size, m.not_before
		FROM parley_recipients r JOIN parley_messages m ON m.id = r.message
		WHERE r.lane = 0 AND r.class = CAST(? AS BIGINT) AND r.state <= 1 AND r.next_at <= ? ORDER BY r.next_at, r.message, r.n `+atMost,
		[]any{rank, w.now(), routedAtOnce}, func(rows *sql.Rows) error {
			p := &waiting{}
			var reverse string
			err := rows.Scan((*int64)(&p.Message), &p.n, &p.path, &p.notify, &p.original, &p.attempts, &p.next, &p.Origin, &p.Topic, &reverse, &p.Size, &p.since)
			if err != nil {
				return err
			}
			p.Class, p.Attempts = classOf(rank), p.attempts
			// What cannot be read is found out when it is sent, and held.
			p.Path, _ = parsePath(p.path)
			p.ReversePath, _ = parsePath(reverse)
			list = append(list, p)
			return nil
		})
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("outbox: looking for what has no lane: %w", err)
	}
	return list, nil
}

// askLanes asks the Router for each, some at once, since it may have to ask others.
func (w *work) askLanes(ctx context.Context, list []*waiting) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if r, ok := w.Router.(interface {
		Warm(ctx context.Context, recs []Recipient)
	}); ok {
		all := make([]Recipient, len(list))
		for i, p := range list {
			all[i] = p.Recipient
		}
		r.Warm(ctx, all)
	}
	next := make(chan *waiting, len(list))
	for _, p := range list {
		next <- p
	}
	close(next)
	var tasks sync.WaitGroup
	for range min(len(list)/16+1, 8) {
		tasks.Go(func() {
			for p := range next {
				if p.names, p.err = w.Router.Lanes(ctx, p.Recipient); p.err == nil && len(p.names) == 0 {
					p.err = errors.New("the router names no lane for it")
				}
			}
		})
	}
	tasks.Wait()
}

// listed looks who is on the suppression list.
func (w *work) listed(ctx context.Context, list []*waiting) error {
	addresses := make([]string, len(list))
	for i, p := range list {
		addresses[i] = p.path
	}
	return w.readers.read(ctx, func(t *tx) error {
		found, err := w.b.suppressedAmong(ctx, t, addresses)
		for _, p := range list {
			p.list = found[addressKey(p.path)]
		}
		return err
	})
}

// choose takes the first lane that is not suspended; the first of all where all are.
func (w *work) choose(ctx context.Context, list []*waiting) error {
	open := make(map[string]bool)
	for _, p := range list {
		if p.err != nil {
			continue
		}
		p.lane = p.names[0]
		if len(p.names) == 1 {
			continue
		}
		name, err := w.firstOpen(ctx, p.names, open)
		if err != nil {
			return err
		}
		if name != "" {
			p.lane = name
		}
	}
	return nil
}

// firstOpen is the first lane that may be used soon. What it learns it keeps in open.
func (w *work) firstOpen(ctx context.Context, names []string, open map[string]bool) (string, error) {
	for _, name := range names {
		is, known := open[name]
		if !known {
			var until int64
			err := w.readers.row(ctx, "SELECT COALESCE(MAX(open_at), 0) FROM parley_lanes WHERE name = ?", []any{name}, &until)
			if err != nil {
				return "", fmt.Errorf("outbox: reading a lane: %w", err)
			}
			is = until <= w.now()+soon
			open[name] = is
		}
		if is {
			return name, nil
		}
	}
	return "", nil
}

// soon is how long a lane may be suspended without its mail going elsewhere, in milliseconds.
const soon = 3000

// writeRouted writes down what was found.
func (w *work) writeRouted(ctx context.Context, list []*waiting) error {
	bounces, err := w.refusals(ctx, list)
	if err != nil {
		return err
	}
	var ids map[string]int64
	err = w.b.write(ctx, func(ctx context.Context, t *tx) error {
		ids = make(map[string]int64)
		var events []Event
		byLane, known := make(map[int64][]*waiting), true
		for _, p := range list {
			id, err := w.writeOne(ctx, t, p, ids, &events)
			if err != nil {
				return err
			}
			if id != 0 {
				byLane[id] = append(byLane[id], p)
				_, is := w.names.get(p.lane) // a lane that is new must not be lost when we have its ID
				known = known && is
			}
		}
		if known && len(events) == 0 && len(bounces) == 0 {
			if err := t.lazily(ctx); err != nil {
				return err
			}
		}
		for _, n := range bounces {
			if err := n.put(ctx, t); err != nil {
				return err
			}
		}
		if err := record(ctx, t, events); err != nil {
			return err
		}
		return t.putInLanes(ctx, byLane)
	})
	if err != nil {
		return err
	}
	for name, id := range ids {
		w.names.put(name, id)
	}
	return nil
}

const unrouted = " WHERE message = ? AND n = ? AND lane = 0 AND state <= 1"

// writeOne writes down what keeps a recipient from going out now; else it gives the lane that it goes to.
func (w *work) writeOne(ctx context.Context, t *tx, p *waiting, ids map[string]int64, events *[]Event) (lane int64, err error) {
	now := w.now()
	switch _, refused := errors.AsType[*Refusal](p.err); {
	case refused || p.list != nil:
		e := Event{What: WasBounced, At: timeOf(now), Message: p.Message, Recipient: p.n, Path: p.path, Attempt: p.attempts, Reply: p.words()}
		if p.list != nil {
			e.What = WasSuppressed
		}
		n, err := t.Exec(ctx, "UPDATE parley_recipients SET state = 6, changed = ?, reply = ?"+unrouted, now, cut(e.Reply, mostReply), int64(p.Message), p.n)
		if err != nil || n == 0 {
			return 0, err
		}
		*events = append(*events, e)
		return 0, w.b.settle(ctx, t, p.Message, now)
	case p.err != nil:
		_, err := t.Exec(ctx, "UPDATE parley_recipients SET next_at = ?, changed = ?, reply = ?"+unrouted, now+p.backOff(now), now, cut(p.err.Error(), mostReply), int64(p.Message), p.n)
		return 0, err
	}
	id, ok := ids[p.lane]
	if !ok {
		if id, err = t.laneID(ctx, &w.names, p.lane); err != nil {
			return 0, err
		}
		ids[p.lane] = id
	}
	return id, nil
}

// putInLanes puts recipients that have no lane into theirs, and has these looked at when they are due. The lanes come last, for all who
// work wait for who has one; of recipients that another has just now none is waited for.
func (t *tx) putInLanes(ctx context.Context, byLane map[int64][]*waiting) error {
	order := slices.Sorted(maps.Keys(byLane))
	put := make(map[int64]bool)
	for _, id := range order {
		list := byLane[id]
		row := func(args []any, i int) []any { return append(args, int64(list[i].Message), list[i].n) }
		err := t.inTables(len(list), []column{number, number}, row, func(table string, args []any) error {
			n, err := t.Exec(ctx, "UPDATE parley_recipients AS r SET lane = ? FROM "+t.b.d.notLocked(table)+" AS v WHERE r.message = v.column1 AND r.n = v.column2 AND +r.lane = 0 AND +r.state <= 1", append([]any{id}, args...)...)
			put[id] = put[id] || n > 0
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, id := range order {
		if !put[id] {
			continue // another worker was first, and has it looked at
		}
		next, alert := never, never
		for _, p := range byLane[id] {
			next = min(next, p.next)
			if p.Class == Alert {
				alert = min(alert, p.next)
			}
		}
		if err := t.wakeLane(ctx, id, next, alert); err != nil {
			return err
		}
	}
	return nil
}

// backOff is how long it takes until the Router is asked again: a quarter of the time that it did not know so far.
func (p *waiting) backOff(now int64) int64 {
	first, most := 30*time.Second, 30*time.Minute
	if p.Class == Alert {
		first, most = 5*time.Second, 5*time.Minute
	}
	return min(max((now-p.since)/4, first.Milliseconds()), most.Milliseconds())
}

// words are why it is given up.
func (p *waiting) words() string {
	if p.list != nil {
		_, words := suppressedReply(p.list)
		return words
	}
	return p.err.Error()
}

func suppressedReply(s *Suppression) (smtp.Reply, string) {
	text := "nothing is sent to this address: " + s.Reason
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	return smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{Class: 5, Subject: 7, Detail: 1}, Lines: []string{text}}, text
}

// refusals composes the notifications for those that the Router or the suppression list refuses, one for each message.
func (w *work) refusals(ctx context.Context, list []*waiting) (bounces []*bounce, err error) {
	byMessage := make(map[ID][]notice)
	var order []ID
	for _, p := range list {
		_, refused := errors.AsType[*Refusal](p.err)
		if !refused && p.list == nil || !wantsToKnow(mail.Notify(p.notify)) || p.ReversePath.IsNull() {
			continue
		}
		if byMessage[p.Message] == nil {
			order = append(order, p.Message)
		}
		g := notice{action: dsn.Failed, path: p.Path, original: p.original, reply: replyOf(p.words()), words: p.words()}
		if p.list != nil {
			g.reply, _ = suppressedReply(p.list)
		}
		byMessage[p.Message] = append(byMessage[p.Message], g)
	}
	for _, id := range order {
		m, err := w.readers.load(ctx, id)
		if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNotFound) {
			continue // whom to tell is not known
		}
		if err != nil {
			return nil, err
		}
		if n := w.bounce(m, byMessage[id]); n != nil {
			bounces = append(bounces, n)
		}
	}
	return bounces, nil
}

// replyOf reads a reply on one line: "550 5.1.10 example.net takes no mail". What is none has no code.
func replyOf(line string) (r smtp.Reply) {
	code, text, _ := strings.Cut(line, " ")
	if _, err := fmt.Sscanf(code, "%3d", &r.Code); err != nil || len(code) != 3 || r.Code < 400 || r.Code > 599 {
		return smtp.Reply{}
	}
	enhanced, words, _ := strings.Cut(text, " ")
	if n, err := fmt.Sscanf(enhanced, "%d.%d.%d", &r.Enhanced.Class, &r.Enhanced.Subject, &r.Enhanced.Detail); err != nil || n != 3 {
		r.Enhanced, words = smtp.EnhancedCode{}, text
	}
	r.Lines = []string{words}
	return r
}
