package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/parleymail/parley/internal/wire"
)

// A model reads a content in the simplest way that can be seen to be right: all
// of it is there, and it is looked at octet by octet.
type model struct {
	content string // dots taken off
	bad     string // what is wrong first, and where
	octet   int64
	rest    string // what stands behind the content
}

// dataModel is a content that comes by DATA. It must have an end.
func dataModel(stream string) model {
	// The CRLF of DATA's own line is the first of CRLF, dot, CRLF.
	text, rest, ok := strings.Cut("\r\n"+stream, "\r\n.\r\n")
	if !ok {
		panic("no end")
	}
	text = strings.ReplaceAll(text+"\r\n", "\r\n.", "\r\n")[2:]
	m := badModel(text)
	m.rest = rest
	return m
}

func badModel(text string) model {
	m := model{content: text, octet: -1}
	for i := range len(text) {
		switch {
		case text[i] == '\r' && !strings.HasPrefix(text[i:], "\r\n"):
			m.bad = "a bare CR"
		case text[i] == '\n' && (i == 0 || text[i-1] != '\r'):
			m.bad = "a bare LF"
		case text[i] == 0:
			m.bad = "a NUL"
		default:
			continue
		}
		m.octet = int64(i)
		break
	}
	return m
}

// judge holds what the reader did against what the model says.
func judge(m model, c *wire.ContentReader, got []byte, err error, rest []byte) error {
	var bad *wire.ContentError
	switch {
	case m.bad != "":
		if !errors.As(err, &bad) || bad.What != m.bad || bad.Octet != m.octet {
			return fmt.Errorf("the error is %v, want %s at octet %d", err, m.bad, m.octet)
		}
		// A CR may be given before it is known to be bare; the error is sure to follow.
		if !strings.HasPrefix(m.content, string(got)) || int64(len(got)) > m.octet+1 {
			return fmt.Errorf("gave %q, which is not what stands before octet %d", got, m.octet)
		}
	case err != io.EOF || string(got) != m.content:
		return fmt.Errorf("gave %q and %v, want %q", got, err, m.content)
	case c.Size() != int64(len(m.content)):
		return fmt.Errorf("counted %d octets of %d", c.Size(), len(m.content))
	}
	if !c.Ended() {
		return errors.New("never ended")
	}
	if string(rest) != m.rest {
		return fmt.Errorf("left %q behind, want %q", rest, m.rest)
	}
	return nil
}

// A take is a Reader and a ContentReader that are used again and again.
type take struct {
	src pieces
	r   *wire.Reader
	c   wire.ContentReader
	got []byte
}

func newTake() *take {
	t := &take{}
	t.r = wire.NewReader(&t.src, 64)
	return t
}

// pieces is a connection on which each string comes by a read of its own.
type pieces []string

func (p *pieces) Read(b []byte) (int, error) {
	for len(*p) > 0 && (*p)[0] == "" {
		*p = (*p)[1:]
	}
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*p)[0])
	(*p)[0] = (*p)[0][n:]
	return n, nil
}

// all reads to the end, and what is behind it.
func (t *take) all() (err error, rest []byte) {
	t.got = t.got[:0]
	for {
		piece, err := t.c.Next()
		if err != nil {
			if t.c.Bad() != nil {
				t.c.Drain(1 << 20)
			}
			rest, _ := io.ReadAll(t.r)
			return err, rest
		}
		t.got = append(t.got, piece...)
	}
}

// read reads to the end, and gives all of it.
func read(c *wire.ContentReader) (content []byte, err error) {
	for {
		piece, err := c.Next()
		if err != nil {
			return content, err
		}
		content = append(content, piece...)
	}
}

func (t *take) data(stream ...string) error {
	m := dataModel(strings.Join(stream, ""))
	t.src = append(t.src[:0], stream...)
	t.r.Reset(&t.src)
	t.c.Data(t.r)
	err, rest := t.all()
	return judge(m, &t.c, t.got, err, rest)
}

