package diagnose

import (
	"testing"
	"time"
)

// TestEveryExample takes each rule's own example, with the provider that the rule is for, and
// without: the kind must be the rule's, or the shortfall be known.
func TestEveryExample(t *testing.T) {
	f := Default()
	n, right, alone := 0, 0, 0
	start := time.Now()
	for _, r := range f.rules {
		if r.regexp != nil && r.regexp() == nil { // one that does not compile panics
			t.Errorf("%s: no expression", r.id)
		}
		if r.example == "" {
			continue
		}
		n++
		d := f.Text(r.example, Hint{Provider: r.group})
		if d.Kind == r.kind {
			right++
		} else {
			t.Logf("%s: %q is %s by %v, not %s", r.id, r.example, d.Kind, d.Evidence, r.kind)
		}
		if f.Text(r.example, Hint{}).Kind == r.kind {
			alone++
		}
	}
	t.Logf("%d examples: %d right, %d without the provider; %v", n, right, alone, time.Since(start)/time.Duration(2*n))
	if right < n*97/100 {
		t.Errorf("%d of %d examples are their rule's kind", right, n)
	}
}
