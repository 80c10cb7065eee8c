package pages

import (
	"fmt"
	"strings"
	"testing"
)

// TestFit: a frame is as high as what is in it, as Chromium lays it out, or a step or so more.
func TestFit(t *testing.T) {
	line := "<p>" + strings.Repeat("word ", 15) + "</p>"
	for _, test := range []struct {
		name, body string
		wide, slim string
	}{
		{"nothing", "", "1", "1"},
		{"a line", "<p>hello</p>", "1", "1"},
		{"eight paragraphs", strings.Repeat(line, 8), "6", "8"},
		{"hundreds", strings.Repeat(line, 300), "long", "long"},
		{"one long paragraph", "<p>" + strings.Repeat("word ", 100) + "</p>", "2", "5"},
		{"the same in Chinese", "<p>" + strings.Repeat("对账单", 80) + "</p>", "3", "6"},
		{"a word that sticks out", "<p>" + strings.Repeat("x", 1000) + "</p>", "1", "1"},
		{"cells beside each other", "<table><tr>" + strings.Repeat("<td>cell</td>", 40) + "</tr></table>", "1", "1"},
		{"rows", "<table>" + strings.Repeat("<tr><td>a</td><td>b</td></tr>", 20) + "</table>", "7", "7"},
		{"a cell with a table in it", "<table><tr><td><table><tr><td>a</td></tr><tr><td>b</td></tr></table></td><td>c</td></tr></table>", "1", "1"},
		{"an image that tells its size", `<img src="x" height="380" width="600">`, "7", "7"},
		{"by its style", `<img src="x" style="width:10px;height: 380px">`, "7", "7"},
		{"one that does not", `<img src="x">`, "4", "4"},
		{"one of a pixel", `<img src="x" width="1" height="1">`, "1", "1"},
		{"what is not seen", `<div style="display: none">` + strings.Repeat(line, 90) + `</div><p>hello</p>`, "1", "1"},
		{"padding", `<div style="padding: 100px 0">hello</div>`, "5", "5"},
		{"padding of each side", `<div style="padding-top:190px;padding-bottom:10px">hello</div>`, "5", "5"},
		{"a height", `<table><tr><td height="300">x</td></tr></table>`, "6", "6"},
		{"line breaks", strings.Repeat("a<br>", 12), "5", "5"},
		{"a program", "<pre>" + strings.Repeat("a\n", 12) + "</pre>", "4", "4"},
		{"a style sheet", "<style>" + strings.Repeat("p { color: red }\n", 90) + "</style>hello", "1", "1"},
		{"lines far apart", `<div style="line-height: 3; font-size: 20px">` + strings.Repeat("a<br>", 5) + "</div>", "6", "6"},
		{"paragraphs without margins", strings.Repeat(`<p style="margin:0">x</p>`, 10), "4", "4"},
		{"cells with room in them", `<table cellpadding="10">` + strings.Repeat("<tr><td>x</td></tr>", 5) + "</table>", "4", "4"},
		{"letters without measure", strings.Repeat(`<div style="font-size:999em;line-height:900">`, 150) + "x", "long", "long"},
		{"what cannot be a size", `<img src="x" height="NaN"><div style="padding: -9e99px; height: Infinity">x</div>`, "4", "4"},
	} {
		document := "<!doctype html><html><head><title>x</title></head><body>" + test.body + "</body></html>"
		if got, want := fit(document, false), "fit-"+test.wide+" slim-"+test.slim; got != want {
			t.Errorf("%s: %s, and not %s: %.0f and %.0f pixels", test.name, got, want, heightOf(document, wideFrame), heightOf(document, slimFrame))
		}
		if got, want := fit(document, true), "fit-"+test.slim+" slim-"+test.slim; got != want {
			t.Errorf("%s, as on a phone: %s", test.name, got)
		}
	}
}

// TestFitsAreStyled: the style sheet has each height, and none is higher than the window.
func TestFitsAreStyled(t *testing.T) {
	style := css(t)
	for i, high := range fits {
		for _, of := range []string{"fit", "slim"} {
			if rule := fmt.Sprintf(".%s-%d { --%s: %dpx; }", of, i+1, of, int(high)); !strings.Contains(style, rule) {
				t.Errorf("there is no %s", rule)
			}
		}
	}
	for _, rule := range []string{"height: min(var(--fit, 92vh), 92vh)", "height: min(var(--slim, 92vh), 92vh)", "resize: vertical"} {
		if !strings.Contains(style, rule) {
			t.Errorf("there is no %s", rule)
		}
	}
}

// FuzzFit: whatever is in a mail, its height is told, and soon.
func FuzzFit(f *testing.F) {
	f.Add("<table><tr><td>a</table></td></tr><pre></p></pre></pre><h1></h2>")
	f.Add("<div style='display:none'><p></div></div></p>")
	f.Fuzz(func(t *testing.T, document string) {
		if high := heightOf(document, slimFrame); !(high >= 0 && high < 1e7) {
			t.Errorf("%f pixels", high)
		}
	})
}
