package statement

import (
	"bytes"
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/vanng822/go-premailer/premailer"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

//go:embed default.css
var defaultStyle string

// action is what a template does between its text.
var action = regexp.MustCompile(`(?s)\{\{.*?\}\}`)

// A hidden text has its actions taken out, with marks in their places, for programs that know nothing of templates.
type hidden struct {
	text    string
	actions []string
}

// back puts the actions in their places again, by what the marks look like.
func (h *hidden) back(text string, mark *regexp.Regexp) string {
	return mark.ReplaceAllStringFunc(text, func(m string) string {
		n, err := strconv.Atoi(mark.FindStringSubmatch(m)[1])
		if err != nil || n >= len(h.actions) {
			return m
		}
		return h.actions[n]
	})
}

var (
	wordMark    = regexp.MustCompile(`pqzaction([0-9]+)zqp`)
	anyMark     = regexp.MustCompile(`<!--pqzaction([0-9]+)zqp-->`)
	loneMark    = regexp.MustCompile(`<p>((?:\s*pqzaction[0-9]+zqp\s*)+)</p>`)
	loneRow     = regexp.MustCompile(`<tr>\s*<td[^>]*>(pqzaction[0-9]+zqp)</td>(?:\s*<td[^>]*></td>)*\s*</tr>`)
	controlling = regexp.MustCompile(`^\{\{-?\s*(if|else|end|range|with|break|continue|/\*|\$)`)
)

// markdown makes HTML of a template in Markdown. It is made of the template, and not of what rows say: a row writes no markup.
func markdown(source string) (string, error) {
	var h hidden
	h.text = action.ReplaceAllStringFunc(source, func(a string) string {
		h.actions = append(h.actions, a)
		return "pqzaction" + strconv.Itoa(len(h.actions)-1) + "zqp"
	})
	var b bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe())) // the template's own HTML is its author's
	if err := md.Convert([]byte(h.text), &b); err != nil {
		return "", fmt.Errorf("statement: reading %s: %w", markFile, err)
	}
	controls := func(s string) bool {
		for _, m := range wordMark.FindAllStringSubmatch(s, -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil || n >= len(h.actions) || !controlling.MatchString(h.actions[n]) {
				return false
			}
		}
		return true
	}
	for _, lone := range []*regexp.Regexp{loneMark, loneRow} {
		text := lone.ReplaceAllStringFunc(b.String(), func(s string) string {
			if !controls(s) {
				return s
			}
			return lone.FindStringSubmatch(s)[1]
		})
		b.Reset()
		b.WriteString(text)
	}
	return "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><style>" + defaultStyle + "</style></head><body><div class=\"mail\">\n" +
		h.back(b.String(), wordMark) + "</div></body></html>\n", nil
}

// styled puts styles into the elements of a template, so that it is done once and not for each mail. Where the template makes up a class
// or a style, nobody knows yet which ones there will be: late.
func styled(text, css string) (out string, late bool, err error) {
	if css != "" {
		style := "<style>" + css + "</style>"
		if at := strings.Index(strings.ToLower(text), "</head>"); at >= 0 {
			text = text[:at] + style + text[at:]
		} else {
			text = style + text
		}
	}
	if !strings.Contains(strings.ToLower(text), "<style") {
		return text, false, nil
	}
	h, late := hide(text)
	if late {
		return text, true, nil
	}
	if out, err = inlined(h.text); err != nil {
		return "", false, err
	}
	out = h.back(out, anyMark)
	return h.back(out, wordMark), false, nil
}

// inlined puts styles into the elements of HTML.
func inlined(text string) (string, error) {
	p, err := premailer.NewPremailerFromString(text, premailer.NewOptions())
	if err == nil {
		text, err = p.Transform()
	}
	if err != nil {
		return "", fmt.Errorf("statement: putting styles into elements: %w", err)
	}
	return text, nil
}

var (
	openTag    = regexp.MustCompile(`(?is)<(!--.*?--|/?[a-z][^<>]*?)>`)
	madeUp     = regexp.MustCompile(`(?is)\b(class|id|style)\s*=\s*("[^"]*pqzaction|'[^']*pqzaction|[^\s"'>]*pqzaction)`)
	plainTexts = regexp.MustCompile(`(?is)<(title|style|script|textarea)\b[^>]*>.*?</(title|style|script|textarea)\s*>`)
)

// hide takes the actions out of HTML. In a tag or a title there is a word in place of each, and a comment elsewhere: a word in a table, outside its cells, would be moved
// out of it by whoever reads HTML as browsers do.
func hide(text string) (h hidden, late bool) {
	h.text = action.ReplaceAllStringFunc(text, func(a string) string {
		h.actions = append(h.actions, a)
		return "pqzaction" + strconv.Itoa(len(h.actions)-1) + "zqp"
	})
	within := append(openTag.FindAllStringIndex(h.text, -1), plainTexts.FindAllStringIndex(h.text, -1)...)
	for _, tag := range openTag.FindAllString(h.text, -1) {
		late = late || madeUp.MatchString(tag)
	}
	var b strings.Builder
	last := 0
	for _, at := range wordMark.FindAllStringIndex(h.text, -1) {
		inside := false
		for _, w := range within {
			inside = inside || w[0] < at[0] && at[1] < w[1]
		}
		b.WriteString(h.text[last:at[0]])
		if last = at[1]; inside {
			b.WriteString(h.text[at[0]:at[1]])
		} else {
			b.WriteString("<!--" + h.text[at[0]:at[1]] + "-->")
		}
	}
	b.WriteString(h.text[last:])
	h.text = b.String()
	return h, late
}
