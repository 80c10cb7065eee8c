package inbox

import (
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// Diagnosis is what a session's failure means, for those who look after its client; nil
// where nothing failed.
//
// It goes by why the session ended, where that says more than what was refused: TLS that
// was not agreed on, another protocol, a client that hung up. Else it is what package
// diagnose knows of the last refusal, which may be a real provider's that was said on
// purpose.
//
// It is nil too where nothing is known but that it was refused: the reply says that itself.
func Diagnosis(s Session, t transcript.Transcript) *diagnose.Diagnosis {
	if !s.Failed {
		return nil
	}
	if d := diagnosis(s, t); d.Kind != "unclassified" {
		return d
	}
	return nil
}

func diagnosis(s Session, t transcript.Transcript) *diagnose.Diagnosis {
	at := stageOf(t)
	for _, k := range endings {
		if s.Why != "" && strings.Contains(s.Why, k.words) {
			return k.diagnosis(s.Why, at, smtp.Reply{})
		}
	}
	bad := lastRefusal(t)
	if bad == "" {
		bad = s.LastBad
	}
	if bad != "" && (s.Why == "" || refusedLast(t)) {
		return refused(bad, refusedAt(t))
	}
	for _, k := range breaks {
		if s.Why != "" && strings.Contains(s.Why, k.words) {
			return k.diagnosis(s.Why, at, smtp.Reply{})
		}
	}
	if bad != "" {
		return refused(bad, refusedAt(t))
	}
	d := diagnose.Text(s.Why, diagnose.Hint{Stage: at})
	return &d
}

// A known cause is one that our own words name.
type known struct {
	words      string
	kind       diagnose.Kind
	temporary  bool
	cause, fix diagnose.Words
}

func (k *known) diagnosis(text string, at smtp.Stage, r smtp.Reply) *diagnose.Diagnosis {
	return &diagnose.Diagnosis{
		Kind: k.kind, Temporary: k.temporary, Cause: k.cause, Fix: k.fix, Confidence: 0.95,
		Stage: at, Reply: r, Text: text, Evidence: []diagnose.Evidence{{Words: k.words, Source: "package smtpd"}},
	}
}

// refused is what a refusal means. Some of smtpd's own say to us exactly what happened.
func refused(text string, at smtp.Stage) *diagnose.Diagnosis {
	d := diagnose.Reply("", at, text)
	for _, k := range refusals {
		if strings.Contains(text, k.words) {
			return k.diagnosis(text, at, d.Reply)
		}
	}
	return &d
}

// stageOf is where a conversation stood when it ended.
func stageOf(t transcript.Transcript) (at smtp.Stage) {
	for _, e := range t {
		if e.Stage != 0 && e.Did != smtp.Closed {
			at = e.Stage
		}
	}
	return at
}

func isRefusal(e smtp.Event) bool {
	return e.Did == smtp.Answer && len(e.Line) >= 3 && (e.Line[0] == '4' || e.Line[0] == '5')
}

// lastRefusal is the last reply that refused something, with all its lines.
func lastRefusal(t transcript.Transcript) string {
	end := lastRefused(t)
	if end < 0 {
		return ""
	}
	lines := []string{t[end].Line}
	for i := end - 1; i >= 0 && isRefusal(t[i]) && len(t[i].Line) > 3 && t[i].Line[3] == '-'; i-- {
		lines = append([]string{t[i].Line}, lines...)
	}
	return strings.Join(lines, "\n")
}

// lastRefused is where the last refusal ends, -1 for none. One that only follows from another before it, in a
// group that the client said at once, is passed over: it is not what went wrong.
func lastRefused(t transcript.Transcript) int {
	last := -1
	for i := len(t) - 1; i >= 0; i-- {
		switch {
		case isRefusal(t[i]) && last < 0:
			last = i
		case isRefusal(t[i]) && follows(t[last].Line, t[i].Stage):
			return i
		case t[i].Stage == smtp.StageMail && t[i].Did == smtp.Command && last >= 0 && t[last].Stage >= smtp.StageMail:
			// A mail begins here; its refusals stand behind it. With pipelining the replies do too.
			return last
		}
		if last >= 0 && !follows(t[last].Line, smtp.StageRcpt) {
			return last
		}
	}
	return last
}

// follows reports whether a refusal says no more than that another came before it, at MAIL or RCPT: 503, "no recipient".
func follows(line string, before smtp.Stage) bool {
	return (before == smtp.StageMail || before == smtp.StageRcpt) && (strings.HasPrefix(line, "503") || strings.HasPrefix(line, "554 5.5.1"))
}

func refusedAt(t transcript.Transcript) smtp.Stage {
	if i := lastRefused(t); i >= 0 {
		return t[i].Stage
	}
	return 0
}

// refusedLast reports whether the client left it at a refusal: it said nothing afterwards,
// but for what ends or begins anew.
func refusedLast(t transcript.Transcript) bool {
	for i := len(t) - 1; i >= 0; i-- {
		switch {
		case isRefusal(t[i]):
			return true
		case t[i].Did == smtp.Closed, t[i].Did == smtp.Note, t[i].Stage == smtp.StageQuit, t[i].Stage == smtp.StageReset:
		default:
			return false
		}
	}
	return false
}
