package pages

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/parleymail/parley/outbox"
)

// TestEveryQueueWord: each has both languages, is none of the other pages', and somebody asks for it.
func TestEveryQueueWord(t *testing.T) {
	half := regexp.MustCompile(`\p{Han}[,;:?!]|\p{Han}\.( |$)|[,;?!]\p{Han}`)
	var all strings.Builder
	entries, err := files.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := files.ReadFile("templates/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	names, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range names {
		if name := e.Name(); strings.HasPrefix(name, "queue") && strings.HasSuffix(name, ".go") && name != "queue_words.go" && !strings.HasSuffix(name, "_test.go") {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
	}
	made := regexp.MustCompile(`^(state|state-is|class|what|do|rate|reason|tab|queue-did)-`)
	for name, w := range queueWords {
		if w.En == "" || w.Zh == "" || half.MatchString(w.Zh) || strings.Count(w.En, "%") != strings.Count(w.Zh, "%") {
			t.Errorf("%s: %+v", name, w)
		}
		if _, both := words[name]; both {
			t.Errorf("%s is a word of all pages", name)
		}
		if !made.MatchString(name) && !strings.Contains(all.String(), `"`+name+`"`) {
			t.Errorf("nobody asks for %q", name)
		}
	}
}

// TestEveryStateHasItsWords: and each thing that happens, and class.
func TestEveryStateHasItsWords(t *testing.T) {
	wanted := []string{}
	for s := outbox.Queued; s <= outbox.Cancelled; s++ {
		wanted = append(wanted, "state-"+s.String(), "state-is-"+s.String())
	}
	for w := outbox.WasPut; w <= outbox.WasWarned; w++ {
		wanted = append(wanted, "what-"+w.String())
	}
	for _, c := range []outbox.Class{outbox.Normal, outbox.Alert, outbox.Bulk} {
		wanted = append(wanted, "class-"+c.String())
	}
	for _, s := range series {
		wanted = append(wanted, "rate-"+s.name)
	}
	for _, r := range reasons {
		wanted = append(wanted, "reason-"+r)
	}
	for _, tab := range queueTabs {
		wanted = append(wanted, "tab-"+tab)
	}
	for _, name := range wanted {
		if _, ok := wordOf(name); !ok {
			t.Errorf("there is no word %s", name)
		}
	}
	if len(states) != int(outbox.Cancelled)+1 {
		t.Errorf("%d states are shown", len(states))
	}
}

// TestDeferredIsOneWord: a state, what happened and its rate are one word in Chinese.
func TestDeferredIsOneWord(t *testing.T) {
	for _, name := range []string{"what-deferred", "rate-deferred"} {
		if queueWords[name].Zh != queueWords["state-deferred"].Zh {
			t.Errorf("%s is %s", name, queueWords[name].Zh)
		}
	}
}
