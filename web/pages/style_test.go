package pages

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestContrast: text is at least 4.5 times as light, or as dark, as what it stands on (WCAG 2.2, 1.4.3), in light and in dark.
func TestContrast(t *testing.T) {
	style := css(t)
	blocks := regexp.MustCompile(`(?s):root[^{]*\{(.*?)\}`).FindAllStringSubmatch(style, -1)
	if len(blocks) != 3 {
		t.Fatalf("there are %d blocks of colours, and were to be three: light, dark by the system, dark by choice", len(blocks))
	}
	light, bySystem, byChoice := colours(blocks[0][1]), colours(blocks[1][1]), colours(blocks[2][1])
	if !maps.Equal(bySystem, byChoice) {
		t.Errorf("dark is not dark: %v, %v", bySystem, byChoice)
	}
	for name, theme := range map[string]map[string]string{"light": light, "dark": byChoice} {
		for _, pair := range [][2]string{
			{"ink", "bg"}, {"ink", "panel"}, {"ink", "code"}, {"ink", "mark"}, {"ink", "bad-bg"}, {"faint", "bg"}, {"faint", "panel"}, {"faint", "mark"}, {"faint", "bad-bg"},
			{"accent", "bg"}, {"accent", "panel"}, {"accent", "mark"}, {"accent", "warn-bg"}, {"bad", "bad-bg"}, {"bad", "panel"}, {"warn", "warn-bg"}, {"client", "bg"}, {"client", "panel"}, {"server", "bg"}, {"server", "panel"}, {"server", "mark"},
		} {
			if c := contrast(t, theme[pair[0]], theme[pair[1]]); c < 4.5 {
				t.Errorf("%s: %s on %s is %.2f", name, pair[0], pair[1], c)
			}
		}
	}
}

func css(t *testing.T) string {
	t.Helper()
	style, err := files.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	return string(style)
}

func colours(block string) map[string]string {
	found := make(map[string]string)
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6})`).FindAllStringSubmatch(block, -1) {
		found[m[1]] = m[2]
	}
	return found
}

// contrast is the ratio of two colours' relative luminances.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	l := []float64{luminance(t, a), luminance(t, b)}
	return (slices.Max(l) + 0.05) / (slices.Min(l) + 0.05)
}

func luminance(t *testing.T, colour string) (sum float64) {
	t.Helper()
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// TestStyleAsksNobody: nothing is loaded by the style, and what moves stands still for who wants that.
func TestStyleAsksNobody(t *testing.T) {
	style := css(t)
	for _, bad := range []string{"url(", "@import", "@font-face", "expression("} {
		if strings.Contains(style, bad) {
			t.Errorf("it has %s", bad)
		}
	}
	for _, wanted := range []string{"prefers-reduced-motion", "prefers-color-scheme: dark", ":focus-visible"} {
		if !strings.Contains(style, wanted) {
			t.Errorf("it has no %s", wanted)
		}
	}
}

// TestScriptIsTame: the script makes no markup of text, and asks nobody but us.
func TestScriptIsTame(t *testing.T) {
	script, err := files.ReadFile("static/parley.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "http://", "https://", "localStorage"} {
		if strings.Contains(string(script), bad) {
			t.Errorf("it has %s", bad)
		}
	}
}

// TestEveryStepHasItsColour: and each depth of the tree its place.
func TestEveryStepHasItsColour(t *testing.T) {
	style := css(t)
	for name := range words {
		if strings.HasPrefix(name, "step-") && (!strings.Contains(style, "."+name+" { fill:") && !strings.Contains(style, "."+name+",") || !strings.Contains(style, ".key."+name)) {
			t.Errorf("%s has none", name)
		}
	}
	for depth := 1; depth <= 12; depth++ {
		if !strings.Contains(style, ".depth-"+strconv.Itoa(depth)) {
			t.Errorf("depth %d has none", depth)
		}
	}
}
