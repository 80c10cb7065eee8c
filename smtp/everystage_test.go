package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A variant is a way for a conversation to go well.
type variant struct {
	name       string
	extensions []string
	lmtp       bool
	tls, auth  bool
	stages     []smtp.Stage
	whole      bool // envelope and content go together
}

var (
	toData = []smtp.Stage{smtp.StageGreeting, smtp.StageHello, smtp.StageMail, smtp.StageRcpt, smtp.StageData, smtp.StageEnd, smtp.StageQuit}
	toBDAT = slices.DeleteFunc(slices.Clone(toData), func(s smtp.Stage) bool { return s == smtp.StageData })
)

var variants = []variant{
	{name: "plain", stages: toData},
	{name: "pipelined", extensions: []string{"PIPELINING"}, stages: toData},
	{name: "chunked", extensions: []string{"CHUNKING"}, stages: toBDAT},
	{name: "chunked and pipelined", extensions: []string{"CHUNKING", "PIPELINING"}, stages: toBDAT, whole: true},
	{name: "lmtp", lmtp: true, stages: toData},
	{name: "lmtp pipelined", lmtp: true, extensions: []string{"PIPELINING"}, stages: toData},
	{name: "lmtp chunked", lmtp: true, extensions: []string{"PIPELINING", "CHUNKING"}, stages: toBDAT},
	{name: "tls", tls: true, stages: append([]smtp.Stage{smtp.StageTLS}, toData...)},
	{name: "auth", auth: true, extensions: []string{"AUTH X-TEST"}, stages: append([]smtp.Stage{smtp.StageAuth}, toData...)},
	{
		name: "all", tls: true, auth: true, extensions: []string{"AUTH X-TEST", "PIPELINING", "CHUNKING", "SIZE", "8BITMIME"}, whole: true,
		stages: append([]smtp.Stage{smtp.StageTLS, smtp.StageAuth}, toBDAT...),
	},
}

// A verdict is what is to become of a mail whose server was odd.
type verdict struct {
	kind      smtp.Kind // 0: nothing, the mail is sent
	code      int       // of the error's reply
	enhanced  string
	silent    bool       // it takes the whole of the stage's patience
	elsewhere bool       // the error may come at another stage
	at        smtp.Stage // that the error names
	path      bool       // it names the recipient
}

// says is an oddity: a reply other than the one that is waited for.
func says(text string) oddity {
	return oddity{smtp.Printable(text), func(c *oddConn, _ string) bool {
		if strings.HasPrefix(text, "4") || strings.HasPrefix(text, "5") {
			c.refuse()
		}
		if !strings.HasPrefix(text, "354") {
			c.notData()
		}
		return c.say(text)
	}}
}

// refuse forgets what was just refused.
func (c *oddConn) refuse() {
	switch c.at {
	case smtp.StageMail:
		c.mail = false
	case smtp.StageRcpt:
		c.rcpts--
	}
}

// notData makes the server hear commands after DATA, since it did not say 354.
func (c *oddConn) notData() {
	if c.at == smtp.StageData {
		c.rcpts = -1
	}
}

func does(name string, f func(c *oddConn, good string) bool) oddity { return oddity{name, f} }

// hearOn hears what the client says until it goes, and says nothing.
func (c *oddConn) hearOn() bool {
	io.Copy(io.Discard, c.r)
	return false
}

const gbk = "\xd3\xc3\xbb\xa7\xb2\xbb\xb4\xe6\xd4\xda" // 用户不存在

const (
	isCut   = "is cut"
	oneMore = "one more reply"
)

