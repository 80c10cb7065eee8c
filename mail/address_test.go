package mail_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"pgregory.net/rapid"
)

func addr(name, spec string) mail.Address { return mail.Address{Name: name, Address: spec} }

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		in    string
		want  mail.Address
		wrong string
	}{
		{"kim@example.net", addr("", "kim@example.net"), ""},
		{"<kim@example.net>", addr("", "kim@example.net"), ""},
		{"Kim <kim@example.net>", addr("Kim", "kim@example.net"), ""},
		{"  Kim   Q. Smith <kim@example.net> ", addr("Kim Q. Smith", "kim@example.net"), ""},
		{`"Kim, Tax" <kim@example.net>`, addr("Kim, Tax", "kim@example.net"), ""},
		{`"a \"b\" c" <kim@example.net>`, addr(`a "b" c`, "kim@example.net"), ""},
		{"财务部 <59419979@qq.com>", addr("财务部", "59419979@qq.com"), ""},
		{"=?utf-8?q?x?= <kim@example.net>", addr("=?utf-8?q?x?=", "kim@example.net"), ""}, // as it stands
		{`"kim smith"@example.net`, addr("", `"kim smith"@example.net`), ""},
		{"Kim <金@例子。中国>", addr("Kim", "金@例子.中国"), ""},

		{"", addr("", ""), "is empty"},
		{"Kim", addr("", ""), "has no @"},
		{"Kim <>", addr("", ""), "is empty"},
		{"kim@example.net,", addr("", ""), "is empty"},
		{"a@b.example, c@d.example", addr("", ""), "more than one"},
		{"<aaa@bbb.com>ccc@ddd.com", addr("", ""), "goes on after its end"},
		{"aaa@bbb.com <ccc@ddd.com>", addr("", ""), "goes on after its end"},
		{"user@good-corp.com(x)evil.com", addr("", ""), "comment"},
		{"kim@example.net (Kim)", addr("", ""), "comment"},
		{"<@a,@b:c@d.example>", addr("", ""), "source route"},
		{"friends: a@b.example, c@d.example;", addr("", ""), "group"},
		{"Kim\r\nBcc: x@y <kim@example.net>", addr("", ""), "CR"},
		{"Kim\x00 <kim@example.net>", addr("", ""), "NUL"},
		{"Ki\u0085m <kim@example.net>", addr("", ""), "U+0085"},
		{"K\xff <kim@example.net>", addr("", ""), "not UTF-8"},
		{`"Kim <kim@example.net>`, addr("", ""), "not closed"},
		{`"xclow3n@gmail.com x"@internal.domain`, addr("", ""), "@, < or >"},
		{"<kim @example.net>", addr("", ""), "has no @"},
		{"<kim@example.net", addr("", ""), "does not end with >"},
		{"Kim, Tax <kim@example.net>", addr("", ""), "has no @"},
	} {
		got, err := mail.ParseAddress(c.in)
		if c.wrong == "" && (err != nil || got != c.want) ||
			c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || got != mail.Address{}) {
			t.Errorf("%q: got %+v, %v; want %+v, %q", c.in, got, err, c.want, c.wrong)
		}
	}
}

