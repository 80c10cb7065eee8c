package relay_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/smtp"
)

// TestReload: another configuration holds from the next mail on, in sessions that are open too; none is cut, and a bad one changes
// nothing.
func TestReload(t *testing.T) {
	r := start(t, func(c *relay.Config) {
		c.Users = []relay.User{{Name: "shop", Password: hash(t, "opensesame"), Senders: []string{"*@shop.example"}}}
	})
	config := func() relay.Config {
		c := sinkConfig(r.sink)
		c.Listeners[0].Address = r.addr()
		return c
	}
	// The port was any; from here on it is this one.
	c := config()
	c.Users = []relay.User{{Name: "shop", Password: hash(t, "opensesame"), Senders: []string{"*@shop.example"}}}
	client := r.as("shop", "opensesame")
	session, err := client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	send := func(from string) error {
		_, err := session.Send(t.Context(), raw(from, "kim@example.net", strings.ReplaceAll(letter, "shop@shop.example", from)))
		return err
	}
	if err := send("a@shop.example"); err != nil {
		t.Fatal(err)
	}
	if err := send("a@else.example"); err == nil {
		t.Error("another's address is taken")
	}
	bad := config()
	bad.Listeners = append(bad.Listeners, relay.Listener{Address: "0.0.0.0:0"})
	if err := r.Reload(bad); err == nil {
		t.Error("an open relay is taken")
	}
	if err := send("a@shop.example"); err != nil {
		t.Fatal(err)
	}
	more := c
	more.Users = []relay.User{{Name: "shop", Password: hash(t, "another"), Senders: []string{"*@else.example"}}}
	more.Routes = sinkConfig(r.sink).Routes
	before := r.addr()
	if err := r.Reload(withAddress(more, r)); err != nil {
		t.Fatal(err)
	}
	if r.addr() != before {
		t.Errorf("the port is %s, and was %s", r.addr(), before)
	}
	if err := send("a@else.example"); err != nil {
		t.Errorf("the session does not know of it: %v", err)
	}
	if err := send("a@shop.example"); err == nil || !strings.Contains(err.Error(), "550 5.7.1") {
		t.Errorf("what was taken away is still taken: %v", err)
	}
	if _, err := r.as("shop", "opensesame").Send(t.Context(), raw("a@else.example", "kim@example.net", letter)); err == nil {
		t.Error("the old password is good")
	}
	r.sink.Wait(t, 3)
}

// withAddress has a configuration listen where a relay does: at the address that it was started with.
func withAddress(c relay.Config, _ *running) relay.Config {
	c.Listeners = []relay.Listener{{Address: "127.0.0.1:0"}}
	return c
}

