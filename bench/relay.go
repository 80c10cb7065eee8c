package main

import (
	"fmt"
	"path/filepath"
	"syscall"
	"time"
)

// relayAccept measures what it takes to take a mail so that it is on stable storage when 250 is said. Nothing is sent on: Postfix
// holds what it takes, and Parley is told that it is for tomorrow.
func (b *bench) relayAccept() error {
	r, err := b.relayingOf()
	if err != nil {
		return err
	}
	defer r.end()
	disk, err := r.diskNote()
	if err != nil {
		return err
	}
	for _, reused := range []bool{true, false} {
		if err := r.accept(reused, disk); err != nil {
			return err
		}
	}
	return nil
}

func (r *relaying) accept(reused bool, disk string) error {
	how := map[bool]string{true: "connections that are kept", false: "a new connection for each mail"}[reused]
	title := "Taking to keep: mails of 1 KiB, 20 sessions, " + how
	rates := &table{
		title: title, unit: "mails/s", base: realPostfix, extra: []string{"CPU µs/mail"},
		notes: []string{
			"By smtp-source; server and load on all CPUs. CPU is that of all processes of the server, those that came and went and PostgreSQL's included.",
			"Postfix holds the mails, Parley has them for tomorrow, so that nothing is sent; smtp-sink keeps none. " + disk,
		},
	}
	costs := &table{title: title + ": CPU", unit: "CPU µs/mail", base: realPostfix, notes: []string{"Of the same rounds."}}
	waits := &table{
		title: title + ": from the last octet to 250", unit: "ms, p99", base: realPostfix, extra: []string{"p50", "at most"},
		notes: []string{"By a load of our own that does nothing but ask and wait; MAIL, RCPT and DATA in one write."},
	}
	names, err := r.there(rates, serveSQLite, servePostgres, realPostfix, smtpSink)
	if err != nil {
		return err
	}
	err = r.alternate(r.rounds, names, func(_ int, name string) error {
		if err := r.acceptOnce(name, reused, rates, costs, waits); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	rates.aSecond(serveSQLite, 5000)
	for _, name := range []string{serveSQLite} {
		rates.atLeast(name, "≥ 5 × Postfix", 5*rates.median(realPostfix))
		costs.want(name, "≤ 1/5 of Postfix", costs.median(realPostfix)/5)
	}
	for _, name := range []string{serveSQLite, servePostgres} {
		waits.want(name, "< 100 ms", 100)
	}
	for _, t := range []*table{rates, costs, waits} {
		r.add(t)
	}
	return nil
}

// acceptOnce is one turn: a relay that has just started, warmed up.
func (r *relaying) acceptOnce(name string, reused bool, rates, costs, waits *table) error {
	l, err := r.start(name, "")
	if err != nil {
		return err
	}
	defer l.end()
	full := map[string]int{serveSQLite: 20_000, servePostgres: 10_000, realPostfix: 4000, smtpSink: 30_000}[name]
	if !reused {
		full /= 2
	}
	if r.quick {
		full /= 2
	}
	warm, count := r.count(full/10), r.count(full)
	before, err := l.warm(func() error { _, err := r.source(heldMail, reused, warm, l.addrs()...); return err })
	if err != nil {
		return err
	}
	took, err := r.source(heldMail, reused, count, l.addrs()...)
	if err != nil {
		return err
	}
	after, err := settled(l.roots...)
	if err != nil {
		return err
	}
	cost := micros(after-before, count)
	rates.row(name).add(float64(count)/took.Seconds(), cost)
	costs.row(name).add(cost)

	content, err := wireForm(filepath.Join(r.dir, heldMail))
	if err != nil {
		return err
	}
	asked := max(count/4, 2*relaySessions) / relaySessions * relaySessions
	waited, err := answers(l.fronts[0].addr, content, reused, asked)
	if err != nil {
		return err
	}
	waits.row(name).add(millis(quantile(waited, 0.99)), millis(quantile(waited, 0.5)), millis(quantile(waited, 1)))
	return l.allKept(warm + count + asked)
}

// warm does something, waits until all of it is over and on the disk, and gives what CPU was used by then.
func (l *relay) warm(do func() error) (time.Duration, error) {
	if err := do(); err != nil {
		return 0, fmt.Errorf("warming up: %w", err)
	}
	syscall.Sync()
	return settled(l.roots...)
}

// allKept looks whether the relay has all that it has said 250 to.
func (l *relay) allKept(want int) error {
	if l.kept == nil {
		return nil
	}
	got, err := l.kept()
	if err == nil && got != want {
		err = fmt.Errorf("it has taken %d mails, and keeps %d", want, got)
	}
	return err
}
