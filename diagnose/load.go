package diagnose

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/parleymail/parley/smtp"
)

//go:embed facts/*.toml facts/rules/*.toml
var embedded embed.FS

// A file is one of the folder facts. Each table may stand in any.
type file struct {
	Group     string          `toml:"group"` // of its rules
	Sort      string          `toml:"sort"`
	Date      string          `toml:"date"` // when they were last looked through, for people
	Kinds     []kindTable     `toml:"kind"`
	Providers []providerTable `toml:"provider"`
	Rules     []ruleTable     `toml:"rule"`
}

type kindTable struct {
	Name      string `toml:"name"`
	Family    string `toml:"family"`
	Temporary *bool  `toml:"temporary"`
	Retry     string `toml:"retry"` // for people
	Meaning   string `toml:"meaning"`
	MeaningZh string `toml:"meaning_zh"`
	Fix       string `toml:"fix"`
	FixZh     string `toml:"fix_zh"`
}

type ruleTable struct {
	ID        string `toml:"id"`
	Group     string `toml:"group"` // where it is not its file's
	Phase     string `toml:"phase"`
	Strict    bool   `toml:"strict"` // at that phase alone
	Code      string `toml:"code"`
	Enhanced  string `toml:"enhanced"`
	Bound     bool   `toml:"bound"` // a reply without an enhanced code does not fit
	Text      string `toml:"text"`
	Error     string `toml:"error"`
	Kind      string `toml:"kind"`
	Temporary *bool  `toml:"temporary"`
	Cause     string `toml:"cause"`
	CauseZh   string `toml:"cause_zh"`
	Fix       string `toml:"fix"`
	FixZh     string `toml:"fix_zh"`
	Example   string `toml:"example"`
	Source    string `toml:"source"`
	Sure      string `toml:"sure"`
}

type providerTable struct {
	ID          string      `toml:"id"`
	Name        string      `toml:"name"`
	Domains     []string    `toml:"domains"`
	Hosts       []string    `toml:"hosts"`
	HostsAsTold string      `toml:"hosts_as_told"`
	Ports       []portTable `toml:"ports"`
	PortsAsTold string      `toml:"ports_as_told"`
	Auth        string      `toml:"auth"`
	Username    string      `toml:"username"`
	UsernameZh  string      `toml:"username_zh"`
	Password    string      `toml:"password"`
	PasswordZh  string      `toml:"password_zh"`
	Sender      string      `toml:"sender"`
	SenderZh    string      `toml:"sender_zh"`
	Limits      string      `toml:"limits"`
	LimitsZh    string      `toml:"limits_zh"`
	Size        string      `toml:"size_mb"`
	Where       string      `toml:"where"`
	WhereZh     string      `toml:"where_zh"`
	Notes       string      `toml:"notes"`
	NotesZh     string      `toml:"notes_zh"`
	Marks       []string    `toml:"marks"`
	Groups      []string    `toml:"groups"`
	Source      string      `toml:"source"`
	Sure        string      `toml:"sure"`
}

type portTable struct {
	Port int      `toml:"port"`
	TLS  []string `toml:"tls"`
}

// A sort is what a group of rules is about, and so how far it is trusted.
type sort uint8

const (
	provider     sort = iota // replies of one provider
	software                 // replies of a mail server, wherever it runs
	list                     // replies that name a block list or a filter
	generic                  // wording and codes that any server may use
	local                    // errors made on this machine, in the words of one program
	localGeneric             // the same, in anybody's words
)

var sorts = map[string]sort{"provider": provider, "software": software, "list": list, "generic": generic, "local": local, "local-generic": localGeneric}

// A rule tells what a text means that fits all that the rule names.
type rule struct {
	id       string
	group    string
	sort     sort
	strict   bool // at its stages alone
	bound    bool // not without an enhanced code
	at       int  // its place among all of them
	stages   []smtp.Stage
	codes    []int // 535; 4 for 4xx
	enhanced []enhancedRange
	wanted   [][][]string          // pieces of text: see index
	regexp   func() *regexp.Regexp // for text in lower case; nil where there is no pattern
	error    string                // a condition of conditions.go, for errors that are known by their type

	kind       Kind
	temporary  *bool
	cause, fix Words
	example    string
	source     string
	sure       byte
}

// decode reads one file, strictly: a key that is not known is a spelling mistake.
func decode(data []byte) (*file, error) {
	var f file
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		if missing, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(missing.Errors) > 0 {
			row, column := missing.Errors[0].Position()
			return nil, fmt.Errorf("line %d, column %d: unknown key %s", row, column, strings.Join(missing.Errors[0].Key(), "."))
		}
		if at, ok := errors.AsType[*toml.DecodeError](err); ok {
			row, column := at.Position()
			return nil, fmt.Errorf("line %d, column %d: %w", row, column, err)
		}
		return nil, err
	}
	return &f, nil
}

