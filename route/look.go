package route

import (
	"net"
	"strconv"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/outbox"
)

// look finds what is wrong with a table, all of it, and makes its rules ready.
func (t *Table) look() (rules []rule, faults Faults) {
	names := map[string]bool{mxName: true}
	for i := range t.Servers {
		s := &t.Servers[i]
		if w := t.lookServer(s, names); w.En != "" {
			faults = append(faults, &Fault{Server: s.Name, Words: w})
		}
		names[s.Name] = true
	}
	catches := false // some rule fits everything
	for i := range t.Rules {
		r := &t.Rules[i]
		made, w := r.ready(names)
		if catches {
			w = wordNever
		}
		if w.En != "" {
			faults = append(faults, &Fault{Rule: i + 1, Words: w, name: r.Name})
		}
		catches = catches || r.fitsAll()
		rules = append(rules, made)
	}
	last := Rule{Servers: t.Default}
	if len(t.Default) == 0 && len(t.Servers) == 1 {
		last.Servers = []string{t.Servers[0].Name}
	}
	switch made, w := last.ready(names); {
	case len(last.Servers) > 0 && w.En != "":
		faults = append(faults, &Fault{Words: diagnose.Words{En: fill(wordDefault, w.En).En, Zh: fill(wordDefault, w.Zh).Zh}})
	case len(last.Servers) > 0:
		rules = append(rules, made)
	case !catches:
		faults = append(faults, &Fault{Words: wordNoDefault})
	}
	if t.MX.Port < 0 || t.MX.Port > 65535 {
		faults = append(faults, &Fault{Words: fill(wordPort, t.MX.Port)})
	}
	return rules, faults
}

func (r *Rule) fitsAll() bool {
	return len(r.From)+len(r.To)+len(r.Class)+len(r.Origin)+len(r.Topic) == 0
}

// lookServer says what is wrong with a server; nothing, where nothing is.
func (t *Table) lookServer(s *Server, names map[string]bool) (w diagnose.Words) {
	switch {
	case s.Name == mxName || s.Name == discardName:
		return wordTaken
	case s.Name == "" || strings.ContainsFunc(s.Name, isNoName):
		return wordBadName
	case names[s.Name]:
		return wordTwice
	case s.Client == nil:
		return wordNoClient
	case len(s.Account) > 320 || strings.ContainsFunc(s.Account, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return wordAccount
	case t.isSelf(s.Client.Addr):
		return fill(wordSelf, plain.Quoted(s.Client.Addr))
	}
	if _, ok := t.facts().Provider(s.Provider); s.Provider != "" && !ok {
		return fill(wordProvider, plain.Quoted(s.Provider))
	}
	return w
}

func isNoName(r rune) bool {
	return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
}

// ready makes a rule of what a person wrote, or says what is wrong with it.
func (r *Rule) ready(names map[string]bool) (made rule, w diagnose.Words) {
	made.origin, made.topic, made.discard = newGlobs(r.Origin), newGlobs(r.Topic), r.Discard
	for _, c := range r.Class {
		class, err := outbox.ParseClass(c)
		if err != nil {
			return made, fill(wordClass, plain.Quoted(c))
		}
		made.class = append(made.class, class)
	}
	for _, p := range r.From {
		made.from = append(made.from, newPathGlob(p))
	}
	for _, p := range r.To {
		made.to = append(made.to, newPathGlob(p))
	}
	for _, p := range append(r.From[:len(r.From):len(r.From)], r.To...) {
		if p == "" || strings.ContainsAny(p, " \t\r\n") {
			return made, fill(wordPattern, plain.Quoted(p))
		}
	}
	ways := 0
	for _, is := range []bool{len(r.Servers) > 0, r.Refuse != "", r.Discard} {
		if is {
			ways++
		}
	}
	if ways != 1 {
		return made, wordOneWay
	}
	if r.Refuse != "" {
		if made.refuse = refusal(r.Refuse); strings.ContainsFunc(made.refuse, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return made, wordControl
		}
	}
	made.steps, w = readSteps(r.Servers, names)
	return made, w
}

func readSteps(places []string, names map[string]bool) (steps []step, w diagnose.Words) {
	seen := map[string]bool{}
	for _, place := range places {
		var s step
		for _, word := range strings.Fields(strings.ReplaceAll(place, ",", " ")) {
			sh, ok := readShare(word)
			switch {
			case !ok:
				return nil, fill(wordWeight, plain.Quoted(word))
			case !names[sh.server]:
				return nil, fill(wordNoServer, plain.Quoted(sh.server))
			case seen[sh.server]:
				return nil, fill(wordSameTwice, plain.Quoted(sh.server))
			}
			seen[sh.server] = true
			s = append(s, sh)
		}
		if len(s) == 0 {
			return nil, wordEmpty
		}
		steps = append(steps, s)
	}
	return steps, w
}

// readShare reads "ses" or "ses:3".
func readShare(word string) (share, bool) {
	name, weight, has := strings.Cut(word, ":")
	if !has {
		return share{name, 1}, true
	}
	w, err := strconv.ParseFloat(weight, 64)
	return share{name, w}, err == nil && w > 0 && w <= 1e6
}

// isSelf reports whether a name, an address, or either with a port is one that this machine is known by.
func (t *Table) isSelf(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = addr, ""
	}
	host = plainHost(host)
	for _, self := range t.Self {
		h, p, err := net.SplitHostPort(self)
		if err != nil {
			h, p = self, ""
		}
		if plainHost(h) == host && (p == "" || p == port) {
			return true
		}
	}
	return false
}

func plainHost(h string) string { return asciiDomain(strings.Trim(h, "[]")) }
