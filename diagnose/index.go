package diagnose

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
)

// An index tells which rules a text may fit, without running eight hundred regular
// expressions over it: each of them wants certain pieces of text, and to look for a
// piece costs a thousandth of what the expression does.
type index struct {
	pieces []string
	grams  []uint16   // of each piece: where its first three octets stand in a text's grams
	wanted [][]wanted // for each rule, its alternatives; nil where nothing can be told
}

// wanted is one alternative of an expression: of each of its groups of pieces one must be
// there.
type wanted [][]int

func indexOf(rules []*rule) index {
	var x index
	x.wanted = make([][]wanted, len(rules))
	number := map[string]int{}
	for i, r := range rules {
		for _, alternative := range r.wanted {
			var w wanted
			for _, group := range alternative {
				var numbers []int
				for _, piece := range group {
					n, ok := number[piece]
					if !ok {
						n = len(x.pieces)
						number[piece] = n
						x.pieces = append(x.pieces, piece)
						x.grams = append(x.grams, gram(piece))
					}
					numbers = append(numbers, n)
				}
				w = append(w, numbers)
			}
			x.wanted[i] = append(x.wanted[i], w)
		}
	}
	return x
}

// gram is a number for the first three octets of a text. Different ones may share it.
func gram(s string) uint16 {
	if len(s) < 3 {
		return 0 // which every text has
	}
	return uint16((uint32(s[0])*961 + uint32(s[1])*31 + uint32(s[2])) % 16384)
}

// A present says which pieces a text has. They are looked for when a rule asks.
type present struct {
	x     *index
	lower string
	grams [16384 / 64]uint64
	known []int8 // of each piece: 1 it is there, -1 it is not, 0 nobody asked
}

func (x *index) in(lower string) *present {
	p := &present{x: x, lower: lower, known: make([]int8, len(x.pieces))}
	p.grams[0] |= 1
	for i := 0; i+3 <= len(lower); i++ {
		g := gram(lower[i : i+3])
		p.grams[g/64] |= 1 << (g % 64)
	}
	return p
}

func (p *present) has(n int) bool {
	if p.known[n] == 0 {
		p.known[n] = -1
		g := p.x.grams[n]
		if p.grams[g/64]&(1<<(g%64)) != 0 && strings.Contains(p.lower, p.x.pieces[n]) {
			p.known[n] = 1
		}
	}
	return p.known[n] > 0
}

// fits reports whether the rule at a place may fit.
func (p *present) fits(at int) bool {
	alternatives := p.x.wanted[at]
	for _, groups := range alternatives {
		if p.hasAll(groups) {
			return true
		}
	}
	return alternatives == nil
}

func (p *present) hasAll(groups wanted) bool {
	for _, group := range groups {
		found := false
		for _, n := range group {
			if found = p.has(n); found {
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// parse reads a rule's expression as one for text in lower case: so it compares octets,
// which costs less than comparing letters of any case.
func parse(expression string) (*syntax.Regexp, error) {
	re, err := syntax.Parse("(?is)"+expression, syntax.Perl)
	if err != nil {
		return nil, err
	}
	lowered(re)
	return re, nil
}

func lowered(re *syntax.Regexp) {
	if re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase != 0 {
		re.Flags &^= syntax.FoldCase
		re.Rune = []rune(strings.ToLower(string(re.Rune)))
	}
	for _, sub := range re.Sub {
		lowered(sub)
	}
}

// alternatives are those of an expression, each with the groups of pieces of which it
// wants one; nil where one of them wants nothing.
func alternatives(re *syntax.Regexp) [][][]string {
	subs := []*syntax.Regexp{re}
	for len(subs) == 1 && subs[0].Op == syntax.OpCapture {
		subs = subs[0].Sub
	}
	if subs[0].Op == syntax.OpAlternate {
		subs = subs[0].Sub
	}
	var all [][][]string
	for _, sub := range subs {
		groups := required(sub)
		if groups == nil {
			return nil
		}
		all = append(all, groups)
	}
	return all
}

// required gives groups of pieces of text, in lower case: of each group one stands in
// whatever the expression fits.
func required(re *syntax.Regexp) [][]string {
	switch re.Op {
	case syntax.OpLiteral:
		if len(string(re.Rune)) > 1 {
			return [][]string{{string(re.Rune)}}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var all [][]string
		for _, sub := range re.Sub {
			all = append(all, required(sub)...)
		}
		return all
	case syntax.OpAlternate:
		// One group: of each alternative the group that is rarest, by its shortest piece.
		var all []string
		for _, sub := range re.Sub {
			groups := required(sub)
			if groups == nil {
				return nil
			}
			best := groups[0]
			for _, g := range groups[1:] {
				if shortest(g) > shortest(best) {
					best = g
				}
			}
			all = append(all, best...)
		}
		return [][]string{all}
	default: // nothing certain stands in the others
	}
	return nil
}

func shortest(pieces []string) int {
	n := len(pieces[0])
	for _, p := range pieces {
		n = min(n, len(p))
	}
	return n
}

// A pattern is an expression that stands alone, with the pieces that it wants. It is read
// when it is first asked: whoever links this package and has no failure pays nothing.
type pattern struct {
	read func() (re *regexp.Regexp, alternatives [][][]string)
}

func newPattern(expression string) *pattern {
	return &pattern{sync.OnceValues(func() (*regexp.Regexp, [][][]string) {
		parsed, err := parse(expression)
		if err != nil {
			panic("diagnose: " + err.Error()) // a test asks each
		}
		return regexp.MustCompile(parsed.String()), alternatives(parsed)
	})}
}

// in reports whether a text in lower case has it.
func (p *pattern) in(lower string) bool {
	re, alternatives := p.read()
	may := alternatives == nil
	for _, groups := range alternatives {
		may = may || !slices.ContainsFunc(groups, func(group []string) bool {
			return !slices.ContainsFunc(group, func(piece string) bool { return strings.Contains(lower, piece) })
		})
	}
	return may && re.MatchString(lower)
}
