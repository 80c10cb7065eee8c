package proxy

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/smtp"
)

// stageOf is the stage of a command that is known to be one. What begins with
// another word may be anything, and its arguments are not shown.
func stageOf(word string) (stage smtp.Stage, known bool) {
	switch word {
	case "EHLO", "HELO", "LHLO":
		return smtp.StageHello, true
	case "STARTTLS":
		return smtp.StageTLS, true
	case "AUTH":
		return smtp.StageAuth, true
	case "MAIL", "SEND", "SOML", "SAML":
		return smtp.StageMail, true
	case "RCPT":
		return smtp.StageRcpt, true
	case "DATA":
		return smtp.StageData, true
	case "BDAT":
		return smtp.StageContent, true
	case "RSET":
		return smtp.StageReset, true
	case "QUIT":
		return smtp.StageQuit, true
	case "NOOP", "VRFY", "EXPN", "HELP", "ETRN", "XCLIENT", "XFORWARD", "TURN":
		return 0, true
	}
	return 0, false
}

// program is told what the program said. It gives what is to go on to the provider,
// what is to be given again once what it says was done, and what that is.
func (t *tap) program(p, out []byte) (on, rest []byte, act action) {
	t.mu.Lock()
	defer t.mu.Unlock()
	on = out
	for len(p) > 0 {
		switch t.state {
		case adrift:
			on = append(append(on, t.line...), p...)
			t.line = nil
			return on, nil, goOn
		case atTLS:
			return on, p, awaitTLS
		case atData:
			if t.rules.hold {
				return on, p, awaitReply
			}
			on = append(on, p...)
			t.keepEarly(p)
			return on, nil, goOn
		case atContent, atChunk:
			n := t.contentCame(p)
			on, p = append(on, p[:n]...), p[n:]
		default:
			var n int
			on, n, act = t.commandCame(p, on)
			if p = p[n:]; act != goOn {
				t.behind = len(p) > 0
				return on, p, act
			}
		}
	}
	return on, nil, goOn
}

// keepEarly keeps what was said behind DATA: its reply will tell what it is.
func (t *tap) keepEarly(p []byte) {
	if len(t.early)+len(p) > maxEarly {
		t.lose("the program did not wait for the reply to DATA")
		return
	}
	t.early = append(t.early, p...)
}

// contentCame takes as much of p as is content.
func (t *tap) contentCame(p []byte) int {
	n, ended := t.content.feed(p)
	for _, f := range t.content.found {
		if f == EightBit && t.offers["8BITMIME"] {
			continue // most programs do so, and such a provider takes it
		}
		t.fault(f)
	}
	if ended {
		t.contentOver()
	}
	return n
}

// contentOver tells of a content, or of a chunk of it, that has gone by.
func (t *tap) contentOver() {
	c := &t.content
	t.tell(smtp.Event{Stage: smtp.StageContent, Did: smtp.Content, Size: c.size - c.told})
	c.told = c.size
	t.state, t.stage = atCommand, smtp.StageEnd
	if c.chunked {
		return // BDAT is asked already
	}
	t.tell(smtp.Event{Stage: smtp.StageEnd, Did: smtp.Command, Line: "."})
	t.askVerdict("")
}

// askVerdict expects the reply to a content: over LMTP one for each recipient that was
// taken. How many these are is known when the first of them comes: see eachVerdict.
func (t *tap) askVerdict(verb string) {
	t.pending = append(t.pending, asked{stage: smtp.StageEnd, verb: verb, at: time.Now(), each: t.lmtp})
}

// commandCame takes p to the end of its first line, or all of it.
func (t *tap) commandCame(p, out []byte) (on []byte, n int, act action) {
	i := bytes.IndexByte(p, '\n')
	if n = i + 1; n == 0 {
		n = len(p)
	}
	t.line = append(t.line, p[:n]...)
	if t.rules.edits.login && t.foreign() {
		t.line = nil
		return out, len(p), hangUp
	}
	if why := t.strange(i < 0); why != "" {
		if t.rules.hold {
			out = append(append(out, t.line...), p[n:]...)
		} else {
			out = append(out, p...)
		}
		t.line = nil
		t.lose(why)
		return out, len(p), goOn
	}
	if i < 0 {
		if t.rules.hold {
			return out, n, goOn
		}
		return append(out, p[:n]...), n, goOn
	}
	line := t.line
	act = t.command(line)
	if act != answerHere {
		if t.rules.hold {
			out = append(out, line...)
		} else {
			out = append(out, p[:n]...)
		}
	}
	t.line = t.line[:0]
	return out, n, act
}

