package inbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A model is what a store is to do, in the simplest way.
type model struct {
	kept  []modelMail // oldest first
	most  int
	octet int64
}

type modelMail struct {
	id      int64
	mailbox string
	session int64
	from    string
	rcpts   []string
	subject []string // words
	body    []string
	html    bool
	seen    bool
	content []byte
}

func (m *model) retain() {
	for len(m.kept) > 1 && (len(m.kept) > m.most || m.size() > m.octet) {
		m.kept = m.kept[1:]
	}
}

func (m *model) size() (n int64) {
	last := int64(-1)
	for _, k := range m.kept {
		if k.contentID() != last {
			n += int64(len(k.content))
		}
		last = k.contentID()
	}
	return n
}

// contentID: mails of one content have the same Message-ID, and no others do.
func (k *modelMail) contentID() int64 { return int64(len(k.rcpts[0]))<<32 | hashOf(k.content) }

func hashOf(b []byte) (h int64) {
	for _, c := range b {
		h = h*31 + int64(c)
		h &= 0x7fffffff
	}
	return h
}

// fits is the query language for those queries that the test makes, read naively.
func (k *modelMail) fits(query string) bool {
	for _, word := range strings.Fields(query) {
		not := strings.HasPrefix(word, "-")
		word = strings.TrimPrefix(word, "-")
		key, value, ok := strings.Cut(word, ":")
		if !ok {
			key, value = "", word
		}
		if k.has(key, value) == not {
			return false
		}
	}
	return true
}

func (k *modelMail) has(key, value string) bool {
	begins := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, value) })
	}
	pair := func(words []string) bool { // Chinese is found within
		return slices.ContainsFunc(words, func(w string) bool {
			return strings.HasPrefix(w, value) || value > "\u1100" && strings.Contains(w, value)
		})
	}
	address := func(list ...string) bool {
		return slices.ContainsFunc(list, func(a string) bool {
			return begins(strings.FieldsFunc(a, func(r rune) bool { return r == '@' || r == '.' })...)
		})
	}
	switch key {
	case "":
		return pair(k.subject) || pair(k.body) || address(k.from) || address(k.rcpts...) || begins("example")
	case "subject":
		return pair(k.subject)
	case "from", "sender":
		return address(k.from)
	case "rcpt":
		return address(k.rcpts...)
	case "has":
		return value == "html" && k.html || value == "text" && !k.html
	case "is":
		return value == "seen" && k.seen || value == "unseen" && !k.seen
	case "larger":
		return len(k.content) > 400
	case "session":
		return value == fmt.Sprint(k.session)
	}
	panic(key)
}

var modelWords = []string{"statement", "state", "march", "april", "invoice", "对账单", "三月对账", "账", "x1"}

// A machine plays with a store and with its model, and compares them.
type machine struct {
	t       *testing.T
	options Options
	store   *Store
	record  *record
	model   model
	number  int
}

func (m *machine) add(r *rapid.T) {
	words := rapid.SliceOfN(rapid.SampledFrom(modelWords), 1, 3)
	k := modelMail{
		session: m.record.row.ID, from: rapid.SampledFrom([]string{"finance@example.com", "kim@example.com"}).Draw(r, "from"),
		rcpts:   rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"kim@example.net", "lee@example.net", "ba@example.net", "a@example.net"}), 1, 3, rapid.ID).Draw(r, "to"),
		subject: words.Draw(r, "subject"), body: words.Draw(r, "body"), html: rapid.Bool().Draw(r, "html"),
	}
	m.number++
	kind := "text/plain"
	if k.html {
		kind = "text/html"
	}
	k.content = fmt.Appendf(nil, "From: %s\r\nTo: nobody@example.org\r\nMessage-ID: <%d@x>\r\nSubject: =?utf-8?q?%s?=\r\nContent-Type: %s; charset=utf-8\r\n\r\n%s\r\n",
		k.from, m.number, quoted(strings.Join(k.subject, " ")), kind, strings.Join(k.body, " "))
	k.content = append(k.content, strings.Repeat(".\r\n", rapid.IntRange(0, 200).Draw(r, "size"))...)
	boxes := rapid.SampledFrom([][]string{{""}, {"ci"}, {"ci", "dev"}, {"a", "b", "c"}}).Draw(r, "boxes")
	a, err := m.store.take(bytes.NewReader(k.content))
	if err != nil {
		r.Fatal(err)
	}
	a.rec, a.mailboxes, a.reverse, a.rcpts = m.record, boxes, k.from, strings.Join(k.rcpts, "\n")
	if err = m.store.keep(a); err != nil {
		r.Fatal(err)
	}
	for i, box := range boxes {
		one := k
		one.id, one.mailbox = a.id+int64(i), box
		m.model.kept = append(m.model.kept, one)
	}
}

