package talk

import (
	"maps"
	"strconv"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// A State is what follows from what was said so far, on both sides.
type State struct {
	Closed  bool // nothing more goes over
	Lost    bool // it was closed while a reply was owed
	TLS     bool
	Greeted bool // the server has said 220
	LMTP    bool // LHLO was said

	// Hello is the verb by which we said who we are, and that the server took: EHLO,
	// HELO, LHLO. Empty before, and after TLS began.
	Hello      string
	Extensions map[string]string // keyword, in capitals, to its parameters; never changed, only replaced
	Mechanisms []string          // of AUTH, in capitals

	User     bool  // a login was taken
	Exchange bool  // the server waits for a response: it has said 334
	Mail     bool  // a reverse-path was taken
	Rcpt     int   // forward-paths that were
	Data     bool  // the server waits for the content, up to the dot
	Chunk    int64 // octets of a chunk that are still to come, after BDAT

	Waiting int        // commands without their reply
	Pending string     // the verb of the oldest of them
	Last    smtp.Reply // the last whole reply; its Code is 0 where it was none
	LastTo  string     // the verb of the command that it was to; empty for the greeting and what nobody asked for
	Stage   smtp.Stage // of that command
}

// Offers reports whether the server offered an extension.
func (s *State) Offers(keyword string) bool {
	_, ok := s.Extensions[keyword]
	return ok
}

// clear ends the transaction that is under way: RFC 5321 §4.1.1.5.
func (s *State) clear() { s.Mail, s.Rcpt, s.Data, s.Chunk = false, 0, false, 0 }

// startedTLS forgets what was learnt in clear text: RFC 3207 §4.2.
func (s *State) startedTLS() {
	s.clear()
	s.TLS = true
	s.Hello, s.Extensions, s.Mechanisms, s.User, s.Exchange = "", nil, nil, false, false
}

// heard is what follows from a reply to a command.
func (s *State) heard(a asked, r smtp.Reply) {
	s.Last, s.LastTo, s.Stage = r, a.verb, a.stage
	yes := r.Code/100 == 2
	switch a.verb {
	case greeting:
		s.Greeted = s.Greeted || yes
	case "EHLO", "LHLO", "HELO":
		if yes {
			s.clear() // RFC 5321 §4.1.4: as if by RSET
			s.Hello = a.verb
			s.LMTP = s.LMTP || a.verb == "LHLO"
			s.extend(a.verb, r.Lines)
		}
	case "AUTH", response:
		s.Exchange = r.Code == 334
		s.User = s.User || r.Code == 235
	case "MAIL":
		s.Mail = s.Mail || yes
	case "RCPT":
		if yes {
			s.Rcpt++
		}
	case "DATA":
		s.Data = r.Code == 354
	case ".":
		s.clear()
	case "BDAT":
		if a.last || !yes {
			s.clear()
		}
	case "RSET":
		if yes {
			s.clear()
		}
	}
}

// extend reads what the server offers: RFC 5321 §4.1.1.1.
func (s *State) extend(verb string, lines []string) {
	s.Extensions, s.Mechanisms = nil, nil
	if verb == "HELO" || len(lines) == 0 {
		return
	}
	all := make(map[string]string)
	for _, line := range lines[1:] {
		keyword, params := cutKeyword(line)
		if keyword == "AUTH" {
			s.Mechanisms = append(s.Mechanisms, strings.Fields(strings.ToUpper(params))...)
		}
		if _, twice := all[keyword]; !twice && keyword != "" {
			all[keyword] = params
		}
	}
	s.Extensions = maps.Clone(all)
}

// cutKeyword parts a line of the reply to EHLO.
//
// QUIRK: old servers write AUTH=LOGIN for AUTH LOGIN.
func cutKeyword(line string) (keyword, params string) {
	keyword, params, _ = strings.Cut(strings.TrimSpace(line), " ")
	keyword = strings.ToUpper(keyword)
	if mechanisms, ok := strings.CutPrefix(keyword, "AUTH="); ok {
		return "AUTH", mechanisms + " " + params
	}
	return keyword, strings.TrimSpace(params)
}

// greeting and response stand where there is no verb: for what the server says first, and
// for a line that answers a 334.
const (
	greeting = "greeting"
	response = "response"
)

// An asked is something that the server owes a reply to.
type asked struct {
	verb  string // in capitals; greeting, response, "."
	stage smtp.Stage
	size  int64 // of BDAT: the octets that follow
	last  bool  // of BDAT: no chunk comes after it
}

// ask is what a line asks for, as it is typed.
func ask(line string) asked {
	line = strings.TrimSpace(line)
	verb, rest := line, ""
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		verb, rest = line[:i], line[i:]
	}
	a := asked{verb: strings.ToUpper(verb)}
	// MAIL and RCPT without their blanks are typed often enough.
	for _, known := range [...]string{"MAIL", "RCPT"} {
		if strings.HasPrefix(a.verb, known) {
			a.verb = known
		}
	}
	if a.verb == "BDAT" {
		size, last, _ := strings.Cut(strings.TrimSpace(rest), " ")
		a.size, _ = strconv.ParseInt(size, 10, 64)
		a.size = max(a.size, 0)
		a.last = strings.EqualFold(strings.TrimSpace(last), "LAST")
	}
	a.stage = stageOf(a.verb)
	return a
}

func stageOf(verb string) smtp.Stage {
	switch verb {
	case greeting:
		return smtp.StageGreeting
	case "EHLO", "HELO", "LHLO":
		return smtp.StageHello
	case "STARTTLS":
		return smtp.StageTLS
	case "AUTH", response:
		return smtp.StageAuth
	case "MAIL":
		return smtp.StageMail
	case "RCPT", "VRFY", "EXPN":
		return smtp.StageRcpt
	case "DATA":
		return smtp.StageData
	case ".", "BDAT":
		return smtp.StageEnd
	case "QUIT":
		return smtp.StageQuit
	case "RSET", "NOOP", "HELP":
		return smtp.StageReset
	}
	return 0
}
