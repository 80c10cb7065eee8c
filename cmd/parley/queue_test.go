package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A queueHouse is a parley serve at work, whose server refuses one recipient, defers another and takes the others.
type queueHouse struct {
	t    *testing.T
	dir  string
	http string
	ids  map[string]outbox.ID // by recipient
}

func newQueueHouse(t *testing.T) *queueHouse {
	t.Helper()
	sink := smtptest.NewServer(t)
	sink.Fault(smtptest.Fault{Stage: smtp.StageRcpt, Match: "*<gone@*", Say: "550 5.1.1 <gone@example.net>: Recipient address rejected: User unknown"})
	sink.Fault(smtptest.Fault{Stage: smtp.StageRcpt, Match: "*<full@*", Say: "452 4.2.2 <full@example.net>: Mailbox full"})
	h := &queueHouse{t: t, dir: t.TempDir(), ids: make(map[string]outbox.ID)}
	config := filepath.Join(h.dir, "serve.toml")
	text := fmt.Sprintf("database = \"sqlite:%s\"\nhttp = \"127.0.0.1:0\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n[server.sink]\nurl = %q\n[notices]\nnone = true\n[retention]\ncontent = \"1h\"\n", filepath.Join(h.dir, "outbox.db"), sink.URL())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServe(t, "--config", config)
	t.Cleanup(func() { s.kill(t) })
	h.http = s.http
	client := &smtp.Client{Addr: s.smtp, Security: smtp.Plaintext, Hello: "program.example"}
	defer client.Close()
	for _, to := range []string{"kim@example.net", "gone@example.net", "full@example.net"} {
		if _, err := client.Send(t.Context(), &mail.Message{From: mail.Address{Address: "shop@example.com"}, To: mail.To(to), Subject: "三月对账单", Text: "hello"}); err != nil {
			t.Fatal(err)
		}
	}
	for late := time.Now().Add(20 * time.Second); ; {
		var page struct{ Items []outbox.Item }
		h.json(&page, "--state", "sent,bounced,deferred")
		if len(page.Items) == 3 {
			for _, i := range page.Items {
				h.ids[i.Path] = i.Message
			}
			return h
		}
		if time.Now().After(late) {
			t.Fatalf("what became of it is %+v", page.Items)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// run runs "parley queue", over the database unless the words say otherwise.
func (h *queueHouse) run(words ...string) (out, said string, code int) {
	h.t.Helper()
	if !strings.Contains(strings.Join(words, " "), "--http") {
		words = append(words, "--config", filepath.Join(h.dir, "serve.toml"))
	}
	var o, e bytes.Buffer
	code = run(append([]string{"parley", "queue"}, words...), system{in: strings.NewReader(""), out: &o, err: &e, environ: []string{"HOME=" + h.dir, "TZ=UTC"}})
	return o.String(), e.String(), code
}

func (h *queueHouse) json(into any, words ...string) {
	h.t.Helper()
	out, said, code := h.run(append(words, "--json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil || code != 0 {
		h.t.Fatalf("%v: %d, %v: %s%s", words, code, err, out, said)
	}
}

// must runs it, and wants texts in what it prints.
func (h *queueHouse) must(words string, want ...string) string {
	h.t.Helper()
	out, said, code := h.run(strings.Fields(words)...)
	if code != exitTaken {
		h.t.Errorf("%s: %d: %s", words, code, said)
	}
	for _, text := range want {
		if !strings.Contains(out, text) {
			h.t.Errorf("%s: %q is not in\n%s", words, text, out)
		}
	}
	return out
}

// waits is until a mail that is being tried waits again.
func (h *queueHouse) waits(to string) {
	h.t.Helper()
	for late := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var page struct{ Items []outbox.Item }
		h.json(&page, "--to", to)
		if len(page.Items) == 1 && page.Items[0].State == outbox.Deferred && page.Items[0].Next.After(time.Now()) {
			return
		}
		if time.Now().After(late) {
			h.t.Fatalf("it is %+v", page.Items)
		}
	}
}

// TestQueue: what waits is shown, told of and moved; over the database and by HTTP all is the same.
func TestQueue(t *testing.T) {
	h := newQueueHouse(t)
	full, gone := h.ids["full@example.net"].String(), h.ids["gone@example.net"].String()
	h.must("list", "waits for attempt 2 at ")
	h.must("list --lang zh --http "+h.http, "第 2 次尝试")
	for _, where := range []string{"", " --http " + h.http} {
		h.must("list"+where, full+"/0  ", "  full@example.net  三月对账单", "bounced", "sent")
		h.must("list --lang zh"+where, "已退回", "已发送")
		h.must("why "+gone+where, gone+"/0  gone@example.net", "was given up at ", "User unknown", "fix: ")
		h.must("why "+gone+"/0 --lang zh"+where, "放弃：550", "解决：")
		h.must("show "+full+where, "subject", "三月对账单", "handed over", "not taken for now", "RCPT TO:<full@example.net>", "S: 452 4.2.2")
		h.must("lanes"+where, "in all", "workers   1", "sink")
		h.must("list --to gone@example.net"+where, gone)
		if out := h.must("list --to nobody@example.net" + where); out != "There is none.\n" {
			t.Errorf("of nobody: %q", out)
		}
		h.must("export "+full+where, "\r\nhello")
		h.must("hold "+full+" --why Monday"+where, "Changed: 1")
		h.must("why "+full+where, "is held since", ": Monday", "Release it")
		h.must("release --state held --yes"+where, "Changed: 1")
		h.waits("full@example.net")
		for words, want := range map[string]string{"hold " + gone: gone + " is bounced: hold is for mail that is queued, deferred", "release --state bounced --yes": "release is for mail that is held, unknown"} {
			if out, said, code := h.run(strings.Fields(words + where)...); code != exitTaken || out != "Changed: 0\n" || !strings.Contains(said, want) {
				t.Errorf("%s: %d %q %q", words, code, out, said)
			}
		}
		h.must("suppress kim@example.net --why asked"+where, "Changed: 1")
		h.must("suppressed"+where, "kim@example.net  manual, for good", "asked")
		h.must("unsuppress kim@example.net"+where, "Changed: 1")
	}
	var over, by any
	h.json(&over, "show", gone)
	h.json(&by, "show", gone, "--http", h.http)
	if a, b := fmt.Sprint(over), fmt.Sprint(by); a != b {
		t.Errorf("over the database it is\n%s\nand by HTTP\n%s", a, b)
	}
}

// TestQueueMistakes: each is told with what to do, and nothing was changed.
func TestQueueMistakes(t *testing.T) {
	h := newQueueHouse(t)
	full := h.ids["full@example.net"].String()
	for _, test := range []struct {
		words string
		code  int
		says  string
	}{
		{"why nope", exitUsage, "is no ID as parley queue prints it"}, {"why " + full + "/x", exitUsage, "is no ID"}, {"why " + full + "/-1", exitUsage, "is no ID"},
		{"why " + full + "/7", exitMessage, "there is no such mail"}, {"why 06aaaaaaaaaaa", exitMessage, "there is no such mail"}, {"why 06aaaaaaaaaaa --http " + h.http, exitMessage, "there is no such mail"},
		{"why", exitUsage, "one ID"}, {"retry", exitUsage, "say which mails"}, {"retry --state deferred", exitUsage, "add --yes"}, {"retry " + full + " --lane x", exitUsage, "not both"},
		{"purge " + full + "/0", exitUsage, "with all its recipients"}, {"list --state odd", exitUsage, "--state:"}, {"list --class odd", exitUsage, "--class:"}, {"list --since yesterday-ish", exitUsage, "is no time"},
		{"list --limit 0", exitUsage, "at least 1"}, {"list --http http://kim:secret@127.0.0.1:1", exitUsage, "without a user in it"}, {"list --http http://127.0.0.1:1", exitRefused, "127.0.0.1:1"},
		{"unsuppress nobody@example.net", exitMessage, "there is no such"}, {"suppress", exitUsage, "which address"},
	} {
		out, said, code := h.run(strings.Fields(test.words)...)
		if code != test.code || !strings.Contains(said, test.says) || strings.Contains(said, "secret") {
			t.Errorf("%s: %d, %q\n%s", test.words, code, said, out)
		}
	}
	var e bytes.Buffer
	for _, words := range [][]string{{}, {"--config", "a", "--database", "b"}, {"--database", "sqlite:" + filepath.Join(h.dir, "not-there.db")}, {"--database", "sqlite:x", "--user", "kim"}} {
		if code := run(append([]string{"parley", "queue"}, words...), system{in: strings.NewReader(""), out: &e, err: &e}); code != exitUsage {
			t.Errorf("%v: %d", words, code)
		}
	}
	if _, err := os.Stat(filepath.Join(h.dir, "not-there.db")); err == nil {
		t.Error("to look for a database has made one")
	}
	h.must("list --state deferred", full)
}

// TestQueueDocs: each command of docs/queue.md does what it says.
func TestQueueDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/queue.md")
	if err != nil {
		t.Fatal(err)
	}
	h := newQueueHouse(t)
	n := 0
	for line := range strings.Lines(string(page)) {
		command, ok := strings.CutPrefix(line, "parley queue")
		if !ok {
			continue
		}
		command, _, _ = strings.Cut(command, "#")
		command = strings.NewReplacer(" ID", " "+h.ids["full@example.net"].String(), "http://127.0.0.1:8026", h.http, "mail.eml", filepath.Join(h.dir, "mail.eml"), "'wait for Monday'", "Monday", "'asked for it'", "asked").Replace(command)
		words := strings.Fields(strings.ReplaceAll(command, "--config serve.toml", ""))
		if out, said, code := h.run(words...); code != exitTaken {
			t.Errorf("%v: %d: %s%s", words, code, out, said)
		}
		n++
	}
	if n < 12 {
		t.Errorf("there are only %d commands", n)
	}
}

// TestQueueFolds: what happened several times alike, one after another, stands once, with how often.
func TestQueueFolds(t *testing.T) {
	var out bytes.Buffer
	u := newUI(system{out: &out, err: io.Discard, environ: []string{"COLUMNS=300", "TZ=UTC"}}, "parley", english)
	away := outbox.Event{What: outbox.WasDeferred, Path: "kim@example.net", Lane: "mx", Attempt: 1, Reply: "connection refused"}
	list := []outbox.Event{{What: outbox.WasPut}, away, away, away, away}
	for i := range list {
		list[i].Seq, list[i].At = int64(i), time.Unix(int64(i), 0)
	}
	list[4].Attempt = 2
	u.printEvents(list)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.HasSuffix(lines[1], "connection refused  ×3") || !strings.HasSuffix(lines[2], "connection refused") {
		t.Errorf("%q", lines)
	}
}
