package smtpd

import (
	"strconv"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// Reply makes a reply of a line as it goes over the wire, "550 5.1.1 no such
// user". The enhanced code may be missing; LF in the text begins a further line. A
// line that begins with no reply code is 451, for whatever it was to say, it was not
// yes.
func Reply(line string) smtp.Reply {
	code, rest := cutDigits(line, 3)
	if len(line) < 3 || len(line)-len(rest) != 3 || rest != "" && rest[0] != ' ' {
		return smtp.Reply{Code: 451, Enhanced: smtp.EnhancedCode{Class: 4, Subject: 3}, Lines: strings.Split(line, "\n")}
	}
	r := smtp.Reply{Code: code}
	text := strings.TrimPrefix(rest, " ")
	if c, after, ok := cutEnhanced(text, code/100); ok {
		r.Enhanced, text = c, after
	}
	if text != "" {
		r.Lines = strings.Split(text, "\n")
	}
	return r
}

func cutDigits(s string, most int) (n int, rest string) {
	i := 0
	for i < len(s) && i < most && '0' <= s[i] && s[i] <= '9' {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:]
}

// cutEnhanced takes "5.1.1 " off a text: RFC 3463 §2.
func cutEnhanced(text string, class int) (c smtp.EnhancedCode, rest string, ok bool) {
	word, rest, _ := strings.Cut(text, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 {
		return c, text, false
	}
	for i, to := range []*int{&c.Class, &c.Subject, &c.Detail} {
		n, more := cutDigits(parts[i], 3)
		if parts[i] == "" || more != "" {
			return c, text, false
		}
		*to = n
	}
	if c.Class != class {
		return smtp.EnhancedCode{}, text, false
	}
	return c, rest, true
}

// complete fills in what a function left out of its reply: all of it, if it is the
// zero Reply. A reply that no command can have is a mistake of the function's, and
// the client hears that it is not to blame.
func complete(r, usual smtp.Reply) smtp.Reply {
	if r.Code == 0 {
		if len(r.Lines) == 0 {
			return usual
		}
		r.Code = usual.Code
	}
	if r.Code < 200 || r.Code > 599 || r.Code/100 == 3 {
		return serverAtFault
	}
	if len(r.Lines) == 0 {
		switch {
		case r.Positive():
			r.Lines = usual.Lines
		case r.Temporary():
			r.Lines = []string{"not now, try again later"}
		default:
			r.Lines = []string{"refused"}
		}
	}
	if r.Enhanced.Class != r.Code/100 && usual.Enhanced.Class != 0 {
		// RFC 2034 §4: once offered, it stands before every reply, and begins with the
		// same digit.
		r.Enhanced = smtp.EnhancedCode{Class: r.Code / 100}
		if r.Positive() {
			r.Enhanced = usual.Enhanced
		}
	}
	return r
}

const (
	longestReplyText = 488 // octets; with the codes and CRLF at most 512: RFC 5321 §4.5.3.1.5
	mostReplyLines   = 100
)

// appendReply writes a reply as it goes over the wire: RFC 5321 §4.2.
func appendReply(b []byte, r smtp.Reply, enhanced bool) []byte {
	enhanced = enhanced && r.Enhanced.Class != 0
	n, last := 0, 0
	for _, text := range r.Lines {
		for len(text) > longestReplyText && r.Code != 334 && n < mostReplyLines {
			cut := longestReplyText
			if i := strings.LastIndexByte(text[:cut], ' '); i > 0 {
				cut = i + 1
			}
			last = len(b)
			b = appendLine(b, r, enhanced, text[:cut])
			text = text[cut:]
			n++
		}
		if n < mostReplyLines {
			last = len(b)
			b = appendLine(b, r, enhanced, text)
			n++
		}
	}
	if n == 0 {
		last = len(b)
		b = appendLine(b, r, enhanced, "")
	}
	b[last+3] = ' '
	return b
}

func appendLine(b []byte, r smtp.Reply, enhanced bool, text string) []byte {
	b = append(b, '0'+byte(r.Code/100), '0'+byte(r.Code/10%10), '0'+byte(r.Code%10), '-')
	if enhanced {
		b = strconv.AppendInt(b, int64(r.Enhanced.Class), 10)
		b = append(b, '.')
		b = strconv.AppendInt(b, int64(r.Enhanced.Subject), 10)
		b = append(b, '.')
		b = strconv.AppendInt(b, int64(r.Enhanced.Detail), 10)
		b = append(b, ' ')
	}
	return append(appendText(b, text), '\r', '\n')
}

// appendText writes a text so that it stays on its line, whoever wrote it.
func appendText(b []byte, text string) []byte {
	from := len(b)
	b = append(b, text...)
	for i, c := range b[from:] {
		if c < ' ' || c == 0x7f {
			b[from+i] = ' '
		}
	}
	return b
}

// What the server says of its own accord. Nothing changes these.
var (
	okGeneric  = Reply("250 2.0.0 ok")
	okMail     = Reply("250 2.1.0 ok")
	okRcpt     = Reply("250 2.1.5 ok")
	okContent  = Reply("250 2.0.0 ok, taken")
	okReset    = Reply("250 2.0.0 ok, forgotten")
	okAuth     = Reply("235 2.7.0 welcome")
	okVerify   = Reply("252 2.0.0 not told; send it, and you will hear")
	startInput = Reply("354 go on, and end with a line that is a dot alone")
	startTLS   = Reply("220 2.0.0 ready for TLS")
	goodbye    = Reply("221 2.0.0 goodbye")
	help       = Reply("214 2.0.0 RFC 5321 tells what can be said here")

	shuttingDown    = Reply("421 4.3.2 this server is shutting down, try again later")
	tooManySessions = Reply("421 4.3.2 too many sessions here, try again later")
	tooManyPerIP    = Reply("421 4.7.0 too many sessions from your address, try again later")
	timedOut        = Reply("421 4.4.2 that took too long")
	tooManyErrors   = Reply("421 4.7.0 too many errors")
	tooManyMails    = Reply("421 4.7.0 that were enough mails for one session, connect again")
	tooManyAuths    = Reply("421 4.7.0 too many failed attempts to authenticate")
	serverAtFault   = Reply("451 4.3.0 a fault of this server's, not of yours")
	tooManyRcpts    = Reply("452 4.5.3 too many recipients, send the rest in a further mail") // RFC 5321 §4.5.3.1.10
	authFault       = Reply("454 4.7.0 authentication does not work at the moment, try again later")

	unknownCommand  = Reply("500 5.5.1 there is no such command")
	lineTooLong     = Reply("500 5.5.2 the line is too long")
	badLine         = Reply("500 5.5.2 a line ends with CRLF, and has no CR, LF or NUL within")
	notTLS          = Reply("500 5.5.2 this port begins in clear text; use STARTTLS, or the port for TLS")
	responseTooLong = Reply("500 5.5.6 the line is too long") // RFC 4954 §6
	badArguments    = Reply("501 5.5.4 the command has no arguments")
	badSize         = Reply("501 5.5.4 BDAT has a size, and perhaps LAST")
	badBase64       = Reply("501 5.5.2 that is not base64")
	badResponse     = Reply("501 5.5.2 that is not what the mechanism has here")
	cancelled       = Reply("501 5.7.0 cancelled, as you wish")
	notOffered      = Reply("502 5.5.1 that is not offered here")
	needHello       = Reply("503 5.5.1 say hello first")
	needMail        = Reply("503 5.5.1 say MAIL first")
	needRcpt        = Reply("503 5.5.1 no recipient was taken")
	nested          = Reply("503 5.5.1 a mail is under way; say RSET to drop it")
	onlyQuit        = Reply("503 5.5.1 you were refused; only QUIT is left")
	twiceTLS        = Reply("503 5.5.1 TLS is spoken already")
	twiceAuth       = Reply("503 5.5.1 you are authenticated already")
	twoWays         = Reply("503 5.5.1 a content that came by BDAT does not go on by DATA") // RFC 3030 §2
	noMechanism     = Reply("504 5.5.4 that mechanism is not offered")
	needTLS         = Reply("530 5.7.0 say STARTTLS first")        // RFC 3207 §4
	needAuth        = Reply("530 5.7.0 authenticate first")        // RFC 4954 §6
	badCredentials  = Reply("535 5.7.8 authentication failed")     // RFC 4954 §6
	mechanismTLS    = Reply("538 5.7.11 that mechanism needs TLS") // RFC 4954 §6
	tooLarge        = Reply("552 5.3.4 the mail is larger than this server takes")
	needUTF8        = Reply("553 5.6.7 the address is not ASCII, and MAIL has no SMTPUTF8") // RFC 6531 §3.5
	notHTTP         = Reply("554 5.5.1 this is no HTTP server")
	runAhead        = Reply("554 5.5.0 a command stands behind the content, and PIPELINING was not agreed on")
	injected        = Reply("554 5.7.0 more stands behind STARTTLS; what is said within TLS begins after it")
	noMailHere      = Reply("554 5.3.2 no mail is taken here")
	textLineTooLong = Reply("554 5.6.0 a line of the content is longer than this server takes")
)
