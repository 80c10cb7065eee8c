package route

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// A place is what a lane leads to.
type place string

const (
	account   place = "account" // a server of the table, at which we are somebody
	mailHosts place = "mx"      // a domain's hosts, to which we are an address
)

// A replyFact is what a reply means for all mail of a lane. What is empty fits anything.
type replyFact struct {
	ID        string   `toml:"id"`
	Providers []string `toml:"providers"` // ids, or groups of rules, of package diagnose
	Place     place    `toml:"place"`
	Stages    []string `toml:"stages"`
	Code      string   `toml:"code"`     // "550", "4xx", "421|451"
	Enhanced  string   `toml:"enhanced"` // "4.7.0|4.7.1"
	Text      string   `toml:"text"`     // a regular expression, for text in lower case
	Kinds     []string `toml:"kinds"`    // of package diagnose

	Suspend []string `toml:"suspend"` // how long nothing is sent: after the first time, the second in a row...
	Slow    string   `toml:"slow"`    // for how long after that it goes slowly
	Rate    int      `toml:"rate"`    // recipients a minute
	Nothing bool     `toml:"nothing"` // it says nothing of the lane

	Example string `toml:"example"`
	Note    string `toml:"note"`
	Source  string `toml:"source"`
	Sure    string `toml:"sure"`

	stages   []smtp.Stage
	codes    []int // 550; 4 for 4xx
	enhanced []string
	text     *regexp.Regexp
	suspend  []time.Duration
	slow     time.Duration
}

type replyFile struct {
	Replies []replyFact `toml:"reply"`
}

// knownReplies are read from the binary once: those of providers, those in anybody's words, those by kind. The first that fits counts.
var knownReplies = sync.OnceValue(func() []*replyFact {
	list, err := readReplies(embedded)
	if err != nil {
		panic("route: the replies in the binary: " + err.Error()) // a test reads them
	}
	return list
})

func readReplies(files fs.FS) (list []*replyFact, err error) {
	ids := map[string]bool{}
	err = eachFile(files, "replies", func(text string) error {
		var one replyFile
		if err := decode(text, &one); err != nil {
			return err
		}
		for i := range one.Replies {
			f := &one.Replies[i]
			if err := f.ready(); err != nil {
				return fmt.Errorf("%s: %w", f.ID, err)
			}
			if f.ID == "" || ids[f.ID] {
				return fmt.Errorf("the id %q is empty, or another's", f.ID)
			}
			ids[f.ID] = true
			list = append(list, f)
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b *replyFact) int { return a.tier() - b.tier() })
	return list, err
}

// tier is how much a fact knows: who said it, what was said, or the kind alone.
func (f *replyFact) tier() int {
	switch {
	case len(f.Providers) > 0:
		return 0
	case f.Text != "":
		return 1
	case len(f.Kinds) > 0:
		return 2
	}
	return 3
}

func (f *replyFact) ready() (err error) {
	for _, name := range f.Stages {
		stage, ok := stageOf(name)
		if !ok {
			return fmt.Errorf("there is no stage %q", name)
		}
		f.stages = append(f.stages, stage)
	}
	if f.codes, err = readCodes(f.Code); err != nil {
		return err
	}
	if f.Enhanced != "" {
		f.enhanced = strings.Split(f.Enhanced, "|")
	}
	if f.Text != "" {
		if f.text, err = regexp.Compile(f.Text); err != nil {
			return err
		}
	}
	for _, s := range f.Suspend {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q is no time such as 15m", s)
		}
		f.suspend = append(f.suspend, d)
	}
	if f.Slow != "" {
		if f.slow, err = time.ParseDuration(f.Slow); err != nil {
			return err
		}
	}
	return f.lookThrough()
}

// lookThrough finds facts that mean nothing, or that nobody could check.
func (f *replyFact) lookThrough() error {
	known := diagnose.Default().Kinds()
	for _, k := range f.Kinds {
		if !slices.Contains(known, diagnose.Kind(k)) {
			return fmt.Errorf("there is no kind %q", k)
		}
	}
	switch {
	case (f.slow > 0) != (f.Rate > 0):
		return fmt.Errorf("slow and rate go together")
	case f.Nothing == (len(f.suspend) > 0 || f.slow > 0):
		return fmt.Errorf("it must have suspend or slow, or nothing, and not both")
	case f.Source == "" || f.Sure != "A" && f.Sure != "B" && f.Sure != "C":
		return fmt.Errorf("it has no source, or is not sure A, B or C")
	case f.Place != "" && f.Place != account && f.Place != mailHosts:
		return fmt.Errorf("there is no place %q", f.Place)
	case f.Example == "":
		return fmt.Errorf("it has no example")
	case !slices.IsSorted(f.suspend):
		return fmt.Errorf("its times do not grow")
	}
	return nil
}

func stageOf(name string) (smtp.Stage, bool) {
	for s := smtp.StageDial; s.String() != "none"; s++ {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

func readCodes(text string) (codes []int, err error) {
	if text == "" {
		return nil, nil
	}
	for c := range strings.SplitSeq(text, "|") {
		n, err := strconv.Atoi(strings.TrimSuffix(c, "xx"))
		if err != nil || n > 599 || len(c) != 3 {
			return nil, fmt.Errorf("%q is no code", c)
		}
		codes = append(codes, n)
	}
	return codes, nil
}

// fits reports whether the fact is about an error in a lane to place, of one that bears these names.
func (f *replyFact) fits(e *smtp.Error, at place, names []string, text string, kind diagnose.Kind) bool {
	code := e.Reply.Code
	switch {
	case f.Place != "" && f.Place != at:
	case len(f.Providers) > 0 && !slices.ContainsFunc(f.Providers, func(p string) bool { return slices.Contains(names, p) }):
	case len(f.stages) > 0 && !slices.Contains(f.stages, e.Stage):
	case len(f.codes) > 0 && !slices.Contains(f.codes, code) && !slices.Contains(f.codes, code/100):
	case len(f.enhanced) > 0 && !slices.Contains(f.enhanced, e.Reply.Enhanced.String()):
	case len(f.Kinds) > 0 && !slices.Contains(f.Kinds, string(kind)):
	case f.text != nil && !f.text.MatchString(text):
	default:
		return true
	}
	return false
}
