package statement_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/statement"
)

// A house is a mailing with all that it needs.
type house struct {
	*statement.Job
	t    testing.TB
	dir  string
	c    statement.Config
	smtp *smtptest.Server
}

const markTemplate = `# {{.name}}，您好

您 {{date .month}} 的对账单见附件，金额为 **{{money .amount "CNY"}}**（{{rmb .amount}}）。

{{if .note}}备注：{{.note}}{{end}}
`

// write writes a file below the house's folder.
func (h *house) write(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

func newHouse(t testing.TB, change ...func(*house)) *house {
	h := &house{t: t, dir: t.TempDir(), smtp: smtptest.NewServer(t)}
	h.write("template/subject.txt", "{{.name}}的{{date .month}}对账单")
	h.write("template/body.md", markTemplate)
	h.c = h.config()
	for _, c := range change {
		c(h)
	}
	if h.c.Template == nil {
		h.c.Template = h.template()
	}
	h.works(h.smtp.Client())
	h.open()
	return h
}

// works has the house send by a server.
func (h *house) works(client *smtp.Client) {
	h.t.Helper()
	router, err := route.New(route.Table{Servers: []route.Server{{Name: "one", Client: client}}, Default: []string{"one"}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { router.Close() })
	h.c.Worker = outbox.Worker{Router: router, Bounces: outbox.Bounces{None: true}}
}

// config is of a mailing in the house's folder.
func (h *house) config() statement.Config {
	return statement.Config{
		Name: "march", Key: "account", From: mail.Address{Name: "示例银行", Address: "statements@bank.example"}, ToName: "name",
		Files: filepath.Join(h.dir, "pdf"), Attach: []string{"{{.account}}.pdf"},
	}
}

func (h *house) template() *statement.Template {
	h.t.Helper()
	m, err := statement.LoadTemplate(filepath.Join(h.dir, "template"), statement.TemplateOptions{Locale: "zh-CN"})
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

func (h *house) open() {
	h.t.Helper()
	var err error
	if h.Job, err = statement.Open(h.t.Context(), "sqlite:"+filepath.Join(h.dir, "march.db"), h.c); err != nil {
		h.t.Fatal(err)
	}
	job := h.Job
	h.t.Cleanup(func() { job.Close() })
}

// customers writes a table of so many, and a file for each.
func (h *house) customers(n int) string {
	h.t.Helper()
	var b strings.Builder
	b.WriteString("account,name,email,amount,month,note\n")
	for i := range n {
		fmt.Fprintf(&b, "A%05d,客户%d,c%d@example.net,%d.%02d,2026-03,\n", i, i, i, 1000+i, i%100)
		h.write(fmt.Sprintf("pdf/A%05d.pdf", i), fileOf(i))
	}
	return h.write("customers.csv", b.String())
}

func fileOf(i int) string { return fmt.Sprintf("%%PDF-1.4\nof customer %d\n", i) }

func (h *house) prepare(table string, o ...statement.TableOptions) *statement.Report {
	h.t.Helper()
	var options statement.TableOptions
	if len(o) > 0 {
		options = o[0]
	}
	t, err := statement.OpenTable(h.t.Context(), table, options)
	if err != nil {
		h.t.Fatal(err)
	}
	defer t.Close()
	r, err := h.Prepare(h.t.Context(), t, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) problems() (list []string) {
	h.t.Helper()
	for p, err := range h.Problems(context.Background()) {
		if err != nil {
			h.t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%d %s", p.Line, p.Code))
	}
	return list
}

// has checks that each of the customers has exactly his own file.
func (h *house) has(n int) {
	h.t.Helper()
	seen := map[string]int{}
	for _, m := range h.smtp.Mails() {
		to := m.To()[0]
		seen[to]++
		var i int
		if _, err := fmt.Sscanf(to, "c%d@example.net", &i); err != nil {
			h.t.Fatalf("a mail to %s", to)
		}
		if n := bytes.Count(m.Content, []byte("Content-Disposition: attachment")); n != 1 {
			h.t.Errorf("%s has %d files", to, n)
		}
		if !bytes.Contains(m.Content, []byte(base64.StdEncoding.EncodeToString([]byte(fileOf(i))))) {
			h.t.Errorf("%s has another's file", to)
		}
	}
	for i := range n {
		if to := fmt.Sprintf("c%d@example.net", i); seen[to] != 1 {
			h.t.Errorf("%s has %d mails", to, seen[to])
		}
	}
	if len(seen) != n {
		h.t.Errorf("%d people have mail, and %d are meant", len(seen), n)
	}
}

// attached is the one file of a mail.
func attached(t testing.TB, content []byte) []byte {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatalf("there is no file: %v", err)
		}
		if p.FileName() == "" {
			continue
		}
		data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
}
