package mail_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/parleymail/parley/mail"
)

// body is what the only attachment of a content holds, decoded.
func body(t testing.TB, content []byte) string {
	t.Helper()
	_, rest, _ := strings.Cut(string(content), "\r\n\r\n")
	b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(rest, "\r\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func withPart(p mail.Part) *mail.Message {
	m := base()
	m.Attach = []mail.Part{p}
	return m
}

// TestParts: every way to make one gives the same content, at every length around
// those that matter.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []int{0, 1, 2, 3, 56, 57, 58, 8191, 8192, 8193, 47879, 47880, 47881, 2*47880 + 1} {
		data := bytes.Repeat([]byte("0123456789"), n/10+1)[:n]
		name := filepath.Join(dir, "a.pdf")
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		parts := map[string]mail.Part{
			"Bytes":          mail.Bytes("a.pdf", data),
			"File":           mail.File(name),
			"FS":             mail.FS(fstest.MapFS{"x/a.pdf": {Data: data}}, "x/a.pdf"),
			"Root":           mail.FS(root.FS(), "a.pdf"),
			"Reader":         mail.Reader("a.pdf", source(string(data), 1000)),
			"Reader of size": mail.Reader("a.pdf", source(string(data), 1<<20)),
			"sniffed":        mail.Reader("a", source(string(data), 7)),
		}
		for way, p := range parts {
			if way == "Reader of size" {
				p.Size = int64(n)
			}
			m := withPart(p)
			for range 2 { // the same a second time
				got, form := compose(t, m, sevenBit)
				if body(t, got) != string(data) {
					t.Fatalf("%s, %d octets: they are not those that arrive", way, n)
				}
				known := way != "Reader" && way != "sniffed" && !(way == "Reader of size" && n == 0)
				if known && form.Size != int64(len(got)) || !known && form.Size != -1 {
					t.Errorf("%s, %d octets: size %d of %d", way, n, form.Size, len(got))
				}
				keepsRules(t, got)
			}
		}
		if err := root.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPartsMissing is C3 of the field report: a file that is not there stops the
// mail, and all that are not there are named.
func TestPartsMissing(t *testing.T) {
	dir := t.TempDir()
	boom := errors.New("boom")
	var closed closeCount
	m := base()
	m.HTML = "x"
	m.Inline = []mail.Part{mail.File(filepath.Join(dir, "logo.png"))}
	m.Attach = []mail.Part{
		mail.Bytes("fine.txt", []byte("x")),
		mail.Reader("opened.txt", closed.open("x")),
		mail.File(dir),
		mail.FS(os.DirFS(dir), "none.pdf"),
		mail.Reader("broken.pdf", func() (io.ReadCloser, error) { return nil, boom }),
		mail.Reader("nothing.pdf", func() (io.ReadCloser, error) { return nil, nil }),
	}
	if err := m.Check(); err != nil {
		t.Fatal(err) // it does not open files
	}
	_, err := m.Open()
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, boom) {
		t.Errorf("the causes are not told: %v", err)
	}
	p, _ := errors.AsType[mail.Problems](err)
	var fields []string
	for _, f := range p {
		fields = append(fields, f.Field)
	}
	if got := strings.Join(fields, " "); got != "Inline[0] Attach[2] Attach[3] Attach[4] Attach[5]" {
		t.Errorf("%s: %v", got, err)
	}
	if closed.held != 0 {
		t.Errorf("%d parts are left open", closed.held)
	}
}

// closeCount counts what is open.
type closeCount struct{ held int }

func (c *closeCount) open(s string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		c.held++
		return &counted{strings.NewReader(s), c, false}, nil
	}
}

type counted struct {
	io.Reader
	c    *closeCount
	done bool
}

func (r *counted) Close() error {
	if !r.done {
		r.c.held--
	}
	r.done = true
	return nil
}

// TestPartsClosed: whatever happens, what was opened is closed.
func TestPartsClosed(t *testing.T) {
	for name, use := range map[string]func(c mail.Content){
		"at once":   func(mail.Content) {},
		"after Fit": func(c mail.Content) { _, _ = c.Fit(sevenBit) },
		"written":   func(c mail.Content) { _, _ = c.Fit(sevenBit); _, _ = c.WriteTo(io.Discard) },
		"cut":       func(c mail.Content) { _, _ = c.Fit(sevenBit); _, _ = c.WriteTo(cut(700)) },
	} {
		var count closeCount
		m := base()
		m.Attach = []mail.Part{
			mail.Reader("a.bin", count.open("x")), mail.Reader("b", count.open("x")), mail.Reader("c.eml", count.open("A: b\n\nc\n")),
		}
		c, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		if count.held != 3 {
			t.Errorf("%s: %d open", name, count.held)
		}
		use(c)
		if err := c.Close(); err != nil || count.held != 0 {
			t.Errorf("%s: %d left open, %v", name, count.held, err)
		}
	}
}

