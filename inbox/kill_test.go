package inbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
)

// victimEnv, in the environment, makes this program a server over the file that it
// names. It tells its address.
const victimEnv = "PARLEY_INBOX_VICTIM"

func runVictim(path string) error {
	store, err := inbox.Open(inbox.Options{Path: path, MaxMessages: -1})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() { // who started it may be gone
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return (&inbox.Server{Store: store}).Serve(l)
}

// What was answered with 250 is there after the process was killed, with its session.
func TestKilled(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	if n, err := strconv.Atoi(os.Getenv("PARLEY_KILL_ROUNDS")); err == nil {
		rounds = n
	}
	path := filepath.Join(t.TempDir(), "mail.db")
	all := make(map[string]int64) // token to size
	last := int64(0)
	for round := range rounds {
		taken := make(map[string]int64)
		killOnce(t, path, round, taken)
		last = checkSurvivors(t, path, taken, last)
		maps.Copy(all, taken)
	}
	checkSurvivors(t, path, all, 0)
	if len(all) < rounds { // in a round there may be none: a slow machine had not come to it
		t.Errorf("only %d mails were taken", len(all))
	}
	t.Logf("%d rounds, %d mails answered with 250, none lost", rounds, len(all))
}

func killOnce(t *testing.T, path string, round int, taken map[string]int64) {
	t.Helper()
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), victimEnv+"="+path)
	victim.Stderr = os.Stderr
	in, err := victim.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err = victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer victim.Wait()
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			flood(strings.TrimSpace(addr), fmt.Sprintf("r%dc%d", round, i), func(token string, size int64) {
				mu.Lock()
				defer mu.Unlock()
				taken[token] = size
			})
		})
	}
	time.Sleep(time.Duration(20+rand.IntN(200)) * time.Millisecond) // any moment will do
	victim.Process.Kill()
	all.Wait()
}

// flood sends mails until the connection fails, and tells of each that was taken.
func flood(addr, name string, took func(token string, size int64)) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	in := bufio.NewReader(c)
	reply := func() (code string, err error) {
		for {
			line, err := in.ReadString('\n')
			if err != nil || len(line) > 3 && line[3] == ' ' {
				return line[:min(3, len(line))], err
			}
		}
	}
	reply()
	io.WriteString(c, "EHLO client.example\r\n")
	reply()
	for i := 0; ; i++ {
		token := fmt.Sprintf("%sn%d", name, i)
		content := "Subject: " + token + "\r\n\r\n"
		if content += strings.Repeat(strings.Repeat("x", 76)+"\r\n", rand.IntN(40)); i%50 == 49 {
			content += strings.Repeat(strings.Repeat("y", 76)+"\r\n", 8000) // in pieces
		}
		io.WriteString(c, "MAIL FROM:<a@example.com>\r\nRCPT TO:<"+token+"@example.net>\r\nDATA\r\n")
		for range 3 {
			if _, err := reply(); err != nil {
				return
			}
		}
		io.WriteString(c, content+".\r\n")
		if code, err := reply(); err != nil || code != "250" {
			return
		}
		took(token, int64(len(content)))
	}
}

// checkSurvivors looks for the mails that were taken among those after an ID, and gives the
// last ID there is.
func checkSurvivors(t *testing.T, path string, taken map[string]int64, after int64) (last int64) {
	t.Helper()
	store, err := inbox.Open(inbox.Options{Path: path, MaxMessages: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ctx := context.Background()
	found := make(map[string]int64)
	for q := (inbox.Query{Limit: 1000, After: after}); ; {
		page, err := store.Messages(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Items {
			token, _, _ := strings.Cut(m.Recipients[0], "@")
			content, err := store.Content(ctx, m.ID)
			if err != nil || !strings.HasPrefix(string(content), "Subject: "+token+"\r\n") {
				t.Fatalf("message %d: %v, %.40q", m.ID, err, content)
			}
			found[token] = int64(len(content))
			if s, err := store.Session(ctx, m.Session); err != nil || s.Ended == nil {
				t.Fatalf("the session of message %d: %+v, %v", m.ID, s, err)
			}
			q.Before, last = m.ID, max(last, m.ID)
		}
		if !page.More {
			break
		}
	}
	for token, size := range taken {
		if found[token] != size {
			t.Errorf("%s was answered with 250 and has %d octets of %d", token, found[token], size)
		}
	}
	if _, err = store.Transcript(ctx, 1<<40); !errors.Is(err, inbox.ErrNotFound) {
		t.Errorf("the transcript of no session: %v", err)
	}
	return last
}
