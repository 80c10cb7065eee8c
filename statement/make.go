package statement

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"html"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
)

// A made mail is what a row becomes.
type made struct {
	row     *Row
	key     string
	address string // as it was written
	path    string // as doubles are found by
	m       *mail.Message
	digest  []byte
	files   []string            // that are this row's alone
	sums    [][sha256.Size]byte // of what is attached
	data    [][]byte
	pdf     []byte // the page of a PDF that is yet to be made
	size    int64
}

// make makes the mail of a row, or tells what is wrong with it: all of it.
func (k *maker) make(r *Row) (*made, []*Problem) {
	d := &made{row: r, key: r.Text(k.c.Key), address: r.Text(k.c.To)}
	var wrong []*Problem
	add := func(code string, args ...any) { wrong = append(wrong, problem(code, args...)) }
	if d.key == "" {
		add(keyMissing, k.c.Key)
	}
	to := mail.Address{Address: d.address}
	if d.address == "" {
		add(toMissing, k.c.To)
	} else if p, err := to.Path(); err != nil {
		add(toBad, err.Error())
	} else {
		d.path = strings.ToLower(strings.Trim(p.String(), "<>"))
	}
	for _, name := range k.c.Template.Fields() {
		if _, ok := r.Data[name]; !ok {
			add(fieldUnknown, name)
		}
	}
	for _, name := range k.c.Template.empty(r) {
		add(fieldEmpty, name)
	}
	var l *letter
	if len(wrong) == 0 || !slices.ContainsFunc(wrong, func(p *Problem) bool { return p.Code == fieldUnknown || p.Code == fieldEmpty }) {
		var err error
		if l, err = k.c.Template.fill(r); err != nil {
			add(badTemplate, err.Error())
		}
	}
	files, problems := k.attached(r, d)
	if wrong = append(wrong, problems...); len(wrong) > 0 {
		return d, wrong
	}
	if k.c.ToName != "" {
		to.Name = plain.OneLine(r.Text(k.c.ToName), 200)
	}
	d.pdf = l.pdf
	d.m = &mail.Message{
		From: k.c.From, ReplyTo: k.c.ReplyTo, ReversePath: k.c.ReversePath, To: []mail.Address{to}, Subject: l.subject, Text: l.text, HTML: l.html, Attach: files,
		AutoSubmitted: "auto-generated",
	}
	d.m.Inline = k.c.Template.inline
	if len(d.pdf) == 0 {
		if p := k.measure(d); p != nil {
			return d, []*Problem{p}
		}
	}
	d.digest = k.digest(d, l)
	return d, nil
}

// measure tells what is wrong with a mail as such, and how large it is.
func (k *maker) measure(d *made) *Problem {
	if err := d.m.Check(); err != nil {
		return problem(badMail, err.Error())
	}
	// Base64 has four octets for three, and CRLF behind 76 of them: RFC 2045 §6.8.
	d.size = int64(len(d.m.Text)+len(d.m.HTML))*14/10 + 2000
	for _, p := range append(slices.Clone(d.m.Attach), d.m.Inline...) {
		d.size += p.Size*78/57 + 400
	}
	if d.size > k.c.MaxSize {
		return problem(tooLarge, d.size, k.c.MaxSize)
	}
	return nil
}

// digest is of all that the mail is made of.
func (k *maker) digest(d *made, l *letter) []byte {
	sum := sha256.New()
	addSum(sum, "template", k.c.Template.sum)
	addSum(sum, "from", []byte(k.c.From.String()))
	addSum(sum, "to", []byte(d.m.To[0].String()))
	addSum(sum, "subject", []byte(l.subject))
	addSum(sum, "text", []byte(l.text))
	addSum(sum, "html", []byte(l.html))
	addSum(sum, "pdf", l.pdf)
	if k.c.Password != "" {
		addSum(sum, "password", []byte(d.row.Text(k.c.Password)))
	}
	for i, f := range d.m.Attach {
		addSum(sum, f.Name, d.sums[i][:])
	}
	return sum.Sum(nil)
}

