package statement

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/parleymail/parley/internal/plain"
)

// openText opens a file of text, and gives it as UTF-8, whatever it is in.
func openText(name, encoding string) (io.ReadCloser, error) {
	f, err := openFile(name)
	if err != nil {
		return nil, err
	}
	if encoding == "" {
		if encoding, err = findEncoding(f); err != nil {
			f.Close() //nolint:errcheck // nothing was written
			return nil, fmt.Errorf("statement: reading the table: %w", err)
		}
	}
	var t transform.Transformer
	switch strings.ToLower(encoding) {
	case "utf-8", "utf8":
		t = unicode.BOMOverride(transform.Nop)
	case "utf-16", "utf16", "utf-16le":
		t = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
		if strings.EqualFold(encoding, "utf-16le") {
			t = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder()
		}
	case "gb18030", "gbk", "gb2312":
		t = simplifiedchinese.GB18030.NewDecoder()
	default:
		f.Close() //nolint:errcheck // nothing was written
		return nil, errors.New("statement: there is no encoding " + plain.Quoted(encoding) + ": utf-8, utf-16 or gb18030")
	}
	return &decoded{transform.NewReader(f, t), f}, nil
}

type decoded struct {
	io.Reader
	f *os.File
}

func (d *decoded) Close() error { return d.f.Close() }

// findEncoding looks through a whole file: a list of customers may have its first name in Chinese in line 10,000.
func findEncoding(f *os.File) (string, error) {
	head := make([]byte, 4)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	if n >= 2 && (bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff})) {
		return "utf-16", nil
	}
	buf := make([]byte, 256<<10)
	rest := 0
	for {
		n, err := f.Read(buf[rest:])
		text := buf[:rest+n]
		good := validUpTo(text)
		if rest = copy(buf, text[good:]); rest >= utf8.UTFMax || errors.Is(err, io.EOF) && rest > 0 {
			_, err = f.Seek(0, io.SeekStart)
			return "gb18030", err
		}
		if errors.Is(err, io.EOF) {
			_, err = f.Seek(0, io.SeekStart)
			return "utf-8", err
		}
		if err != nil {
			return "", err
		}
	}
}

// validUpTo tells up to where a text is UTF-8.
func validUpTo(b []byte) int {
	if utf8.Valid(b) {
		return len(b)
	}
	at := 0
	for at < len(b) {
		r, n := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return at
}

// openCSV opens a file of comma-separated values: RFC 4180, and as spreadsheets write them.
func openCSV(name string, o TableOptions) (*Table, error) {
	if o.Delimiter == 0 && strings.EqualFold(fileExt(name), ".tsv") {
		o.Delimiter = '\t'
	}
	t := &Table{name: name}
	c, err := newCSV(name, o)
	if err != nil {
		return nil, err
	}
	defer c.close()
	t.columns = named(c.names)
	t.rows = func(ctx context.Context, yield func(*Row, error) bool) {
		c, err := newCSV(name, o)
		if err != nil {
			yield(nil, err)
			return
		}
		defer c.close()
		c.each(ctx, yield)
	}
	return t, nil
}

func fileExt(name string) string { return name[max(strings.LastIndexByte(name, '.'), 0):] }

// A csvFile is one reading of a file.
type csvFile struct {
	file  io.ReadCloser
	cap   *capped
	r     *csv.Reader
	names []string
}

func newCSV(name string, o TableOptions) (*csvFile, error) {
	f, err := openText(name, o.Encoding)
	if err != nil {
		return nil, err
	}
	c := &csvFile{file: f, cap: &capped{f, mostLine}}
	in := bufio.NewReaderSize(c.cap, 64<<10)
	if o.Delimiter == 0 {
		head, err := in.Peek(32 << 10)
		if err != nil && err != io.EOF {
			c.close()
			return nil, fmt.Errorf("statement: reading the table: %w", err)
		}
		o.Delimiter = findDelimiter(head)
	}
	c.r = csv.NewReader(in)
	c.r.Comma, c.r.FieldsPerRecord, c.r.ReuseRecord = o.Delimiter, -1, true
	cells, err := c.r.Read()
	if errors.Is(err, io.EOF) {
		err = errors.New("it is empty")
	}
	if err == nil {
		c.names, err = heading(cells)
	} else {
		err = fmt.Errorf("statement: reading the table's first line: %w", err)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *csvFile) close() { c.file.Close() } //nolint:errcheck // nothing was written

// each gives the rows.
func (c *csvFile) each(ctx context.Context, yield func(*Row, error) bool) {
	for ctx.Err() == nil {
		c.cap.left = mostLine
		cells, err := c.r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		wrong, isWrong := errors.AsType[*csv.ParseError](err)
		switch {
		case isWrong && wrong.Err == errLongLine, errors.Is(err, errLongLine): //nolint:errorlint // it is this very one
			yield(nil, fmt.Errorf("statement: reading the table behind byte %d: a line %w", c.r.InputOffset(), errLongLine))
			return
		case isWrong:
			err = &RowError{wrong.StartLine, fmt.Sprintf("column %d: %v", wrong.Column, wrong.Err)}
		case err != nil:
			yield(nil, fmt.Errorf("statement: reading the table: %w", err))
			return
		case isEmpty(cells):
			continue
		}
		var row *Row
		if err == nil {
			line, _ := c.r.FieldPos(0)
			row, err = rowOf(line, c.names, cells, true)
		}
		if !yield(row, err) {
			return
		}
	}
	yield(nil, ctx.Err())
}

// findDelimiter tells which of the usual ones a first line has most of.
func findDelimiter(head []byte) rune {
	counts := map[rune]int{}
	inQuotes := false
	for _, r := range string(head) {
		if r == '"' {
			inQuotes = !inQuotes
		}
		if r == '\n' && !inQuotes {
			break
		}
		if !inQuotes {
			counts[r]++
		}
	}
	best := ','
	for _, r := range []rune{';', '\t', '|'} {
		if counts[r] > counts[best] {
			best = r
		}
	}
	return best
}
