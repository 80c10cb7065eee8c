package proxy

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// An answer is a reply as it comes.
type answer struct {
	code  string
	lines []string // as they may be shown, codes and all
	size  int      // octets, codes and all
	begun bool
	held  []byte // where it is held back until it is whole
	holds bool
}

// provider is told what the provider said. It gives what is to go on to the program,
// what is to be given again once what it says was done, and what that is. With
// startBothTLS, the 220 itself is in t.reply.held, to go on when TLS with the provider
// stands.
func (t *tap) provider(p, out []byte) (on, rest []byte, act action) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unsent = true
	on = out
	for len(p) > 0 {
		if t.state == adrift {
			on = append(append(on, t.reply.held...), p...)
			t.reply.held = nil
			return on, nil, goOn
		}
		if !t.reply.begun {
			t.reply.begun = true
			t.reply.holds = len(t.pending) > 0 && t.pending[0].held
		}
		n := bytes.IndexByte(p, '\n') + 1
		whole := n > 0
		if !whole {
			n = len(p)
		}
		if t.reply.holds {
			t.reply.held = append(t.reply.held, p[:n]...)
		} else {
			on = append(on, p[:n]...)
		}
		t.part, p = append(t.part, p[:n]...), p[n:]
		switch {
		case whole:
			on, act = t.replyLine(t.part, on)
			t.part = t.part[:0]
		case len(t.part) > maxLine:
			t.lose("a reply has no end")
		}
		if act != goOn {
			return on, p, act
		}
	}
	if t.state == adrift {
		on, t.reply.held = append(on, t.reply.held...), nil
	}
	return on, nil, goOn
}

// replyLine is a line of a reply: RFC 5321 §4.2.
func (t *tap) replyLine(line, out []byte) (on []byte, act action) {
	text := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	code, last, ok := readReply(text)
	if !ok || len(t.reply.lines) > 0 && code != t.reply.code {
		t.notSMTP(text)
		return out, goOn
	}
	if t.reply.size += len(line); t.reply.size > maxReply {
		t.lose("a reply has no end")
		return out, goOn
	}
	a, asked := t.next()
	if asked {
		t.stage = a.stage
	}
	shown, secret := t.secrets.hide(text, t.stage == smtp.StageAuth)
	e := smtp.Event{Stage: t.stage, Did: smtp.Answer, Line: string(shown), Hidden: secret}
	if last && asked {
		e.Took = time.Since(a.at)
	}
	t.tell(e)
	t.reply.code = code
	t.reply.lines = append(t.reply.lines, string(shown))
	if !last {
		return out, goOn
	}
	return t.replied(out)
}

// maxReply is more octets than any reply has; a hostile server has more.
const maxReply = 256 << 10

// readReply reads the code at the begin of a line.
func readReply(text []byte) (code string, last, ok bool) {
	if len(text) < 3 || text[0] < '1' || text[0] > '5' || text[1] < '0' || text[1] > '9' || text[2] < '0' || text[2] > '9' {
		return "", false, false
	}
	code = string(text[:3])
	switch {
	case len(text) == 3 || text[3] == ' ':
		return code, true, true
	case text[3] == '-':
		return code, false, true
	}
	return "", false, false
}

func (t *tap) notSMTP(text []byte) {
	shown, _ := t.secrets.hide(text, true)
	t.tell(smtp.Event{Did: smtp.Answer, Line: string(shown[:min(len(shown), 200)])})
	if t.stage == smtp.StageGreeting {
		t.fault(NotSMTP)
	}
	t.lose("what the provider says is no reply")
}

// next is the command that the reply is to.
func (t *tap) next() (asked, bool) {
	if len(t.pending) == 0 {
		return asked{}, false
	}
	return t.pending[0], true
}

// replied is told that a reply is whole.
func (t *tap) replied(out []byte) (on []byte, act action) {
	r := t.reply
	t.reply = answer{}
	a, asked := t.next()
	positive := r.code[0] == '2' || r.code[0] == '3'
	t.refused = !positive
	if r.code == "421" || r.code == "221" {
		t.farewell = true
	}
	if !asked {
		t.unasked(r)
		return append(out, r.held...), goOn
	}
	copy(t.pending, t.pending[1:])
	t.pending = t.pending[:len(t.pending)-1]
	a = t.eachVerdict(a)
	if !positive {
		t.diagnose(a, r)
	}
	if a.stage == smtp.StageTLS && t.state == atTLS {
		return t.repliedTLS(r, out)
	}
	held := r.held
	if r.holds && r.code == "250" {
		held = t.edited(held)
	}
	on = append(out, held...)
	t.meant(a, r)
	t.moved.Broadcast()
	return on, goOn
}

// eachVerdict expects a reply for each recipient that was taken, where the first has come:
// RFC 2033 §4.2.
func (t *tap) eachVerdict(a asked) asked {
	if !a.each {
		return a
	}
	a.each = false
	if t.recipients > 1 {
		last := a
		a.extra = true
		t.pending = slices.Concat(slices.Repeat([]asked{a}, t.recipients-2), []asked{last}, t.pending)
	}
	return a
}

