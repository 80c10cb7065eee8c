package digest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
)

//go:embed templates
var templates embed.FS

// A renderer makes mails of articles.
type renderer struct {
	clean *cleaner
	html  *htmltemplate.Template
	text  *template.Template
	pages *htmltemplate.Template
	// Links of a subscriber's own stand for these, which nobody can guess: an article must not have one filled in.
	leave, choose string
}

func newRenderer() (*renderer, error) {
	r := &renderer{clean: newCleaner(), leave: "https://" + strings.ToLower(rand.Text()) + ".invalid/leave", choose: "https://" + strings.ToLower(rand.Text()) + ".invalid/choose"}
	var err error
	if r.html, err = htmltemplate.ParseFS(templates, "templates/mail*.html"); err != nil {
		return nil, fmt.Errorf("digest: reading the templates: %w", err)
	}
	if r.text, err = template.ParseFS(templates, "templates/mail*.txt"); err != nil {
		return nil, fmt.Errorf("digest: reading the templates: %w", err)
	}
	if r.pages, err = htmltemplate.ParseFS(templates, "templates/page.html"); err != nil {
		return nil, fmt.Errorf("digest: reading the templates: %w", err)
	}
	return r, nil
}

// An article is an item as a mail shows it.
type article struct {
	Feed, Title, Link, Author string
	Date                      string
	HTML                      htmltemplate.HTML // cleaned
	Plain                     string
	More                      bool // there is more at Link

	id int64
}

// An issue is what is the same for all who get the same articles in the same language.
type issue struct {
	subject    string
	html, text pieces
	inline     []mail.Part
}

// pieces are a text parted where a subscriber's own links stand.
type pieces []string

const (
	pieceLeave  = "\x00leave"
	pieceChoose = "\x00choose"
)

func (r *renderer) part(s string) (list pieces) {
	for {
		i, j := strings.Index(s, r.leave), strings.Index(s, r.choose)
		switch {
		case i < 0 && j < 0:
			return append(list, s)
		case j < 0 || i >= 0 && i < j:
			list = append(list, s[:i], pieceLeave)
			s = s[i+len(r.leave):]
		default:
			list = append(list, s[:j], pieceChoose)
			s = s[j+len(r.choose):]
		}
	}
}

func (p pieces) with(leave, choose string) string {
	var b strings.Builder
	n := 200
	for _, s := range p {
		n += len(s)
	}
	b.Grow(n)
	for _, s := range p {
		switch s {
		case pieceLeave:
			b.WriteString(leave)
		case pieceChoose:
			b.WriteString(choose)
		default:
			b.WriteString(s)
		}
	}
	return b.String()
}

// A shelf keeps issues for as long as one round lasts: most subscribers get the same.
type shelf struct {
	list  map[[32]byte]*issue
	order [][32]byte
}

const mostIssues = 64

func newShelf() *shelf { return &shelf{list: make(map[[32]byte]*issue)} }

// of gives the issue of some articles in a language.
func (s *shelf) of(ctx context.Context, d *Digest, t *tx, feeds map[int64]*Feed, items []int64, lang diagnose.Lang) (*issue, error) {
	key := sha256.Sum256(fmt.Appendf(nil, "%d %d", lang, items))
	if i := s.list[key]; i != nil {
		return i, nil
	}
	i, err := d.issue(ctx, t, feeds, items, lang)
	if err != nil {
		return nil, err
	}
	if len(s.order) == mostIssues {
		delete(s.list, s.order[0])
		s.order = s.order[1:]
	}
	s.list[key] = i
	s.order = append(s.order, key)
	return i, nil
}

// Sizes of a mail. Some readers' programs show no more than some hundred KiB of HTML.
const (
	wholeHTML  = 80 << 10 // of all articles together; of others the beginning
	mostHTML   = 60 << 10 // of one among several
	beginning  = 400      // characters of an article that is not there whole
	mostInMail = 1 << 20  // of images that go with it
	mostTitles = 500      // of articles for which there was no room
)

// issueData is what the templates of a mail show.
type issueData struct {
	W             mailWords
	Lang, Name    string
	Articles      []article
	Titles        []article // of those for which there was no room
	Single        bool
	More          int // how many these are
	Leave, Choose string
}

