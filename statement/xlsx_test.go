package statement_test

import (
	"archive/zip"
	"bytes"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/parleymail/parley/statement"
)

// workbook is one with three rows, of which parts may be replaced by so many octets of something.
func workbook(t *testing.T, h *house, replace map[string]io.Reader) string {
	t.Helper()
	f := excelize.NewFile()
	for i, row := range [][]any{{"account", "name", "email", "amount", "month", "note"}, {"A1", "王小明", "c1@example.net", 1234.5, "2026-03", ""}, {"A2", "李梅", "c2@example.net", 88, "2026-03", ""}} {
		cell, _ := excelize.CoordinatesToCellName(1, i+1)
		if err := f.SetSheetRow("Sheet1", cell, &row); err != nil {
			t.Fatal(err)
		}
	}
	good, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	from, err := zip.NewReader(bytes.NewReader(good.Bytes()), int64(good.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	to := zip.NewWriter(&b)
	for _, part := range from.File {
		w, err := to.Create(part.Name)
		if err != nil {
			t.Fatal(err)
		}
		content, ok := replace[part.Name]
		if !ok {
			if content, err = part.Open(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.Copy(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return h.write("book.xlsx", b.String())
}

// endless gives a text over and over, between a beginning and an end.
func endless(begin, text, end string, octets int64) io.Reader {
	n := int64(len(text))
	return io.MultiReader(strings.NewReader(begin), io.LimitReader(&repeated{text: text}, octets/n*n), strings.NewReader(end))
}

// repeated is a text that has no end.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(b []byte) (n int, err error) {
	for n < len(b) {
		k := copy(b[n:], r.text[r.at:])
		n, r.at = n+k, (r.at+k)%len(r.text)
	}
	return n, nil
}

// TestWorkbookBombs: a workbook that becomes far more than it is does not fill the memory.
func TestWorkbookBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	const sheet = `<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`
	h := newHouse(t)
	for _, test := range []struct {
		name, part string
		content    io.Reader
		wrong      string
	}{
		{"none", "", nil, ""},
		{"styles of a gigabyte", "xl/styles.xml", endless("<a>", strings.Repeat("<b></b>", 1000), "</a>", 300<<20), "xl/styles.xml"},
		{"texts of cells", "xl/sharedStrings.xml", endless(`<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`, strings.Repeat("<si><t>a</t></si>", 1000), "</sst>", 300<<20), "times larger"},
		{"a row of columns without end", "xl/worksheets/sheet1.xml", endless(sheet+`<row r="1">`, strings.Repeat(`<c t="inlineStr"><is><t>a</t></is></c>`, 1000), "</row></sheetData></worksheet>", 300<<20), "times larger"},
		{"a cell without end", "xl/worksheets/sheet1.xml", endless(sheet+`<row r="1"><c r="A1" t="inlineStr"><is><t>`, strings.Repeat("a", 1000), "</t></is></c></row></sheetData></worksheet>", 300<<20), "times larger"},
		{"entities", "xl/worksheets/sheet1.xml", strings.NewReader(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b "&a;&a;">]><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&b;</t></is></c></row></sheetData></worksheet>`), "statement: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			replace := map[string]io.Reader{}
			if test.part != "" {
				replace[test.part] = test.content
			}
			path := workbook(t, h, replace)
			runtime.GC()
			most := watchMemory(t)
			table, err := statement.OpenTable(t.Context(), path, statement.TableOptions{})
			if test.wrong == "" {
				if err != nil {
					t.Fatal(err)
				}
				defer table.Close()
				n := 0
				for _, err := range table.Rows(t.Context()) {
					if err != nil {
						t.Error(err)
					}
					n++
				}
				if n != 2 {
					t.Errorf("%d rows", n)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.wrong) || strings.Contains(err.Error(), "root:") {
				t.Errorf("%v", err)
			}
			if got := most(); got > 128<<20 {
				t.Errorf("%d MiB in use", got>>20)
			}
			if left, _ := filepath.Glob(filepath.Join(h.dir, "*.tmp")); len(left) > 0 {
				t.Errorf("%s is left", left)
			}
		})
	}
}
