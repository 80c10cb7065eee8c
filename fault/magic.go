package fault

import (
	"strings"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A magic recipient is a fault in itself, so that a program can be tested by whom it writes to:
//
//	rcpt+451-greylist@example.com     RCPT hears 451
//	data+552-too-big@example.com      DATA hears 552
//	end+554@example.com               the end of the content hears 554
//	end+drop@example.com              the server hangs up after the dot, says nothing, and has kept the mail
//	end+lose@example.com              it hangs up after the dot, and has not kept it
//	content+drop@example.com          it hangs up in the midst of the content
//	rcpt+wait-2s@example.com          RCPT is answered two seconds late; at most 5m
//	any+persona-163-dt-spm@example.com  what a provider really says; at mail's stages alone
//
// Any other address is what it is. What stands before the "+" may also be anything but a stage's name: kim+451@example.com is as
// rcpt+451@example.com.

// ParseMagic reads the recipient's address. It gives the rule that the address is, and whether it is one.
func ParseMagic(address string) (Rule, bool) {
	local, _, ok := strings.Cut(address, "@")
	place, what, plus := strings.Cut(local, "+")
	if !ok || !plus || strings.Contains(what, "+") {
		return Rule{}, false
	}
	stage := strings.ToLower(place)
	switch stage {
	case "rcpt", "data", "content", "end":
	default:
		stage = "rcpt"
	}
	what = strings.ToLower(what)
	if name, ok := strings.CutPrefix(what, "persona-"); ok {
		p, known := personaNamed(name)
		if known && (p.Stage == "rcpt" || p.Stage == "data" || p.Stage == "end") {
			return Rule{Persona: name, Stage: p.Stage}, true
		}
		return Rule{}, false
	}
	word, rest, _ := strings.Cut(what, "-")
	switch {
	case what == "drop":
		return Rule{Stage: stage, Mute: true, Then: "hang-up"}, true
	case what == "lose" && stage == "end":
		return Rule{Stage: stage, Mute: true, Lose: true, Then: "hang-up"}, true
	case word == "wait":
		return magicWait(stage, rest)
	case len(word) == 3 && (word[0] == '4' || word[0] == '5') && strings.Trim(word, "0123456789") == "":
		return Rule{Stage: stage, Reply: magicReply(word, rest)}, true
	}
	return Rule{}, false
}

func magicWait(stage, text string) (Rule, bool) {
	const most = 5 * time.Minute
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > most {
		return Rule{}, false
	}
	return Rule{Stage: stage, Wait: Duration(d)}, true
}

// magicReply is a code with the words of the address, and an enhanced code that says no more.
func magicReply(code, words string) string {
	if words == "" {
		words = "as the recipient's address asks for"
	}
	return code + " " + code[:1] + ".0.0 " + strings.ReplaceAll(words, "-", " ")
}

// magicAt is what goes wrong because of whom a mail is for, and the rule that the address is.
func magicAt(t *smtpd.Transaction, at smtp.Stage, line string) (*smtpd.Fault, Rule) {
	if t == nil || at < smtp.StageRcpt || at > smtp.StageEnd {
		return nil, Rule{}
	}
	m := moment{transaction: t, stage: at, line: line}
	for _, address := range m.recipients() {
		if !strings.Contains(address, "+") {
			continue
		}
		r, ok := ParseMagic(address)
		if ok && stageOf(r.Stage) == at {
			h := &held{Rule: r}
			return h.fault(&m), r
		}
	}
	return nil, Rule{}
}
