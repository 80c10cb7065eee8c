package inbox

import (
	"context"
	"database/sql"
	"errors"
	"sort"
	"strings"
	"time"

	"github.com/parleymail/parley/transcript"
)

const usualLimit = 50

func limitOf(q Query) int {
	if q.Limit <= 0 {
		return usualLimit
	}
	return q.Limit
}

const messageColumns = `m.id, m.session, m.mailbox, m.at, m.reverse_path, m.recipients, m.size, m.seen, m.marks, m.content,
	h.message, h.author, h.addressee, h.cc, h.subject, h.message_id, h.date, h.snippet, h.attachments`

// A row is a message as it stands in the tables.
type row struct {
	Message
	content int64
	read    bool // its head was read from the content
}

func scanMessage(rows interface{ Scan(...any) error }) (r row, err error) {
	var at, marks int64
	var rcpts string
	var head, attachments sql.NullInt64
	var author, addressee, cc, subject, id, date, snippet sql.NullString
	err = rows.Scan(&r.ID, &r.Session, &r.Mailbox, &at, &r.ReversePath, &rcpts, &r.Size, &r.Seen, &marks, &r.content,
		&head, &author, &addressee, &cc, &subject, &id, &date, &snippet, &attachments)
	if err != nil {
		return r, found(err)
	}
	r.At = time.Unix(0, at)
	r.Recipients = strings.Split(rcpts, "\n")
	r.EightBit, r.UTF8 = marks&markEightBit != 0, marks&markUTF8 != 0
	r.From, r.To, r.Cc, r.Subject = author.String, addressee.String, cc.String, subject.String
	r.MessageID, r.Date, r.Snippet, r.Attachments = id.String, date.String, snippet.String, int(attachments.Int64)
	r.read = head.Valid
	return r, nil
}

// Messages gives a page of the messages that a query fits, newest first.
func (s *Store) Messages(ctx context.Context, q Query) (Page[Message], error) {
	f, err := messageFilter(q, false)
	if err != nil {
		return Page[Message]{}, err
	}
	if err = s.ready(ctx, f); err != nil {
		return Page[Message]{}, err
	}
	page := Page[Message]{Items: []Message{}}
	most := limitOf(q)
	var rows []row
	err = s.read(ctx, func(c querier) error {
		if rows, err = messagesWhere(ctx, c, f, f.order+" DESC", most+1); err != nil {
			return err
		}
		page.Total, err = s.total(ctx, c, q)
		return err
	})
	if err != nil {
		return Page[Message]{}, err
	}
	if page.More = len(rows) > most; page.More {
		rows = rows[:most]
	}
	for i := range rows {
		s.readHead(ctx, &rows[i])
		page.Items = append(page.Items, rows[i].Message)
	}
	return page, nil
}

