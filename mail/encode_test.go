package mail

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestBase64: the standard library says the same, at every length of three lines.
func TestBase64(t *testing.T) {
	data := make([]byte, 3*lineIn+1)
	for i := range data {
		data[i] = byte(i*i + i>>3)
	}
	for n := range data {
		got := appendBase64([]byte("before"), data[:n])
		var want strings.Builder
		for rest := base64.StdEncoding.EncodeToString(data[:n]); rest != ""; {
			k := min(76, len(rest))
			want.WriteString(rest[:k] + "\r\n")
			rest = rest[k:]
		}
		if string(got) != "before"+want.String() {
			t.Fatalf("%d octets: %s", n, got)
		}
		if size := base64Size(int64(n)); size != int64(want.Len()) {
			t.Fatalf("%d octets: size %d and not %d", n, size, want.Len())
		}
	}
}

func BenchmarkBase64(b *testing.B) {
	in := bytes.Repeat([]byte("abcdefg"), pieceIn/7)
	out := make([]byte, pieceOut)
	b.SetBytes(pieceIn)
	for b.Loop() {
		encodeLines(out, in)
	}
}

// BenchmarkBase64Std is the measure: the standard library, without line ends.
func BenchmarkBase64Std(b *testing.B) {
	in := bytes.Repeat([]byte("abcdefg"), pieceIn/7)
	out := make([]byte, pieceOut)
	b.SetBytes(pieceIn)
	for b.Loop() {
		base64.StdEncoding.Encode(out, in)
	}
}

// anyText draws texts with what encoders stumble over.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringOf(rapid.SampledFrom([]rune("ab =?_.\t\r\n漢ü🙂F"))),
		rapid.StringN(0, 2000, -1),
		rapid.Map(rapid.IntRange(0, 3000), func(n int) string { return strings.Repeat("x", n) + " \nFrom .\n. " + strings.Repeat("漢", n) }),
	)
}

// lines is the model of how line ends are made CRLF.
func lines(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return strings.ReplaceAll(s, "\n", "\r\n")
}

func TestTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyText().Draw(t, "text")
		want := lines(s)
		got, longest := appendCRLF(nil, s)
		if string(got) != want {
			t.Fatalf("%q with its lines ended is %q", s, got)
		}
		for line := range strings.SplitSeq(want, "\r\n") {
			if len(line) > longest {
				t.Fatalf("the longest line of %q was said to have %d octets", s, longest)
			}
		}
		qp := appendQuotedPrintable(nil, s)
		back, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(qp)))
		if err != nil || string(back) != want {
			t.Fatalf("%q is encoded %q and decoded %q, %v", s, qp, back, err)
		}
		for line := range strings.SplitSeq(string(qp), "\r\n") {
			if len(line) > qpLine || strings.HasPrefix(line, ".") || strings.HasPrefix(line, "From ") ||
				strings.HasSuffix(line, " ") || strings.HasSuffix(line, "\t") || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("%q has the line %q", s, line)
			}
		}
	})
}

// TestShorterCoding: the guess is seldom wrong, and never by much.
func TestShorterCoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyText().Draw(t, "text")
		qp := len(appendQuotedPrintable(nil, s))
		b64 := len(appendBase64(nil, []byte(lines(s))))
		chosen, other := qp, b64
		if shorterCoding(s) == base64Coding {
			chosen, other = b64, qp
		}
		if chosen > other+other/2+40 {
			t.Fatalf("%q has %d octets in quoted-printable and %d in base64", s, qp, b64)
		}
	})
}

// TestHeaderText: what a text becomes in a header is read back as the text, and
// keeps to its lines.
func TestHeaderText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.NewReplacer("\r", "", "\n", "").Replace(anyText().Draw(t, "text"))
		if badText(s, true) != "" {
			t.Skip()
		}
		h := header{utf8: rapid.Bool().Draw(t, "utf8")}
		h.text(rapid.StringMatching(`[A-Z][a-z]{0,75}`).Draw(t, "name"), s)
		_, value, _ := strings.Cut(string(h.b), ":")
		value = strings.TrimSuffix(strings.TrimPrefix(unfold(value), " "), "\r\n")
		back, err := new(mime.WordDecoder).DecodeHeader(value)
		if err != nil || back != s {
			t.Fatalf("%q is written %q and read %q, %v", s, h.b, back, err)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(string(h.b), "\r\n"), "\r\n") {
			if len(line) > hardLine || strings.Trim(line, " \t") == "" || strings.Contains(line, "=?utf-8?") && !h.utf8 && len(line) > wordLine+1 {
				t.Fatalf("%q has the line %q", s, line)
			}
			for word := range strings.FieldsSeq(line) {
				if strings.HasPrefix(word, "=?utf-8?") && len(word) > 75 {
					t.Fatalf("%q has the word %q", s, word)
				}
			}
		}
	})
}

// TestFileNames: any name that is taken is read back.
func TestFileNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringN(1, 255, 255), rapid.StringOf(rapid.SampledFrom([]rune("a.'\"%*; =?漢ü🙂"))), anyText()).Draw(t, "name")
		if badFileName(s) != "" {
			t.Skip()
		}
		var h header
		h.name("Content-Disposition")
		h.token("attachment")
		h.fileName(s)
		h.end()
		_, value, _ := strings.Cut(unfold(string(h.b)), ":")
		_, params, err := mime.ParseMediaType(strings.TrimSpace(value))
		if err != nil || params["filename"] != s {
			t.Fatalf("%q is written %q and read %q, %v", s, h.b, params["filename"], err)
		}
		for line := range strings.SplitSeq(string(h.b), "\r\n") {
			if len(line) > softLine && !strings.Contains(line, `filename="`) {
				t.Fatalf("%q has the line %q", s, line)
			}
		}
	})
}

// TestTag: 128 bits, each of which counts.
func TestTag(t *testing.T) {
	var random [16]byte
	seen := map[[26]byte]bool{tag(random[:]): true}
	for bit := range 128 {
		random = [16]byte{}
		random[bit/8] = 1 << (bit % 8)
		got := tag(random[:])
		if seen[got] {
			t.Fatalf("bit %d does not count", bit)
		}
		seen[got] = true
	}
}
