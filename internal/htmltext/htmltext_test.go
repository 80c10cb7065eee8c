package htmltext_test

import (
	"testing"

	"github.com/parleymail/parley/internal/htmltext"
)

func TestOf(t *testing.T) {
	for _, x := range []struct{ in, want string }{
		{"<p>One <b>two</b>three.</p><p>Next<br>line</p>", "One twothree.\n\nNext\nline"},
		{"<ul><li>a</li><li>b<ol><li>c</li></ol></li></ul>", "- a\n- b\n  1. c"},
		{"<pre>x\n  y\n\nz</pre>after", "x\n  y\n\nz\n\nafter"},
		{`<a href="https://x.example/">https://x.example/</a> <a href="https://y.example/">why</a>`, "https://x.example/ why <https://y.example/>"},
		{"<blockquote><p>said</p></blockquote>so", "said\n\nso"},
		{"中<b>文</b>字", "中文字"},
	} {
		if got := htmltext.Of(x.in); got != x.want {
			t.Errorf("%s\n got %q\nwant %q", x.in, got, x.want)
		}
	}
}
