package view

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/inbox/view/hostilemail"
)

// FuzzSafe: whatever the HTML, nothing is left that runs or loads.
func FuzzSafe(f *testing.F) {
	for _, source := range hostilemail.HTML() {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		safe := makeSafe(source, HTMLOptions{CID: showCID}, nil)
		if wrong := harmIn(t, string(safe.Document), false); len(wrong) > 0 {
			t.Fatalf("%q leaves %q: %v", source, safe.Document, wrong)
		}
	})
}

// FuzzStyle: whatever the style, it is read again as what was let through.
func FuzzStyle(f *testing.F) {
	for _, source := range hostilemail.HTML() {
		if _, css, ok := strings.Cut(source, "<style>"); ok {
			f.Add(strings.TrimSuffix(css, "</style><p>x</p>"))
		}
	}
	f.Fuzz(func(t *testing.T, css string) {
		var told Blocked
		for _, clean := range []string{cleanSheet(css, urlRules{}, &told), "p{" + cleanStyle(css, urlRules{}, &told) + "}"} {
			if wrong := harmInCSS(clean); len(wrong) > 0 || strings.Contains(clean, "<") {
				t.Fatalf("%q leaves %q: %v", css, clean, wrong)
			}
			if again := cleanSheet(clean, urlRules{}, &told); again != cleanSheet(again, urlRules{}, &told) {
				t.Fatalf("%q: %q is not settled: %q", css, clean, again)
			}
		}
	})
}

// FuzzView: every part of the view of anything.
func FuzzView(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(newsletter, "\n", "\r\n")))
	for _, content := range hostilemail.Broken() {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		v := Open(content, inbox.Message{ReversePath: "a@b.example", Recipients: []string{"kim@example.net"}}, Limits{HTML: 5000, Text: 5000, Links: 50})
		for _, c := range v.Checks() {
			if c.N < 1 || c.Title.Zh == "" || strings.ContainsFunc(strings.Join(c.Places, ""), func(r rune) bool { return !utf8.ValidRune(r) }) {
				t.Fatalf("%+v", c)
			}
		}
		for _, p := range v.Letter().Attachments {
			if _, err := p.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
		}
		_, _, _, _, _ = v.Codes(), v.Clients(), v.Structure(), v.Links(), v.HTML(HTMLOptions{CID: showCID})
		if !utf8.ValidString(v.Text().Text) {
			t.Fatalf("%q", v.Text().Text)
		}
	})
}
