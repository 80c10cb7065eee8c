package diagnose

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parleymail/parley/smtp"
)

// maxText is how much of a text is read. A transcript or a bounce is smaller; a log may be
// longer, and has the failure at its end.
const maxText = 64 << 10

// shortened is the begin and the end of a long text, cut between characters.
func shortened(text string) string {
	if len(text) <= maxText {
		return text
	}
	begin, end := maxText/2, len(text)-maxText/2
	for n := 0; n < utf8.UTFMax && !utf8.RuneStart(text[begin]); n++ {
		begin--
	}
	for n := 0; n < utf8.UTFMax && !utf8.RuneStart(text[end]); n++ {
		end++
	}
	return text[:begin] + "\n" + text[end:]
}

// Text is [Text] by these facts.
func (f *Facts) Text(text string, h Hint) Diagnosis {
	text = strings.TrimSpace(codeFirst(plain(shortened(text))))
	var best *finding
	var as *reading
	var all []finding
	readings := f.readings(text, h)
	for i := range readings {
		r := &readings[i]
		if r.class() == 2 || r.class() == 3 {
			if best == nil {
				as = r
			}
			continue
		}
		found := f.match(r)
		if r.code != 0 && (r.text == "" || len(found) == 0 || found[0].tier <= byVagueEnhanced) {
			r, found = f.wider(r, found, text)
		}
		if len(found) == 0 {
			continue
		}
		// "530 log in first" after a refused login is its consequence, not its cause.
		cause := best != nil && best.rule.kind == "auth-required" && found[0].tier >= bySoftware && strings.HasPrefix(string(found[0].rule.kind), "auth-")
		if best == nil || found[0].tier > best.tier || cause {
			best, as, all = &found[0], r, found
		}
	}
	switch {
	case as == nil && len(readings) > 0:
		as = &readings[0]
	case as == nil:
		as = &reading{text: text}
	}
	return f.diagnosis(as, all)
}

// wider looks at all of a text, where the reply found in it says next to nothing: its
// words may stand before its code, and it may be no reply at all.
func (f *Facts) wider(r *reading, found []finding, text string) (*reading, []finding) {
	floor := nothing
	if len(found) > 0 {
		floor = found[0].tier
	}
	whole := *r
	whole.text = strings.Join(strings.Fields(text), " ")
	if more := f.match(&whole); len(more) > 0 && more[0].tier > max(floor, byForeign) {
		r, found, floor = &whole, more, more[0].tier
	}
	bare := whole
	bare.code, bare.enhanced = 0, smtp.EnhancedCode{}
	if more := f.match(&bare); len(more) > 0 && more[0].tier >= bySoftware && more[0].tier > floor {
		return &bare, more
	}
	return r, found
}

// readings are the ways to understand a text, the likeliest first.
func (f *Facts) readings(text string, h Hint) []reading {
	base := f.hinted(h)
	if base.provider == "" {
		if p := f.marked(strings.ToLower(text)); p != nil {
			base.provider, base.groups = p.ID, p.Groups
		}
	}
	list := spots(text)
	slices.SortStableFunc(list, func(a, b spot) int { return b.weight() - a.weight() })
	var all []reading
	for _, one := range list[:min(len(list), 4)] {
		if len(all) > 0 && one.weight() < list[0].weight()-3 {
			break // a number that happens to look like a code
		}
		r := base
		lines := one.reply(text)
		r.code, r.enhanced, r.text = one.code, one.enhanced, strings.Join(strings.Fields(strings.Join(lines, " ")), " ")
		if r.code == 334 && refusedToken.MatchString(r.text) {
			r.code = 535 // RFC 7628 §3.2.3: the refusal comes as a challenge, the 535 after it
		}
		if slices.ContainsFunc(all, func(o reading) bool { return o.code == r.code && strings.Contains(o.text, r.text) }) {
			continue // a further line of the same reply, or the reply once more
		}
		if r.enhanced.Class == 0 {
			r.enhanced = enhancedIn(r.text)
		}
		if r.stage == 0 {
			r.stage = stageOf(r, text[:one.from], text[one.from:])
		}
		all = append(all, r)
	}
	if failed := slices.ContainsFunc(all, func(r reading) bool { return r.class() >= 4 }); failed {
		return all
	}
	// Nothing said no: it may be an error of this machine, or a reply without its code.
	r := base
	r.text = strings.Join(strings.Fields(text), " ")
	if reply := spoken.ReplaceAllString(r.text, ""); reply != "" {
		r.text = reply
	}
	if r.stage == 0 {
		r.stage = stageIn(text)
	}
	bare := r
	bare.enhanced = enhancedIn(r.text)
	if bare.enhanced.Class >= 4 {
		return append([]reading{bare}, all...)
	}
	if len(all) > 0 && !looksLocal(r.text) {
		return all
	}
	return append([]reading{r}, all...)
}

// weight puts those that say no before those that say yes: programs tell what they
// had expected, "250", before what came.
func (one spot) weight() int {
	if one.code >= 400 {
		return one.score + 10
	}
	return one.score
}

