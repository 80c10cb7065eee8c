package relay

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
)

// TestWords: each sentence has both languages, which want the same values.
func TestWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "words.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	verbs := regexp.MustCompile(`%[a-z]`)
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		lit, ok := node.(*ast.CompositeLit)
		if !ok {
			return true
		}
		n++
		var both []string
		for _, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				s, err := strconv.Unquote(kv.Value.(*ast.BasicLit).Value)
				if err != nil || s == "" {
					t.Errorf("%v is empty", kv.Key)
				}
				both = append(both, s)
			}
		}
		if len(both) != 2 || !slices.Equal(verbs.FindAllString(both[0], -1), verbs.FindAllString(both[1], -1)) {
			t.Errorf("%q do not want the same", both)
		}
		return true
	})
	if n < 30 {
		t.Errorf("there are only %d sentences", n)
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, address string
		want             bool
	}{
		{"*", "a@b.example", true},
		{"shop.example", "a@shop.example", true},
		{"shop.example", "a@mail.shop.example", false},
		{"*.shop.example", "a@mail.shop.example", true},
		{"*.shop.example", "a@shop.example", false},
		{"*@shop.example", "A@SHOP.example", true},
		{"*@shop.example", "a@notshop.example", false},
		{"shop-*@shop.example", "shop-7@shop.example", true},
		{"shop-*@shop.example", "7@shop.example", false},
		{"kim@shop.example", "kim@shop.example.evil.example", false},
		{"*@bücher.example", "a@xn--bcher-kva.example", true},
		{"*@xn--bcher-kva.example", "a@bücher.example", true},
		{"*@shop.example", "a@shop.example.", true},
	} {
		if err := checkPattern(c.pattern); err != nil {
			t.Error(err)
		}
		local, domain, _ := strings.Cut(c.address, "@")
		if got := newPatterns([]string{c.pattern}).match(mail.Path{Local: local, Domain: domain}); got != c.want {
			t.Errorf("%s fits %s: %v", c.pattern, c.address, got)
		}
	}
	for _, bad := range []string{"", "@", "a@", "@b", "a b", "a@b c", "a\n@b", "<a@b>", "a@b,c@d"} {
		if checkPattern(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
