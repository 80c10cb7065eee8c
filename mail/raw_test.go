package mail_test

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
)

var env = mail.Envelope{
	ReversePath: mail.Path{Local: "kim", Domain: "example.net"},
	Recipients:  []mail.Recipient{{Path: mail.Path{Local: "lee", Domain: "example.org"}}},
}

// source gives s anew each time, by pieces of n octets.
func source(s string, n int) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		return io.NopCloser(&slow{strings.NewReader(s), n}), nil
	}
}

type slow struct {
	r io.Reader
	n int
}

func (s *slow) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.n)]) }

var lineEnd = regexp.MustCompile("\r\n|\r|\n")

// model says what a content becomes, in the plainest way.
func model(s string) (string, bool) {
	if s == "" || strings.Contains(s, "\x00") {
		return "", false
	}
	lines := lineEnd.Split(s, -1)
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	header := true
	for i, line := range lines {
		if !header {
			break
		}
		switch {
		case line == "" && i > 0:
			header = false
		case strings.HasPrefix(line, " ") && strings.Trim(line, " ") != "" && i > 0:
		case regexp.MustCompile(`^[!-9;-~]+:`).MatchString(line):
		default:
			return "", false
		}
	}
	if header {
		lines = append(lines, "")
	}
	return strings.Join(lines, "\r\n") + "\r\n", true
}

// TestRawEvery gives every text of up to six octets of {CR, LF, '.', 'x', NUL, SP}
// as a body, in the midst of one, as a header, and in the midst of that.
func TestRawEvery(t *testing.T) {
	const alphabet = "\r\n.x\x00 "
	most := 6
	if testing.Short() {
		most = 4
	}
	count := 0
	var walk func(s []byte)
	walk = func(s []byte) {
		if len(s) > 0 {
			for _, around := range [][2]string{{"A: b\r\n\r\n", ""}, {"A: b\n\n.\r", "\nx"}, {"", ""}, {"A: b", "C: d\r\n\r\n."}} {
				count++
				everyRaw(t, around[0]+string(s)+around[1], count)
			}
		}
		if len(s) < most {
			for i := range len(alphabet) {
				walk(append(s, alphabet[i]))
			}
		}
	}
	walk(nil)
	t.Logf("%d contents", count)
}

func everyRaw(t *testing.T, s string, count int) {
	want, ok := model(s)
	raws := []*mail.Raw{{Env: env, Data: []byte(s)}}
	if count%7 == 0 {
		raws = append(raws, &mail.Raw{Env: env, Source: source(s, 1+count%3)})
	}
	for _, raw := range raws {
		got, form, err := composeOnly(raw, sevenBit)
		if ok != (err == nil) || string(got) != want || ok && form.Size != int64(len(want)) {
			t.Fatalf("%q: got %q, %v, size %d; want %q, %v", s, got, err, form.Size, want, ok)
		}
	}
}

func TestRawRefuses(t *testing.T) {
	long := strings.Repeat("x", 999)
	for _, c := range []struct{ in, wrong string }{
		{"", "the content is empty"},
		{"\r\nbody\r\n", "line 1 of the content is empty, where a header should begin"},
		{"From kim Mon Mar  9\nFrom: kim@example.net\n\n", "line 1 of the content is neither a header field"},
		{"A: b\nbody\n", "line 2 of the content is neither a header field"},
		{"A: b\n \t\nc\n", "line 2 of the content is blank but not empty"},
		{" A: b\n", "line 1 of the content begins with a blank"},
		{"A : b\n\n", "line 1 of the content is neither a header field"},
		{": b\n\n", "line 1 of the content is neither a header field"},
		{"A: b\nÜ: c\n\n", "line 2 of the content is neither a header field"},
		{"A: b\n\nc\n" + long + "\n", "line 4 of the content is longer than 998"},
		{"A: " + long + "\n\n", "line 1 of the content is longer than 998"},
		{"A: b\r\rx\n\x00", "line 4 of the content holds a NUL"},
		{"A: b\n\n" + long + "\x00", "line 3 of the content is longer than 998"},
		{"A: \xff\n\n", "line 1 of the content is in the header and neither ASCII nor UTF-8"},
	} {
		_, err := (&mail.Raw{Data: []byte(c.in)}).Open()
		_, serr := (&mail.Raw{Source: source(c.in, 5)}).Open()
		for _, err := range []error{err, serr} {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%.60q: %v; want %q", c.in, err, c.wrong)
			}
		}
	}
	if _, err := (&mail.Raw{Data: []byte("A: b\n\n" + long[1:] + "\n")}).Open(); err != nil {
		t.Errorf("998 octets: %v", err)
	}
}

