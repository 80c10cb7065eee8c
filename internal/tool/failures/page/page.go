// Package page writes the pages of docs/failures.
package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parleymail/parley/diagnose"
)

// All are the pages by their paths, the contents among them.
func All(f *diagnose.Facts) map[string]string {
	pages := map[string]string{"docs/failures/README.md": contents(f)}
	for _, k := range f.Kinds() {
		pages[k.Page()] = page(f, k)
	}
	return pages
}

const generated = "<!-- Written by `make failures` from diagnose/facts: change it there. -->\n"

func contents(f *diagnose.Facts) string {
	var b strings.Builder
	b.WriteString(generated + "# Why mail does not go: the kinds of failure\n\n`parley explain TEXT` finds the kind of a pasted reply or error; each has a page.\n")
	family := ""
	for _, k := range f.Kinds() {
		if now := f.Family(k); now != family {
			family = now
			b.WriteString("\n## " + family + "\n\n| kind | meaning | 含义 |\n|---|---|---|\n")
		}
		meaning, _ := f.Meaning(k)
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s |\n", k, k, cell(meaning.En), cell(meaning.In(diagnose.Chinese)))
	}
	return b.String()
}

func page(f *diagnose.Facts, k diagnose.Kind) string {
	var b strings.Builder
	meaning, fix := f.Meaning(k)
	b.WriteString(generated + "# " + string(k) + "\n\n")
	fmt.Fprintf(&b, "%s\n\n**Fix:** %s\n\n%s\n\n**怎么办：**%s\n", meaning.En, fix.En, meaning.In(diagnose.Chinese), fix.In(diagnose.Chinese))
	known := f.Known(k)
	if len(known) == 0 {
		return b.String()
	}
	b.WriteString("\n## Seen\n")
	for _, one := range known {
		fmt.Fprintf(&b, "\n### %s\n\n```\n%s\n```\n\n", one.Rule, strings.ReplaceAll(one.Example, "```", "'''"))
		for _, l := range []struct {
			lang       diagnose.Lang
			cause, fix string
		}{{diagnose.English, "**Cause:** ", "**Fix:** "}, {diagnose.Chinese, "**原因：**", "**怎么办：**"}} {
			fmt.Fprintf(&b, "%s%s  \n%s%s\n\n", l.cause, one.Cause.In(l.lang), l.fix, one.Fix.In(l.lang))
		}
		fmt.Fprintf(&b, "<sub>%s</sub>\n", strings.Join(sources(one.Source), "; "))
	}
	return b.String()
}

// sources are those of a rule, each once.
func sources(s string) []string {
	var list []string
	for _, one := range strings.Split(s, ";") {
		if one = strings.TrimSpace(one); !slices.Contains(list, one) {
			list = append(list, one)
		}
	}
	return list
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
