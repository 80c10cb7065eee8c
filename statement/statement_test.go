package statement_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/statement"
)

// TestEachHasHisOwn: each customer has exactly one mail with exactly his file, and a second run sends nothing.
func TestEachHasHisOwn(t *testing.T) {
	h := newHouse(t)
	const n = 600
	table := h.customers(n)
	r := h.prepare(table)
	if r.Ready != n || r.Bad != 0 {
		t.Fatalf("%+v", r)
	}
	var last statement.Progress
	if err := h.Send(t.Context(), statement.SendOptions{Progress: func(p statement.Progress) { last = p }}); err != nil {
		t.Fatal(err)
	}
	h.has(n)
	if last.Counts[statement.Sent] != n || last.Open() != 0 {
		t.Errorf("progress ends with %+v", last)
	}
	if r = h.prepare(table); r.Sent != n || r.Ready != 0 || r.Changed != 0 {
		t.Errorf("%+v", r)
	}
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	h.has(n)
	m, err := h.smtp.Mails()[0].Message()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(m.Subject, "客户") || !strings.HasSuffix(m.Subject, "的2026年3月对账单") || !strings.Contains(m.HTML, "¥1,") || !strings.Contains(m.Text, "元") {
		t.Errorf("%q %q %q", m.Subject, m.Text, m.HTML)
	}
}

// TestChanged: what has changed is told apart, and goes out again only if that is asked for.
func TestChanged(t *testing.T) {
	h := newHouse(t)
	table := h.customers(3)
	h.prepare(table)
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(table)
	h.write("customers.csv", strings.Replace(string(text), "1001.01", "1001.02", 1))
	if r := h.prepare(table); r.Sent != 3 || r.Changed != 1 {
		t.Fatalf("%+v", r)
	}
	for i, changed := range []bool{false, true, true} {
		if err := h.Send(t.Context(), statement.SendOptions{Changed: changed}); err != nil {
			t.Fatal(err)
		}
		if got := len(h.smtp.Mails()); got != 3+min(i, 1) {
			t.Errorf("round %d: %d mails", i, got)
		}
	}
}

// TestFailures: those that failed are told, as a table that spreadsheets can open, and go out again alone.
func TestFailures(t *testing.T) {
	h := newHouse(t)
	table := h.customers(20)
	h.prepare(table)
	h.smtp.Fault(smtptest.Fault{Stage: smtp.StageRcpt, Match: "*c7@example.net*", Say: "550 5.1.1 =cmd|' /C calc'!A0 no such user", Times: 1})
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	path := h.write("failures.csv", "")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := statement.WriteCSV(f, h.Failures(t.Context()), diagnose.English); err != nil {
		t.Fatal(err)
	}
	f.Close()
	text, _ := os.ReadFile(path)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%v %q", err, text)
	}
	if rows[1][0] != "A00007" || rows[1][2] != "failed" || rows[1][5] == "" || rows[1][6] == "" || strings.ContainsAny(rows[1][4][:1], "=+-@") {
		t.Errorf("%q", rows[1])
	}
	keys, err := statement.ReadKeys(path)
	if err != nil || !slices.Equal(keys, []string{"A00007"}) {
		t.Fatalf("%v %v", keys, err)
	}
	h.smtp.Forget()
	if err := h.Send(t.Context(), statement.SendOptions{Again: keys}); err != nil {
		t.Fatal(err)
	}
	if m := h.smtp.Mails(); len(m) != 1 || m[0].To()[0] != "c7@example.net" {
		t.Errorf("%d mails", len(m))
	}
	if err := h.Send(t.Context(), statement.SendOptions{Again: keys}); err != nil || len(h.smtp.Mails()) != 1 {
		t.Errorf("what was sent is sent again, %d mails: %v", len(h.smtp.Mails()), err)
	}
	if err := h.Send(t.Context(), statement.SendOptions{Again: []string{"A99999"}}); !errors.Is(err, statement.ErrNoRow) {
		t.Errorf("a row that there is not: %v", err)
	}
}

// TestFailuresMended: rows that could not be sent are in the table of failures, and it sends them, and them alone, once they are mended.
func TestFailuresMended(t *testing.T) {
	h := newHouse(t, func(h *house) { h.c.Attach = nil })
	h.prepare(h.rowsOf("A1,客户,c1@example.net,1,2026-03,", "A2,,c2@example.net,1,2026-03,", "A3,客户,nobody,1,2026-03,"))
	if err := h.Send(t.Context(), statement.SendOptions{SkipBad: true}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := statement.WriteCSV(&b, h.Failures(t.Context()), diagnose.English); err != nil {
		t.Fatal(err)
	}
	keys, err := statement.ReadKeys(h.write("failures.csv", b.String()))
	if err != nil || !slices.Equal(keys, []string{"A2", "A3"}) {
		t.Fatalf("%v %v", keys, err)
	}
	if err := h.Send(t.Context(), statement.SendOptions{Again: keys, SkipBad: true}); !errors.Is(err, statement.ErrBadRows) {
		t.Errorf("they are not mended yet: %v", err)
	}
	h.prepare(h.rowsOf("A1,客户,c1@example.net,1,2026-03,", "A2,客户,c2@example.net,1,2026-03,", "A3,客户,c3@example.net,1,2026-03,", "A4,客户,c4@example.net,1,2026-03,"))
	h.smtp.Forget()
	if err := h.Send(t.Context(), statement.SendOptions{Again: keys}); err != nil {
		t.Fatal(err)
	}
	var to []string
	for _, m := range h.smtp.Mails() {
		to = append(to, m.To()...)
	}
	if slices.Sort(to); !slices.Equal(to, []string{"c2@example.net", "c3@example.net"}) {
		t.Errorf("%v", to)
	}
}

// TestSampleAndTest: a sample goes out first, and not again with the others; a test is noted nowhere.
func TestSampleAndTest(t *testing.T) {
	h := newHouse(t)
	h.prepare(h.customers(30))
	if err := h.Send(t.Context(), statement.SendOptions{TestTo: &mail.Address{Address: "me@bank.example"}, Sample: 3}); err != nil {
		t.Fatal(err)
	}
	for _, m := range h.smtp.Mails() {
		if m.To()[0] != "me@bank.example" {
			t.Errorf("a test to %v", m.To())
		}
	}
	if n := len(h.smtp.Mails()); n != 3 {
		t.Errorf("%d tests", n)
	}
	h.smtp.Forget()
	if err := h.Send(t.Context(), statement.SendOptions{Sample: 5}); err != nil {
		t.Fatal(err)
	}
	if n := len(h.smtp.Mails()); n != 5 {
		t.Errorf("a sample of %d", n)
	}
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	h.has(30)
}
