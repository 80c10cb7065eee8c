package digest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/parleymail/parley/diagnose"
)

// Handler serves the pages that readers see: to subscribe, to confirm, to choose, and to leave. They need no script and keep no cookie. A GET changes
// nothing, whatever its link says; and what anybody asks for an address is answered alike, whether it is known or not.
//
// It is made to be reached by everybody. Config.URL says where that is; a path in it may be there in requests, or have been taken off by a proxy.
func (d *Digest) Handler() http.Handler {
	p := &pages{d: d, limit: newLimits(d.c.clock, d.c.Proxied)}
	if u, err := url.Parse(d.c.URL); err == nil {
		p.base = u.Path
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.front)
	mux.HandleFunc("POST /subscribe", p.subscribe)
	mux.HandleFunc("GET /subscribe", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, p.base+"/", http.StatusSeeOther) })
	mux.HandleFunc("GET /confirm/{token}", p.confirm)
	mux.HandleFunc("POST /confirm/{token}", p.confirmed)
	mux.HandleFunc("GET /preferences/{token}", p.preferences)
	mux.HandleFunc("POST /preferences/{token}", p.save)
	mux.HandleFunc("GET /unsubscribe/{token}", p.leave)
	mux.HandleFunc("POST /unsubscribe/{token}", p.left)
	mux.HandleFunc("GET /style.css", p.style)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.show(w, http.StatusNotFound, p.page(r, "title none").say("say none").back())
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		if rest, ok := strings.CutPrefix(r.URL.Path, p.base); ok && p.base != "" && (rest == "" || rest[0] == '/') {
			u := *r.URL
			u.Path, u.RawPath = "/"+strings.TrimPrefix(rest, "/"), ""
			copied := *r
			copied.URL = &u
			r = &copied
		}
		mux.ServeHTTP(w, r)
	})
}

const mostForm = 64 << 10 // octets of what is sent with a form

func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer") // the links are secrets
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

type pages struct {
	d     *Digest
	base  string // the path that all is under, without a slash at its end
	limit *limits
}

// A page is what a template shows.
type page struct {
	Title, Name, Base          string
	Tag, LangName              string
	Other, OtherTag, OtherName string
	Front, Back                bool
	Problem                    string
	Say                        []string
	Form                       string // subscribe, preferences, press; empty: none
	Button, Address, Leave     string
	Frequencies, Feeds, Langs  []option
	All                        bool

	lang diagnose.Lang
}

// An option is one of several that may be chosen.
type option struct {
	Value, Text, Tag string
	On               bool
}

// T is a text by its name.
func (g *page) T(name string, args ...any) string {
	text := pageWords[name].In(g.lang)
	if len(args) > 0 {
		text = fmt.Sprintf(text, args...)
	}
	return text
}

func (g *page) say(name string, args ...any) *page {
	g.Say = append(g.Say, g.T(name, args...))
	return g
}

func (g *page) back() *page { g.Back = true; return g }

func (g *page) problem(name string) { g.Problem = g.T(name) }

// page begins a page in the language that its reader wants.
func (p *pages) page(r *http.Request, title string) *page {
	return p.pageIn(r, title, p.langOf(r, p.d.c.Lang))
}

func (p *pages) pageIn(r *http.Request, title string, lang diagnose.Lang) *page {
	g := &page{Name: p.d.c.Name, Base: p.base, lang: lang, Tag: langTag(lang), LangName: langName(lang), Other: "?lang=zh", OtherTag: "zh-CN", OtherName: "中文"}
	if lang == diagnose.Chinese {
		g.Other, g.OtherTag, g.OtherName = "?lang=en", "en", "English"
	}
	if r.Method != http.MethodGet {
		g.Other = p.base + "/" + g.Other // a form's answer cannot be asked for again
	}
	g.Title = g.T(title)
	return g
}

func langName(lang diagnose.Lang) string {
	if lang == diagnose.Chinese {
		return "zh"
	}
	return "en"
}

// langOf is the language that the link says, or the form; else the one of theirs that a subscriber has chosen, or that the browser wants most.
func (p *pages) langOf(r *http.Request, otherwise diagnose.Lang) diagnose.Lang {
	for _, said := range []string{r.URL.Query().Get("lang"), formValue(r, "page")} {
		switch said {
		case "en":
			return diagnose.English
		case "zh":
			return diagnose.Chinese
		}
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		switch tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ";"); {
		case strings.HasPrefix(tag, "zh"):
			return diagnose.Chinese
		case strings.HasPrefix(tag, "en"):
			return diagnose.English
		}
	}
	return otherwise
}

