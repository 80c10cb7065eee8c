package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/mail"
)

// A Query says which mails are meant. What is zero asks for nothing.
type Query struct {
	States    []State   `json:"states,omitempty"`
	Lane      string    `json:"lane,omitempty"`
	Class     string    `json:"class,omitempty"`
	Topic     string    `json:"topic,omitempty"`
	Origin    string    `json:"origin,omitempty"`
	Sender    string    `json:"sender,omitempty"`     // the reverse-path
	Recipient string    `json:"recipient,omitempty"`  // an address; "@example.net" for a domain
	MessageID string    `json:"message_id,omitempty"` // of the header
	Since     time.Time `json:"since,omitzero"`       // put then or later
	Until     time.Time `json:"until,omitzero"`       // put before

	Before Ref `json:"before,omitzero"` // for the next page: the last of the one before
	Limit  int `json:"limit,omitempty"` // zero: 50; at most 1000
}

// A Ref names a recipient of a message. Recipient is its place in the envelope, from 0; -1: all of them.
type Ref struct {
	Message   ID  `json:"message"`
	Recipient int `json:"recipient"`
}

// All names all recipients of a message.
func All(id ID) Ref { return Ref{id, -1} }

// An Item is a mail, as it stands for one recipient.
type Item struct {
	Ref
	Path      string    `json:"path"`
	State     State     `json:"state"`
	Lane      string    `json:"lane,omitempty"` // empty: nobody has asked yet
	Next      time.Time `json:"next,omitzero"`  // when it may be tried
	Changed   time.Time `json:"changed"`        // when its state became what it is
	Attempts  int       `json:"attempts"`
	Unknowns  int       `json:"unknowns,omitempty"` // attempts of which nobody knows whether they were taken
	Reply     string    `json:"reply,omitempty"`    // the last word on it
	Put       time.Time `json:"put"`
	Class     Class     `json:"class"`
	Topic     string    `json:"topic,omitempty"`
	Origin    string    `json:"origin,omitempty"`
	Sender    string    `json:"sender"` // the reverse-path; empty: <>
	From      string    `json:"from"`   // the header's
	Subject   string    `json:"subject"`
	MessageID string    `json:"message_id,omitempty"`
	Size      int64     `json:"size"`
	Expires   time.Time `json:"expires"`

	Notify mail.Notify `json:"-"` // what its sender wants to be told
}

const itemColumns = `r.message, r.n, r.path, r.state, coalesce(l.name, ''), r.next_at, r.changed, r.attempts, r.unknowns, r.reply,
	m.class, m.topic, m.origin, m.reverse_path, m.sender, m.subject, m.message_id, m.size, m.expires, r.notify`

const itemTables = " FROM parley_recipients r JOIN parley_messages m ON m.id = r.message LEFT JOIN parley_lanes l ON l.id = r.lane"

func scanItem(rows *sql.Rows) (i Item, err error) {
	var state, next, changed, rank, expires, notify int64
	err = rows.Scan(&i.Message, &i.Recipient, &i.Path, &state, &i.Lane, &next, &changed, &i.Attempts, &i.Unknowns, &i.Reply,
		&rank, &i.Topic, &i.Origin, &i.Sender, &i.From, &i.Subject, &i.MessageID, &i.Size, &expires, &notify)
	i.State, i.Class, i.Notify = State(min(max(state, 0), int64(Cancelled))), classOf(rank), mail.Notify(notify)
	i.Changed, i.Expires, i.Put = timeOf(changed), timeOf(expires), i.Message.Time()
	if i.State <= Deferred {
		i.Next = timeOf(next)
	}
	return i, err
}

// conditions are a query's, as SQL.
func (q *Query) conditions() (where []string, args []any, err error) {
	add := func(condition string, values ...any) { where, args = append(where, condition), append(args, values...) }
	for _, f := range []struct{ column, value string }{
		{"l.name", q.Lane}, {"m.topic", q.Topic}, {"m.origin", q.Origin}, {"m.reverse_path", q.Sender}, {"m.message_id", q.MessageID},
	} {
		if f.value != "" {
			add(f.column+" = ?", f.value)
		}
	}
	if q.Topic != "" {
		add("m.topic <> ''") // in the index's own words, so that it is used // in the index's own words, so that it is used
	}
	switch domain, ok := strings.CutPrefix(q.Recipient, "@"); {
	case ok:
		add(`r.path LIKE ? ESCAPE '\'`, "%@"+likely.Replace(domain))
	case q.Recipient != "":
		add("r.path = ?", q.Recipient)
	}
	if q.Class != "" {
		class, err := ParseClass(q.Class)
		if err != nil {
			return nil, nil, err
		}
		add("r.class = ?", class.rank())
	}
	if len(q.States) > 0 {
		where = append(where, inStates(q.States))
	}
	if !q.Since.IsZero() {
		add("r.message >= ?", int64(firstID(q.Since)))
	}
	if !q.Until.IsZero() {
		add("r.message < ?", int64(firstID(q.Until)))
	}
	if q.Before.Message != 0 {
		add("(r.message < ? OR r.message = ? AND r.n > ?)", int64(q.Before.Message), int64(q.Before.Message), q.Before.Recipient)
	}
	return where, args, nil
}

