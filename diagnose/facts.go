package diagnose

import (
	"io"
	"slices"
	"sync"

	"github.com/parleymail/parley/smtp"
)

// Facts are what is known of kinds, providers and replies. They do not change once
// they are read, and are safe for use by several goroutines at once.
type Facts struct {
	kinds     map[Kind]*kindFact
	order     []Kind
	providers []*Provider
	rules     []*rule
	byID      map[string]*rule
	byTrust   []*rule
	marks     []mark
	index     index
}

// A kindFact is a row of facts/kinds.toml.
type kindFact struct {
	family    string
	temporary *bool // nil: the code tells
	meaning   Words
	fix       Words
}

// A Hint is what is known of a text besides the text. All of it may be left out.
type Hint struct {
	Provider string     // an id, "qq", or a host name
	Server   string     // host or host:port that was spoken to
	Stage    smtp.Stage // at which it failed
}

// Explain is what an error means: one of package smtp, or any other. Where it is
// one of Go's, it is judged by its type, and by its text only where the type says nothing.
func Explain(err error) Diagnosis { return Default().Explain(err, Hint{}) }

// Reply is what a server's reply means. The provider is the id of whose server it
// is, or a host name, or empty; stage 0 is not known. The text is the whole reply
// with its code, its lines parted by line breaks.
func Reply(provider string, stage smtp.Stage, text string) Diagnosis {
	return Default().Text(text, Hint{Provider: provider, Stage: stage})
}

// Text is what a text means that somebody pasted: a reply, an error message of any
// program, a line of a log, a bounce. No more than its first 64 KiB are read.
func Text(text string, h Hint) Diagnosis { return Default().Text(text, h) }

var defaults = sync.OnceValue(func() *Facts {
	f, err := readDir(embedded)
	if err != nil {
		panic("diagnose: the facts in the binary: " + err.Error()) // a test reads them
	}
	return f
})

// Default is the facts in the binary.
func Default() *Facts { return defaults() }

// Read gives facts with those of r, in the form of any file of the folder facts,
// put over them: a kind, provider or rule with an id that is known replaces it,
// another comes before the others of its group. The facts themselves stay as they were.
func (f *Facts) Read(r io.Reader) (*Facts, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	over, err := decode(data)
	if err != nil {
		return nil, err
	}
	return f.with(over)
}

// Provider finds one by its id, or by a host name, host:port, domain or mail
// address of its.
func (f *Facts) Provider(name string) (*Provider, bool) {
	p := f.provider(name)
	return p, p != nil
}

// Providers are all of them, in the order of the file.
func (f *Facts) Providers() []*Provider { return slices.Clone(f.providers) }

// Kinds are all of them, in the order of the file.
func (f *Facts) Kinds() []Kind { return slices.Clone(f.order) }

// Meaning says what a kind is, and what to do about it where no more is known.
// Both are empty for what is no kind.
func (f *Facts) Meaning(k Kind) (meaning, fix Words) {
	if fact := f.kinds[k]; fact != nil {
		return fact.meaning, fact.fix
	}
	return Words{}, Words{}
}

// A Known is a reply or an error of which it is known what it means.
type Known struct {
	Rule       string // its id
	Group      string // of rules that it is among: a provider, a mail server, "any"
	Kind       Kind
	Example    string
	Cause, Fix Words
	Source     string
}

// Known are the rules of a kind that have an example, in their order.
func (f *Facts) Known(k Kind) []Known {
	var list []Known
	for _, r := range f.rules {
		if r.kind == k && r.example != "" {
			cause, fix := f.words(r)
			list = append(list, Known{r.id, r.group, r.kind, r.example, cause, fix, r.source})
		}
	}
	return list
}

// Family is the group of kinds that a kind is among: "auth", "tls", "recipient".
func (f *Facts) Family(k Kind) string {
	if fact := f.kinds[k]; fact != nil {
		return fact.family
	}
	return ""
}
