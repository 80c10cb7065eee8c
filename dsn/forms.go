package dsn

import (
	"bytes"
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/entity"
	"github.com/parleymail/parley/smtp"
)

//go:embed facts/forms.toml
var formsFile []byte

// A form is how one kind of mail system writes its bounces: facts/README.md.
type form struct {
	ID         string
	Source     string
	Kind       Kind // zero: a failure, or a delay
	From       pattern
	Subject    pattern
	Text       pattern
	Fields     []string
	Delay      pattern
	End        pattern
	Items      []pattern
	Reason     pattern
	Original   pattern
	About      bool
	Confidence float64
}

// A pattern is an expression of a form; one that is not given fits all.
type pattern struct{ *regexp.Regexp }

// UnmarshalText reads one.
func (p *pattern) UnmarshalText(text []byte) (err error) {
	p.Regexp, err = regexp.Compile("(?im)" + string(text))
	return err
}

func (p pattern) fits(s string) bool { return p.Regexp == nil || p.MatchString(s) }

func (p pattern) found(s string) bool { return p.Regexp != nil && p.MatchString(s) }

// group gives what a group of a match holds.
func (p pattern) group(s string, match []int, name string) (string, bool) {
	i := p.SubexpIndex(name)
	if i < 0 || match[2*i] < 0 {
		return "", false
	}
	return s[match[2*i]:match[2*i+1]], true
}

// A meaning is the status that words mean.
type meaning struct {
	Said   pattern
	Status statusText
}

// A statusText is a status as the file has it: "5.1.1".
type statusText smtp.EnhancedCode

// UnmarshalText reads one.
func (s *statusText) UnmarshalText(text []byte) error {
	e, rest, ok := cutStatus(string(text))
	if !ok || rest != "" {
		return fmt.Errorf("%q is no status", text)
	}
	*s = statusText(e)
	return nil
}

// A formFile is facts/forms.toml.
type formFile struct {
	Form    []form
	Meaning []meaning
}

var known = sync.OnceValue(func() formFile {
	file, err := decodeForms(formsFile)
	if err != nil {
		panic("dsn: the forms in the binary: " + err.Error()) // a test reads them
	}
	return file
})

func decodeForms(data []byte) (file formFile, err error) {
	d := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return formFile{}, fmt.Errorf("reading forms: %w", err)
	}
	return file, nil
}

// readForms reads a bounce that keeps to no RFC.
func readForms(l *incoming, n *Notice) bool {
	if l.readInline(n) {
		return true
	}
	text := l.text()
	from, subject := cut(l.root.Get("From"), 1<<10), cut(l.root.Get("Subject"), 1<<10)
	all := known().Form
	for i := range all {
		f := &all[i]
		if f.From.fits(from) && f.Subject.fits(subject) && f.Text.fits(text) && (f.Fields == nil || l.has(f.Fields...)) {
			return f.read(l, n, subject, text)
		}
	}
	return false
}

// readInline reads the fields of RFC 3464 where they stand in the text, for there is no part for them.
func (l *incoming) readInline(n *Notice) bool {
	text := "\n" + l.text()
	i := strings.Index(text, "\nReporting-MTA:")
	if i < 0 || !strings.Contains(text[i:], "\nFinal-Recipient:") {
		return false
	}
	n.readGroups(groups(text[i+1:]))
	n.conclude()
	n.Form, n.Confidence = "rfc3464", 0.85
	return len(n.Recipients) > 0
}

