package statement

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parleymail/parley/internal/plain"
)

// A Row is one line of a table: one mail.
type Row struct {
	Line int            // where it stands, for people: in a file its line, of a query its number; the first is 1
	Data map[string]any // what stands under each name: text, and of JSON also numbers, truth values, lists and objects
}

// Text is what stands under a name, as text, without blanks around it.
func (r *Row) Text(name string) string {
	return strings.TrimSpace(textOf(r.Data[name]))
}

// A RowError tells of a line that is no row. Those behind it can be read.
type RowError struct {
	Line int
	What string
}

func (e *RowError) Error() string { return "line " + strconv.Itoa(e.Line) + ": " + e.What }

// TableOptions say how a table is read. The zero value finds it out.
type TableOptions struct {
	Encoding  string // of CSV and JSON lines: "utf-8", "utf-16", "gb18030"; empty: found out by what stands there
	Delimiter rune   // of CSV; zero: the one of comma, semicolon and tab that the first line has most of
	Sheet     string // of XLSX; empty: the first one
	Query     string // of a database: what is asked for
}

// A Table is rows under names. It can be read several times.
type Table struct {
	name    string
	columns []string // nil: each row has its own
	rows    func(ctx context.Context, yield func(*Row, error) bool)
	close   func() error
}

// Columns are the names of what rows have, in their order. Rows of JSON have each their own: nil.
func (t *Table) Columns() []string { return slices.Clone(t.columns) }

// Name is the table's, to be shown: without a password.
func (t *Table) Name() string { return t.name }

// Rows gives one row after the other. A [RowError] tells of a line that is none; any other error is the last thing that comes.
func (t *Table) Rows(ctx context.Context) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) { t.rows(ctx, yield) }
}

// Close ends what OpenTable has opened.
func (t *Table) Close() error {
	if t.close == nil {
		return nil
	}
	return t.close()
}

// mostCells bounds how many columns a table may have, and mostLine how long a line may be: no table of people's is like that, and a file that lacks a quote
// is one line.
const (
	mostCells = 4096
	mostLine  = 8 << 20
)

// OpenTable opens a table by its name: a file that ends in .csv, .tsv, .txt, .xlsx, .jsonl, .ndjson or .json (an object a line), or a database,
// "sqlite:FILE", "postgres://..." or "mysql://user:password@host/name", whose Query is asked, in a transaction that can write nothing.
func OpenTable(ctx context.Context, name string, o TableOptions) (*Table, error) {
	if scheme, _, ok := strings.Cut(name, ":"); ok && isDatabase(scheme) {
		return openQuery(ctx, name, o)
	}
	if o.Query != "" {
		return nil, errors.New("statement: a query is of a database, and " + plain.Quoted(name) + " is a file")
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv", ".tsv", ".txt":
		return openCSV(name, o)
	case ".jsonl", ".ndjson", ".json":
		return openJSON(name, o)
	case ".xlsx", ".xlsm":
		return openXLSX(name, o)
	}
	return nil, errors.New("statement: " + plain.Quoted(name) + " is no table: .csv, .tsv, .xlsx, .jsonl, or sqlite:, postgres:// or mysql:// with a query")
}

// heading makes names of a table's first line.
func heading(cells []string) ([]string, error) {
	names := make([]string, len(cells))
	seen := map[string]int{}
	for i, c := range cells {
		c = strings.TrimSpace(c)
		if c == "" {
			continue // a column without a name is read by nobody
		}
		if !utf8.ValidString(c) || strings.ContainsFunc(c, plain.IsControl) || len(c) > 200 {
			return nil, fmt.Errorf("statement: column %d has no name that can be used: %s", i+1, plain.Quoted(plain.Shortened(c, 40)))
		}
		if n, ok := seen[c]; ok {
			return nil, fmt.Errorf("statement: columns %d and %d are both named %s", n, i+1, plain.Quoted(c))
		}
		seen[c] = i + 1
		names[i] = c
	}
	for len(names) > 0 && names[len(names)-1] == "" {
		names = names[:len(names)-1]
	}
	if len(names) == 0 {
		return nil, errors.New("statement: the first line of the table names no columns")
	}
	if len(names) > mostCells {
		return nil, fmt.Errorf("statement: the table has more than %d columns", mostCells)
	}
	return names, nil
}

// named are the names that are not empty.
func named(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" })
}

// rowOf puts cells under their names. More cells than names are an error, unless they are empty; fewer are if strict.
func rowOf(line int, names, cells []string, strict bool) (*Row, error) {
	for i := len(names); i < len(cells); i++ {
		if strings.TrimSpace(cells[i]) != "" {
			return nil, &RowError{line, fmt.Sprintf("has %d cells, and the table has %d columns", len(cells), len(names))}
		}
	}
	if strict && len(cells) < len(names) {
		return nil, &RowError{line, fmt.Sprintf("has %d cells, and the table has %d columns", len(cells), len(names))}
	}
	r := &Row{Line: line, Data: make(map[string]any, len(names))}
	for i, name := range names {
		if name == "" {
			continue
		}
		text := ""
		if i < len(cells) {
			text = cells[i]
		}
		if err := clean(name, text); err != nil {
			return nil, &RowError{line, err.Error()}
		}
		r.Data[name] = text
	}
	return r, nil
}

// clean refuses what is no text of people: it would end up in a mail, a terminal, a table.
func clean(name, text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) {
		return errors.New(plain.Quoted(name) + " holds what is no text: the encoding is another one")
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return plain.IsControl(r) && r != '\r' }); i >= 0 {
		r, _ := utf8.DecodeRuneInString(text[i:])
		return fmt.Errorf("%s holds a control character (U+%04X)", plain.Quoted(name), r)
	}
	return nil
}

func isEmpty(cells []string) bool {
	return !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" })
}

// openFile opens a table's file, which is a regular one: a pipe can be read only once.
func openFile(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("statement: opening the table: %w", err)
	}
	if s, err := f.Stat(); err != nil || !s.Mode().IsRegular() {
		f.Close() //nolint:errcheck // nothing was written
		return nil, errors.New("statement: opening the table: " + plain.Quoted(name) + " is no file that can be read twice")
	}
	return f, nil
}

// A capped reader ends a line that is too long for one.
type capped struct {
	r    io.Reader
	left int
}

var errLongLine = errors.New("is longer than 8 MiB: a quote may be missing")

func (c *capped) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errLongLine
	}
	n, err := c.r.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}
