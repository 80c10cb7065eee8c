package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

// How a relay that starts with a long queue ended the time before.
const (
	wasStopped = "parley serve, stopped before"
	wasKilled  = "parley serve, killed before"
)

// relayQueued measures how soon a relay is at work that finds a long queue when it starts, and how large it is then.
func (b *bench) relayQueued() error {
	r, err := b.relayingOf()
	if err != nil {
		return err
	}
	defer r.end()
	queued, sent := b.count(1_000_000), 10_000
	if b.quick {
		queued, sent = 20_000, 1000
	}
	file := filepath.Join(r.disk, "queued.db")
	began := time.Now()
	if err := fillBox(file, queued); err != nil {
		return fmt.Errorf("putting mail: %w", err)
	}
	put := float64(queued) / time.Since(began).Seconds()
	starts := &table{
		title: fmt.Sprintf("Queued: %d mails of 1 KiB wait as it starts, SQLite", queued), unit: "s to the first", base: wasStopped,
		extra: []string{"s to the greeting", "mails/s after it"},
		notes: []string{fmt.Sprintf("From the start of the process until smtp-sink has the first mail. What comes after it is the rate of the next %d. The queue was put by a program, at %s/s.", sent, number(put))},
	}
	sizes := &table{
		title: fmt.Sprintf("Queued: %d mails wait, peak memory", queued), unit: "peak MiB", base: wasStopped,
		notes: []string{fmt.Sprintf("VmHWM when %d of them are delivered.", sent)},
	}
	err = r.alternate(r.rounds, r.in(wasStopped, wasKilled), func(_ int, name string) error {
		// The time before: some are delivered.
		if err := r.queuedOnce(file, name, sent/10, nil, nil); err != nil {
			return err
		}
		return r.queuedOnce(file, wasStopped, sent, starts.row(name), sizes.row(name))
	})
	if err != nil {
		return err
	}
	for _, name := range []string{wasStopped, wasKilled} {
		starts.want(name, "< 3 s", 3)
		sizes.want(name, "< 300 MB", 300e6/(1<<20))
	}
	r.add(starts)
	r.add(sizes)
	return nil
}

// queuedOnce starts a relay, has it deliver so many, and ends it.
func (r *relaying) queuedOnce(file, how string, count int, starts, sizes *row) error {
	const most = time.Minute
	sink, err := r.tools.startCountingSink()
	if err != nil {
		return err
	}
	defer sink.end()
	before := sink.count()
	began := time.Now()
	s, err := r.startServe("sqlite:"+file, sink.addr, false)
	if err != nil {
		return err
	}
	defer s.end()
	greeted := time.Now()
	first, err := sink.await(before+1, most)
	if err != nil {
		return err
	}
	last, err := sink.await(before+count, most)
	if err != nil {
		return err
	}
	size, err := peak(s.pid())
	if err != nil {
		return err
	}
	if starts != nil {
		starts.add(first.Sub(began).Seconds(), greeted.Sub(began).Seconds(), float64(count-1)/last.Sub(first).Seconds())
		sizes.add(float64(size) / (1 << 20))
	}
	if how == wasKilled {
		return nil // that is how it ends
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// fillBox puts so many mails into a new outbox, as a program does that has many to send.
func fillBox(file string, count int) error {
	ctx := context.Background()
	box, err := sqlite.Open(ctx, file, outbox.Options{})
	if err != nil {
		return err
	}
	raw := newLetter(text1K, 1, "").raw("\r\n")
	const hands = 128
	errs := make([]error, hands)
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := range hands {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(count) && errs[i] == nil; n = next.Add(1) {
				to := mail.Path{Local: fmt.Sprintf("customer%d", n), Domain: "example.org"}
				env := mail.Envelope{ReversePath: mail.Path{Local: "accounts", Domain: "example.net"}, Recipients: []mail.Recipient{{Path: to}}}
				_, errs[i] = box.Put(ctx, nil, &mail.Raw{Data: raw, Env: env})
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, box.Close())...)
}
