package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/parleymail/parley/internal/pause"
)

// pollEvery is how often a worker looks whether another process has put something, or a time has come.
const pollEvery = 250 * time.Millisecond

// dispatch goes round: what came of sessions is written down, and new work is taken for those that are free, in
// one transaction. The more there is to do the more stands in each.
func (w *work) dispatch(ctx context.Context) error {
	sendCtx, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var finished []*sending
	for {
		select {
		case s := <-w.over:
			finished = append(finished, s)
		case <-w.routed:
		case <-tick.C:
		case <-ctx.Done():
			return w.finish(finished, giveUp)
		}
		finished = w.gather(finished)
		began := time.Now()
		begun, err := w.cycle(ctx, finished)
		if err != nil {
			w.complain(ctx, err)
			pause.For(ctx, time.Second)
			continue
		}
		w.well()
		if len(finished) > 0 {
			w.took = (7*w.took + time.Since(began)) / 8
		}
		finished = nil
		if len(begun) > 0 {
			go w.launch(sendCtx, begun)
		}
	}
}

// finish waits for what is under way, and writes it down.
func (w *work) finish(finished []*sending, giveUp context.CancelCauseFunc) error {
	grace := time.AfterFunc(w.Grace, func() { giveUp(errEnded) })
	defer grace.Stop()
	for len(w.flying) > len(finished) {
		finished = append(finished, <-w.over)
	}
	var err error
	for try := range 5 {
		if try > 0 {
			pause.For(begun, time.Duration(try)*time.Second)
		}
		if _, err = w.cycle(nil, finished); err == nil { //nolint:staticcheck // nil says that nothing is to be taken
			return nil
		}
	}
	return err
}

// A sending is a transaction: those recipients of a message that go together.
type sending struct {
	worker  int64
	lease   *lease
	lane    *laneInUse
	row     int64
	message ID
	class   Class
	to      []taken
	result
}

// A taken is a recipient that is being sent to.
type taken struct {
	n        int
	path     string
	notify   int
	original string
	sum      int64
	attempts int // this one too
	next     int64
	last     string // what was said last
}

// cycle writes down what finished, and takes what is due. Nothing is taken without a context.
func (w *work) cycle(ctx context.Context, finished []*sending) (begun []*sending, err error) {
	var look []candidate
	l := w.lease.Load()
	taking := ctx != nil && l.holds()
	if taking {
		if look, err = w.candidates(ctx, len(finished)); err != nil {
			return nil, err
		}
	}
	if len(finished) == 0 && len(look) == 0 && !w.doubt {
		return nil, nil
	}
	if w.doubt {
		if err := w.recount(context.Background()); err != nil {
			return nil, err
		}
		w.doubt = false
	}
	var r *round
	err = w.b.write(context.Background(), func(ctx context.Context, t *tx) error {
		r = &round{work: w, t: t, lease: l, taking: taking, now: w.now(), rows: make(map[int64]*row), first: make(map[int64]*[Bulk + 1]int64), before: make(map[int64]row), due: make(map[int64][2]int64), free: w.MaxSessions - len(w.flying) + len(finished)}
		return r.do(ctx, finished, look)
	})
	if err != nil {
		w.doubt = true // it may have been written all the same: a connection was lost in the midst of COMMIT
		return nil, err
	}
	for _, s := range finished {
		delete(w.flying, s)
	}
	for _, s := range r.begun {
		w.flying[s] = true
	}
	if r.put {
		w.b.wake()
	}
	if r.skipped && len(w.flying) < w.MaxSessions {
		time.AfterFunc(skipped, func() { poke(w.routed) })
	}
	return r.begun, nil
}

// skipped is how soon a lane is looked at again that another worker had. None has it for long.
const skipped = 10 * time.Millisecond

// A candidate is a lane that is due.
type candidate struct {
	id    int64
	lane  *laneInUse
	alert bool // it has alerts, and these go first
}

// mostCandidates is how many lanes are looked at in one round.
const mostCandidates = 64

