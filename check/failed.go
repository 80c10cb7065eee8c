package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// What a session that failed is found to have failed of: by what it said, and by what
// probes bring out.

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
		defer look.leave()
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
		d = w.known(smtp.StageTLS, "certificate", false, causeCertificate(cert, w.serverName()), fixCertificate(cert, w.serverName()))
	}
	w.fail("certificate", e, d, func(s *Step) {
		if s.Facts.Certificate = cert; cert != nil {
			s.Found = foundCertificate(cert)
		}
	})
	if err == nil && look.keywords != nil {
		w.keywords = look.keywords
		s := Step{Name: "hello", Verdict: Good, Said: []smtp.Event{}, Found: w.foundOffer(look.keywords)}
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
