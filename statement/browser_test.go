package statement_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/parleymail/parley/statement"
)

// textOf is what a PDF says.
func textOf(t *testing.T, data []byte) string {
	t.Helper()
	tool, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed")
	}
	path := filepath.Join(t.TempDir(), "a.pdf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(tool, path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPageAsksNobody: a page that becomes a PDF reaches no machine, by name or by address, reads no file, and runs no script. Chromium of late has rules of its own against
// pages that ask this machine, which are taken away here; where ours is taken away as well the page does ask, or this test would see nothing.
func TestPageAsksNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a browser takes its time")
	}
	for _, rule := range []string{"kept", "taken away"} {
		t.Run(rule, func(t *testing.T) {
			b := browser(t)
			drop := ""
			if rule != "kept" {
				drop = "--host-resolver-rules*) ;;"
			}
			script := fmt.Sprintf("#!/bin/sh\nfor a; do shift; case $a in --disable-features=*) ;; %s *) set -- \"$@\" \"$a\";; esac; done\nexec %q \"$@\" --disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessChecks\n", drop, b.Path)
			b.Path = filepath.Join(t.TempDir(), "chromium")
			if err := os.WriteFile(b.Path, []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
			defer server.Close()
			data, err := b.PDF(t.Context(), askingPage(t, server.URL))
			if err != nil {
				t.Fatal(err)
			}
			if text := textOf(t, data); !strings.Contains(text, "Here.") || strings.Contains(text, "business") || strings.Contains(text, "it ran") {
				t.Errorf("%q", text)
			}
			if n := asked.Load(); (n > 0) != (rule != "kept") {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// askingPage asks for whatever a page can, of a server and of a file.
func askingPage(t *testing.T, server string) []byte {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(secret, []byte("of nobody's business"), 0o600); err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	page.WriteString("<!doctype html><meta charset=utf-8><p>Here.")
	for _, url := range []string{server, strings.Replace(server, "127.0.0.1", "localhost", 1), "file://" + secret, "//" + strings.TrimPrefix(server, "http://"), "ftp" + strings.TrimPrefix(server, "http"), "view-source:file://" + secret} {
		fmt.Fprintf(&page, `<img src="%[1]s/1"><link rel=stylesheet href="%[1]s/2"><iframe src="%[1]s/3"></iframe><iframe src="%[1]s"></iframe><object data="%[1]s/4"></object><object data="%[1]s"></object><embed src="%[1]s"><style>@import "%[1]s/5";@font-face{font-family:f;src:url("%[1]s/6")}p{font-family:f;background:url(%[1]s/7)}</style><video src="%[1]s/8" poster="%[1]s/9"></video><link rel=prefetch href="%[1]s/10"><link rel=preconnect href="%[1]s"><svg><image href="%[1]s/11"/><use href="%[1]s/12#a"/></svg>`, url)
	}
	fmt.Fprintf(&page, `<script>document.body.textContent="it ran"; fetch(%q)</script><img src=x onerror="document.body.textContent='it ran'">`, server)
	return []byte(page.String())
}

// TestBrowserDies: a browser that has died, or the process of a page, is no matter: another is started, and nobody's page is lost.
func TestBrowserDies(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a browser takes its time")
	}
	for _, what := range []string{"the browser", "--type=renderer"} {
		t.Run(what, func(t *testing.T) {
			b := browser(t)
			if _, err := b.PDF(t.Context(), []byte("<p>first")); err != nil {
				t.Fatal(err)
			}
			ours := children(t, os.Getpid(), what)
			if len(ours) == 0 {
				t.Skip("there is no /proc that tells whose processes these are")
			}
			var pages sync.WaitGroup
			for i := range 8 {
				pages.Go(func() {
					data, err := b.PDF(t.Context(), fmt.Appendf(nil, "<p>page %d", i))
					if err != nil {
						t.Errorf("page %d: %v", i, err)
						return
					}
					if text := textOf(t, data); strings.TrimSpace(text) != fmt.Sprintf("page %d", i) {
						t.Errorf("page %d says %q", i, text)
					}
				})
			}
			for _, pid := range ours {
				syscall.Kill(pid, syscall.SIGKILL)
			}
			pages.Wait()
		})
	}
}

// TestBrowserCannotBeHad: that there is no browser is no mistake of a row's: the run ends, and the rows stay as they were.
func TestBrowserCannotBeHad(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a browser takes its time")
	}
	b := browser(t)
	h := newHouse(t, func(h *house) {
		h.write("template/pdf.html", "<p>{{.name}}")
		h.c.Attach, h.c.PDF, h.c.Renderer = nil, "{{.account}}.pdf", b
	})
	h.prepare(h.customers(20))
	there := b.Path
	b.Path = filepath.Join(t.TempDir(), "nobody")
	if err := h.Send(t.Context(), statement.SendOptions{}); !errors.Is(err, statement.ErrBrowser) {
		t.Errorf("%v", err)
	}
	if s, err := h.Status(t.Context()); err != nil || s.Counts[statement.Ready] != 20 {
		t.Errorf("%+v %v", s, err)
	}
	b.Path = there
	if err := h.Resume(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := len(h.smtp.Mails()); n != 20 {
		t.Errorf("%d mails", n)
	}
}

// children are the processes that one has begun itself; or all those below it that are called with an argument.
func children(t *testing.T, of int, argument string) (list []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	parents := map[int]int{}
	for _, file := range files {
		text, _ := os.ReadFile(file)
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			parents[pid], _ = strconv.Atoi(fields[1])
		}
	}
	for pid, parent := range parents {
		if !strings.HasPrefix(argument, "--") {
			if parent == of {
				list = append(list, pid)
			}
			continue
		}
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		for up := pid; up > 1; up = parents[up] {
			if up == of && strings.Contains(string(line), argument) {
				list = append(list, pid)
			}
		}
	}
	return list
}
