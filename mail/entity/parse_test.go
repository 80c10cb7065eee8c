package entity_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parleymail/parley/mail/entity"
)

// crlf makes a content of lines.
func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

// outline writes a tree in one line: types, and bodies of leaves.
func outline(e *entity.Entity) string {
	s := e.Type
	if e.File != "" {
		s += "=" + e.File
	}
	if len(e.Parts) == 0 {
		return s + fmt.Sprintf("%q", e.RawBody())
	}
	var parts []string
	for _, p := range e.Parts {
		parts = append(parts, outline(p))
	}
	return s + "(" + strings.Join(parts, " ") + ")"
}

func remarks(list []entity.Note) (s []string) {
	for _, n := range list {
		s = append(s, string(n.What)+"@"+n.Path)
	}
	return s
}

func TestTree(t *testing.T) {
	for _, c := range []struct{ name, in, want, odd string }{
		{"nothing", "", `text/plain""`, ""},
		{"a text", "Subject: x\n\nhello\n", `text/plain"hello\r\n"`, ""},
		{"all header", "Subject: x", `text/plain""`, ""},
		{"an mbox line", "From a@b Mon\nContent-Type: text/html\n\nx", `text/html"x"`, ""},
		{"no header", "\nhello", `text/plain"hello"`, ""},
		{"a line that is no field", "Subject: x\nhello there\n\nx", `text/plain"hello there\r\n\r\nx"`, "bad-header@"},
		{"two parts", "Content-Type: multipart/mixed; boundary=b\n\npre\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\nepilogue\n",
			`multipart/mixed(text/plain"one" text/html"two")`, ""},
		{"a boundary in quotes with blanks behind", "Content-Type: multipart/mixed; boundary=\"b c \"\n\n--b c \t \n\none\n--b c--  \n", `multipart/mixed(text/plain"one")`, ""},
		{"a line that only looks like one", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--bc\n --b\n--b -\n--b--", `multipart/mixed(text/plain"--bc\r\n --b\r\n--b -")`, ""},
		{"never closed", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n", `multipart/mixed(text/plain"one\r\n")`, "never-closed@"},
		{"never begun", "Content-Type: multipart/mixed; boundary=b\n\none\n", `multipart/mixed"one\r\n"`, "never-closed@ never-begun@"},
		{"no boundary", "Content-Type: multipart/mixed\n\n--b\n", `multipart/mixed"--b\r\n"`, "no-boundary@"},
		{"an inner one that is not closed", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--a\n\ntwo\n--a--\n",
			`multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")`, "never-closed@1"},
		{"the same boundary within", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=a\n\n--a\n\none\n--a--\n--a\n\ntwo\n--a--\n",
			`multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")`, "same-boundary@1"},
		{"a header that a boundary ends", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n--b\n\nx\n--b--",
			`multipart/mixed(text/html"" text/plain"x")`, "no-header-end@1"},
		{"a mail within", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: y\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\ndeep\n--c--\n--b--",
			`multipart/mixed(message/rfc822(multipart/mixed(text/plain"deep")))`, ""},
		{"a mail within in base64", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA==", `message/rfc822"U3ViamVjdDogeA=="`, "coded-message@"},
		{"a digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: y\n\nz\n--b--", `multipart/digest(message/rfc822(text/plain"z"))`, ""},
		{"closed at once", "Content-Type: multipart/mixed; boundary=b\n\n--b--\n--b\n\nx", `multipart/mixed"--b--\r\n--b\r\n\r\nx"`, "never-begun@"},
		{"two types", "Content-Type: text/html\nContent-Type: text/plain\n\nx", `text/html"x"`, "two-types@"},
		{"a type that is none", "Content-Type: html\n\nx", `text/plain"x"`, "bad-type@"},
		{"a folded type", "Content-Type: multipart/mixed;\n\tboundary=\"b\"\n\n--b\nContent-Disposition:\n attachment;\n filename=a.pdf\n\nx\n--b--", `multipart/mixed(text/plain=a.pdf"x")`, ""},
		{"an encoding nobody knows", "Content-Transfer-Encoding: x-uuencode\n\nx", `text/plain"x"`, "bad-encoding@"},
	} {
		e := entity.Parse(crlf(c.in), entity.Limits{})
		if got := outline(e); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if got := strings.Join(remarks(e.Odd), " "); got != c.odd {
			t.Errorf("%s: odd %q, want %q", c.name, got, c.odd)
		}
		held(t, c.name, e)
		bare := entity.Parse([]byte(c.in), entity.Limits{})
		if got := strings.ReplaceAll(c.want, `\r`, ""); outline(bare) != got {
			t.Errorf("%s with LF:\n got %s\nwant %s", c.name, outline(bare), got)
		}
	}
}

// held: offsets lie within the parent's body, in order, and slices are the content's.
func held(t testing.TB, name string, root *entity.Entity) {
	t.Helper()
	whole := root.Raw()
	for e := range root.All() {
		if e.Start < 0 || e.BodyStart < e.Start || e.End < e.BodyStart || e.End > len(whole) {
			t.Fatalf("%s: %s: %d %d %d of %d", name, e.Path(), e.Start, e.BodyStart, e.End, len(whole))
		}
		if !bytes.Equal(e.Raw(), whole[e.Start:e.End]) || !bytes.Equal(append(bytes.Clone(e.RawHeader()), e.RawBody()...), e.Raw()) {
			t.Fatalf("%s: %s: its slices are not the content's", name, e.Path())
		}
		at := e.BodyStart
		for _, p := range e.Parts {
			if p.Start < at || p.End > e.End || p.Parent != e {
				t.Fatalf("%s: %s [%d %d] is not within %s [%d %d], behind %d", name, p.Path(), p.Start, p.End, e.Path(), e.BodyStart, e.End, at)
			}
			at = p.End
		}
		if root.At(e.Path()) != e {
			t.Fatalf("%s: At(%q) is another", name, e.Path())
		}
		last := e.Start
		for f := range e.Fields() {
			if f.Start < last || f.End > e.BodyStart || f.End <= f.Start || !bytes.Contains(whole[f.Start:f.End], f.Raw) {
				t.Fatalf("%s: field %s [%d %d] in header [%d %d]", name, f.Name, f.Start, f.End, e.Start, e.BodyStart)
			}
			last = f.End
		}
	}
}

// TestGoldens: what package mail composes is read without a remark.
func TestGoldens(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("..", "testdata", "golden", "*.eml"))
	if err != nil || len(names) < 10 {
		t.Fatalf("%d goldens, %v", len(names), err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		e := entity.Parse(b, entity.Limits{})
		held(t, name, e)
		if len(e.Odd)+len(e.Cut) > 0 {
			t.Errorf("%s: %v %v", name, e.Odd, e.Cut)
		}
	}
}

func TestAttachments(t *testing.T) {
	const in = `Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/related; boundary=r

--r
Content-Type: multipart/alternative; boundary=a

--a

text
--a
Content-Type: text/html

<img src=cid:x>
--a
Content-Type: text/calendar

x
--a--
--r
Content-Type: image/png; name=logo.png
Content-ID: <x>

png
--r--
--m
Content-Type: text/plain; name=notes.txt

x
--m
Content-Type: text/plain; name=sig.txt
Content-Disposition: inline

x
--m
Content-Type: message/rfc822

Content-Type: application/pdf

within
--m
Content-Type: application/pdf

x
--m--
`
	e := entity.Parse(crlf(in), entity.Limits{})
	var got []string
	for p := range e.All() {
		if p.IsAttachment() {
			got = append(got, p.Path()+" "+p.Type)
		}
	}
	want := []string{"2 text/plain", "4 message/rfc822", "4.1 application/pdf", "5 application/pdf"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if n := e.Attachments(); n != 3 {
		t.Errorf("%d attachments, want 3: those of a mail within are its own", n)
	}
}

// cost parses a content and reads all that is asked of it, and says what that took: the memory that was ever asked for, which is
// more than was held at once.
func cost(content []byte) (root *entity.Entity, took time.Duration, bytes uint64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begun := cpu()
	root = entity.Parse(content, entity.Limits{})
	for e := range root.All() {
		for f := range e.Fields() {
			_ = f.Text()
		}
		if len(e.Parts) == 0 {
			_, _ = io.Copy(io.Discard, e.Open())
			_ = e.Text(64 << 10)
		}
	}
	took = cpu() - begun
	runtime.ReadMemStats(&after)
	return root, took, after.TotalAlloc - before.TotalAlloc
}

// bombs are contents that no honest program writes. They are made large here; their makers are small.
func bombs(size int) map[string]func() []byte {
	fill := func(head, unit, tail string) func() []byte {
		return func() []byte {
			return append(append([]byte(head), bytes.Repeat([]byte(unit), max(1, size/len(unit)))...), tail...)
		}
	}
	counted := func(head string, n int, unit func(int) string) func() []byte {
		return func() []byte {
			var b bytes.Buffer
			b.WriteString(head)
			for i := range n {
				b.WriteString(unit(i))
			}
			return b.Bytes()
		}
	}
	const mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	const deep = 100_000
	return map[string]func() []byte{
		"multiparts 10^5 deep": counted("", deep, func(i int) string {
			return fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}),
		"the same boundary 10^5 deep":   counted("", deep, func(int) string { return mixed + "--b\r\n" }),
		"mails 10^5 deep":               counted("", deep, func(int) string { return "Content-Type: message/rfc822\r\n\r\n" }),
		"digests 10^5 deep":             counted("", deep, func(int) string { return "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n" }),
		"parts 10^6":                    counted(mixed, 1_000_000, func(int) string { return "--b\r\n\r\nx\r\n" }),
		"empty parts":                   fill(mixed, "--b\n", ""),
		"nearly boundaries":             fill(mixed, "--c\n", ""),
		"nearly boundaries, long":       fill(mixed, "--"+strings.Repeat("b", 255), ""),
		"dashes":                        fill(mixed, "-", ""),
		"dash lines":                    fill(mixed, "--\n", ""),
		"fields 10^6":                   counted("", 1_000_000, func(int) string { return "X-Field: some value that is long enough\r\n" }),
		"a header of size":              fill("Subject: x", "\r\n y", "\r\n\r\nbody"),
		"a header in one line":          fill("Subject: ", "x", "\r\n\r\nbody"),
		"a header of short fields":      fill("", "a:\n", "\n"),
		"a type of size":                fill("Content-Type: text/plain", "; a=b", "\r\n\r\nbody"),
		"a type of continuations":       counted("Content-Type: text/plain", 100_000, func(i int) string { return fmt.Sprintf(";\r\n a*%d*=b", i) }),
		"comments 10^6 deep":            fill("Content-Type: ", "(", "text/plain\r\n\r\nbody"),
		"encoded words":                 fill("Subject: ", "=?utf-8?q?a?=\r\n ", "\r\n\r\nbody"),
		"encoded words that do not end": fill("Subject: ", "=?utf-8?q?a", "?=\r\n\r\nbody"),
		"beginnings of encoded words":   fill("Subject: ", "=?", "?=\r\n\r\nbody"),
		"base64":                        fill("Content-Transfer-Encoding: base64\r\n\r\n", "QUFB\r\n", ""),
		"padding":                       fill("Content-Transfer-Encoding: base64\r\n\r\n", "=", ""),
		"quoted-printable":              fill("Content-Transfer-Encoding: quoted-printable\r\n\r\n", "=41", ""),
		"quoted-printable blanks":       fill("Content-Transfer-Encoding: quoted-printable\r\n\r\n", " ", "x"),
		"quoted-printable soft blanks":  fill("Content-Transfer-Encoding: quoted-printable\r\n\r\n", "= ", "x"),
		"ISO-2022-JP shifts":            fill("Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n", "\x1b$B\x1b(B", ""),
		"HZ shifts":                     fill("Content-Type: text/plain; charset=hz-gb-2312\r\n\r\n", "~{~}", ""),
		"high octets":                   fill("Content-Type: text/plain\r\n\r\n", "\xff\xfe\x80", ""),
		"metas":                         fill("Content-Type: text/html\r\n\r\n", "<meta ", ""),
		"NULs":                          fill("", "\x00", ""),
		"line ends":                     fill("Subject: x\r\n\r\n", "\r\n", ""),
		"CRs":                           fill("Subject: x", "\r", ""),
	}
}

// TestBombs: of a content of 50 MB, each costs less than a second and 64 MiB, and what was left out is told.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	size, slack := 50_000_000, time.Second
	if testing.Short() || raceEnabled {
		size, slack = 2_000_000, 2*time.Second
	}
	told := map[string]entity.Remark{
		"multiparts 10^5 deep": entity.TooDeep, "mails 10^5 deep": entity.TooDeep, "the same boundary 10^5 deep": entity.TooDeep, "digests 10^5 deep": entity.TooDeep,
		"parts 10^6": entity.TooManyParts, "empty parts": entity.TooManyParts,
		"fields 10^6": entity.TooManyFields, "a header of short fields": entity.TooManyFields, "a header of size": entity.LongHeader, "a header in one line": entity.LongHeader,
	}
	for name, make := range bombs(size) {
		content := make()
		e, took, memory := cost(content)
		for range 3 {
			if took > slack { // others are at work on the machine too
				e, took, memory = cost(content)
			}
		}
		if took > slack || memory > 64<<20 {
			t.Errorf("%s: %v, %d MiB", name, took, memory>>20)
		}
		if testing.Verbose() {
			t.Logf("%-32s %8v %4d KiB %d cuts", name, took.Round(time.Millisecond), memory>>10, len(e.Cut))
		}
		held(t, name, e)
		if want := told[name]; want != "" && (len(e.Cut) == 0 || e.Cut[0].What != want) {
			t.Errorf("%s: %v, want %s", name, e.Cut, want)
		}
		n := 0
		for range e.All() {
			n++
		}
		if n > 1000 {
			t.Errorf("%s: %d entities", name, n)
		}
	}
}
