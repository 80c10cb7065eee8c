package inbox

import (
	"bytes"
	"path/filepath"
	"strconv"
	"testing"
)

// BenchmarkKeep is what it costs to keep a mail of 1 KiB without any conversation.
func BenchmarkKeep(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchKeep(b, Options{}) })
	b.Run("memory, no limit", func(b *testing.B) { benchKeep(b, Options{MaxMessages: -1}) })
	b.Run("file", func(b *testing.B) { benchKeep(b, Options{Path: filepath.Join(b.TempDir(), "mail.db")}) })
}

func benchKeep(b *testing.B, o Options) {
	s, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	content := bytes.Repeat([]byte("Hello, this is a line of a mail that is kept.\r\n"), 22)
	r := s.begin()
	b.ReportAllocs()
	b.SetParallelism(10) // sessions
	b.RunParallel(func(p *testing.PB) {
		for n := 0; p.Next(); n++ {
			a, err := s.take(bytes.NewReader(content))
			if err != nil {
				b.Fatal(err)
			}
			a.rec, a.mailboxes = r, []string{""}
			a.reverse, a.rcpts = "sender@example.com", "recipient"+strconv.Itoa(n)+"@example.net"
			if err = s.keep(a); err != nil {
				b.Fatal(err)
			}
		}
	})
	if err = s.sync(b.Context()); err != nil {
		b.Fatal(err)
	}
}
