package replay

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A chain is a login of the recording: AUTH, and the responses after it.
type chain []*scene

// chain is the n-th login of the recording, or the last; nil, where there is none.
func (s *session) chain() chain {
	first := s.nth("AUTH")
	if first == nil {
		return nil
	}
	var list chain
	for _, c := range s.tape.scenes {
		if c == first || len(list) > 0 && c.key == transcript.Response {
			list = append(list, c)
			s.used[c] = true
		} else if len(list) > 0 {
			break
		}
	}
	return list
}

// outcome is how it ended.
func (l chain) outcome() *scene { return l[len(l)-1] }

// taken reports whether it succeeded.
func (l chain) taken() bool {
	c := l.outcome()
	return len(c.replies) > 0 && strings.HasPrefix(c.replies[0][0], "2")
}

// mechanism is what it was by.
func (l chain) mechanism() string {
	if words := strings.Fields(l[0].command); len(words) > 1 {
		return strings.ToUpper(words[1])
	}
	return ""
}

// challenge is the n-th 334 as the server said it; empty, where there is none or it was secret.
func (l chain) challenge(n int) string {
	for _, c := range l {
		if len(c.replies) == 0 || !strings.HasPrefix(c.replies[0][0], "334") {
			continue
		}
		if n == 0 {
			line := c.replies[0][0]
			if strings.Contains(line, secret.Mark) {
				return ""
			}
			return line
		}
		n--
	}
	return ""
}

// errTakenBack is a login that the client ended by "*": RFC 4954 §4.
var errTakenBack = errors.New("the client took the login back")

// login answers AUTH as the recording does, by whatever mechanism.
func (s *session) login(line string) error {
	l := s.chain()
	if l == nil || s.refuses() {
		return s.perform(nil, "AUTH")
	}
	mechanism, initial := "", ""
	if words := strings.Fields(line); len(words) > 2 {
		initial = words[2]
	}
	if words := strings.Fields(s.line); len(words) > 1 { // as it may be told
		mechanism = strings.ToUpper(words[1])
	}
	if mechanism == "" {
		return s.say([]string{"501 5.5.4 parley replay: AUTH wants a mechanism"})
	}
	if mechanism != l.mechanism() {
		s.depart(Mechanism, mechanism, l.mechanism())
		if s.refuses() {
			return s.perform(nil, "AUTH")
		}
	}
	if len(l) == 1 && !l[0].secret && l.challenge(0) == "" && len(l[0].replies) > 0 {
		return s.perform(l[0], "AUTH") // it was not even begun
	}
	err := s.exchange(l, mechanism, initial)
	if errors.Is(err, errTakenBack) {
		return s.say([]string{"501 5.7.0 parley replay: the login is taken back"})
	}
	return err
}

// exchange asks for what a mechanism has to say, and then says how it ended.
func (s *session) exchange(l chain, mechanism, initial string) error {
	same := mechanism == l.mechanism()
	n := 0 // of the challenges
	ask := func(otherwise string) error {
		line := ""
		if same {
			line = l.challenge(n)
		}
		if n++; line == "" {
			line = "334 " + otherwise
		}
		_, err := s.respond(line)
		return err
	}
	var err error
	switch {
	case strings.HasPrefix(mechanism, "SCRAM-"):
		return s.scram(l, mechanism, initial)
	case mechanism == "LOGIN":
		if initial == "" {
			err = ask(encode("Username:"))
		} else if same && l.challenge(1) != "" {
			n++ // that for the name is not said
		}
		if err == nil {
			err = ask(encode("Password:"))
		}
	case mechanism == "CRAM-MD5":
		same = false // each has its own
		err = ask(encode("<" + strconv.FormatInt(time.Now().UnixNano(), 10) + "@parley.replay>"))
	case mechanism == "XOAUTH2", mechanism == "OAUTHBEARER":
		if initial == "" {
			err = ask("")
		} else if same && strings.TrimSpace(l.challenge(0)) == "334" {
			n++
		}
		if err == nil && !l.taken() && same && l.challenge(n) != "" {
			err = ask("") // what is wrong with the token: RFC 7628 §3.2.2
		}
	case mechanism == "PLAIN", mechanism == "EXTERNAL":
		if initial == "" {
			err = ask("")
		}
	default:
		return s.verbatim(l, mechanism)
	}
	if err != nil {
		return err
	}
	return s.perform(l.outcome(), "AUTH")
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// respond says a challenge, and hears the response.
func (s *session) respond(challenge string) (string, error) {
	if err := s.say([]string{strings.TrimRight(challenge[:min(4, len(challenge))], " ") + " " + challenge[min(4, len(challenge)):]}); err != nil {
		return "", err
	}
	line, err := s.read()
	if err != nil {
		return "", err
	}
	shown := secret.Mark
	if line == "*" || line == "" {
		shown = line
	}
	s.tell(smtp.Event{Stage: smtp.StageAuth, Did: smtp.Command, Line: shown, Hidden: shown != line})
	if line == "*" {
		return "", errTakenBack
	}
	return line, nil
}

// verbatim plays a login by a mechanism that nobody here speaks: what the server said then may do, where the client
// does not look at it.
func (s *session) verbatim(l chain, mechanism string) error {
	same := mechanism == l.mechanism()
	if !same && l.taken() {
		return s.unproved(mechanism)
	}
	for n := range len(l) - 1 {
		challenge := l.challenge(n)
		if !same || challenge == "" {
			if l.taken() {
				return s.unproved(mechanism)
			}
			break
		}
		if _, err := s.respond(challenge); err != nil {
			return err
		}
	}
	return s.perform(l.outcome(), "AUTH")
}

// unproved is a login that cannot be played.
func (s *session) unproved(mechanism string) error {
	s.depart(Unproved, mechanism, "")
	return s.say([]string{"535 5.7.8 parley replay: by this mechanism the server must prove that it knows the password"})
}

// scram plays a login in which the server has to prove that it knows the password: RFC 5802. It can for Users; and where
// the login is to fail it need not.
func (s *session) scram(l chain, mechanism, initial string) error {
	x, err := s.server.accounts.Start(mechanism, s.channel())
	if err != nil {
		if l.taken() {
			return s.unproved(mechanism)
		}
		return s.perform(l.outcome(), "AUTH")
	}
	var response []byte
	heard := 0
	if initial != "" {
		response, err = decode(initial)
		heard++
	}
	for ; err == nil; heard++ {
		if !l.taken() && heard == 2 { // the proof is not looked at
			return s.perform(l.outcome(), "AUTH")
		}
		challenge, done, wrong := x.Next(s.ctx, response)
		switch {
		case wrong != nil && l.taken():
			return s.unproved(mechanism)
		case wrong != nil, done:
			return s.perform(l.outcome(), "AUTH")
		}
		line, failed := s.respond("334 " + base64.StdEncoding.EncodeToString(challenge))
		if failed != nil {
			return failed
		}
		response, err = decode(line)
	}
	return s.say([]string{"501 5.5.2 parley replay: this is no base64"})
}

// decode undoes base64; "=" is an initial response that is empty: RFC 4954 §4.
func decode(text string) ([]byte, error) {
	if text == "=" || text == "" {
		return []byte{}, nil
	}
	return base64.StdEncoding.DecodeString(text)
}
