package view

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources is the code of the package, without tests.
func sources(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		code, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(code)
	}
	return b.String()
}

// TestClientsAreWhole: the file holds what README.md says, and enough of it.
func TestClientsAreWhole(t *testing.T) {
	facts, code := knownClients(), sources(t)
	if len(facts.Feature) < 60 || len(facts.Client) < 14 {
		t.Errorf("%d features, %d clients", len(facts.Feature), len(facts.Client))
	}
	clients := make(map[string]bool)
	for _, c := range facts.Client {
		clients[c.ID] = true
		if c.Name == "" {
			t.Errorf("%s has no name", c.ID)
		}
	}
	forms := []string{"css:", "fn:", "unit:", "at:", "sel:", "el:", "attr:", "img:", "url:", "is:"}
	seen := make(map[string]bool)
	for _, f := range facts.Feature {
		if seen[f.ID] || f.Title == "" || f.TitleZh == "" || f.Fix == "" || !hasHan(f.FixZh) || len(f.Match) == 0 || !strings.Contains("ABC", f.Sure) || len(f.Sure) != 1 {
			t.Errorf("%+v", f)
		}
		seen[f.ID] = true
		if f.Sure == "A" && f.Source == "" && f.ID != "script" {
			t.Errorf("%s: sure, and no source", f.ID)
		}
		for _, c := range slices.Concat(f.No, f.Some) {
			if !clients[c] || slices.Contains(f.No, c) && slices.Contains(f.Some, c) {
				t.Errorf("%s: the client %s", f.ID, c)
			}
		}
		if len(f.No)+len(f.Some) == 0 {
			t.Errorf("%s: every client shows it", f.ID)
		}
		for _, m := range f.Match {
			if !slices.ContainsFunc(forms, func(form string) bool { return strings.HasPrefix(m, form) }) {
				t.Errorf("%s: the match %s", f.ID, m)
			}
			if is, ok := strings.CutPrefix(m, "is:"); ok && !strings.Contains(code, `"is:`+is+`"`) {
				t.Errorf("%s: nobody finds %s", f.ID, m)
			}
		}
	}
}

// TestEveryFeatureIsFound: an example of each, and nothing of a plain mail.
func TestEveryFeatureIsFound(t *testing.T) {
	examples := map[string]string{
		"is:background-attr": `<td background="x.png">`, "is:negative-margin": `<p style="margin:0 -4px">`, "is:important": `<p style="color:red!important">`, "is:attr-selector": `<style>a[href]{x:y}</style>`,
		"is:style-in-body": `<body><style>a{x:y}</style>`, "is:style-long": `<style>` + strings.Repeat("a{b:c}", 3000) + `</style>`, "is:no-html-size": strings.Repeat("<p>xxxxxxx</p>", 9000), "css:--": `<style>:root{--x:red}</style>`,
	}
	for _, f := range knownClients().Feature {
		for _, m := range f.Match {
			source := examples[m]
			if source == "" {
				source = exampleOf(m)
			}
			if m == "is:amp" {
				continue // asked of the parts, below
			}
			got := open("Content-Type: text/html\n\n<!doctype html>" + source).Clients()
			if _, ok := got.In(f.ID); !ok {
				t.Errorf("%s: %s is not found in %.100s: %+v", f.ID, m, source, got.Features)
			}
		}
	}
	amp := open("Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/x-amp-html\n\nx\n--b\nContent-Type: text/html\n\nx\n--b--\n").Clients()
	if _, ok := amp.In("amp"); !ok {
		t.Error("AMP is not found")
	}
	plain := open("Content-Type: text/html\n\n<!doctype html><html><body><table width=600><tr><td style=\"color:#333;font-size:14px;margin:0\"><p>x <a href=\"https://a.com/\">y</a></p><img src=\"https://a.com/a.png\" alt=a></table>").Clients()
	if plain.Score != 100 || len(plain.Features) > 0 {
		t.Errorf("of a plain mail: %d, %+v", plain.Score, plain.Features)
	}
	if text := open("\nx").Clients(); text.Score != 100 || len(text.Clients) < 14 {
		t.Errorf("of a text: %+v", text)
	}
	bad := open("Content-Type: text/html\n\n<script>x</script>").Clients()
	if bad.Score != 0 || len(bad.Clients[0].No) == 0 {
		t.Errorf("of a script: %+v", bad)
	}
	word := open("Content-Type: text/html\n\n<p style=\"border-radius:4px\">x").Clients()
	if word.Score != (len(word.Clients)-1)*100/len(word.Clients) {
		t.Errorf("what only Word lacks: %d", word.Score)
	}
}

// exampleOf makes HTML that a match fits.
func exampleOf(m string) string {
	form, what, _ := strings.Cut(m, ":")
	name, word, hasWord := strings.Cut(what, "=")
	switch form {
	case "css":
		if word == "url" {
			return `<p style="` + name + `:#eee url(https://a.com/a.png)">`
		}
		if hasWord {
			return `<p style="` + name + `:` + word + `">`
		}
		return `<style>p{` + name + `:1px}</style>`
	case "fn":
		return `<p style="width:` + what + `(1px)">`
	case "unit":
		return `<p style="width:1` + what + `">`
	case "at":
		return `<style>@` + name + ` x (` + word + `: y){a{b:c}}</style>`
	case "sel":
		if strings.HasPrefix(what, ":") {
			return `<style>p` + what + `{a:b}</style>`
		}
		return `<style>p ` + what + ` b{a:b}</style>`
	case "el":
		return `<` + what + `>`
	case "attr":
		element, key, _ := strings.Cut(what, ".")
		if element == "*" {
			element = "p"
		}
		key, value, _ := strings.Cut(key, "=")
		return `<` + element + ` ` + key + `="` + value + `">`
	case "img":
		if strings.Contains(what, "+") {
			return `<img src="data:image/` + what + `;base64,x">`
		}
		return `<img src="https://a.com/a.` + what + `?x">`
	case "url":
		return `<img src="` + what + `:image/png;base64,x">`
	}
	return ""
}
