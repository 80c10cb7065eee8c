package smtpd_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A load is how the client of a benchmark sends.
type load struct {
	how   string // "lockstep": a wait for each reply; "rolled": the next envelope rides with the content; "bdat": 16 mails in a write
	size  int    // octets of a content
	conns int
}

func (l load) String() string { return fmt.Sprintf("%s/%dK", l.how, l.size>>10) }

// BenchmarkTake is what it costs a server to take a mail and drop it, in µs of its
// own CPU: the client is a process of its own, over 8 sessions that are kept.
func BenchmarkTake(b *testing.B) {
	for _, l := range []load{
		{"lockstep", 1 << 10, 8}, {"rolled", 1 << 10, 8}, {"bdat", 1 << 10, 8},
		{"lockstep", 100 << 10, 8}, {"rolled", 100 << 10, 8}, {"bdat", 100 << 10, 8},
	} {
		b.Run(l.String(), func(b *testing.B) { take(b, l) })
	}
}

// dropping is a server that reads every mail and drops it.
func dropping() *smtpd.Server {
	return &smtpd.Server{Hostname: "mx.example", Data: func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
		content.(io.WriterTo).WriteTo(io.Discard)
		return smtp.Reply{}
	}}
}

func take(b *testing.B, l load) {
	srv := dropping()
	listener := listen(b)
	go srv.Serve(listener)
	defer srv.Close()
	client := exec.Command(os.Args[0])
	client.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %d %d", benchClient, listener.Addr(), l.how, l.size, l.conns, b.N))
	client.Stderr = os.Stderr
	b.ReportAllocs()
	b.ResetTimer()
	start := cpu()
	if err := client.Run(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64((cpu()-start).Microseconds())/float64(b.N), "µs-CPU/mail")
	b.ReportMetric(0, "ns/op")
	b.SetBytes(int64(l.size))
}

// BenchmarkWithoutKernel is the part of a mail of 1 KiB, in lock-step, that is ours:
// there is no socket.
func BenchmarkWithoutKernel(b *testing.B) {
	lines := []string{"MAIL FROM:<sender@example.com>\r\n", "RCPT TO:<recipient@example.net>\r\n", "DATA\r\n", oneKilobyte + ".\r\n"}
	b.ReportAllocs()
	dropping().ServeConn(&looped{said: lines, left: b.N*len(lines) + 1, next: -1})
}

var oneKilobyte = strings.Repeat(strings.Repeat("x", 76)+"\r\n", 1024/78)

// A looped connection gives EHLO, and then the same lines again and again.
type looped struct {
	tape
	said       []string
	next, left int
}

func (l *looped) Write(p []byte) (int, error) { return len(p), nil }

func (l *looped) Read(p []byte) (int, error) {
	if l.left--; l.left < 0 {
		return 0, io.EOF
	}
	said := "EHLO client.example\r\n"
	if l.next >= 0 {
		said = l.said[l.next%len(l.said)]
	}
	l.next++
	return copy(p, said), nil
}

// benchClient, in the environment, makes this program the client of a benchmark:
// "address how size conns mails".
const benchClient = "PARLEY_BENCH_CLIENT"

func runBenchClient(args string) error {
	f := strings.Fields(args)
	size, _ := strconv.Atoi(f[2])
	conns, _ := strconv.Atoi(f[3])
	mails, _ := strconv.Atoi(f[4])
	var all sync.WaitGroup
	failed := make(chan error, conns)
	for i := range conns {
		n := (mails + i) / conns
		all.Go(func() {
			if err := sendLoad(f[0], f[1], size, n); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	close(failed)
	return <-failed
}

const envelope = "MAIL FROM:<sender@example.com>\r\nRCPT TO:<recipient@example.net>\r\n"

// sendLoad sends n mails over one connection.
func sendLoad(addr, how string, size, n int) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(text string, replies int) (err error) {
		if _, err = io.WriteString(conn, text); err != nil {
			return err
		}
		for replies > 0 {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return err
			}
			if line[0] > '3' {
				return fmt.Errorf("the server said %q", line)
			}
			if line[3] == ' ' {
				replies--
			}
		}
		return nil
	}
	if err := say("", 1); err != nil {
		return err
	}
	if err := say("EHLO client.example\r\n", 1); err != nil {
		return err
	}
	content := strings.Repeat(strings.Repeat("x", 76)+"\r\n", size/78)
	switch how {
	case "lockstep":
		for range n {
			for _, text := range []string{"MAIL FROM:<sender@example.com>\r\n", "RCPT TO:<recipient@example.net>\r\n", "DATA\r\n", content + ".\r\n"} {
				if err = say(text, 1); err != nil {
					return err
				}
			}
		}
	case "rolled":
		both := content + ".\r\n" + envelope + "DATA\r\n"
		err = say(envelope+"DATA\r\n", 3)
		for i := 0; i < n && err == nil; i++ {
			err = say(both, 4)
		}
	case "bdat":
		one := envelope + "BDAT " + strconv.Itoa(len(content)) + " LAST\r\n" + content
		const together = 16
		many := strings.Repeat(one, together)
		for ; n > 0 && err == nil; n -= together {
			k := min(n, together)
			err = say(many[:k*len(one)], 3*k)
		}
	}
	return err
}