// formValue is a field of the form, whichever way it was sent.
func formValue(r *http.Request, name string) string {
	if r.Method != http.MethodPost {
		return ""
	}
	readForm(r)
	return r.PostFormValue(name)
}

// readForm reads a form: RFC 8058 §3.2 has both ways to send one. One that cannot be read is as empty as none.
func readForm(r *http.Request) {
	if r.MultipartForm == nil && r.PostForm == nil {
		r.ParseMultipartForm(mostForm) //nolint:errcheck // as said
	}
}

func (p *pages) show(w http.ResponseWriter, status int, g *page) {
	var b bytes.Buffer
	if err := p.d.show.pages.ExecuteTemplate(&b, "page.html", g); err != nil {
		p.d.c.Log.Error("digest: a page cannot be shown", "error", err)
		http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", g.Tag)
	w.Header().Set("Vary", "Accept-Language")
	w.WriteHeader(status)
	w.Write(b.Bytes()) //nolint:errcheck // nobody is left to tell
}

// failed shows why something was not done. What went wrong on our side is not told to strangers.
func (p *pages) failed(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errForged):
		p.show(w, http.StatusNotFound, p.page(r, "title bad").say("say forged").back())
	case errors.Is(err, errExpired):
		p.show(w, http.StatusGone, p.page(r, "title bad").say("say expired").back())
	case errors.Is(err, ErrNoSubscriber):
		p.show(w, http.StatusGone, p.page(r, "title bad").say("say gone").back())
	case errors.Is(err, errBusy):
		w.Header().Set("Retry-After", "60")
		p.show(w, http.StatusServiceUnavailable, p.page(r, "title busy").say("say busy").back())
	default:
		p.d.c.Log.Error("digest: a page's request has failed", "error", err)
		w.Header().Set("Retry-After", "60")
		p.show(w, http.StatusServiceUnavailable, p.page(r, "title busy").say("say failed").back())
	}
}

func (p *pages) style(w http.ResponseWriter, r *http.Request) {
	f, err := templates.Open("templates/style.css")
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=300")
	io.Copy(w, f) //nolint:errcheck // nobody is left to tell
}

// choices fills in what may be chosen, and what is.
func (p *pages) choices(r *http.Request, g *page, c Choice, lang diagnose.Lang) error {
	for _, f := range []struct {
		f    Frequency
		name string
	}{{AtOnce, "once"}, {EveryDay, "daily"}, {EveryWeek, "weekly"}} {
		g.Frequencies = append(g.Frequencies, option{Value: strconv.Itoa(int(f.f)), Text: g.T(f.name), On: c.Frequency == f.f})
	}
	g.Langs = []option{
		{Value: "en", Text: "English", Tag: "en", On: lang == diagnose.English},
		{Value: "zh", Text: "中文", Tag: "zh-CN", On: lang == diagnose.Chinese},
	}
	feeds, err := p.d.Feeds(r.Context())
	g.All = c.All
	for _, f := range feeds {
		if f.Good.IsZero() && !slices.Contains(c.Feeds, f.ID) {
			continue // it was never there to be read: perhaps its address is a mistake
		}
		g.Feeds = append(g.Feeds, option{Value: strconv.FormatInt(f.ID, 10), Text: f.Shown(), On: !c.All && slices.Contains(c.Feeds, f.ID)})
	}
	return err
}

// chosen is what a form says. ok is false where nothing was chosen, or what cannot be.
func (p *pages) chosen(r *http.Request) (c Choice, lang diagnose.Lang, ok bool, err error) {
	lang = p.langOf(r, p.d.c.Lang)
	switch r.PostFormValue("lang") {
	case "en":
		lang = diagnose.English
	case "zh":
		lang = diagnose.Chinese
	}
	c.Frequency, ok = p.d.c.Frequency, true
	if text := r.PostFormValue("frequency"); text != "" {
		n, e := strconv.Atoi(text)
		if ok = e == nil && n >= 0 && n <= int(AtOnce); ok {
			c.Frequency = Frequency(n)
		}
	}
	if c.All = r.PostFormValue("all") == "yes"; c.All {
		return c, lang, ok, nil
	}
	there, err := p.d.Feeds(r.Context())
	for _, n := range parseNumbers(strings.Join(r.PostForm["feed"], ",")) {
		if slices.ContainsFunc(there, func(f Feed) bool { return f.ID == n }) {
			c.Feeds = append(c.Feeds, n)
		}
	}
	return c, lang, ok && len(c.Feeds) > 0, err
}
