package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
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

	"github.com/parleymail/parley/internal/testpg"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A served is a process that runs "parley serve".
type served struct {
	cmd  *exec.Cmd
	smtp string
	http string
	done chan struct{} // closed when its output has ended
}

// serve starts one, and waits until it listens.
func startServe(t *testing.T, args ...string) *served {
	t.Helper()
	return startServeIn(t, nil, args...)
}

// startServeIn starts one in an environment; nil: in this process's.
func startServeIn(t *testing.T, environ []string, args ...string) *served {
	t.Helper()
	s := &served{cmd: exec.Command("parley", append([]string{"serve", "--json"}, args...)...), done: make(chan struct{})}
	s.cmd.Env = environ
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var first listeningLine
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &first) != nil || first.Event != "listening" {
		s.cmd.Process.Kill()
		t.Fatalf("it said %q", lines.Text())
	}
	s.smtp, s.http = first.SMTP[0], first.HTTP
	go func() {
		defer close(s.done)
		for lines.Scan() {
		}
	}()
	return s
}

func (s *served) kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	<-s.done
	s.cmd.Wait() //nolint:errcheck // it was killed
}

// A load hands mails over, and knows which were taken.
type load struct {
	mu    sync.Mutex
	taken []int
	n     int
}

// handed is the mail of a number. Some stand in their row, others in pieces.
func handed(n int) *mail.Raw {
	line := fmt.Sprintf("This is mail %d, and all is well with it.\r\n", n)
	lines := 1 + n%70
	if n%40 == 0 {
		lines = 2000
	}
	return &mail.Raw{
		Data: []byte(fmt.Sprintf("From: a@x.example\r\nTo: kim@example.net\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d@x.example>\r\nSubject: %d\r\n\r\n", n, n) + strings.Repeat(line, lines)),
		Env:  mail.Envelope{ReversePath: mail.Path{Local: "a", Domain: "x.example"}, Recipients: []mail.Recipient{{Path: mail.Path{Local: "kim", Domain: "example.net"}}}},
	}
}

// run hands mails over by some programs at once, until the context ends.
func (l *load) run(ctx context.Context, addr string) {
	var wg sync.WaitGroup
	for range 6 {
		client := &smtp.Client{Addr: addr, Security: smtp.Plaintext, Hello: "program.example"}
		defer client.Close()
		wg.Go(func() {
			for ctx.Err() == nil {
				l.mu.Lock()
				l.n++
				n := l.n
				l.mu.Unlock()
				if _, err := client.Send(ctx, handed(n)); err == nil {
					l.mu.Lock()
					l.taken = append(l.taken, n)
					l.mu.Unlock()
				} else {
					time.Sleep(2 * time.Millisecond) // the server is away
				}
			}
		})
	}
	wg.Wait()
}

// A counter is the next server: it counts what comes, and looks whether it is whole.
type counter struct {
	addr string
	mu   sync.Mutex
	came map[int]int
	sum  int
	bad  []string
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{came: make(map[int]int)}
	server := &smtpd.Server{Hostname: "sink.example", Data: c.data}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.addr = l.Addr().String()
	go server.Serve(l) //nolint:errcheck // until the test's end
	t.Cleanup(func() { server.Close() })
	return c
}

func (c *counter) data(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
	octets, err := io.ReadAll(content)
	if err != nil {
		return smtp.Reply{}
	}
	_, rest, _ := strings.Cut(string(octets), "\r\nSubject: ")
	subject, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.Atoi(subject)
	_, body, _ := strings.Cut(string(octets), "\r\n\r\n")
	_, want, _ := strings.Cut(string(handed(n).Data), "\r\n\r\n")
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || body != want {
		c.bad = append(c.bad, fmt.Sprintf("mail %q came with %d octets of body, and not %d", subject, len(body), len(want)))
	}
	c.came[n]++
	c.sum++
	return smtp.Reply{}
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sum
}

// missing are those of the mails that have not come.
func (c *counter) missing(taken []int) (list []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range taken {
		if c.came[n] == 0 {
			list = append(list, n)
		}
	}
	return list
}

// A siege kills parley serve over one database, and the database too where it is PostgreSQL.
type siege struct {
	t        *testing.T
	cluster  *testpg.Cluster // nil: SQLite
	database string
	config   string
	sink     *counter
	load     *load
}