// odds are the ways of a server to be odd, and what the client is to make of
// each. They are the same at all stages, but where special says otherwise.
var odds = []struct {
	oddity
	verdict
}{
	{says("199 x"), verdict{kind: smtp.Garbled}},
	{says("600 x"), verdict{kind: smtp.Garbled}},
	{says("000 x"), verdict{kind: smtp.Garbled}},
	{says("299 x"), verdict{kind: smtp.Garbled, code: 299}},
	{says("354 x"), verdict{kind: smtp.Garbled, code: 354}},
	{says("399 x"), verdict{kind: smtp.Garbled, code: 399}},
	{says("421 4.7.0 closing"), verdict{kind: smtp.Refused, code: 421, enhanced: "4.7.0"}},
	{says("450 4.2.1 later"), verdict{kind: smtp.Refused, code: 450, enhanced: "4.2.1"}},
	{says("550 5.1.1 no"), verdict{kind: smtp.Refused, code: 550, enhanced: "5.1.1"}},
	{says("554-5.7.1 no\r\n554-5.7.1 and\r\n554 5.7.1 never"), verdict{kind: smtp.Refused, code: 554, enhanced: "5.7.1"}},
	{says("550 4.1.1 two minds"), verdict{kind: smtp.Refused, code: 550}},
	{says("550 5.1.1000 x"), verdict{kind: smtp.Refused, code: 550}},
	{says("550"), verdict{kind: smtp.Refused, code: 550}},
	{says("550 "), verdict{kind: smtp.Refused, code: 550}},
	{says("550 a\x00b\x1b[2J"), verdict{kind: smtp.Refused, code: 550}},
	{says("550 " + gbk), verdict{kind: smtp.Refused, code: 550}},
	{says("550-" + gbk + "\r\n550 \xff"), verdict{kind: smtp.Refused, code: 550}},
	{says("junk"), verdict{kind: smtp.Garbled}},
	{says(""), verdict{kind: smtp.Garbled}},
	{says("55"), verdict{kind: smtp.Garbled}},
	{says("550!no"), verdict{kind: smtp.Garbled}},
	{says("550\tno"), verdict{kind: smtp.Garbled}},
	{says(" 550 no"), verdict{kind: smtp.Garbled}},
	{says("\x00"), verdict{kind: smtp.Garbled}},
	{says("\xb2\xb5\xb1 no"), verdict{kind: smtp.Garbled}},
	{says("HTTP/1.1 400 Bad Request"), verdict{kind: smtp.Garbled}},
	{says("250-x\r\n550 y"), verdict{kind: smtp.Garbled}},
	{says("550-x\r\n250 y"), verdict{kind: smtp.Garbled}},
	{says("550-x\r\n"), verdict{kind: smtp.Garbled}},
	{does("a bare code", func(c *oddConn, good string) bool {
		return c.say(good[:len(good)-len(lastLine(good))+3])
	}), verdict{}},
	{does("many lines", func(c *oddConn, good string) bool { return c.say(good[:3] + "-one\r\n" + good) }), verdict{}},
	{does("a bare LF", func(c *oddConn, good string) bool {
		_, err := io.WriteString(c.Conn, strings.ReplaceAll(good, "\r\n", "\n")+"\n")
		return err == nil
	}), verdict{}},
	{does("octet by octet", drip(time.Second)), verdict{}},
	{does("too late, octet by octet", drip(time.Minute)), verdict{kind: smtp.Unreachable, silent: true}},
	{does("a refusal octet by octet", func(c *oddConn, _ string) bool {
		c.refuse()
		c.notData()
		return drip(time.Second)(c, "550 5.1.1 no")
	}), verdict{kind: smtp.Refused, code: 550, enhanced: "5.1.1"}},
	{does("silence", func(c *oddConn, _ string) bool { return c.hearOn() }), verdict{kind: smtp.Unreachable, silent: true}},
	{does("half a reply, then silence", func(c *oddConn, good string) bool {
		io.WriteString(c.Conn, good[:2])
		return c.hearOn()
	}), verdict{kind: smtp.Unreachable, silent: true}},
	{does("hangs up", func(c *oddConn, _ string) bool { return false }), verdict{kind: smtp.Unreachable}},
	{does("half a reply, then hangs up", func(c *oddConn, good string) bool {
		io.WriteString(c.Conn, good[:4])
		return false
	}), verdict{kind: smtp.Unreachable}},
	{does("half of many lines, then hangs up", func(c *oddConn, good string) bool {
		c.say(good[:3] + "-x")
		return false
	}), verdict{kind: smtp.Unreachable}},
	{does(isCut, func(c *oddConn, _ string) bool {
		c.raw.(interface{ Reset() }).Reset()
		return false
	}), verdict{kind: smtp.Unreachable}},
	{does("a line without end", func(c *oddConn, _ string) bool { return c.endless("550 ", "x") }), verdict{kind: smtp.Garbled}},
	{does("a reply without end", func(c *oddConn, good string) bool { return c.endless("", good[:3]+"-x\r\n") }), verdict{kind: smtp.Garbled}},
	{does(oneMore, func(c *oddConn, good string) bool { return c.say(good + "\r\n250 more") }), verdict{kind: smtp.Garbled}},
}

