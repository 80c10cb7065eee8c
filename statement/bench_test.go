package statement_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/statement"
)

// BenchmarkPrepareAndPut is of customers with a file of 100 KB each: looked through, made, and put into the outbox, on stable storage. Nothing is sent.
func BenchmarkPrepareAndPut(b *testing.B) {
	h := newHouse(b)
	h.c.Worker = outbox.Worker{}
	h.Close()
	h.open()
	n := max(b.N, 1)
	data := make([]byte, 100_000)
	source := rand.NewChaCha8([32]byte{})
	var table bytes.Buffer
	table.WriteString("account,name,email,amount,month,note\n")
	if err := os.MkdirAll(filepath.Join(h.dir, "pdf"), 0o700); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		source.Read(data)
		fmt.Fprintf(&table, "A%05d,客户%d,c%d@example.net,%d.50,2026-03,\n", i, i, i, i)
		if err := os.WriteFile(filepath.Join(h.dir, "pdf", fmt.Sprintf("A%05d.pdf", i)), data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	path := h.write("customers.csv", table.String())
	b.ResetTimer()
	if r := h.prepare(path); r.Ready != n {
		b.Fatalf("%+v", r)
	}
	prepared := b.Elapsed()
	if err := h.Send(b.Context(), statement.SendOptions{}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(n)/prepared.Seconds(), "prepared/s")
	b.ReportMetric(float64(n)/(b.Elapsed()-prepared).Seconds(), "put/s")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "mails/s")
}

// TestMany: rows are looked through and put in memory that does not grow with them: some thousands, or as many as PARLEY_STATEMENT_ROWS says; a
// million takes minutes.
func TestMany(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("PARLEY_STATEMENT_ROWS"))
	if err != nil {
		n = 5000
	}
	if testing.Short() {
		n = 500
	}
	h := newHouse(t, func(h *house) { h.c.Attach = nil })
	h.c.Worker = outbox.Worker{}
	h.Close()
	h.open()
	f, err := os.Create(filepath.Join(h.dir, "many.csv"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(f, "account,name,email,amount,month,note")
	for i := range n {
		fmt.Fprintf(f, "A%07d,客户%d,c%d@example.net,%d.50,2026-03,\n", i, i, i, i)
	}
	f.Close()
	most := watchMemory(t)
	began := time.Now()
	if r := h.prepare(f.Name()); r.Ready != n {
		t.Fatalf("%+v", r)
	}
	t.Logf("prepared in %v, %d MiB at most", time.Since(began), most()>>20)
	began = time.Now()
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Logf("put in %v, %d MiB at most", time.Since(began), most()>>20)
	if most() > 256<<20 {
		t.Errorf("%d MiB in use", most()>>20)
	}
}

// watchMemory tells the most that was in use.
func watchMemory(t *testing.T) func() uint64 {
	done := make(chan struct{})
	over := make(chan struct{})
	peak := make(chan uint64, 1)
	peak <- 0
	go func() {
		defer close(over)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			was := <-peak
			peak <- max(was, m.HeapInuse)
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { close(done); <-over })
	return func() uint64 { v := <-peak; peak <- v; return v }
}
