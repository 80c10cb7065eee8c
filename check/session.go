package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
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
	if w.check.Send && w.check.From != "" && !w.stopped {
		w.sendMail(s)
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
		if w.goodbye != nil {
			w.give(*w.goodbye)
			w.goodbye = nil
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
	if !strings.HasPrefix(e.Line, "2") {
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
	case smtp.StageQuit:
		if !slices.Equal(w.plan, w.afterSession()) {
			return // the envelope comes yet, over a connection of its own
		}
		s.Name, s.Facts.Reply, s.Found = "quit", reply, foundSaid(reply)
		w.goodbye = &s // the connection closes next, and that belongs to it
		return
	default:
		return
	}
	w.give(s)
}

// afterSession is what is left of the plan when a session without an envelope ends.
func (w *walk) afterSession() []string {
	if w.security == smtp.Plaintext {
		return []string{"quit"}
	}
	return []string{"quit", "versions"}
}

func (w *walk) answeredHello(s *Step, lines []string) {
	keywords := lines[1:]
	s.Name, s.Facts.Keywords, s.Facts.Mechanisms = "hello", keywords, mechanisms(keywords)
	s.Facts.Size = sizeOf(keywords)
	if w.state == nil && (w.security == smtp.StartTLS || w.security == smtp.Opportunistic && slices.Contains(words(keywords), "STARTTLS")) {
		s.Name, w.clear = "hello-clear", keywords
		s.Found = foundKeywords(lines[0], keywords)
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
	s.Found = foundKeywords(lines[0], keywords)
	s.Remarks = w.judgeOffer(s.Facts.Mechanisms, s.Facts.Size)
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

// sessionFailed tells at which step the session ended, having learnt more where more can be
// learnt.
func (w *walk) sessionFailed(e *smtp.Error) {
	switch e.Stage {
	case smtp.StageDial:
		w.fail("tcp", e, nil)
	case smtp.StageGreeting:
		w.greetingFailed(e)
	case smtp.StageHello:
		name := "hello"
		if w.state == nil && slices.Contains(w.plan, "hello-clear") {
			name = "hello-clear"
		}
		w.fail(name, e, nil)
	case smtp.StageTLS:
		w.tlsFailed(e)
	case smtp.StageAuth:
		w.authFailed(e)
	default:
		w.fail(e.Stage.String(), e, nil)
	}
}

// greetingFailed is a server that says nothing, or nothing of SMTP.
func (w *walk) greetingFailed(e *smtp.Error) {
	if e.Reply.Code != 0 || e.Kind == smtp.Interrupted || !w.direct || w.brief {
		w.fail("greeting", e, nil)
		return
	}
	speaks := ofLine(e)
	if speaks == "" && w.state == nil {
		speaks = w.lookTLS().speaks
	}
	switch {
	case w.state != nil && speaks == "":
		// TLS was fine, and what is within is no mail server, or a slow one.
		w.fail("greeting", e, nil)
	case speaks == SMTPS:
		mode := &smtp.Error{Kind: smtp.Insecure, Stage: smtp.StageGreeting, Said: e.Said,
			Err: fmt.Errorf("this port speaks TLS from the first octet: %w", e.Err)}
		d := w.known(smtp.StageGreeting, "wrong-port-or-tls-mode", false, causeSpeaksTLS(w.addr), fixSpeaksTLS(w.urlAt(w.port, smtp.ImplicitTLS)))
		w.fail("greeting", mode, d, speaking(speaks), finding(foundOnlyTLS()))
	case speaks != "" && speaks != Silence && speaks != SMTP:
		d := w.known(smtp.StageGreeting, "wrong-port-or-tls-mode", false, causeSpeaks(w.addr, speaks), fixOtherProtocol(speaks))
		w.fail("greeting", e, d, speaking(speaks))
	default:
		d, found := w.explain(e), func(*Step) {}
		if isSilence(e) {
			d = w.known(smtp.StageGreeting, "timeout", true, causeNoGreeting(w.addr, w.timeout), fixNoGreeting())
			found = finding(foundSilence(w.timeout))
		}
		w.fail("greeting", e, d, speaking(Silence), found)
	}
}

func finding(text diagnose.Words) func(*Step) { return func(s *Step) { s.Found = text } }

func speaking(p Protocol) func(*Step) { return func(s *Step) { s.Facts.Speaks = p } }

// tlsFailed is TLS asked for and not had.
func (w *walk) tlsFailed(e *smtp.Error) {
	switch {
	case e.Kind == smtp.Interrupted || e.Kind == smtp.Invalid || !w.direct || w.brief:
		w.fail("tls", e, nil)
	case badCertificate(e):
		w.certificateFailed(e)
	case w.security == smtp.ImplicitTLS:
		w.implicitFailed(e)
	case !w.sawSTARTTLS():
		w.noSTARTTLS(e)
	case e.Reply.Code != 0:
		w.fail("tls", e, nil)
	default:
		w.handshakeFailed(e)
	}
}

func (w *walk) sawSTARTTLS() bool { return slices.Contains(words(w.clear), "STARTTLS") }

// noSTARTTLS is a server that offers none. Whether it offers logins in clear text, and what
// its other ports speak, is told.
func (w *walk) noSTARTTLS(e *smtp.Error) {
	ports := w.otherPorts()
	d := w.known(smtp.StageTLS, "starttls-unavailable", false, causeNoSTARTTLS(w.addr), w.fixPorts(ports, w.fixNoSTARTTLS()))
	w.fail("tls", e, d, func(s *Step) { s.Facts.Other, s.Facts.Speaks = ports, SMTP })
}

// implicitFailed is a port that does not answer to TLS: mostly one that speaks first, in clear
// text.
func (w *walk) implicitFailed(e *smtp.Error) {
	look := w.lookPlain()
	switch {
	case look.speaks == SMTP:
		security := smtp.Plaintext
		if look.starttls {
			security = smtp.StartTLS
		}
		fix := fixSpeaksPlain(w.urlAt(w.port, security), look.starttls)
		e := &smtp.Error{Kind: smtp.Insecure, Stage: smtp.StageTLS, Err: e.Err, Said: e.Said}
		w.fail("tls", e, w.known(smtp.StageTLS, "wrong-port-or-tls-mode", false, causeSpeaksPlain(w.addr, look.starttls), fix), speaking(SMTP), banner(look.banner), finding(foundOnlyPlain(look.banner)))
	case look.speaks != Silence && look.speaks != Closed && look.speaks != "":
		d := w.known(smtp.StageTLS, "wrong-port-or-tls-mode", false, causeSpeaks(w.addr, look.speaks), fixOtherProtocol(look.speaks))
		w.fail("tls", e, d, speaking(look.speaks))
	default:
		w.handshakeFailed(e)
	}
}

func banner(s string) func(*Step) { return func(step *Step) { step.Facts.Banner = s } }

// handshakeFailed is TLS that both sides speak and do not agree on. Old servers offer only what has been
// given up.
func (w *walk) handshakeFailed(e *smtp.Error) {
	w.tryVersions()
	var d *diagnose.Diagnosis
	if n := len(w.versions); n > 0 && oldTLS(w.versions[n-1]) {
		d = w.known(smtp.StageTLS, "tls-handshake", false, causeOldTLS(w.addr, w.versions), fixOldTLS())
	} else if n > 0 {
		d = w.known(smtp.StageTLS, "tls-handshake", false, causeHandshake(w.versions), fixHandshake())
	}
	w.fail("tls", e, d, func(s *Step) { s.Facts.Versions = w.versions })
}

// certificateFailed is a certificate that is not believed: a second look shows which, and
// what the server would have offered.
func (w *walk) certificateFailed(e *smtp.Error) {
	chain := chainOf(e)
	look, err := w.openLine(openLoosely)
	if err == nil {
		defer look.close()
		if look.state != nil {
			chain, w.state = look.state.PeerCertificates, look.state
			w.give(Step{Name: "tls", Verdict: Good, Said: []smtp.Event{}, Found: foundTLS(tls.VersionName(look.state.Version), tls.CipherSuiteName(look.state.CipherSuite)),
				Facts: Facts{TLS: tls.VersionName(look.state.Version), Cipher: tls.CipherSuiteName(look.state.CipherSuite)}})
		}
	}
	cert := describe(chain)
	if cert != nil {
		cert.Problem = w.problem(chain)
		if w.check.Client.Fingerprint != "" {
			cert.Problem = problemPinned
		}
	}
	d := w.explain(e)
	if cert != nil && cert.Problem != "" {
		d = w.known(smtp.StageTLS, "certificate", false, causeCertificate(cert, w.serverName()), fixCertificate(cert, w.serverName(), w.port))
	}
	w.fail("certificate", e, d, func(s *Step) {
		if s.Facts.Certificate = cert; cert != nil {
			s.Found = foundCertificate(cert)
		}
	})
	if err == nil && look.keywords != nil {
		w.keywords = look.keywords
		s := Step{Name: "hello", Verdict: Good, Said: []smtp.Event{}, Found: foundKeywords(look.host, look.keywords)}
		s.Facts = Facts{Keywords: look.keywords, Mechanisms: mechanisms(look.keywords), Size: sizeOf(look.keywords)}
		w.give(s)
	}
}

// authFailed tells a login that was refused from one that could not be tried.
func (w *walk) authFailed(e *smtp.Error) {
	mechs := mechanisms(w.keywords)
	var d *diagnose.Diagnosis
	switch {
	case e.Kind == smtp.Unsupported && len(mechs) == 0 && w.state == nil && slices.Contains(words(w.keywords), "STARTTLS"):
		d = w.known(smtp.StageAuth, "tls-required", false, causeAuthAfterTLS(w.addr), fixAuthAfterTLS(w.urlAt(w.port, smtp.StartTLS)))
	case e.Kind == smtp.Unsupported && len(mechs) == 0:
		ports := w.otherPorts()
		d = w.known(smtp.StageAuth, "auth-mechanism", false, causeNoAuth(w.addr), w.fixPorts(ports, fixNoAuth()))
	case e.Kind == smtp.Unsupported && onlyOAuth(mechs):
		d = w.known(smtp.StageAuth, "auth-needs-oauth", false, causeOnlyOAuth(mechs), fixOnlyOAuth())
	}
	w.fail("auth", e, d, func(s *Step) {
		s.Facts.Mechanisms, s.Facts.Mechanism = mechs, w.mech
		if !w.asked.IsZero() {
			s.Took = w.at.Sub(w.asked)
		}
	})
}

func onlyOAuth(mechs []string) bool {
	return len(mechs) > 0 && !slices.ContainsFunc(mechs, func(m string) bool { return m != "XOAUTH2" && m != "OAUTHBEARER" })
}

// sendMail sends a short mail; its steps are told by hear.
func (w *walk) sendMail(s *smtp.Session) {
	m, err := w.message()
	if err != nil {
		w.fail("mail", &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageMail, Err: err}, nil)
		return
	}
	if _, err := s.Send(w.ctx, m); err != nil && !w.stopped {
		e := asError(err, smtp.StageMail)
		name := e.Stage.String()
		if e.Stage >= smtp.StageData && e.Stage <= smtp.StageEnd {
			name = "send"
		}
		w.fail(name, e, nil)
	}
}

func (w *walk) message() (*mail.Message, error) {
	m := &mail.Message{
		To: mail.To(w.recipient()), Subject: "Parley check",
		Text:          "This mail was sent by a check of " + w.addr + ". It can be thrown away.\n",
		AutoSubmitted: "auto-generated",
	}
	from, err := mail.ParsePath(w.check.From)
	if err != nil {
		return nil, err
	}
	if m.From.Address = w.check.From; from.IsNull() {
		m.From.Address, m.ReversePath = w.recipient(), &from
	}
	return m, nil
}

func (w *walk) recipient() string {
	if w.check.To != "" {
		return w.check.To
	}
	return w.check.From
}

// asError is the *smtp.Error that package smtp gives for everything.
func asError(err error, stage smtp.Stage) *smtp.Error {
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		return e
	}
	e := &smtp.Error{Kind: smtp.Unreachable, Stage: stage, Err: err}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		e.Kind = smtp.Interrupted
	}
	return e
}

// badCertificate tells a certificate that was judged and found bad from other trouble with TLS.
func badCertificate(e *smtp.Error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](e.Err)
	return verify || strings.Contains(e.Error(), "the certificate's fingerprint is")
}

func chainOf(e *smtp.Error) []*x509.Certificate {
	if v, ok := errors.AsType[*tls.CertificateVerificationError](e.Err); ok {
		return v.UnverifiedCertificates
	}
	return nil
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
