package inbox_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/parleymail/parley/inbox"
)

// BenchmarkCatch is what it costs the server to take a mail and keep it, in µs of its own
// CPU: the client is a process of its own.
func BenchmarkCatch(b *testing.B) {
	for _, size := range []int{1 << 10, 4 << 10, 100 << 10} {
		for _, kept := range []bool{true, false} {
			how := "one session a mail"
			if kept {
				how = "kept sessions"
			}
			b.Run(fmt.Sprintf("memory/%dK/%s", size>>10, how), func(b *testing.B) { benchCatch(b, inbox.Options{}, size, kept) })
			b.Run(fmt.Sprintf("file/%dK/%s", size>>10, how), func(b *testing.B) {
				benchCatch(b, inbox.Options{Path: filepath.Join(b.TempDir(), "mail.db")}, size, kept)
			})
		}
	}
}

func benchCatch(b *testing.B, o inbox.Options, size int, kept bool) {
	addr := serve(b, &inbox.Server{Store: open(b, o), Hostname: "mx.example"})
	client := exec.Command(os.Args[0])
	client.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d %t", benchClient, addr, size, b.N, kept))
	client.Stderr = os.Stderr
	b.ResetTimer()
	start := cpu()
	if err := client.Run(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64((cpu()-start).Microseconds())/float64(b.N), "µs-CPU/mail")
	b.SetBytes(int64(size))
}

// benchClient, in the environment, makes this program the client of a benchmark:
// "address size mails kept".
const benchClient = "PARLEY_INBOX_BENCH"

func runBenchClient(args string) error {
	f := strings.Fields(args)
	size, _ := strconv.Atoi(f[1])
	mails, _ := strconv.Atoi(f[2])
	const conns = 20
	var all sync.WaitGroup
	failed := make(chan error, conns)
	for i := range conns {
		n := (mails + i) / conns
		all.Go(func() {
			each := n
			if f[3] == "false" {
				each = 1
			}
			for ; n > 0; n -= each {
				if err := sendLoad(f[0], size, min(n, each)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(failed)
	return <-failed
}

// sendLoad sends n mails over one connection, and waits for each reply.
func sendLoad(addr string, size, n int) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(text string) error {
		if _, err := io.WriteString(conn, text); err != nil {
			return err
		}
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return err
			}
			if line[0] > '3' {
				return fmt.Errorf("the server said %q", line)
			}
			if line[3] == ' ' {
				return nil
			}
		}
	}
	content := "Subject: load\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", size/78) + ".\r\n"
	if err := say(""); err != nil {
		return err
	}
	if err := say("EHLO client.example\r\n"); err != nil {
		return err
	}
	for range n {
		for _, text := range []string{"MAIL FROM:<sender@example.com>\r\n", "RCPT TO:<recipient@example.net>\r\n", "DATA\r\n", content} {
			if err := say(text); err != nil {
				return err
			}
		}
	}
	return say("QUIT\r\n")
}
