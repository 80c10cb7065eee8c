package plain_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/parleymail/parley/internal/plain"
)

func TestOneLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"The disk is full", "The disk is full"},
		{"a\r\nBcc: b@example.net", "a Bcc: b@example.net"},
		{" \t a\u2028b\u00a0c\u3000d ", "a b c d"},
		{"invoice\u202efdp.exe", "invoice fdp.exe"},
		{"a\x00b\x1b[31mc\u0085d", "a b [31mc d"},
		{"\xff\xfe", "\uFFFD"},
		{"王小明 您好", "王小明 您好"},
		{strings.Repeat("x", 41), strings.Repeat("x", 40) + "…"},
		{strings.Repeat("\x00", 400) + "far behind", "far behind"},
		{"a list of words that goes on and on and on", "a list of words that goes on and on and…"},
	} {
		if got := plain.OneLine(c.text, 40); got != c.want {
			t.Errorf("OneLine(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestManyLines(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"\r\none\r\ntwo\rthree\n\tfour\n\n", "one\ntwo\nthree\n\tfour"},
		{"a\x1b[2Jb\u202ec\ufeff", "a[2Jbc"},
		{strings.Repeat("line\n", 20), strings.Repeat("line\n", 7) + "line…"},
	} {
		if got := plain.ManyLines(c.text, 40); got != c.want {
			t.Errorf("ManyLines(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestNothingOfOthersGetsThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, most := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text"), rapid.IntRange(1, 50).Draw(t, "most")
		for _, got := range []string{plain.OneLine(s, most), plain.ManyLines(s, most)} {
			if strings.ContainsFunc(got, plain.IsControl) || !utf8.ValidString(got) || utf8.RuneCountInString(got) > most+1 {
				t.Fatalf("%q became %q", s, got)
			}
		}
		if strings.ContainsAny(plain.OneLine(s, most), "\r\n\t\u2028\u2029") {
			t.Fatal("more than a line")
		}
	})
}