// read reads a bounce of this form.
func (f *form) read(l *incoming, n *Notice, subject, text string) bool {
	said := text
	if f.End.Regexp != nil {
		if at := f.End.FindStringIndex(text); at != nil {
			said = text[:at[0]]
			l.quoted = text[at[0]:]
		}
	}
	action := Failed
	if f.Delay.found("Subject: " + subject + "\n" + said) {
		action = Delayed
	}
	for _, item := range f.Items {
		if f.readItems(n, item, said, action); len(n.Recipients) > 0 {
			break
		}
	}
	if len(n.Recipients) == 1 && f.About && n.Recipients[0].RemoteMTA == "" {
		n.Recipients[0].RemoteMTA = hostIn(cut(said, mostSaid))
	}
	n.Form, n.Confidence = f.ID, f.Confidence
	if f.Kind == Complaint {
		n.Kind, n.Feedback.Type = Complaint, "abuse"
		return true
	}
	if len(n.Recipients) == 0 {
		f.fromHeader(l, n, said, action)
	}
	n.Kind = Failure
	if action == Delayed {
		n.Kind = Delay
	}
	if n.Original.Subject == "" && f.Original.Regexp != nil {
		if m := f.Original.FindStringSubmatchIndex(text); m != nil {
			s, _ := f.Original.group(text, m, "subject")
			n.Original.Subject = strings.TrimSpace(s)
		}
	}
	return true
}

// readItems reads recipients by one expression.
func (f *form) readItems(n *Notice, item pattern, text string, action Action) {
	matches := item.FindAllStringSubmatchIndex(text, mostRecipients)
	for i, m := range matches {
		to, _ := item.group(text, m, "to")
		p, ok := loosePath(to)
		if !ok || n.names(p) || f.From.Regexp != nil && n.sentTo(p) {
			continue
		}
		said, has := item.group(text, m, "said")
		if !has {
			end := len(text)
			if i+1 < len(matches) {
				end = matches[i+1][0]
			}
			said = f.reason(text, text[m[1]:end])
		}
		r := Recipient{Final: p, Action: action}
		r.hear(said)
		if f.About && r.Reply.Code == 0 && r.Status.Class == 0 {
			r.overhear(text)
		}
		if host, ok := item.group(text, m, "host"); ok {
			r.RemoteMTA = host
		}
		r.mean()
		n.Recipients = append(n.Recipients, r)
	}
}

// mean takes the status from words, where nothing else tells.
func (r *Recipient) mean() {
	if r.Reply.Code != 0 || r.Status.Class != 0 {
		return
	}
	for _, m := range known().Meaning {
		if m.Said.found(r.Diagnostic) {
			r.Status = smtp.EnhancedCode(m.Status)
			return
		}
	}
}

// reason is what is said of all recipients, or what stands behind one.
func (f *form) reason(text, behind string) string {
	if f.Reason.Regexp != nil {
		if m := f.Reason.FindStringSubmatchIndex(text); m != nil {
			said, _ := f.Reason.group(text, m, "said")
			return strings.Join(strings.Fields(said), " ")
		}
	}
	return behind
}

// fromHeader takes the recipients that Exim and Gmail name in the header.
func (f *form) fromHeader(l *incoming, n *Notice, said string, action Action) {
	for _, v := range l.root.Values("X-Failed-Recipients") {
		for addr := range strings.SplitSeq(cut(v, 16<<10), ",") {
			if p, ok := loosePath(addr); ok && !n.names(p) && len(n.Recipients) < mostRecipients {
				r := Recipient{Final: p, Action: action}
				r.overhear(said)
				n.Recipients = append(n.Recipients, r)
			}
		}
	}
	if len(n.Recipients) == 0 {
		n.Confidence /= 2 // it is a bounce, and nobody knows of what
	}
}

func (n *Notice) names(p mail.Path) bool {
	for i := range n.Recipients {
		if n.Recipients[i].Final == p {
			return true
		}
	}
	return false
}

func (n *Notice) sentTo(p mail.Path) bool {
	for _, q := range n.To {
		if q.Local == p.Local && sameDomain(q.Domain, p.Domain) {
			return true
		}
	}
	return false
}

// quotedOriginal reads the header of a mail that is quoted in the text, behind a line or two of something else.
func quotedOriginal(text string) Original {
	const most = 5
	text = cut(text, mostHeader)
	for range most {
		line, rest, _ := strings.Cut(text, "\n")
		if name, _, ok := strings.Cut(line, ":"); ok && token(name) == name && name != "" {
			break
		}
		text = rest
	}
	return originalOf(entity.Parse([]byte(text), entity.Limits{Depth: 1, Parts: 1}))
}
