package digest

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
)

// An Imported is what came of a file of subscribers.
type Imported struct {
	Subscribed int      `json:"subscribed,omitempty"`
	Asked      int      `json:"asked,omitempty"` // who are mailed a link to say yes
	There      int      `json:"there,omitempty"` // who were subscribed already: they stay as they are
	Out        int      `json:"out,omitempty"`   // who have left, or whose mail came back: they stay out
	Bad        []BadRow `json:"bad,omitempty"`   // rows that are none
}

// A BadRow is a row of which nothing was taken.
type BadRow struct {
	Line int    `json:"line"`
	Why  string `json:"why"`
}

const mostBad = 1000 // rows that are told of

// columns of a file of subscribers, by what they may be called.
var columnNames = map[string]string{
	"address": "address", "email": "address", "e-mail": "address", "mail": "address", "email address": "address", "邮箱": "address", "邮箱地址": "address",
	"frequency": "frequency", "频率": "frequency", "language": "language", "lang": "language", "语言": "language", "feeds": "feeds", "订阅": "feeds", "state": "state", "status": "state", "状态": "state",
}

// ImportCSV subscribes those of a file whose first line names its columns: address, and perhaps frequency, language, feeds (numbers, with blanks between
// them) and state. Confirmed says that all of them have said yes elsewhere, which can be proven; without it each is mailed a link to say so. Rows of a state
// other than subscribed are noted as such, so that whoever has left another program's list has left this one. Rows with a mistake are passed over, and told of.
func (d *Digest) ImportCSV(ctx context.Context, r io.Reader, confirmed bool) (got Imported, err error) {
	in := bufio.NewReader(r)
	if mark, _ := in.Peek(3); string(mark) == "\uFEFF" {
		in.Discard(3) //nolint:errcheck // they are there
	}
	rows := csv.NewReader(in)
	rows.Comma, rows.FieldsPerRecord, rows.ReuseRecord = delimiter(in), -1, true
	head, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return got, errors.New("digest: the file is empty: its first line is to name the columns, such as email,frequency")
	}
	if err != nil {
		return got, fmt.Errorf("digest: reading the first line: %w", err)
	}
	feeds, err := d.Feeds(ctx)
	if err != nil {
		return got, err
	}
	at := make(map[string]int)
	for i, name := range head {
		if column, ok := columnNames[strings.ToLower(strings.TrimSpace(name))]; ok {
			at[column] = i
		}
	}
	if _, ok := at["address"]; !ok {
		return got, fmt.Errorf("digest: the first line names no column email or address: it is %s", plain.Quoted(strings.Join(head, " | ")))
	}
	var batch []Subscriber
	for err == nil {
		row, e := rows.Read()
		if errors.Is(e, io.EOF) {
			break
		}
		line := 0
		var s Subscriber
		if broken, ok := errors.AsType[*csv.ParseError](e); ok {
			line = broken.StartLine
		} else if e == nil {
			line, _ = rows.FieldPos(0)
			s, e = d.rowOf(func(column string) string {
				if i, ok := at[column]; ok && i < len(row) {
					return unsafeCell(row[i])
				}
				return ""
			}, feeds)
		}
		switch {
		case e != nil && !errors.As(e, new(*csv.ParseError)) && !errors.As(e, new(*rowError)):
			return got, fmt.Errorf("digest: reading the file: %w", e)
		case e != nil:
			if len(got.Bad) < mostBad {
				got.Bad = append(got.Bad, BadRow{Line: line, Why: plain.OneLine(e.Error(), 300)})
			}
		case s.Address != "":
			batch = append(batch, s)
		}
		if len(batch) == importedAtOnce {
			err = d.importSome(ctx, batch, confirmed, &got)
			batch = batch[:0]
		}
	}
	if err == nil {
		err = d.importSome(ctx, batch, confirmed, &got)
	}
	if err == nil {
		err = d.cancelStale(ctx)
	}
	d.poke()
	return got, failed("importing", err)
}

// delimiter is what parts the cells of the first line: spreadsheets write semicolons where the comma is the decimal point.
func delimiter(in *bufio.Reader) rune {
	begin, _ := in.Peek(in.Size())
	line, _, _ := strings.Cut(string(begin), "\n")
	most, best := ',', strings.Count(line, ",")
	for _, c := range ";\t" {
		if n := strings.Count(line, string(c)); n > best {
			most, best = c, n
		}
	}
	return most
}

const importedAtOnce = 200 // rows in a transaction

// A rowError is a mistake in a row.
type rowError struct{ err error }

func (e *rowError) Error() string { return e.err.Error() }

