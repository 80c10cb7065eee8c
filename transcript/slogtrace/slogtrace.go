// Package slogtrace writes conversations to a log: one record an event, with
// attributes in place of text to be parsed.
//
//	client.Trace = slogtrace.New(slog.Default())
//
// [New] is all there is. What is said stands at Debug; that a session began, spoke
// TLS and ended at Info; what a server refused (4yz, 5yz) and a connection that was
// lost at Warn. A logger that is not enabled for Debug costs next to nothing.
//
// It does not log contents, nor secrets, which never stand in an event. Addresses
// do stand in MAIL and RCPT, at Debug, and a refusal often names one.
package slogtrace

import (
	"context"
	"crypto/tls"
	"log/slog"
	"strconv"

	"github.com/parleymail/parley/smtp"
)

// New gives a function for [smtp.Client.Trace] that logs to logger; nil is
// [slog.Default], as it is then. The attributes are session, stage, line, code,
// size, took, tls, cipher and error. Records bear the time of their event.
func New(logger *slog.Logger) func(smtp.Event) {
	return func(e smtp.Event) {
		to := logger
		if to == nil {
			to = slog.Default()
		}
		code := replyCode(e)
		level := levelOf(e, code)
		ctx := context.Background()
		if !to.Enabled(ctx, level) {
			return
		}
		r := slog.NewRecord(e.At, level, message(e.Did), 0)
		r.AddAttrs(attrs(e, code)...)
		to.Handler().Handle(ctx, r)
	}
}

func levelOf(e smtp.Event, code int) slog.Level {
	switch {
	case e.Did == smtp.Answer && code >= 400:
		return slog.LevelWarn
	case e.Did == smtp.Closed && e.Err != nil:
		return slog.LevelWarn
	case e.Did == smtp.Connected, e.Did == smtp.StartedTLS, e.Did == smtp.Closed:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func message(did smtp.Did) string {
	switch did {
	case smtp.Connected:
		return "smtp connected"
	case smtp.StartedTLS:
		return "smtp TLS started"
	case smtp.Command:
		return "smtp command"
	case smtp.Answer:
		return "smtp answer"
	case smtp.Content:
		return "smtp content"
	case smtp.Closed:
		return "smtp closed"
	default:
		return "smtp note"
	}
}

func attrs(e smtp.Event, code int) []slog.Attr {
	list := []slog.Attr{slog.Uint64("session", e.Session)}
	if e.Stage != 0 {
		list = append(list, slog.String("stage", e.Stage.String()))
	}
	if e.Line != "" {
		list = append(list, slog.String("line", smtp.Printable(e.Line)))
	}
	if code != 0 {
		list = append(list, slog.Int("code", code))
	}
	if e.Did == smtp.Content {
		list = append(list, slog.Int64("size", e.Size))
	}
	if e.Took > 0 {
		list = append(list, slog.Duration("took", e.Took))
	}
	if e.TLS != nil {
		list = append(list, slog.String("tls", tls.VersionName(e.TLS.Version)), slog.String("cipher", tls.CipherSuiteName(e.TLS.CipherSuite)))
	}
	if e.Err != nil {
		list = append(list, slog.String("error", smtp.Printable(e.Err.Error())))
	}
	return list
}

// replyCode is the code of an answer, 0 where it has none.
func replyCode(e smtp.Event) int {
	if e.Did != smtp.Answer || len(e.Line) < 3 {
		return 0
	}
	code, err := strconv.ParseUint(e.Line[:3], 10, 16)
	if err != nil {
		return 0
	}
	return int(code)
}
