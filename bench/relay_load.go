package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// relaySessions are those that mail is handed over by.
const relaySessions = 20

// heldMail is the file of a mail of 1 KiB that a relay keeps for a day.
const heldMail = "held.txt"

// writeHeld writes it. The field that has it kept is Parley's; others are told otherwise.
func writeHeld(dir string) error {
	field := "X-Parley-Not-Before: " + time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339) + "\n"
	return os.WriteFile(filepath.Join(dir, heldMail), append([]byte(field), newLetter(text1K, 1, dir).raw("\n")...), 0o644)
}

// source has smtp-source hand over so many mails, to all addresses at once, and gives how long it took.
func (b *bench) source(file string, reused bool, count int, addrs ...string) (time.Duration, error) {
	errs := make([]error, len(addrs))
	var wg sync.WaitGroup
	began := time.Now()
	for i, addr := range addrs {
		sessions := (i+1)*relaySessions/len(addrs) - i*relaySessions/len(addrs)
		mails := (i+1)*count/len(addrs) - i*count/len(addrs)
		args := []string{"-s", strconv.Itoa(sessions), "-m", strconv.Itoa(mails), "-f", sender, "-t", "customer0@example.org", "-M", "localhost", "-F", filepath.Join(b.dir, file)}
		if reused {
			args = append(args, "-d")
		}
		wg.Go(func() {
			cmd := b.tools.command("smtp-source", append(args, addr)...)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := runOn(anywhere, cmd); err != nil {
				errs[i] = fmt.Errorf("smtp-source: %w: %s", err, lastLine(said.String()))
			}
		})
	}
	wg.Wait()
	return time.Since(began), errors.Join(errs...)
}

// answers hands over so many mails, all sessions at once, and gives how long each session waited after the last octet of each
// mail for its reply.
func answers(addr string, content []byte, reused bool, count int) ([]time.Duration, error) {
	took := make([][]time.Duration, relaySessions)
	errs := make([]error, relaySessions)
	var wg sync.WaitGroup
	for i := range relaySessions {
		wg.Go(func() { took[i], errs[i] = answersOf(addr, content, reused, count/relaySessions) })
	}
	wg.Wait()
	return slices.Concat(took...), errors.Join(errs...)
}

func answersOf(addr string, content []byte, reused bool, count int) (took []time.Duration, err error) {
	var conn net.Conn
	var replies *bufio.Reader
	hangUp := func() {
		if conn != nil {
			conn.Close()
		}
	}
	defer func() { hangUp() }()
	for n := range count {
		if n == 0 || !reused {
			hangUp()
			if conn, err = net.Dial("tcp", addr); err != nil {
				return took, err
			}
			replies = bufio.NewReader(conn)
			if err := converse(conn, replies, "", "220"); err != nil {
				return took, err
			}
			if err := converse(conn, replies, "EHLO localhost\r\n", "250"); err != nil {
				return took, err
			}
		}
		if err := converse(conn, replies, "MAIL FROM:<"+sender+">\r\nRCPT TO:<customer0@example.org>\r\nDATA\r\n", "250", "250", "354"); err != nil {
			return took, err
		}
		if _, err := conn.Write(content); err != nil {
			return took, err
		}
		said := time.Now()
		if err := expect(replies, "250"); err != nil {
			return took, err
		}
		took = append(took, time.Since(said))
	}
	return took, nil
}

func converse(conn net.Conn, replies *bufio.Reader, say string, codes ...string) error {
	if _, err := io.WriteString(conn, say); err != nil {
		return err
	}
	return expect(replies, codes...)
}

// wireForm is a file's mail as it goes over a line, with its end.
func wireForm(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	return append(bytes.ReplaceAll(text, []byte("\n."), []byte("\n..")), ".\r\n"...), nil
}

// quantile is the value that a share of all is not above.
func quantile(values []time.Duration, share float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	return v[min(int(share*float64(len(v))), len(v)-1)]
}

// A countingSink is smtp-sink that tells how many mails it has.
type countingSink struct {
	*server
	mu   sync.Mutex
	grew sync.Cond
	have int
	last time.Time // when it had them
	err  error     // it tells no more
}

// startCountingSink starts one.
func (t toolbox) startCountingSink() (*countingSink, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	args := []string{"-4", "-c", addr, "1024"}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...) // as root it insists on becoming another
	}
	cmd := t.command("smtp-sink", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting smtp-sink: %w", err)
	}
	s := &countingSink{server: &server{name: smtpSink, addr: addr, cmd: cmd}}
	s.grew.L = &s.mu
	s.end = func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	go s.follow(out)
	return s, s.awaitGreeting()
}

// follow reads what it tells: "sess=1 quit=0 mesg=23", and a CR.
func (s *countingSink) follow(out io.Reader) {
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\r')
		_, count, _ := strings.Cut(line, "mesg=")
		n, wrong := strconv.Atoi(strings.TrimSpace(count))
		if err == nil {
			err = wrong
		}
		s.mu.Lock()
		if err != nil {
			s.err = err
		} else {
			s.have, s.last = n, time.Now()
		}
		s.grew.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// count is how many mails it has.
func (s *countingSink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.have
}

// await waits until it has so many mails, and gives when it had.
func (s *countingSink) await(n int, most time.Duration) (time.Time, error) {
	late := false
	timer := time.AfterFunc(most, func() {
		s.mu.Lock()
		late = true
		s.grew.Broadcast()
		s.mu.Unlock()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.have < n {
		switch {
		case s.err != nil:
			return s.last, fmt.Errorf("smtp-sink tells no more: %w", s.err)
		case late:
			return s.last, fmt.Errorf("smtp-sink has %d mails after %v, of %d", s.have, most, n)
		}
		s.grew.Wait()
	}
	return s.last, nil
}
