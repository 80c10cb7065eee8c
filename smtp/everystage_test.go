package smtp_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// TestEveryStageEveryReply walks the whole table: at each stage of each variant
// the server does each sort of thing. Whatever it is, Send comes to an end in time,
// with an error that names the stage and its kind, that is uncertain only where
// the content's end was said, and nothing is left running: a bubble with a goroutine
// left in it fails.
func TestEveryStageEveryReply(t *testing.T) {
	cells := 0
	for _, v := range variants {
		for _, at := range v.stages {
			for _, odd := range odds {
				for _, lax := range []bool{false, true} {
					cells++
					t.Run(v.name+"/"+at.String()+"/"+odd.name+map[bool]string{true: "/lax"}[lax], func(t *testing.T) {
						want := expected(odd.verdict, v, at, odd.name)
						synctest.Test(t, func(t *testing.T) { cell(t, v, at, odd.oddity, want, lax) })
					})
				}
			}
		}
	}
	t.Log(cells, "cells")
}

func (v variant) server(t *testing.T) *oddServer {
	f := &oddServer{t: t, extensions: v.extensions, lmtp: v.lmtp}
	if v.tls {
		f.authority = smtptest.NewAuthority(t)
	}
	return f
}

func (v variant) pipelines() bool { return slices.Contains(v.extensions, "PIPELINING") }

func (v variant) client(f *oddServer) *smtp.Client {
	client := f.client()
	if v.auth {
		client.Auth = plainSecret{}
	}
	return client
}

func cell(t *testing.T, v variant, at smtp.Stage, odd oddity, want verdict, lax bool) {
	f := v.server(t)
	f.at, f.odd, f.lax = at, odd, lax
	client := v.client(f)
	start := time.Now()
	receipt, err := client.Send(context.Background(), aMail())
	took := time.Since(start)
	client.Close()
	f.wg.Wait()
	checkServer(t, f)
	if want.kind == 0 {
		if err != nil {
			t.Fatalf("got %v, want none", err)
		}
		if receipt.Reply.Code/100 != 2 || len(f.contents) != 1 || f.contents[0] != want0(v) {
			t.Errorf("receipt %v, contents %q", receipt, f.contents)
		}
		return
	}
	e, ok := errors.AsType[*smtp.Error](err)
	if !ok {
		t.Fatalf("got %v, want %v", err, want.kind)
	}
	checkError(t, e, want)
	checkUncertain(t, e, f, v, at, want)
	checkTime(t, took, at, want)
}

// want0 is the content as the server hears it: with its dots still doubled after
// DATA.
func want0(v variant) string {
	if slices.Contains(v.extensions, "CHUNKING") {
		return content
	}
	return strings.ReplaceAll(content, "\n.", "\n..")
}

// checkServer holds what the server heard to be what it may hear.
func checkServer(t *testing.T, f *oddServer) {
	t.Helper()
	if len(f.stray) > 0 {
		t.Errorf("the client said %q as commands", f.stray)
	}
	if len(f.contents) > 1 {
		t.Errorf("one mail was sent %d times", len(f.contents))
	}
	if f.conns > 1 {
		t.Errorf("a fresh session was replaced: %d connections", f.conns)
	}
}

