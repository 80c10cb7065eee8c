package main

import (
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

func (b *bench) text() error {
	sink, err := b.tools.startSink(b.cpu)
	if err != nil {
		return err
	}
	defer sink.end()
	t, err := b.kept(sink, "text", text1K, 6000)
	if err != nil {
		return err
	}
	for _, name := range []string{parleySend, parleyAll} {
		t.want(name, "≤ 1/4 of go-mail", t.median(goMail)/4)
		t.want(name, "less than smtp-source", t.median(source))
	}
	b.add(t)

	// The same where CHUNKING is on offer, which smtp-sink does not have.
	own, err := startChild(b.cpu, parleySMTPD, "")
	if err != nil {
		return err
	}
	defer own.end()
	if t, err = b.kept(own, "chunks", text1K, 6000); err != nil {
		return err
	}
	b.add(t)
	return nil
}

func (b *bench) attachment() error {
	sink, err := b.tools.startSink(b.cpu)
	if err != nil {
		return err
	}
	defer sink.end()
	t, err := b.kept(sink, "attachment", attach100, 400)
	if err != nil {
		return err
	}
	for _, name := range []string{parleySend, parleyAll} {
		t.want(name, "≤ 1/8 of go-mail", t.median(goMail)/8)
	}
	b.add(t)
	return nil
}

// kept measures sending over one connection that is kept.
func (b *bench) kept(to *server, part, kind string, full int) (*table, error) {
	count := b.count(full)
	t := &table{
		title: fmt.Sprintf("Sending: %s, %d mails over one connection to %s", kind, count, to.name),
		unit:  "CPU µs/mail", base: parleySend, extra: []string{"wall µs/mail", "allocs", "KiB alloc."},
		notes: []string{
			"Client's user and system time, start and warm-up left out; client and server on one CPU.",
			"parley, go-mail and gomail compose every mail anew; the others send bytes made beforehand.",
		},
	}
	names := b.in(parleySend, parleyAll, goMail, goMailBare, goMailV2, goSMTP, netSMTP, source, byHand)
	return t, b.alternate(b.rounds, names, func(round int, name string) error {
		if name == source {
			r, err := b.runSource(to.addr, kind, 1, count)
			t.row(name).add(micros(r.CPU, count), micros(r.Wall, count))
			return err
		}
		j := job{Do: doSend, As: name, Letter: kind, Recipients: 1, Addr: to.addr, Warm: full / 10, Count: count}
		j.Profile = b.profileOf(round, part, name)
		r, err := do(b.cpu, j)
		t.row(name).add(micros(r.CPU, count), micros(r.Wall, count), float64(r.Allocs)/float64(count), float64(r.Bytes)/1024/float64(count))
		return err
	})
}

// memory measures the peak of fresh processes that send one large mail.
func (b *bench) memory() error {
	if err := writeLarge(b.dir); err != nil {
		return err
	}
	sink, err := b.tools.startSink(anywhere)
	if err != nil {
		return err
	}
	defer sink.end()
	const idle = "a connection, and no mail"
	t := &table{
		title: "Memory: a 50 MiB attachment from a file, to smtp-sink",
		unit:  "peak MiB", base: parleySend, extra: []string{"s"},
		notes: []string{
			"VmHWM of a fresh process; the program itself, with all contestants linked in, stands in the row without mail.",
			"go-smtp and net/smtp copy a content made beforehand out of a file; smtp-source is given one, and is a C program.",
		},
	}
	names := b.in(idle, parleySend, parleyAll, goMail, goMailV2, goSMTP, netSMTP, source)
	err = b.alternate(min(b.rounds, 3), names, func(_ int, name string) error {
		if name == source {
			began := time.Now()
			most, err := b.sourcePeak(sink.addr)
			t.row(name).add(float64(most)/(1<<20), time.Since(began).Seconds())
			return err
		}
		j := job{Do: doSend, As: name, Letter: file50M, Recipients: 1, Addr: sink.addr, Dir: b.dir, Count: 1}
		if name == idle {
			j.As, j.Count = parleySend, 0
		}
		r, err := do(anywhere, j)
		t.row(name).add(float64(r.Peak)/(1<<20), r.Done.Seconds())
		return err
	})
	if err != nil {
		return err
	}
	t.want(parleySend, "≤ 16 MiB", 16)
	t.want(parleyAll, "≤ 16 MiB", 16)
	b.add(t)
	return b.memoryOfMany()
}

// memoryOfMany measures the peak where very many mails go over one connection,
// with CHUNKING always some of them under way: nothing may be left of each.
func (b *bench) memoryOfMany() error {
	own, err := startChild(anywhere, parleySMTPD, "")
	if err != nil {
		return err
	}
	defer own.end()
	count := b.count(100_000)
	t := &table{
		title: fmt.Sprintf("Memory: %d mails of 1 KiB over one connection to %s", count, own.name),
		unit:  "peak MiB", base: parleySend, extra: []string{"s"},
	}
	err = b.alternate(1, b.in(parleySend, parleyAll), func(_ int, name string) error {
		r, err := do(anywhere, job{Do: doSend, As: name, Letter: text1K, Recipients: 1, Addr: own.addr, Count: count})
		t.row(name).add(float64(r.Peak)/(1<<20), r.Done.Seconds())
		return err
	})
	if err != nil {
		return err
	}
	// Go's collector lets a heap of nothing grow by 4 MiB before it looks.
	t.want(parleySend, "≤ 24 MiB", 24)
	t.want(parleyAll, "≤ 24 MiB", 24)
	b.add(t)
	return nil
}

// sourcePeak looks at smtp-source while it runs, for it cannot say itself.
func (b *bench) sourcePeak(addr string) (int64, error) {
	cmd := b.tools.source(addr, filepath.Join(b.dir, fileFor(file50M)), 1, 1, 1)
	ended := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	go func() { ended <- cmd.Wait() }()
	var most int64
	for {
		if n, err := peak(cmd.Process.Pid); err == nil {
			most = max(most, n)
		}
		select {
		case err := <-ended:
			return most, err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// away is how far the server is: half of a round trip.
const away = 25 * time.Millisecond

// distance measures what waiting costs.
func (b *bench) distance() error {
	servers, skipped, err := b.farServers()
	if err != nil {
		return err
	}
	for _, s := range servers {
		defer s.end()
		defer s.line.close()
	}
	for _, s := range servers {
		if err := b.oneMail(s); err != nil {
			return err
		}
	}
	return b.manyMails(servers, skipped)
}

// A farServer is a server behind a distance.
type farServer struct {
	*server
	line     *distance
	chunking bool
}

func (b *bench) farServers() (far []farServer, skipped string, err error) {
	add := func(s *server, err error, chunking bool) error {
		if err != nil {
			return err
		}
		line, err := startDistance(s.addr, away)
		far = append(far, farServer{s, line, chunking})
		return err
	}
	s, err := startChild(anywhere, parleySMTPD, "")
	if err := add(s, err, true); err != nil {
		return far, "", err
	}
	s, err = b.tools.startPostfix("", postfixDiscards)
	if e := add(s, err, true); e != nil {
		skipped = e.Error()
	}
	s, err = b.tools.startSink(anywhere)
	return far, skipped, add(s, err, false)
}

// oneMail is a connection, a mail to ten, and the end of the connection.
func (b *bench) oneMail(s farServer) error {
	t := &table{
		title: "Distance: a connection, one mail to 10 recipients and QUIT, round trip 50 ms, to " + s.name,
		unit:  "ms, all over", base: parleyPool, extra: []string{"ms, taken"},
		notes: []string{"A proxy of our own delays by 25 ms each way, the making of the connection included."},
	}
	if !s.chunking {
		t.notes = append(t.notes, "This server offers no CHUNKING.")
	}
	names := b.in(parleyPool, parleyLast, parleyPartial, goMail, goMailBare, goMailV2, goSMTP, netSMTP, source)
	err := b.alternate(b.rounds, names, func(_ int, name string) error {
		taken, done, err := b.far(s, name, 10, 1)
		t.row(name).add(millis(done), millis(taken))
		return err
	})
	if err != nil {
		return err
	}
	t.want(parleyPool, "≤ 235 ms", 235)
	b.add(t)
	return nil
}

// far sends mails to a server behind a distance, over one connection.
func (b *bench) far(s farServer, name string, recipients, count int) (taken, done time.Duration, err error) {
	if name == source {
		cmd := b.tools.source(s.line.addr(), filepath.Join(b.dir, fileFor(text1K)), 1, count, recipients)
		began := time.Now()
		err := runOn(anywhere, cmd)
		return time.Since(began), time.Since(began), err
	}
	r, err := do(anywhere, job{Do: doSend, As: name, Letter: text1K, Recipients: recipients, Addr: s.line.addr(), Count: count})
	return r.Taken, r.Done, err
}

// manyMails is 20 mails over one connection: parley to every server, the others
// to Postfix where it runs.
func (b *bench) manyMails(servers []farServer, skipped string) error {
	const count = 20
	t := &table{
		title: "Distance: a connection and 20 mails over it, round trip 50 ms",
		unit:  "s, taken", base: parleyAll + " to " + parleySMTPD, extra: []string{"s, all over"},
		notes: []string{"The others' rounds run side by side, for all that they do is wait."},
	}
	var mutex sync.Mutex
	turn := func(s farServer, name string) error {
		taken, done, err := b.far(s, name, 1, count)
		mutex.Lock()
		defer mutex.Unlock()
		t.row(name+" to "+s.name).add(taken.Seconds(), done.Seconds())
		return err
	}
	for range b.rounds {
		for _, s := range servers {
			for _, name := range b.in(parleyAll, parleySend) {
				if err := turn(s, name); err != nil {
					return err
				}
			}
		}
	}
	at := servers[len(servers)-1]
	if skipped == "" {
		at = servers[1]
	} else {
		t.row(parleyAll + " to " + realPostfix).skipped = skipped
	}
	others := b.in(goMail, goMailBare, goMailV2, goSMTP, netSMTP, source)
	for _, name := range others {
		t.row(name + " to " + at.name) // its place, for they end in any order
	}
	for range (b.rounds + 1) / 2 {
		errs := make(chan error, len(others))
		for _, name := range others {
			go func() { errs <- turn(at, name) }()
		}
		for range others {
			if err := <-errs; err != nil {
				return err
			}
		}
	}
	for _, s := range servers {
		if s.chunking {
			t.want(parleyAll+" to "+s.name, "≤ 0.6 s", 0.6)
		}
	}
	b.add(t)
	return nil
}
