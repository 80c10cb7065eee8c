package diagnose

import (
	"io"

	"github.com/parleymail/parley/smtp"
)

// Facts are what is known of kinds, providers and replies. They are safe for use
// by several goroutines at once.
type Facts struct {
	kinds     map[Kind]*kindFact
	providers []*Provider
	rules     []*rule
}

// A Hint is what is known of a text besides the text.
type Hint struct {
	Provider string     // an id: "qq"; empty if not known
	Server   string     // host or host:port that was spoken to; empty if not known
	Stage    smtp.Stage // 0 if not known
}

// A Provider is what is known of somebody's servers for submission.
type Provider struct {
	ID       string
	Name     string
	Domains  []string // of its mail addresses, in lower case
	Hosts    []Host   // the first is the one to take
	Username Words
	Password Words // what the password must be: "authorization code (...)"
	Where    Words // where to make it
	Sender   Words // what From and reverse-path must be
	Limits   Words
	Notes    Words
	Size     string // in MB, as told: "about 50"
	Auth     string // mechanisms, as told
	Source   string
	Sure     string // A, B or C: see facts/README.md
	Groups   []string
}

// A Host is a server for submission, with its ports.
type Host struct {
	Name  string // may hold a word in capitals to be filled in: email-smtp.REGION.amazonaws.com
	Ports []Port
}

// A Port is one that a provider takes submissions on.
type Port struct {
	Number   int
	Implicit bool // TLS from the first octet
	STARTTLS bool // may be true together with Implicit: sources differ
}

// Explain is what an error means: one of package smtp, or any other.
func Explain(err error) Diagnosis { return Default().Explain(err, Hint{}) }

// Reply is what a server's reply means. The provider is the id of whose server it is, or a host
// name, or empty; stage 0 is not known. The text is the whole reply, with its code; several lines
// are parted by line breaks.
func Reply(provider string, stage smtp.Stage, text string) Diagnosis {
	return Default().Text(text, Hint{Provider: provider, Stage: stage})
}

// Text is what a text means that somebody pasted: a reply, an error message of any
// program, a line of a log, a bounce.
func Text(text string, h Hint) Diagnosis { return Default().Text(text, h) }

// Default is the facts in the binary.
func Default() *Facts { panic("to come") }

// Read gives facts with those of r put over them: a kind, provider or rule of an
// id that is known replaces it, any other is added before the others.
func (f *Facts) Read(r io.Reader) (*Facts, error) { panic("to come") }

// Explain is [Explain] by these facts.
func (f *Facts) Explain(err error, h Hint) Diagnosis { panic("to come") }

// Text is [Text] by these facts.
func (f *Facts) Text(text string, h Hint) Diagnosis { panic("to come") }

// Provider finds one by its id, a host name, host:port, domain or mail address.
func (f *Facts) Provider(name string) (*Provider, bool) { panic("to come") }

// Providers are all of them, in the order of the file.
func (f *Facts) Providers() []*Provider { panic("to come") }

type kindFact struct{}
type rule struct{}

// Page is the path of the page about a kind, from the root of the repository.
func (k Kind) Page() string { return "docs/failures/" + string(k) + ".md" }
