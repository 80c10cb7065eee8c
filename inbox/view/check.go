package view

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/parleymail/parley/diagnose"
	"github.com/pelletier/go-toml/v2"
)

// A Severity says how much a finding matters.
type Severity string

const (
	Bad     Severity = "bad"     // it breaks a rule, or is refused somewhere
	Warning Severity = "warning" // some readers will not see what is meant
	Notice  Severity = "note"    // to be known
)

// A Finding is something that was found when a mail was looked over.
type Finding struct {
	ID       string         `json:"id"`
	Severity Severity       `json:"severity"`
	Title    diagnose.Words `json:"title"`
	Why      diagnose.Words `json:"why"`
	Fix      diagnose.Words `json:"fix"`
	Places   []string       `json:"places,omitempty"` // where: a field's name, an address, a line; the first ten
	N        int            `json:"n"`                // how many places there are
}

const (
	maxPlaces = 10
	maxPlace  = 200 // octets
)

//go:embed data/checks.toml data/clients.toml
var data embed.FS

// checkText is a row of checks.toml.
type checkText struct {
	Severity Severity `toml:"severity"`
	Title    string   `toml:"title"`
	TitleZh  string   `toml:"title_zh"`
	Why      string   `toml:"why"`
	WhyZh    string   `toml:"why_zh"`
	Fix      string   `toml:"fix"`
	FixZh    string   `toml:"fix_zh"`
}

var checkTexts = sync.OnceValue(func() map[string]checkText {
	texts := make(map[string]checkText)
	readFacts("data/checks.toml", &texts)
	return texts
})

// readFacts reads a file that is in the program. A test reads them first, so that it cannot fail here.
func readFacts(name string, to any) {
	b, err := fs.ReadFile(data, name)
	if err == nil {
		err = toml.NewDecoder(strings.NewReader(string(b))).DisallowUnknownFields().Decode(to)
	}
	if err != nil {
		panic(fmt.Sprintf("view: reading %s: %v", name, err))
	}
}

// WordsOf gives a finding's words by its ID, such as one of [Link].Doubts.
func WordsOf(id string) (Finding, bool) {
	t, ok := checkTexts()[id]
	return Finding{ID: id, Severity: t.Severity, Title: diagnose.Words{En: t.Title, Zh: t.TitleZh}, Why: diagnose.Words{En: t.Why, Zh: t.WhyZh}, Fix: diagnose.Words{En: t.Fix, Zh: t.FixZh}}, ok
}

// A checkup gathers findings. Those of one ID are one, with several places.
type checkup struct {
	v    *View
	list []*Finding
}

func (c *checkup) found(id, place string) { c.foundN(id, place, 1) }

// foundN is found for several places of which one is told.
func (c *checkup) foundN(id, place string, n int) {
	i := slices.IndexFunc(c.list, func(f *Finding) bool { return f.ID == id })
	if i < 0 {
		f, ok := WordsOf(id)
		if !ok {
			panic("view: no words for " + id)
		}
		c.list = append(c.list, &f)
		i = len(c.list) - 1
	}
	f := c.list[i]
	f.N += n
	if place = strings.ToValidUTF8(place[:min(len(place), maxPlace)], ""); place != "" && len(f.Places) < maxPlaces && !slices.Contains(f.Places, place) {
		f.Places = append(f.Places, place)
	}
}

func (v *View) makeChecks() []Finding {
	c := &checkup{v: v}
	c.header()
	c.addresses()
	c.bulk()
	c.octets()
	c.mime()
	c.texts()
	c.html()
	c.links()
	c.files()
	rank := map[Severity]int{Bad: 0, Warning: 1, Notice: 2}
	slices.SortStableFunc(c.list, func(a, b *Finding) int { return cmp.Compare(rank[a.Severity], rank[b.Severity]) })
	findings := make([]Finding, len(c.list))
	for i, f := range c.list {
		findings[i] = *f
	}
	return findings
}
