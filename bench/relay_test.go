package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// What a process's children use counts, while they run and when they are over.
func TestCPUOfATree(t *testing.T) {
	const busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
	cmd := exec.Command("sh", "-c", "sh -c '"+busy+"'; sh -c 'echo over; read x; "+busy+"; echo over; read x'; :")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	defer in.Close()
	lines := bufio.NewReader(out)
	before := time.Duration(0)
	for _, which := range []string{"that is over", "that runs"} {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		own, err := cpuOf(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		all, err := treeCPU(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if all-before < 10*time.Millisecond || own > all/2 {
			t.Errorf("with a child %s: %v, of which %v its own; it was %v", which, all, own, before)
		}
		before = all
		io.WriteString(in, "\n")
	}
}

func TestQuantile(t *testing.T) {
	var values []time.Duration
	for n := range 100 {
		values = append(values, time.Duration(100-n))
	}
	for share, want := range map[float64]time.Duration{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if got := quantile(values, share); got != want {
			t.Errorf("quantile %v of 1 to 100 is %d, want %d", share, got, want)
		}
	}
}

// The load hands over whole mails, counts each, and times the server's answer alone.
func TestAnswers(t *testing.T) {
	dir := t.TempDir()
	if err := writeHeld(dir); err != nil {
		t.Fatal(err)
	}
	content, err := wireForm(filepath.Join(dir, heldMail))
	if err != nil {
		t.Fatal(err)
	}
	const late = 20 * time.Millisecond
	for _, reused := range []bool{true, false} {
		addr, mails := slowServer(t, late)
		took, err := answers(addr, content, reused, 2*relaySessions)
		if err != nil {
			t.Fatal(err)
		}
		if len(took) != 2*relaySessions || quantile(took, 0) < late {
			t.Errorf("reused %v: %d answers, the fastest after %v; %d mails were sent to a server that waits %v", reused, len(took), quantile(took, 0), 2*relaySessions, late)
		}
		for range 2 * relaySessions {
			if got := <-mails; got != string(content) {
				t.Fatalf("reused %v: the server has got %q, want %q", reused, got, content)
			}
		}
	}
}

// slowServer takes mails so that each reply to a content comes late.
func slowServer(t *testing.T, late time.Duration) (addr string, mails chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	mails = make(chan string, 2*relaySessions)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveSlowly(conn, late, mails)
		}
	}()
	return l.Addr().String(), mails
}

func serveSlowly(conn net.Conn, late time.Duration, mails chan<- string) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	fmt.Fprint(conn, "220 slow\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if line != "DATA\r\n" {
			fmt.Fprint(conn, "250 ok\r\n")
			continue
		}
		fmt.Fprint(conn, "354 go on\r\n")
		mail := ""
		for line != ".\r\n" {
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
			mail += line
		}
		mails <- mail
		time.Sleep(late)
		fmt.Fprint(conn, "250 ok\r\n")
	}
}

func TestPartsOfOneKindHaveAPlaceOfTheirOwn(t *testing.T) {
	for parts, want := range map[string]string{
		"": "bench", "text": "bench", "catch-rate": "bench-catch", "relay-accept,relay-queued": "bench-relay", "catch-rate,relay-accept": "bench", "relay-accept,text": "bench",
	} {
		if got := (options{parts: parts}).mark(); got != want {
			t.Errorf("the tables of %q go to %q, want %q", parts, got, want)
		}
	}
}

func TestFilesAreCounted(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "a"), 0o755)
	for _, name := range []string{"b", "a/c", "a/d"} {
		os.WriteFile(filepath.Join(dir, name), nil, 0o644)
	}
	if n, err := countFiles(dir); n != 3 || err != nil {
		t.Errorf("%d files are counted, %v; there are 3", n, err)
	}
}
