package main

import (
	"fmt"
	"time"
)

// relayThrough measures how many mails a second go all the way: handed over by smtp-source, kept, and given to smtp-sink.
func (b *bench) relayThrough() error {
	r, err := b.relayingOf()
	if err != nil {
		return err
	}
	defer r.end()
	disk, err := r.diskNote()
	if err != nil {
		return err
	}
	count := r.count(20_000)
	if r.quick {
		count /= 4
	}
	t := &table{
		title: fmt.Sprintf("Through: %d mails of 1 KiB from smtp-source, 20 sessions that are kept, to smtp-sink", count),
		unit:  "mails/s", base: realPostfix, extra: []string{"mails/s taken", "CPU µs/mail"},
		notes: []string{
			"From the first connection until the sink has all. Relay, smtp-source, smtp-sink and PostgreSQL share all CPUs; several serve processes share the sessions and the database.",
			"CPU is that of all processes of the relay, and PostgreSQL's. Postfix is given a fifth of the mails. " + disk,
		},
	}
	asked := []string{serveSQLite, servePostgres, servePostgres2, servePostgres3, realPostfix}
	if r.quick {
		asked = []string{serveSQLite, servePostgres2, realPostfix}
	}
	names, err := r.there(t, asked...)
	if err != nil {
		return err
	}
	err = r.alternate(r.rounds, names, func(_ int, name string) error {
		n := count
		if name == realPostfix {
			n /= 5 // it takes its time
		}
		if err := r.throughOnce(name, n, t.row(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.atLeast(serveSQLite, "≥ 3000/s", 3000)
	r.add(t)
	return nil
}

// throughOnce is one turn.
func (r *relaying) throughOnce(name string, count int, row *row) error {
	sink, err := r.tools.startCountingSink()
	if err != nil {
		return err
	}
	defer sink.end()
	l, err := r.start(name, sink.addr)
	if err != nil {
		return err
	}
	defer l.end()
	const most = 3 * time.Minute
	file := fileFor(text1K)
	warm := max(count/10, relaySessions)
	before, err := l.warm(func() error {
		if _, err := r.source(file, true, warm, l.addrs()...); err != nil {
			return err
		}
		_, err := sink.await(warm, most)
		return err
	})
	if err != nil {
		return err
	}
	began := time.Now()
	taken, err := r.source(file, true, count, l.addrs()...)
	if err != nil {
		return err
	}
	ended, err := sink.await(warm+count, most)
	if err != nil {
		return err
	}
	after, err := settled(l.roots...)
	if err != nil {
		return err
	}
	if n := sink.count(); n != warm+count {
		return fmt.Errorf("%d mails were handed over, and %d came", warm+count, n)
	}
	row.add(float64(count)/ended.Sub(began).Seconds(), float64(count)/taken.Seconds(), micros(after-before, count))
	return nil
}
