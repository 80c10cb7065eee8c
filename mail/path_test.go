package mail_test

import (
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
	"pgregory.net/rapid"
)

func TestParsePath(t *testing.T) {
	long := strings.Repeat("a", 64)
	label := strings.Repeat("d", 63)
	for _, c := range []struct {
		in    string
		local string
		dom   string
		wrong string // part of the error; empty: none
	}{
		{"", "", "", ""},
		{"<>", "", "", ""},
		{"kim@example.net", "kim", "example.net", ""},
		{"<kim@example.net>", "kim", "example.net", ""},
		{"<Postmaster>", "Postmaster", "", ""},
		{"kim+tag=x@example.net", "kim+tag=x", "example.net", ""},
		{`"kim smith"@example.net`, "kim smith", "example.net", ""},
		{`"kim"@example.net`, "kim", "example.net", ""},
		{`"a\"b\\c"@example.net`, `a"b\c`, "example.net", ""},
		{`"a..b"@example.net`, "a..b", "example.net", ""},
		{"kim@localhost", "kim", "localhost", ""},
		{"kim@[192.0.2.1]", "kim", "[192.0.2.1]", ""},
		{"kim@[IPv6:2001:db8::1]", "kim", "[IPv6:2001:db8::1]", ""},
		{"金@例子.中国", "金", "例子.中国", ""},
		{"kim@Bücher.example", "kim", "bücher.example", ""},
		{"kim@例子。中国", "kim", "例子.中国", ""},
		{"kim@xn--bcher-kva.example", "kim", "xn--bcher-kva.example", ""},
		{"kim@x-ray.example", "kim", "x-ray.example", ""},
		{long + "@example.net", long, "example.net", ""},
		{"kim@" + label + ".net", "kim", label + ".net", ""},

		{"kim", "", "", "has no @"},
		{"@example.net", "", "", "no local part"},
		{"kim@", "", "", "has no domain"},
		{"kim@example.net ", "", "", `" " in its domain`},
		{" kim@example.net", "", "", `" " in its local part`},
		{"<kim@example.net", "", "", "does not end with >"},
		{"kim@example.net>", "", "", `">" in its domain`},
		{"<aaa@bbb.com>ccc@ddd.com", "", "", "does not end with >"},
		{"user@good-corp.com(x)evil.com", "", "", "comment in its domain"},
		{"user(x)evil@good-corp.com", "", "", "comment in its local part"},
		{`"xclow3n@gmail.com x"@internal.domain`, "", "", "@, < or >"},
		{`"foo@psres.net> ORCPT=admin@admin.com"@test.com`, "", "", "@, < or >"},
		{"\"a\r\nRCPT TO:<x>\"@example.net", "", "", "CR"},
		{"a>\r\nDATA\r\n@example.net", "", "", "CR"},
		{"kim@example.net\r\nBcc: x@y", "", "", "CR"},
		{"kim@example.net\nx", "", "", "LF"},
		{"kim\x00@example.net", "", "", "NUL"},
		{"kim@example\x00.net", "", "", "NUL"},
		{"kim\x7f@example.net", "", "", "U+007F"},
		{"kim\u0085@example.net", "", "", "U+0085"},
		{"kim\u2028x@example.net", "", "", "U+2028"},
		{"kim\u202e@example.net", "", "", "turns the line around"},
		{"=?x?q?=40evil=3e=20?=@good.example", "", "", "encoded-word"},
		{"=?utf-8?q?=40evil.com=00?=@microsoft.com", "", "", "encoded-word"},
		{"@a,@b:c@d.example", "", "", "source route"},
		{"<@a:c@d.example>", "", "", "source route"},
		{"a@b@c.example", "", "", "more than one @"},
		{"kim@1.2.3.4", "", "", "brackets"},
		{"kim@127.1", "", "", "brackets"},
		{"kim@[127.1]", "", "", "address literal"},
		{"kim@[2001:db8::1]", "", "", "address literal"},
		{"kim@[IPv6:192.0.2.1]", "", "", "address literal"},
		{"kim@[IPv6:fe80::1%eth0]", "", "", "address literal"},
		{"kim@[192.0.2.1", "", "", "address literal"},
		{"kim@[192.0.2.1]x", "", "", "address literal"},
		{"kim@-a.example", "", "", "hyphen"},
		{"kim@a-.example", "", "", "hyphen"},
		{"kim@a.example-", "", "", "hyphen"},
		{"kim@example.net.", "", "", "ends with a dot"},
		{"kim@a..example", "", "", "empty label"},
		{"kim@.example", "", "", "empty label"},
		{"kim@a_b.example", "", "", "underscore"},
		{".kim@example.net", "", "", "dot"},
		{"kim.@example.net", "", "", "dot"},
		{"k..im@example.net", "", "", "dot"},
		{`""@example.net`, "", "", "no local part"},
		{`"kim"x@example.net`, "", "", "between its quoted local part"},
		{`"kim@example.net`, "", "", "not closed"},
		{`"kim\`, "", "", "not closed"},
		{"a" + long + "@example.net", "", "", "64 octets"},
		{`"` + long[:62] + ` "@example.net`, "", "", "64 octets"}, // 65 with its quotes
		{"kim@a" + label + ".net", "", "", "63 octets"},
		{long + "@" + label + "." + label + "." + label[:62], "", "", "254 octets"},
		{"kim@" + strings.Repeat("a.", 200) + "net", "", "", "255 octets"},
		{"kim@" + strings.Repeat("a.", 1<<20) + "net", "", "", "254 octets"},
		{"kim@xn--a-ecp.ru", "", "", "no A-label"},                                // decodes to what no domain has
		{"kim@a＜b.example", "", "", "no domain name"},                             // full-width <
		{"kim＠evil.example@good.example", "kim＠evil.example", "good.example", ""}, // full-width @ is a letter like others, and stays one
		{"kimŀevil.example", "", "", "has no @"},                                  // U+0140 is not 0x40
		{"kim@\xff.example", "", "", "not UTF-8"},
		{"k\xffm@example.net", "", "", "not UTF-8"},
	} {
		p, err := mail.ParsePath(c.in)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%.80q: got %+v, %v; want an error with %q", c.in, p, err, c.wrong)
			}
			if p != (mail.Path{}) {
				t.Errorf("%.80q: a path is given beside the error: %+v", c.in, p)
			}
			continue
		}
		if want := (mail.Path{Local: c.local, Domain: c.dom}); err != nil || p != want {
			t.Errorf("%.80q: got %+v, %v; want %+v", c.in, p, err, want)
		}
	}
}

func TestPathASCII(t *testing.T) {
	for in, want := range map[string]string{
		"kim@例子.中国":          "<kim@xn--fsqu00a.xn--fiqs8s>",
		"kim@straße.example": "<kim@xn--strae-oqa.example>", // not strasse: UTS 46 without transition
		"kim@example.net":    "<kim@example.net>",
		"":                   "<>",
	} {
		p, err := mail.ParsePath(in)
		if err != nil {
			t.Fatal(err)
		}
		if a, err := p.ASCII(); err != nil || a.String() != want {
			t.Errorf("%s: got %v, %v; want %s", in, a, err, want)
		}
	}
	if p, err := (mail.Path{Local: "金", Domain: "example.net"}).ASCII(); err == nil {
		t.Errorf("a local part that is not ASCII became %v", p)
	}
}

// TestPathCheck has what no parser gives, and a program can make.
func TestPathCheck(t *testing.T) {
	for _, c := range []struct {
		p     mail.Path
		wrong string
	}{
		{mail.Path{}, ""},
		{mail.Path{Local: "kim smith", Domain: "example.net"}, ""},
		{mail.Path{Local: "postmaster"}, ""},
		{mail.Path{Local: "kim"}, "has no domain"},
		{mail.Path{Domain: "example.net"}, "has no local part"},
		{mail.Path{Local: "kim", Domain: "ⓔxample.net"}, "normal form, which is example.net"},
		{mail.Path{Local: "kim", Domain: "Bücher.example"}, "normal form, which is bücher.example"},
		{mail.Path{Local: "kim> SIZE=1", Domain: "example.net"}, "@, < or >"},
		{mail.Path{Local: "kim\r\nDATA", Domain: "example.net"}, "CR"},
		{mail.Path{Local: "kim", Domain: "example.net> SIZE=1"}, `">" in its domain`},
	} {
		err := c.p.Check()
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%+v: %v; want %q", c.p, err, c.wrong)
		}
	}
}

// genPath draws paths that are near to right ones.
func genPath() *rapid.Generator[mail.Path] {
	return rapid.Custom(func(t *rapid.T) mail.Path {
		local := rapid.StringOfN(rapid.SampledFrom([]rune("abZ09.+-=?_'\"\\ (),:;金ü@<>\t\r\n\x00\u202e")), 0, 20, 64)
		domain := rapid.OneOf(
			rapid.StringMatching(`[a-zA-Z0-9-]{1,9}(\.[a-z0-9-]{1,9}){0,3}`),
			rapid.StringOfN(rapid.SampledFrom([]rune("abX0.-_[]:金ü。ⓔßＡ@> ")), 0, 12, 64),
			rapid.SampledFrom([]string{"[192.0.2.1]", "[IPv6:::1]", "例子.中国", "xn--fiqs8s"}),
		)
		return mail.Path{Local: local.Draw(t, "local"), Domain: domain.Draw(t, "domain")}
	})
}

func TestPathRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genPath().Draw(t, "path")
		text := p.String()
		back, err := mail.ParsePath(text)
		if wrong := p.Check(); wrong == nil {
			if err != nil || back != p {
				t.Fatalf("%+v is written %s and read %+v, %v", p, text, back, err)
			}
			if _, err := p.ASCII(); err != nil && !p.UTF8() {
				t.Fatalf("%+v: %v", p, err)
			}
		}
		if err == nil {
			checkParsed(t, text, back)
		}
	})
}

// checkParsed holds of whatever a parser gave.
func checkParsed(t interface{ Fatalf(string, ...any) }, in string, p mail.Path) {
	if err := p.Check(); err != nil {
		t.Fatalf("%q was read as %+v, which is wrong: %v", in, p, err)
	}
	text := p.String()
	if again, err := mail.ParsePath(text); err != nil || again != p {
		t.Fatalf("%q was read as %+v, written %s, read %+v, %v", in, p, text, again, err)
	}
	if strings.ContainsAny(text, "\r\n\x00") || strings.Count(text, ">") != 1 {
		t.Fatalf("%q was written %q", in, text)
	}
	if a, err := p.ASCII(); err == nil {
		// What is dialled has what is seen, in other letters.
		if b, err := mail.ParsePath(a.String()); err != nil || b != a {
			t.Fatalf("%+v in ASCII is %+v, read %+v, %v", p, a, b, err)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"<kim@example.net>", `"a b\""@[IPv6:::1]`, "kim@例子.中国", "@a:b@c", "=?q?@x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := mail.ParsePath(s); err == nil {
			checkParsed(t, s, p)
		}
	})
}

func BenchmarkParsePath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mail.ParsePath("<kim.smith@mail.example.net>"); err != nil {
			b.Fatal(err)
		}
	}
}