func (d *Digest) issue(ctx context.Context, t *tx, feeds map[int64]*Feed, items []int64, lang diagnose.Lang) (*issue, error) {
	total := len(items)
	slices.Reverse(items) // the newest first
	var rest []int64
	if len(items) > d.c.MostItems {
		items, rest = items[:d.c.MostItems], items[d.c.MostItems:]
	}
	list, err := t.articles(ctx, feeds, items, d.c.Zone, lang)
	if err != nil {
		return nil, err
	}
	titles, err := t.articles(ctx, feeds, rest[:min(len(rest), mostTitles)], d.c.Zone, lang)
	if err != nil {
		return nil, err
	}
	left, room := wholeHTML, mostInMail
	var inline []mail.Part
	for i := range list {
		a := &list[i]
		if size := len(a.HTML); len(list) > 1 && (size > mostHTML || size > left) {
			a.shorten()
		} else if err := t.illustrate(ctx, a, &inline, &room); err != nil {
			return nil, err
		}
		left -= len(a.HTML)
	}
	data := issueData{
		W: d.mailWords(lang, len(rest)), Lang: langTag(lang), Name: d.c.Name, Articles: list, Titles: titles, Single: total == 1, More: len(rest),
		Leave: d.show.leave, Choose: d.show.choose,
	}
	var html, text bytes.Buffer
	if err := d.show.html.ExecuteTemplate(&html, "mail.html", data); err != nil {
		return nil, err
	}
	if err := d.show.text.ExecuteTemplate(&text, "mail.txt", data); err != nil {
		return nil, err
	}
	subject := d.c.Name
	if len(list) > 0 {
		subject = list[0].Title
		if total > 1 {
			subject = fmt.Sprintf(wordSubjectMore.In(lang), d.c.Name, plain.Shortened(list[0].Title, 60), total-1)
		}
	}
	return &issue{subject: plain.OneLine(subject, mostTitle), html: d.show.part(html.String()), text: d.show.part(text.String()), inline: inline}, nil
}

// shorten leaves the beginning of an article.
func (a *article) shorten() {
	text := plain.Shortened(plain.OneLine(withoutLinks(a.Plain), 4*beginning), beginning)
	a.HTML = htmltemplate.HTML("<p>" + htmltemplate.HTMLEscapeString(text) + "</p>") //nolint:gosec // it is escaped
	a.Plain, a.More = text, true
}

// withoutLinks is a text without the addresses behind its links' words.
func withoutLinks(plain string) string {
	var words []string
	for w := range strings.FieldsSeq(plain) {
		if !strings.HasPrefix(w, "<http") && !strings.HasPrefix(w, "<mailto:") {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// articles reads items, in the order in which they are named.
func (t *tx) articles(ctx context.Context, feeds map[int64]*Feed, items []int64, zone *time.Location, lang diagnose.Lang) (list []article, err error) {
	for _, id := range items {
		a := article{id: id}
		var feed, published, cut int64
		var html string
		err := t.Row(ctx, "SELECT feed, published, title, link, author, html, plain, cut FROM parley_digest_items WHERE id = ?", []any{id},
			&feed, &published, &a.Title, &a.Link, &a.Author, &html, &a.Plain, &cut)
		if err != nil {
			return nil, err
		}
		if f := feeds[feed]; f != nil {
			a.Feed = f.Shown()
		}
		if a.Title == "" {
			a.Title = wordUntitled.In(lang)
		}
		if published != 0 {
			a.Date = dateIn(time.UnixMilli(published).In(zone), lang)
		}
		a.HTML, a.More = htmltemplate.HTML(styles.Replace(html)), cut == 1 //nolint:gosec // it was cleaned
		list = append(list, a)
	}
	return list, nil
}

// illustrate adds the images that go with an article, as far as there is room for them. Others are shown by reference.
func (t *tx) illustrate(ctx context.Context, a *article, inline *[]mail.Part, room *int) error {
	return t.Each(ctx, "SELECT n, address, type, data FROM parley_digest_images WHERE item = ? ORDER BY n", []any{a.id}, func(scan func(...any) error) error {
		var n int
		var p picture
		if err := scan(&n, &p.address, &p.kind, &p.data); err != nil {
			return err
		}
		if len(p.data) > *room {
			a.HTML = htmltemplate.HTML(p.outside(string(a.HTML), a.id, n)) //nolint:gosec // it was cleaned
			return nil
		}
		_, ending, _ := strings.Cut(p.kind, "/")
		part := mail.Bytes(fmt.Sprintf("image%d-%d.%s", a.id, n+1, ending), bytes.Clone(p.data))
		part.Type, part.ContentID = p.kind, contentID(a.id, n)
		*inline = append(*inline, part)
		*room -= len(p.data)
		return nil
	})
}

// styles gives elements of an article the styles that mail programs want on each of them. Nothing of the article's own is in a style.
var styles = strings.NewReplacer(
	"<img ", `<img style="max-width:100%;height:auto;border:0" `,
	"<blockquote>", `<blockquote style="margin:1em 0;padding:0 0 0 1em;border-left:3px solid #b9c4c0">`,
	"<pre>", `<pre style="white-space:pre-wrap;overflow-wrap:anywhere;font-family:ui-monospace,Consolas,monospace;font-size:90%;border:1px solid #b9c4c0;padding:.6em">`,
	"<code>", `<code style="font-family:ui-monospace,Consolas,monospace;font-size:90%">`,
	"<table>", `<table style="border-collapse:collapse">`,
	"<td>", `<td style="border:1px solid #b9c4c0;padding:.2em .5em">`,
	"<th>", `<th style="border:1px solid #b9c4c0;padding:.2em .5em">`,
)