// TestReloadUnderLoad: of many mails none is lost nor refused, however often all is read anew.
func TestReloadUnderLoad(t *testing.T) {
	r := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var sent atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		client := r.client()
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := client.Send(t.Context(), raw("a@x.example", "kim@example.net", letter)); err != nil {
					t.Errorf("a mail is not taken: %v", err)
					return
				}
				sent.Add(1)
			}
		})
	}
	for range 20 {
		if err := r.Reload(sinkConfig(r.sink)); err != nil {
			t.Error(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	wg.Wait()
	if got := len(r.sink.Wait(t, int(sent.Load()))); int64(got) != sent.Load() {
		t.Errorf("%d mails were taken, and %d came", sent.Load(), got)
	}
}

// TestGracefulStop: what was begun is finished, no session is begun, and what was taken and not sent is there at the next start.
func TestGracefulStop(t *testing.T) {
	r := start(t, nil)
	r.sink.Refuse(smtp.StageMail, "*", "451 4.3.0 later")
	conn, err := net.Dial("tcp", r.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	say := func(line, want string) {
		t.Helper()
		fmt.Fprintf(conn, "%s\r\n", line)
		buf := make([]byte, 4096)
		for all := ""; !strings.Contains(all, want); {
			n, err := conn.Read(buf)
			if all += string(buf[:n]); err != nil {
				t.Fatalf("%s: %q, %v", line, all, err)
			}
		}
	}
	say("EHLO x\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<kim@example.net>\r\nDATA", "354 ")
	addr := r.addr()
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	until(t, "no connection is taken", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	say("From: a@x.example\r\n\r\nhello\r\n.", "250 2.0.0 ok: queued as")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if tally, err := r.box.Tally(t.Context()); err != nil || sum(tally.States) != 1 || tally.States[outbox.Sent] != 0 {
		t.Errorf("%+v, %v", tally, err)
	}
	again := startOver(t, r.box, nil)
	if err := release(t, again); err != nil {
		t.Fatal(err)
	}
	again.sink.Wait(t, 1)
}

// release has all that waits tried at once.
func release(t *testing.T, r *running) error {
	items, err := r.box.List(t.Context(), outbox.Query{})
	for _, i := range items {
		if err == nil && i.State == outbox.Deferred {
			_, err = r.box.Retry(t.Context(), i.Ref)
		}
	}
	return err
}

// TestFullDisk: where there is no room a program hears 452, and the next mail is taken once there is some.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=3m", "none", dir).CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted here: %s", out)
	}
	defer func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	}()
	box, err := relay.Open(t.Context(), "sqlite:"+filepath.Join(dir, "box.db"), outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startOver(t, box, nil)
	client := r.client()
	m := &mail.Message{From: mail.Address{Address: "a@x.example"}, To: mail.To("kim@example.net"), Subject: "big", Attach: []mail.Part{mail.Bytes("big.bin", make([]byte, 3<<20))}}
	_, err = client.Send(t.Context(), m)
	if err == nil || !strings.Contains(err.Error(), "452 4.3.1 there is no room left to store mail, try again later") {
		t.Fatalf("%v", err)
	}
	if err := r.Ready(t.Context()); err == nil {
		t.Error("it is ready")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	until(t, "there is room again", func() bool {
		_, err := client.Send(t.Context(), raw("a@x.example", "kim@example.net", letter))
		return err == nil
	})
	if err := r.Ready(t.Context()); err != nil {
		t.Errorf("it is not ready: %v", err)
	}
	r.sink.Wait(t, 1)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

// TestLimitsOutliveRestarts: what a user handed over before counts.
func TestLimitsOutliveRestarts(t *testing.T) {
	limited := func(c *relay.Config) {
		c.Users = []relay.User{{Name: "shop", Password: hash(t, "opensesame"), Senders: []string{"*"}, PerDay: 3}}
		c.Listeners[0].User = "shop"
	}
	r := start(t, limited)
	if _, err := r.client().Send(t.Context(), raw("a@x.example", "a@example.net b@example.net", letter)); err != nil {
		t.Fatal(err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := startOver(t, r.box, limited)
	_, err := again.client().Send(t.Context(), raw("a@x.example", "a@example.net b@example.net", letter))
	if err == nil || !strings.Contains(err.Error(), "user shop may send to 3 recipients a day, and has sent to 2") {
		t.Errorf("%v", err)
	}
	if _, err := again.client().Send(t.Context(), raw("a@x.example", "a@example.net", letter)); err != nil {
		t.Error(err)
	}
}

// TestKnows: an account is one as long as the configuration says so.
func TestKnows(t *testing.T) {
	users := []relay.User{{Name: "shop", Password: hash(t, "x"), Senders: []string{"*"}}, {Name: "boss", Password: hash(t, "x"), Senders: []string{"*"}, Operator: true}}
	guest, shop, boss := relay.Account{Operator: true}, relay.Account{Name: "shop"}, relay.Account{Name: "boss", Operator: true}
	r := start(t, func(c *relay.Config) { c.Users = users })
	want := func(list ...relay.Account) {
		t.Helper()
		for _, a := range []relay.Account{guest, shop, boss, {}, {Name: "shop", Operator: true}, {Name: "boss"}} {
			if got := r.Knows(a); got != slices.Contains(list, a) {
				t.Errorf("%+v: %v", a, got)
			}
		}
	}
	want(shop, boss)
	c := sinkConfig(r.sink)
	c.Users = users[:1]
	if err := r.Reload(c); err != nil {
		t.Fatal(err)
	}
	want(shop)
	c.Users = nil
	if err := r.Reload(c); err != nil {
		t.Fatal(err)
	}
	want(guest)
}