// readDir reads all files of a folder, in the order of their names.
func readDir(dir fs.FS) (*Facts, error) {
	f := &Facts{kinds: map[Kind]*kindFact{}, byID: map[string]*rule{}}
	for _, form := range []string{"facts/*.toml", "facts/rules/*.toml"} {
		names, err := fs.Glob(dir, form)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			data, err := fs.ReadFile(dir, name)
			if err != nil {
				return nil, err
			}
			one, err := decode(data)
			if err == nil {
				err = f.add(one)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path.Base(name), err)
			}
		}
	}
	f.prepare()
	return f, nil
}

// with is a copy of the facts with a file put over it.
func (f *Facts) with(over *file) (*Facts, error) {
	n := &Facts{
		kinds:     maps.Clone(f.kinds),
		order:     slices.Clone(f.order),
		providers: slices.Clone(f.providers),
		rules:     slices.Clone(f.rules),
		byID:      maps.Clone(f.byID),
	}
	before := len(n.rules)
	if err := n.add(over); err != nil {
		return nil, err
	}
	// What is new comes first, so that it is heard before what was known.
	n.rules = slices.Concat(n.rules[before:], n.rules[:before])
	n.prepare()
	return n, nil
}

func (f *Facts) add(one *file) error {
	for i := range one.Kinds {
		t := &one.Kinds[i]
		if t.Name == "" || t.Meaning == "" || t.Fix == "" {
			return fmt.Errorf("kind %q wants a name, a meaning and a fix", t.Name)
		}
		k := Kind(t.Name)
		if f.kinds[k] == nil {
			f.order = append(f.order, k)
		}
		f.kinds[k] = &kindFact{t.Family, t.Temporary, Words{t.Meaning, t.MeaningZh}, Words{t.Fix, t.FixZh}}
	}
	for i := range one.Providers {
		p, err := one.Providers[i].provider()
		if err != nil {
			return fmt.Errorf("provider %q: %w", one.Providers[i].ID, err)
		}
		if at := slices.IndexFunc(f.providers, func(q *Provider) bool { return q.ID == p.ID }); at >= 0 {
			f.providers[at] = p
		} else {
			f.providers = append(f.providers, p)
		}
	}
	for i := range one.Rules {
		if err := f.addRule(one, &one.Rules[i]); err != nil {
			return fmt.Errorf("rule %q: %w", one.Rules[i].ID, err)
		}
	}
	return nil
}

func (f *Facts) addRule(one *file, t *ruleTable) error {
	r, err := t.rule()
	if err != nil {
		return err
	}
	known := f.byID[r.id]
	if r.group == "" {
		r.group = one.Group
	}
	switch s, ok := sorts[one.Sort]; {
	case ok:
		r.sort = s
	case known != nil:
		r.sort = known.sort
	default:
		return fmt.Errorf("its file's sort is %q, which is none of provider, software, list, generic, local, local-generic", one.Sort)
	}
	if known != nil {
		if r.group == "" {
			r.group = known.group
		}
		f.rules[slices.Index(f.rules, known)] = r
	} else {
		f.rules = append(f.rules, r)
	}
	f.byID[r.id] = r
	return nil
}

func (t *ruleTable) rule() (*rule, error) {
	r := &rule{
		id: t.ID, group: t.Group, strict: t.Strict, bound: t.Bound, error: t.Error, kind: Kind(t.Kind), temporary: t.Temporary,
		cause: Words{t.Cause, t.CauseZh}, fix: Words{t.Fix, t.FixZh}, example: t.Example, source: t.Source, sure: 'C',
	}
	if t.ID == "" || t.Kind == "" {
		return nil, errors.New("it wants an id and a kind")
	}
	if t.Sure != "" {
		r.sure = t.Sure[0]
	}
	if t.Phase != "" {
		stages, ok := ParsePhase(t.Phase)
		if !ok {
			return nil, fmt.Errorf("phase %q is none", t.Phase)
		}
		r.stages = stages
	}
	if t.Code != "" {
		for _, code := range strings.Split(t.Code, "|") {
			n, err := strconv.Atoi(strings.TrimSuffix(code, "xx"))
			if err != nil || n < 2 || n > 599 || n > 5 && n < 200 {
				return nil, fmt.Errorf("code %q is no reply code", code)
			}
			r.codes = append(r.codes, n)
		}
	}
	if t.Enhanced != "" {
		for _, s := range strings.Split(t.Enhanced, "|") {
			e, err := parseEnhancedRange(s)
			if err != nil {
				return nil, err
			}
			r.enhanced = append(r.enhanced, e)
		}
	}
	if t.Error != "" && conditions[t.Error] == nil {
		return nil, fmt.Errorf("error = %q is no condition", t.Error)
	}
	if t.Text != "" {
		parsed, err := parse(t.Text)
		if err != nil {
			return nil, fmt.Errorf("text: %w", err)
		}
		r.wanted = alternatives(parsed)
		// Compiled when it is first wanted: a program explains one error, not all.
		r.regexp = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(parsed.String()) })
	}
	return r, nil
}

