package diagnose

import (
	"slices"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// phases are the names that stages go by, here and in other programs.
var phases = map[string][]smtp.Stage{
	"connect":     {smtp.StageDial, smtp.StageGreeting},
	"dial":        {smtp.StageDial},
	"greeting":    {smtp.StageGreeting},
	"ehlo":        {smtp.StageHello},
	"helo":        {smtp.StageHello},
	"hello":       {smtp.StageHello},
	"tls":         {smtp.StageTLS},
	"starttls":    {smtp.StageTLS},
	"auth":        {smtp.StageAuth},
	"mail":        {smtp.StageMail},
	"rcpt":        {smtp.StageRcpt},
	"data":        {smtp.StageData},
	"content":     {smtp.StageContent},
	"end-of-data": {smtp.StageEnd},
	"end":         {smtp.StageEnd},
	"rset":        {smtp.StageReset},
	"reset":       {smtp.StageReset},
	"quit":        {smtp.StageQuit},
	"any":         nil,
	"*":           nil,
	"":            nil,
}

// ParsePhase gives the stages that a word stands for: "auth", "end-of-data",
// "connect", which is two, "mail|rcpt". For "any", "*" and the empty word there are
// none. It reports whether the word is known.
func ParsePhase(word string) (stages []smtp.Stage, ok bool) {
	for one := range strings.SplitSeq(word, "|") {
		more, known := phases[strings.ToLower(strings.TrimSpace(one))]
		if !known {
			return nil, false
		}
		stages = append(stages, more...)
	}
	return stages, true
}

// fitsStage is how well a rule's stages go with the one that is known. It raises or
// lowers a rule and excludes none: programs report the stage wrongly too often.
func (rule *rule) fitsStage(s smtp.Stage, code int) int {
	switch {
	case s == 0 && code > 550 && slices.Contains(rule.stages, smtp.StageAuth):
		return -1 // no server says that to AUTH
	case s == 0 || rule.stages == nil:
		return 0
	case slices.Contains(rule.stages, s):
		return 2
	case slices.ContainsFunc(rule.stages, func(t smtp.Stage) bool { return near(s, t) }):
		return 1
	}
	return -1
}

// near: servers hold back what they have to say of the connection, of EHLO and of
// the sender until RCPT, or until the content is over; and with pipelining what
// is said to one command is often reported as said to another.
func near(s, t smtp.Stage) bool {
	content := func(s smtp.Stage) bool { return s == smtp.StageData || s == smtp.StageContent || s == smtp.StageEnd }
	return t < s && t != smtp.StageAuth && t != smtp.StageTLS || content(s) && content(t) || s <= smtp.StageTLS && t <= smtp.StageTLS
}