func TestParseAddressField(t *testing.T) {
	for _, c := range []struct {
		in    string
		want  []mail.Address
		wrong string
	}{
		{"", nil, ""},
		{" , ,", nil, ""},
		{"undisclosed-recipients:;", nil, ""},
		{"Undisclosed recipients: ;", nil, ""},
		{"friends: a@b.example, \"C\" <c@d.example>; , e@f.example", []mail.Address{addr("", "a@b.example"), addr("C", "c@d.example"), addr("", "e@f.example")}, ""},
		{"root@host (Cron (nested) \\) Daemon)", []mail.Address{addr("", "root@host")}, ""},
		{"(before) Kim (in) Smith <kim@example.net> (after)", []mail.Address{addr("Kim Smith", "kim@example.net")}, ""},
		{"=?utf-8?b?6LSi5Yqh?= =?utf-8?b?6YOo?= <a@b.example>", []mail.Address{addr("财务部", "a@b.example")}, ""},
		{"=?UTF-8?Q?M=C3=BCller?= Hans <a@b.example>", []mail.Address{addr("Müller Hans", "a@b.example")}, ""},
		{"=?iso-8859-1?q?M=FCller?= <a@b.example>", []mail.Address{addr("Müller", "a@b.example")}, ""},
		{"=?gb2312?b?x+u8/g==?= <a@b.example>", []mail.Address{addr("=?gb2312?b?x+u8/g==?=", "a@b.example")}, ""},
		{"a@b.example,\r\n\tKim\r\n <c@d.example>", []mail.Address{addr("", "a@b.example"), addr("Kim", "c@d.example")}, ""},
		{"John Q. Public <j@example.net>", []mail.Address{addr("John Q. Public", "j@example.net")}, ""},
		{"M\xfcller <a@b.example>", []mail.Address{addr("M\uFFFDller", "a@b.example")}, ""},

		{"user@good-corp.com(x)evil.com", nil, "goes on after its end"},
		{"user(x)@good-corp.com", nil, "has no @"},
		{"user@(x)evil.com", nil, "has no domain"},
		{"=?utf-8?q?a=0d=0aBcc=3ax?= <a@b.example>", nil, "CR"},
		{"a: b: c@d.example;;", nil, "group within a group"},
		{"a: c@d.example", nil, "not ended by a semicolon"},
		{strings.Repeat("(", 100), nil, "32 deep"},
		{"(", nil, "not closed"},
		{"a@b.example;", nil, "goes on"},
	} {
		got, err := mail.ParseAddressField(c.in)
		if c.wrong == "" && (err != nil || !slices.Equal(got, c.want)) ||
			c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong) || got != nil) {
			t.Errorf("%q: got %+v, %v; want %+v, %q", c.in, got, err, c.want, c.wrong)
		}
	}
}

func TestTo(t *testing.T) {
	got := mail.To("kim@example.net", "Lee <lee@example.net>", "nobody")
	want := []mail.Address{addr("", "kim@example.net"), addr("Lee", "lee@example.net"), addr("", "nobody")}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

// TestAddressRoundTrip: what String writes, ParseAddress reads.
func TestAddressRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := genPath().Filter(func(p mail.Path) bool { return p.Check() == nil && p.Domain != "" }).Draw(t, "path")
		spec := strings.Trim(p.String(), "<>")
		name := rapid.StringOf(rapid.SampledFrom([]rune("aZ .,;:<>()[]\\\"@=?_财ü"))).Draw(t, "name")
		a := mail.Address{Name: name, Address: spec}
		got, err := mail.ParseAddress(a.String())
		if err != nil || got != a {
			t.Fatalf("%+v is written %q and read %+v, %v", a, a.String(), got, err)
		}
		if q, err := got.Path(); err != nil || q != p {
			t.Fatalf("the path of %+v is %+v, %v; want %+v", a, q, err, p)
		}
	})
}

// TestParseAddressTime: the known ways to make address parsers slow, at two
// sizes. Eight times the input may take about eight times the time, and not
// sixty-four: that would be seconds, however busy the machine is.
func TestParseAddressTime(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	for _, unit := range []string{"(", "\"\\a\" ", "a ", "\\", ",", "a@[", "=?utf-8?q?a?= ", "a:;", "\"a\" <b@c.example>,", "<", "=?x?q?=", "(\\", "é"} {
		run := func(n int) time.Duration {
			s := strings.Repeat(unit, n/len(unit))
			best := time.Hour
			for range 3 {
				start := time.Now()
				_, _ = mail.ParseAddressField(s)
				_, _ = mail.ParseAddresses(s)
				_, _ = mail.ParsePath(s)
				best = min(best, time.Since(start))
			}
			return best
		}
		small, large := run(1<<18), run(1<<21)
		if large > 40*small && large > time.Second {
			t.Errorf("%q: 256 KiB took %v, 2 MiB %v", unit, small, large)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"Kim <kim@example.net>", "\"a\\\"b\" <c@d>, e@f", "g: a@b, (c) d@e;", "=?utf-8?q?a?= <b@c>", "a@b(x)c", "<@a:b@c>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func(string) ([]mail.Address, error){mail.ParseAddresses, mail.ParseAddressField} {
			list, err := parse(s)
			if err != nil {
				continue
			}
			for _, a := range list {
				p, err := a.Path()
				if err != nil {
					t.Fatalf("%q gave %+v: %v", s, a, err)
				}
				checkParsed(t, a.Address, p)
				if strings.ContainsAny(fmt.Sprint(a), "\r\n\x00") {
					t.Fatalf("%q gave %q", s, a)
				}
				if back, err := mail.ParseAddress(a.String()); err != nil || back != a {
					t.Fatalf("%q gave %+v, which is read as %+v, %v", s, a, back, err)
				}
			}
		}
	})
}
