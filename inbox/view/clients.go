package view

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/parleymail/parley/diagnose"
)

// Clients says what mail clients will not show of a mail.
type Clients struct {
	Score    int       `json:"score"` // of a hundred clients, how many show all of it; a hundred without HTML
	Clients  []Client  `json:"clients"`
	Features []Feature `json:"features"` // that the mail uses and some client lacks, those that most lack first
}

// A Client is a mail client, and what it makes of the mail.
type Client struct {
	ID   string   `json:"id"`
	Name string   `json:"name"`
	No   []string `json:"no,omitempty"`   // IDs of features that it does not show
	Some []string `json:"some,omitempty"` // that it shows with exceptions
}

// A Feature is something of HTML or CSS that the mail uses.
type Feature struct {
	ID     string         `json:"id"`
	Title  diagnose.Words `json:"title"`
	Fix    diagnose.Words `json:"fix"`
	N      int            `json:"n"`              // how often it is used
	No     []string       `json:"no,omitempty"`   // IDs of clients
	Some   []string       `json:"some,omitempty"` // IDs of clients
	Sure   string         `json:"sure"`           // A, B or C: see data/README.md
	Source string         `json:"source,omitempty"`
}

// clientFacts is clients.toml.
type clientFacts struct {
	Client []struct {
		ID   string `toml:"id"`
		Name string `toml:"name"`
	} `toml:"client"`
	Feature []featureRow `toml:"feature"`
}

type featureRow struct {
	ID      string   `toml:"id"`
	Title   string   `toml:"title"`
	TitleZh string   `toml:"title_zh"`
	Match   []string `toml:"match"`
	No      []string `toml:"no"`
	Some    []string `toml:"some"`
	Fix     string   `toml:"fix"`
	FixZh   string   `toml:"fix_zh"`
	Sure    string   `toml:"sure"`
	Source  string   `toml:"source"`
}

var knownClients = sync.OnceValue(func() *clientFacts {
	facts := new(clientFacts)
	readFacts("data/clients.toml", facts)
	return facts
})

// wantedKeys are the matches that some row asks for: nothing else of a mail is counted, whatever is in it.
var wantedKeys = sync.OnceValue(func() map[string]struct{} {
	keys := make(map[string]struct{})
	for _, f := range knownClients().Feature {
		for _, m := range f.Match {
			keys[m] = struct{}{}
		}
	}
	return keys
})

func (v *View) makeClients() Clients {
	facts := knownClients()
	c := Clients{Score: 100}
	for _, k := range facts.Client {
		c.Clients = append(c.Clients, Client{ID: k.ID, Name: k.Name})
	}
	if v.letter().HTML == nil {
		return c
	}
	used := usedFeatures(v.source().Text, v.letter().HTML.Size(), v.root())
	for _, row := range facts.Feature {
		n := 0
		for _, m := range row.Match {
			n += used[m]
		}
		if n == 0 || len(row.No)+len(row.Some) == 0 {
			continue
		}
		c.Features = append(c.Features, Feature{ID: row.ID, Title: diagnose.Words{En: row.Title, Zh: row.TitleZh}, Fix: diagnose.Words{En: row.Fix, Zh: row.FixZh}, N: n, No: row.No, Some: row.Some,
			Sure: row.Sure, Source: row.Source})
	}
	slices.SortStableFunc(c.Features, func(a, b Feature) int {
		return cmp.Or(cmp.Compare(len(b.No), len(a.No)), cmp.Compare(len(b.Some), len(a.Some)))
	})
	c.judge()
	return c
}

// judge tells each client what it lacks.
func (c *Clients) judge() {
	all := 0
	for i := range c.Clients {
		k := &c.Clients[i]
		for _, f := range c.Features {
			if slices.Contains(f.No, k.ID) {
				k.No = append(k.No, f.ID)
			}
			if slices.Contains(f.Some, k.ID) {
				k.Some = append(k.Some, f.ID)
			}
		}
		if len(k.No) == 0 {
			all++
		}
	}
	if n := len(c.Clients); n > 0 {
		c.Score = all * 100 / n
	}
}

// In gives a feature's words: of a client's row, by its ID.
func (c Clients) In(id string) (Feature, bool) {
	i := slices.IndexFunc(c.Features, func(f Feature) bool { return strings.EqualFold(f.ID, id) })
	if i < 0 {
		return Feature{}, false
	}
	return c.Features[i], true
}
