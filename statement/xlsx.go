package statement

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/parleymail/parley/internal/plain"
)

// What a workbook may become when it is unpacked, and what of it is kept in memory: the rest goes to temporary files.
const (
	mostUnpacked = 4 << 30
	mostInMemory = 16 << 20
	mostOfPart   = 64 << 20 // of any part that is neither a sheet nor the texts of cells: these the library has in memory, however large
	mostParts    = 10_000
	mostDenser   = 300 // times smaller than what it becomes: sheets of real life are ten to thirty times
	mostOfCell   = 1 << 20
)

// checkParts refuses a workbook that would fill the memory or the disk as it is unpacked.
func checkParts(name string) error {
	z, err := zip.OpenReader(name)
	if err != nil {
		return fmt.Errorf("statement: opening the workbook: %w", err)
	}
	defer z.Close()
	if len(z.File) > mostParts {
		return fmt.Errorf("statement: opening the workbook: it has %d parts, and %d are allowed", len(z.File), mostParts)
	}
	total := uint64(0)
	for _, f := range z.File {
		total += f.UncompressedSize64 // what becomes more than it says is an error of the library's
		part := strings.ToLower(f.Name)
		large := strings.HasPrefix(part, "xl/worksheets/sheet") || part == "xl/sharedstrings.xml"
		switch {
		case total > mostUnpacked || total < f.UncompressedSize64:
			return errors.New("statement: opening the workbook: it becomes more than 4 GiB when it is unpacked")
		case !large && f.UncompressedSize64 > mostOfPart:
			return fmt.Errorf("statement: opening the workbook: its part %s has %d octets, and %d are allowed", plain.Quoted(f.Name), f.UncompressedSize64, mostOfPart)
		case f.UncompressedSize64 > mostOfPart && f.UncompressedSize64/max(f.CompressedSize64, 1) > mostDenser:
			return fmt.Errorf("statement: opening the workbook: its part %s becomes %d times larger when it is unpacked: that is no table", plain.Quoted(f.Name), f.UncompressedSize64/max(f.CompressedSize64, 1))
		}
	}
	return nil
}

// openXLSX opens a sheet of a workbook.
func openXLSX(name string, o TableOptions) (*Table, error) {
	f, err := openFile(name) // it is a file that can be read
	if err != nil {
		return nil, err
	}
	f.Close() //nolint:errcheck // nothing was written
	s, err := openSheet(name, o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return &Table{name: name, columns: named(s.names), rows: func(ctx context.Context, yield func(*Row, error) bool) {
		s, err := openSheet(name, o)
		if err != nil {
			yield(nil, err)
			return
		}
		defer s.close()
		s.each(ctx, yield)
	}}, nil
}

// A sheet is one reading of a sheet: as cells look, and as they are.
type sheet struct {
	book       *excelize.File
	shown, raw *excelize.Rows
	line       int
	names      []string
}

func openSheet(name string, o TableOptions) (*sheet, error) {
	if err := checkParts(name); err != nil {
		return nil, err
	}
	book, err := excelize.OpenFile(name, excelize.Options{UnzipSizeLimit: mostUnpacked, UnzipXMLSizeLimit: mostInMemory})
	if err != nil {
		return nil, fmt.Errorf("statement: opening the workbook: %w", err)
	}
	s := &sheet{book: book}
	if o.Sheet == "" {
		o.Sheet = book.GetSheetName(0)
	}
	if s.shown, err = book.Rows(o.Sheet); err == nil {
		s.raw, err = book.Rows(o.Sheet)
	}
	var cells []string
	if err == nil {
		cells, err = s.next()
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it is empty")
	}
	if err == nil {
		s.names, err = heading(cells)
	} else {
		err = fmt.Errorf("statement: reading sheet %s: %w", plain.Quoted(o.Sheet), err)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *sheet) close() {
	for _, r := range []*excelize.Rows{s.shown, s.raw} {
		if r != nil {
			r.Close() //nolint:errcheck // nothing was written
		}
	}
	s.book.Close() //nolint:errcheck // nothing was written
}

// cut is what a spreadsheet shows in place of a number that does not fit.
var cut = regexp.MustCompile(`^(-?[0-9.]+E[+-]?[0-9]+|#+)$`)

// next gives the cells of the next row, as people see them; a long number is shown as 6.22E+18, and given as it is.
func (s *sheet) next() ([]string, error) {
	if !s.shown.Next() || !s.raw.Next() {
		if err := errors.Join(s.shown.Error(), s.raw.Error()); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	s.line++
	cells, err := s.shown.Columns()
	if err != nil {
		return nil, err
	}
	raw, err := s.raw.Columns(excelize.Options{RawCellValue: true})
	if err != nil {
		return nil, err
	}
	for i, c := range cells {
		if i < len(raw) && cut.MatchString(c) {
			cells[i] = plainNumber(raw[i])
		}
	}
	return cells, nil
}

// errors of formulas, which are no values.
var formulaError = regexp.MustCompile(`^#(REF|N/A|NAME\?|VALUE|DIV/0|NUM|NULL|SPILL|CALC)!?$`)

func (s *sheet) each(ctx context.Context, yield func(*Row, error) bool) {
	for ctx.Err() == nil {
		cells, err := s.next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(nil, fmt.Errorf("statement: reading the workbook behind row %d: %w", s.line, err))
			return
		}
		if isEmpty(cells) {
			continue
		}
		row, err := rowOf(s.line, s.names, cells, false)
		for i, c := range cells {
			if err == nil && len(c) > mostOfCell {
				row, err = nil, &RowError{s.line, fmt.Sprintf("column %d holds %d octets, and %d are allowed", i+1, len(c), mostOfCell)}
			}
			if err == nil && formulaError.MatchString(c) {
				row, err = nil, &RowError{s.line, fmt.Sprintf("column %d holds %s: a formula has failed", i+1, c)}
			}
		}
		if !yield(row, err) {
			return
		}
	}
	yield(nil, ctx.Err())
}
