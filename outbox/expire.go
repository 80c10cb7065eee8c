package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/parleymail/parley/dsn"
	"github.com/parleymail/parley/mail"
)

const expiredAtOnce = 50 // messages in a round

// expire gives up what was not taken in time, wherever it waits: in a lane that is suspended nobody would come upon it.
func (w *work) expire(ctx context.Context) error {
	for {
		ids, err := w.b.those(ctx, `SELECT id FROM parley_messages m WHERE done = 0 AND expires <= ?
			AND EXISTS (SELECT 1 FROM parley_recipients r WHERE r.message = m.id AND r.state <= 1) ORDER BY expires LIMIT ?`, w.now(), expiredAtOnce)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := w.expireOne(ctx, id); err != nil {
				return fmt.Errorf("outbox: giving up message %v: %w", id, err)
			}
		}
	}
}

func (w *work) expireOne(ctx context.Context, id ID) error {
	m, err := w.readers.load(ctx, id)
	if errors.Is(err, ErrCorrupt) {
		_, err = w.b.Hold(ctx, err.Error(), Ref{Message: id, Recipient: -1})
		return err
	}
	if err != nil {
		return err
	}
	list, up, err := w.expired(ctx, m)
	if err != nil || len(list) == 0 {
		return err
	}
	bounce := w.bounce(m, up)
	err = w.b.write(ctx, func(ctx context.Context, t *tx) error {
		now := w.now()
		var events []Event
		for _, e := range list {
			n, err := t.Exec(ctx, "UPDATE parley_recipients SET state = 7, changed = ?, reply = ? WHERE message = ? AND n = ? AND state <= 1", now, cut(e.Reply, mostReply), int64(id), e.Recipient)
			if err != nil {
				return err
			}
			if n == 1 {
				e.At = timeOf(now)
				events = append(events, e)
			}
		}
		if len(events) == 0 {
			return nil
		}
		if bounce != nil {
			if err := bounce.put(ctx, t); err != nil {
				return err
			}
		}
		if err := w.b.settle(ctx, t, id, now); err != nil {
			return err
		}
		return record(ctx, t, events)
	})
	if err == nil && bounce != nil {
		w.b.wake()
	}
	return err
}

// expired are the recipients that wait, as they are to be told of.
func (w *work) expired(ctx context.Context, m *stored) (list []Event, up []notice, err error) {
	err = w.readers.each(ctx, "SELECT n, path, notify, original, attempts, reply FROM parley_recipients WHERE message = ? AND state <= 1 ORDER BY n", []any{int64(m.ID)}, func(rows *sql.Rows) error {
		var to taken
		if err := rows.Scan(&to.n, &to.path, &to.notify, &to.original, &to.attempts, &to.last); err != nil {
			return err
		}
		words := fmt.Sprintf("no server took it in %v", time.Duration(m.Expires-m.NotBefore)*time.Millisecond)
		if to.last != "" {
			words += "; what was said last: " + to.last
		}
		list = append(list, Event{What: WasExpired, Message: m.ID, Recipient: to.n, Path: to.path, Attempt: to.attempts, Reply: words})
		if path, err := parsePath(to.path); err == nil && wantsToKnow(mail.Notify(to.notify)) {
			up = append(up, notice{action: dsn.Failed, path: path, original: to.original, expired: true, words: words})
		}
		return nil
	})
	return list, up, err
}