type cutter struct{ left int }

var errCut = errors.New("cut")

func cut(n int) io.Writer { return &cutter{n} }

func (w *cutter) Write(p []byte) (int, error) {
	n := min(w.left, len(p))
	w.left -= n
	if n < len(p) {
		return n, errCut
	}
	return n, nil
}

// TestPartsBreak is C1 of the field report: a part that fails, shrinks or grows
// while it is sent makes WriteTo fail, so that no half mail is ended as a whole one.
func TestPartsBreak(t *testing.T) {
	boom := errors.New("boom")
	big := strings.Repeat("x", 100_000)
	sized := func(p mail.Part, n int64) mail.Part { p.Size = n; return p }
	eml := func(second string) mail.Part {
		n := 0
		return mail.Reader("a.eml", func() (io.ReadCloser, error) {
			n++
			return source([]string{"", "A: b\n\nc\n", second}[n], 100)()
		})
	}
	for name, c := range map[string]struct {
		part  mail.Part
		wrong string
	}{
		"fails": {mail.Reader("a.pdf", func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(big), failing{boom})), nil
		}), `reading "a.pdf": boom`},
		"breaks off": {mail.Reader("a.pdf", func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(big), failing{io.ErrUnexpectedEOF})), nil
		}), `reading "a.pdf": unexpected EOF`},
		"stands still":  {mail.Reader("a.pdf", func() (io.ReadCloser, error) { return io.NopCloser(failing{nil}), nil }), "multiple Read calls return no data"},
		"shrinks":       {sized(mail.Reader("a.pdf", source(big, 1000)), 100_001), "shorter"},
		"shrinks to 0":  {sized(mail.Reader("a.pdf", source("", 1000)), 1), "shorter"},
		"grows":         {sized(mail.Reader("a.pdf", source(big, 1000)), 99_999), "longer"},
		"grows a lot":   {sized(mail.Reader("a.pdf", source(big, 1000)), 10), "longer"},
		"another .eml":  {eml("A: b\n\nmore\n"), "changed"},
		"no .eml":       {eml("x"), "line 1"},
		"unnamed fails": {mail.Reader("a.pdf", func() (io.ReadCloser, error) { return io.NopCloser(failing{boom}), nil }), "boom"},
	} {
		m := withPart(c.part)
		m.Text = "Hello.\n"
		content, err := m.Open()
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := content.Fit(sevenBit); err != nil {
			t.Fatal(name, err)
		}
		var w bytes.Buffer
		n, err := content.WriteTo(&w)
		if err == nil || !strings.Contains(err.Error(), c.wrong) || n != int64(w.Len()) {
			t.Errorf("%s: %d of %d, %v; want %q", name, n, w.Len(), err, c.wrong)
		}
		if bytes.HasSuffix(w.Bytes(), []byte("--\r\n")) {
			t.Errorf("%s: the last boundary was written", name)
		}
		_ = content.Close()
	}
}

// TestPartsFileShrinks: a real file that is cut between Open and WriteTo.
func TestPartsFileShrinks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.pdf")
	if err := os.WriteFile(name, make([]byte, 100_000), 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := withPart(mail.File(name)).Open()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := os.Truncate(name, 60_000); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Fit(sevenBit); err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo(io.Discard); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Error(err)
	}
}

func TestPartSizeIsNot(t *testing.T) {
	p := mail.Bytes("a.pdf", []byte("abc"))
	p.Size = 4
	if _, err := withPart(p).Open(); err == nil || !strings.Contains(err.Error(), "holds 3 octets, and not the 4") {
		t.Error(err)
	}
}

// TestWriteError: an error of the one who is written to comes back as it is.
func TestWriteError(t *testing.T) {
	for _, p := range []mail.Part{mail.Bytes("a.pdf", make([]byte, 100_000)), mail.Bytes("a.eml", []byte("A: b\n\n"+strings.Repeat("c\n", 100_000)))} {
		for _, n := range []int{0, 10, 1000, 70_000} {
			c, err := withPart(p).Open()
			if err != nil {
				t.Fatal(err)
			}
			if _, err = c.Fit(sevenBit); err != nil {
				t.Fatal(err)
			}
			if n, err := c.WriteTo(cut(n)); !errors.Is(err, errCut) {
				t.Errorf("after %d: %v", n, err)
			}
			_ = c.Close()
		}
	}
}