// prepare makes what is looked up in.
func (f *Facts) prepare() {
	for i, r := range f.rules {
		// A rule may stand in several facts, at another place in each.
		if r.at != i {
			c := *r
			c.at = i
			f.rules[i] = &c
			f.byID[c.id] = &c
		}
	}
	f.marks = nil
	for _, p := range f.providers {
		for _, m := range p.marks {
			f.marks = append(f.marks, mark{m, p})
		}
		for _, h := range p.Hosts {
			f.marks = append(f.marks, mark{h.Name, p})
		}
	}
	// The longest first: smtp.exmail.qq.com is more than qq.com.
	slices.SortStableFunc(f.marks, func(a, b mark) int { return len(b.text) - len(a.text) })
	f.index = indexOf(f.rules)
	// Generic rules have the widest expressions: they are asked last, and often not at all.
	f.byTrust = slices.Clone(f.rules)
	slices.SortStableFunc(f.byTrust, func(a, b *rule) int { return a.cost() - b.cost() })
}

func (t *providerTable) provider() (*Provider, error) {
	if t.ID == "" || t.Name == "" {
		return nil, errors.New("it wants an id and a name")
	}
	p := &Provider{
		ID: t.ID, Name: t.Name, Domains: t.Domains, Auth: t.Auth, Size: t.Size, Source: t.Source, Sure: t.Sure, Groups: t.Groups, marks: t.Marks,
		Username: Words{t.Username, t.UsernameZh}, Password: Words{t.Password, t.PasswordZh}, Where: Words{t.Where, t.WhereZh},
		Sender: Words{t.Sender, t.SenderZh}, Limits: Words{t.Limits, t.LimitsZh}, Notes: Words{t.Notes, t.NotesZh},
	}
	var ports []Port
	for _, one := range t.Ports {
		port := Port{Number: one.Port}
		for _, mode := range one.TLS {
			switch mode {
			case "implicit":
				port.Implicit = true
			case "starttls":
				port.STARTTLS = true
			case "none":
				port.Plain = true
			default:
				return nil, fmt.Errorf("tls = %q is none of implicit, starttls, none", mode)
			}
		}
		ports = append(ports, port)
	}
	for _, name := range t.Hosts {
		p.Hosts = append(p.Hosts, Host{name, ports})
	}
	return p, nil
}

// An enhancedRange is what a rule says of enhanced codes: "5.7.1", "X.7.1" for
// both 4 and 5, "5.7.606-5.7.649".
type enhancedRange struct {
	class, subject, from, to int // class 0 is any
}

func parseEnhancedRange(s string) (enhancedRange, error) {
	first, last, _ := strings.Cut(s, "-")
	e, err := parseEnhanced(strings.Replace(first, "X.", "0.", 1))
	if err != nil {
		return enhancedRange{}, err
	}
	r := enhancedRange{e.Class, e.Subject, e.Detail, e.Detail}
	if last != "" {
		to, err := parseEnhanced(last)
		if err != nil {
			return enhancedRange{}, err
		}
		r.to = to.Detail
	}
	return r, nil
}

func parseEnhanced(s string) (smtp.EnhancedCode, error) {
	var n [3]int
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return smtp.EnhancedCode{}, fmt.Errorf("%q is no enhanced status code", s)
	}
	for i, part := range parts {
		var err error
		if n[i], err = strconv.Atoi(part); err != nil {
			return smtp.EnhancedCode{}, fmt.Errorf("%q is no enhanced status code", s)
		}
	}
	return smtp.EnhancedCode{Class: n[0], Subject: n[1], Detail: n[2]}, nil
}

func (r enhancedRange) has(e smtp.EnhancedCode) bool {
	return (r.class == 0 || r.class == e.Class) && r.subject == e.Subject && r.from <= e.Detail && e.Detail <= r.to
}
