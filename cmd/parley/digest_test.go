package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/digest"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A digestHouse is what a newcomer has: a folder, a feed, and a server that takes mail.
type digestHouse struct {
	t      *testing.T
	dir    string
	feed   *httptest.Server
	server *smtptest.Server
}

func newDigestHouse(t *testing.T) *digestHouse {
	h := &digestHouse{t: t, dir: t.TempDir(), server: &smtptest.Server{Security: smtp.Plaintext}}
	h.server.Start(t)
	h.feed = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `<rss version="2.0"><channel><title>The Blog</title><item><title>Two</title><guid>2</guid><link>https://b.example/2</link><description>Second</description></item><item><title>One</title><guid>1</guid></item></channel></rss>`)
	}))
	t.Cleanup(h.feed.Close)
	t.Chdir(h.dir)
	return h
}

// parley runs the command, and gives what it prints.
func (h *digestHouse) parley(want int, args ...string) (stdout, stderr string) {
	h.t.Helper()
	var out, err bytes.Buffer
	code := run(append([]string{"parley"}, args...), system{in: strings.NewReader(""), out: &out, err: &err, environ: []string{"LANG=C.UTF-8", "TZ=UTC", "HOME=" + h.dir}})
	if code != want {
		h.t.Errorf("parley %s: %d, not %d\n%s%s", strings.Join(args, " "), code, want, out.String(), err.String())
	}
	return out.String(), err.String()
}