// chunks takes each of the parts as a chunk of its own.
func (t *take) chunks(parts []string, behind string) error {
	m := badModel(strings.Join(parts, ""))
	m.rest = behind
	t.src = append(t.src[:0], parts...)
	t.src = append(t.src, behind)
	t.r.Reset(&t.src)
	t.c.Chunks(t.r)
	t.got = t.got[:0]
	for i, part := range parts {
		t.c.Chunk(int64(len(part)), i == len(parts)-1)
		for {
			piece, err := t.c.Next()
			t.got = append(t.got, piece...)
			if err == wire.ErrChunk {
				break
			}
			if t.c.Bad() != nil {
				t.c.Drain(1 << 20)
				break
			}
			if err != nil {
				rest, _ := io.ReadAll(t.r)
				return judge(m, &t.c, t.got, err, rest)
			}
		}
	}
	rest, _ := io.ReadAll(t.r)
	return judge(m, &t.c, t.got, t.c.Bad(), rest)
}

// alphabet is what the end of a content is made of, and what looks like it.
const alphabet = "\r\n.x\x00 "

// every calls f with all strings of length 1 to n over the alphabet.
func every(n int, f func(string)) (count int) {
	buf := make([]byte, 0, n)
	var grow func()
	grow = func() {
		if len(buf) > 0 {
			count++
			f(string(buf))
		}
		if len(buf) == n {
			return
		}
		for i := range len(alphabet) {
			buf = append(buf, alphabet[i])
			grow()
			buf = buf[:len(buf)-1]
		}
	}
	grow()
	return count
}

// contexts are what may stand before a string within a content.
var contexts = []string{"a\r\n", "x", ""}

const (
	end    = "\r\n.\r\n"
	behind = "NOOP\r\n"
)

// TestEveryEnd takes all strings of length 1 to 7 over the alphabet, in each
// context, by DATA and by BDAT: there is exactly one end, and nothing that has a
// bare CR, a bare LF or a NUL is given whole.
func TestEveryEnd(t *testing.T) {
	longest := 7
	if testing.Short() {
		longest = 5
	}
	reader := newTake()
	for _, before := range contexts {
		count := every(longest, func(s string) {
			if err := reader.data(before + s + end + behind); err != nil {
				t.Fatalf("DATA %q: %v", before+s+end, err)
			}
			if err := reader.chunks([]string{before + s}, behind); err != nil {
				t.Fatalf("BDAT %q: %v", before+s, err)
			}
		})
		if longest == 7 && count != 335922 {
			t.Fatalf("%d strings, want 335922", count)
		}
	}
}

// TestEveryCut takes all strings of length 1 to 5, cut at every place: between
// two reads for DATA, and for BDAT between two chunks.
func TestEveryCut(t *testing.T) {
	longest := 5
	if testing.Short() {
		longest = 4
	}
	reader := newTake()
	for _, before := range contexts {
		every(longest, func(s string) {
			stream := before + s + end + behind
			for i := 1; i < len(stream); i++ {
				if err := reader.data(stream[:i], stream[i:]); err != nil {
					t.Fatalf("DATA %q, %q: %v", stream[:i], stream[i:], err)
				}
			}
			for i := range len(before+s) + 1 {
				parts := []string{(before + s)[:i], (before + s)[i:]}
				if err := reader.chunks(parts, behind); err != nil {
					t.Fatalf("BDAT %q: %v", parts, err)
				}
			}
		})
	}
}

// TestReadOctetByOctet takes what is hardest to take in single octets, and into a
// buffer of one.
func TestReadOctetByOctet(t *testing.T) {
	const stream = "..\r\n.x\r\n...\r\n\r\n.\r\n"
	r := wire.NewReader(iotest.OneByteReader(strings.NewReader(stream+behind)), 1)
	var c wire.ContentReader
	c.Data(r)
	got, err := read(&c)
	if err != io.EOF || string(got) != ".\r\nx\r\n..\r\n\r\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if rest, _ := io.ReadAll(r); string(rest) != behind {
		t.Errorf("left %q behind, want %q", rest, behind)
	}
}

func TestContentBrokenOff(t *testing.T) {
	for _, stream := range []string{"", "a", "a\r", "a\r\n", "a\r\n.", "a\r\n.\r", ".\r"} {
		var c wire.ContentReader
		c.Data(wire.NewReader(strings.NewReader(stream), 16))
		if _, err := read(&c); err != io.ErrUnexpectedEOF {
			t.Errorf("%q: %v, want %v", stream, err, io.ErrUnexpectedEOF)
		}
		if c.Ended() {
			t.Errorf("%q: ended", stream)
		}
	}
}