func checkError(t *testing.T, e *smtp.Error, want verdict) {
	t.Helper()
	if e.Stage != want.at && !want.elsewhere {
		t.Errorf("at stage %v: %v", e.Stage, e)
	}
	if e.Kind != want.kind {
		t.Errorf("kind %v, want %v: %v", e.Kind, want.kind, e)
	}
	if want.elsewhere {
		return
	}
	if e.Reply.Code != want.code {
		t.Errorf("reply %v, want %d", e.Reply, want.code)
	}
	if got := e.Reply.Enhanced.String(); got != want.enhanced && (want.enhanced != "" || got != "0.0.0") {
		t.Errorf("enhanced code %s, want %s", got, want.enhanced)
	}
	temporary := want.kind == smtp.Unreachable || want.code/100 == 4
	if e.Temporary() != temporary {
		t.Errorf("temporary is %v, want %v: %v", e.Temporary(), temporary, e)
	}
	if want.path != (e.Path.Local == "b") {
		t.Errorf("path %v: %v", e.Path, e)
	}
	text := e.Error()
	if !utf8.ValidString(text) || smtp.Printable(text) != text || !strings.HasPrefix(text, "smtp: ") {
		t.Errorf("%q is not fit to be shown", text)
	}
	if n := len(e.Said); n == 0 || n > 64 {
		t.Errorf("%d events in Said", n)
	}
	for _, s := range e.Said {
		if strings.Contains(s.Line, "hush") || strings.Contains(s.Line, response) {
			t.Errorf("Said holds the secret: %q", s.Line)
		}
	}
}

// checkUncertain: an error is uncertain where the server has all of the content,
// and did not say no.
func checkUncertain(t *testing.T, e *smtp.Error, f *oddServer, v variant, at smtp.Stage, want verdict) {
	t.Helper()
	said := at == smtp.StageEnd || v.whole && (at == smtp.StageMail || at == smtp.StageRcpt)
	uncertain := said && e.Reply.Code < 400
	if v.whole && at == smtp.StageMail && len(f.contents) > 0 && e.Reply.Code != 421 {
		uncertain = true // it refused the envelope, and took what was in it all the same
	}
	if want.kind == smtp.Garbled && want.elsewhere {
		uncertain = len(f.contents) > 0
	}
	if e.Uncertain() != uncertain {
		t.Errorf("uncertain is %v, want %v (%d contents): %v", e.Uncertain(), uncertain, len(f.contents), e)
	}
	if uncertain != strings.Contains(e.Error(), "may have been taken") {
		t.Errorf("uncertain is %v, and the text is %q", uncertain, e)
	}
	if nobody := at == smtp.StageRcpt && e.Kind == smtp.Refused; nobody && slices.Equal(f.contents, []string{""}) {
		return // an empty content for nobody: RFC 2920 §3.1
	}
	if !said && len(f.contents) > 0 && !want.elsewhere {
		t.Errorf("the content was sent all the same: %q", f.contents)
	}
}

func checkTime(t *testing.T, took time.Duration, at smtp.Stage, want verdict) {
	t.Helper()
	least, most := time.Duration(0), time.Minute
	if want.silent {
		least, most = waits[at], waits[at]+3*time.Second
	}
	if took < least || took > most {
		t.Errorf("took %v, want %v to %v", took, least, most)
	}
}

// TestEveryStageHasItsFacts is the walk: a stage that is added must be in the
// tables here, be named and be worded.
func TestEveryStageHasItsFacts(t *testing.T) {
	walked := map[smtp.Stage]bool{
		smtp.StageDial:    true, // TestDial
		smtp.StageContent: true, // TestContentStage
		smtp.StageReset:   true, // TestResetStage
	}
	for _, v := range variants {
		for _, s := range v.stages {
			walked[s] = true
		}
	}
	none := smtp.Stage(0).String()
	names := make(map[string]bool)
	n := 0
	for s := smtp.Stage(1); s.String() != none; s++ {
		n++
		if names[s.String()] {
			t.Errorf("two stages are named %v", s)
		}
		names[s.String()] = true
		if waits[s] == 0 {
			t.Errorf("stage %v has no patience of its own in waits", s)
		}
		if !walked[s] {
			t.Errorf("no test walks stage %v", s)
		}
		text := (&smtp.Error{Stage: s, Kind: smtp.Refused}).Error()
		if words := strings.TrimSuffix(strings.TrimPrefix(text, "smtp: "), ": refused"); words == "" || strings.ToLower(words[:1]) != words[:1] {
			t.Errorf("stage %v is worded %q", s, text)
		}
	}
	if n != len(waits) {
		t.Errorf("%d stages, and %d in waits", n, len(waits))
	}
}