// foreign reports whether the first octets are those of a browser. A page in one can have
// it connect to this machine, and say SMTP behind the head of a request or within a
// ClientHello. Where the proxy logs in, that would be mail in somebody's name: it ends the
// session, as it does with Postfix.
func (t *tap) foreign() bool {
	switch {
	case t.said > 0 || t.programTLS && t.line[0] == handshake:
		return false
	case t.line[0] == handshake:
		t.fault(TLSOnPlainPort)
		return true
	case slices.ContainsFunc(methods, func(m string) bool { return bytes.HasPrefix(t.line, []byte(m)) }):
		t.fault(HTTPRequest)
		return true
	}
	return false
}

// handshake is the record in which a ClientHello comes: RFC 8446 §5.1.
const handshake = 0x16

// strange finds out, by the first octets, that no SMTP is spoken.
func (t *tap) strange(open bool) (why string) {
	switch {
	case t.said == 0 && t.line[0] == handshake && !t.programTLS:
		t.fault(TLSOnPlainPort)
		return "this is TLS"
	case t.said == 0 && isHTTP(t.line):
		t.fault(HTTPRequest)
		return "this is HTTP"
	case open && len(t.line) > maxLine:
		return "a command has no end"
	}
	return ""
}

var methods = []string{"GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "PATCH ", "CONNECT ", "OPTIONS "}

func isHTTP(line []byte) bool {
	for _, method := range methods {
		if bytes.HasPrefix(line, []byte(method)) && bytes.Contains(line, []byte(" HTTP/")) {
			return true
		}
	}
	return false
}

// command is a whole line from the program.
func (t *tap) command(line []byte) action {
	text := bytes.TrimSuffix(line, []byte("\n"))
	if bare := len(text) == 0 || text[len(text)-1] != '\r'; bare && t.state != atLogin {
		defer t.fault(BareLFCommand)
	}
	text = bytes.TrimSuffix(text, []byte("\r"))
	t.said++
	t.outOfTurn()
	if t.state == atLogin {
		return t.response(string(text))
	}
	word, args := cutWord(string(text))
	stage, known := stageOf(word)
	t.stage = stage
	if word == "BDAT" && strings.HasSuffix(strings.ToUpper(args), " LAST") {
		t.stage = smtp.StageEnd
	}
	shown, secret := t.shown(word, text, known)
	t.tell(smtp.Event{Stage: t.stage, Did: smtp.Command, Line: shown, Hidden: secret})
	if known && word != "AUTH" {
		t.distrust = false
	}
	if word == "QUIT" && isHello(t.verb) && (t.rules.edits.login && !t.rules.accept || t.remoteTLS && !t.programTLS && !t.rules.tlsHere) {
		t.fault(NotOffered)
	}
	t.verb = word
	return t.obey(word, strings.TrimSpace(args))
}

// cutWord parts a command. Blanks before it, and tabs for blanks, are no part of SMTP, but
// some servers take them: what is a login to them must be one here.
func cutWord(text string) (word, args string) {
	text = strings.TrimLeft(text, " \t")
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return strings.ToUpper(text[:i]), text[i+1:]
	}
	return strings.ToUpper(text), ""
}

// outOfTurn finds a program that does not wait for what it must wait for.
func (t *tap) outOfTurn() {
	switch {
	case len(t.pending) == 0:
	case t.pending[0].stage == smtp.StageGreeting:
		t.fault(EarlyTalk)
	case !t.offers["PIPELINING"] && t.state != atLogin: // RFC 2920 §3.1
		t.fault(NotAsked)
	}
}

// shown is a command as it may be seen by anybody.
func (t *tap) shown(word string, text []byte, known bool) (line string, hidden bool) {
	shown, hidden := t.secrets.hide(text, false)
	upper := bytes.ToUpper(text)
	switch {
	case known && word != "AUTH":
		return string(shown), hidden
	case word == "AUTH":
		return shownLogin(string(text))
	case t.distrust || bytes.Contains(upper, []byte("AUTH")):
		// A program that was told no may not have heard it, and says the name and the
		// password that it was going to say.
		return secret.Mark, true
	case bytes.HasPrefix(upper, []byte("MAIL")), bytes.HasPrefix(upper, []byte("RCPT")), bytes.HasPrefix(upper, []byte("EHLO")), bytes.HasPrefix(upper, []byte("HELO")):
		return string(shown), hidden // a slip of the pen
	}
	// Another protocol's PASS and LOGIN, a password in the wrong place: who knows.
	if first, _, more := strings.Cut(string(text), " "); more && isWord(first) {
		return first + " " + secret.Mark, true
	} else if !more && (isWord(first) || first == "") {
		return first, false
	}
	return secret.Mark, true
}

// shownLogin is AUTH without what stands behind the mechanism.
func shownLogin(text string) (line string, hidden bool) {
	words := strings.Fields(text)
	switch {
	case len(words) == 1:
		return text, false
	case !secret.IsMechanism(words[1]):
		return words[0] + " " + secret.Mark, true
	case len(words) > 2:
		return words[0] + " " + words[1] + " " + secret.Mark, true
	}
	return text, false
}