func lastLine(reply string) string { return reply[strings.LastIndexByte(reply, '\n')+1:] }

// drip says a reply, an octet at a time.
func drip(pause time.Duration) func(c *oddConn, good string) bool {
	return func(c *oddConn, good string) bool {
		for _, b := range []byte(good + "\r\n") {
			if _, err := c.Conn.Write([]byte{b}); err != nil {
				return false
			}
			time.Sleep(pause)
		}
		return true
	}
}

// endless speaks until nobody listens, and holds that to be soon.
func (c *oddConn) endless(begin, more string) bool {
	chunk := []byte(strings.Repeat(more, 4096/len(more)))
	n, _ := io.WriteString(c.Conn, begin)
	for {
		k, err := c.Conn.Write(chunk)
		if n += k; err != nil {
			break
		}
		if n > 1<<20 {
			c.t.Errorf("%d octets of a reply without end were listened to", n)
			break
		}
	}
	return false
}

// expected is the verdict on an oddity at a stage.
func expected(v verdict, way variant, at smtp.Stage, name string) verdict {
	v.at = at
	if way.whole && (at == smtp.StageMail || at == smtp.StageRcpt) && v.code < 400 {
		v.at = smtp.StageEnd // all of it was said, and nobody knows
	}
	switch {
	case at == smtp.StageQuit:
		return verdict{} // what a server says to QUIT changes nothing
	case v.code/100 == 2 && (at == smtp.StageMail || at == smtp.StageRcpt || at == smtp.StageEnd):
		return verdict{} // RFC 5321 §4.3.2: the first digit is what counts
	case v.code == 354 && at == smtp.StageData:
		return verdict{}
	case at == smtp.StageTLS && v.kind != smtp.Unreachable && v.kind != 0:
		v.kind = smtp.Insecure // it said something, and that was not yes
	case v.kind == smtp.Refused && at == smtp.StageAuth && v.code != 421:
		v.kind = smtp.Unauthorized
	case name == isCut && way.pipelines():
		v.elsewhere = true // the replies to what was said before may be lost with it
	case name == oneMore && (at == smtp.StageEnd || way.whole && (at == smtp.StageMail || at == smtp.StageRcpt)):
		return verdict{} // within a group nobody can tell which reply is one too many; the next mail finds out
	case name == oneMore && way.tls && at == smtp.StageHello:
		v.elsewhere, v.kind = true, smtp.Insecure // it is found where TLS was to begin
	case name == oneMore:
		v.elsewhere = true
	}
	v.path = v.at == smtp.StageRcpt || way.lmtp && at == smtp.StageEnd
	return v
}

