package route

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/parleymail/parley/diagnose"
)

//go:embed limits/*.toml replies/*.toml
var embedded embed.FS

// An accountFact is what a provider lets one of its accounts send.
type accountFact struct {
	Providers []string `toml:"providers"` // ids of package diagnose
	Limits
	Note   string `toml:"note"` // what the figures do not say
	Source string `toml:"source"`
	Sure   string `toml:"sure"` // as in package diagnose: A its own documents, B second-hand, C a guess on the safe side
}

// A siteFact is what those take who run a domain's MX hosts.
type siteFact struct {
	Name     string   `toml:"name"`
	MX       []string `toml:"mx"`       // patterns of hosts
	Provider string   `toml:"provider"` // whose replies theirs are; empty: nobody's that is known
	Apart    bool     `toml:"apart"`    // each set of hosts is a site of its own, and the limits are of each
	Limits
	Note   string `toml:"note"`
	Source string `toml:"source"`
	Sure   string `toml:"sure"`

	hosts globs
}

// limitFacts are all of them.
type limitFacts struct {
	Accounts []accountFact `toml:"account"`
	Sites    []siteFact    `toml:"site"`

	byProvider map[string]*accountFact
}

// knownFacts are read from the binary once.
var knownFacts = sync.OnceValue(func() *limitFacts {
	f, err := readLimits(embedded)
	if err != nil {
		panic("route: the limits in the binary: " + err.Error()) // a test reads them
	}
	return f
})

func readLimits(files fs.FS) (*limitFacts, error) {
	all := &limitFacts{byProvider: map[string]*accountFact{}}
	err := eachFile(files, "limits", func(text string) error {
		var one limitFacts
		if err := decode(text, &one); err != nil {
			return err
		}
		all.Accounts = append(all.Accounts, one.Accounts...)
		all.Sites = append(all.Sites, one.Sites...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range all.Accounts {
		a := &all.Accounts[i]
		for _, id := range a.Providers {
			if _, ok := diagnose.Default().Provider(id); !ok || all.byProvider[id] != nil {
				return nil, fmt.Errorf("provider %s is unknown, or stands twice", id)
			}
			all.byProvider[id] = a
		}
		if err := checkFact(strings.Join(a.Providers, ", "), a.Source, a.Sure, a.Limits); err != nil {
			return nil, err
		}
	}
	return all, all.readySites()
}

func (f *limitFacts) readySites() error {
	seen := map[string]bool{}
	for i := range f.Sites {
		s := &f.Sites[i]
		if s.Name == "" || seen[s.Name] || len(s.MX) == 0 || strings.ContainsFunc(s.Name, isNoName) {
			return fmt.Errorf("site %q has no name, a bad one or another's, or no hosts", s.Name)
		}
		if _, ok := diagnose.Default().Provider(s.Provider); s.Provider != "" && !ok {
			return fmt.Errorf("site %s: provider %s is unknown", s.Name, s.Provider)
		}
		seen[s.Name] = true
		s.hosts = newGlobs(s.MX)
		if err := checkFact(s.Name, s.Source, s.Sure, s.Limits); err != nil {
			return err
		}
	}
	return nil
}

func checkFact(name, source, sure string, l Limits) error {
	if name == "" || source == "" || !slices.Contains([]string{"A", "B", "C"}, sure) {
		return fmt.Errorf("%q has no name, no source, or is not sure A, B or C", name)
	}
	if min(l.Sessions, l.Mails, l.Recipients, l.PerMinute, l.PerHour, l.PerDay) < 0 {
		return fmt.Errorf("%s: a limit is below zero", name)
	}
	if l == (Limits{}) {
		return fmt.Errorf("%s has no limit: leave it out", name)
	}
	return nil
}

// eachFile gives the text of each file of a folder, in the order of their names.
func eachFile(files fs.FS, dir string, f func(text string) error) error {
	list, err := fs.ReadDir(files, dir)
	if err != nil {
		return err
	}
	for _, entry := range list {
		text, err := fs.ReadFile(files, path.Join(dir, entry.Name()))
		if err == nil {
			err = f(string(text))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", entry.Name(), err)
		}
	}
	return nil
}

// decode is strict: a key that is not known is a spelling mistake.
func decode(text string, to any) error {
	d := toml.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if missing, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		return errors.New(missing.String())
	}
	return err
}

// account is what is known of a provider's accounts.
func (f *limitFacts) account(provider string) Limits {
	if a := f.byProvider[provider]; a != nil {
		return a.Limits
	}
	return Limits{}
}

// siteOf names the site of a domain with these hosts. Hosts that are all of one provider are one site, however
// the domain lists them, for they are the same machines; others are a site by their set.
func (f *limitFacts) siteOf(hosts []exchange) string {
	if s := f.siteFact(hosts); s != nil && !s.Apart {
		return s.Name
	}
	return siteName(hosts)
}

func (f *limitFacts) siteFact(hosts []exchange) *siteFact {
	for i := range f.Sites {
		s := &f.Sites[i]
		if !slices.ContainsFunc(hosts, func(x exchange) bool { return !s.hosts.match(x.host) }) {
			return s
		}
	}
	return nil
}

// site finds what is known by a site's name, which another machine may have given. The name of a set ends
// as its hosts do.
func (f *limitFacts) site(name string) *siteFact {
	for i := range f.Sites {
		if s := &f.Sites[i]; s.Name == name || s.Apart && s.hosts.match(name) {
			return s
		}
	}
	return nil
}