func quoted(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "=%02X", c)
	}
	return b.String()
}

func (m *machine) query(r *rapid.T) Query {
	terms := rapid.SampledFrom([]string{"statement", "sta", "march", "对账", "账", "账单", "月对", "zzz", "kim", "-kim", "-march", "-账单", "subject:state", "-subject:对账", "from:finance", "rcpt:lee",
		"-rcpt:a", "has:html", "-has:html", "has:text", "is:seen", "is:unseen", "-is:seen", "larger:400", "-larger:400", "session:" + fmt.Sprint(m.record.row.ID), "sender:kim"})
	q := Query{Text: strings.Join(rapid.SliceOfN(terms, 0, 3).Draw(r, "terms"), " "), Mailbox: rapid.SampledFrom([]string{"", "", "ci", "b"}).Draw(r, "mailbox")}
	if n := len(m.model.kept); n > 0 && rapid.IntRange(0, 3).Draw(r, "page") == 0 {
		q.Before = m.model.kept[rapid.IntRange(0, n-1).Draw(r, "before")].id
	}
	return q
}

func (m *machine) matching(q Query) (list []modelMail) {
	for _, k := range slices.Backward(m.model.kept) {
		if (q.Mailbox == "" || k.mailbox == q.Mailbox) && (q.Before == 0 || k.id < q.Before) && k.fits(q.Text) {
			list = append(list, k)
		}
	}
	return list
}

func (m *machine) list(r *rapid.T) {
	m.model.retain()
	q := m.query(r)
	q.Limit = rapid.SampledFrom([]int{0, 1, 5}).Draw(r, "limit")
	page, err := m.store.Messages(context.Background(), q)
	if err != nil {
		r.Fatalf("%+v: %v", q, err)
	}
	want := m.matching(q)
	all := q
	all.Before = 0
	if total := len(m.matching(all)); page.Total != total {
		r.Fatalf("%+v fits %d, and should fit %d", q, page.Total, total)
	}
	n := min(limitOf(q), len(want))
	if len(page.Items) != n || page.More != (len(want) > n) {
		r.Fatalf("%+v gives %d and more: %t, of %d", q, len(page.Items), page.More, len(want))
	}
	for i, got := range page.Items {
		m.compare(r, got, want[i])
	}
}

func (m *machine) compare(r *rapid.T, got Message, want modelMail) {
	if got.ID != want.id || got.Mailbox != want.mailbox || got.Seen != want.seen || got.Session != want.session || !slices.Equal(got.Recipients, want.rcpts) ||
		got.ReversePath != want.from || got.From != want.from || got.Subject != strings.Join(want.subject, " ") || got.Size != int64(len(want.content)) {
		r.Fatalf("got %+v\nwant %+v", got, want)
	}
}

func (m *machine) content(r *rapid.T) {
	m.model.retain()
	if len(m.model.kept) == 0 {
		return
	}
	want := m.model.kept[rapid.IntRange(0, len(m.model.kept)-1).Draw(r, "which")]
	got, err := m.store.Content(context.Background(), want.id)
	if err != nil || !bytes.Equal(got, want.content) {
		r.Fatalf("the content of %d: %v", want.id, err)
	}
	if _, err = m.store.Content(context.Background(), m.model.kept[0].id-1); !errors.Is(err, ErrNotFound) && m.model.kept[0].id > 1 && !m.has(m.model.kept[0].id-1) {
		r.Fatalf("what was deleted is there: %v", err)
	}
}

func (m *machine) has(id int64) bool {
	return slices.ContainsFunc(m.model.kept, func(k modelMail) bool { return k.id == id })
}

