package fault

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// A Persona is a provider's real reply, to be met on purpose.
type Persona struct {
	Name     string        `json:"name" toml:"name"`                   // "gmail-no-app-password"
	Rule     string        `json:"rule" toml:"rule"`                   // of diagnose/facts, where its source stands
	Provider string        `json:"provider,omitempty" toml:"provider"` // its id there; empty for software that anybody may run
	Stage    string        `json:"stage" toml:"stage"`                 // where it is met
	Kind     diagnose.Kind `json:"kind" toml:"kind"`                   // what it is diagnosed as
	Reply    string        `json:"reply" toml:"reply"`                 // lines parted by LF
	Banner   string        `json:"banner,omitempty" toml:"banner"`     // what the provider greets with, so that a client knows whom it speaks with
	Title    string        `json:"title" toml:"title"`                 // one line, English
	TitleZh  string        `json:"title_zh" toml:"title_zh"`           // and Chinese
}

// At is the stage of a session where it is met.
func (p Persona) At() smtp.Stage { return stageOf(p.Stage) }

//go:embed personas.toml
var personasFile []byte

// personas are read once; a test reads them too, so that they are known to be good.
var personas = sync.OnceValue(func() []Persona {
	var file struct {
		Persona []Persona `toml:"persona"`
	}
	if err := toml.Unmarshal(personasFile, &file); err != nil {
		panic("fault: the personas in the binary: " + err.Error())
	}
	slices.SortFunc(file.Persona, func(a, b Persona) int { return strings.Compare(a.Name, b.Name) })
	return file.Persona
})

// Personas are all that are known, by name.
func Personas() []Persona { return slices.Clone(personas()) }

func personaNamed(name string) (Persona, bool) {
	all := personas()
	i, ok := slices.BinarySearchFunc(all, name, func(p Persona, name string) int { return strings.Compare(p.Name, name) })
	if !ok {
		return Persona{}, false
	}
	return all[i], true
}

// nearest is the persona whose name is most like one that nobody has: it shares the most pairs of letters. Where names begin
// with it, or with its first word, it is one of them.
func nearest(name string) string {
	name = strings.ToLower(name)
	best, most := "", -1.0
	among := personas()
	for _, begin := range []string{name, strings.SplitAfter(name, "-")[0]} {
		named := slices.DeleteFunc(slices.Clone(personas()), func(p Persona) bool { return !strings.HasPrefix(p.Name, begin) })
		if begin != "" && len(named) > 0 {
			among = named
			break
		}
	}
	for _, p := range among {
		shared := 0
		for i := 0; i+2 <= len(name); i++ {
			if strings.Contains(p.Name, name[i:i+2]) {
				shared++
			}
		}
		if score := float64(shared) / float64(len(name)+len(p.Name)); score > most {
			best, most = p.Name, score
		}
	}
	return best
}
