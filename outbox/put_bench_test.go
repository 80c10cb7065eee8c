//go:build unix

package outbox_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

// BenchmarkPut is of a mail of 1 KiB, by twenty at a time. It tells what a mail costs of processors in all.
func BenchmarkPut(b *testing.B) {
	box, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "box.db"), outbox.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer box.Close()
	text := strings.Repeat("All is well, and will be so tomorrow.\r\n", 24)
	var n atomic.Int64
	b.SetParallelism(20 / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	before := processors(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			odd := uint32(i * 2654435761) //nolint:gosec // in no order
			body := fmt.Sprintf("From: shop@example.net\r\nTo: kim@example.org\r\nSubject: statement %d\r\nMessage-ID: <%08x.%d@example.net>\r\n\r\n%s", i, odd, i, text)
			if _, err := box.Put(b.Context(), nil, letter(body, fmt.Sprintf("c%08x@example.org", odd))); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64((processors(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

// processors is the time that this program has had them.
func processors(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
