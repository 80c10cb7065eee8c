package diagnose

import "github.com/parleymail/parley/smtp"

// A Diagnosis is what a failure means.
type Diagnosis struct {
	Kind Kind

	// Temporary reports whether the same mail may fare better later, unchanged. It is
	// what the sender should do, and not always the first digit of the code: some
	// servers say 5xx to those who come too fast, and 4xx to those who will never be let in.
	Temporary bool

	Cause Words // what it comes of
	Fix   Words // what to do about it

	// Confidence is from 0 to 1: at 0.9 and above the very words are known to come
	// from this cause; below 0.5 it is what the code alone means.
	Confidence float64

	Provider string     // the id of whose server it was, empty if not known: "qq"
	Stage    smtp.Stage // as given, or as the text told; 0 if not known
	Reply    smtp.Reply // what the server said, joined and decoded; zero if it said nothing
	Text     string     // what was judged, without what other programs put around it

	Evidence []Evidence // why: the best first
}

// An Evidence is one reason for a diagnosis.
type Evidence struct {
	Rule   string // the id of the rule in facts: "qq-001"; empty for what was known otherwise
	Words  string // those in the text that it went by
	Source string // where the rule is from
}

// A Kind is one of the kinds of failure, the same word in code, JSON, and docs:
// "auth-needs-app-password". The file facts/kinds.toml has them all.
type Kind string

// A Lang is a language that causes and fixes are told in.
type Lang uint8

const (
	English Lang = iota
	Chinese
)

// Words are the same sentence in each language.
type Words struct {
	En string `json:"en"`
	Zh string `json:"zh,omitempty"`
}

// In is the sentence in one language; in English, where there is no other.
func (w Words) In(l Lang) string {
	if l == Chinese && w.Zh != "" {
		return w.Zh
	}
	return w.En
}

// Page is the path of the page about a kind, from the root of the repository.
func (k Kind) Page() string { return "docs/failures/" + string(k) + ".md" }
