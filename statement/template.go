package statement

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"text/template"

	"golang.org/x/text/language"

	"github.com/parleymail/parley/internal/htmltext"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
)

// TemplateOptions say how a template is filled.
type TemplateOptions struct {
	Locale string // how numbers, money and dates are written: "zh-CN"; empty: "en"
	Column string // of the table, which names the locale of a row; where it is empty, Locale counts
}

// A Template is what the mails of all rows have in common. It is a folder with these files:
//
//	subject.txt   the subject, which there must be
//	text.txt      the text
//	body.html     the same in HTML, or
//	body.md       the same in Markdown; where there is no text.txt, it is the text too
//	style.css     how HTML looks; it is written into the elements, since many programs look nowhere else
//	pdf.html      a page that becomes a PDF, which is attached
//	*.png *.jpg *.gif *.webp   images that HTML shows: <img src="logo.png">
//
// They are templates of Go's: {{.name}} is what stands in the column of that name, {{index . "first name"}} the same of a name with blanks. Beside Go's own
// functions there are
//
//	money .amount "CNY"    ¥1,234.50
//	number .n, number .n 2 1,234.5, 1,234.50
//	percent .rate          3.75%, of 0.0375
//	date .day              2026年3月31日; date .day "Jan 2" by a layout of Go's
//	rmb .amount            壹仟贰佰叁拾肆元伍角整
//	mask .account          ****4321
//	default "—" .note      what stands there, or something else where nothing does
//
// A field that is used must be in the table, and must not be empty in any row, unless the template asks for it: {{if .note}}, {{with .note}}, default.
type Template struct {
	o        TemplateOptions
	sources  map[string]string // by the name of the file; HTML of Markdown, with its styles in its elements
	asText   bool              // the text is what the HTML says: marks of Markdown are nothing to read
	late     bool              // styles are put into the elements of each mail, since the template makes up classes
	inline   []mail.Part
	images64 []string        // the same, for the preview
	uses     map[string]bool // names of columns; true: must not be empty
	sum      []byte

	mu    sync.Mutex
	forms map[string]*form // by locale
}

// A form is a template for one locale.
type form struct {
	subject, text *template.Template
	html, pdf     *htmltemplate.Template
	funcs         template.FuncMap
}

const (
	subjectFile = "subject.txt"
	textFile    = "text.txt"
	htmlFile    = "body.html"
	markFile    = "body.md"
	styleFile   = "style.css"
	pdfFile     = "pdf.html"

	mostTemplate = 4 << 20 // octets of one of its files
)

// LoadTemplate reads a template from a folder.
func LoadTemplate(folder string, o TemplateOptions) (*Template, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("statement: opening the template: %w", err)
	}
	defer root.Close()
	return ParseTemplate(root.FS(), o)
}

// ParseTemplate is [LoadTemplate] from a file system.
func ParseTemplate(files fs.FS, o TemplateOptions) (*Template, error) {
	if o.Locale == "" {
		o.Locale = "en"
	}
	t := &Template{o: o, sources: map[string]string{}, uses: map[string]bool{}, forms: map[string]*form{}}
	sum := sha256.New()
	for _, name := range []string{subjectFile, textFile, htmlFile, markFile, styleFile, pdfFile} {
		text, err := readSome(files, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
		}
		t.sources[name] = strings.TrimPrefix(string(text), "\ufeff")
		addSum(sum, name, text)
	}
	if err := t.images(files, sum); err != nil {
		return nil, err
	}
	if err := t.assemble(); err != nil {
		return nil, err
	}
	addSum(sum, o.Locale, []byte(o.Column))
	t.sum = sum.Sum(nil)
	f, err := t.form(o.Locale)
	if err != nil {
		return nil, err
	}
	t.collect(f)
	return t, nil
}

// addSum adds something under a name to a digest, so that no two lists have one.
func addSum(w io.Writer, name string, data []byte) {
	var n [16]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(name)))
	binary.BigEndian.PutUint64(n[8:], uint64(len(data)))
	w.Write(n[:])           //nolint:errcheck // a hash takes all
	io.WriteString(w, name) //nolint:errcheck // a hash takes all
	w.Write(data)           //nolint:errcheck // a hash takes all
}

func readSome(files fs.FS, name string) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostTemplate+1))
	if err == nil && len(text) > mostTemplate {
		err = errors.New(name + " has more than 4 MiB")
	}
	return text, err
}

// images are what HTML shows by the names of files.
func (t *Template) images(files fs.FS, sum io.Writer) error {
	list, err := fs.ReadDir(files, ".")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	html := t.sources[htmlFile] + t.sources[markFile]
	for _, e := range list {
		switch strings.ToLower(path.Ext(e.Name())) {
		case ".png", ".jpg", ".jpeg", ".gif", ".webp":
		default:
			continue
		}
		if !strings.Contains(html, e.Name()) {
			continue
		}
		data, err := readSome(files, e.Name())
		if err != nil {
			return fmt.Errorf("%w: %w", ErrTemplate, err)
		}
		t.inline = append(t.inline, mail.Bytes(e.Name(), data))
		t.images64 = append(t.images64, "data:"+http.DetectContentType(data)+";base64,"+base64.StdEncoding.EncodeToString(data))
		addSum(sum, e.Name(), data)
	}
	return nil
}

