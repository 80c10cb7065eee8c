package interop_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestCatchSlowConnections lets thousands of clients hold a connection each and say an octet in ten seconds, and has an honest
// client send a whole mail every 50 ms meanwhile: connection, EHLO, mail, QUIT.
func TestCatchSlowConnections(t *testing.T) {
	notShort(t)
	slow, lasting := 2000, 5*time.Second
	if long() {
		slow, lasting = 10_000, 20*time.Second
	}
	needFiles(t, uint64(slow)+500)
	c := catch(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	held := holdSlowly(ctx, t, c.smtp, slow)
	took := honest(t, c.smtp, lasting)
	still := held()
	slices.Sort(took)
	p50, p99, worst := took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	t.Logf("%d slow connections: %d mails of an honest client took p50 %v, p99 %v, at most %v", still, len(took), p50.Round(time.Microsecond), p99.Round(time.Microsecond), worst.Round(time.Microsecond))
	if still < slow {
		t.Errorf("only %d of %d slow connections were held to the end", still, slow)
	}
	if p99 >= 200*time.Millisecond {
		t.Errorf("p99 is %v, and not under 200 ms", p99)
	}
	if want := int(lasting / (50 * time.Millisecond)); len(took) < want*9/10 {
		t.Errorf("%d mails went out, and not %d", len(took), want)
	}
}

// needFiles lets this process, and those that it starts, have so many files open.
func needFiles(t *testing.T, n uint64) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur >= n {
		return
	}
	limit.Cur, limit.Max = n, max(limit.Max, n)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		missing(t, "open files", fmt.Sprintf("%d are not allowed here: %v", n, err))
	}
}

// holdSlowly opens connections from several addresses, and gives a count of those that still stand.
func holdSlowly(ctx context.Context, t *testing.T, addr string, n int) (held func() int) {
	t.Helper()
	conns := make([]net.Conn, n)
	var openers sync.WaitGroup
	next, refused := atomic.Int64{}, atomic.Int64{}
	for range 16 {
		openers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%8))}, Timeout: 20 * time.Second}
				conn, err := d.DialContext(ctx, "tcp", addr)
				if err != nil || !answers(bufio.NewReaderSize(conn, 512), "220") {
					refused.Add(1)
					continue
				}
				conns[i] = conn
			}
		})
	}
	openers.Wait()
	if r := refused.Load(); r > 0 {
		t.Errorf("%d of %d slow connections were not greeted", r, n)
	}
	var dribblers sync.WaitGroup
	dribblers.Go(func() { dribble(ctx, conns) })
	t.Cleanup(func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
		dribblers.Wait()
	})
	return func() int { return stillStanding(conns) }
}

// dribble says an octet over each connection in ten seconds.
func dribble(ctx context.Context, conns []net.Conn) {
	const line = "EHLO slow.example.net slow slow slow slow slow"
	tick := time.NewTicker(10 * time.Second / 100)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		for i := turn % 100; i < len(conns); i += 100 {
			if conns[i] != nil {
				conns[i].Write([]byte{line[turn/100%len(line)]})
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// stillStanding counts the connections on which nothing was said and which are not closed.
func stillStanding(conns []net.Conn) int {
	n := 0
	for _, conn := range conns {
		if conn == nil {
			continue
		}
		conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		var b [1]byte
		if _, err := conn.Read(b[:]); err != nil && err.(net.Error).Timeout() {
			n++
		}
	}
	return n
}

// honest sends a mail every 50 ms, and gives how long each took, from the connection on.
func honest(t *testing.T, addr string, lasting time.Duration) []time.Duration {
	t.Helper()
	var took []time.Duration
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(lasting); time.Now().Before(until); <-tick.C {
		began := time.Now()
		if err := wholeMail(t.Context(), addr); err != nil {
			t.Fatalf("the honest client's mail %d: %v", len(took)+1, err)
		}
		took = append(took, time.Since(began))
	}
	return took
}

func wholeMail(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(conn)
	if !answers(r, "220") {
		return fmt.Errorf("it is not greeted")
	}
	for _, turn := range [][2]string{
		{"EHLO honest.example\r\n", "250"}, {"MAIL FROM:<honest@example.net>\r\n", "250"}, {"RCPT TO:<kim@example.net>\r\n", "250"},
		{"DATA\r\n", "354"}, {"Subject: honest\r\n\r\nA whole mail.\r\n.\r\n", "250"}, {"QUIT\r\n", "221"},
	} {
		if !says(conn, r, turn[0], turn[1]) {
			return fmt.Errorf("%q is not answered %s", turn[0], turn[1])
		}
	}
	return nil
}
