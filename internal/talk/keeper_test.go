package talk

import (
	"strings"
	"testing"

	"github.com/parleymail/parley/smtp"
)

// TestAFloodIsNotKept: of what a server says without end, the end is kept.
func TestAFloodIsNotKept(t *testing.T) {
	var k transcriptKeeper
	line := "S: 250-" + strings.Repeat("x", 1<<16)
	for range 1000 {
		k.add(smtp.Event{Did: smtp.Answer, Line: line})
	}
	k.add(smtp.Event{Did: smtp.Answer, Line: "250 last"})
	all := k.all()
	size := 0
	for _, e := range all {
		size += len(e.Line)
	}
	if size > maxKept || all[len(all)-1].Line != "250 last" {
		t.Errorf("%d octets are kept, the last of them %.20q", size, all[len(all)-1].Line)
	}
}
