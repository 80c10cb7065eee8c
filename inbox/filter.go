package inbox

import (
	"context"
	"strings"
	"time"
)

// A filter is a query as the database takes it.
type filter struct {
	from  string // the tables
	order string // the ID, as the list is ordered by

	match   []string // what the index of words is asked
	unmatch []string // and what must not be true
	conds   []string // that must all be true
	args    []any
	bare    bool   // only the index of words is asked, each row of which is a message
	whole   []term // addresses that must be the very same: see Wait
	indexed bool   // it asks for something that is read from the content
	fickle  bool   // what does not fit now may fit later
}

// messageFilter is what a query asks of messages. In a wait, an address is the whole
// address.
func messageFilter(q Query, waiting bool) (filter, error) {
	terms, err := parseTerms(q.Text, time.Now())
	if err != nil {
		return filter{}, err
	}
	var f filter
	if q.Mailbox != "" {
		f.mailbox(MailboxName(q.Mailbox))
	}
	f.place("m.id", "m.at", q)
	for _, t := range terms {
		if waiting && (t.key == "to" || t.key == "rcpt" || t.key == "from" || t.key == "sender") {
			f.whole = append(f.whole, t)
			f.indexed = true
			if t.not {
				continue
			}
		}
		f.message(t, waiting)
	}
	f.settle()
	return f, nil
}

// place takes in where in the list it begins.
func (f *filter) place(id, at string, q Query) {
	if q.Before > 0 {
		f.add(id+" < ?", q.Before)
	}
	if q.After > 0 {
		f.add(id+" > ?", q.After)
	}
	if !q.Since.IsZero() {
		f.add(at+" >= ?", q.Since.UnixNano())
	}
}

func (f *filter) add(cond string, args ...any) {
	f.conds = append(f.conds, cond)
	f.args = append(f.args, args...)
}

// addTerm adds what a term asks for, or its opposite.
func (f *filter) addTerm(t term, cond string, args ...any) {
	if t.not {
		cond = "NOT (" + cond + ")"
	}
	f.add(cond, args...)
}

func (f *filter) mailbox(name string) {
	f.add("m.mailbox = ? AND m.mailbox <> ''", name) // the second lets the index be used
}

// settle says which tables it takes.
func (f *filter) settle() {
	f.from, f.order = "messages m", "m.id"
	if len(f.match)+len(f.unmatch) == 0 {
		return
	}
	// Newest first is how the index of words gives them: nothing is sorted. What is not to be
	// there is left out by the index too, which takes no longer than to find it.
	f.from, f.order = "words w CROSS JOIN messages m ON m.id = w.rowid", "w.rowid"
	ask := strings.Join(f.match, " AND ")
	if ask == "" {
		ask = "mark : " + markAll
	}
	ask = "(" + ask + ")"
	for _, not := range f.unmatch {
		ask += " NOT (" + not + ")"
	}
	f.bare = len(f.conds) == 0
	f.conds = append([]string{"words MATCH ?"}, f.conds...)
	f.args = append([]any{ask}, f.args...)
}

func (f *filter) everything() bool { return len(f.conds) == 0 && len(f.whole) == 0 }

func (f *filter) where() (string, []any) {
	if len(f.conds) == 0 {
		return "1", nil
	}
	return strings.Join(f.conds, " AND "), append([]any(nil), f.args...)
}

// columns are those of the index that a key means.
func columns(key string, waiting bool) string {
	switch key {
	case "":
		return "- mark"
	case "from":
		return "author"
	case "to":
		if waiting {
			return "{addressee rcpt}"
		}
		return "addressee"
	case "id":
		return "ident"
	case "has":
		return "mark"
	default:
		return key
	}
}

// message adds a term that is asked of a message.
func (f *filter) message(t term, waiting bool) {
	switch t.key {
	case "", "from", "to", "subject", "rcpt", "sender", "file", "body", "id", "has":
		f.text(t, columns(t.key, waiting))
	case "is":
		f.state(t)
	case "larger":
		f.addTerm(t, "m.size > ?", t.number)
	case "smaller":
		f.addTerm(t, "m.size < ?", t.number)
	case "after":
		f.addTerm(t, "m.at >= ?", t.number)
	case "before":
		f.addTerm(t, "m.at < ?", t.number)
	case "session":
		f.addTerm(t, "m.session = ?", t.number)
	case "mailbox":
		f.addTerm(t, "m.mailbox = ?", t.value)
	case "user":
		f.addTerm(t, "m.session IN (SELECT id FROM sessions WHERE user = ? COLLATE NOCASE)", t.value)
	}
}

// text adds words.
func (f *filter) text(t term, column string) {
	m := match(t.value, t.phrase || t.key == "id" || t.key == "has")
	if m == "" {
		return
	}
	f.indexed = true
	m = column + " : " + m
	if t.not {
		f.unmatch = append(f.unmatch, m)
	} else {
		f.match = append(f.match, m)
	}
}

