package statement_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/parleymail/parley/statement"
)

// rowsOf writes a table of one kind of customer, one row each.
func (h *house) rowsOf(cells ...string) string {
	h.t.Helper()
	return h.write("customers.csv", "account,name,email,amount,month,note\n"+strings.Join(cells, "\n")+"\n")
}

// TestRowsAreData: nothing that stands in a row is a template, markup or a header.
func TestRowsAreData(t *testing.T) {
	h := newHouse(t, func(h *house) { h.c.Attach = nil })
	table := h.rowsOf(
		`A1,"<script>alert(1)</script>{{.amount}} **x** [y](javascript:z)",c1@example.net,1,2026-03,"a` + "\r\nBcc: spy@example.org\r\n\r\n" + `b"`,
	)
	if r := h.prepare(table); r.Ready != 1 {
		t.Fatalf("%+v %v", r, h.problems())
	}
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	got := h.smtp.Mails()
	if len(got) != 1 || !slices.Equal(got[0].To(), []string{"c1@example.net"}) {
		t.Fatalf("%d mails", len(got))
	}
	m, err := got[0].Message()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<strong>x", "javascript:z\""} {
		if strings.Contains(m.HTML, bad) {
			t.Errorf("%q is in %s", bad, m.HTML)
		}
	}
	if !strings.Contains(m.HTML, "{{.amount}}") || len(m.Bcc)+len(m.Cc) != 0 || strings.ContainsAny(m.Subject, "\r\n") {
		t.Errorf("%q %+v", m.Subject, m.HTML)
	}
}

// TestBadRows: each kind of mistake is found before the first mail, in its line.
func TestBadRows(t *testing.T) {
	h := newHouse(t)
	secret := filepath.Join(h.dir, "secret.pdf")
	h.write("secret.pdf", "not theirs")
	for _, name := range []string{"A1", "A2", "A6", "A7", "A8", "A10", "A12"} {
		h.write("pdf/"+name+".pdf", name)
	}
	h.write("pdf/A9.pdf", "")
	if err := os.Symlink(secret, filepath.Join(h.dir, "pdf", "A4.pdf")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(h.dir, "pdf", "A11.pdf"), 0o600); err != nil {
		t.Fatal(err)
	}
	table := h.rowsOf(
		"A1,客户,c1@example.net,1,2026-03,",
		"../secret,客户,c2@example.net,1,2026-03,", // 3
		"A3,客户,c3@example.net,1,2026-03,",        // 4
		"A4,客户,c4@example.net,1,2026-03,",        // 5
		"A1,客户,c5@example.net,1,2026-03,",        // 6
		"A6,客户,C1@Example.NET,1,2026-03,",        // 7
		"A7,,c7@example.net,1,2026-03,",          // 8
		"A8,客户,c8@example.net,1.2.3,2026-03,",    // 9
		"A9,客户,c9@example.net,1,2026-03,",        // 10
		"A10,客户,nobody,1,2026-03,",               // 11
		"A11,客户,c11@example.net,1,2026-03,",      // 12
		"A12,客\x1b[31m户,c12@example.net,1,2026-03,",
		"A2,too few",
		`A13,a "bare" quote,c13@example.net,1,2026-03,`,
		",客户,c16@example.net,1,2026-03,",
	)
	r := h.prepare(table)
	got := h.problems()
	for _, want := range []string{
		"2 key-double", "3 file-outside", "4 file-missing", "5 file-outside", "6 key-double", "6 file-double", "7 address-double", "8 field-empty", "9 template", "10 file-empty", "11 address-bad",
		"12 file-outside", "13 row", "14 row", "15 row", "16 key-missing",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not found: %v", want, got)
		}
	}
	if r.Ready != 0 || r.Bad != 15 || r.Octets != 0 || r.Rows != 15 {
		t.Errorf("%+v", r)
	}
	for r := range h.Failures(t.Context()) {
		if r.Key == "A10" && !strings.Contains(r.Cause.En, "nobody") {
			t.Errorf("%+v", r)
		}
	}
	if err := h.Send(t.Context(), statement.SendOptions{}); !errors.Is(err, statement.ErrBadRows) {
		t.Errorf("%v", err)
	}
	if n := len(h.smtp.Mails()); n != 0 {
		t.Errorf("%d mails", n)
	}
	if err := h.Send(t.Context(), statement.SendOptions{SkipBad: true}); err != nil {
		t.Fatal(err)
	}
	for _, m := range h.smtp.Mails() {
		if bytes.Contains(m.Content, []byte("bm90IHRoZWlycw")) {
			t.Error("a file outside of the folder went out")
		}
	}
}