func (m *machine) delete(r *rapid.T) {
	m.model.retain()
	ctx := context.Background()
	if len(m.model.kept) > 0 && rapid.Bool().Draw(r, "one") {
		i := rapid.IntRange(0, len(m.model.kept)-1).Draw(r, "which")
		id := m.model.kept[i].id
		if err := m.store.DeleteMessage(ctx, id); err != nil {
			r.Fatal(err)
		}
		if err := m.store.DeleteMessage(ctx, id); !errors.Is(err, ErrNotFound) {
			r.Fatalf("deleted twice: %v", err)
		}
		m.model.kept = slices.Delete(m.model.kept, i, i+1)
		return
	}
	q := m.query(r)
	if rapid.IntRange(0, 4).Draw(r, "all") == 0 {
		q = Query{}
	}
	gone := m.matching(q)
	n, err := m.store.DeleteMessages(ctx, q)
	if err != nil || n != len(gone) {
		r.Fatalf("%+v: %d deleted of %d, %v", q, n, len(gone), err)
	}
	m.model.kept = slices.DeleteFunc(m.model.kept, func(k modelMail) bool {
		return slices.ContainsFunc(gone, func(g modelMail) bool { return g.id == k.id })
	})
}

func (m *machine) see(r *rapid.T) {
	m.model.retain()
	if len(m.model.kept) == 0 {
		return
	}
	k := &m.model.kept[rapid.IntRange(0, len(m.model.kept)-1).Draw(r, "which")]
	k.seen = rapid.Bool().Draw(r, "seen")
	if err := m.store.MarkSeen(context.Background(), k.id, k.seen); err != nil {
		r.Fatal(err)
	}
}

// reopen closes a store that is in a file and opens it again.
func (m *machine) reopen(r *rapid.T) {
	if m.options.Path == "" {
		return
	}
	now := time.Now()
	m.record.row.Ended = &now
	if err := m.store.end(m.record); err != nil {
		r.Fatal(err)
	}
	if err := m.store.Close(); err != nil {
		r.Fatal(err)
	}
	s, err := Open(m.options)
	if err != nil {
		r.Fatal(err)
	}
	m.store, m.record = s, s.begin()
}

// check is what is true after each step.
func (m *machine) check(r *rapid.T) {
	m.model.retain()
	st, err := m.store.Stats(context.Background())
	if err != nil {
		r.Fatal(err)
	}
	unseen := 0
	for _, k := range m.model.kept {
		if !k.seen {
			unseen++
		}
	}
	if st.Messages != len(m.model.kept) || st.Unseen != unseen || st.Bytes != m.model.size() {
		r.Fatalf("%+v, of %d messages with %d octets, %d unseen", st, len(m.model.kept), m.model.size(), unseen)
	}
	m.tidy(r)
}

// tidy: nothing is left of what was deleted.
func (m *machine) tidy(r *rapid.T) {
	err := m.store.read(context.Background(), func(q querier) error {
		for _, query := range []string{
			"SELECT count(*) FROM heads WHERE message NOT IN (SELECT id FROM messages)",
			"SELECT count(*) FROM pieces WHERE id >> 16 NOT IN (SELECT content FROM messages)",
			"SELECT count(*) FROM words WHERE words MATCH 'mark : all' AND rowid NOT IN (SELECT id FROM messages)",
			"SELECT count(*) FROM arriving",
		} {
			var n int
			if err := q.QueryRowContext(context.Background(), query).Scan(&n); err != nil || n != 0 {
				return fmt.Errorf("%s: %d, %v", query, n, err)
			}
		}
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	if h := m.store.shelf; h != nil {
		h.mu.RLock()
		defer h.mu.RUnlock()
		used := make(map[int64]bool)
		for _, k := range m.model.kept {
			used[k.contentID()] = true
		}
		if len(h.contents) != len(used) {
			r.Fatalf("%d contents on the shelf, of %d", len(h.contents), len(used))
		}
	}
}

// A store does what its model does.
func TestModel(t *testing.T) {
	for _, way := range []string{"memory", "file"} {
		t.Run(way, func(t *testing.T) {
			n := 0
			rapid.Check(t, func(r *rapid.T) {
				o := Options{MaxMessages: rapid.SampledFrom([]int{3, 20, 100}).Draw(r, "most"), MaxBytes: rapid.SampledFrom([]int64{1500, 20_000}).Draw(r, "octets")}
				if n++; way == "file" {
					o.Path = filepath.Join(t.TempDir(), fmt.Sprintf("mail%d.db", n))
				}
				s, err := Open(o)
				if err != nil {
					r.Fatal(err)
				}
				m := &machine{t: t, options: o, store: s, record: s.begin(), model: model{most: o.MaxMessages, octet: o.MaxBytes}}
				defer func() { m.store.Close() }()
				r.Repeat(map[string]func(*rapid.T){
					"add": m.add, "add again": m.add, "list": m.list, "list again": m.list, "content": m.content,
					"delete": m.delete, "see": m.see, "reopen": m.reopen, "": m.check,
				})
			})
		})
	}
}
