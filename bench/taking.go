package main

import (
	"fmt"
)

// taking measures servers under load.
func (b *bench) taking() error {
	for _, kind := range []string{text1K, attach100} {
		for _, load := range []string{source, byHand} {
			t, err := b.loaded(kind, load)
			if err != nil {
				return err
			}
			if kind == text1K {
				t.want(parleySMTPD, "≤ smtp-sink", t.median(smtpSink))
			}
			b.add(t)
		}
	}
	return nil
}

const sessions = 8

func (b *bench) loaded(kind, load string) (*table, error) {
	full := map[string]int{text1K: 8000, attach100: 480}[kind]
	count := max(1, b.count(full)/sessions) * sessions
	how := map[string]string{source: "smtp-source, which waits for each reply", byHand: "pipelining, content and next envelope in one write"}[load]
	t := &table{
		title: fmt.Sprintf("Taking: %s, %d mails over %d connections by %s", kind, count, sessions, how),
		unit:  "CPU µs/mail", base: parleySMTPD,
		notes: []string{"Server's user and system time; server and load on one CPU. Every server throws the content away."},
	}
	servers := make(map[string]*server)
	names := b.in(parleySMTPD, smtpSink, goSMTPServer)
	for _, name := range names {
		s, err := b.startServer(name, kind, load)
		if err != nil {
			return nil, err
		}
		defer s.end()
		servers[name] = s
		if err := b.load(s, kind, load, full/4); err != nil {
			return nil, fmt.Errorf("warming %s up: %w", name, err)
		}
	}
	return t, b.alternate(b.rounds, names, func(_ int, name string) error {
		s := servers[name]
		before, err := cpuOf(s.pid())
		if err != nil {
			return err
		}
		if err := b.load(s, kind, load, count); err != nil {
			return fmt.Errorf("loading %s: %w", name, err)
		}
		after, err := cpuOf(s.pid())
		t.row(name).add(micros(after-before, count))
		return err
	})
}

func (b *bench) startServer(name, kind, load string) (*server, error) {
	if name == smtpSink {
		return b.tools.startSink(b.cpu)
	}
	return startChild(b.cpu, name, b.profileOf(0, "taking-"+kind+"-"+load, name))
}

func (b *bench) load(s *server, kind, load string, count int) error {
	if load == source {
		_, err := b.runSource(s.addr, kind, sessions, count-1)
		return err
	}
	_, err := do(b.cpu, job{Do: doLoad, As: load, Letter: kind, Recipients: 1, Addr: s.addr, Count: count, Sessions: sessions})
	return err
}

// composing measures what making a mail costs where it goes nowhere.
func (b *bench) composing() error {
	counts := map[string]int{text1K: 30_000, html: 10_000, attach10M: 10}
	for _, kind := range []string{text1K, html, attach10M} {
		count := b.count(counts[kind])
		t := &table{
			title: fmt.Sprintf("Composing: %s, %d mails written to nowhere", kind, count),
			unit:  "CPU µs/mail", base: parleySend, extra: []string{"allocs", "KiB alloc."},
		}
		names := b.in(parleySend, goMail, goMailV2)
		err := b.alternate(b.rounds, names, func(round int, name string) error {
			j := job{Do: doCompose, As: name, Letter: kind, Recipients: 1, Warm: counts[kind] / 10, Count: count}
			j.Profile = b.profileOf(round, "composing-"+kind, name)
			r, err := do(b.cpu, j)
			t.row(name).add(micros(r.CPU, count), float64(r.Allocs)/float64(count), float64(r.Bytes)/1024/float64(count))
			return err
		})
		if err != nil {
			return err
		}
		b.add(t)
	}
	return nil
}