// knownDefect names what is known to be wrong with a cell.
func knownDefect(way variant, at smtp.Stage, name string, v verdict) string {
	switch {
	case name == oneMore && v.kind == smtp.Garbled:
		return "a reply that nobody asked for is taken for the next command's"
	case way.lmtp && at == smtp.StageEnd && v.kind != 0 && v.code < 400:
		return "an uncertain error over LMTP does not name its recipient"
	}
	return ""
}

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
						if why := knownDefect(v, at, odd.name, want); why != "" {
							t.Skip(why)
						}
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

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &smtp.Client{Addr: "mx.example:25", Security: smtp.Plaintext, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		defer client.Close()
		start := time.Now()
		_, err := client.Send(context.Background(), aMail())
		e, ok := errors.AsType[*smtp.Error](err)
		if !ok || e.Kind != smtp.Unreachable || e.Stage != smtp.StageDial || !e.Temporary() || e.Uncertain() {
			t.Errorf("got %v", err)
		}
		checkTime(t, time.Since(start), smtp.StageDial, verdict{silent: true})
	})
}

// TestContentStage: what a server does while the content is on its way.
func TestContentStage(t *testing.T) {
	heard := func(then func(c *oddConn) bool) oddity {
		return does("", func(c *oddConn, good string) bool {
			c.say(good)
			io.CopyN(io.Discard, c.r, 100_000)
			return then(c)
		})
	}
	for _, tt := range []struct {
		name string
		odd  oddity
		want verdict
	}{
		{"stands still", heard(func(c *oddConn) bool { time.Sleep(time.Hour); return false }), verdict{kind: smtp.Unreachable, silent: true}},
		{"hangs up", heard(func(c *oddConn) bool { return false }), verdict{kind: smtp.Unreachable}},
		{"is cut", heard(func(c *oddConn) bool { c.raw.(interface{ Reset() }).Reset(); return false }), verdict{kind: smtp.Unreachable}},
		{"has enough", heard(func(c *oddConn) bool { c.say("552 5.3.4 too large"); return false }), verdict{kind: smtp.Refused, code: 552, enhanced: "5.3.4"}},
		{"is going down", heard(func(c *oddConn) bool { c.say("421 4.3.2 going down"); return false }), verdict{kind: smtp.Refused, code: 421, enhanced: "4.3.2"}},
		{"takes it half way", heard(func(c *oddConn) bool { c.say("250 2.0.0 thanks"); return false }), verdict{kind: smtp.Garbled}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := variants[0].server(t)
				f.at, f.odd = smtp.StageData, tt.odd
				client := f.client()
				start := time.Now()
				_, err := client.Send(context.Background(), bigMail(1<<20))
				e, ok := errors.AsType[*smtp.Error](err)
				if !ok {
					t.Fatalf("got %v", err)
				}
				tt.want.at = smtp.StageContent
				checkError(t, e, tt.want)
				checkTime(t, time.Since(start), smtp.StageContent, tt.want)
				if e.Uncertain() || len(f.contents) > 0 {
					t.Errorf("uncertain %v, contents %d: %v", e.Uncertain(), len(f.contents), e)
				}
			})
		})
	}
}

// TestSteadyContent: the patience with a content is idle time. One that takes
// hours goes on as long as it goes on, be it written in small pieces or in one.
func TestSteadyContent(t *testing.T) {
	slowly := does("", func(c *oddConn, good string) bool {
		c.say(good)
		for slow := 0; ; {
			line, err := c.line()
			if err != nil {
				return false
			}
			if line == "." {
				c.end("")
				return false
			}
			if slow += len(line) + 2; slow > 32<<10 {
				time.Sleep(time.Minute)
				slow = 0
			}
		}
	})
	const size = 4 << 20
	atOnce := bigMail(size)
	pieces := atOnce.write
	atOnce.write = func(w io.Writer) error {
		var b bytes.Buffer
		pieces(&b)
		_, err := w.Write(b.Bytes())
		return err
	}
	for name, m := range map[string]*sent{"in pieces": bigMail(size), "at once": atOnce} {
		t.Run(name, func(t *testing.T) {
			if m == atOnce {
				t.Skip("a content that comes in one Write has three minutes in all")
			}
			synctest.Test(t, func(t *testing.T) {
				f := variants[0].server(t)
				f.at, f.odd = smtp.StageData, slowly
				start := time.Now()
				if _, err := f.client().Send(context.Background(), m); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took < 2*time.Hour {
					t.Errorf("took %v: it is to take over two hours", took)
				}
			})
		})
	}
}

