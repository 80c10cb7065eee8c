package interop_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	pmail "github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/statement"
)

// TestStatementPostfix brings so many customers (PARLEY_TEST_CUSTOMERS) their mails to a Maildir of Postfix: each has exactly his own file, by its hash, and a second run
// brings nothing.
func TestStatementPostfix(t *testing.T) {
	p := start(t, "postfix")
	n, err := strconv.Atoi(os.Getenv("PARLEY_TEST_CUSTOMERS"))
	if err != nil {
		n = 500
	}
	dir := t.TempDir()
	sums := writeCustomers(t, dir, n)
	client, err := smtp.ParseURL("smtp://" + p.addr("PLAIN") + "?tls=none")
	if err != nil {
		t.Fatal(err)
	}
	router, err := route.New(route.Table{Servers: []route.Server{{Name: "postfix", Client: client}}, Default: []string{"postfix"}})
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	template, err := statement.LoadTemplate(filepath.Join(dir, "template"), statement.TemplateOptions{Locale: "zh-CN"})
	if err != nil {
		t.Fatal(err)
	}
	j, err := statement.Open(t.Context(), "sqlite:"+filepath.Join(dir, "march.db"), statement.Config{
		Key: "account", From: pmail.Address{Name: "示例银行", Address: "statements@example.net"}, ToName: "name", Template: template, Files: filepath.Join(dir, "pdf"),
		Attach: []string{"{{.account}}.pdf"}, Worker: outbox.Worker{Router: router, Bounces: outbox.Bounces{None: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for range 2 {
		table, err := statement.OpenTable(t.Context(), filepath.Join(dir, "customers.csv"), statement.TableOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := j.Prepare(t.Context(), table, nil); err != nil || r.Bad > 0 {
			t.Fatalf("%+v %v", r, err)
		}
		if err := j.Send(t.Context(), statement.SendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	maildir(p.state+"/mail/inbox").watch(t, func(d delivered) bool {
		to := d.recipients()[0]
		sum, ours := sums[to]
		if !ours {
			return false
		}
		seen[to]++
		if got := sha256.Sum256(fileIn(t, d)); got != sum {
			t.Errorf("%s has another's file", to)
		}
		return len(seen) == n
	})
	for to := range sums {
		if seen[to] != 1 {
			t.Errorf("%s has %d mails", to, seen[to])
		}
	}
}

// writeCustomers writes a table, a template and a file for each, and gives the files' hashes by the recipient.
func writeCustomers(t *testing.T, dir string, n int) map[string][sha256.Size]byte {
	t.Helper()
	write := func(name string, text []byte) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("template/subject.txt", []byte("{{.name}}的{{date .month}}对账单"))
	write("template/body.md", []byte("# {{.name}}\n\n金额 **{{money .amount \"CNY\"}}**（{{rmb .amount}}）\n"))
	sums := map[string][sha256.Size]byte{}
	var table strings.Builder
	table.WriteString("account,name,email,amount,month\n")
	run := rand.Uint32()
	data := make([]byte, 20_000)
	for i := range n {
		for k := range data {
			data[k] = byte(rand.Uint32())
		}
		to := fmt.Sprintf("s%x-%d@example.net", run, i)
		sums[to] = sha256.Sum256(data)
		write(fmt.Sprintf("pdf/A%05d.pdf", i), data)
		fmt.Fprintf(&table, "A%05d,客户%d,%s,%d.%02d,2026-03\n", i, i, to, 1000+i, i%100)
	}
	write("customers.csv", []byte(table.String()))
	return sums
}

// fileIn is the one file of a mail, as Go's own packages read it.
func fileIn(t *testing.T, d delivered) []byte {
	t.Helper()
	_, params, err := mime.ParseMediaType(d.header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(bytes.NewReader(d.body), params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Errorf("%s has no file: %v", d.file, err)
			return nil
		}
		if part.FileName() == "" {
			continue
		}
		data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
		if err != nil {
			t.Error(err)
		}
		return data
	}
}