func TestRawBcc(t *testing.T) {
	const in = "From: a@b\nbcc: x@y,\n z@y\nTo: c@d\nResent-Bcc: q@y\n\nBcc: stays\n"
	got, _ := compose(t, &mail.Raw{Env: env, Data: []byte(in)}, sevenBit)
	if want := "From: a@b\r\nTo: c@d\r\n\r\nBcc: stays\r\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got, _ = compose(t, &mail.Raw{Env: env, Data: []byte(in), KeepBcc: true}, sevenBit)
	if want := strings.ReplaceAll(in, "\n", "\r\n"); string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRawFit(t *testing.T) {
	for _, c := range []struct {
		in    string
		offer mail.Offer
		form  mail.Form
		wrong string
	}{
		{"A: b\r\n\r\nc\r\n", sevenBit, mail.Form{Size: 11}, ""},
		{"A: b\r\n\r\nü\r\n", eightBit, mail.Form{Size: 12, EightBit: true}, ""},
		{"A: b\r\n\r\nü\r\n", sevenBit, mail.Form{}, "8BITMIME"},
		{"A: ü\r\n\r\nc\r\n", allOffer, mail.Form{Size: 12, EightBit: true, UTF8: true}, ""},
		{"A: ü\r\n\r\nc\r\n", eightBit, mail.Form{}, "SMTPUTF8"},
		{"A: b\nBcc: ü@x\n\nc\n", sevenBit, mail.Form{Size: 11}, ""}, // what is left out does not count
		{"A: b\r\n\r\n\xff\r\n", eightBit, mail.Form{Size: 11, EightBit: true}, ""},
	} {
		got, form, err := composeOnly(&mail.Raw{Data: []byte(c.in)}, c.offer)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) || got != nil {
				t.Errorf("%q: %q, %v; want %q", c.in, got, err, c.wrong)
			}
			continue
		}
		if err != nil || form != c.form || int64(len(got)) != form.Size {
			t.Errorf("%q: %+v, %v, %d octets; want %+v", c.in, form, err, len(got), c.form)
		}
	}
}

// TestRawChanges: a source that gives another content the second time.
func TestRawChanges(t *testing.T) {
	for _, second := range []string{"A: b\n\nlonger\n", "A: b\n\nc", "A: b\n\nü", "A: b\n\nx\x00"} {
		n := 0
		c, err := (&mail.Raw{Source: func() (io.ReadCloser, error) {
			n++
			return source([]string{"", "A: b\n\nxy\n", second}[n], 100)()
		}}).Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c.Fit(eightBit); err != nil {
			t.Fatal(err)
		}
		if _, err = c.WriteTo(io.Discard); err == nil && second != "A: b\n\nc" {
			t.Errorf("%q: it was not noticed", second)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRawErrors(t *testing.T) {
	boom := errors.New("boom")
	if _, err := (&mail.Raw{Source: func() (io.ReadCloser, error) { return nil, boom }}).Open(); !errors.Is(err, boom) {
		t.Errorf("opening: %v", err)
	}
	broken := func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("A: b\n\nc\n"), failing{boom})), nil
	}
	if _, err := (&mail.Raw{Source: broken}).Open(); !errors.Is(err, boom) {
		t.Errorf("reading: %v", err)
	}
	_, err := (&mail.Raw{}).Envelope()
	if p, ok := errors.AsType[mail.Problems](err); !ok || p[0].Field != "Env.Recipients" {
		t.Errorf("no recipient: %v", err)
	}
	bad := mail.Envelope{
		ReversePath: mail.Path{Local: "a\r\nb", Domain: "c"},
		Recipients:  []mail.Recipient{{}, {Path: mail.Path{Local: "a", Domain: "b"}, Notify: 255, Original: "a b"}},
		ID:          "ü", Return: 9,
	}
	_, err = (&mail.Raw{Env: bad}).Envelope()
	p, _ := errors.AsType[mail.Problems](err)
	var fields []string
	for _, f := range p {
		fields = append(fields, f.Field)
	}
	want := "Env.ReversePath Env.Recipients[0].Path Env.Recipients[1].Notify Env.Recipients[1].Original Env.Return Env.ID"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestHeaderEnvelope(t *testing.T) {
	for _, c := range []struct{ in, want, wrong string }{
		{"From: Kim <kim@example.net>\nTo: a@b.example,\n c@d.example (C)\ncc: g: e@f.example;\nBCC: h@i.example\n\nTo: not@this\n",
			"<kim@example.net>: <a@b.example> <c@d.example> <e@f.example> <h@i.example>", ""},
		{"Sender: s@example.net\nFrom: a@example.net, b@example.net\nTo: a@b.example, a@B.example\n", "<s@example.net>: <a@b.example>", ""},
		{"From: k@x.example\nTo: a@b.example\nResent-From: r@x.example\nResent-To: c@d.example\n\n", "<r@x.example>: <c@d.example>", ""},
		{"From: k@例子.中国\nTo: a@b.example\n\n", "<k@xn--fsqu00a.xn--fiqs8s>: <a@b.example>", ""},
		{"From: k@x.example\nResent-To: c@d.example\nResent-To: e@f.example\n\n", "", "more than one resent-to"},
		{"From: k@x.example\nTo: undisclosed-recipients:;\n\n", "", "names nobody"},
		{"To: a@b.example\n\n", "", "who the mail is from"},
		{"From: k@x.example\nFrom: l@x.example\nTo: a@b.example\n\n", "", "more than one from"},
		{"From: k@x.example\nTo: a@b.example(x)c\n\n", "", "field to the address"},
		{"To a@b.example\n\n", "", "line 1"},
		{"", "", "empty"},
	} {
		for _, raw := range []*mail.Raw{{Data: []byte(c.in)}, {Source: source(c.in, 3)}} {
			e, err := raw.HeaderEnvelope()
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("%q: %v; want %q", c.in, err, c.wrong)
				}
				continue
			}
			got := e.ReversePath.String() + ":"
			for _, r := range e.Recipients {
				got += " " + r.Path.String()
			}
			if err != nil || got != c.want {
				t.Errorf("%q: %s, %v; want %s", c.in, got, err, c.want)
			}
		}
	}
	if _, err := (&mail.Raw{Data: []byte(strings.Repeat("A: "+strings.Repeat("b", 900)+"\n", 400))}).HeaderEnvelope(); err == nil || !strings.Contains(err.Error(), "256 KiB") {
		t.Errorf("a header without end: %v", err)
	}
}

