package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

// nowhere is a server that is not there: what is for it is kept.
const nowhere = "smtp://127.0.0.1:1"

// A serving is a "parley serve" that runs.
type serving struct {
	smtp string
	cmd  *exec.Cmd
	said *bytes.Buffer
	over chan struct{} // closed when its output has ended
}

// startServe starts one over a database in a folder, that sends all to one server.
func startServe(t *testing.T, dir, to string) *serving {
	t.Helper()
	config := filepath.Join(t.TempDir(), "serve.toml")
	text := fmt.Sprintf("database = \"sqlite:%s\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n[server.next]\nurl = %q\n[retry]\nfirst = \"100ms\"\nmost = \"1s\"\n", filepath.Join(dir, "outbox.db"), to)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &serving{cmd: exec.Command(buildParley(t), "serve", "--json", "--config", config), said: new(bytes.Buffer), over: make(chan struct{})}
	s.cmd.Stderr = s.said
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	line, err := r.ReadBytes('\n')
	var first struct{ SMTP []string }
	if err != nil || json.Unmarshal(line, &first) != nil || len(first.SMTP) == 0 {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		t.Fatalf("parley serve says %q, %v: %s", line, err, s.said)
	}
	s.smtp = first.SMTP[0]
	go func() {
		defer close(s.over)
		io.Copy(io.Discard, r)
	}()
	t.Cleanup(s.kill)
	return s
}

func (s *serving) kill() {
	s.cmd.Process.Kill()
	<-s.over
	s.cmd.Wait()
}

// stop ends it as a machine does that is switched off in order.
func (s *serving) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.over
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("parley serve ends: %v: %s", err, s.said)
	}
}

// load hands mails over by some connections at once until stop is called.
func (l *ledger) load(s *serving, name string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var senders sync.WaitGroup
	for n := range 6 {
		senders.Go(func() { l.send(ctx, s.smtp, fmt.Sprintf("%s.%d", name, n)) })
	}
	return func() {
		cancel()
		senders.Wait()
	}
}

// kept compares what is in a box with what was answered 250.
func (l *ledger) kept(t *testing.T, dir string) {
	t.Helper()
	box, err := sqlite.Open(t.Context(), filepath.Join(dir, "outbox.db"), outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, err := range box.Each(t.Context(), outbox.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		e := l.mails[i.Path]
		if e == nil {
			t.Errorf("there is a mail for %s, to whom nothing was sent", i.Path)
			continue
		}
		if e.old {
			continue // it was looked at before
		}
		r, err := box.Content(t.Context(), i.Message)
		if err != nil {
			t.Errorf("the mail for %s: %v", i.Path, err)
			continue
		}
		content, err := io.ReadAll(r)
		r.Close()
		// Parley serve writes its Received and what the header lacks above what came.
		if err != nil || !bytes.HasSuffix(content, e.content) {
			t.Errorf("the mail for %s is there changed: %v, %s", i.Path, err, difference(string(content), string(e.content)))
		}
		e.met = true
	}
	lost := 0
	for to, e := range l.mails {
		if e.answered && !e.met {
			if lost++; lost < 5 {
				t.Errorf("%s was answered 250, and is gone", to)
			}
		}
		e.old = e.old || e.met
	}
	if lost > 0 {
		t.Fatalf("%d mails that were answered 250 are gone", lost)
	}
}

// cycles is how often the power fails.
func cycles(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("PARLEY_POWER")); err == nil {
		return n
	}
	return usual
}

// TestServePowerFails: parley serve takes mail, is killed at any moment, and its disk loses all that was not synced: LazyFS. What was answered
// 250 is there, whole.
func TestServePowerFails(t *testing.T) {
	at := os.Getenv("PARLEY_LAZYFS")
	if at == "" {
		t.Skip("it needs LazyFS: make power")
	}
	fifo, err := os.OpenFile(filepath.Join(at, "fifo"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	done, err := os.OpenFile(filepath.Join(at, "done"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer done.Close()
	replies := bufio.NewReader(done)
	begun, rounds, all, lost := time.Now(), cycles(10), 0, 0
	dir, sent := "", newLedger()
	for round := range rounds {
		if round%20 == 0 { // each box has some rounds, so that what was looked at is out of the way
			answered, _ := sent.count()
			all, sent = all+answered, newLedger()
			os.RemoveAll(dir)
			if dir, err = os.MkdirTemp(filepath.Join(at, "mnt"), "serve"); err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
		}
		s := startServe(t, dir, nowhere)
		stop := sent.load(s, strconv.Itoa(round))
		time.Sleep(10*time.Millisecond + rand.N(300*time.Millisecond)) // it is killed at any moment at all
		s.kill()
		stop()
		before, _ := os.ReadFile(filepath.Join(dir, "outbox.db-wal"))
		fmt.Fprintln(fifo, "lazyfs::clear-cache")
		if line, err := replies.ReadString('\n'); err != nil || !strings.HasPrefix(line, "finished") {
			t.Fatalf("LazyFS said %q: %v", line, err)
		}
		if after, _ := os.ReadFile(filepath.Join(dir, "outbox.db-wal")); !bytes.Equal(before, after) {
			lost++
		}
		if sent.kept(t, dir); t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	answered, _ := sent.count()
	all += answered
	t.Logf("the power failed %d times, and in %d of them the disk had something to lose: %d mails were answered 250, and all are there; %v", rounds, lost, all, time.Since(begun).Round(time.Second))
	if all < 10*rounds || lost == 0 {
		t.Errorf("%d mails in %d rounds, of which %d lost anything: this shows little", all, rounds, lost)
	}
}
