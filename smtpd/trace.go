package smtpd

import (
	"bytes"
	"crypto/tls"
	"time"

	"github.com/parleymail/parley/internal/secret"
	"github.com/parleymail/parley/smtp"
)

// What is told to Server.Trace. Nothing is made for it where there is none.

func (s *Session) trace(e smtp.Event) {
	e.At, e.Session = time.Now(), s.number
	s.server.Trace(e)
}

func (s *Session) traced() bool { return s.server.Trace != nil }

func (s *Session) traceConnected() {
	if s.traced() {
		s.trace(smtp.Event{Stage: smtp.StageDial, Did: smtp.Connected, Line: "from " + s.RemoteAddr().String()})
	}
}

func (s *Session) traceTLS() {
	if !s.traced() {
		return
	}
	line := tls.VersionName(s.tls.Version) + ", " + tls.CipherSuiteName(s.tls.CipherSuite)
	if len(s.tls.PeerCertificates) > 0 {
		line += ", certificate of " + s.tls.PeerCertificates[0].Subject.String()
	}
	if s.tls.DidResume {
		line += ", resumed"
	}
	s.trace(smtp.Event{Stage: smtp.StageTLS, Did: smtp.StartedTLS, Line: line, TLS: s.tls})
}

// traceLine tells of a line from the client, without what is secret in it.
func (s *Session) traceLine(line []byte) {
	if !s.traced() {
		return
	}
	shown, hidden := s.shown(line)
	s.trace(smtp.Event{Stage: s.stage, Did: smtp.Command, Line: shown, Hidden: hidden})
}

// traceSecret tells of a line that is a response of AUTH.
func (s *Session) traceSecret() {
	if s.traced() {
		s.trace(smtp.Event{Stage: s.stage, Did: smtp.Command, Line: secret.Mark, Hidden: true})
	}
}

// shown is a line as it may be seen by anybody.
func (s *Session) shown(line []byte) (text string, hidden bool) {
	verb, args := cutWord(line)
	switch {
	case s.exchange != nil, s.stage == 0 && s.garbage:
		// A client that was told no may not have heard it, and says the name and the
		// password that it was going to say; and a fault may have asked it for them.
		return secret.Mark, true
	case s.stage == 0 && bytes.Contains(bytes.ToUpper(line), []byte("AUTH")) && (len(verb) != 4 || !bytes.EqualFold(verb, []byte("AUTH"))):
		return secret.Mark, true
	case !bytes.EqualFold(verb, []byte("AUTH")) || len(args) == 0:
		return string(line), false
	}
	mechanism, rest := cutWord(args)
	switch {
	case !secret.IsMechanism(string(mechanism)):
		return string(verb) + " " + secret.Mark, true
	case len(rest) > 0:
		return string(verb) + " " + string(mechanism) + " " + secret.Mark, true
	}
	return string(line), false
}

// traceAnswer tells of the replies that stand in out from there on.
func (s *Session) traceAnswer(from int) {
	if !s.traced() {
		return
	}
	took := time.Since(s.asked)
	for rest := s.out[from:]; len(rest) > 0; {
		line, more, _ := bytes.Cut(rest, []byte("\r\n"))
		shown, hidden := secret.List(nil).Hide(line)
		e := smtp.Event{Stage: s.stage, Did: smtp.Answer, Line: string(shown), Hidden: hidden}
		if len(more) == 0 && !s.asked.IsZero() {
			e.Took = took
		}
		s.trace(e)
		rest = more
	}
}

// traceContent tells of a content, or of a chunk of it, that is read.
func (s *Session) traceContent() {
	if !s.traced() {
		return
	}
	s.stage = smtp.StageContent
	if size := s.content.Size() - s.chunkFrom; size > 0 || !s.dotted || s.chunkFrom == 0 { // or a fault has told of all of it
		s.trace(smtp.Event{Stage: s.stage, Did: smtp.Content, Size: size})
	}
	if s.content.Ended() && s.dotted {
		s.trace(smtp.Event{Stage: smtp.StageEnd, Did: smtp.Command, Line: "."})
	}
	s.stage = smtp.StageEnd
}

func (s *Session) traceClosed() {
	if s.traced() {
		s.trace(smtp.Event{Stage: smtp.StageQuit, Did: smtp.Closed, Err: s.why})
	}
}
