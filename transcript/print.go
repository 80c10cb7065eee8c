package transcript

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/smtp"
)

// Print gives a function for [smtp.Client.Trace] that writes each event to w as
// it happens, one Write a line. It may be called by many goroutines. What w says
// of it is not heard.
func Print(w io.Writer) func(smtp.Event) {
	return (&Printer{W: w}).Trace
}

// A Printer is [Print] with more to say. W must be set. Its fields are not
// changed once it is in use.
type Printer struct {
	W     io.Writer
	Times bool // the time of day before each line, to the millisecond
	Took  bool // how long an answer was waited for, in milliseconds, before its last line

	mu     sync.Mutex
	labels labels
}

// Trace writes one event.
func (p *Printer) Trace(e smtp.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	io.WriteString(p.W, p.before(e)+numbered(p.labels.of(e), Line(e))+"\n")
}

// before is what stands before a turn.
func (p *Printer) before(e smtp.Event) string {
	var b strings.Builder
	if p.Times {
		b.WriteString(e.At.Format(clockForm) + " ")
	}
	if p.Took {
		took := ""
		if e.Took > 0 {
			took = fmt.Sprintf("+%.1fms", float64(e.Took)/float64(time.Millisecond))
		}
		fmt.Fprintf(&b, "%11s ", took)
	}
	return b.String()
}
