package talk

import (
	"net"
	"os"
	"strings"
)

// A Completion is a line that may be meant, and why.
type Completion struct {
	Line string // all of it, from its begin
	Show string // the part that is new, as it is listed
	Why  string
}

// command is what is asked of the person where a command may be typed.
func (t *Talk) command() Ask {
	a := Ask{Prompt: promptClient, Keep: true, Wary: t.c.wary()}
	a.Hint = func(line string) string {
		state := t.c.State()
		return Hint(&state, line, t.Lang)
	}
	a.Complete = func(line string) []Completion {
		state := t.c.State()
		return complete(&state, line, t.names(), t.Lang)
	}
	if t.c.State().Exchange {
		a = Ask{Prompt: promptClient, Secret: true, Hint: constant(wordHintExchange.in(t.Lang))}
	}
	return a
}

// Hint is a line about what is typed: its syntax and what it is for, or else what comes
// next.
func Hint(s *State, line string, l Lang) string {
	word, _, more := strings.Cut(strings.TrimLeft(line, " "), " ")
	switch {
	case strings.HasPrefix(word, "/"):
		for _, o := range ownCommands() {
			if strings.EqualFold(o.name, word) || !more && strings.HasPrefix(o.name, strings.ToLower(word)) {
				return o.syntax + ": " + o.why.in(l)
			}
		}
		return ""
	case s.Closed:
		return wordHintOver.in(l)
	case word != "":
		for i := range commands {
			c := &commands[i]
			if strings.EqualFold(c.verb, word) || !more && strings.HasPrefix(c.verb, strings.ToUpper(word)) {
				return c.written(s) + ": " + c.why.in(l)
			}
		}
		return ""
	case s.Pending == greeting:
		return wordHintSilent.in(l)
	case s.Waiting > 0:
		return strings.Replace(wordHintWaiting.in(l), "%s", s.Pending, 1)
	}
	c := next(s)
	if c == nil {
		return wordHintTab.in(l)
	}
	text := strings.Replace(wordHintNext.in(l), "%s", c.syntax, 1)
	return strings.Replace(text, "%s", c.why.in(l), 1)
}

// names are what can be filled in for the person.
type names struct {
	host    string // what we call ourselves in EHLO
	address string // who we may send as
}

func (t *Talk) names() names {
	n := names{host: ownName(t.c.local())}
	if strings.Contains(t.User, "@") {
		n.address = t.User
	}
	return n
}

// ownName is what to say in EHLO: this host's full name, else its address. RFC 5321 §4.1.4.
func ownName(local net.Addr) string {
	if name, err := os.Hostname(); err == nil && strings.Contains(strings.Trim(name, "."), ".") && !strings.HasSuffix(name, ".localdomain") {
		return name
	}
	if a, ok := local.(*net.TCPAddr); ok {
		if ip4 := a.IP.To4(); ip4 != nil {
			return "[" + ip4.String() + "]"
		}
		return "[IPv6:" + a.IP.String() + "]"
	}
	return "localhost"
}

func (c *Conversation) local() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn.LocalAddr()
}

// complete gives what a line may be meant to be: commands that make sense now, their
// parameters where these are offered, and our own.
func complete(s *State, line string, n names, l Lang) []Completion {
	var list []Completion
	add := func(whole, show, why string) {
		if len(whole) > len(line) && strings.EqualFold(whole[:len(line)], line) {
			list = append(list, Completion{whole, show, why})
		}
	}
	if strings.HasPrefix(line, "/auth ") {
		for _, m := range mechanismsOf(s) {
			add("/auth "+strings.ToLower(m), strings.ToLower(m), "")
		}
		return list
	}
	if strings.HasPrefix(line, "/") {
		for _, o := range ownCommands() {
			whole := o.name
			if strings.Contains(o.syntax, " ") {
				whole += " "
			}
			add(whole, o.syntax, o.why.in(l))
		}
		return list
	}
	if verb, _, more := strings.Cut(line, " "); more {
		if c := find(verb); c != nil {
			c.arguments(s, line, n, l, add)
			return list
		}
	}
	first := next(s)
	if first != nil {
		add(first.begin, first.syntax, first.why.in(l))
	}
	for i := range commands {
		if c := &commands[i]; c != first && c.sensible(s) {
			add(c.begin, c.syntax, c.why.in(l))
		}
	}
	return list
}

// mechanismsOf are those that are offered, or all that we know where none is.
func mechanismsOf(s *State) []string {
	if len(s.Mechanisms) > 0 {
		return s.Mechanisms
	}
	return append(append([]string{}, passwordMechanisms...), tokenMechanisms...)
}

// arguments completes what stands behind a verb.
func (c *command) arguments(s *State, line string, n names, l Lang, add func(whole, show, why string)) {
	switch c.verb {
	case "EHLO", "HELO", "LHLO":
		add(c.verb+" "+n.host, n.host, c.why.in(l))
		return
	case "AUTH":
		for _, m := range s.Mechanisms {
			add(c.verb+" "+m, m, "")
		}
		return
	}
	path, _, ended := strings.Cut(line, ">")
	if !ended {
		add(c.begin, c.syntax, c.why.in(l))
		if c.verb == "MAIL" && n.address != "" {
			add(c.begin+n.address+">", "<"+n.address+">", c.why.in(l))
		}
		return
	}
	// Behind the path stand the parameters, each once.
	params := line[len(path)+1:]
	at := strings.LastIndexByte(params, ' ')
	if at < 0 {
		return
	}
	before := strings.ToUpper(params[:at])
	for _, p := range c.params {
		name, _, _ := strings.Cut(p.begin, "=")
		if s.Offers(p.keyword) && !strings.Contains(before, " "+name) {
			add(line[:len(path)+1]+params[:at]+" "+p.begin, p.begin, p.why.in(l))
		}
	}
}
