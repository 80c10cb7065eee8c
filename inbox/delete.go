package inbox

import (
	"context"
	"slices"
	"strconv"
)

// DeleteMessage deletes one message.
func (s *Store) DeleteMessage(ctx context.Context, id int64) error {
	return s.do(ctx, func(b *batch) error {
		list, err := b.those("id = ?", "id", 1, id)
		if err == nil && len(list) == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return b.drop(list)
	})
}

// DeleteMessages deletes all messages that the query fits, of all where it is the zero
// Query. Its Limit and Before count too.
func (s *Store) DeleteMessages(ctx context.Context, q Query) (n int, err error) {
	f, err := messageFilter(q, false)
	if err != nil {
		return 0, err
	}
	if err = s.ready(ctx, f); err != nil {
		return 0, err
	}
	if f.everything() && q.Limit <= 0 {
		err = s.do(context.WithoutCancel(ctx), func(b *batch) (err error) {
			n, err = b.dropAll()
			return err
		})
		return n, err
	}
	return s.deleteSome(ctx, f, q.Limit)
}

// deleteSome deletes what a filter fits, some in each transaction.
func (s *Store) deleteSome(ctx context.Context, f filter, most int) (n int, err error) {
	if most <= 0 {
		most = noLimit
	}
	for n < most {
		if err = ctx.Err(); err != nil {
			return n, err
		}
		dropped := 0
		err = s.do(context.WithoutCancel(ctx), func(b *batch) error { // which is waited for: it says how many it was
			where, args := f.where()
			list, err := b.those("id IN (SELECT m.id FROM "+f.from+" WHERE "+where+")", "id DESC", int64(min(mostDropped, most-n)), args...)
			dropped = len(list)
			if err != nil {
				return err
			}
			return b.drop(list)
		})
		n += dropped
		if err != nil || dropped < mostDropped {
			return n, err
		}
	}
	return n, nil
}

// DeleteSession deletes a session with its messages. One that goes on stays, without
// its messages.
func (s *Store) DeleteSession(ctx context.Context, id int64) error {
	return s.DeleteSessionOf(ctx, id, "")
}

// DeleteSessionOf deletes what a mailbox has of a session: its messages, and the session too if it is the mailbox's and no other
// has brought any there. Of an empty mailbox it is DeleteSession.
func (s *Store) DeleteSessionOf(ctx context.Context, id int64, mailbox string) error {
	if _, err := s.SessionOf(ctx, id, mailbox); err != nil {
		return err
	}
	_, err := s.deleteSessions(ctx, sessionByID(id), MailboxName(mailbox), 1)
	return err
}

// DeleteSessions deletes all sessions that the query fits, with their messages; of all
// where it is the zero Query. Those that go on stay, without their messages, and do not
// count. Of a query with a Mailbox only that mailbox's messages go, and its sessions in
// which no other has any.
func (s *Store) DeleteSessions(ctx context.Context, q Query) (int, error) {
	f, err := sessionFilter(q)
	if err != nil {
		return 0, err
	}
	if err = s.ready(ctx, f); err != nil {
		return 0, err
	}
	most := q.Limit
	if most <= 0 {
		most = noLimit
	}
	return s.deleteSessions(ctx, f, MailboxName(q.Mailbox), most)
}

func (s *Store) deleteSessions(ctx context.Context, f filter, mailbox string, most int) (n int, err error) {
	if err = s.sync(ctx); err != nil {
		return 0, err
	}
	err = s.do(context.WithoutCancel(ctx), func(b *batch) error {
		n = 0
		where, args := f.where()
		ids, err := b.ids("SELECT s.id FROM sessions s WHERE "+where+" ORDER BY s.id DESC LIMIT ?", append(args, most)...)
		if err != nil {
			return err
		}
		for len(ids) > 0 {
			some := ids[:min(len(ids), mostDropped)]
			ids = ids[len(some):]
			if err = b.dropMessagesOf(some, mailbox); err != nil {
				return err
			}
			if mailbox != "" {
				some, err = b.ids(`SELECT id FROM sessions s WHERE id IN (SELECT value FROM json_each(?)) AND mailbox = ?
					AND NOT EXISTS (SELECT 1 FROM messages WHERE session = s.id)`, idList(some), mailbox)
				if err != nil {
					return err
				}
			}
			gone, err := b.dropSessions(some)
			if err != nil {
				return err
			}
			n += gone
		}
		return nil
	})
	return n, err
}

// dropMessagesOf deletes the messages of sessions; those of one mailbox alone, where it is not empty.
func (b *batch) dropMessagesOf(sessions []int64, mailbox string) error {
	for {
		list, err := b.those("session IN (SELECT value FROM json_each(?)) AND (? = '' OR mailbox = ?)", "id", mostDropped, idList(sessions), mailbox, mailbox)
		if err != nil || len(list) == 0 {
			return err
		}
		if err = b.drop(list); err != nil {
			return err
		}
	}
}

// dropSessions deletes sessions that are over, of which there are no messages.
func (b *batch) dropSessions(ids []int64) (n int, err error) {
	if err := b.remember(); err != nil {
		return 0, err
	}
	over, err := b.ids("SELECT id FROM sessions WHERE id IN (SELECT value FROM json_each(?)) AND ended IS NOT NULL", idList(ids))
	if err != nil {
		return 0, err
	}
	for _, table := range []string{"transcripts WHERE session", "sessions WHERE id"} {
		if _, err := b.c.ExecContext(noContext, "DELETE FROM "+table+" IN (SELECT value FROM json_each(?))", idList(over)); err != nil {
			return 0, err
		}
	}
	b.tell("deleted", 0, "")
	return len(over), nil
}

