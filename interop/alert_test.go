package interop_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/eml"
)

const hookSecret = "a secret of this test alone"

// alerts starts "parley alert serve" by a file until the test is over, and gives where its webhooks are, and the file.
func alerts(t *testing.T, text string) (hook, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "alert.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(buildParley(t), "alert", "serve", "--json", "--config", path, "--http", "127.0.0.1:0")
	said := new(bytes.Buffer)
	cmd.Stderr, cmd.WaitDelay = said, time.Second
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("parley alert serve said:\n%s", said)
		}
	})
	r := bufio.NewReader(out)
	line, err := r.ReadBytes('\n')
	var listening struct{ Event, HTTP string }
	if err != nil || json.Unmarshal(line, &listening) != nil || listening.Event != "listening" {
		t.Fatalf("parley alert serve does not say where it listens: %s %v: %s", line, err, said)
	}
	go io.Copy(io.Discard, r)
	return strings.TrimSuffix(listening.HTTP, "/") + "/hook/prometheus", path
}

// forPrometheus is a file of alerts that Alertmanager tells of.
func forPrometheus(c *catching) string {
	return fmt.Sprintf(`
from = "Alerts <alerts@example.com>"
database = "sqlite:alert.db"
servers = ["smtp://%s?tls=none"]

[[receiver]]
name = "ops"
to = ["ops@example.com"]
group_interval = "0s"

[[hook]]
name = "prometheus"
format = "alertmanager"
secret = %q
`, c.smtp, hookSecret)
}

// Alertmanager fires a thousand alerts in twenty groups: twenty mails tell of all, and twenty more, in the same threads, that they are resolved.
func TestAlertmanager(t *testing.T) {
	notShort(t)
	c := catch(t)
	hook, _ := alerts(t, forPrometheus(c))
	p := startOwn(t, "alertmanager", "PARLEY_HOOK="+hook, "PARLEY_SECRET="+hookSecret)
	begun := time.Now()
	fire(t, p, begun, time.Time{})
	first := awaitMails(t, c, 20) // of the time that it logs a second is Alertmanager's group_wait
	ids, threads := make(map[string]bool), make(map[string]bool)
	for _, m := range first {
		if n := strings.Count(m.Text, "\n* "); n != 50 || !strings.HasPrefix(m.Subject, "[FIRING]") {
			t.Errorf("%q tells of %d alerts", m.Subject, n)
		}
		ids[m.MessageID], threads[m.MessageID] = true, true
	}
	fire(t, p, begun, time.Now())
	toldOnce(t, c, "[RESOLVED]")
	all := mailsOf(t, c)
	t.Logf("%d mails in all", len(all)) // 40, but where Alertmanager looked at a group while it was told that this is over
	for _, m := range all[20:] {
		if !strings.HasPrefix(m.Subject, "[RESOLVED]") || len(m.References) == 0 || !threads[m.References[0]] {
			t.Errorf("%q answers %q, which is none of the twenty", m.Subject, m.References)
			continue
		}
		delete(ids, m.References[0])
	}
	if len(ids) > 0 {
		t.Errorf("%d threads have no end", len(ids))
	}
	if len(all) > 60 {
		t.Errorf("%d mails came", len(all))
	}
}

// Two of them that do not know of one another, as a pair does whose line is cut, both tell of everything: people are told of each alert once all the same.
func TestAlertmanagerPair(t *testing.T) {
	notShort(t)
	c := catch(t)
	hook, _ := alerts(t, forPrometheus(c))
	pair := []*peer{startOwn(t, "alertmanager", "PARLEY_HOOK="+hook, "PARLEY_SECRET="+hookSecret), startOwn(t, "alertmanager", "PARLEY_HOOK="+hook, "PARLEY_SECRET="+hookSecret)}
	begun := time.Now()
	for _, p := range pair {
		fire(t, p, begun, time.Time{})
	}
	toldOnce(t, c, "[FIRING]")
	over := time.Now()
	for _, p := range pair {
		fire(t, p, begun, over)
	}
	toldOnce(t, c, "[RESOLVED]")
}