// hinted is a reading with nothing in it but the hint.
func (f *Facts) hinted(h Hint) reading {
	var r reading
	r.stage = h.Stage
	for _, name := range []string{h.Provider, h.Server} {
		if id, groups := f.groups(name); groups != nil {
			r.provider, r.groups = id, groups
			return r
		}
	}
	return r
}

// enhancedIn is an enhanced code somewhere in a text.
func enhancedIn(s string) (e smtp.EnhancedCode) {
	if m := bareEnhanced.FindStringSubmatch(s); m != nil {
		e, _ = parseEnhanced(m[1])
	}
	return e
}

// stageOf is the stage of a reply: as the code itself tells it, or the text around.
func stageOf(r reading, before, behind string) smtp.Stage {
	switch r.code {
	case 334, 432, 534, 535, 538:
		return smtp.StageAuth // RFC 4954 has them for AUTH alone
	case 354:
		return smtp.StageData
	}
	if i := strings.LastIndex(behind, "(in reply to "); i >= 0 {
		if s := stageIn(behind[i:]); s != 0 {
			return s
		}
	}
	if i := strings.LastIndex(behind, "command: '"); i >= 0 {
		if s := stageIn(behind[i:]); s != 0 {
			return s
		}
	}
	return stageIn(lastLine(before))
}

// looksLocal reports whether a text that has a reply saying yes tells of an error nonetheless.
func looksLocal(s string) bool {
	lower := strings.ToLower(s)
	return slices.ContainsFunc([]string{"error", "fail", "exception", "timeout", "timed out", "refused", "eof", "reset", "closed", "lost"},
		func(w string) bool { return strings.Contains(lower, w) })
}

// diagnosis is what the best finding says.
func (f *Facts) diagnosis(r *reading, found []finding) Diagnosis {
	d := Diagnosis{Provider: r.provider, Stage: r.stage, Text: r.text}
	if r.code != 0 {
		d.Reply = smtp.Reply{Code: r.code, Enhanced: r.enhanced, Lines: []string{r.text}}
	}
	if len(found) == 0 {
		f.unknown(&d, r)
		return d
	}
	best := found[0].rule
	d.Kind, d.Temporary = best.kind, f.temporary(best, r)
	d.Cause, d.Fix = f.words(best)
	if t := found[0].tier; t == byForeign || t == byForeignWords {
		d.Cause, d.Fix = f.Meaning(best.kind) // the rule's own words name somebody else
	}
	d.Confidence = found[0].confidence()
	for _, one := range found[:min(len(found), 3)] {
		d.Evidence = append(d.Evidence, Evidence{one.rule.id, one.words, one.rule.source})
	}
	return d
}

// unknown is for what no rule fits.
func (f *Facts) unknown(d *Diagnosis, r *reading) {
	switch r.class() {
	case 2, 3:
		d.Kind, d.Confidence = "ok", 0.95
	default:
		d.Kind, d.Confidence = "unclassified", 0.2
		d.Temporary = r.class() == 4
	}
	d.Cause, d.Fix = f.Meaning(d.Kind)
}

// temporary is what the sender should do: as the rule says, or else the code, or
// else the kind.
func (f *Facts) temporary(rule *rule, r *reading) bool {
	if rule.temporary != nil {
		return *rule.temporary
	}
	switch rule.kind {
	case "rate-limited", "quota-exceeded":
		return true // whatever the code says: the allowance comes back
	}
	if r.code == 0 && later.MatchString(r.text) {
		return true
	}
	if c := r.class(); c != 0 {
		return c == 4
	}
	if k := f.kinds[rule.kind]; k != nil && k.temporary != nil {
		return *k.temporary
	}
	return false
}

// refusedToken is the JSON with which a server refuses a token.
var refusedToken = regexp.MustCompile(`"status" ?: ?"?(4\d\d|invalid|insufficient)`)

// later is what a server says that wants to be asked again, where its code is not told.
var later = regexp.MustCompile(`(?i)try (again )?later|try again|temporar|too many (bad |failed )?(login|auth)`)

// words are the rule's, or those of its kind where it has none of its own.
func (f *Facts) words(rule *rule) (cause, fix Words) {
	cause, fix = rule.cause, rule.fix
	meaning, what := f.Meaning(rule.kind)
	or := func(w, other Words) Words {
		if w.En == "" {
			return other
		}
		if w.Zh == "" {
			w.Zh = other.Zh
		}
		return w
	}
	return or(cause, meaning), or(fix, what)
}

// sure is how much a finding of a tier may be trusted, at its best.
var sure = map[tier]float64{byCode: 0.4, byVagueEnhanced: 0.45, byClearCode: 0.6, byEnhanced: 0.6, byWeakWords: 0.55, byForeign: 0.75, byExact: 0.8, byWords: 0.7, byForeignWords: 0.8, bySoftware: 0.9, byProvider: 0.95}

// confidence is the tier's, less where the rule itself is from hearsay.
func (one *finding) confidence() float64 {
	c := sure[one.tier]
	switch one.rule.sure {
	case 'B':
		c -= 0.05
	case 'C':
		c -= 0.15
	}
	switch {
	case one.rule.kind == "unclassified":
		c = min(c, 0.3)
	case one.rule.strict && one.rule.regexp == nil:
		c = 0.45 // the code and the stage alone
	}
	return c
}
