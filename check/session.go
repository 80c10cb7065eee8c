package check

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// session opens a session as a mail would have it. Its steps are told by the Client's trace, as
// they are done.
func (w *walk) session() {
	if w.lenient() {
		x509.SystemCertPool() // it takes long once, and is not to count as the server's time
	}
	w.at = time.Now()
	client := w.newClient(w.hear)
	if w.check.Send && w.check.Timeout == 0 {
		client.Timeout = max(client.Timeout, time.Minute) // the verdict on a mail may take its time
	}
	defer client.Close()
	s, err := client.Open(w.ctx)
	if err != nil {
		if !w.stopped {
			w.sessionFailed(asError(err, smtp.StageDial))
		}
		return
	}
	switch {
	case w.check.From == "" || w.stopped:
	case w.check.Send:
		w.sendMail(s)
	default:
		w.verify(s)
	}
	s.Close()
}

// hear makes steps of what is said.
func (w *walk) hear(e smtp.Event) {
	if trace := w.check.Client.Trace; trace != nil {
		trace(e)
	}
	before := w.at
	w.at = e.At
	w.events = append(w.events, e)
	switch e.Did {
	case smtp.StartedTLS:
		w.startedTLS(e.TLS, e.At.Sub(before))
	case smtp.Command:
		w.leaving = e.Stage == smtp.StageQuit
		if name, ok := strings.CutPrefix(e.Line, "EHLO "); ok {
			w.hello = name
		}
		if mech, ok := strings.CutPrefix(e.Line, "AUTH "); ok {
			w.mech, _, _ = strings.Cut(mech, " ")
			w.asked = e.At
		}
	case smtp.Answer:
		w.answered(e)
	case smtp.Closed:
		switch {
		case w.goodbye != nil:
			w.give(*w.goodbye)
			w.goodbye = nil
		case e.Err != nil && w.leaving:
			// RFC 5321 §4.1.1.10 has it answer; that it does not harms nothing.
			w.give(Step{Name: "quit", Verdict: Warning, Found: same(e.Err.Error())})
		}
	default: // no step ends here
	}
}

// answered takes a line of a reply in; the last one ends a step, where it says yes. What says no is told
// by the error that follows.
func (w *walk) answered(e smtp.Event) {
	w.lines = append(w.lines, e.Line[min(4, len(e.Line)):])
	if len(e.Line) > 3 && e.Line[3] == '-' {
		return
	}
	lines := w.lines
	w.lines = nil
	if !strings.HasPrefix(e.Line, "2") && e.Stage != smtp.StageReset {
		return
	}
	s := Step{Verdict: Good, Took: e.Took}
	reply := e.Line[:min(3, len(e.Line))] + " " + strings.Join(lines, " / ")
	switch e.Stage {
	case smtp.StageGreeting:
		s.Name, s.Found, s.Facts.Banner = "greeting", foundSaid(lines[0]), lines[0]
	case smtp.StageHello:
		w.answeredHello(&s, lines)
	case smtp.StageAuth:
		s.Name, s.Took, s.Facts.Mechanism, s.Facts.Reply = "auth", e.At.Sub(w.asked), w.mech, reply
		s.Found = foundAuth(w.mech, reply)
	case smtp.StageMail, smtp.StageRcpt:
		s.Name, s.Facts.Reply, s.Found = e.Stage.String(), reply, foundSaid(reply)
	case smtp.StageEnd:
		s.Name, s.Facts.Reply, s.Found = "send", reply, foundSent(reply)
	case smtp.StageReset:
		s.Name, s.Facts.Reply, s.Found = "reset", reply, foundSaid(reply)
		if !strings.HasPrefix(reply, "2") {
			// QUIRK: some servers refuse RSET (eYou: 502), and QUIT takes the envelope back as well.
			s.Verdict = Warning
		}
		w.undone = &s // it is told behind a refusal that comes before it
		return
	case smtp.StageQuit:
		s.Name, s.Facts.Reply, s.Found = "quit", reply, foundSaid(reply)
		w.goodbye = &s // the connection closes next, and that belongs to it
		return
	default:
		return
	}
	w.give(s)
}

