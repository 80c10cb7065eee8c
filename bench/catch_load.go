package main

import (
	"fmt"
	"strconv"
	"time"
)

// catchRate measures how many mails a second servers keep that smtp-source sends.
func (b *bench) catchRate() error {
	for _, reused := range []bool{true, false} {
		how := map[bool]string{true: "connections that are kept", false: "a new connection for each mail"}[reused]
		t := &table{
			title: "Keeping: mails of 4 KiB by smtp-source, 20 sessions, " + how,
			unit:  "mails/s", base: catchMemory, extra: []string{"mails/s until indexed"},
			notes: []string{"Server and load on all CPUs. A mail counts when it is answered 250; the other column counts until the server does nothing any more."},
		}
		if err := b.catchRates(t, reused); err != nil {
			return err
		}
		if reused {
			t.aSecond(catchMemory, 12_000)
		} else {
			t.aSecond(catchMemory, 4500)
		}
		t.atLeast(catchMemory, "≥ 3 × Mailpit", 3*t.median(mailpit))
		if reused {
			t.aSecond(catchFile, 3000)
			t.atLeast(catchFile, "≥ 3 × Mailpit", 3*t.median(mailpit))
		}
		b.missingMailpit(t)
		b.add(t)
	}
	return nil
}

func (b *bench) catchRates(t *table, reused bool) error {
	names := b.keepers(catchMemory, catchFile, mailpit, smtpSink)
	servers := make(map[string]*server)
	for _, name := range names {
		s, err := b.startKeeper(anywhere, name)
		if err != nil {
			return err
		}
		defer s.end()
		servers[name] = s
		if err := b.rate(s, reused, 1000, nil); err != nil {
			return fmt.Errorf("warming %s up: %w", name, err)
		}
	}
	return b.alternate(b.rounds, names, func(_ int, name string) error {
		full := map[string]int{catchMemory: 30_000, catchFile: 20_000, mailpit: 3000, smtpSink: 40_000}[name]
		if !reused {
			full /= 2
		}
		return b.rate(servers[name], reused, b.count(full), t.row(name))
	})
}

// rate has smtp-source send so many mails, and notes what came of it in the row.
func (b *bench) rate(s *server, reused bool, count int, r *row) error {
	args := []string{"-s", "20", "-m", strconv.Itoa(count), "-l", "4096", "-f", sender, "-t", "customer0@example.org", "-M", "localhost"}
	if reused {
		args = append(args, "-d")
	}
	cmd := b.tools.command("smtp-source", append(args, s.addr)...)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("smtp-source to %s: %w: %s", s.name, err, lastLine(string(out)))
	}
	answered := time.Since(began)
	done, _, err := idle(s.pid())
	if err != nil || r == nil {
		return err
	}
	whole := max(answered, done.Sub(began))
	r.add(float64(count)/answered.Seconds(), float64(count)/whole.Seconds())
	return nil
}

// catchCPU measures what a mail costs a server that keeps it, against those that do not.
func (b *bench) catchCPU() error {
	for _, kind := range []string{text1K, attach100} {
		full := map[string]int{text1K: 8000, attach100: 480}[kind]
		count := max(1, b.count(full)/sessions) * sessions
		t := &table{
			title: fmt.Sprintf("Keeping: %s, %d mails over %d connections by smtp-source", kind, count, sessions),
			unit:  "CPU µs/mail", base: catchMemory,
			notes: []string{"Server's user and system time; server and load on one CPU. Parley and Mailpit keep the mails, the others throw them away."},
		}
		if err := b.catchCosts(t, kind, count); err != nil {
			return err
		}
		for _, name := range []string{catchMemory, catchMemory + catchWhole} {
			if kind == text1K {
				t.want(name, "≤ 2 × smtp-sink", 2*t.median(smtpSink))
			} else {
				t.want(name, "< go-smtp server", t.median(goSMTPServer))
			}
		}
		b.missingMailpit(t)
		b.add(t)
	}
	return nil
}

func (b *bench) catchCosts(t *table, kind string, count int) error {
	names := b.keepers(catchMemory, catchFile, smtpSink, goSMTPServer, mailpit)
	servers := make(map[string]*server)
	for _, name := range names {
		s, err := b.startKeeper(b.cpu, name)
		if err != nil {
			return err
		}
		defer s.end()
		servers[name] = s
		if err := b.load(s, kind, source, count/4+2); err != nil {
			return fmt.Errorf("warming %s up: %w", name, err)
		}
	}
	return b.alternate(b.rounds, names, func(_ int, name string) error {
		s, count := servers[name], count
		if name == mailpit {
			count /= 4 // it takes its time
		}
		_, before, err := idle(s.pid())
		if err != nil {
			return err
		}
		if err := b.load(s, kind, source, count); err != nil {
			return fmt.Errorf("loading %s: %w", name, err)
		}
		taken, err := cpuOf(s.pid())
		if err != nil {
			return err
		}
		t.row(name).add(micros(taken-before, count))
		_, after, err := idle(s.pid())
		if name != smtpSink && name != goSMTPServer {
			t.row(name + catchWhole).add(micros(after-before, count))
		}
		return err
	})
}
