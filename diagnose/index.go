package diagnose

import (
	"regexp/syntax"
	"strings"
)

// An index tells which rules a text may fit, without running seven hundred
// regular expressions over it: each of them wants one of a few pieces of text, and
// to look for a piece costs a thousandth of what the expression does.
type index struct {
	pieces []string
	wanted [][]int // for each rule, the pieces of which it wants one; nil where that cannot be told
}

func indexOf(rules []*rule) index {
	var x index
	x.wanted = make([][]int, len(rules))
	number := map[string]int{}
	for i, r := range rules {
		if r.pattern == "" {
			continue
		}
		re, err := syntax.Parse("(?is)"+r.pattern, syntax.Perl)
		if err != nil {
			continue
		}
		for _, piece := range required(re.Simplify()) {
			n, ok := number[piece]
			if !ok {
				n = len(x.pieces)
				number[piece] = n
				x.pieces = append(x.pieces, piece)
			}
			x.wanted[i] = append(x.wanted[i], n)
		}
	}
	return x
}

// A present says which pieces a text has.
type present struct {
	x   *index
	has []bool
}

func (x *index) in(lower string) present {
	p := present{x, make([]bool, len(x.pieces))}
	for i, piece := range x.pieces {
		p.has[i] = strings.Contains(lower, piece)
	}
	return p
}

// fits reports whether the rule at a place may fit.
func (p present) fits(at int) bool {
	wanted := p.x.wanted[at]
	for _, n := range wanted {
		if p.has[n] {
			return true
		}
	}
	return wanted == nil
}

// required gives pieces of text, in lower case, of which one stands in whatever
// the expression fits; nil where there are none such.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return useful([]string{strings.ToLower(string(re.Rune))})
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		// The part that says most: with the fewest pieces, and the longest.
		var best []string
		for _, sub := range re.Sub {
			if r := required(sub); r != nil && (best == nil || shortest(r) > shortest(best)) {
				best = r
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			r := required(sub)
			if r == nil {
				return nil
			}
			all = append(all, r...)
		}
		return all
	}
	return nil
}

// useful leaves out what would be found anywhere.
func useful(pieces []string) []string {
	if shortest(pieces) < 2 {
		return nil
	}
	return pieces
}

func shortest(pieces []string) int {
	n := len(pieces[0])
	for _, p := range pieces {
		n = min(n, len(p))
	}
	return n
}