// candidates are the lanes worth looking at: those with alerts, then those that had nothing for longest.
func (w *work) candidates(ctx context.Context, finished int) (list []candidate, err error) {
	free := w.MaxSessions - len(w.flying) + finished
	if free <= 0 {
		return nil, nil
	}
	seen := make(map[int64]bool)
	var unknown []laneName
	const due = "SELECT * FROM (SELECT id, name, 1 AS alert FROM parley_lanes WHERE alert_at <= ? ORDER BY alert_at " + atMost + ") a UNION ALL " +
		"SELECT * FROM (SELECT id, name, 0 AS alert FROM parley_lanes WHERE next_at <= ? ORDER BY next_at " + atMost + ") n"
	now, most := w.now(), min(free, mostCandidates)
	err = w.readers.each(ctx, due, []any{now, most, now, most}, func(rows *sql.Rows) error {
		var l laneName
		var alert int
		if err := rows.Scan(&l.id, &l.name, &alert); err != nil || seen[l.id] {
			return err
		}
		seen[l.id], l.alert = true, alert == 1
		if known := w.known.get(l.id); known != nil {
			list = append(list, candidate{l.id, known, l.alert})
		} else {
			unknown = append(unknown, l)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: looking for lanes that are due: %w", err)
	}
	for _, l := range unknown {
		known, err := w.ask(ctx, l)
		if err != nil {
			return nil, err
		}
		if known != nil {
			list = append(list, candidate{l.id, known, l.alert})
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return btoi(b.alert) - btoi(a.alert) })
	return list, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A round is one cycle's transaction.
type round struct {
	*work
	t      *tx
	lease  *lease
	taking bool
	now    int64
	rows   map[int64]*row
	before map[int64]row
	free   int
	begun  []*sending
	events []Event
	first  map[int64]*[Bulk + 1]int64 // of a lane, when the first of each class is due
	due    map[int64][2]int64         // of a lane, when what was not taken is due again, and of that the alerts

	skipped bool // another worker has a lane that we would have taken from
	put     bool // a bounce
}

func (r *round) do(ctx context.Context, finished []*sending, look []candidate) error {
	if r.taking {
		// We may have been frozen since we looked at the clock, and others have taken up what we had: what we took now
		// nobody would know to be lost, were we lost.
		alive, err := r.t.alive(ctx, r.lease.id)
		if err != nil {
			return err
		}
		r.taking = alive
	}
	if err := r.settleAll(ctx, finished); err != nil {
		return err
	}
	lanes, err := r.lockAll(ctx, finished, look)
	if err != nil {
		return err
	}
	if err := r.takeAll(ctx, lanes); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(r.rows)) {
		before := r.before[id]
		if err := r.t.saveLane(ctx, r.rows[id], &before, r.lease.id); err != nil {
			return err
		}
	}
	return nil
}

// hold reads a lane with its lock; nil where it is gone, or skipped.
func (r *round) hold(ctx context.Context, id int64, how string) (*row, error) {
	if l := r.rows[id]; l != nil {
		return l, nil
	}
	l, err := r.t.lane(ctx, id, r.lease.id, how)
	if l != nil {
		r.rows[id], r.before[id] = l, *l
	}
	return l, err
}

// lockAll gives the lanes to take from in their order: those that were looked for, then those in which a session has
// become free.
func (r *round) lockAll(ctx context.Context, finished []*sending, look []candidate) (lanes []candidate, err error) {
	if !r.taking {
		return nil, nil
	}
	seen := make(map[int64]bool)
	for _, s := range finished {
		if r.rows[s.row] != nil && !seen[s.row] && !slices.ContainsFunc(look, func(c candidate) bool { return c.id == s.row }) {
			look = append(look, candidate{s.row, s.lane, false})
			seen[s.row] = true
		}
	}
	for _, c := range look {
		l, err := r.hold(ctx, c.id, " SKIP LOCKED")
		if err != nil {
			return nil, err
		}
		if l != nil {
			lanes = append(lanes, c)
		}
		r.skipped = r.skipped || l == nil
	}
	return lanes, nil
}

// takeAll shares the free sessions out: alerts of all lanes first; then each lane has its share, and then whoever
// has more. What is left of all sessions for alerts stays free.
func (r *round) takeAll(ctx context.Context, lanes []candidate) error {
	for _, c := range lanes {
		if _, err := r.take(ctx, c, Alert, r.free); err != nil {
			return err
		}
	}
	spare := r.MaxSessions / 10
	if r.MaxSessions > 1 {
		spare = max(spare, 1)
	}
	share := max((r.free-spare)/max(len(lanes), 1), 1)
	hungry := lanes
	for len(hungry) > 0 && r.free > spare {
		var still []candidate
		for _, c := range hungry {
			most := min(share, r.free-spare)
			n := 0
			for _, class := range [...]Class{Normal, Bulk} {
				got, err := r.take(ctx, c, class, most-n)
				if err != nil {
					return err
				}
				n += got
			}
			if n == most && n > 0 {
				still = append(still, c)
			}
		}
		hungry, share = still, r.free
	}
	for _, c := range lanes {
		if err := r.nextLook(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// firstDue reads when the first of each class is due. It asks behind the lock: what others add later moves the lane forward.
func (r *round) firstDue(ctx context.Context, id int64) (*[Bulk + 1]int64, error) {
	if f := r.first[id]; f != nil {
		return f, nil
	}
	const one = "COALESCE((SELECT next_at FROM parley_recipients WHERE lane = ? AND class = ? AND state <= 1 ORDER BY next_at LIMIT 1), ?)"
	f := new([Bulk + 1]int64)
	args := make([]any, 0, 3*len(f))
	for class := range f {
		args = append(args, id, Class(class).rank(), never)
	}
	if err := r.t.QueryRow(ctx, "SELECT "+one+", "+one+", "+one, args, &f[Normal], &f[Alert], &f[Bulk]); err != nil {
		return nil, fmt.Errorf("outbox: looking for what is due next: %w", err)
	}
	r.first[id] = f
	return f, nil
}

// take takes so many transactions of a class.
func (r *round) take(ctx context.Context, c candidate, class Class, most int) (int, error) {
	l, limits := r.rows[c.id], c.lane.Limits
	room, reserved := l.room(limits, r.now)
	if class != Alert {
		room -= reserved
	}
	room = min(room, most)
	allowed := l.allowed(limits, class == Alert, r.now)
	if room <= 0 || allowed <= 0 {
		return 0, nil
	}
	first, err := r.firstDue(ctx, c.id)
	if err != nil || first[class] > r.now {
		return 0, err
	}
	each := min(limits.recipients(), c.lane.most())
	groups, more, err := r.found(ctx, c.id, class, room, each, allowed)
	if err != nil {
		return 0, err
	}
	if !more {
		delete(r.first, c.id) // all that was due is taken: it is asked again when the next is
	}
	mine, err := r.claim(ctx, c.id, groups)
	if err != nil {
		return 0, err
	}
	taken := 0
	for _, g := range groups {
		s := &sending{worker: r.lease.id, lease: r.lease, lane: c.lane, row: c.id, message: g.message, class: class}
		for _, to := range g.to {
			if mine[key{g.message, to.n}] {
				s.to = append(s.to, to)
			}
		}
		if len(s.to) == 0 {
			continue
		}
		l.mine++
		l.count(len(s.to), r.now)
		r.free--
		taken++
		r.begun = append(r.begun, s)
	}
	return taken, nil
}

// claim notes that recipients are being sent to, by us. A person may have held or cancelled one just now: mine has the
// others.
func (r *round) claim(ctx context.Context, lane int64, groups []group) (mine map[key]bool, err error) {
	var all []key
	for _, g := range groups {
		for _, to := range g.to {
			all = append(all, key{g.message, to.n})
		}
	}
	mine = make(map[key]bool, len(all))
	row := func(args []any, i int) []any { return append(args, int64(all[i].message), all[i].n) }
	err = r.t.inTables(len(all), []column{number, number}, row, func(table string, args []any) error {
		// The plus keeps the planner from looking through all of the lane for these.
		return r.t.keysOf(ctx, mine, "UPDATE parley_recipients AS r SET state = 2, worker = ?, attempts = r.attempts + 1, changed = ? FROM "+table+` AS v
			WHERE +r.lane = ? AND +r.state <= 1 AND r.message = v.column1 AND r.n = v.column2 RETURNING message, n`, append(append([]any{r.lease.id, r.now}, args...), lane))
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: taking mail: %w", err)
	}
	return mine, nil
}

// A group is those recipients of a message that stand behind one another.
type group struct {
	message ID
	to      []taken
}

// found gives the first groups of a class that are due, with no more recipients than are allowed, and whether there are more.
func (r *round) found(ctx context.Context, lane int64, class Class, most, each, allowed int) (groups []group, more bool, err error) {
	page := min(most*each, max(2*most, 16))
	after := [3]int64{-never, 0, 0} // next_at, message, n
	for {
		found, full := 0, false
		err := r.t.each(ctx, `SELECT message, n, path, notify, original, sum, attempts, next_at, reply FROM parley_recipients
			WHERE lane = ? AND class = ? AND state <= 1 AND next_at <= ? AND (next_at, message, n) > (?, ?, ?) ORDER BY next_at, message, n `+atMost,
			[]any{lane, class.rank(), r.now, after[0], after[1], after[2], page}, func(rows *sql.Rows) error {
				var id ID
				var to taken
				if err := rows.Scan((*int64)(&id), &to.n, &to.path, &to.notify, &to.original, &to.sum, &to.attempts, &to.next, &to.last); err != nil {
					return err
				}
				to.attempts++
				after = [3]int64{to.next, int64(id), int64(to.n)}
				found++
				last := len(groups) - 1
				switch {
				case full || allowed == 0:
					full = true
				case last >= 0 && groups[last].message == id && len(groups[last].to) < each:
					groups[last].to = append(groups[last].to, to)
					allowed--
				case len(groups) == most:
					full = true
				default:
					groups = append(groups, group{id, []taken{to}})
					allowed--
				}
				return nil
			})
		if err != nil {
			return nil, false, fmt.Errorf("outbox: looking for what is due: %w", err)
		}
		if full || found < page || allowed == 0 {
			return groups, full, nil
		}
	}
}

// parked is how soon a lane is looked at again that has no room: where a session of ours becomes free it is at once, and
// where one of another worker's does, by then.
const parked = 1000

// nextLook settles when a lane is looked at next.
func (r *round) nextLook(ctx context.Context, c candidate) error {
	l, limits := r.rows[c.id], c.lane.Limits
	first, err := r.firstDue(ctx, c.id)
	if err != nil {
		return err
	}
	l.next, l.alert = never, never
	for class, due := range first {
		if due == never {
			continue
		}
		alert := Class(class) == Alert
		room, reserved := l.room(limits, r.now)
		if !alert {
			room -= reserved
		}
		at := max(due, r.now, l.open, l.allowedAt(limits, alert, r.now))
		if at == r.now && room <= 0 {
			at += parked
		}
		l.next = min(l.next, at)
		if alert {
			l.alert = at
		}
	}
	return nil
}