// begin makes a list that may look at feeds of this machine.
func (h *digestHouse) begin() {
	h.t.Helper()
	h.parley(0, "digest", "init", "--name", "Kim's notes", "--from", "news@example.com", "--url", "http://127.0.0.1:8027", "--server", "smtp://"+h.server.Addr()+"?tls=none")
	f, err := os.OpenFile("digest.toml", os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("allow = [\"127.0.0.1\"]\n")
		f.Close()
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// TestDigestFileMistakes: each is told with its line or its key, in whatever command.
func TestDigestFileMistakes(t *testing.T) {
	h := newDigestHouse(t)
	h.begin()
	sound, err := os.ReadFile("digest.toml")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`dayly = "08:00"`: `line 1: there is no key "dayly" here: did you mean "daily"?`, `max_age = 3`: `line 1: "3" is no time`, `daily = 8`: "line 1: ", `weekly = "someday 08:00"`: "line 1: ",
		`frequency = "hourly"`: "line 1: ", `lang = "fr"`: "lang: ", `timezone = "Mars/X"`: "timezone: ", `behind_proxy = "yes"`: `line 1: "behind_proxy" cannot be`, `name = Kim`: "line 1: ",
		`allow = ["localhost"]`: "allow: ", `every = "1 hour"`: "line 1: ", `every = "1m"`: "every: ", `most_new = -3`: "most_new: ", `first = "1"`: `line 1: "first" cannot be`, `images = "all"`: "line 1: ",
		`servers = "smtp://x"`: "line 1: ", `tls.key = 1`: "line 1: ",
	} {
		key, _, _ := strings.Cut(text, " ")
		kept := regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(key)+` .*$`).ReplaceAllString(string(sound), "")
		if err := os.WriteFile("digest.toml", []byte(text+"\n"+kept), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, cmd := range []string{"status", "run"} {
			if _, told := h.parley(64, "digest", cmd); !strings.Contains(told, "digest.toml: ") || !strings.Contains(told, want) || strings.Contains(told, "tomlfile") {
				t.Errorf("%s, %s: %s", text, cmd, told)
			}
		}
	}
}

// TestDigestTells: where no server can be had, a link to say yes is kept, and why it waits is told with the fix, in both languages.
func TestDigestTells(t *testing.T) {
	h := newDigestHouse(t)
	h.begin()
	h.parley(0, "digest", "subscribe", "lee@example.net")
	none := []string{"--server", "smtp://127.0.0.1:1?tls=none"}
	out, told := h.parley(75, append([]string{"digest", "run"}, none...)...)
	if !strings.Contains(out, "to be tried again: 1;") {
		t.Error(out)
	}
	for _, want := range []string{"a mail to lee@example.net is kept", "refused", "cause: Nothing listens", "fix: ", "parley queue list --database sqlite:"} {
		if !strings.Contains(told, want) {
			t.Errorf("run does not tell %q:\n%s", want, told)
		}
	}
	if _, told = h.parley(0, "digest", "status", "--lang", "zh"); !strings.Contains(told, "发给 lee@example.net 的邮件已保留") || !strings.Contains(told, "没有服务在监听") {
		t.Error(told)
	}
	h.parley(0, "digest", "add", h.feed.URL+"/f")
	if _, told = h.parley(75, append([]string{"digest", "try", "me@example.net"}, none...)...); strings.Count(told, "cause: ") != 1 {
		t.Error(told)
	}
}

// TestDigestCommands goes through all of them.
func TestDigestCommands(t *testing.T) {
	h := newDigestHouse(t)
	if _, e := h.parley(64, "digest", "status"); !strings.Contains(e, "there is no digest.toml: parley digest init writes one") {
		t.Error(e)
	}
	h.begin()
	if _, e := h.parley(64, "digest", "init", "--name", "x", "--from", "a@example.com", "--url", "https://x.example"); !strings.Contains(e, "digest.toml is there already") {
		t.Error(e)
	}
	h.parley(0, "digest", "subscribe", "kim@example.net", "--confirmed", "--frequency", "once")
	h.parley(0, "digest", "subscribe", "lee@example.net", "--language", "zh")
	if out, _ := h.parley(0, "digest", "add", h.feed.URL+"/f"); out != "feed 1: The Blog, 1 articles to send\n" {
		t.Errorf("%q", out)
	}
	if _, e := h.parley(69, "digest", "add", h.feed.URL+"/missing"); !strings.Contains(e, "its server answers 404 Not Found") {
		t.Error(e)
	}
	for _, lang := range []string{"en", "zh"} {
		if out, _ := h.parley(0, "digest", "try", "me@example.net", "--language", lang); out != "to me@example.net, articles: 1: sent: 250 2.0.0 ok, taken\n" {
			t.Errorf("%q", out)
		}
	}
	for _, got := range h.server.Wait(t, 2) {
		if m, err := got.Message(); err != nil || m.Subject != "Two" {
			t.Errorf("%v, %v", m, err)
		}
	}
	h.server.Forget()
	h.parley(64, "digest", "try")
	h.parley(64, "digest", "try", "a@example.net", "b@example.net")
	h.parley(64, "digest", "try", "me@example.net", "--language", "fr")
	out, _ := h.parley(0, "digest", "run")
	if !strings.Contains(out, "mails written: 1") || !strings.Contains(out, "sent: 1; to be tried again: 0") {
		t.Error(out)
	}
	if got := h.server.Wait(t, 2); len(got) != 2 {
		t.Errorf("%d mails", len(got))
	}
	out, _ = h.parley(0, "digest", "status")
	for _, want := range []string{"feed 1: The Blog\n", "failed 1 times: its server answers 404 Not Found", "asked, and has not said yes 1, subscribed 1", "sent 1"} {
		if !strings.Contains(out, want) {
			t.Errorf("status has no %q:\n%s", want, out)
		}
	}
	if out, _ = h.parley(0, "digest", "status", "--lang", "zh"); !strings.Contains(out, "待确认 1，已订阅 1") {
		t.Error(out)
	}
	h.parley(0, "digest", "remove", "2")
	h.parley(65, "digest", "remove", "2")
	h.parley(0, "digest", "unsubscribe", "kim@example.net", "--why", "by phone")
	if _, e := h.parley(65, "digest", "subscribe", "kim@example.net", "--confirmed"); !strings.Contains(e, "subscribes again by themselves") {
		t.Error(e)
	}
	h.parley(65, "digest", "forget", "nobody@example.net")
	h.parley(0, "digest", "export", "feeds", "-o", "feeds.opml")
	h.parley(0, "digest", "import", "feeds.opml")
	h.parley(0, "digest", "export", "subscribers", "-o", "people.csv")
	h.parley(0, "digest", "import", "people.csv", "--confirmed")
	h.parley(0, "digest", "forget", "kim@example.net")
	for _, bad := range [][]string{{"digest", "add"}, {"digest", "add", "file:///etc/passwd"}, {"digest", "add", "x", "--every", "soon"}, {"digest", "export", "all"}, {"digest", "subscribe", "kim@example.net", "--frequency", "often"}, {"digest", "sing"}, {"digest", "init"}, {"digest", "import", "none.csv"}, {"digest", "add", "https://x.example", "--images", "all"}} {
		var out, e bytes.Buffer
		if code := run(append([]string{"parley"}, bad...), system{in: strings.NewReader(""), out: &out, err: &e, environ: []string{"LANG=C.UTF-8"}}); code == 0 || e.Len() == 0 {
			t.Errorf("%v: %d %s", bad, code, e.String())
		}
	}
}

// TestDigestNarrow: on a narrow screen no line is wider than it.
func TestDigestNarrow(t *testing.T) {
	h := newDigestHouse(t)
	h.begin()
	h.parley(0, "digest", "subscribe", "kim@example.net", "--confirmed")
	h.parley(69, "digest", "add", h.feed.URL+"/missing", "--name", "A name that is long enough to be wrapped where the screen is narrow")
	for _, lang := range []string{"en", "zh"} {
		var out, e bytes.Buffer
		run([]string{"parley", "digest", "status", "--lang", lang}, system{in: strings.NewReader(""), out: &out, err: &e, environ: []string{"COLUMNS=40"}})
		for line := range strings.Lines(out.String()) {
			if n := columnsOf(strings.TrimRight(line, "\n")); n > 40 {
				t.Errorf("%d columns: %q", n, line)
			}
		}
	}
}

// columnsOf counts what a line takes: Chinese characters take two.
func columnsOf(s string) (n int) {
	for _, r := range s {
		if n++; r >= 0x2e80 {
			n++
		}
	}
	return n
}

// TestDigestServes: the page of parley digest serve subscribes, and it ends in good order.
func TestDigestServes(t *testing.T) {
	h := newDigestHouse(t)
	h.begin()
	ctx, stop := context.WithCancel(t.Context())
	out := &lines{come: make(chan string, 100)}
	u := newUI(system{in: strings.NewReader(""), out: out, err: os.Stderr, environ: []string{"LANG=C.UTF-8"}}, "parley", english)
	done := make(chan int, 1)
	go func() {
		code, err := u.digestServe(ctx, &digestFlags{config: "digest.toml", http: "127.0.0.1:0", json: true}, nil)
		if err != nil {
			t.Error(err)
		}
		done <- code
	}()
	var page string
	select {
	case line := <-out.come:
		m := regexp.MustCompile(`"http":"([^"]+)"`).FindStringSubmatch(line)
		if m == nil {
			t.Fatal(line)
		}
		page = m[1]
	case <-time.After(20 * time.Second):
		t.Fatal("it does not begin")
	}
	answer, err := http.PostForm(page+"/subscribe", url.Values{"address": {"kim@example.net"}, "all": {"yes"}})
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", answer, err)
	}
	answer.Body.Close()
	m := h.server.Wait(t, 1)[0]
	if !strings.Contains(string(m.Content), "Please confirm your subscription") {
		t.Errorf("%s", m.Content)
	}
	stop()
	select {
	case code := <-done:
		if code != 0 {
			t.Errorf("%d", code)
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not end")
	}
}

// lines are what is printed, a piece at a time.
type lines struct{ come chan string }

func (l *lines) Write(p []byte) (int, error) {
	l.come <- string(p)
	return len(p), nil
}

// TestDigestOpen: pages that other machines reach are not served in clear text.
func TestDigestOpen(t *testing.T) {
	h := newDigestHouse(t)
	h.begin()
	if _, e := h.parley(64, "digest", "serve", "--http", "0.0.0.0:0"); !strings.Contains(e, "behind_proxy = true") {
		t.Error(e)
	}
}

// TestDigestDocs: each command of docs/digest.md does what it says, its file can be read, and has all keys.
func TestDigestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/digest.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	_, rest, _ := strings.Cut(text, "```toml\n")
	file, _, _ := strings.Cut(rest, "```")
	h := newDigestHouse(t)
	if err := os.WriteFile("all.toml", []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := digest.ReadFile(filepath.Join(h.dir, "all.toml")); err != nil {
		t.Error(err)
	}
	for _, key := range digest.FileKeys() {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(key) + ` = |^\[` + regexp.QuoteMeta(key) + `\]`).MatchString(file) {
			t.Errorf("the page does not tell of %s", key)
		}
	}
	_, rest, _ = strings.Cut(text, "```\nemail,")
	people, _, _ := strings.Cut("email,"+rest, "```")
	if err := os.WriteFile("people.csv", []byte(people), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "  #")
			if line == "parley catch" || line == "parley digest serve" {
				continue // these stay: TestDigestServes
			}
			h.docs(line)
			n++
		}
	}
	if n < 15 {
		t.Errorf("only %d commands were found", n)
	}
	if got := h.server.Mails(); len(got) < 2 {
		t.Errorf("%d mails", len(got))
	}
}

