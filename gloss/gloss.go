package gloss

import (
	"net"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A Line is an event, and what is to be said of it.
type Line struct {
	Event     smtp.Event
	Place     transcript.Place
	Remark    diagnose.Words      // empty where there is nothing to say
	Repeated  bool                // the same was remarked before
	Diagnosis *diagnose.Diagnosis // of a refusal, with its last line, and of a connection that was lost; else nil
}

// Of is a word on each line of a conversation.
func Of(t transcript.Transcript) []Line {
	var g Glosser
	lines := make([]Line, len(t))
	for i, e := range t {
		lines[i] = g.Line(e)
	}
	return lines
}

// A Glosser follows a conversation, or several that go on at once. The zero value is ready; it is used by one
// goroutine at a time.
type Glosser struct {
	Server string // host or host:port of the server, where the conversation does not tell; it may say whose replies these are

	follower transcript.Follower
	spent    map[string]bool
	sessions map[uint64]*session
}

// A session is what must be known of one to speak of its next event.
type session struct {
	server  string   // as it was connected to, or as it says it is called
	told    bool     // it is the server that tells of this: "connected from"
	reply   []string // the lines of a reply that is not over
	refused bool     // the last reply was a refusal
	garbled bool     // something was said that is no reply
	last    transcript.Place
	owed    transcript.Place // the last command, until its reply is whole
	quit    bool             // QUIT was said
	inClear bool             // EHLO was said before TLS
	said    []smtp.Event
}

// keep is how much of a session is remembered for who judges its end.
const keep = 64

// Line is a word on the next event.
func (g *Glosser) Line(e smtp.Event) Line {
	if g.sessions == nil {
		g.spent, g.sessions = make(map[string]bool), make(map[uint64]*session)
	}
	p := g.follower.Follow(e)
	s := g.sessions[e.Session]
	if s == nil || e.Did == smtp.Connected {
		s = &session{server: g.Server}
		g.sessions[e.Session] = s
	}
	line := Line{Event: e, Place: p}
	var r remark
	switch e.Did {
	case smtp.Connected:
		r = s.connected(e)
	case smtp.StartedTLS:
		r = secured(e)
	case smtp.Command:
		r = s.command(e, p)
	case smtp.Answer:
		r, line.Diagnosis = s.answer(e, p)
	case smtp.Content:
		r = remark{says: wordContent}
	case smtp.Closed:
		r, line.Diagnosis = s.closed(e, p)
		delete(g.sessions, e.Session)
	default: // a note speaks for itself
	}
	s.last = p
	if len(s.said) == keep {
		s.said = s.said[1:]
	}
	s.said = append(s.said, e)
	line.Remark = r.words()
	if r.says.En != "" {
		line.Repeated = g.spent[r.says.En]
		g.spent[r.says.En] = true
	}
	return line
}

// A remark is a sentence, and what is put into it.
type remark struct {
	says  diagnose.Words
	value string // for %s
}

func (r remark) words() diagnose.Words {
	return diagnose.Words{
		En: strings.Replace(r.says.En, "%s", r.value, 1),
		Zh: strings.Replace(r.says.Zh, "%s", r.value, 1),
	}
}

func (s *session) connected(e smtp.Event) remark {
	if strings.HasPrefix(e.Line, "from ") {
		s.told = true
		return remark{says: wordFrom}
	}
	if host, _, err := net.SplitHostPort(e.Line); err == nil && s.server == "" && net.ParseIP(host) == nil {
		s.server = host
	}
	return remark{says: wordConnected}
}

func (s *session) command(e smtp.Event, p transcript.Place) remark {
	s.quit = s.quit || p.Verb == "QUIT"
	s.refused = false
	if p.Verb != transcript.Body {
		s.owed = p
	}
	return s.commandRemark(e, p)
}

func (s *session) answer(e smtp.Event, p transcript.Place) (remark, *diagnose.Diagnosis) {
	s.greeted(e, p)
	if p.First {
		s.reply = nil
	}
	s.reply = append(s.reply, e.Line)
	if p.Last {
		s.refused = p.Code >= 400
	}
	switch {
	case p.Code == 0 && s.garbled:
		return remark{}, nil
	case p.Code == 0:
		s.garbled = true // what follows is more of the same
		return remark{says: wordNoReply}, s.diagnosis(p)
	case p.Code >= 400 && p.Last:
		return refusal(p), s.diagnosis(p)
	case p.Code >= 400:
		return remark{}, nil
	}
	return answerRemark(e, p), nil
}

// greeted learns who the server is from its greeting, where nobody else has told.
func (s *session) greeted(e smtp.Event, p transcript.Place) {
	if p.Verb != transcript.Greeting || s.server != "" || len(e.Line) < 4 {
		return
	}
	if name, _, _ := strings.Cut(e.Line[4:], " "); strings.Contains(name, ".") {
		s.server = name
	}
}

// diagnosis is what a refusal means.
func (s *session) diagnosis(p transcript.Place) *diagnose.Diagnosis {
	d := diagnose.Reply(s.server, p.Stage, strings.Join(s.reply, "\n"))
	return &d
}
