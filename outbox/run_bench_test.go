package outbox_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A sink is a server that takes all mail and keeps none.
type sink struct {
	*smtpd.Server
	addr  string
	taken atomic.Int64
}

func newSink(t testing.TB, change func(*smtpd.Server)) *sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{addr: l.Addr().String()}
	s.Server = &smtpd.Server{Hostname: "sink.example", Data: func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
		io.Copy(io.Discard, content) //nolint:errcheck // the server tells
		s.taken.Add(1)
		return smtp.Reply{}
	}}
	if change != nil {
		change(s.Server)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return s
}

// client gives one for the sink.
func (s *sink) client(t testing.TB, sessions int) *smtp.Client {
	c := &smtp.Client{Addr: s.addr, Security: smtp.Plaintext, Hello: "localhost", MaxSessions: sessions, Partial: true}
	t.Cleanup(func() { c.Close() })
	return c
}

// putMany puts so many mails of 1 KiB, many at once.
func (s *store) putMany(t testing.TB, n int, class outbox.Class) {
	t.Helper()
	var next atomic.Int64
	var tasks sync.WaitGroup
	for range 64 {
		tasks.Go(func() {
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				m := hello(i, fmt.Sprintf("kim%d@example.net", i))
				m.Data = append(m.Data, kilobyte...)
				if _, err := s.Put(t.Context(), nil, &outbox.Mail{Object: m, Class: class}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	tasks.Wait()
}

var kilobyte = func() (b []byte) {
	for range 16 {
		b = append(b, "All is well, and will be so tomorrow, and on all days after.\r\n"...)
	}
	return b
}()

// BenchmarkRun is what it takes from the queue to a server in this process.
func BenchmarkRun(b *testing.B) {
	for _, sessions := range []int{5, 20, 100} {
		b.Run(fmt.Sprintf("queued/%d", sessions), func(b *testing.B) {
			box, sink := onSQLite(b), newSink(b, nil)
			box.putMany(b, b.N, outbox.Normal)
			b.ResetTimer()
			box.work(b, outbox.Worker{Router: outbox.One(sink.client(b, sessions), outbox.Limits{Sessions: sessions})})
			box.untilDone(b)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
	b.Run("through", func(b *testing.B) {
		box, sink := onSQLite(b), newSink(b, nil)
		box.work(b, outbox.Worker{Router: outbox.One(sink.client(b, 20), outbox.Limits{Sessions: 20})})
		b.ResetTimer()
		box.putMany(b, b.N, outbox.Normal)
		box.untilDone(b)
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
	})
}

// untilDone waits until nothing is left to do.
func (s *store) untilDone(t testing.TB) {
	t.Helper()
	s.until(t, 0, "SELECT CASE WHEN EXISTS (SELECT 1 FROM parley_messages WHERE done = 0) THEN 1 ELSE 0 END")
}