// toldOnce waits until mails of this kind tell of all the thousand, and has each be told of once.
func toldOnce(t *testing.T, c *catching, kind string) {
	t.Helper()
	var told map[string]int
	look := func() {
		told = make(map[string]int)
		for _, m := range mailsOf(t, c) {
			if !strings.HasPrefix(m.Subject, kind) {
				continue
			}
			for line := range strings.Lines(m.Text) {
				if title, ok := strings.CutPrefix(line, "* The disk of "); ok {
					told[strings.Fields(title)[0]]++
				}
			}
		}
	}
	for end := time.Now().Add(30 * time.Second); len(told) < 1000 && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		look()
	}
	time.Sleep(2 * time.Second) // more would come within this time
	if look(); len(told) != 1000 {
		t.Errorf("mails %s tell of %d alerts, and not of 1000", kind, len(told))
	}
	for name, n := range told {
		if n != 1 {
			t.Errorf("mails %s tell of %s %d times", kind, name, n)
		}
	}
}

// Alertmanager can be told to group nothing. Then a thousand alerts are a thousand groups, and no thousand mails: what is more than may be in an hour waits, is one mail
// then, and is told by the status until then.
func TestAlertmanagerUngrouped(t *testing.T) {
	notShort(t)
	c := catch(t)
	hook, path := alerts(t, forPrometheus(c))
	p := startOwn(t, "alertmanager", "PARLEY_HOOK="+hook, "PARLEY_SECRET="+hookSecret, "PARLEY_GROUP_BY='...'")
	fire(t, p, time.Now(), time.Time{})
	var s struct {
		Firing int `json:"firing"`
		Waits  int `json:"waits"`
	}
	for end := time.Now().Add(30 * time.Second); s.Firing < 1000 && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		out, err := exec.Command(buildParley(t), "alert", "status", "--json", "--config", path).Output()
		if json.Unmarshal(out, &s) != nil {
			t.Fatalf("%s: %v", out, err)
		}
	}
	if s.Firing != 1000 {
		t.Fatalf("%d of 1000 alerts were taken", s.Firing)
	}
	time.Sleep(3 * time.Second)
	const most = 60 + 1 // in an hour, and the one that tells of more
	kept := c.messages(t, "")
	t.Logf("%d mails; of %d alerts none tells yet", len(kept), s.Waits)
	if len(kept) == 0 || len(kept) > most {
		t.Errorf("%d mails came", len(kept))
	}
}

// fire tells Alertmanager of a thousand alerts, or that they are over.
func fire(t *testing.T, p *peer, begun, over time.Time) {
	t.Helper()
	type one struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
		StartsAt    time.Time         `json:"startsAt"`
		EndsAt      time.Time         `json:"endsAt,omitzero"`
	}
	var list []one
	for i := range 1000 {
		list = append(list, one{
			Labels:      map[string]string{"alertname": fmt.Sprintf("磁盘已满%d", i%20), "instance": fmt.Sprintf("db%d", i), "severity": "critical"},
			Annotations: map[string]string{"summary": fmt.Sprintf("The disk of db%d is full", i), "description": "No <b>room</b>\r\nleft"},
			StartsAt:    begun, EndsAt: over,
		})
	}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post("http://"+p.addr("HTTP")+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if said, _ := io.ReadAll(r.Body); r.StatusCode != http.StatusOK {
		t.Fatalf("Alertmanager says %s: %s", r.Status, said)
	}
}

// awaitMails waits until so many mails are there, and no more come.
func awaitMails(t *testing.T, c *catching, n int) (list []*mail.Message) {
	t.Helper()
	var kept []inbox.Message
	begun := time.Now()
	for end := time.Now().Add(30 * time.Second); len(kept) < n && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		kept = c.messages(t, "")
	}
	t.Logf("%d mails were there after %v", len(kept), time.Since(begun))
	time.Sleep(2 * time.Second) // more would come within this time
	if kept = c.messages(t, ""); len(kept) != n {
		for _, m := range kept {
			t.Log(m.Subject)
		}
		t.Fatalf("%d mails came, and not %d", len(kept), n)
	}
	return mailsOf(t, c)
}

// mailsOf are those that were caught, the first one first.
func mailsOf(t *testing.T, c *catching) (list []*mail.Message) {
	t.Helper()
	for _, k := range c.messages(t, "") {
		m, err := eml.Read(bytes.NewReader(c.raw(t, k.ID)))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}
