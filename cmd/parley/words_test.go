package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// verbs are what fmt.Sprintf replaces.
var verbs = regexp.MustCompile(`%[dqsv]`)

// TestEveryTextHasBothLanguages walks all texts of the command, wherever they stand
// in its source.
func TestEveryTextHasBothLanguages(t *testing.T) {
	files := token.NewFileSet()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			lit, ok := node.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if name, ok := lit.Type.(*ast.Ident); ok && name.Name == "text" {
				checkText(t, files.Position(lit.Pos()).String(), lit)
				n++
			}
			return true
		})
	}
	if n < 150 {
		t.Errorf("only %d texts were found: the walk has lost its way", n)
	}
}

func checkText(t *testing.T, at string, lit *ast.CompositeLit) {
	if len(lit.Elts) != 2 {
		t.Errorf("%s: a text has %d languages", at, len(lit.Elts))
		return
	}
	var both [2]string
	for i, elt := range lit.Elts {
		s, ok := elt.(*ast.BasicLit)
		if !ok {
			t.Errorf("%s: a text is no plain string", at)
			return
		}
		var err error
		if both[i], err = strconv.Unquote(s.Value); err != nil || both[i] == "" {
			t.Errorf("%s: language %d is empty", at, i)
		}
	}
	en, zh := verbs.FindAllString(both[0], -1), verbs.FindAllString(both[1], -1)
	if strings.Join(en, " ") != strings.Join(zh, " ") {
		t.Errorf("%s: %q wants %v, and %q wants %v", at, both[0], en, both[1], zh)
	}
}

// TestEveryFlagIsTold holds the flags against what --help says of them.
func TestEveryFlagIsTold(t *testing.T) {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(sendFlags).define(set)
	told := map[string]bool{"lang": true, "help": true}
	for _, group := range sendWords {
		for _, word := range group.flags {
			told[word.name] = true
			if f := set.Lookup(word.name); f == nil {
				if word.name != "lang" && word.name != "help" {
					t.Errorf("--help tells of --%s, which there is not", word.name)
				}
			} else if (f.NoOptDefVal == "") != (word.value != "") {
				t.Errorf("--help has the value %q for --%s", word.value, word.name)
			}
		}
	}
	set.VisitAll(func(f *pflag.Flag) {
		if !told[f.Name] {
			t.Errorf("--help does not tell of --%s", f.Name)
		}
	})
}

func TestChooseLang(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  map[string]string
		want lang
	}{
		{nil, nil, english},
		{nil, map[string]string{"LANG": "zh_CN.UTF-8"}, chinese},
		{nil, map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, english},
		{nil, map[string]string{"LANG": "C", "LC_MESSAGES": "zh_TW"}, chinese},
		{[]string{"--lang", "zh"}, map[string]string{"LANG": "en_US"}, chinese},
		{[]string{"send", "--lang=en"}, map[string]string{"LANG": "zh_CN"}, english},
		{[]string{"--lang", "eo"}, map[string]string{"LANG": "zh_CN"}, chinese},
		{[]string{"--lang"}, nil, english},
	} {
		if got := chooseLang(c.args, func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v %v: %v", c.args, c.env, got)
		}
	}
}
