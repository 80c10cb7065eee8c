package diagnose

import (
	"slices"
	"strconv"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// A reading is one way to understand a text: as a reply, or as an error made on
// this machine.
type reading struct {
	code     int               // 0: no reply, or one whose code is not told
	enhanced smtp.EnhancedCode // of the reply
	text     string            // of the reply, on one line, without code and enhanced code; or of the error
	stage    smtp.Stage
	provider string   // id
	groups   []string // its rules
}

// isReply reports whether a server said it.
func (r *reading) isReply() bool { return r.code != 0 || r.enhanced.Class != 0 }

// class is 2, 3, 4, 5, or 0 where nothing tells.
func (r *reading) class() int {
	if r.code != 0 {
		return r.code / 100
	}
	return r.enhanced.Class
}

// A finding is a rule that fits, and how well.
type finding struct {
	rule  *rule
	tier  tier
	score int
	words string // that the rule's expression fitted
}

// A tier is how much a rule says by fitting. A finding of a higher one is taken
// before all of the lower.
type tier uint8

const (
	nothing         tier = iota
	byCode               // the reply code alone
	byVagueEnhanced      // an enhanced code that servers use for all sorts of things: X.7.0
	byClearCode          // a reply code that has one meaning: 530, 535
	byEnhanced           // the enhanced code alone
	byWeakWords          // words of no one in particular, which say little: "rejected"
	byForeign            // the words of another provider, before which the recipient's server may stand
	byExact              // an enhanced code that leaves no doubt
	byWords              // words of no one in particular
	byForeignWords       // so many words of another provider that nobody else says them
	bySoftware           // the very words of a mail server or a block list
	byProvider           // the very words of the provider that said it
)

// match gives what fits a reading, the best first.
func (f *Facts) match(r *reading) []finding {
	// What rules look at is the whole reply: some name the code in their words.
	whole := r.text
	if r.code != 0 {
		whole = strconv.Itoa(r.code) + " " + whole
		if r.enhanced.Class != 0 {
			whole = strconv.Itoa(r.code) + " " + r.enhanced.String() + " " + r.text
		}
	}
	lower := strings.ToLower(whole)
	if len(lower) != len(whole) {
		whole = lower // a letter whose other case is longer; places would not agree
	}
	has := f.index.in(lower)
	var found []finding
	for _, rule := range f.byTrust {
		if rule.sort == generic {
			enough := bySoftware // what anybody says adds nothing to somebody's own words
			if rule.regexp != nil && rule.weak() {
				enough = byWords
			}
			if slices.ContainsFunc(found, func(one finding) bool { return one.tier >= enough }) {
				continue
			}
		}
		if one, ok := rule.fits(r, whole, has); ok {
			found = append(found, one)
		}
	}
	slices.SortStableFunc(found, func(a, b finding) int {
		if a.tier != b.tier {
			return int(b.tier) - int(a.tier)
		}
		return b.score - a.score
	})
	return found
}

// fits compares a rule with a reading.
func (rule *rule) fits(r *reading, whole string, has *present) (finding, bool) {
	if rule.strict && !slices.Contains(rule.stages, r.stage) {
		return finding{}, false
	}
	if rule.error != "" || !rule.fitsCodes(r) || rule.regexp != nil && !has.fits(rule.at) {
		return finding{}, false
	}
	words := ""
	if rule.regexp != nil {
		at := rule.regexp().FindStringIndex(has.lower)
		if at == nil {
			return finding{}, false
		}
		words = whole[at[0]:at[1]]
	}
	t := rule.tier(r, words)
	return finding{rule, t, rule.score(r), words}, t != nothing
}

// fitsCodes compares what a rule says of codes with those of a reply. A rule that has words
// is not held to a code or an enhanced code that the reply does not tell.
func (rule *rule) fitsCodes(r *reading) bool {
	if rule.sort == local || rule.sort == localGeneric {
		return true
	}
	if rule.codes != nil {
		if r.code == 0 && (rule.regexp == nil || r.isReply() && !rule.mayHaveClass(r.class())) {
			return false // the words alone may have come without their code
		}
		fits := func(c int) bool { return fitsCode(c, r.code) }
		if rule.sort == generic && rule.regexp != nil {
			// Whose words are anybody's, whose code is too: the class is enough.
			fits = func(c int) bool { return c/100 == r.class() || c == r.class() }
		}
		if r.code != 0 && !slices.ContainsFunc(rule.codes, fits) {
			return false
		}
	}
	if rule.enhanced != nil {
		if r.enhanced.Class == 0 {
			return rule.regexp != nil && !rule.bound
		}
		if rule.sort == generic && rule.regexp != nil {
			return true // words tell more
		}
		return slices.ContainsFunc(rule.enhanced, func(e enhancedRange) bool { return e.has(r.enhanced) })
	}
	return rule.codes != nil || rule.regexp != nil
}

// fitsCode: a form below ten is a class, "4xx".
func fitsCode(form, code int) bool { return form == code || form == code/100 }

func (rule *rule) mayHaveClass(class int) bool {
	return slices.ContainsFunc(rule.codes, func(c int) bool { return c == class || c/100 == class })
}

// tier is how much it says that a rule fits.
func (rule *rule) tier(r *reading, words string) tier {
	mine := slices.Contains(r.groups, rule.group)
	switch {
	case rule.kind == "ok" && r.class() >= 4:
		return nothing // X.1.5, "destination address valid", is 2.1.5
	case rule.sort == local || rule.sort == localGeneric:
		switch {
		case r.code != 0:
			return nothing // what a server said is never our own error
		case rule.sort == localGeneric:
			return byExact
		}
		return bySoftware
	case rule.strict && rule.regexp == nil:
		return byExact
	case rule.regexp == nil && rule.enhanced != nil:
		if mine && rule.group != "any" {
			return byProvider
		}
		switch {
		case rule.exact():
			return byExact
		case vague(rule.kind):
			return byVagueEnhanced
		}
		return byEnhanced
	case rule.regexp == nil:
		if strings.HasPrefix(string(rule.kind), "auth-") || rule.kind == "tls-required" {
			return byClearCode
		}
		return byCode
	case rule.sort == generic:
		if rule.weak() {
			return byWeakWords
		}
		return byWords
	case rule.sort == provider && mine:
		return byProvider
	case rule.sort == provider:
		switch {
		case r.stage == smtp.StageAuth && len(words) < 32 && !isToken(words):
			return nothing // at AUTH everybody uses the same words
		case len(words) >= 24 || isToken(words):
			return byForeignWords
		case len(words) < 10:
			return nothing // too short to be anybody's own
		}
		return byForeign
	}
	switch {
	case vague(rule.kind) && rule.codes == nil:
		return byWeakWords // it names whose words they are, and not what they mean
	case vague(rule.kind):
		return byWords
	}
	return bySoftware
}

// isToken reports whether words are a code of one provider's own, as HL:REP and [PH01] are.
func isToken(words string) bool {
	words = strings.Trim(words, " ")
	return len(words) >= 5 && !strings.ContainsRune(words, ' ') && strings.ToUpper(words) == words &&
		strings.ContainsAny(words, ":[]#_0123456789") && strings.ContainsAny(words, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

// score tells rules of the same tier apart. The place in the file comes last, by
// the sort being stable.
func (rule *rule) score(r *reading) int {
	n := 4 * rule.fitsStage(r.stage, r.code)
	if rule.sort != generic {
		// Of somebody's own words the order in the file tells; a stage that goes against
		// them lowers a rule, and one that fits them is no news.
		return min(n, 0)
	}
	if slices.ContainsFunc(rule.enhanced, func(e enhancedRange) bool { return e.has(r.enhanced) }) {
		n += 3
	}
	return n
}
