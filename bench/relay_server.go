package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/parleymail/parley/outbox"
	outboxpostgres "github.com/parleymail/parley/outbox/postgres"
	"github.com/parleymail/parley/outbox/sqlite"
)

// The relays: those that say 250 when a mail is on stable storage. Postfix is realPostfix.
const (
	serveSQLite    = "parley serve, SQLite"
	servePostgres  = "parley serve, PostgreSQL"
	servePostgres2 = "2 × parley serve, PostgreSQL"
	servePostgres3 = "3 × parley serve, PostgreSQL"
)

// A relaying is a part of the benchmark that measures relays.
type relaying struct {
	*bench
	rounds   int
	disk     string    // folder that all of them have their queues in
	postgres *postgres // nil: it is not here
}

// relayingOf makes ready what relays need. The folder is not in /tmp, which may be in memory.
func (b *bench) relayingOf() (*relaying, error) {
	if b.parley == "" {
		return nil, errors.New("-parley is missing: run bench/run.sh, which builds it")
	}
	if err := writeHeld(b.dir); err != nil {
		return nil, err
	}
	disk, err := os.MkdirTemp("/var/tmp", "parley-bench")
	if err != nil {
		return nil, err
	}
	r := &relaying{bench: b, disk: disk, rounds: b.rounds}
	if b.quick {
		r.rounds = 1 // of these a turn takes seconds
	}
	if err := os.Chmod(disk, 0o755); err != nil { // others have queues there
		r.end()
		return nil, err
	}
	return r, nil
}

func (r *relaying) end() {
	if r.postgres != nil {
		r.postgres.end()
	}
	os.RemoveAll(r.disk)
}

// there are those of the names that are asked for and that this machine has; what it has not is noted in the table.
func (r *relaying) there(t *table, names ...string) ([]string, error) {
	var there []string
	for _, name := range r.in(names...) {
		if strings.Contains(name, "PostgreSQL") && r.postgres == nil {
			var err error
			r.postgres, err = startPostgres(r.disk)
			if errors.Is(err, errNoPostgres) {
				t.row(name).skipped = err.Error()
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		there = append(there, name)
	}
	return there, nil
}

// A relay is one at work.
type relay struct {
	*relaying
	name   string
	fronts []*server           // that take mail
	roots  []int               // whose CPU is counted, with all below them
	kept   func() (int, error) // how many mails wait
	ends   []func()
}

// start starts a relay. It passes mail on to a server, or, without one, keeps what it takes.
func (r *relaying) start(name, to string) (*relay, error) {
	l := &relay{relaying: r, name: name}
	err := l.begin(to, false)
	if err != nil {
		l.end()
		return nil, err
	}
	return l, nil
}

// begin starts what it is made up of; few is that each process may have few sessions with the next server.
func (l *relay) begin(to string, few bool) error {
	serves := map[string]int{serveSQLite: 1, servePostgres: 1, servePostgres2: 2, servePostgres3: 3}[l.name]
	database := ""
	switch {
	case l.name == smtpSink:
		return l.front(l.tools.startSink(anywhere))
	case l.name == realPostfix:
		does := postfixHolds
		if to != "" {
			does = postfixRelays(to)
		}
		err := l.front(l.tools.startPostfix(l.disk, does))
		if err == nil {
			l.kept = func() (int, error) { return countFiles(filepath.Join(l.fronts[0].dir, "hold")) }
		}
		return err
	case l.name == serveSQLite:
		dir, err := os.MkdirTemp(l.disk, "serve")
		if err != nil {
			return err
		}
		l.ends = append(l.ends, func() { os.RemoveAll(dir) })
		database = "sqlite:" + filepath.Join(dir, "outbox.db")
	default:
		url, db, err := l.postgres.database()
		if err != nil {
			return err
		}
		l.ends = append(l.ends, func() { l.postgres.drop(db) })
		l.roots = append(l.roots, l.postgres.cmd.Process.Pid)
		database = url
	}
	l.kept = func() (int, error) { return waitingIn(database) }
	for range serves {
		if err := l.front(l.startServe(database, to, few)); err != nil {
			return err
		}
	}
	return nil
}

func (l *relay) front(s *server, err error) error {
	if err != nil {
		return err
	}
	l.fronts = append(l.fronts, s)
	l.roots = append(l.roots, s.pid())
	l.ends = append(l.ends, s.end)
	return nil
}

func (l *relay) addrs() (addrs []string) {
	for _, s := range l.fronts {
		addrs = append(addrs, s.addr)
	}
	return addrs
}

// end ends it, and removes what it has kept. Others are to have the disk to themselves then.
func (l *relay) end() {
	for i := range l.ends {
		l.ends[len(l.ends)-1-i]()
	}
	syscall.Sync()
}

// startServe starts "parley serve". What it prints is kept for when it does not start.
func (b *bench) startServe(database, to string, few bool) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if to == "" {
		to = "127.0.0.1:9" // nothing is sent
	}
	args := []string{"serve", "--smtp", addr, "--to", "smtp://" + to + "?tls=none", "--database", database}
	if few {
		config, err := writeServeConfig(b.dir, addr, to)
		if err != nil {
			return nil, err
		}
		args = []string{"serve", "--config", config, "--database", database}
	}
	cmd := exec.Command(b.parley, args...)
	said := &lastWords{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting parley serve: %w", err)
	}
	s := &server{name: "parley serve", addr: addr, cmd: cmd, end: func() {
		cmd.Process.Kill()
		cmd.Wait()
	}}
	if err := s.awaitGreeting(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, lastLine(said.String()))
	}
	return s, nil
}

// lastWords keep the end of what a program says.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	l.text = l.text[max(len(l.text)-4096, 0):]
	return len(p), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// waitingIn is how many mails wait in a database.
func waitingIn(database string) (int, error) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	open := outboxpostgres.Open
	if strings.HasPrefix(database, "sqlite:") {
		open = sqlite.Open
	}
	box, err := open(ctx, database, outbox.Options{})
	if err != nil {
		return 0, err
	}
	defer box.Close()
	tally, err := box.Tally(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for state, k := range tally.States {
		if !state.Final() {
			n += k
		}
	}
	return n, nil
}

// countFiles counts the files below a folder.
func countFiles(dir string) (n int, err error) {
	err = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			n++
		}
		return err
	})
	return n, err
}

// syncTime is how long this machine takes to have a block on stable storage: the least that an answer waits.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "sync")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	block := noise(4096)
	for range 50 {
		began := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	return quantile(took, 0.5), nil
}

// diskNote tells of the disk.
func (r *relaying) diskNote() (string, error) {
	d, err := syncTime(r.disk)
	if err != nil {
		return "", err
	}
	kind, err := exec.Command("stat", "-f", "-c", "%T", r.disk).Output()
	if err != nil {
		return "", fmt.Errorf("asking for the file system: %w", err)
	}
	return fmt.Sprintf("All have their queues in one folder (%s), where a block written and fsync take %.2f ms.", strings.TrimSpace(string(kind)), millis(d)), nil
}
