package diagnose_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// A line is a failure seen in public, and what it truly was.
type line struct {
	provider, phase, text string
	kind                  diagnose.Kind
	temporary             bool
	source                string
}

func readLines(t testing.TB, name string) []line {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var list []line
	for n, s := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
		if strings.HasPrefix(s, "#") {
			continue
		}
		c := strings.Split(s, "\t")
		if len(c) != 6 {
			t.Fatalf("%s:%d has %d columns", name, n+1, len(c))
		}
		list = append(list, line{c[0], c[1], strings.ReplaceAll(c[2], `\n`, "\n"), diagnose.Kind(c[3]), c[4] == "true", c[5]})
	}
	return list
}

// TestLinesSeen grades diagnose by lines that people pasted in public: seen.tsv while the rules were put in order,
// and kept.tsv, which was looked at only as a whole. It prints the score; what falls below
// the floor is a step back.
func TestLinesSeen(t *testing.T) {
	for _, set := range []struct {
		name           string
		kind, permance int // per cent
	}{{"testdata/seen.tsv", 87, 94}, {"testdata/kept.tsv", 65, 88}} {
		lines := readLines(t, set.name)
		kinds, permanence := 0, 0
		for _, l := range lines {
			if !slices.Contains(diagnose.Default().Kinds(), l.kind) {
				t.Errorf("%s: %q is no kind", set.name, l.kind)
			}
			d := grade(l)
			if d.Kind == l.kind {
				kinds++
			}
			if d.Temporary == l.temporary {
				permanence++
			}
			if testing.Verbose() && set.name == "testdata/seen.tsv" && (d.Kind != l.kind || d.Temporary != l.temporary) {
				t.Logf("%s %s %q: %s %v, not %s %v; by %v", l.provider, l.phase, l.text, d.Kind, d.Temporary, l.kind, l.temporary, d.Evidence)
			}
		}
		n := len(lines)
		t.Logf("%s: %d lines, kind %.1f %%, temporary or not %.1f %%", set.name, n, 100*float64(kinds)/float64(n), 100*float64(permanence)/float64(n))
		if kinds*100 < set.kind*n || permanence*100 < set.permance*n {
			t.Errorf("%s: below %d and %d %%", set.name, set.kind, set.permance)
		}
	}
}

func grade(l line) diagnose.Diagnosis {
	var stage smtp.Stage
	if stages, ok := diagnose.ParsePhase(l.phase); ok && len(stages) > 0 {
		stage = stages[0]
	}
	return diagnose.Text(l.text, diagnose.Hint{Provider: l.provider, Stage: stage})
}
