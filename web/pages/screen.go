package pages

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/inbox/view"
)

// A screen is what a template is given: the page's own things are in Body.
type screen struct {
	Lang       diagnose.Lang
	Theme      string // "light", "dark" or "", which is as the system has it
	Page       string // which of the navigation this is
	Title      string
	Here       string // path and query, for forms to come back to
	Mailbox    string
	Mailboxes  []inbox.MailboxStats
	Stats      inbox.Stats
	FaultRules int
	STARTTLS   bool // is offered
	Version    string
	Notice     string // what the last form did
	Asker      asker  // of the queue's pages
	Body       any
}

// screen is the beginning of a page.
func (p *Pages) screen(w http.ResponseWriter, r *http.Request, page string) *screen {
	v := &screen{Lang: langOf(r), Theme: themeOf(r), Page: page, Here: r.URL.RequestURI(), Version: p.Version, STARTTLS: p.STARTTLS, Mailbox: mailboxOf(r)}
	if stats, err := p.Inbox.Stats(r.Context()); err == nil {
		v.Stats, v.Mailboxes = stats, boxes(stats.Mailboxes, v.Mailbox)
	}
	if p.Faults != nil {
		v.FaultRules = len(p.Faults.Rules())
	}
	v.Notice = takeNotice(w, r, v)
	w.Header().Set("Vary", "Accept-Language, Cookie")
	return v
}

// mostBoxes is how many mailboxes can be chosen from; where each test has its own there are thousands.
const mostBoxes = 300

// boxes are the mailboxes to choose from: those that have a name, and the one that was chosen though nothing is in it any more.
func boxes(all []inbox.MailboxStats, chosen string) (list []inbox.MailboxStats) {
	isChosen := func(b inbox.MailboxStats) bool { return b.Name == chosen }
	for _, box := range all {
		if box.Name != "" && (len(list) < mostBoxes || isChosen(box)) {
			list = append(list, box)
		}
	}
	if chosen != "" && !slices.ContainsFunc(list, isChosen) {
		list = append(list, inbox.MailboxStats{Name: chosen})
	}
	return list
}

// Cookies hold what a person has chosen, and nothing else.
const (
	langCookie   = "parley-lang"
	themeCookie  = "parley-theme"
	boxCookie    = "parley-mailbox"
	noticeCookie = "parley-notice"
)

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	text, err := url.QueryUnescape(c.Value)
	if err != nil {
		return ""
	}
	return text
}

func setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: url.QueryEscape(value), Path: "/", MaxAge: int(age.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// langOf is what was chosen, or else the first of ours that the browser names.
func langOf(r *http.Request) diagnose.Lang {
	chosen := r.URL.Query().Get("lang")
	if chosen != "zh" && chosen != "en" {
		chosen = cookie(r, langCookie)
	}
	switch chosen {
	case "zh":
		return diagnose.Chinese
	case "en":
		return diagnose.English
	}
	for one := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(one)), ";")
		switch {
		case strings.HasPrefix(tag, "zh"):
			return diagnose.Chinese
		case strings.HasPrefix(tag, "en"):
			return diagnose.English
		}
	}
	return diagnose.English
}

func themeOf(r *http.Request) string {
	if t := cookie(r, themeCookie); t == "light" || t == "dark" {
		return t
	}
	return ""
}

// mailboxOf is the one that the page is of; empty for all.
func mailboxOf(r *http.Request) string {
	if box, ok := r.URL.Query()["mailbox"]; ok {
		return box[0]
	}
	return cookie(r, boxCookie)
}

// settings changes what cookies hold, and goes back to the page.
func settings(w http.ResponseWriter, r *http.Request) error {
	const year = 365 * 24 * time.Hour
	q := r.URL.Query()
	switch lang := q.Get("lang"); lang {
	case "en", "zh":
		setCookie(w, langCookie, lang, year)
	}
	switch theme := q.Get("theme"); theme {
	case "light", "dark", "auto":
		setCookie(w, themeCookie, theme, year)
	}
	if q.Has("mailbox") {
		setCookie(w, boxCookie, q.Get("mailbox"), year)
	}
	to := q.Get("back")
	if !isOurs(to) {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// isOurs reports whether an address leads to a page of ours. Browsers take a backslash for a slash, and leave out tabs and line
// ends, so that "/\t/host" would lead to another host.
func isOurs(to string) bool {
	return strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f })
}

// notice tells on the next page what a form did: a word of ours, and a number or an error's text.
func notice(w http.ResponseWriter, word, detail string) {
	const soon = time.Minute
	setCookie(w, noticeCookie, word+"|"+clip(detail, 1000), soon)
}

func takeNotice(w http.ResponseWriter, r *http.Request, v *screen) string {
	word, detail, ok := strings.Cut(cookie(r, noticeCookie), "|")
	if !ok {
		return ""
	}
	setCookie(w, noticeCookie, "", -time.Second)
	if _, known := wordOf(word); !known {
		return ""
	}
	if detail == "" {
		return v.T(word)
	}
	return v.T(word) + " " + detail
}

