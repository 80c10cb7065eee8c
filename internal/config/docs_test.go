package config

import (
	"os"
	"strings"
	"testing"
)

// TestDocs: the examples of docs/config.md are files, and every key stands there.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	n := 0
	for rest := page; ; n++ {
		_, after, ok := strings.Cut(rest, "```toml\n")
		if !ok {
			break
		}
		text, after, _ := strings.Cut(after, "```")
		if f, err := Parse("docs/config.md", []byte(text)); err != nil || len(f.Warnings) > 0 {
			t.Errorf("%v %v\n%s", err, f, text)
		}
		rest = after
	}
	if n < 2 {
		t.Errorf("only %d examples were found", n)
	}
	for _, key := range serverKeys() {
		if !strings.Contains(page, "`"+key+"`") {
			t.Errorf("docs/config.md does not tell of %s", key)
		}
	}
}