func messagesWhere(ctx context.Context, c querier, f filter, order string, most int) ([]row, error) {
	from := f.from + " LEFT JOIN heads h ON h.message = m.id"
	where, args := f.where()
	rows, err := c.QueryContext(ctx, "SELECT "+messageColumns+" FROM "+from+" WHERE "+where+" ORDER BY "+order+" LIMIT ?", append(args, most)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []row
	for rows.Next() {
		r, err := scanMessage(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// total is how many messages a query fits, on all pages.
func (s *Store) total(ctx context.Context, c querier, q Query) (n int, err error) {
	q.Before = 0
	f, err := messageFilter(q, false)
	if err != nil {
		return 0, err
	}
	if f.everything() {
		return s.tally.stats().Messages, nil
	}
	from := f.from
	if f.bare {
		from = "words"
	}
	where, args := f.where()
	err = c.QueryRowContext(ctx, "SELECT count(*) FROM "+from+" WHERE "+where, args...).Scan(&n)
	return n, err
}

// Message gives one message; ErrNotFound if there is none.
func (s *Store) Message(ctx context.Context, id int64) (Message, error) {
	if err := s.sync(ctx); err != nil {
		return Message{}, err
	}
	var r row
	err := s.read(ctx, func(c querier) (err error) {
		r, err = scanMessage(c.QueryRowContext(ctx, "SELECT "+messageColumns+" FROM messages m LEFT JOIN heads h ON h.message = m.id WHERE m.id = ?", id))
		return err
	})
	if err != nil {
		return Message{}, err
	}
	s.readHead(ctx, &r)
	return r.Message, nil
}

// MessagesByID gives those of the messages that are there, oldest first. It costs a fraction of as many calls of Message.
func (s *Store) MessagesByID(ctx context.Context, ids []int64) ([]Message, error) {
	if err := s.sync(ctx); err != nil {
		return nil, err
	}
	var rows []row
	err := s.read(ctx, func(c querier) (err error) {
		these := filter{from: "messages m", conds: []string{"m.id IN (SELECT value FROM json_each(?))"}, args: []any{idList(ids)}}
		rows, err = messagesWhere(ctx, c, these, "m.id", len(ids))
		return err
	})
	list := make([]Message, len(rows))
	for i := range rows {
		s.readHead(ctx, &rows[i])
		list[i] = rows[i].Message
	}
	return list, err
}

// readHead fills in what the index has not come to yet.
func (s *Store) readHead(ctx context.Context, r *row) {
	if r.read {
		return
	}
	octets, err := s.beginOf(ctx, r.content, r.Size, mostGlanced)
	if err != nil {
		return // it is deleted, or being deleted
	}
	sum := summarise(octets, mostLooked)
	r.From, r.To, r.Cc, r.Subject = sum.author, sum.addressee, sum.cc, sum.subject
	r.MessageID, r.Date, r.Snippet, r.Attachments = sum.messageID, sum.date, sum.snippet, sum.attachments
}

// MarkSeen notes whether a message was looked at.
func (s *Store) MarkSeen(ctx context.Context, id int64, seen bool) error {
	return s.do(ctx, func(b *batch) error {
		list, err := b.those("id = ?", "id", 1, id)
		if err == nil && len(list) == 0 {
			err = ErrNotFound
		}
		if err != nil || list[0].seen == seen {
			return err
		}
		if _, err = b.c.ExecContext(noContext, "UPDATE messages SET seen = ? WHERE id = ?", seen, id); err != nil {
			return err
		}
		unseen := int64(1)
		if seen {
			unseen = -1
		}
		b.delta.add(list[0].mailbox, 0, unseen)
		b.tell("seen", id, list[0].mailbox)
		return nil
	})
}

// Sessions gives a page of the sessions that a query fits, newest first.
func (s *Store) Sessions(ctx context.Context, q Query) (Page[Session], error) {
	before := q.Before
	q.Before = 0
	f, err := sessionFilter(q)
	if err != nil {
		return Page[Session]{}, err
	}
	if err = s.ready(ctx, f); err != nil {
		return Page[Session]{}, err
	}
	page := Page[Session]{Items: []Session{}}
	err = s.read(ctx, func(c querier) error {
		// Once for the list and its length: what is asked of the messages costs more than the IDs.
		where, args := f.where()
		ids, err := queryIDs(ctx, c, "SELECT s.id FROM sessions s WHERE "+where+" ORDER BY s.id DESC", args...)
		if err != nil {
			return err
		}
		page.Total = len(ids)
		if before > 0 {
			ids = ids[sort.Search(len(ids), func(i int) bool { return ids[i] < before }):]
		}
		if most := limitOf(q); len(ids) > most {
			ids, page.More = ids[:most], true
		}
		page.Items, err = sessionsWhere(ctx, c, filter{conds: []string{"s.id IN (SELECT value FROM json_each(?))"}, args: []any{idList(ids)}}, len(ids))
		return err
	})
	return page, err
}

func sessionsWhere(ctx context.Context, c querier, f filter, most int) ([]Session, error) {
	where, args := f.where()
	rows, err := c.QueryContext(ctx, "SELECT "+sessionColumns+" FROM sessions s WHERE "+where+" ORDER BY s.id DESC LIMIT ?", append(args, most)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []Session{}
	for rows.Next() {
		s, err := scanSession(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

func scanSession(rows *sql.Rows) (s Session, err error) {
	var begun int64
	var ended sql.NullInt64
	err = rows.Scan(&s.ID, &begun, &ended, &s.Remote, &s.Local, &s.Hello, &s.User, &s.Mechanism, &s.Protocol, &s.TLS, &s.Cipher, &s.SNI,
		&s.Mailbox, &s.Messages, &s.Refused, &s.Why, &s.Failed, &s.LastBad, &s.LastStage)
	s.Begun = time.Unix(0, begun)
	if ended.Valid {
		at := time.Unix(0, ended.Int64)
		s.Ended = &at
	}
	return s, err
}

// Session gives one session; ErrNotFound if there is none.
func (s *Store) Session(ctx context.Context, id int64) (Session, error) {
	if err := s.sync(ctx); err != nil {
		return Session{}, err
	}
	var list []Session
	err := s.read(ctx, func(c querier) (err error) {
		list, err = sessionsWhere(ctx, c, sessionByID(id), 1)
		return err
	})
	switch {
	case err != nil:
		return Session{}, err
	case len(list) == 0:
		return Session{}, ErrNotFound
	}
	return list[0], nil
}

// SessionOf gives a session of which a mailbox may know: it is the mailbox's, or has brought it a mail. ErrNotFound if there is none.
func (s *Store) SessionOf(ctx context.Context, id int64, mailbox string) (Session, error) {
	if mailbox == "" {
		return s.Session(ctx, id)
	}
	if err := s.sync(ctx); err != nil {
		return Session{}, err
	}
	var list []Session
	err := s.read(ctx, func(c querier) (err error) {
		f := sessionByID(id)
		f.ofMailbox(mailbox)
		list, err = sessionsWhere(ctx, c, f, 1)
		return err
	})
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Session{}, err
	}
	return list[0], nil
}

// SessionsByID gives those of the sessions that are there, newest first.
func (s *Store) SessionsByID(ctx context.Context, ids []int64) (list []Session, err error) {
	if err := s.sync(ctx); err != nil {
		return nil, err
	}
	err = s.read(ctx, func(c querier) error {
		list, err = sessionsWhere(ctx, c, filter{conds: []string{"s.id IN (SELECT value FROM json_each(?))"}, args: []any{idList(ids)}}, len(ids))
		return err
	})
	return list, err
}

// Transcript gives what was said in a session, also in one that goes on.
func (s *Store) Transcript(ctx context.Context, session int64) (transcript.Transcript, error) {
	if r := s.live.find(session); r != nil {
		return r.transcript()
	}
	if err := s.sync(ctx); err != nil {
		return nil, err
	}
	var head, tail []byte
	var dropped int64
	err := s.read(ctx, func(c querier) error {
		return found(c.QueryRowContext(ctx, "SELECT head, tail, dropped FROM transcripts WHERE session = ?", session).Scan(&head, &tail, &dropped))
	})
	if errors.Is(err, ErrNotFound) {
		// The process was killed before what was said was saved: the session is there all the same.
		if _, err := s.Session(ctx, session); err != nil {
			return nil, err
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return readTape(session, head, tail, dropped)
}
