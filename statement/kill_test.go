//go:build unix

package statement_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/statement"
)

const (
	killedDir = "PARLEY_TEST_STATEMENT_DIR" // in the environment of this very program: it sends the mailing of that folder
	killedURL = "PARLEY_TEST_STATEMENT_URL"
)

// TestKilled: a mailing that is killed at any time, and goes on, brings each customer exactly his own file, once. A mail whose transaction was cut by the kill may have been
// taken by the server: those wait for a person's word, and none of them comes twice.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(killedDir); dir != "" {
		sendKilled(t, dir)
		return
	}
	rounds, n := 6, 400
	if testing.Short() {
		rounds, n = 3, 200
	}
	if r, err := strconv.Atoi(os.Getenv("PARLEY_TEST_KILLS")); err == nil {
		rounds, n = r, 100*r
	}
	h := newHouse(t)
	table := h.customers(n)
	if r := h.prepare(table); r.Ready != n {
		t.Fatalf("%+v", r)
	}
	h.Close()
	kills := 0
	for range 2 * rounds {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), killedDir+"="+h.dir, killedURL+"="+h.smtp.URL())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		timer := time.NewTimer(time.Duration(150+rand.IntN(700)) * time.Millisecond)
		select {
		case <-timer.C:
			cmd.Process.Kill()
			<-ended
			kills++
		case <-ended:
		}
		timer.Stop()
		if kills == rounds {
			break
		}
	}
	h.open()
	// What was being sent when a process died is found out by its lease.
	if err := h.Resume(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil { // all were killed before they had chosen what to send
		t.Fatal(err)
	}
	s, err := h.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, m := range h.smtp.Mails() {
		seen[m.To()[0]]++
	}
	for to, times := range seen {
		if times > 1 {
			t.Errorf("%s has %d mails", to, times)
		}
	}
	unknown := s.Counts[statement.Unknown]
	t.Logf("%d kills: %d sent, %d of which nobody knows, %d arrived", kills, s.Counts[statement.Sent], unknown, len(seen))
	if s.Counts[statement.Sent]+unknown != n || len(seen) < n-unknown {
		t.Errorf("%v: %d have mail", s.Counts, len(seen))
	}
	before := len(h.smtp.Mails())
	if r := h.prepare(table); r.Ready != 0 {
		t.Errorf("%+v", r)
	}
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	if after := len(h.smtp.Mails()); after != before {
		t.Errorf("a second run has sent %d", after-before)
	}
}

// sendKilled is the process that is killed.
func sendKilled(t *testing.T, dir string) {
	h := &house{t: t, dir: dir}
	h.c = h.config()
	h.c.Template = h.template()
	client, err := smtp.ParseURL(os.Getenv(killedURL))
	if err != nil {
		t.Fatal(err)
	}
	h.works(client)
	h.open()
	if err := h.Resume(t.Context(), statement.SendOptions{}); err != nil {
		t.Log(err)
	}
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Log(err)
	}
	fmt.Println(filepath.Base(dir))
}