// rowOf is what a row says; an empty one is nobody.
func (d *Digest) rowOf(cell func(string) string, feeds []Feed) (Subscriber, error) {
	s := Subscriber{Address: strings.TrimSpace(cell("address")), State: Subscribed, Lang: d.c.Lang, Choice: Choice{Frequency: d.c.Frequency, All: true}}
	if s.Address == "" && cell("frequency") == "" {
		return s, nil // an empty line at the end
	}
	if !utf8.ValidString(s.Address) {
		return s, &rowError{errors.New("the address is not in UTF-8")}
	}
	if _, err := parseAddress(s.Address); err != nil {
		return s, &rowError{fmt.Errorf("%s: %w", plain.Quoted(s.Address), err)}
	}
	if text := cell("frequency"); text != "" {
		f, err := ParseFrequency(text)
		if err != nil {
			return s, &rowError{err}
		}
		s.Frequency = f
	}
	if text := cell("state"); text != "" {
		if err := s.State.UnmarshalText([]byte(strings.TrimSpace(text))); err != nil {
			return s, &rowError{err}
		}
	}
	switch lang := strings.ToLower(strings.TrimSpace(cell("language"))); {
	case lang == "":
	case strings.HasPrefix(lang, "zh"), lang == "chinese", lang == "中文":
		s.Lang = diagnose.Chinese
	case strings.HasPrefix(lang, "en"):
		s.Lang = diagnose.English
	default:
		return s, &rowError{errors.New("the language is en or zh, and not " + plain.Quoted(lang))}
	}
	if text := strings.TrimSpace(cell("feeds")); text != "" && text != "all" {
		s.All, s.Feeds = false, parseNumbers(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ';' || r == ',' }), ","))
		if len(s.Feeds) == 0 {
			return s, &rowError{errors.New(plain.Quoted(text) + " are no numbers of feeds")}
		}
		for _, n := range s.Feeds {
			if !slices.ContainsFunc(feeds, func(f Feed) bool { return f.ID == n }) {
				return s, &rowError{fmt.Errorf("there is no feed %d", n)}
			}
		}
	}
	return s, nil
}

// importSome takes some rows in one transaction.
func (d *Digest) importSome(ctx context.Context, list []Subscriber, confirmed bool, got *Imported) error {
	before := *got
	return d.s.write(ctx, func(t *tx) error {
		*got = before
		for i := range list {
			if err := d.importOne(ctx, t, list[i], confirmed, got); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Digest) importOne(ctx context.Context, t *tx, s Subscriber, confirmed bool, got *Imported) error {
	p, err := parseAddress(s.Address)
	if err != nil {
		return err
	}
	there, err := t.load(ctx, "address = ?", addressKey(p))
	unknown := errors.Is(err, ErrNoSubscriber)
	switch {
	case err != nil && !unknown:
		return err
	case !unknown && there.State >= Unsubscribed:
		got.Out++
		return nil
	case s.State >= Unsubscribed:
		got.Out++
		if unknown {
			if there, err = d.insertSubscriber(ctx, t, p, s.Lang, s.Choice); err != nil {
				return err
			}
		}
		return d.leave(ctx, t, &there, s.State, "imported")
	case !unknown && there.State == Subscribed:
		got.There++
		return nil
	case confirmed && s.State == Subscribed:
		got.Subscribed++
		_, err := d.subscribe(ctx, t, p, s, false)
		return err
	}
	got.Asked++
	return d.requestIn(ctx, t, request{address: p, lang: s.Lang, Choice: s.Choice})
}

// ExportCSV writes all subscribers as ImportCSV reads them. Cells that a spreadsheet would take for a formula have a ' before them.
func (d *Digest) ExportCSV(ctx context.Context, w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"address", "state", "frequency", "language", "feeds", "added", "confirmed", "changed", "why"}); err != nil {
		return err
	}
	for state := Asked; state <= Complained; state++ {
		for after := int64(0); ; {
			list, err := d.Subscribers(ctx, state, after, 1000)
			if err != nil {
				return err
			}
			for _, s := range list {
				feeds := "all"
				if !s.All {
					feeds = strings.ReplaceAll(numbers(s.Feeds), ",", " ")
				}
				row := []string{s.Address, s.State.String(), s.Frequency.String(), langName(s.Lang), feeds, day(s.Added), day(s.Confirmed), day(s.Changed), s.Why}
				for i := range row {
					row[i] = safeCell(row[i])
				}
				if err := out.Write(row); err != nil {
					return err
				}
				after = s.ID
			}
			if len(list) < 1000 {
				break
			}
		}
	}
	out.Flush()
	return out.Error()
}

// formulas are how cells begin that spreadsheets reckon with.
var formulas = []byte("=+-@\t\r|%")

func safeCell(s string) string {
	if s != "" && (slices.Contains(formulas, s[0]) || strings.HasPrefix(s, "'") || strings.HasPrefix(s, "＝") || strings.HasPrefix(s, "＋") || strings.HasPrefix(s, "－") || strings.HasPrefix(s, "＠")) {
		return "'" + s
	}
	return s
}

// unsafeCell is the reverse.
func unsafeCell(s string) string {
	if rest, ok := strings.CutPrefix(s, "'"); ok && safeCell(rest) == s {
		return rest
	}
	return s
}
