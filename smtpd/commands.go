package smtpd

import (
	"bytes"

	"github.com/parleymail/parley/smtp"
)

// A command is what is true of one verb: RFC 5321 §4.1.1.
type command struct {
	verb  verb
	stage smtp.Stage
	needs need
	run   func(s *Session, args []byte) smtp.Reply
}

// A verb is up to eight octets, which are compared at once.
type verb uint64

func verbOf[T string | []byte](word T) (v verb) {
	if len(word) > 8 {
		return 0
	}
	for i := range len(word) {
		c := word[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A' // the case of a verb does not matter: RFC 5321 §2.4
		}
		v = v<<8 | verb(c)
	}
	return v
}

// A need is what must be so for a command to be run.
type need uint8

const (
	hello     need = 1 << iota // after EHLO
	secure                     // after STARTTLS, where that is required
	known                      // after AUTH, where that is required
	idle                       // between two mails
	mailed                     // after MAIL
	noArgs                     // without arguments
	junk                       // does nothing for the mail: so many and no more
	refusable                  // not after a greeting that refused
)

// commandTable is made for each Server: its functions lead back to it.
func commandTable(lmtp bool) []command {
	table := []command{
		{verbOf("MAIL"), smtp.StageMail, hello | secure | known | idle | refusable, (*Session).mail},
		{verbOf("RCPT"), smtp.StageRcpt, hello | secure | mailed | refusable, (*Session).rcpt},
		{verbOf("DATA"), smtp.StageData, 0, (*Session).data},    // its content may stand behind it already
		{verbOf("BDAT"), smtp.StageContent, 0, (*Session).bdat}, // its octets come along, whatever is missing
		{verbOf("RSET"), smtp.StageReset, secure | noArgs | junk | refusable, (*Session).reset},
		{verbOf("QUIT"), smtp.StageQuit, noArgs, (*Session).quit},
		{verbOf("NOOP"), 0, junk | refusable, (*Session).noop},
		{verbOf("AUTH"), smtp.StageAuth, hello | secure | idle | refusable, (*Session).auth},
		{verbOf("STARTTLS"), smtp.StageTLS, idle | noArgs | refusable, (*Session).starttls},
		{verbOf("VRFY"), 0, secure | junk | refusable, (*Session).verify},
		{verbOf("HELP"), 0, secure | junk | refusable, (*Session).help},
	}
	if lmtp {
		// RFC 2033 §4.1: there is no HELO and no EHLO in LMTP.
		return append(table, command{verbOf("LHLO"), smtp.StageHello, junk | refusable, (*Session).ehlo})
	}
	return append(table,
		command{verbOf("EHLO"), smtp.StageHello, junk | refusable, (*Session).ehlo},
		command{verbOf("HELO"), smtp.StageHello, junk | refusable, (*Session).helo})
}

// command runs a command.
func (s *Session) command(line []byte) smtp.Reply {
	c, args := s.find(line)
	if c == nil {
		s.stage = 0
		s.traceLine(line)
		if isHTTP(line) {
			return s.give(errHTTP, notHTTP)
		}
		return unknownCommand
	}
	s.stage = c.stage
	s.traceLine(line)
	s.garbage = c.stage == smtp.StageAuth
	if c.stage != smtp.StageAuth && len(line)+2 > s.server.limits.line {
		return lineTooLong
	}
	if s.server.Fault != nil && c.stage != smtp.StageContent { // BDAT's fault is that of the content
		if r, refused := s.meet(c.stage, line); refused {
			return s.unheeded(c, r)
		}
	}
	if r := s.lacks(c.needs, args); r.Code != 0 {
		return r
	}
	if c.needs&junk != 0 {
		if s.junk++; s.junk > s.server.limits.junk && s.strike() {
			return tooManyErrors
		}
	}
	return c.run(s, args)
}

// unheeded is the reply to a command that a fault refuses: it is not obeyed, but what
// comes along with it is not to be taken for commands.
func (s *Session) unheeded(c *command, r smtp.Reply) smtp.Reply {
	if c.stage == smtp.StageData && len(s.in.Buffered()) > 0 {
		return s.give(errRunAhead, r)
	}
	return r
}

// lacks is the reply to a command that may not be run now.
func (s *Session) lacks(needs need, args []byte) smtp.Reply {
	switch {
	case needs&refusable != 0 && s.refused:
		return onlyQuit
	case needs&hello != 0 && s.hello == "":
		return needHello
	case needs&secure != 0 && s.server.RequireTLS && s.tls == nil:
		return needTLS
	case needs&known != 0 && s.server.RequireAuth && s.user == "":
		return needAuth
	case needs&idle != 0 && s.t != nil:
		return nested
	case needs&mailed != 0 && s.t == nil:
		return needMail
	case needs&noArgs != 0 && len(args) > 0:
		return badArguments
	}
	return smtp.Reply{}
}

// find gives the command that a line has, and its arguments, without the blanks
// around them.
func (s *Session) find(line []byte) (*command, []byte) {
	word, args := cutWord(line)
	if v := verbOf(word); v != 0 {
		for i := range s.server.commands {
			if c := &s.server.commands[i]; c.verb == v {
				return c, args
			}
		}
	}
	return nil, nil
}

// cutWord takes a word off b, and the blanks around what is left.
func cutWord(b []byte) (word, rest []byte) {
	i := bytes.IndexByte(b, ' ')
	if i < 0 {
		return b, nil
	}
	word, rest = b[:i], b[i+1:]
	for len(rest) > 0 && isBlank(rest[0]) {
		rest = rest[1:]
	}
	for len(rest) > 0 && isBlank(rest[len(rest)-1]) {
		rest = rest[:len(rest)-1]
	}
	return word, rest
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// isHTTP reports whether a line is how HTTP begins. A page can make a browser send
// a form to any port, with a mail in it.
func isHTTP(line []byte) bool {
	if i := bytes.LastIndex(line, []byte(" HTTP/")); i > 0 {
		return true
	}
	verb, _ := cutWord(line)
	switch string(bytes.ToUpper(verb)) {
	case "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "HOST:":
		return true
	}
	return false
}

func (s *Session) reset([]byte) smtp.Reply {
	s.forget()
	return okReset
}

func (s *Session) quit([]byte) smtp.Reply {
	s.over = true
	return goodbye
}

func (s *Session) noop([]byte) smtp.Reply { return okGeneric }

func (s *Session) help([]byte) smtp.Reply { return help }

// verify tells nobody who is here: RFC 5321 §7.3.
func (s *Session) verify(args []byte) smtp.Reply {
	if len(args) == 0 {
		return Reply("501 5.5.4 VRFY has an argument")
	}
	return okVerify
}

func (s *Session) starttls([]byte) smtp.Reply {
	switch {
	case s.tls != nil:
		return twiceTLS
	case !s.offers(extStartTLS):
		return notOffered
	case len(s.in.Buffered()) > 0:
		// It was said in clear text, by the client or by whoever sits between, to be
		// taken for what the client said within TLS. No client does this by mistake.
		return s.give(ErrInjected, injected)
	}
	if s.fault != nil {
		s.config = s.fault.TLS
	}
	s.upgrading = true
	return startTLS
}
