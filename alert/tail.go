package alert

import (
	"bytes"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/internal/plain"
)

// A Tail keeps the end of what is written to it, as text that may be shown. Its zero value is ready.
type Tail struct {
	mu   sync.Mutex
	kept []byte
	all  int64
	last time.Time
}

const mostTail = MaxText / 2

func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all += int64(len(p))
	t.last = time.Now()
	t.kept = append(t.kept, p[max(0, len(p)-2*mostTail):]...)
	if len(t.kept) > 2*mostTail {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-mostTail:]...)
	}
	return len(p), nil
}

// Last is when something was last written; zero: nothing was yet.
func (t *Tail) Last() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// String is the end of what was written. What was cut before it is told by "…".
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept, cut := t.kept, t.all > int64(len(t.kept))
	if len(kept) > mostTail {
		kept, cut = kept[len(kept)-mostTail:], true
	}
	if cut {
		if _, after, ok := bytes.Cut(kept, []byte("\n")); ok {
			kept = after
		}
	}
	text := plain.ManyLines(withoutEscapes(string(kept)), mostTail)
	if cut {
		text = "…\n" + text
	}
	return text
}

// withoutEscapes leaves out what only a terminal understands: colours, and where to write.
func withoutEscapes(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "\x1b")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		s = after
		switch {
		case s == "":
		case s[0] == '[': // ECMA-48 §5.4: up to a letter
			i := 1
			for i < len(s) && s[i] >= 0x20 && s[i] < 0x40 {
				i++
			}
			s = s[min(i+1, len(s)):]
		case s[0] == ']': // a title, up to BEL or ESC \
			i := strings.IndexAny(s, "\a\x1b\n")
			if i < 0 {
				i = len(s) - 1
			}
			s = s[i:]
			s = strings.TrimPrefix(strings.TrimPrefix(s, "\a"), "\x1b\\")
		default:
			s = s[1:]
		}
	}
}
