package alert

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestDocs: what docs/alert.md has of a file can be read, and it tells of each key.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/alert.md")
	if err != nil {
		t.Fatal(err)
	}
	_, file, _ := strings.Cut(string(page), "```toml\n")
	file, _, _ = strings.Cut(file, "```")
	f, err := parseFile([]byte(file), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Config.Hooks) != 2 || len(f.Config.Watches) != 6 || f.Config.Receivers[0].Escalate.After == 0 || len(f.Config.Receivers[0].Quiet) != 1 {
		t.Errorf("it was read as %+v", f.Config)
	}
	for _, doc := range []any{document{}, docReceiver{}, docQuiet{}, docHook{}, docWatch{}} {
		for field := range reflect.TypeOf(doc).Fields() {
			if key := field.Tag.Get("toml"); !strings.Contains(file, key) {
				t.Errorf("it does not tell of %s", key)
			}
		}
	}
	for _, wrong := range []string{"form = 'x'", "[[receiver]]\nname = 'x'\n", "from = 'a@example.com'\n[[receiver]]\nname='x'\nto=['not an address']", "from = 'a@example.com'\n[[receiver]]\nname='x'\nto=['b@example.com']\nquiet=[{from='25:00'}]", "stall = '5'"} {
		if _, err := parseFile([]byte(wrong), ""); err == nil {
			t.Errorf("%q is read", wrong)
		}
	}
}
