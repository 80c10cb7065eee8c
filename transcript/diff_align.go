package transcript

import (
	"slices"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// align lays the turns of one connection beside those of another. Turns belong together by what they are; of several
// ways to do that, the one with the most in common is taken (Needleman and Wunsch), and what both begin and end with
// is taken off before, so that a long conversation costs little where it is the same.
func align(a, b []Turn) []Pair {
	var head, tail []Pair
	for len(a) > 0 && len(b) > 0 && kinship(&a[0], &b[0]) == closest {
		head = append(head, Pair{A: &a[0], B: &b[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && kinship(&a[len(a)-1], &b[len(b)-1]) == closest {
		tail = append(tail, Pair{A: &a[len(a)-1], B: &b[len(b)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	slices.Reverse(tail)
	return append(append(head, alignMiddle(a, b)...), tail...)
}

// most is how many pairs of turns are looked at. Beyond it, turns are laid side by side one by one, which is what there
// is to be said of conversations that long and that different.
const most = 4 << 20

func alignMiddle(a, b []Turn) []Pair {
	if len(a)*len(b) > most {
		return alignInOrder(a, b)
	}
	// best[i][j] is what a[i:] and b[j:] have in common at most.
	best := make([][]int32, len(a)+1)
	for i := range best {
		best[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if k := kinship(&a[i], &b[j]); k > 0 {
				best[i][j] = max(best[i][j], best[i+1][j+1]+k)
			}
		}
	}
	var pairs []Pair
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i == len(a):
			pairs = append(pairs, Pair{B: &b[j]})
			j++
		case j == len(b):
			pairs = append(pairs, Pair{A: &a[i]})
			i++
		default:
			k := kinship(&a[i], &b[j])
			switch {
			case k > 0 && best[i][j] == best[i+1][j+1]+k:
				pairs = append(pairs, Pair{A: &a[i], B: &b[j]})
				i, j = i+1, j+1
			case best[i][j] == best[i+1][j]:
				pairs = append(pairs, Pair{A: &a[i]})
				i++
			default:
				pairs = append(pairs, Pair{B: &b[j]})
				j++
			}
		}
	}
	return pairs
}

func alignInOrder(a, b []Turn) []Pair {
	var pairs []Pair
	for i := range max(len(a), len(b)) {
		var p Pair
		if i < len(a) {
			p.A = &a[i]
		}
		if i < len(b) {
			p.B = &b[i]
		}
		if p.A != nil && p.B != nil && kinship(p.A, p.B) == 0 {
			pairs = append(pairs, Pair{A: p.A}, Pair{B: p.B})
			continue
		}
		pairs = append(pairs, p)
	}
	return pairs
}

// closest is the kinship of turns in which the same was asked and answered.
const closest = 6

// kinship is how much two turns have in common: 0 is nothing, and they are never laid side by side.
func kinship(a, b *Turn) int32 {
	if a.kind() != b.kind() {
		return 0
	}
	k := int32(2)
	if a.Command == nil && b.Command == nil || a.Command != nil && b.Command != nil && plainCommand(a.Command.Line) == plainCommand(b.Command.Line) {
		k += 2
	}
	if a.TLS == b.TLS {
		k++
	}
	if a.Reply().Code == b.Reply().Code {
		k++
	}
	return k
}

// kind is what a turn is. EHLO, HELO and LHLO are of one kind, and so are the ways for a content to come to its end;
// logins by different mechanisms are not, for what they say has nothing in common.
func (t *Turn) kind() string {
	switch t.Verb {
	case "EHLO", "HELO", "LHLO":
		return "hello"
	case "BDAT":
		if t.Stage == smtp.StageEnd {
			return "."
		}
	case Secure:
		if t.Done != nil && beyond(*t.Done) {
			return "beyond"
		}
	}
	return t.Verb
}

// compareReplies compares the replies of a pair, one by one.
func (p *Pair) compareReplies() {
	a, b := p.A.Replies(), p.B.Replies()
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			p.add(Silence, Real, "", b[i].String())
		case i >= len(b):
			p.add(Silence, Real, a[i].String(), "")
		default:
			p.compareReply(a[i], b[i])
		}
	}
}

func (p *Pair) compareReply(a, b smtp.Reply) {
	switch {
	case a.Code != b.Code:
		p.add(Verdict, Real, a.String(), b.String())
		return
	case a.Enhanced != b.Enhanced && a.Code >= 400:
		p.add(Verdict, Real, a.String(), b.String())
	case a.Enhanced != b.Enhanced:
		p.add(Verdict, Wording, a.String(), b.String())
	}
	switch {
	case a.Code == 250 && p.A.Stage == smtp.StageHello:
		p.compareKeywords(a, b)
	case a.Text() == b.Text(), a.Code == 334: // a challenge is another each time
	case plain(a.Text()) == plain(b.Text()):
		p.add(Text, Passing, a.String(), b.String())
	case a.Code >= 400 || a.Code == 0:
		p.add(Text, Real, a.String(), b.String())
	default:
		p.add(Text, Wording, a.String(), b.String())
	}
}

// compareKeywords compares what two servers offer: RFC 5321 §4.1.1.1. The first line is a name.
func (p *Pair) compareKeywords(a, b smtp.Reply) {
	left, right := offered(a), offered(b)
	if len(a.Lines) > 0 && len(b.Lines) > 0 && a.Lines[0] != b.Lines[0] {
		weight := Passing
		if plain(a.Lines[0]) != plain(b.Lines[0]) {
			weight = Wording
		}
		p.add(Text, weight, a.Lines[0], b.Lines[0])
	}
	for _, k := range left.order {
		if _, ok := right.params[k]; !ok {
			p.add(Extension, Real, left.line(k), "")
		}
	}
	for _, k := range right.order {
		other, ok := left.params[k]
		switch {
		case !ok:
			p.add(Extension, Real, "", right.line(k))
		case other == right.params[k]:
		case k == "AUTH":
			p.compareMechanisms(left.params[k], right.params[k])
		default:
			p.add(Parameter, parameterWeight(k, other, right.params[k]), left.line(k), right.line(k))
		}
	}
}

// parameterWeight is how much it matters that a keyword has other parameters: how large a mail may be is a number,
// and another for every server.
func parameterWeight(keyword, a, b string) Weight {
	unlimited := func(n string) bool { return n == "" || n == "0" } // RFC 1870 §4
	switch {
	case keyword == "SIZE" && unlimited(a) != unlimited(b):
		return Real
	case plain(a) == plain(b):
		return Passing
	}
	return Real
}

func (p *Pair) compareMechanisms(a, b string) {
	left, right := strings.Fields(strings.ToUpper(a)), strings.Fields(strings.ToUpper(b))
	for _, m := range left {
		if !slices.Contains(right, m) {
			p.add(Extension, Real, "AUTH "+m, "")
		}
	}
	for _, m := range right {
		if !slices.Contains(left, m) {
			p.add(Extension, Real, "", "AUTH "+m)
		}
	}
}

// An offer is what a server offers.
type offer struct {
	params map[string]string // by keyword, in capitals
	order  []string
}

func offered(r smtp.Reply) offer {
	o := offer{params: make(map[string]string)}
	if len(r.Lines) < 2 {
		return o
	}
	for _, line := range r.Lines[1:] {
		keyword, params, _ := strings.Cut(strings.TrimSpace(line), " ")
		keyword = strings.ToUpper(keyword)
		// QUIRK: old servers write AUTH=LOGIN for AUTH LOGIN, most of them beside it.
		if mechanisms, ok := strings.CutPrefix(keyword, "AUTH="); ok {
			keyword, params = "AUTH", mechanisms+" "+params
		}
		if had, twice := o.params[keyword]; twice {
			o.params[keyword] = strings.TrimSpace(had + " " + params)
			continue
		}
		o.params[keyword] = strings.TrimSpace(params)
		o.order = append(o.order, keyword)
	}
	return o
}

func (o offer) line(keyword string) string {
	return strings.TrimSpace(keyword + " " + o.params[keyword])
}