func (f *filter) state(t term) {
	f.fickle = f.fickle || t.value != "8bit" && t.value != "utf8"
	switch t.value {
	case "seen":
		f.addTerm(t, "m.seen")
	case "unseen":
		f.addTerm(t, "NOT m.seen")
	case "8bit":
		f.addTerm(t, "m.marks & 1 <> 0")
	case "utf8":
		f.addTerm(t, "m.marks & 2 <> 0")
	case "released":
		f.addTerm(t, "EXISTS (SELECT 1 FROM releases WHERE message = m.id AND error = '')")
	default:
		f.addTerm(t, "m.session IN (SELECT s.id FROM sessions s WHERE "+sessionState(t.value)+")")
	}
}

func sessionState(word string) string {
	switch word {
	case "failed":
		return "s.failed"
	case "open":
		return "s.ended IS NULL"
	case "tls":
		return "s.tls <> ''"
	default:
		return "s.user <> ''"
	}
}

// sessionByID is the filter for one.
func sessionByID(id int64) filter {
	return filter{conds: []string{"s.id = ?"}, args: []any{id}, from: "sessions s", order: "s.id"}
}

// sessionFilter is what a query asks of sessions: what is said of messages must be
// true of one of theirs.
func sessionFilter(q Query) (filter, error) {
	terms, err := parseTerms(q.Text, time.Now())
	if err != nil {
		return filter{}, err
	}
	f := filter{from: "sessions s", order: "s.id"}
	if q.Mailbox != "" {
		f.ofMailbox(q.Mailbox)
	}
	f.place("s.id", "s.begun", q)
	var of filter // its messages
	for _, t := range terms {
		if f.session(t) {
			continue
		}
		if !t.not {
			of.message(t, false)
			continue
		}
		t.not = false
		var not filter
		not.message(t, false)
		f.ofMessages("NOT ", not)
	}
	f.ofMessages("", of)
	return f, nil
}

// ofMailbox adds that a session is a mailbox's, or has brought it a mail.
func (f *filter) ofMailbox(name string) {
	box := MailboxName(name)
	f.add("(s.mailbox = ? OR s.id IN (SELECT session FROM messages WHERE mailbox = ? AND mailbox <> ''))", box, box)
}

// ofMessages adds what is asked of a session's messages.
func (f *filter) ofMessages(not string, of filter) {
	of.settle()
	if of.everything() {
		return
	}
	where, args := of.where()
	f.add("s.id "+not+"IN (SELECT m.session FROM "+of.from+" WHERE "+where+")", args...)
	f.indexed = f.indexed || of.indexed
}

// session adds a term that is asked of the session itself. It gives false for one
// that is asked of its messages.
func (f *filter) session(t term) bool {
	switch t.key {
	case "":
		f.sessionText(t)
	case "is":
		switch t.value {
		case "failed", "open", "tls", "auth":
			f.addTerm(t, sessionState(t.value))
		default:
			return false
		}
	case "after":
		f.addTerm(t, "s.begun >= ?", t.number)
	case "before":
		f.addTerm(t, "s.begun < ?", t.number)
	case "session":
		f.addTerm(t, "s.id = ?", t.number)
	case "mailbox":
		f.addTerm(t, "s.mailbox = ?", t.value)
	case "user":
		f.addTerm(t, "s.user = ? COLLATE NOCASE", t.value)
	default:
		return false
	}
	return true
}

// sessionText looks for words in what is known of the session, and in its messages.
func (f *filter) sessionText(t term) {
	like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(t.value) + "%"
	own := []string{}
	args := []any{}
	for _, column := range []string{"remote", "hello", "user", "mechanism", "protocol", "tls", "sni", "mailbox", "why", "last_bad"} {
		own = append(own, "s."+column+` LIKE ? ESCAPE '\'`)
		args = append(args, like)
	}
	if m := match(t.value, t.phrase); m != "" {
		m = columns("", false) + " : " + m
		own = append(own, "s.id IN (SELECT m.session FROM words w CROSS JOIN messages m ON m.id = w.rowid WHERE words MATCH ?)")
		args = append(args, m)
		f.indexed = true
	}
	f.addTerm(t, strings.Join(own, " OR "), args...)
}

// ready waits until the database has what a filter asks for.
func (s *Store) ready(ctx context.Context, f filter) error {
	_, err := s.readyUpTo(ctx, f.indexed)
	return err
}

// readyUpTo gives the ID of the last message that was taken, once it can be found, by what
// stands in it too if need be.
func (s *Store) readyUpTo(ctx context.Context, indexed bool) (int64, error) {
	if err := s.sync(ctx); err != nil {
		return 0, err
	}
	last := s.index.last.Load()
	if !indexed {
		return last, nil
	}
	return last, s.drainIndex(ctx, last)
}