func TestContentLimits(t *testing.T) {
	tests := []struct {
		stream       string
		max, maxLine int
		want         error
	}{
		{"12345\r\n.\r\n", 7, 0, nil},
		{"123456\r\n.\r\n", 7, 0, wire.ErrTooLarge},
		{"..345\r\n.\r\n", 6, 0, nil}, // the dot that was added is not counted
		{"12345\r\n.\r\n", 0, 5, nil},
		{"..345\r\n.\r\n", 0, 4, nil},
		{"1234\r\n12345\r\n.\r\n", 0, 5, nil},
		{"1234\r\n123456\r\n.\r\n", 0, 5, wire.ErrTextLine},
		{"123456\r\n.\r\n", 0, 5, wire.ErrTextLine},
	}
	for _, test := range tests {
		for size := 1; size < 20; size++ {
			r := wire.NewReader(strings.NewReader(test.stream+behind), size)
			c := wire.ContentReader{Max: int64(test.max), MaxLine: test.maxLine}
			c.Data(r)
			_, err := read(&c)
			if test.want == nil && err != io.EOF || test.want != nil && err != test.want || c.Bad() != test.want {
				t.Errorf("%q, read by %d: %v, want %v", test.stream, size, err, test.want)
			}
			if err := c.Drain(100); err != nil || !c.Ended() {
				t.Errorf("%q, read by %d: Drain gave %v", test.stream, size, err)
			}
			if rest, _ := io.ReadAll(r); string(rest) != behind {
				t.Errorf("%q: left %q behind", test.stream, rest)
			}
		}
	}
}

// TestLineWithoutEnd: a line over the limit is bad before its end comes.
func TestLineWithoutEnd(t *testing.T) {
	c := wire.ContentReader{MaxLine: 998}
	c.Data(wire.NewReader(strings.NewReader(strings.Repeat("x", 5000)), 512))
	if _, err := read(&c); err != wire.ErrTextLine {
		t.Errorf("%v, want %v", err, wire.ErrTextLine)
	}
}

func TestDrainGivesUp(t *testing.T) {
	var c wire.ContentReader
	c.Data(wire.NewReader(strings.NewReader(strings.Repeat("x", 5000)+end), 512))
	if err := c.Drain(1000); err != wire.ErrTooLarge {
		t.Errorf("%v, want %v", err, wire.ErrTooLarge)
	}
}

// TestGrow: a buffer that a read has filled is grown, and nothing is lost by it.
func TestGrow(t *testing.T) {
	content := strings.Repeat("a line of the content\r\n", 5000)
	r := wire.NewReader(strings.NewReader(content+".\r\n"+behind), 64)
	grown := 0
	c := wire.ContentReader{Grow: func() { grown++; r.Swap(make([]byte, 4096)) }}
	c.Data(r)
	got, err := read(&c)
	if err != io.EOF || string(got) != content || grown == 0 {
		t.Errorf("got %d octets of %d, %v; grown %d times", len(got), len(content), err, grown)
	}
	if rest := string(r.Buffered()); !strings.HasPrefix(behind, rest) {
		t.Errorf("left %q behind", rest)
	}
	if small := make([]byte, 2); len(r.Buffered()) > 2 && &r.Swap(small)[0] != &small[0] {
		t.Error("took a buffer that is too small for what it holds")
	}
}

// FuzzContentReader holds the reader against the model, for any stream cut in
// any three.
func FuzzContentReader(f *testing.F) {
	f.Add("a\r\n.", "\r", "\nb", true)
	f.Add("\r\n", ".\n", ".\r\n", true)
	f.Add("a\r", "\n\x00", "\r", false)
	f.Fuzz(func(t *testing.T, a, b, c string, data bool) {
		reader := newTake()
		var err error
		if data {
			err = reader.data(a, b, c, end, behind)
		} else {
			err = reader.chunks([]string{a, b, c}, behind)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkContentReader(b *testing.B) {
	line := strings.Repeat("x", 76) + "\r\n"
	stream := []byte(strings.Repeat(line, 100<<10/len(line)) + ".\r\n")
	src := bytes.NewReader(nil)
	r := wire.NewReader(src, 64<<10)
	var c wire.ContentReader
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		src.Reset(stream)
		r.Reset(src)
		c.Data(r)
		for {
			if _, err := c.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}
