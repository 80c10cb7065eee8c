package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// Of the measurement of workers.
const (
	slowReply   = 50 * time.Millisecond // that the next server takes for each mail
	fewSessions = 10                    // that each process may have with it, of which one is kept for alerts
)

// relayWorkers measures what further processes add where it is waiting for the next server that takes the time, as it mostly is, and not
// this machine's CPUs.
func (b *bench) relayWorkers() error {
	if b.quick {
		return nil // several processes of PostgreSQL and ours take half a minute to come up and to go
	}
	r, err := b.relayingOf()
	if err != nil {
		return err
	}
	defer r.end()
	count := r.count(1200)
	t := &table{
		title: fmt.Sprintf("Workers: %d mails of 1 KiB to a server that takes %v for each", count, slowReply),
		unit:  "mails/s", base: servePostgres, extra: []string{"of what sessions allow, %"},
		notes: []string{fmt.Sprintf("Each process may have %d sessions at once, of which one is kept for alerts. From the first connection until the server has all.", fewSessions)},
	}
	names, err := r.there(t, servePostgres, servePostgres2, servePostgres3)
	if err != nil {
		return err
	}
	err = r.alternate(r.rounds, names, func(_ int, name string) error {
		if err := r.workersOnce(name, count, t.row(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	one := t.median(servePostgres)
	t.atLeast(servePostgres2, "≥ 1.7 × one", 1.7*one)
	t.atLeast(servePostgres3, "≥ 2.4 × one", 2.4*one)
	r.add(t)
	return nil
}

func (r *relaying) workersOnce(name string, count int, row *row) error {
	sink, err := startSlowSink()
	if err != nil {
		return err
	}
	defer sink.server.Close()
	l := &relay{relaying: r, name: name}
	defer l.end()
	if err := l.begin(sink.addr, true); err != nil {
		return err
	}
	// Each has to learn first that it may have so many sessions.
	warm := 20 * fewSessions * len(l.fronts)
	file := fileFor(text1K)
	if _, err := r.source(file, true, warm, l.addrs()...); err != nil {
		return err
	}
	if err := sink.await(warm); err != nil {
		return err
	}
	began := time.Now()
	if _, err := r.source(file, true, count, l.addrs()...); err != nil {
		return err
	}
	if err := sink.await(warm + count); err != nil {
		return err
	}
	rate := float64(count) / time.Since(began).Seconds()
	allowed := float64(len(l.fronts)*(fewSessions-1)) / slowReply.Seconds()
	row.add(rate, 100*rate/allowed)
	return nil
}

// A slowSink takes all mail, and its time.
type slowSink struct {
	server *smtpd.Server
	addr   string
	have   atomic.Int64
}

func startSlowSink() (*slowSink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &slowSink{addr: l.Addr().String()}
	s.server = &smtpd.Server{Hostname: "localhost", MaxSessionsPerIP: -1, Data: func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
		if _, err := io.Copy(io.Discard, content); err != nil {
			return smtpd.Reply("451 4.3.0 " + err.Error())
		}
		time.Sleep(slowReply)
		s.have.Add(1)
		return smtp.Reply{}
	}}
	go s.server.Serve(l)
	return s, nil
}

func (s *slowSink) await(n int) error {
	for until := time.Now().Add(time.Minute); s.have.Load() < int64(n); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			return fmt.Errorf("the next server has %d mails, of %d", s.have.Load(), n)
		}
	}
	return nil
}

// writeServeConfig writes a configuration for parley serve in which a process may have few sessions.
func writeServeConfig(dir, addr, to string) (string, error) {
	text := fmt.Sprintf(`hostname = "localhost"
default = ["sink"]

[limits]
sending = %d

[[listen]]
address = %q

[server.sink]
url = "smtp://%s?tls=none"
sessions = 100
`, fewSessions, addr, to)
	f, err := os.CreateTemp(dir, "serve*.toml")
	if err != nil {
		return "", err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return filepath.Clean(f.Name()), err
}
