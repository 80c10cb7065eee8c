package gloss

import (
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A Contrast is a difference in words.
type Contrast struct {
	Words diagnose.Words
	A, B  *diagnose.Diagnosis // of each side where it is a refusal, or the connection was lost; else nil
}

// What is said of a difference, by what it is. The first value is where it is, then A's and B's.
var contrasts = map[transcript.What]diagnose.Words{
	transcript.Verdict:   {En: "to %w the server of A says %a, and that of B says %b", Zh: "对 %w，A 的服务器说 %a，B 的服务器说 %b"},
	transcript.Text:      {En: "to %w the server of A says %a, and that of B, with the same code, %b", Zh: "对 %w，A 的服务器说 %a，B 的服务器状态码相同，但说 %b"},
	transcript.Parameter: {En: "in the reply to %w the server of A offers %a, and that of B %b", Zh: "在对 %w 的回复中，A 的服务器提供 %a，B 的服务器提供 %b"},
	transcript.Said:      {En: "the client of A says %a, and that of B says %b", Zh: "A 的客户端说 %a，B 的客户端说 %b"},
	transcript.Encrypted: {En: "A goes on by %a, and B by %b", Zh: "A 用 %a，B 用 %b"},
	transcript.Ending:    {En: "A ends with %a, and B with %b", Zh: "A 的结尾是 %a，B 的结尾是 %b"},
	transcript.Size:      {En: "the content of A is %a, and that of B %b", Zh: "A 的内容是 %a，B 的是 %b"},
	transcript.Slower:    {En: "the reply to %w took %a in A, and %b in B", Zh: "对 %w 的回复，A 用了 %a，B 用了 %b"},
	transcript.Detail:    {En: "A has %a, and B has %b", Zh: "A 是 %a，B 是 %b"},
	transcript.Missing:   {En: "A has %a where B has %b", Zh: "A 在此处是 %a，B 是 %b"},
}

// What is said where one side has nothing.
var (
	wordSilentA  = diagnose.Words{En: "to %w the server of B says %b, and that of A says nothing", Zh: "对 %w，B 的服务器说 %b，A 的服务器什么也没说"}
	wordSilentB  = diagnose.Words{En: "to %w the server of A says %a, and that of B says nothing", Zh: "对 %w，A 的服务器说 %a，B 的服务器什么也没说"}
	wordOfferedA = diagnose.Words{En: "in the reply to %w the server of A offers %a, and that of B does not", Zh: "在对 %w 的回复中，A 的服务器提供 %a，B 的服务器不提供"}
	wordOfferedB = diagnose.Words{En: "in the reply to %w the server of B offers %b, and that of A does not", Zh: "在对 %w 的回复中，B 的服务器提供 %b，A 的服务器不提供"}
	wordOnlyA    = diagnose.Words{En: "only A has %a", Zh: "只有 A 有 %a"}
	wordOnlyB    = diagnose.Words{En: "only B has %b", Zh: "只有 B 有 %b"}
	wordTheFirst = diagnose.Words{En: "the greeting", Zh: "问候"}
	wordTheLogin = diagnose.Words{En: "the login's response", Zh: "登录的回答"}
	wordTheEnd   = diagnose.Words{En: "the end of the content", Zh: "内容的结尾"}
	wordNobody   = diagnose.Words{En: "nothing that was asked", Zh: "没有人问的事"}
)

// Contrasted is a difference in words, and what it means. The server is whose replies these are, host or host:port; it
// may be empty.
func Contrasted(d transcript.Difference, server string) Contrast {
	form := contrasts[d.What]
	switch {
	case d.What == transcript.Silence && d.A == "":
		form = wordSilentA
	case d.What == transcript.Silence:
		form = wordSilentB
	case d.What == transcript.Extension && d.B == "":
		form = wordOfferedA
	case d.What == transcript.Extension:
		form = wordOfferedB
	case d.What == transcript.Missing && d.A == "":
		form = wordOnlyB
	case d.What == transcript.Missing && d.B == "":
		form = wordOnlyA
	}
	where := asked(d.Pair)
	c := Contrast{Words: diagnose.Words{En: fill(form.En, where.En, d), Zh: fill(form.Zh, where.Zh, d)}}
	if d.Pair != nil {
		c.A, c.B = judged(d.Pair.A, server), judged(d.Pair.B, server)
	}
	return c
}

// fill puts the values into a form. No value is looked at for another's place.
func fill(form, where string, d transcript.Difference) string {
	quoted := func(s string) string { return `"` + smtp.Printable(s) + `"` }
	return strings.NewReplacer("%w", where, "%a", quoted(d.A), "%b", quoted(d.B)).Replace(form)
}

// asked is what the turns of a pair answer.
func asked(p *transcript.Pair) diagnose.Words {
	if p == nil {
		return wordNobody
	}
	t := p.A
	if t == nil {
		t = p.B
	}
	switch {
	case t.Verb == transcript.Greeting:
		return diagnose.Words{En: wordTheFirst.En, Zh: wordTheFirst.Zh}
	case t.Verb == transcript.Response:
		return wordTheLogin
	case t.Verb == ".", t.Verb == "BDAT":
		return wordTheEnd
	case t.Command != nil:
		line := smtp.Printable(t.Command.Line)
		return diagnose.Words{En: line, Zh: line}
	}
	return wordNobody
}

// judged is what a turn means where it went wrong.
func judged(t *transcript.Turn, server string) *diagnose.Diagnosis {
	if t == nil {
		return nil
	}
	for _, r := range t.Replies() {
		if r.Code >= 400 {
			d := diagnose.Reply(server, t.Stage, replyText(t.Answers))
			return &d
		}
	}
	if t.Done != nil && t.Done.Did == smtp.Closed && t.Done.Err != nil {
		s := session{server: server, owed: transcript.Place{Stage: t.Stage}}
		return s.lost(*t.Done)
	}
	return nil
}

func replyText(lines transcript.Transcript) string {
	var text []string
	for _, e := range lines {
		text = append(text, e.Line)
	}
	return strings.Join(text, "\n")
}