func TestPartTypes(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"a.pdf", "", "application/pdf"},
		{"A.PDF", "", "application/pdf"},
		{"a.xlsx", "", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		{"a.tar.gz", "", "application/gzip"},
		{"a.unknown", "%PDF-1.7", "application/pdf"},
		{"a", "\x89PNG\r\n\x1a\n....", "image/png"},
		{"a", "RIFF....WEBPVP8", "image/webp"},
		{"a", "PK", "application/octet-stream"},
		{"a", "<html>", "application/octet-stream"},
		{"a", "", "application/octet-stream"},
		{"noext.", "", "application/octet-stream"},
		{"a.eml", "A: b\n\nc\n", "message/rfc822"},
		{"a.eml", "this is none", "application/octet-stream"},
		{"a.eml", "A: b\n\n" + strings.Repeat("x", 1000), "application/octet-stream"},
		{"a.eml", "A: b\n\nü", "application/octet-stream"}, // the server takes seven bits
		{"a.eml", "A: ü\n\nc", "application/octet-stream"},
	} {
		for way, p := range map[string]mail.Part{"bytes": mail.Bytes(c.name, []byte(c.data)), "reader": mail.Reader(c.name, source(c.data, 3))} {
			got, _ := compose(t, withPart(p), sevenBit)
			if !strings.Contains(string(got), "\r\nContent-Type: "+c.want+"\r\n") && !strings.Contains(string(got), "\r\nContent-Type:\r\n "+c.want+"\r\n") {
				t.Errorf("%s of %q (%s): want %s, got\n%s", c.name, c.data, way, c.want, got)
			}
			if c.want == "application/octet-stream" && body(t, got) != c.data {
				t.Errorf("%s of %q (%s) arrives as %q", c.name, c.data, way, body(t, got))
			}
		}
	}
	// Who breaks off while the type is looked for.
	cutOff := mail.Reader("a", func() (io.ReadCloser, error) { return io.NopCloser(failing{io.ErrUnexpectedEOF}), nil })
	if _, err := withPart(cutOff).Open(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	// What was said to be a message must be one.
	for data, wrong := range map[string]string{"none": "line 1", "A: ü\n\n": "UTF-8 in its header"} {
		p := mail.Bytes("a", []byte(data))
		p.Type = "Message/RFC822"
		if _, err := withPart(p).Open(); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v", data, err)
		}
	}
	p := mail.Bytes("a", []byte("A: b\n\nü\n"))
	p.Type = "message/rfc822"
	if _, _, err := composeOnly(withPart(p), sevenBit); err == nil || !strings.Contains(err.Error(), "8BITMIME") {
		t.Error(err)
	}
}

// TestWriteLines: a session is told which lines need no looking through, and these
// keep the rules.
func TestWriteLines(t *testing.T) {
	c, err := attach(100 << 10).Open()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Fit(sevenBit); err != nil {
		t.Fatal(err)
	}
	w := &linesOnly{t: t}
	if _, err := c.WriteTo(w); err != nil {
		t.Fatal(err)
	}
	if w.lines < 136<<10 || w.other > 4<<10 {
		t.Errorf("%d octets of lines, %d others", w.lines, w.other)
	}
}

type linesOnly struct {
	t            *testing.T
	lines, other int
}

func (w *linesOnly) Write(p []byte) (int, error) { w.other += len(p); return len(p), nil }

func (w *linesOnly) WriteLines(p []byte) (int, error) {
	w.lines += len(p)
	keepsRules(w.t, p)
	if len(p) > 64<<10 {
		w.t.Errorf("%d octets at once", len(p))
	}
	for line := range strings.SplitSeq(string(p), "\r\n") {
		if strings.HasPrefix(line, ".") || len(line) > 76 {
			w.t.Errorf("line %q", line)
		}
	}
	return len(p), nil
}

// TestLargePart: a 50 MiB attachment costs a few hundred KiB, whatever gives it.
func TestLargePart(t *testing.T) {
	const size = 50 << 20
	m := withPart(mail.Reader("a.bin", func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, size)), nil
	}))
	m.Attach[0].Size = size
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var w drain
	send(t, m, &w)
	runtime.ReadMemStats(&after)
	if w.n < size/3*4 {
		t.Errorf("%d octets", w.n)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<10 {
		t.Errorf("%d octets were allocated in all", grown)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