// docs runs a command of the page, with this test's server and feeds.
func (h *digestHouse) docs(line string) {
	h.t.Helper()
	line = strings.NewReplacer(catchesAt, h.server.Addr(), "https://go.dev/blog/feed.atom", h.feed.URL+"/go", "https://example.com/feed.xml", h.feed.URL+"/f").Replace(line)
	args := words(line)
	switch strings.Join(args[1:3], " ") {
	case "digest init":
		h.parley(0, args[1:]...)
		f, err := os.OpenFile("digest.toml", os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString("allow = [\"127.0.0.1\"]\n")
			f.Close()
		}
		if err != nil {
			h.t.Fatal(err)
		}
		return
	case "digest import":
		if args[3] == "feeds.opml" {
			opml := `<opml version="2.0"><body><outline text="x" xmlUrl="` + h.feed.URL + `/f"/></body></opml>`
			if err := os.WriteFile("feeds.opml", []byte(opml), 0o600); err != nil {
				h.t.Fatal(err)
			}
		}
	case "digest export":
		os.Rename(args[len(args)-1], args[len(args)-1]+".old") //nolint:errcheck // it may not be there
	case "digest unsubscribe":
		h.parley(0, "digest", "subscribe", args[3])
		h.parley(0, "digest", "run") // it is then known
	}
	h.parley(0, args[1:]...)
}

// words parts a line as a shell does.
func words(line string) (list []string) {
	for _, m := range regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		list = append(list, m[1]+m[2]+m[3])
	}
	return list
}