// assemble makes HTML and text of what the folder has.
func (t *Template) assemble() error {
	s := t.sources
	switch {
	case s[subjectFile] == "":
		return errors.New("statement: the template has no " + subjectFile)
	case s[htmlFile] != "" && s[markFile] != "":
		return errors.New("statement: the template has both " + htmlFile + " and " + markFile)
	case s[htmlFile] == "" && s[markFile] == "" && s[textFile] == "":
		return errors.New("statement: the template has neither " + textFile + " nor " + htmlFile + " nor " + markFile)
	case s[htmlFile] != "" && s[textFile] == "":
		return errors.New("statement: the template has " + htmlFile + " and no " + textFile + ": some people read text, and so do filters")
	}
	if mark := s[markFile]; mark != "" {
		if s[textFile] == "" {
			s[textFile], t.asText = mark, true
		}
		var err error
		if s[htmlFile], err = markdown(mark); err != nil {
			return err
		}
	}
	if s[htmlFile] == "" {
		return nil
	}
	for _, p := range t.inline {
		for _, q := range []string{`"`, `'`} {
			s[htmlFile] = strings.ReplaceAll(s[htmlFile], "src="+q+p.Name+q, "src="+q+"cid:"+p.Name+q)
		}
	}
	var err error
	s[htmlFile], t.late, err = styled(s[htmlFile], s[styleFile])
	return err
}

// form gives the template for one locale.
func (t *Template) form(locale string) (*form, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.forms[locale]; f != nil {
		return f, nil
	}
	tag, err := language.Parse(locale)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is none, such as zh-CN or en-GB", ErrLocale, plain.Quoted(locale))
	}
	n := newFormatter(tag)
	f := &form{funcs: template.FuncMap{
		"money": n.money, "number": n.number, "percent": n.percent, "date": n.date, "rmb": capitals, "mask": masked, "default": fallback,
	}}
	parsed := func(name string) (*template.Template, error) {
		return template.New(name).Option("missingkey=error").Funcs(f.funcs).Parse(t.sources[name])
	}
	escaped := func(name string) (*htmltemplate.Template, error) {
		return htmltemplate.New(name).Option("missingkey=error").Funcs(htmltemplate.FuncMap(f.funcs)).Parse(t.sources[name])
	}
	if f.subject, err = parsed(subjectFile); err == nil {
		f.text, err = parsed(textFile)
	}
	if err == nil && t.sources[htmlFile] != "" {
		f.html, err = escaped(htmlFile)
	}
	if err == nil && t.sources[pdfFile] != "" {
		f.pdf, err = escaped(pdfFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	const mostForms = 500
	if len(t.forms) < mostForms { // a table could name any number of locales
		t.forms[locale] = f
	}
	return f, nil
}

// fallback is the function "default".
func fallback(other, v any) any {
	if s, ok := v.(string); v == nil || ok && strings.TrimSpace(s) == "" {
		return other
	}
	return v
}

// Fields are the names of columns that the template uses.
func (t *Template) Fields() []string {
	var names []string
	for name := range t.uses {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Missing are the names that the template uses and a table does not have.
func (t *Template) Missing(columns []string) (names []string) {
	for _, name := range t.Fields() {
		if !slices.Contains(columns, name) {
			names = append(names, name)
		}
	}
	return names
}

// empty is a name that must not be empty in any row, and is in this one.
func (t *Template) empty(r *Row) (names []string) {
	for name, must := range t.uses {
		v, ok := r.Data[name]
		s, isText := v.(string)
		if must && ok && (v == nil || isText && strings.TrimSpace(s) == "") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// A letter is what a template becomes with a row.
type letter struct {
	subject, text, html string
	pdf                 []byte // the page that becomes one
}

// fill fills the template with a row.
func (t *Template) fill(r *Row) (*letter, error) {
	locale := t.o.Locale
	if t.o.Column != "" && r.Text(t.o.Column) != "" {
		locale = r.Text(t.o.Column)
	}
	f, err := t.form(locale)
	if err != nil {
		return nil, err
	}
	var l letter
	if l.subject, err = filled(f.subject, r); err == nil {
		l.subject = plain.OneLine(l.subject, 500)
	}
	if err == nil && !t.asText {
		l.text, err = filled(f.text, r)
	}
	if err == nil && f.html != nil {
		l.html, err = filled(f.html, r)
	}
	if err == nil && t.asText {
		l.text = htmltext.Of(l.html) + "\n"
	}
	if err == nil && t.late {
		l.html, err = inlined(l.html)
	}
	if err == nil && f.pdf != nil {
		var page string
		page, err = filled(f.pdf, r)
		l.pdf = []byte(page)
	}
	if err == nil && l.subject == "" {
		err = errors.New(subjectFile + ": the subject is empty")
	}
	return &l, err
}

const mostFilled = 16 << 20

func filled(t interface {
	Execute(w io.Writer, data any) error
}, r *Row) (string, error) {
	var b bounded
	if err := t.Execute(&b, r.Data); err != nil {
		return "", fillError(err)
	}
	return b.String(), nil
}

// A bounded buffer ends a template that does not end.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > mostFilled {
		return 0, errors.New("the mail's text is larger than 16 MiB")
	}
	return b.Buffer.Write(p)
}

// fillError is what went wrong, and where, without what Go says around it.
func fillError(err error) error {
	var e template.ExecError
	if !errors.As(err, &e) {
		return err
	}
	text := strings.TrimPrefix(e.Err.Error(), "template: ")
	if at := strings.LastIndex(text, "error calling "); at >= 0 {
		where := strings.SplitN(text, ":", 3)
		if len(where) == 3 {
			return errors.New(where[0] + ":" + where[1] + ": " + text[at+len("error calling "):])
		}
	}
	return errors.New(text)
}
