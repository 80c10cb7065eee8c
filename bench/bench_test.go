package main

import (
	"bytes"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEveryContestantSendsTheWholeLetter(t *testing.T) {
	b := &bench{out: io.Discard, dir: t.TempDir()}
	if err := b.check(); err != nil {
		t.Fatal(err)
	}
}

func TestALetterThatLacksSomethingIsFound(t *testing.T) {
	l := newLetter(attach100, 1, "")
	whole := l.raw("\r\n")
	if err := l.sameAs(whole); err != nil {
		t.Fatal(err)
	}
	for what, from := range map[string]string{
		"text":       "lazy dog",
		"attachment": string(whole[len(whole)/2 : len(whole)/2+8]),
		"subject":    "Subject: Statement 0 for March",
	} {
		if err := l.sameAs(bytes.Replace(whole, []byte(from), []byte("X: aaaa"), 1)); err == nil {
			t.Errorf("a letter with another %s passed", what)
		}
	}
}

func TestWordsHaveTheirLength(t *testing.T) {
	for _, n := range []int{1, 74, 75, 76, 1024} {
		if got := words(n); len(got) != n || got[n-1] != '\n' {
			t.Errorf("words(%d) has %d octets: %q", n, len(got), got)
		}
	}
}

func TestMedianAndVerdict(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 9}, 3}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
	table := &table{title: "T", unit: "u", base: "a"}
	table.row("a").add(2)
	table.row("b").add(8)
	table.row("c").skipped = "is not here"
	table.want("a", "≤ 1/4 of b", table.median("b")/4)
	table.want("b", "less than c", table.median("c"))
	if len(table.failures()) != 0 {
		t.Errorf("failures: %q", table.failures())
	}
	table.want("a", "≤ 1", 1)
	if len(table.failures()) != 1 {
		t.Errorf("failures: %q, want that of a", table.failures())
	}
	if !math.IsNaN(table.median("c")) {
		t.Error("a row without values has a median")
	}
	var out strings.Builder
	table.print(&out)
	for _, want := range []string{"≤ 1/4 of b; ≤ 1  NO", "4.00", "is not here"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, out.String())
		}
	}
}

func TestPageIsWrittenBetweenItsMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte("# Speed\n\nBefore.\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := &bench{}
	for _, head := range []string{"First.", "Second."} {
		if err := b.writePage(path, "bench", head); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "# Speed\n\nBefore.\n\n<!-- bench: begin -->\nSecond.\n<!-- bench: end -->\n"; string(got) != want {
		t.Errorf("the page is %q, want %q", got, want)
	}
}

// What goes through a distance comes out whole, in order, and never early.
func TestDistance(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.Copy(conn, conn)
	}()
	const delay = 10 * time.Millisecond
	d, err := startDistance(l.Addr().String(), delay)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	sent := noise(300_000)
	began := time.Now()
	conn, err := net.Dial("tcp", d.addr())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		conn.Write(sent)
		conn.(*net.TCPConn).CloseWrite()
	}()
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 3*delay {
		t.Errorf("the echo was there after %v, want the connection's delay and one each way", took)
	}
	rest, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if got := append(first, rest...); !bytes.Equal(got, sent) {
		t.Errorf("%d octets came back, not the %d that were sent", len(got), len(sent))
	}
}

// The clock of another process must count what that process does.
func TestCPUOfAnotherProcess(t *testing.T) {
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	until := time.Now().Add(10 * time.Second)
	for {
		used, err := cpuOf(cmd.Process.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if used > 20*time.Millisecond {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("a process that never waits has used %v", used)
		}
		time.Sleep(time.Millisecond)
	}
}
