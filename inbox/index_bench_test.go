package inbox

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkIndex is what it costs to read a mail of 4 KiB and to index it.
func BenchmarkIndex(b *testing.B) {
	words := strings.Fields(strings.Repeat("the quick brown fox jumps over the lazy dog while 客户 对账单 are sent every month to customers and partners ", 4))
	s, err := Open(Options{MaxMessages: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	r := s.begin()
	s.index.mu.Lock() // nothing is indexed meanwhile
	for n := range b.N {
		var body strings.Builder
		for i := 0; body.Len() < 3800; i++ {
			fmt.Fprintf(&body, "%s%d ", words[(i*7+n)%len(words)], (i*n)%50)
			if i%10 == 9 {
				body.WriteString("\r\n")
			}
		}
		content := fmt.Sprintf("From: Sender %d <sender%d@example.com>\r\nTo: Kim <kim@example.net>\r\nSubject: Statement %d\r\nMessage-ID: <%d@example.com>\r\nDate: Mon, 23 Nov 2026 04:11:23 +0000\r\n\r\n%s\r\n", n, n, n, n, body.String())
		a, err := s.take(strings.NewReader(content))
		if err != nil {
			b.Fatal(err)
		}
		a.rec, a.mailboxes, a.reverse, a.rcpts = r, []string{""}, "sender@example.com", "kim@example.net"
		if err = s.keep(a); err != nil {
			b.Fatal(err)
		}
	}
	s.sync(b.Context())
	s.index.mu.Unlock()
	b.ResetTimer()
	if err = s.drainIndex(b.Context(), s.index.last.Load()); err != nil {
		b.Fatal(err)
	}
}
