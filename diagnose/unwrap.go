package diagnose

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// A spot is a place in a text at which a reply may begin.
type spot struct {
	code     int
	enhanced smtp.EnhancedCode
	from     int // where the text of the reply begins, behind the codes
	score    int
}

// spots finds where replies begin in a text: in a log, within what another program put
// around them. A three-digit number is one by what stands before and behind it.
func spots(s string) []spot {
	var list []spot
	for i := 0; i+3 <= len(s); i++ {
		if s[i] < '2' || s[i] > '5' || !digit(s[i+1]) || !digit(s[i+2]) {
			continue
		}
		if one, ok := spotAt(s, i); ok {
			list = append(list, one)
		}
		i += 2
	}
	return list
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func word(c byte) bool { return digit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

func spotAt(s string, i int) (spot, bool) {
	before, after := s[:i], s[i+3:]
	if before != "" && !standsBefore(before) || after != "" && !standsBehind(after) && !glued(before, after) && !firstOfMany(s, i) {
		return spot{}, false
	}
	one := spot{from: i + 3}
	one.code, _ = strconv.Atoi(s[i : i+3])
	if n := behindCode.FindStringSubmatchIndex(after); n != nil {
		one.from += n[1]
		if n[2] >= 0 {
			if e, err := parseEnhanced(after[n[2]:n[3]]); err == nil && (e.Class == one.code/100 || e.Class == 4 || e.Class == 5) {
				one.enhanced, one.score = e, one.score+3
			}
		}
	}
	line := lastLine(before)
	switch line := line[max(0, len(line)-60):]; { // what is far before the code says nothing of it
	case strings.Trim(line, " \t<>*~-=|\"'") == "", isNamed(line):
		one.score += 3 // it begins the line, or is named
	case isOther(line):
		return spot{}, false
	case tells(line):
		one.score += 3
	}
	if after == "" || after[0] == ' ' || after[0] == '-' {
		one.score++
	}
	if quoted.MatchString(s[i+3:]) {
		one.score += 2 // (535, b'5.7.8 ...')
	}
	if unit.MatchString(after) || one.code < 421 && !saysYes(one.code) {
		return spot{}, false
	}
	return one, one.score > 1
}

// saysYes reports whether a server says yes by a code: RFC 5321 §4.2.3 and RFC 4954 §6 have
// few such, and a number below 421 is most often none; 401 and its like are HTTP's.
func saysYes(code int) bool {
	switch code {
	case 211, 214, 220, 221, 235, 250, 251, 252, 253, 334, 354:
		return true
	}
	return false
}

// behindCode is what parts the code from the text, and an enhanced code among it. The enhanced code
// may stand in brackets, and behind a word or a sign or two: "550 #5.1.0", "(535, b'5.7.8 ".
var behindCode = regexp.MustCompile(`^(?:[ \t"':,;)\]>_-]|b['"]|message |response:? )*(?:[#(\[ ]{0,2}([245]\.\d{1,3}\.\d{1,3})\b[)\]:]?)?[ \t:-]*`)

// tells reports whether what stands before a number says that it is a code: a word that
// programs say there, a quote or a bracket that opens, an address, a colon.
func tells(line string) bool {
	open := strings.TrimRight(line, "'\"b")
	if strings.HasSuffix(line, ": ") || strings.HasSuffix(open, "(") || strings.HasSuffix(open, "[") || strings.HasSuffix(open, "{") ||
		strings.HasSuffix(strings.TrimRight(line, ": ."), ">") {
		return true
	}
	last, gap := lastWord(line)
	return gap <= 12 && toldWords[last]
}

var toldWords = set("said response responded responsed reply replied code returned server error message failed failure got status smtp command login rejected denied " +
	"detail info reason smtpcode client exception host data address recipient rcpt mail s")

// isNamed reports whether a field's name stands right before the code, or a quote that begins a string
// within a list.
func isNamed(line string) bool {
	bare := strings.TrimRight(line, "'\"")
	if len(bare) < len(line) && len(line)-len(bare) == 1 {
		if before := strings.TrimRight(strings.TrimRight(bare, "bu"), " "); before != "" && strings.ContainsRune(",[({=:", rune(before[len(before)-1])) {
			return true
		}
	}
	name, ok := strings.CutSuffix(bare, "=")
	last, _ := lastWord(name)
	return ok && fieldWords[last]
}

var fieldWords = set("reply response code status stat msg smtpmsg errormsg error message result smtpstatus smtpcode")

// isOther reports whether a number is another thing: a port, a line, a count, what had been
// expected.
func isOther(line string) bool {
	bare := strings.TrimRight(line, " =:(#\"'")
	switch {
	case strings.ContainsRune(line[len(bare):], '#') || strings.HasSuffix(bare, "$"):
		return true
	case endsInNumber.MatchString(bare):
		return true
	}
	last, _ := lastWord(bare)
	if last == "code" || last == "response" {
		before := strings.TrimRight(bare[:len(bare)-len(last)], " ")
		if prior, _ := lastWord(before); prior == "response" {
			before = strings.TrimRight(before[:len(before)-len(prior)], " ")
		}
		prior, _ := lastWord(before)
		return prior == "expected"
	}
	return otherWords[last]
}

var otherWords = set("expected port line errno pid id size bytes after within in of than limit version timeout took seq relay http")

// endsInNumber: "HTTP/1.1", "delay=0.3", "x=5" before it make it a part of something else.
var endsInNumber = regexp.MustCompile(`(HTTP/[0-9.]+|http/[0-9.]+|=\d+[0-9.]*)$`)

// lastWord is the last word of a line in lower case, and how many octets stand behind it.
func lastWord(line string) (word string, gap int) {
	end := len(line)
	for end > 0 && !isLetter(line[end-1]) {
		end--
	}
	begin := end
	for begin > 0 && isLetter(line[begin-1]) {
		begin--
	}
	return strings.ToLower(line[begin:end]), len(line) - end
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func set(words string) map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		m[word] = true
	}
	return m
}

var (
	quoted = regexp.MustCompile(`^, ?b?['"]`)
	unit   = regexp.MustCompile(`(?i)^ ?(ms|msec|milliseconds|seconds?|secs?|s\b|minutes?|bytes|kb|mb|KiB|MiB|octets|characters|recipients|messages|days|%)`)
)

// detail is PHPMailer's way, which puts the code behind the text.
var detail = regexp.MustCompile(`(?s)Detail: (.*?)\s*SMTP code: (\d{3})(?:\s*Additional SMTP info: ([245]\.\d{1,3}\.\d{1,3}))?`)

// spoken is what .NET says before a reply without its code; what stands before that is its
// own guess from the code.
var spoken = regexp.MustCompile(`(?is)^.*(the server response was|the server responded|server said|response from the remote server was): *`)

// codeFirst puts a code that stands behind its text before it.
func codeFirst(s string) string {
	return detail.ReplaceAllString(s, "\nresponse: $2 $3 $1\n")
}

// standsBefore: a code is no part of a word, a longer number or an address.
func standsBefore(before string) bool {
	c := before[len(before)-1]
	switch c {
	case '.', '/', '@', '#', '&', '?', '%', '+':
		return false
	case ':':
		// host:465 is a port; "said:550" is not.
		j := strings.LastIndexAny(before[:len(before)-1], " \t\n(['\"<") + 1
		return !strings.ContainsAny(before[j:len(before)-1], ".]:/0123456789") && !strings.HasSuffix(before, "localhost:")
	case '-', '_', '=':
		return len(before) > 1 && !digit(before[len(before)-2]) && c != '-' || strings.HasSuffix(before, "->") || strings.HasSuffix(before, "--")
	}
	return !word(c)
}

// standsBehind: nor does one go on as a number, a date, or an address do.
func standsBehind(after string) bool {
	c := after[0]
	if c == '-' {
		return len(after) < 2 || !digit(after[1]) || enhancedAhead.MatchString(after[1:])
	}
	return strings.IndexByte(" \t\n:,;)]\"'<>#_(", c) >= 0 || c == '.' && (len(after) == 1 || after[1] == ' ' || after[1] == '\n')
}

// firstOfMany is for a line that goes on with a number, "451-192.0.2.1 is not yet ...": the
// next one begins with the same code.
func firstOfMany(s string, i int) bool {
	if i+4 > len(s) || s[i+3] != '-' || strings.TrimSpace(lastLine(s[:i])) != "" && !tells(lastLine(s[:i])) {
		return false
	}
	_, next, ok := strings.Cut(s[i:], "\n")
	next = strings.TrimLeft(next, " <-~*")
	return ok && strings.HasPrefix(next, s[i:i+3]) && len(next) > 3 && (next[3] == ' ' || next[3] == '-')
}

// glued is for "451DT:SPM": Coremail's help pages and logs leave the blank out.
func glued(before, after string) bool {
	return strings.TrimSpace(lastLine(before)) == "" && ('A' <= after[0] && after[0] <= 'Z' || after[0] >= 0x80)
}

var enhancedAhead = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// bareEnhanced is an enhanced code without a reply code: "dsn=5.1.1", "Status: 5.1.1", ".NET's
// "The server response was: 5.7.57 ...".
var bareEnhanced = regexp.MustCompile(`(?:^|[^0-9.])([245]\.\d{1,3}\.\d{1,3})(?:[^0-9.]|\.?$|\.[^0-9])`)

func lastLine(s string) string { return s[strings.LastIndexByte(s, '\n')+1:] }

// reply is the text of a reply that begins at a spot: to the end of its line, and
// the lines that go on with it, without what repeats the codes.
func (one spot) reply(s string) (lines []string) {
	code := strconv.Itoa(one.code)
	rest := s[one.from:]
	first, rest, _ := strings.Cut(rest, "\n")
	lines = append(lines, tidy(first))
	for rest != "" && len(lines) < 40 {
		line, after, _ := strings.Cut(rest, "\n")
		trimmed := strings.TrimSpace(line)
		stripped := strings.TrimLeft(strings.TrimPrefix(trimmed, "S:"), " <-~*")
		switch {
		case strings.HasPrefix(stripped, code) && (len(stripped) == 3 || stripped[3] == '-' || stripped[3] == ' '):
			trimmed = strings.TrimLeft(stripped[3:], "- ")
		case enhancedAhead.MatchString(trimmed):
		case trimmed == "" || frame.MatchString(trimmed) || newEntry.MatchString(trimmed):
			return lines
		case line[0] != ' ' && line[0] != '\t' && len(lines) > 4:
			return lines
		}
		if m := enhancedAhead.FindString(trimmed); m != "" {
			trimmed = strings.TrimSpace(trimmed[len(m):])
		}
		lines = append(lines, tidy(trimmed))
		rest = after
	}
	return lines
}

// frame is a line of a stack, or one that begins something else.
var frame = regexp.MustCompile(`^(at |File "|Traceback|Caused by|nested exception|\.\.\. \d+ more|#\d+ |in /|During handling|from /|stack:|code: '|command: '|\* |[a-z]+: |>>> |C: |-> |CLIENT -> )`)

// newEntry is the beginning of another line of a log.
var newEntry = regexp.MustCompile(`^(\d{4}-\d\d-\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d|\[\d|[2-5]\d\d[ -]|(S|C|--): |SERVER -> |CLIENT -> )`)

// tidy cuts what the program put behind the reply.
func tidy(line string) string {
	line = strings.TrimSpace(line)
	for _, end := range []string{" (in reply to ", "', '", "\", \"", "')", "\")", "'}", "' (in reply", "' while", " )]", ")]", "', response", "\n"} {
		if i := strings.Index(line, end); i > 0 {
			line = line[:i]
		}
	}
	line = strings.TrimRight(line, " \t'\"}")
	for _, end := range []string{`".`, `')`, `")`} {
		line = strings.TrimSuffix(line, end)
	}
	if strings.HasSuffix(line, ")") && strings.Count(line, "(") < strings.Count(line, ")") {
		line = line[:len(line)-1]
	}
	return line
}

// steps are what in a text tells the stage, the most certain first.
var steps = []struct {
	words *pattern
	stage smtp.Stage
}{
	{newPattern(`end of data|after dot|data end command|end-of-data|'DATA END'|\(body\)|message failed|after sending data|SMTPSendFailed`), smtp.StageEnd},
	{newPattern(`(reply to|after|command:? ?['"]?|while sending|in response to|sending) ?(\(?initial )?RCPT|rcpt failed|recipients? (command )?(was|were|address)?\s?(rejected|refused)|RCPT not accepted|RCPT TO.{0,4}:<[^>]*>:|rcpt to command failed|Recipient\(s\)`), smtp.StageRcpt},
	{newPattern(`(reply to|after|command:? ?['"]?|while sending|in response to) ?MAIL( FROM)?|mail (from )?(command )?failed|MAIL not accepted|envelope from address|sender address rejected by server|SMTPSenderRefused`), smtp.StageMail},
	{newPattern(`(reply to|after|command:? ?['"]?) ?DATA\b|data (command )?failed|DATA not accepted`), smtp.StageData},
	{newPattern(`invalid login|EAUTH|AUTH (LOGIN|PLAIN|XOAUTH2|CRAM)|authenticat|SASL|password command failed|\blogin (denied|failed)|SMTPAuthenticationError|credential`), smtp.StageAuth},
	{newPattern(`starttls|handshake|x509|certificate|\bSSL\b|\btls:`), smtp.StageTLS},
	{newPattern(`EHLO|HELO\b`), smtp.StageHello},
	{newPattern(`initial server greeting|greeting|'CONN'|initial connection`), smtp.StageGreeting},
	{newPattern(`dial tcp|connect(ing)? to|could not connect|connection could not|getaddrinfo|lookup `), smtp.StageDial},
}

// stageIn is the stage that a text tells of, before a reply in it or behind.
func stageIn(around string) smtp.Stage {
	lower := strings.ToLower(around)
	for i := range steps {
		if steps[i].words.in(lower) {
			return steps[i].stage
		}
	}
	return 0
}