// A doomed message is deleted.
type doomed struct {
	id, size, content, copy, copies int64
	mailbox                         string
	seen                            bool
}

// those are messages as they are before they are deleted.
func (b *batch) those(where, order string, most int64, args ...any) ([]doomed, error) {
	rows, err := b.c.QueryContext(noContext, "SELECT id, size, content, copy, copies, mailbox, seen FROM messages WHERE "+where+" ORDER BY "+order+" LIMIT ?", append(args, most)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []doomed
	for rows.Next() {
		var d doomed
		if err = rows.Scan(&d.id, &d.size, &d.content, &d.copy, &d.copies, &d.mailbox, &d.seen); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, rows.Err()
}

func (b *batch) ids(query string, args ...any) ([]int64, error) {
	return queryIDs(noContext, b.c, query, args...)
}

func queryIDs(ctx context.Context, c querier, query string, args ...any) ([]int64, error) {
	rows, err := c.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err = rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// idList is ids as json_each takes them.
func idList(ids []int64) string {
	b := []byte{'['}
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id, 10)
	}
	return string(append(b, ']'))
}

// remember notes which IDs were given, lest one is given again when the newest are
// gone.
func (b *batch) remember() error {
	if b.s.memory() {
		return nil
	}
	b.s.queue.mu.Lock()
	message := b.s.queue.lastMessage
	b.s.queue.mu.Unlock()
	_, err := b.c.ExecContext(noContext, "INSERT OR REPLACE INTO last (name, id) VALUES ('message', ?), ('session', ?)", message, b.s.lastSession.Load())
	return err
}

// drop deletes messages, and each content that no other message has.
func (b *batch) drop(list []doomed) error {
	if len(list) == 0 {
		return nil
	}
	if err := b.remember(); err != nil {
		return err
	}
	if err := b.dropRows(list); err != nil {
		return err
	}
	for _, d := range list {
		unseen := int64(1)
		if d.seen {
			unseen = 0
		}
		b.delta.add(d.mailbox, -1, -unseen)
	}
	b.tellDropped(list)
	return b.dropContents(list)
}

// dropRows deletes what the tables have of messages.
func (b *batch) dropRows(list []doomed) error {
	ids := make([]int64, len(list))
	for i, d := range list {
		ids[i] = d.id
	}
	slices.Sort(ids)
	first, last := ids[0], ids[len(ids)-1]
	which, args := "IN (SELECT value FROM json_each(?))", []any{idList(ids)}
	if last-first == int64(len(ids)-1) {
		which, args = "BETWEEN ? AND ?", []any{first, last} // without gaps, as when the oldest go
	}
	tables := []string{"messages WHERE id ", "releases WHERE message "}
	if first <= b.s.index.put.Load() {
		tables = append(tables, "heads WHERE message ", "words WHERE rowid ")
	}
	for _, table := range tables {
		if _, err := b.c.ExecContext(noContext, "DELETE FROM "+table+which, args...); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) tellDropped(list []doomed) {
	const each = 20 // more are told of as one
	if len(list) > each {
		b.tell("deleted", 0, "")
		return
	}
	for _, d := range list {
		b.tell("message-deleted", d.id, d.mailbox)
	}
}

// copiesOf counts the messages that have the same content as one has or had: their IDs follow one another.
func (b *batch) copiesOf(d *doomed) (left int64, err error) {
	first := d.id - d.copy
	err = b.c.QueryRowContext(noContext, "SELECT count(*) FROM messages WHERE id BETWEEN ? AND ? AND content = ?", first, first+d.copies-1, d.content).Scan(&left)
	return left, err
}

// dropContents deletes the contents of messages that are deleted, where no other copy
// of the mail is left.
func (b *batch) dropContents(list []doomed) error {
	done := make(map[int64]bool)
	for _, d := range list {
		if done[d.content] {
			continue
		}
		if d.copies > 1 {
			done[d.content] = true
			left, err := b.copiesOf(&d)
			if err != nil {
				return err
			}
			if left > 0 {
				continue
			}
		}
		b.delta.bytes -= d.size
		if b.s.memory() {
			b.shelf = append(b.shelf, d.content)
		} else if _, err := b.st.dropPieces.ExecContext(noContext, d.content); err != nil {
			return err
		}
	}
	return nil
}

// dropAll deletes all messages, which is quicker than one by one.
func (b *batch) dropAll() (int, error) {
	if err := b.remember(); err != nil {
		return 0, err
	}
	if b.s.memory() {
		contents, err := b.ids("SELECT DISTINCT content FROM messages")
		if err != nil {
			return 0, err
		}
		b.shelf = append(b.shelf, contents...)
	}
	rows, err := b.c.QueryContext(noContext, "SELECT mailbox, count(*), sum(NOT seen) FROM messages GROUP BY mailbox")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var box string
		var messages, unseen int64
		if err = rows.Scan(&box, &messages, &unseen); err != nil {
			return 0, err
		}
		b.delta.add(box, -messages, -unseen)
		n += int(messages)
	}
	if err = rows.Close(); err != nil {
		return 0, err
	}
	_, octets := b.s.tally.kept(&b.delta)
	b.delta.bytes -= octets
	for _, q := range []string{
		"DELETE FROM messages", "DELETE FROM heads", "DELETE FROM releases", "INSERT INTO words (words) VALUES ('delete-all')",
		"DELETE FROM pieces WHERE id >> 16 NOT IN (SELECT content FROM arriving)",
	} {
		if _, err := b.c.ExecContext(noContext, q); err != nil {
			return 0, err
		}
	}
	b.tell("deleted", 0, "")
	return n, nil
}