// repliedTLS is the reply to STARTTLS.
func (t *tap) repliedTLS(r answer, out []byte) (on []byte, act action) {
	t.state = atCommand
	switch {
	case r.code != "220":
	case t.rules.blind:
		t.lose("the program and the provider speak TLS with each other")
	default:
		t.state = atTLS
		t.reply.held = r.held
		return out, startBothTLS
	}
	t.moved.Broadcast()
	return append(out, r.held...), goOn
}

// meant notes what a reply means for what comes next.
func (t *tap) meant(a asked, r answer) {
	yes := r.code[0] == '2'
	switch a.stage {
	case smtp.StageHello:
		if yes {
			t.offers = offered(r.lines)
			t.inMail, t.recipients = false, 0 // RFC 5321 §4.1.4: as RSET
		}
	case smtp.StageAuth:
		t.loginAnswered(r)
	case smtp.StageMail:
		if yes {
			t.inMail, t.recipients = true, 0
		}
	case smtp.StageRcpt:
		if yes {
			t.recipients++
		}
	case smtp.StageData:
		t.mayContinue(r)
	case smtp.StageEnd:
		if yes && t.inMail {
			t.mails++
			t.octets += t.content.size
		}
		if !a.extra {
			t.inMail, t.recipients = false, 0
		}
	case smtp.StageReset:
		t.inMail, t.recipients = false, 0
	default:
	}
	if r.code == "334" && t.state == atCommand {
		// A login under another name: what comes next is a secret all the same.
		t.state, t.distrust, t.mechanism, t.responses = atLogin, true, "", 0
	}
}

// loginAnswered is a reply to AUTH, or to a line of a login.
func (t *tap) loginAnswered(r answer) {
	ahead := slices.ContainsFunc(t.pending, func(a asked) bool { return a.stage == smtp.StageAuth })
	switch {
	case r.code == "334":
	case r.code == "354", ahead && r.code == "235":
		// They were commands that we took for its responses: what may come now is not
		// known, and content taken for commands could hold everything up.
		t.lose("the program did not wait for the reply to AUTH")
	case !ahead:
		t.state = atCommand
	}
}

// mayContinue is the reply to DATA: what was said before it is now known for what
// it is.
func (t *tap) mayContinue(r answer) {
	t.state = atCommand
	if r.code == "354" {
		t.state = atContent
		t.content = content{eight: t.unsure, binary: t.binary}
	}
	early := t.early
	t.early = nil
	for len(early) > 0 && t.state != adrift {
		switch t.state {
		case atContent, atChunk:
			early = early[t.contentCame(early):]
		case atData:
			t.early, early = early, nil
		default:
			_, n, act := t.commandCame(early, nil)
			early = early[n:]
			if act != goOn {
				t.lose("the program did not wait for the reply to DATA")
			}
		}
	}
}

// unasked is a reply to nothing that was said.
func (t *tap) unasked(r answer) {
	switch {
	case r.code == "421":
		t.note("the provider says so of its own accord")
		t.diagnose(asked{stage: t.stage}, r)
	case t.state == atContent && t.content.endedLoosely():
		t.tell(smtp.Event{Stage: smtp.StageContent, Did: smtp.Content, Size: t.content.size})
		t.stage, t.state = smtp.StageEnd, atCommand
		t.fault(LooseEnd)
		t.meant(asked{stage: smtp.StageEnd}, r)
	case t.state == atContent || t.state == atChunk:
		t.note("the provider answers before the content is over")
		t.diagnose(asked{stage: smtp.StageContent}, r)
	default:
		t.note("nobody asked for this reply")
	}
	t.moved.Broadcast()
}

// diagnose tells what a refusal means.
func (t *tap) diagnose(a asked, r answer) {
	if r.code[0] < '4' || t.find == nil || t.explained > maxFindings {
		return
	}
	if a.stage == smtp.StageHello && (r.code == "500" || r.code == "502") {
		return // the program will try HELO
	}
	if a.stage == smtp.StageAuth && t.loggedIn || a.stage == smtp.StageTLS && t.remoteTLS {
		return // it has been told why: LoginTwice, TLSTwice
	}
	d := diagnose.Text(strings.Join(r.lines, "\n"), diagnose.Hint{Server: t.server, Stage: a.stage})
	t.finding(Finding{Side: Provider, Stage: a.stage, Diagnosis: d})
}

// providerEnded is told that the provider hung up, before the program has.
func (t *tap) providerEnded() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || t.state == adrift || t.farewell || t.quit {
		return
	}
	switch {
	case t.refused:
		t.note("the provider hung up, having said no")
	case t.state == atContent, t.state == atChunk, slices.ContainsFunc(t.pending, isVerdict):
		t.fault(NoVerdict)
	default:
		t.fault(ProviderGone)
	}
}

// isVerdict tells the reply to a content.
func isVerdict(a asked) bool { return a.stage == smtp.StageEnd }

// offered are the keywords of a reply to EHLO.
func offered(lines []string) map[string]bool {
	offers := make(map[string]bool, len(lines))
	for _, line := range lines[1:] {
		offers[keyword(line)] = true
	}
	return offers
}

// keyword is that of a line of a reply to EHLO, in capitals.
func keyword(line string) string {
	words := strings.FieldsFunc(line[min(4, len(line)):], func(r rune) bool { return r == ' ' || r == '\t' || r == '=' || r == '\r' || r == '\n' })
	if len(words) == 0 {
		return ""
	}
	return strings.ToUpper(words[0])
}