// TestFileChangesAfterItWasLookedAt: what was looked at is what goes out, or nothing.
func TestFileChangesAfterItWasLookedAt(t *testing.T) {
	h := newHouse(t)
	h.prepare(h.customers(3))
	h.write("pdf/A00001.pdf", "another's")
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := len(h.smtp.Mails()); n != 2 {
		t.Errorf("%d mails", n)
	}
	for r := range h.Failures(t.Context()) {
		if r.Key != "A00001" || r.Kind != "changed" || r.Cause.Zh == "" {
			t.Errorf("%+v", r)
		}
	}
}

// TestTables: the same rows come of each kind of table.
func TestTables(t *testing.T) {
	h := newHouse(t, func(h *house) { h.c.Attach = nil })
	csv := "account,name,email,amount,month,note\nA1,客户一,c1@example.net,\"1,234.50\",2026-03,\"多\n行\"\n\nA2,客户二,c2@example.net,2,2026-03,\n"
	gbk, err := simplifiedchinese.GB18030.NewEncoder().String(csv)
	if err != nil {
		t.Fatal(err)
	}
	book := excelize.NewFile()
	for i, row := range [][]any{{"account", "name", "email", "amount", "month", "note"}, {"A1", "客户一", "c1@example.net", 1234.5, "2026-03", "多\n行"}, {}, {"A2", "客户二", "c2@example.net", 2, "2026-03", nil}} {
		cell, _ := excelize.CoordinatesToCellName(1, i+1)
		if err := book.SetSheetRow("Sheet1", cell, &row); err != nil {
			t.Fatal(err)
		}
	}
	xlsx := filepath.Join(h.dir, "t.xlsx")
	if err := book.SaveAs(xlsx); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		h.write("utf8.csv", csv), h.write("bom.csv", "\ufeff"+csv), h.write("gbk.csv", gbk), h.write("semicolon.csv", strings.ReplaceAll(strings.ReplaceAll(csv, `"1,234.50"`, "1234.50"), ",", ";")),
		h.write("t.jsonl", `{"account":"A1","name":"客户一","email":"c1@example.net","amount":1234.50,"month":"2026-03","note":"多\n行"}`+"\n\n"+`{"account":"A2","name":"客户二","email":"c2@example.net","amount":2,"month":"2026-03","note":null}`), xlsx,
	} {
		table, err := statement.OpenTable(t.Context(), path, statement.TableOptions{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		n := 0
		for row, err := range table.Rows(t.Context()) {
			if err != nil {
				t.Errorf("%s: %v", path, err)
				break
			}
			if n++; n == 1 && (row.Text("name") != "客户一" || !strings.HasPrefix(strings.ReplaceAll(row.Text("amount"), ",", ""), "1234.5") || row.Text("note") != "多\n行") {
				t.Errorf("%s: %+v", path, row)
			}
		}
		table.Close()
		if n != 2 {
			t.Errorf("%s has %d rows", path, n)
		}
	}
}

// TestQueryCannotWrite: what is asked of a database changes nothing there.
func TestQueryCannotWrite(t *testing.T) {
	h := newHouse(t)
	db := "sqlite:" + filepath.Join(h.dir, "march.db")
	for _, query := range []string{"DELETE FROM parley_statement_state RETURNING name", "PRAGMA query_only = 0; DELETE FROM parley_statement_state"} {
		if _, err := statement.OpenTable(t.Context(), db, statement.TableOptions{Query: query}); err == nil {
			t.Errorf("%s was done", query)
		}
	}
	table, err := statement.OpenTable(t.Context(), db, statement.TableOptions{Query: "SELECT name, number FROM parley_statement_state ORDER BY name"})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	n := 0
	for _, err := range table.Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 6 || !slices.Equal(table.Columns(), []string{"name", "number"}) {
		t.Errorf("%d rows of %v", n, table.Columns())
	}
}

// TestMissingQuote: a quote that is never closed does not read the whole file into memory.
func TestMissingQuote(t *testing.T) {
	h := newHouse(t)
	path := h.write("big.csv", "account,name\nA1,\"never closed\n"+strings.Repeat("A2,x\n", 3<<20))
	table, err := statement.OpenTable(t.Context(), path, statement.TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range table.Rows(t.Context()) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "quote") {
		t.Errorf("%v", last)
	}
}