// T is a text in the reader's language. A word that is not there is a mistake of ours, and shown as one.
func (v *screen) T(word string, args ...any) string {
	w, ok := wordOf(word)
	if !ok {
		return "?" + word + "?"
	}
	if len(args) == 0 {
		return w.In(v.Lang)
	}
	return fmt.Sprintf(w.In(v.Lang), args...)
}

// wordOf is one of the words of all pages.
func wordOf(name string) (diagnose.Words, bool) {
	if w, ok := words[name]; ok {
		return w, true
	}
	w, ok := queueWords[name]
	return w, ok
}

// In is a text of another package in the reader's language.
func (v *screen) In(w diagnose.Words) string { return w.In(v.Lang) }

// Tag is the language for <html lang>.
func (v *screen) Tag() string {
	if v.Lang == diagnose.Chinese {
		return "zh-CN"
	}
	return "en"
}

// Time is a time of day, with the day where it is not today's.
func (v *screen) Time(t time.Time) string {
	t = t.Local()
	now := time.Now()
	switch {
	case t.IsZero():
		return ""
	case t.Format("2006-01-02") == now.Format("2006-01-02"):
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04")
}

// Stamp is a time in full.
func (v *screen) Stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05.000 -07:00") }

// ISO is a time for <time datetime>.
func (v *screen) ISO(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Size is so many octets.
func (v *screen) Size(n int64) string {
	switch {
	case n < 1<<10:
		return v.T("octets", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// Took is how long something took.
func (v *screen) Took(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Minute:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// Clean is a text of somebody's, without what would turn the page's own around it: controls and marks of direction become visible.
func (v *screen) Clean(s string) string { return clean(s) }

func clean(s string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || r == 0x061c || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0xfeff
}

func clip(s string, most int) string {
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// With is the page's own address with another parameter, and without "before", for paging begins anew.
func (v *screen) With(name, value string) string {
	u, err := url.Parse(v.Here)
	if err != nil {
		return "/"
	}
	q := u.Query()
	if name != "before" {
		q.Del("before")
	}
	if value == "" {
		q.Del(name)
	} else {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// Setting is a link that changes a setting and comes back.
func (v *screen) Setting(name, value string) string {
	return "/settings?" + url.Values{name: {value}, "back": {v.Here}}.Encode()
}

// ID is a number as a text.
func (v *screen) ID(n int64) string { return strconv.FormatInt(n, 10) }

func idOf(r *http.Request) (int64, error) {
	n, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || n < 1 {
		return 0, inbox.ErrNotFound
	}
	return n, nil
}

// What templates hand to one another.

// A talk is a conversation, with the screen that it is shown on.
type talk struct {
	V *screen
	C *conversation
}

// Talk is for the templates of conversations.
func (v *screen) Talk(c *conversation) talk { return talk{v, c} }

type about struct {
	V          *screen
	SMTP       []string
	URL        string
	Host, Port string
}

// About is for the template that says where to send to.
func (v *screen) About(smtp []string, address string) about {
	a := about{V: v, SMTP: smtp, URL: address}
	if u, err := url.Parse(address); err == nil {
		a.Host, a.Port = u.Hostname(), u.Port()
	}
	return a
}

type search struct {
	V            *screen
	Action, Hint string // Hint is an example of a query
}

// Search is for the template of the search box.
func (v *screen) Search(action, hint string) search { return search{v, action, hint} }

type file struct {
	V *screen
	M any // the page of the message that it is of
	P view.Part
}

// File is for the template of an attachment.
func (v *screen) File(m any, p view.Part) file { return file{v, m, p} }

// Join is a list of addresses.
func (v *screen) Join(list []string) string {
	const most = 20
	if len(list) > most {
		return clean(strings.Join(list[:most], ", ")) + fmt.Sprintf(" … (%d)", len(list))
	}
	return clean(strings.Join(list, ", "))
}

// SizeOf is Size of an int.
func (v *screen) SizeOf(n int) string { return v.Size(int64(n)) }

// Unsafe is how much was left out of a mail's HTML that could have done harm.
func (v *screen) Unsafe(b view.Blocked) int {
	return b.Scripts + b.Handlers + b.Frames + b.Forms + b.Metas + b.URLs
}

// A query is a row of the help on searching.
type query struct{ Write, Finds string }

// Queries are what a search can be made of, each with a word of words.
func (*screen) Queries() []query {
	return []query{
		{`welcome "your order"`, "query-words"},
		{"from: to: subject: body: file:", "query-header"},
		{"rcpt: sender:", "query-envelope"},
		{"has:attachment", "query-has"},
		{"is:unseen", "query-is"},
		{"larger:10k smaller:2M", "query-size"},
		{"after:2h before:2026-11-02", "query-time"},
		{"session:12 mailbox:ci user:kim", "query-origin"},
		{"-from:shop", "query-not"},
	}
}
