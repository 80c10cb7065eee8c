package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
)

func TestQualified(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"root", "root@box.example"},
		{" root", " root@box.example"},
		{"<root>", "<root@box.example>"},
		{"Cron Daemon <root>", "Cron Daemon <root@box.example>"},
		{"root (Cron Daemon)", "root@box.example (Cron Daemon)"},
		{`"a, b" <root>, kim@example.net, lee`, `"a, b" <root@box.example>, kim@example.net, lee@box.example`},
		{"kim@example.net", "kim@example.net"},
		{"undisclosed-recipients:;", "undisclosed-recipients:;"},
		{"", ""},
		{"two words", "two words"},
		{"<>", "<>"},
		{"<root", "<root"},
		{"a,\r\n b", "a@box.example,\r\n b@box.example"},
		{`"root"`, `"root"`},
	} {
		if got := qualified(c.in, "box.example"); got != c.want {
			t.Errorf("%q: %q, not %q", c.in, got, c.want)
		}
	}
}

func TestReadLetter(t *testing.T) {
	for _, c := range []struct {
		in     string
		dots   bool
		fields int
		body   string
	}{
		{"A: b\nC: d\n\nbody\n", true, 2, "body\n"},
		{"A: b\r\nC: d\r\n e\r\n\r\nbody\r\n", true, 2, "body\r\n"},
		{"no header here\nat all\n", true, 0, "no header here\nat all\n"},
		{"\nbody\n", true, 0, "body\n"},
		{"A: b\nand then a body: so\n", true, 1, "and then a body: so\n"},
		{"A: b\n\nx\n.\ny\n", true, 1, "x\n"},
		{"A: b\n\nx\n.\ny\n", false, 1, "x\n.\ny\n"},
		{"A: b\n\nx\r\n.\r\ny\r\n", true, 1, "x\r\n"},
		{"A: b\n\n..\n. \n", true, 1, "..\n. \n"},
		{"A: b", true, 1, ""},
		{"From kim Tue Mar 31\nA: b\n\nFrom here on\n", true, 1, "From here on\n"},
		{"", true, 0, ""},
	} {
		l := readLetter([]byte(c.in), c.dots)
		if len(l.fields) != c.fields || string(l.body) != c.body {
			t.Errorf("%q: %d fields, body %q", c.in, len(l.fields), l.body)
		}
	}
}

// FuzzLetter: whatever a program gives us, what we make of it has a header that can
// be read, its own body, and no field twice that was added.
func FuzzLetter(f *testing.F) {
	f.Add([]byte("From: root\nTo: kim@example.net\nSubject: 三月\n\nhello\n.\n"), true)
	f.Add([]byte("hello"), false)
	f.Add([]byte("From a\nTo: \"a, b\" <c>, d (e\n\n"), true)
	f.Fuzz(func(t *testing.T, data []byte, dots bool) {
		l := readLetter(data, dots)
		if !bytes.Contains(data, l.body) {
			t.Fatalf("the body %q is not in what was given", l.body)
		}
		l.qualify("box.example")
		l.complete(mail.Address{Address: "root@box.example"}, time.Unix(0, 0).UTC())
		for _, name := range []string{"From", "Date", "Message-ID"} {
			if !l.has(strings.ToLower(name), "resent-"+strings.ToLower(name)) {
				t.Errorf("%s is missing", name)
			}
		}
		again := readLetter(l.bytes(), false)
		if !bytes.Equal(again.body, l.body) {
			t.Errorf("the body %q is read back as %q", l.body, again.body)
		}
		if len(again.fields) < len(l.fields) {
			t.Errorf("%d fields are read back as %d", len(l.fields), len(again.fields))
		}
		// Who it goes to must not depend on who reads it: what the mail package makes of
		// the header is an envelope or an error, never a panic.
		(&mail.Raw{Data: l.bytes()}).HeaderEnvelope()
	})
}

func TestSplitURL(t *testing.T) {
	for _, c := range []struct{ in, before, info, after string }{
		{"smtp://host", "smtp://", "", "host"},
		{"smtp://kim@host:25?x=y", "smtp://", "kim", "host:25?x=y"},
		{"smtp://kim@example.com:pw@host/p", "smtp://", "kim@example.com:pw", "host/p"},
		{"smtp://host?a=b@c", "smtp://", "", "host?a=b@c"},
		{"host", "", "", "host"},
	} {
		before, info, after := splitURL(c.in)
		if before != c.before || info != c.info || after != c.after {
			t.Errorf("%q: %q, %q, %q", c.in, before, info, after)
		}
	}
}

func TestQuoteShell(t *testing.T) {
	for in, want := range map[string]string{
		"plain/path-1.2": "plain/path-1.2", "": "''", "two words": "'two words'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "你好": "你好",
	} {
		if got := quoteShell(in); got != want {
			t.Errorf("%q: %s, not %s", in, got, want)
		}
	}
}

func TestCutOptions(t *testing.T) {
	for _, c := range []struct{ in, file, name, kind, cid string }{
		{"a.pdf", "a.pdf", "", "", ""},
		{"a.pdf;name=对账单.pdf;type=application/pdf", "a.pdf", "对账单.pdf", "application/pdf", ""},
		{"odd;name.pdf", "odd;name.pdf", "", "", ""},
		{"odd;x=y;cid=logo", "odd;x=y", "", "", "logo"},
		{"-;name=x;y", "-;name=x;y", "", "", ""},
	} {
		file, o := cutOptions(c.in)
		if file != c.file || o["name"] != c.name || o["type"] != c.kind || o["cid"] != c.cid {
			t.Errorf("%q: %q, %v", c.in, file, o)
		}
	}
}