func newSiege(t *testing.T, cluster *testpg.Cluster) *siege {
	t.Helper()
	dir := t.TempDir()
	s := &siege{t: t, cluster: cluster, database: "sqlite:" + filepath.Join(dir, "outbox.db"), config: filepath.Join(dir, "serve.toml"), sink: newCounter(t), load: new(load)}
	if cluster != nil {
		s.database = cluster.Database(t)
	}
	text := fmt.Sprintf("database = %q\n[[listen]]\naddress = \"127.0.0.1:0\"\n[server.sink]\nurl = \"smtp://%s?tls=none\"\n[retry]\nfirst = \"100ms\"\nmost = \"200ms\"\n", s.database, s.sink.addr)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// await is until some more have come, or for ten seconds.
func (s *siege) await(more int) {
	before := s.sink.count()
	for begun := time.Now(); s.sink.count() < before+more && time.Since(begun) < 10*time.Second; {
		time.Sleep(time.Millisecond)
	}
}

// round starts it, and kills it at some moment under load. In some rounds PostgreSQL is killed before, and comes back.
func (s *siege) round(i int) {
	s.t.Helper()
	p := startServe(s.t, "--config", s.config)
	ctx, stop := context.WithCancel(s.t.Context())
	over := make(chan struct{})
	go func() { s.load.run(ctx, p.smtp); close(over) }()
	switch {
	case i%4 == 3: // at any moment, which may be before the first
		time.Sleep(rand.N(40 * time.Millisecond))
	default:
		s.await(20 * (i%3 + 1))
		time.Sleep(rand.N(5 * time.Millisecond))
	}
	if s.cluster != nil && i%5 == 4 {
		s.cluster.Kill()
		time.Sleep(rand.N(50 * time.Millisecond))
		if i%2 == 0 {
			s.cluster.Launch(s.t)
			s.await(20) // it goes on by itself
		} else {
			defer s.cluster.Launch(s.t)
		}
	}
	p.kill(s.t)
	stop()
	<-over
}

// settle has all that was taken come, and gives how many came twice: each of them marked.
func (s *siege) settle() (twice int) {
	t := s.t
	t.Helper()
	p := startServe(t, "--config", s.config)
	defer p.kill(t)
	left := -1
	for last := time.Now(); left != 0; time.Sleep(50 * time.Millisecond) {
		missing := s.sink.missing(s.load.taken)
		if len(missing) != left {
			left, last = len(missing), time.Now()
		}
		if time.Since(last) > time.Minute {
			t.Fatalf("of %d mails that were taken %d do not come: %v", len(s.load.taken), left, missing[:min(left, 10)])
		}
	}
	box, err := relay.Open(t.Context(), s.database, outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	unknown := make(map[string]bool)
	for i, err := range box.Each(t.Context(), outbox.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		unknown[i.Subject] = unknown[i.Subject] || i.Unknowns > 0
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	for n, times := range s.sink.came {
		if times > 1 {
			twice++
			if !unknown[strconv.Itoa(n)] {
				t.Errorf("mail %d came %d times, and nobody says that it may have", n, times)
			}
		}
	}
	for _, what := range s.sink.bad {
		t.Error(what)
	}
	return twice
}

// TestServeKilled kills parley serve under load, and PostgreSQL: what was answered 250 comes after a restart, whole, and what comes twice was marked.
// PARLEY_KILLS says how often, in parts of fifty.
func TestServeKilled(t *testing.T) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			kills := 10
			if name == "postgres" {
				kills = 5
			}
			if n, err := strconv.Atoi(os.Getenv("PARLEY_KILLS")); err == nil {
				kills = n
			} else if testing.Short() {
				kills = 3
			}
			var cluster *testpg.Cluster
			if name == "postgres" {
				cluster = testpg.Start(t)
			}
			begun, taken, twice := time.Now(), 0, 0
			for done := 0; done < kills && !t.Failed(); {
				s := newSiege(t, cluster)
				for part := min(50, kills-done); part > 0 && !t.Failed(); part-- {
					s.round(done)
					done++
				}
				twice += s.settle()
				taken += len(s.load.taken)
				if kills > 50 {
					fmt.Fprintf(os.Stderr, "%s: %d of %d kills, %d mails taken, none lost, %d came twice, %v\n", t.Name(), done, kills, taken, twice, time.Since(begun).Round(time.Second))
				}
			}
			t.Logf("%d kills, %d mails taken, none lost, %d came twice, all of them marked", kills, taken, twice)
			if taken < kills*10 {
				t.Errorf("only %d mails were taken", taken)
			}
		})
	}
}