// likely is for a text in LIKE.
var likely = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// oddStates is what the index of those that are neither queued nor sent has as its condition, in its own words, so that it is used.
const oddStates = "(r.state = 1 OR r.state = 3 OR r.state = 4 OR r.state = 6 OR r.state = 7 OR r.state = 8)"

// inStates is the condition for states, as the indexes want it.
func inStates(states []State) string {
	if len(states) == 1 {
		return fmt.Sprintf("r.state = %d", states[0])
	}
	odd := true
	list := make([]string, len(states))
	for i, s := range states {
		list[i] = strconv.Itoa(int(s))
		odd = odd && s != Queued && s != Sending && s != Sent
	}
	in := "r.state IN (" + strings.Join(list, ", ") + ")"
	if odd {
		in += " AND " + oddStates
	}
	return in
}

// mostListed is how many a page has at most.
const mostListed = 1000

// List gives a page of the mails that a query fits, those that were put last first; at most 1000.
//
// States, lanes and topics are found by indexes. For anything else mails are looked through one by one, from the last to the first, until the page
// is full: where a million are kept that can take some seconds, unless Since says how far back.
func (b *Box) List(ctx context.Context, q Query) ([]Item, error) {
	where, args, err := q.conditions()
	if err != nil {
		return nil, err
	}
	query := "SELECT " + itemColumns + itemTables
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	limit := min(q.Limit, mostListed)
	if limit <= 0 {
		limit = 50
	}
	items := []Item{}
	err = b.reader().each(ctx, query+" ORDER BY "+q.by()+" DESC, r.n LIMIT ?", append(args, limit), func(rows *sql.Rows) error {
		i, err := scanItem(rows)
		items = append(items, i)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: listing: %w", err)
	}
	return items, nil
}

// Each gives all mails that a query fits, page by page, those that were put last first. What happens meanwhile may be seen, or not.
func (b *Box) Each(ctx context.Context, q Query) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		q.Limit = mostListed
		for {
			items, err := b.List(ctx, q)
			if err != nil {
				yield(Item{}, err)
				return
			}
			for _, i := range items {
				if !yield(i, nil) {
					return
				}
			}
			if len(items) < mostListed {
				return
			}
			q.Before = items[len(items)-1].Ref
		}
	}
}

// by is the message's number, in the words that have SQLite go by the index that finds least; PostgreSQL knows by itself.
func (q *Query) by() string {
	switch {
	case q.Topic != "":
		return "m.id"
	case len(q.States) == 1 && q.States[0] == Sending:
		return "+r.message" // there are never many: they are sorted
	}
	return "r.message"
}

// A Shown is all that is known of a message.
type Shown struct {
	ID         ID            `json:"id"`
	Key        string        `json:"key,omitempty"`
	NotBefore  time.Time     `json:"not_before"`
	Envelope   mail.Envelope `json:"-"`
	EnvelopeID string        `json:"envelope_id,omitempty"`
	RequireTLS bool          `json:"require_tls,omitempty"`
	Kept       bool          `json:"content_kept"` // its content is still there
	Problem    string        `json:"problem,omitempty"`
	Recipients []Item        `json:"recipients"`
	History    []Event       `json:"history"` // in its order; WasPut is the first
}

// Show gives all that is known of a message; [ErrNotFound] where there is none.
func (b *Box) Show(ctx context.Context, id ID) (*Shown, error) {
	t := b.reader()
	s := &Shown{ID: id}
	var key sql.NullString
	var notBefore int64
	var there bool
	err := t.QueryRow(ctx, `SELECT key, not_before, content IS NOT NULL, (SELECT count(*) FROM parley_pieces p WHERE p.message = m.id) = pieces AND pieces > 0
		FROM parley_messages m WHERE id = ?`, []any{int64(id)}, &key, &notBefore, &s.Kept, &there)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("outbox: reading message %v: %w", id, err)
	}
	s.Key, s.NotBefore, s.Kept = key.String, timeOf(notBefore), s.Kept || there
	err = t.each(ctx, "SELECT "+itemColumns+itemTables+" WHERE r.message = ? ORDER BY r.n", []any{int64(id)}, func(rows *sql.Rows) error {
		i, err := scanItem(rows)
		s.Recipients = append(s.Recipients, i)
		return err
	})
	if err == nil {
		s.History, err = b.events(ctx, "h.message = ? ORDER BY h.id", int64(id))
		s.History = append([]Event{{What: WasPut, At: id.Time(), Message: id, Recipient: -1}}, s.History...)
	}
	if err != nil {
		return nil, fmt.Errorf("outbox: reading message %v: %w", id, err)
	}
	m, err := t.load(ctx, id)
	if err != nil {
		s.Problem = err.Error() // it is shown all the same
		return s, nil
	}
	s.Envelope, s.EnvelopeID, s.RequireTLS = m.Env, m.Env.ID, m.Env.RequireTLS
	return s, nil
}