// attached reads the files of a row. Each is below the one folder: the system sees to that, also where links lead elsewhere.
func (k *maker) attached(r *Row, d *made) (files []mail.Part, wrong []*Problem) {
	for i, p := range k.attach {
		name, err := p.fill(r)
		if err != nil {
			wrong = append(wrong, problem(fileOutside, err.Error()))
			continue
		}
		data, bad := k.read(name)
		if bad != nil {
			wrong = append(wrong, bad)
			continue
		}
		if len(p.names) > 0 {
			d.files = append(d.files, name)
		}
		shown := path.Base(name)
		if i == 0 && k.fileName != nil {
			if shown, err = k.fileName.fill(r); err != nil {
				wrong = append(wrong, problem(fileOutside, err.Error()))
				continue
			}
		}
		part := mail.Bytes(shown, data)
		part.Size = int64(len(data))
		files, d.data, d.sums = append(files, part), append(d.data, data), append(d.sums, sha256.Sum256(data))
	}
	if k.c.Password != "" && len([]rune(r.Text(k.c.Password))) < 4 {
		wrong = append(wrong, problem(noPassword, k.c.Password))
	}
	return files, wrong
}

func (k *maker) read(name string) ([]byte, *Problem) {
	s, err := k.root.Stat(name) // before it is opened: opening a pipe waits for somebody to write
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, problem(fileMissing, name, cmp.Or(k.c.Files, "."))
	case err != nil:
		return nil, problem(fileOutside, name+": "+reason(err))
	case !s.Mode().IsRegular():
		return nil, problem(fileOutside, name+": it is no regular file")
	case s.Size() == 0:
		return nil, problem(fileEmpty, name)
	case s.Size() > k.c.MaxSize:
		return nil, problem(tooLarge, s.Size(), k.c.MaxSize)
	}
	f, err := k.root.Open(name)
	if err != nil {
		return nil, problem(fileOutside, name+": "+reason(err))
	}
	defer f.Close()
	data := make([]byte, s.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, problem(fileOutside, name+": "+reason(err))
	}
	return data, nil
}

// reason is what the system says, without the path that it repeats.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return err.Error()
}

// encode is a row as it is kept.
func (r *Row) encode() (string, error) {
	b, err := json.Marshal(r.Data)
	return string(b), err
}

func decodeRow(line int, text string) (*Row, error) {
	r := &Row{Line: line}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return r, d.Decode(&r.Data)
}

// finish makes what is made for a mail that is sent alone: the PDF, and locked files.
func (k *maker) finish(ctx context.Context, d *made) (*Problem, error) {
	if len(d.pdf) > 0 {
		name, err := k.pdfName.fill(d.row)
		if err != nil {
			return problem(fileOutside, err.Error()), nil
		}
		name = path.Base(name)
		data, err := k.c.Renderer.PDF(ctx, titled(d.pdf, strings.TrimSuffix(name, path.Ext(name))))
		if errors.Is(err, ErrBrowser) {
			return nil, err // no mistake of the row's
		}
		if err != nil {
			return problem(badMail, err.Error()), nil
		}
		d.add(name, data)
	}
	if k.c.Password != "" {
		if err := k.lock(d); err != nil {
			return problem(badMail, err.Error()), nil
		}
	}
	return k.measure(d), nil
}

var (
	hasTitle = regexp.MustCompile(`(?i)<title[\s>]`)
	doctype  = regexp.MustCompile(`(?i)^\s*<!doctype[^>]*>`)
)

// titled is a page with a title, if it has none of its own: readers of a PDF show that in their window, and Chromium writes "about:blank" there.
func titled(page []byte, title string) []byte {
	if hasTitle.Match(page) {
		return page
	}
	begin := len(doctype.Find(page))
	return slices.Concat(page[:begin], []byte("<title>"+html.EscapeString(title)+"</title>"), page[begin:])
}

func (d *made) add(name string, data []byte) {
	part := mail.Bytes(name, data)
	part.Size = int64(len(data))
	d.m.Attach, d.data = append(d.m.Attach, part), append(d.data, data)
}