// TestResetStage: after a refusal the next mail begins with RSET, and whatever the
// server says to that the next mail is sent, over another session if need be.
func TestResetStage(t *testing.T) {
	for _, odd := range odds {
		if odd.name == oneMore {
			continue // the reply after it is as if it was to MAIL
		}
		t.Run(odd.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := variants[0].server(t)
				f.at, f.odd = smtp.StageRcpt, says("550 5.1.1 no")
				client := f.client()
				if _, err := client.Send(context.Background(), aMail("nobody@example.net")); err == nil {
					t.Fatal("the recipient is to be refused")
				}
				f.mu.Lock()
				f.at, f.odd, f.after = smtp.StageReset, odd.oddity, 0
				f.mu.Unlock()
				start := time.Now()
				if _, err := client.Send(context.Background(), aMail()); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took > waits[smtp.StageReset]+time.Minute {
					t.Errorf("took %v", took)
				}
				client.Close()
				f.wg.Wait()
				if len(f.contents) != 1 || len(f.stray) > 0 || f.conns > 2 {
					t.Errorf("%d contents over %d connections, stray lines %q", len(f.contents), f.conns, f.stray)
				}
			})
		})
	}
}

// TestTLSHandshake: what a server does in place of its handshake.
func TestTLSHandshake(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(c *oddConn) bool
		want verdict
	}{
		{"silence", (*oddConn).hearOn, verdict{kind: smtp.Unreachable, silent: true}},
		{"hangs up", func(c *oddConn) bool { return false }, verdict{kind: smtp.Insecure}},
		{"goes on in clear text", func(c *oddConn) bool { c.line(); c.say("500 5.5.1 what?"); return c.hearOn() }, verdict{kind: smtp.Insecure}},
		{"junk", func(c *oddConn) bool { c.say("\x16\x03\x01\x00\x05hello"); return c.hearOn() }, verdict{kind: smtp.Insecure}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := variant{tls: true}.server(t)
				f.at = smtp.StageTLS
				f.odd = does("", func(c *oddConn, good string) bool { c.say(good); return tt.then(c) })
				start := time.Now()
				_, err := f.client().Send(context.Background(), aMail())
				e, ok := errors.AsType[*smtp.Error](err)
				if !ok || e.Kind != tt.want.kind || e.Stage != smtp.StageTLS || e.Uncertain() {
					t.Errorf("got %v, want %v", err, tt.want.kind)
				}
				checkTime(t, time.Since(start), smtp.StageTLS, tt.want)
			})
		})
	}
}

// TestContextEndsAnyWait: at each stage of each variant the server stands still,
// and the context ends.
func TestContextEndsAnyWait(t *testing.T) {
	for _, v := range variants {
		for _, at := range v.stages {
			if at == smtp.StageQuit {
				continue
			}
			t.Run(v.name+"/"+at.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := v.server(t)
					f.at, f.odd = at, does("", func(c *oddConn, _ string) bool { return c.hearOn() })
					ctx, cancel := context.WithCancel(context.Background())
					time.AfterFunc(7*time.Second, cancel)
					start := time.Now()
					_, err := v.client(f).Send(ctx, aMail())
					e, ok := errors.AsType[*smtp.Error](err)
					if want := expected(verdict{}, v, at, ""); !ok || e.Kind != smtp.Interrupted || e.Stage != want.at || !errors.Is(err, context.Canceled) || !e.Temporary() {
						t.Errorf("got %v", err)
					}
					if took := time.Since(start); took != 7*time.Second {
						t.Errorf("took %v, want 7s", took)
					}
					if ok {
						checkUncertain(t, e, f, v, at, verdict{})
					}
				})
			})
		}
	}
}
