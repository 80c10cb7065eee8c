package statement

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"mime"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/parleymail/parley/smtp"
)

//go:embed pages
var pages embed.FS

// preview shows some mails.
type preview struct {
	mails []shownMail
	page  *template.Template
}

type shownMail struct {
	N       int
	Key, To string
	Subject string
	From    string
	Text    string
	html    string
	Files   []shownFile
	Wrong   string
	HTML    bool
}

type shownFile struct {
	Name string
	Size int
	data []byte
}

// Preview serves a page with the mails of some rows, as a phone and a desktop show them, and as text. It is for this machine alone: it answers to no other name, and
// to no other page's request. What it shows can run no script and load nothing.
func (j *Job) Preview(ctx context.Context, n int) (http.Handler, error) {
	k, err := newMaker(&j.c)
	if err != nil {
		return nil, err
	}
	defer k.close()
	var list []chosen
	if err := j.s.reader().Each(ctx, chosenColumns+"state = 0 ORDER BY digest LIMIT ?", []any{n}, scanChosen(&list)); err != nil {
		return nil, failed("choosing rows", err)
	}
	if len(list) == 0 { // all have been sent: what they look like
		if err := j.s.reader().Each(ctx, chosenColumns+"digest <> ? ORDER BY digest LIMIT ?", []any{[]byte{}, n}, scanChosen(&list)); err != nil {
			return nil, failed("choosing rows", err)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w that is ready", ErrNoRow)
	}
	p := new(preview)
	for i := range list {
		k.remake(ctx, &list[i])
		p.mails = append(p.mails, shown(&list[i], i, k))
	}
	if p.page, err = template.ParseFS(pages, "pages/preview.html"); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /mail/{n}", p.mail)
	mux.HandleFunc("GET /mail/{n}/html", p.html)
	mux.HandleFunc("GET /mail/{n}/file/{f}", p.file)
	mux.HandleFunc("GET /preview.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pages, "pages/preview.css") })
	return local(mux), nil
}

func shown(c *chosen, n int, k *maker) shownMail {
	m := shownMail{N: n, Key: smtp.Printable(c.key)}
	if c.wrong != nil {
		m.Wrong = c.wrong.Error()
		return m
	}
	if c.err != nil {
		m.Wrong = c.err.Error()
		return m
	}
	d := c.d
	m.To, m.From, m.Subject, m.Text, m.HTML = d.m.To[0].String(), d.m.From.String(), d.m.Subject, d.m.Text, d.m.HTML != ""
	m.html = d.m.HTML
	for i, f := range k.c.Template.images64 {
		m.html = strings.ReplaceAll(m.html, "cid:"+k.c.Template.inline[i].Name, f)
	}
	for i, f := range d.m.Attach {
		m.Files = append(m.Files, shownFile{f.Name, len(d.data[i]), d.data[i]})
	}
	return m
}

// local lets nobody in but this machine's browser, asking for itself.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		site := r.Header.Get("Sec-Fetch-Site")
		switch {
		case !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()):
			// DNS rebinding: a page of anybody's whose name has come to mean this machine.
			http.Error(w, "this page is reached as localhost alone", http.StatusMisdirectedRequest)
		case site == "cross-site" || site == "same-site":
			http.Error(w, "another page asks", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (p *preview) index(w http.ResponseWriter, r *http.Request) { p.show(w, r, 0) }

func (p *preview) mail(w http.ResponseWriter, r *http.Request) {
	if n, ok := p.number(w, r); ok {
		p.show(w, r, n)
	}
}

func (p *preview) number(w http.ResponseWriter, r *http.Request) (int, bool) {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 0 || n >= len(p.mails) {
		http.NotFound(w, r)
		return 0, false
	}
	return n, true
}

func (p *preview) show(w http.ResponseWriter, r *http.Request, n int) {
	var b bytes.Buffer
	err := p.page.Execute(&b, struct {
		Mails   []shownMail
		Mail    shownMail
		Chinese bool
	}{p.mails, p.mails[n], strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "zh")})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.Bytes()) //nolint:errcheck // nobody listens any more
}

// html is a mail's HTML, in a frame that can do nothing.
func (p *preview) html(w http.ResponseWriter, r *http.Request) {
	n, ok := p.number(w, r)
	if !ok {
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, p.mails[n].html)
}

func (p *preview) file(w http.ResponseWriter, r *http.Request) {
	n, ok := p.number(w, r)
	if !ok {
		return
	}
	f, err := strconv.Atoi(r.PathValue("f"))
	if err != nil || f < 0 || f >= len(p.mails[n].Files) {
		http.NotFound(w, r)
		return
	}
	file := p.mails[n].Files[f]
	kind, how := "application/octet-stream", "attachment"
	if strings.EqualFold(path.Ext(file.Name), ".pdf") {
		kind, how = "application/pdf", "inline"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", mime.FormatMediaType(how, map[string]string{"filename": file.Name}))
	w.Write(file.data) //nolint:errcheck // nobody listens any more
}