// TestRawCleanIsNotCopied: what is in order is given in one write, as it is.
func TestRawCleanIsNotCopied(t *testing.T) {
	data := []byte("A: b\r\n\r\n" + strings.Repeat("line\r\n", 100_000))
	c, err := (&mail.Raw{Data: data}).Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Fit(sevenBit); err != nil {
		t.Fatal(err)
	}
	var w oneWrite
	if _, err := c.WriteTo(&w); err != nil || len(w.got) != 1 || &w.got[0][0] != &data[0] {
		t.Errorf("%d writes, %v", len(w.got), err)
	}
}

type oneWrite struct{ got [][]byte }

func (w *oneWrite) Write(p []byte) (int, error) { w.got = append(w.got, p); return len(p), nil }

func FuzzRaw(f *testing.F) {
	for _, s := range []string{"A: b\r\n\r\nc", "Bcc: a@b\n c\nTo: d@e\n\n.\r.\n", "\xffA: b\n", "A: ü\n\nx\x00"} {
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, keep bool) {
		raw := &mail.Raw{Env: env, Data: data, KeepBcc: keep}
		got, form, err := composeOnly(raw, allOffer)
		streamed, sform, serr := composeOnly(&mail.Raw{Env: env, Source: source(string(data), 3), KeepBcc: keep}, allOffer)
		if !bytes.Equal(got, streamed) || form != sform || (err == nil) != (serr == nil) {
			t.Fatalf("%q from memory and %q from a reader", got, streamed)
		}
		if err != nil {
			return
		}
		keepsRules(t, got)
		if form.Size != int64(len(got)) {
			t.Fatalf("the size was said to be %d and is %d", form.Size, len(got))
		}
		again, _, err := composeOnly(&mail.Raw{Env: env, Data: got, KeepBcc: keep}, allOffer)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q a second time is %q, %v", got, again, err)
		}
		_, _ = raw.HeaderEnvelope()
	})
}

// A header of very many short lines is read in time in proportion to it: before,
// this one took minutes.
func TestHeaderEnvelopeOfManyLines(t *testing.T) {
	r := &mail.Raw{Data: []byte("From: a@example.com\r\nTo: b@example.com" + strings.Repeat(",\r\n b@example.com", 10) + "\r\nX: " + strings.Repeat("\r\n x", 50_000) + "\r\n\r\nhello\r\n")}
	env, err := r.HeaderEnvelope()
	if err != nil || len(env.Recipients) != 1 {
		t.Errorf("%d recipients, %v", len(env.Recipients), err)
	}
}