// isWord reports whether s may be the name of a command that we do not know.
func isWord(s string) bool {
	return len(s) > 0 && len(s) <= 10 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// obey notes what a command means for what comes next.
func (t *tap) obey(word, args string) action {
	a := asked{stage: t.stage, verb: word, at: time.Now()}
	act := goOn
	switch word {
	case "EHLO", "LHLO":
		t.lmtp = word == "LHLO"
		a.held = t.rules.edits.any() || t.remoteTLS
	case "STARTTLS":
		if act = t.askTLS(&a); act == answerHere {
			return act
		}
	case "AUTH":
		if act = t.askLogin(args); act == answerHere {
			return act
		}
	case "MAIL":
		upper := " " + strings.ToUpper(args) + " "
		t.binary = strings.Contains(upper, " BODY=BINARYMIME ")
		t.unsure = t.binary || strings.Contains(upper, " BODY=8BITMIME ")
	case "DATA":
		t.state = atData
	case "BDAT":
		return t.chunk(a, args)
	case "QUIT":
		t.quit = true
	}
	t.pending = append(t.pending, a)
	return act
}

// askTLS is STARTTLS.
func (t *tap) askTLS(a *asked) action {
	switch {
	case t.rules.tlsHere && !t.programTLS:
		t.local = local{verb: "STARTTLS"}
		return answerHere
	case t.remoteTLS:
		t.fault(TLSTwice)
		return goOn
	case t.rules.blind:
		t.state = atTLS
		return awaitTLS
	}
	a.held = true
	t.state = atTLS
	return awaitTLS
}

// askLogin is AUTH.
func (t *tap) askLogin(args string) action {
	name, initial, has := strings.Cut(args, " ")
	t.mechanism, t.responses = strings.ToUpper(name), 0
	t.state, t.distrust = atLogin, true
	if !t.programTLS && !t.remoteTLS && t.offers["STARTTLS"] {
		t.fault(LoginInClear)
	}
	if has {
		t.responses++
		t.secrets.heard(t.mechanism, t.responses, strings.TrimSpace(initial))
	}
	if t.rules.accept {
		t.local = local{verb: "AUTH", mechanism: t.mechanism, initial: has}
		return answerHere
	}
	if t.loggedIn {
		t.fault(LoginTwice)
	}
	return goOn
}

// response is a line of a login.
func (t *tap) response(text string) action {
	t.responses++
	t.secrets.heard(t.mechanism, t.responses, text)
	t.stage = smtp.StageAuth
	t.tell(smtp.Event{Stage: smtp.StageAuth, Did: smtp.Command, Line: secret.Mark, Hidden: true})
	if t.local.verb == "AUTH" {
		t.local.cancelled = text == "*"
		return answerHere
	}
	t.pending = append(t.pending, asked{stage: smtp.StageAuth, verb: "AUTH", at: time.Now()})
	return goOn
}

// chunk is BDAT: its octets follow at once, whatever the reply will be. RFC 3030 §2.
func (t *tap) chunk(a asked, args string) action {
	size, rest, _ := strings.Cut(args, " ")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 {
		t.pending = append(t.pending, a)
		return goOn // the provider will say so
	}
	last := strings.EqualFold(strings.TrimSpace(rest), "LAST")
	if !t.content.chunked || t.content.last {
		t.content = content{chunked: true, eight: t.unsure, binary: t.binary}
	}
	t.content.left, t.content.last = n, last
	if last {
		t.askVerdict("BDAT")
	} else {
		t.pending = append(t.pending, a)
	}
	if t.state = atChunk; n == 0 {
		t.contentOver()
	}
	return goOn
}

// programEnded is told that the program hung up, before the provider has.
func (t *tap) programEnded() {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.over || t.state == adrift || t.quit || t.farewell:
	case t.programTLS && t.said == t.saidBefore:
		t.fault(Distrusted) // it shook hands and went: some say so by no alert
	case t.said == 0:
		t.fault(NotAWord)
	case t.state == atContent || t.state == atChunk:
		t.tell(smtp.Event{Stage: smtp.StageContent, Did: smtp.Content, Size: t.content.size - t.content.told})
		t.fault(CutContent)
	case slices.ContainsFunc(t.pending, isVerdict):
		t.fault(Unheard)
	case len(t.pending) > 0:
		t.fault(GaveUp)
	case t.refused:
		t.note(factsOf(NoQuit).note) // and what to look at is the refusal
	case isHello(t.verb):
		t.fault(NotOffered)
	default:
		t.fault(NoQuit)
	}
}

func isHello(verb string) bool { return verb == "EHLO" || verb == "LHLO" }

// summary is what a session came to.
func (t *tap) summary() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.state == adrift:
		return ""
	case t.mails == 0:
		return "no mail was taken"
	case t.mails == 1:
		return fmt.Sprintf("1 mail was taken, %d octets", t.octets)
	}
	return fmt.Sprintf("%d mails were taken, %d octets", t.mails, t.octets)
}