func (w *walk) answeredHello(s *Step, lines []string) {
	keywords := lines[1:]
	s.Name, s.Facts.Keywords, s.Facts.Mechanisms = "hello", keywords, mechanisms(keywords)
	s.Facts.Size = sizeOf(keywords)
	if w.state == nil && (w.security == smtp.StartTLS || w.security == smtp.Opportunistic && slices.Contains(words(keywords), "STARTTLS")) {
		s.Name, w.clear = "hello-clear", keywords
		s.Found = foundKeywords(keywords)
		if len(s.Facts.Mechanisms) > 0 {
			s.Remarks = append(s.Remarks, remarkAuthInClear())
		}
		return
	}
	if w.state == nil {
		for _, name := range []string{"hello-clear", "tls", "certificate", "versions"} {
			w.drop(name) // Opportunistic, and nothing was offered
		}
	}
	w.keywords = keywords
	s.Found = w.foundOffer(keywords)
	s.Remarks = w.judgeOffer(s.Facts.Mechanisms, s.Facts.Size)
}

func (w *walk) foundOffer(keywords []string) diagnose.Words {
	if w.state != nil && w.clear != nil {
		return foundWithin(w.clear, keywords)
	}
	return foundKeywords(keywords)
}

// judgeOffer looks at what a server offers to those who log in.
func (w *walk) judgeOffer(mechs []string, size int64) (list []Remark) {
	if w.state == nil && w.network == "tcp" && !isLoopback(w.host, w.ips) {
		list = append(list, remarkClearText())
	}
	if onlyOAuth(mechs) {
		list = append(list, remarkOnlyOAuth(mechs))
	}
	const small = 5_000_000
	if size > 0 && size < small {
		list = append(list, remarkSizeSmall(size))
	}
	return list
}

// lenient reports whether the Client goes on with a certificate that is not good.
func (w *walk) lenient() bool {
	t := w.check.Client.TLS
	return w.security == smtp.Opportunistic || t != nil && t.InsecureSkipVerify
}

// startedTLS is two steps, for a handshake may be good and the certificate not judged.
func (w *walk) startedTLS(state *tls.ConnectionState, took time.Duration) {
	w.state = state
	s := Step{Name: "tls", Verdict: Good, Took: took}
	s.Facts.TLS, s.Facts.Cipher = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	s.Found = foundTLS(s.Facts.TLS, s.Facts.Cipher)
	w.give(s)
	if len(state.PeerCertificates) == 0 {
		return
	}
	cert := describe(state.PeerCertificates)
	s = Step{Name: "certificate", Verdict: Good, Facts: Facts{Certificate: cert}, Found: foundCertificate(cert)}
	c := w.check.Client
	switch {
	case c.Fingerprint != "":
		s.Found = foundPinned(cert)
	case w.lenient():
		if cert.Problem = w.problem(state.PeerCertificates); cert.Problem != "" {
			s.Remarks = append(s.Remarks, remarkNotJudged(cert.Problem))
		}
	}
	if cert.Problem == "" && cert.DaysLeft < 14 {
		s.Remarks = append(s.Remarks, remarkExpires(cert.DaysLeft))
	}
	w.give(s)
}

// words are the keywords alone, in capitals.
func words(keywords []string) (list []string) {
	for _, k := range keywords {
		word, _, _ := strings.Cut(strings.ToUpper(k), " ")
		list = append(list, word)
	}
	return list
}

// mechanisms are what AUTH offers.
func mechanisms(keywords []string) (list []string) {
	for _, k := range keywords {
		// QUIRK: AUTH=LOGIN, as servers of the last century have it.
		fields := strings.Fields(strings.Replace(strings.ToUpper(k), "AUTH=", "AUTH ", 1))
		if len(fields) == 0 || fields[0] != "AUTH" {
			continue
		}
		for _, m := range fields[1:] {
			if !slices.Contains(list, m) {
				list = append(list, m)
			}
		}
	}
	return list
}

// sizeOf is the most octets that a mail may have: RFC 1870.
func sizeOf(keywords []string) int64 {
	for _, k := range keywords {
		if value, ok := strings.CutPrefix(strings.ToUpper(k), "SIZE "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n
		}
	}
	return 0
}
