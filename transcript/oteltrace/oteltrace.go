// Package oteltrace makes OpenTelemetry spans of conversations.
//
//	client.Trace = oteltrace.New(ctx, otel.Tracer("shop"))
//
// [New] is all there is. There is a span "smtp session" for each session, from its
// connection to its end; in it one for each stage of its opening ("smtp hello",
// "smtp tls", "smtp auth") and one "smtp transaction" for each mail; in that one
// for each of its stages ("smtp mail", "smtp rcpt", "smtp data", "smtp content",
// "smtp end"). A reply of 4yz or 5yz is an event of its stage's span and makes the
// span an error; a transaction is an error unless its mail was taken, and a session
// if it was lost.
//
// A transaction's span ends when the next one begins or the session ends, with
// the time of the last thing that was said in it.
//
// It does not tell addresses, contents or secrets, but for what a refusal's text
// repeats. It keeps the spans of sessions that have not ended, and nothing of
// those that have.
package oteltrace

import (
	"context"
	"crypto/tls"
	"strconv"
	"sync"
	"time"

	"github.com/parleymail/parley/smtp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// New gives a function for [smtp.Client.Trace]. The spans of sessions are children
// of the one in ctx, where there is one; since sessions serve many mails, that is
// the program's own and not a request's.
func New(ctx context.Context, tracer trace.Tracer) func(smtp.Event) {
	t := &tracing{ctx: ctx, tracer: tracer, sessions: make(map[uint64]*session)}
	return t.trace
}

type tracing struct {
	ctx    context.Context
	tracer trace.Tracer

	mu       sync.Mutex
	sessions map[uint64]*session
}

func (t *tracing) trace(e smtp.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sessions[e.Session]
	if s == nil {
		s = &session{scope: t.scope(t.ctx, "smtp session", e.At)}
		s.span.SetAttributes(attribute.String("network.protocol.name", "smtp"), attribute.Int64("smtp.session", int64(e.Session)))
		t.sessions[e.Session] = s
	}
	s.event(t, e)
	if e.Did == smtp.Closed {
		delete(t.sessions, e.Session)
	}
}

// A scope is a span and those of the stages in it.
type scope struct {
	ctx    context.Context
	span   trace.Span
	stages []*stage
	last   time.Time
}

type stage struct {
	stage smtp.Stage
	span  trace.Span
	last  time.Time
}

func (t *tracing) scope(ctx context.Context, name string, at time.Time) scope {
	ctx, span := t.tracer.Start(ctx, name, trace.WithTimestamp(at), trace.WithSpanKind(trace.SpanKindClient))
	return scope{ctx: ctx, span: span, last: at}
}

// at is the span of a stage, and that of the scope itself where the event belongs
// to none.
func (sc *scope) at(t *tracing, e smtp.Event) trace.Span {
	sc.last = e.At
	switch e.Stage {
	case 0, smtp.StageDial, smtp.StageQuit:
		return sc.span
	default:
	}
	for _, st := range sc.stages {
		if st.stage == e.Stage {
			st.last = e.At
			return st.span
		}
	}
	_, span := t.tracer.Start(sc.ctx, "smtp "+e.Stage.String(), trace.WithTimestamp(e.At), trace.WithSpanKind(trace.SpanKindClient))
	sc.stages = append(sc.stages, &stage{e.Stage, span, e.At})
	return span
}

// endStages ends the spans of the stages that are over.
func (sc *scope) endStages() {
	for _, st := range sc.stages {
		st.span.End(trace.WithTimestamp(st.last))
	}
	sc.stages = nil
}

func (sc *scope) end() {
	sc.endStages()
	sc.span.End(trace.WithTimestamp(sc.last))
}

type session struct {
	scope
	mails []*transaction // begun and not over; the oldest first
}

type transaction struct {
	scope
	waiting int // commands without a reply
	taken   bool
}

// inTransaction tells the stages of a mail from those of a session.
func inTransaction(s smtp.Stage) bool { return s >= smtp.StageMail && s <= smtp.StageEnd }

func (s *session) event(t *tracing, e smtp.Event) {
	s.last = e.At
	if e.Did == smtp.Closed {
		s.close(e)
		return
	}
	if !inTransaction(e.Stage) {
		if e.Did == smtp.Command {
			s.endMails()
		}
		s.tell(t, &s.scope, e)
		return
	}
	s.endStages()
	m := s.mail(t, e)
	s.tell(t, &m.scope, e)
	if e.Did == smtp.Answer && isLast(e.Line) {
		m.waiting--
		if e.Stage == smtp.StageEnd && code(e.Line)/100 == 2 {
			m.taken = true
		}
		if m.waiting <= 0 && m != s.mails[len(s.mails)-1] {
			s.endMails()
		}
	}
}

// mail is the transaction that an event belongs to. With pipelining several may
// be under way: what the client says belongs to the newest, and what the server
// answers to the oldest that waits.
func (s *session) mail(t *tracing, e smtp.Event) *transaction {
	if e.Did == smtp.Answer {
		for _, m := range s.mails {
			if m.waiting > 0 {
				return m
			}
		}
	}
	begins := e.Did == smtp.Command && e.Stage == smtp.StageMail
	if begins {
		s.endMails()
	}
	if begins || len(s.mails) == 0 {
		s.mails = append(s.mails, &transaction{scope: t.scope(s.ctx, "smtp transaction", e.At)})
	}
	m := s.mails[len(s.mails)-1]
	if e.Did == smtp.Command {
		m.waiting++
	}
	return m
}

// endMails ends the transactions that wait for nothing.
func (s *session) endMails() {
	var open []*transaction
	for _, m := range s.mails {
		if m.waiting > 0 {
			open = append(open, m)
		} else {
			m.end()
		}
	}
	s.mails = open
}

func (m *transaction) end() {
	if !m.taken {
		m.span.SetStatus(codes.Error, "the mail was not taken")
	}
	m.scope.end()
}

func (s *session) close(e smtp.Event) {
	for _, m := range s.mails {
		if m.waiting > 0 {
			m.last = e.At
		}
		m.end()
	}
	if e.Err != nil {
		s.span.SetStatus(codes.Error, smtp.Printable(e.Err.Error()))
	}
	s.end()
}

// tell puts an event into its span.
func (s *session) tell(t *tracing, sc *scope, e smtp.Event) {
	span := sc.at(t, e)
	switch e.Did {
	case smtp.Connected:
		span.SetAttributes(attribute.String("network.peer.address", smtp.Printable(e.Line)))
	case smtp.StartedTLS:
		if e.TLS != nil {
			s.span.SetAttributes(
				attribute.String("tls.protocol.version", tls.VersionName(e.TLS.Version)),
				attribute.String("tls.cipher", tls.CipherSuiteName(e.TLS.CipherSuite)),
				attribute.Bool("tls.resumed", e.TLS.DidResume))
		}
	case smtp.Content:
		sc.span.SetAttributes(attribute.Int64("smtp.content.size", e.Size))
	case smtp.Note:
		span.AddEvent(smtp.Printable(e.Line), trace.WithTimestamp(e.At))
	case smtp.Answer:
		answer(span, e)
	default: // a command stands in its stage's name, and an end in its span's
	}
}

func answer(span trace.Span, e smtp.Event) {
	n := code(e.Line)
	if !isLast(e.Line) || n == 0 {
		return
	}
	span.SetAttributes(attribute.Int("smtp.reply.code", n))
	if n >= 400 {
		text := smtp.Printable(e.Line)
		span.AddEvent("refused", trace.WithTimestamp(e.At), trace.WithAttributes(attribute.String("smtp.reply", text)))
		span.SetStatus(codes.Error, text)
	}
}

// code is the code of a line of a reply, 0 where it has none.
func code(line string) int {
	n, err := strconv.ParseUint(line[:min(3, len(line))], 10, 16)
	if err != nil || len(line) < 3 {
		return 0
	}
	return int(n)
}

// isLast reports whether a line is the last of its reply: RFC 5321 §4.2.1.
func isLast(line string) bool { return len(line) <= 3 || line[3] != '-' }
