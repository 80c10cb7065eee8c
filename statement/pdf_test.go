package statement_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"github.com/parleymail/parley/statement"
)

// browser is one that prints, or the test is skipped by name.
func browser(t testing.TB) *statement.Browser {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			b := &statement.Browser{Path: path}
			t.Cleanup(func() { b.Close() })
			return b
		}
	}
	t.Skip("chromium is not installed")
	return nil
}

// pdfs are the files of the mails that have arrived, by the recipient.
func (h *house) pdfs() map[string][]byte {
	h.t.Helper()
	files := map[string][]byte{}
	for _, m := range h.smtp.Mails() {
		files[m.To()[0]] = attached(h.t, m.Content)
	}
	return files
}

// TestPDF: each customer has a PDF of his own page, in Chinese, and with a password it opens with that alone.
func TestPDF(t *testing.T) {
	b := browser(t)
	page := `<!DOCTYPE html><meta charset="utf-8"><style>@page{size:A4}</style><h1>{{.name}}</h1><p>金额 {{money .amount "CNY"}}</p><img src="http://127.0.0.1:1/{{.account}}"><script>document.title="x"</script>`
	h := newHouse(t, func(h *house) {
		h.write("template/pdf.html", page)
		h.c.Attach, h.c.PDF, h.c.Password, h.c.Renderer = nil, "{{.account}}.pdf", "account", b
	})
	h.prepare(h.customers(6))
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	files := h.pdfs()
	if len(files) != 6 {
		t.Fatalf("%d files", len(files))
	}
	data := files["c3@example.net"]
	c := model.NewDefaultConfiguration()
	c.UserPW, c.OwnerPW = "A00003", "A00003"
	var open bytes.Buffer
	if err := api.Decrypt(bytes.NewReader(data), &open, c); err != nil {
		t.Fatal(err)
	}
	c = model.NewDefaultConfiguration()
	c.UserPW, c.OwnerPW = "A00004", "A00004"
	if err := api.Decrypt(bytes.NewReader(data), new(bytes.Buffer), c); err == nil {
		t.Error("it opens with another's password")
	}
	tool, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed")
	}
	path := h.write("3.pdf", open.String())
	text, err := exec.Command(tool, path, "-").Output()
	if err != nil || !strings.Contains(string(text), "1,003.03") {
		t.Errorf("%v: %s", err, text)
	}
	if about, err := exec.Command("pdfinfo", path).Output(); err != nil || !regexp.MustCompile(`(?m)^Title: +A00003$`).Match(about) { // of the same package
		t.Errorf("%v: %s", err, about)
	}
}

// TestZIP: other files are locked in a ZIP.
func TestZIP(t *testing.T) {
	h := newHouse(t, func(h *house) { h.c.Password, h.c.Lock = "account", statement.LockZIP })
	h.prepare(h.customers(2))
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	data := h.pdfs()["c1@example.net"]
	if !bytes.HasPrefix(data, []byte("PK")) || bytes.Contains(data, []byte("of customer")) {
		t.Fatalf("%q", data)
	}
	tool, err := exec.LookPath("7z")
	if err != nil {
		t.Skip("7z is not installed")
	}
	path := h.write("1.zip", string(data))
	if out, err := exec.Command(tool, "t", "-pA00001", path).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if err := exec.Command(tool, "t", "-pwrong", path).Run(); err == nil {
		t.Error("it opens with another password")
	}
}

// TestPreview: the page shows mails to this machine alone, and what they hold can do nothing.
func TestPreview(t *testing.T) {
	h := newHouse(t, func(h *house) { h.c.Attach = nil })
	h.prepare(h.rowsOf(`A1,"<script>alert(1)</script>",c1@example.net,1,2026-03,`))
	p, err := h.Preview(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path, host string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = host
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w
	}
	if w := ask("/", "127.0.0.1:8028"); w.Code != 200 || strings.Contains(w.Body.String(), "<script") || !strings.Contains(w.Body.String(), "c1@example.net") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask("/mail/0/html", "localhost:8028"); w.Code != 200 || strings.Contains(w.Body.String(), "<script>alert") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, w := range []*httptest.ResponseRecorder{ask("/", "evil.example"), ask("/mail/0/html", "127.0.0.1", "Sec-Fetch-Site", "cross-site"), ask("/mail/9", "127.0.0.1"), ask("/mail/0/file/0", "127.0.0.1")} {
		if w.Code < 400 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}
