package interop_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
	"github.com/parleymail/parley/smtptest"
)

// smallDisk is a folder on a file system of its own, of so many MiB.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := run("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", size), "parley", dir); err != nil {
		missing(t, "a small disk", err.Error())
	}
	t.Cleanup(func() {
		if err := run("umount", dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes what room is left on a disk, but for some octets, and gives it back when free is called.
func fill(t *testing.T, dir string, left int) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "others")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	size, piece := int64(0), make([]byte, 4096)
	for err == nil {
		var n int
		n, err = f.Write(piece)
		size += int64(n)
	}
	if err := f.Truncate(max(0, size-int64(left))); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// A talker hands mails over, on one connection as long as it lasts.
type talker struct {
	t    *testing.T
	s    *serving
	conn net.Conn
	r    *bufio.Reader
	sent *ledger
	n    int
	name string
}

func (l *ledger) talk(t *testing.T, s *serving, name string) *talker {
	t.Helper()
	k := &talker{t: t, s: s, sent: l, name: name}
	k.connect()
	return k
}

func (k *talker) connect() {
	k.t.Helper()
	var err error
	if k.conn, err = net.Dial("tcp", k.s.smtp); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { k.conn.Close() })
	k.r = bufio.NewReader(k.conn)
	if !answers(k.r, "220") || !says(k.conn, k.r, "EHLO load.example\r\n", "250") {
		k.t.Fatal("there is no greeting")
	}
}

// hand hands a mail over, and gives the reply to its end.
func (k *talker) hand() string {
	k.t.Helper()
	k.n++
	to := fmt.Sprintf("full.%s.%d@example.net", k.name, k.n)
	e := &entry{content: someMail(to)}
	k.sent.mails[to] = e
	if err := k.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		k.t.Fatal(err)
	}
	if !says(k.conn, k.r, "MAIL FROM:<load@example.net>\r\nRCPT TO:<"+to+">\r\nDATA\r\n", "250", "250", "354") {
		k.t.Fatal("the envelope is not taken")
	}
	if _, err := io.Copy(k.conn, bytes.NewReader(append(bytes.Clone(e.content), ".\r\n"...))); err != nil {
		k.t.Fatal(err)
	}
	reply, err := k.r.ReadString('\n')
	if err != nil {
		k.t.Fatal(err)
	}
	e.answered = strings.HasPrefix(reply, "250 ")
	switch {
	case e.answered, strings.HasPrefix(reply, "452 4.3.1 "):
	case strings.HasPrefix(reply, "421 4.7.0 too many errors"): // whoever has heard 452 many times is to come again later
		k.conn.Close()
		k.connect()
		return "452"
	default:
		k.t.Errorf("the disk is full, and the reply is %q; %s", reply, k.s.said)
	}
	return reply[:3]
}

// until hands mails over until one is answered so.
func (k *talker) until(code string) {
	k.t.Helper()
	for end := time.Now().Add(time.Minute); k.hand() != code; {
		if time.Now().After(end) || k.t.Failed() {
			k.t.Fatalf("none of %d mails was answered %s: %s", k.n, code, k.s.said)
		}
	}
}

// TestServeFullDisk: where the disk is full clients are told 452 and to come again, on the same connection and on new ones; once there is room mail
// is taken again, with nobody's help. What was answered 250 is there.
func TestServeFullDisk(t *testing.T) {
	notShort(t)
	dir, sent := smallDisk(t, 8), newLedger()
	s := startServe(t, dir, nowhere)
	k := sent.talk(t, s, "first")
	k.until("452") // it has filled the disk itself
	refused := 0
	for range 12 {
		if k.hand() == "452" {
			refused++
		}
	}
	if refused == 0 {
		t.Error("the disk is full, and all is taken")
	}
	if err := run("mount", "-o", "remount,size=64m", dir); err != nil {
		t.Fatal(err)
	}
	k.until("250")
	for _, left := range []int{0, 4096, 40_000} { // others fill it, and go
		free := fill(t, dir, left)
		k.until("452")
		sent.talk(t, s, fmt.Sprintf("new%d", left)).until("452")
		free()
		k.until("250")
		for range 5 {
			if code := k.hand(); code != "250" {
				t.Errorf("there is room, and the reply is %s", code)
			}
		}
	}
	sent.kept(t, dir)
	s.kill()
	sent.kept(t, dir)
	answered, not := sent.count()
	t.Logf("%d mails were answered 250 and are there, and %d were answered 452", answered, not)
	if n := strings.Count(s.said.String(), "mail cannot be stored"); n == 0 || n > 20 {
		t.Errorf("the log tells %d times that mail cannot be stored", n)
	}
}

// TestServeFullDiskOfMail: a queue that has filled its disk is worked off with what room there is, although to send a mail is to write: nobody has to
// make room for it. Nor is anything lost where others take the last of it meanwhile; what goes out twice then is marked.
func TestServeFullDiskOfMail(t *testing.T) {
	notShort(t)
	dir, sent := smallDisk(t, 64), newLedger()
	s := startServe(t, dir, nowhere)
	sent.talk(t, s, "fill").until("452")
	s.stop(t)
	sink := smtptest.NewServer(t)
	s = startServe(t, dir, sink.URL())
	for left := range 3 {
		free := fill(t, dir, left*20_000)
		time.Sleep(time.Second)
		free()
		time.Sleep(time.Second)
	}
	answered, _ := sent.count()
	came := make(map[string]int)
	for last, since := -1, time.Now(); ; time.Sleep(100 * time.Millisecond) {
		clear(came)
		for _, m := range sink.Mails() {
			to := m.Envelope.Recipients[0].Path
			came[to.Local+"@"+to.Domain]++
		}
		if len(came) >= answered {
			break
		}
		if len(came) > last {
			last, since = len(came), time.Now()
		}
		if time.Since(since) > time.Minute {
			t.Fatalf("%d of %d mails have come, and no more do: %s", len(came), answered, s.said)
		}
	}
	sent.talk(t, s, "again").until("250")
	s.stop(t)
	t.Logf("%d mails filled the disk, and all have come, %d of them twice and marked", answered, sent.twice(t, dir, came))
}

// twice counts what came twice, and sees that it is marked.
func (l *ledger) twice(t *testing.T, dir string, came map[string]int) (twice int) {
	t.Helper()
	box, err := sqlite.Open(t.Context(), filepath.Join(dir, "outbox.db"), outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	for i, err := range box.Each(t.Context(), outbox.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		e, n := l.mails[i.Path], came[i.Path]
		if e.answered && n == 0 && !strings.HasPrefix(i.Path, "full.again.") {
			t.Errorf("%s was answered 250, and did not come", i.Path)
		}
		if n > 1 {
			if twice++; i.Unknowns < n-1 {
				t.Errorf("%s came %d times, and %d times it was noted that it may have", i.Path, n, i.Unknowns)
			}
		}
	}
	return twice
}
