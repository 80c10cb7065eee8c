package statement

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestFormats: numbers, money and dates are written exactly, and as the place does.
func TestFormats(t *testing.T) {
	for _, c := range []struct{ locale, what, value, want string }{
		{"zh-CN", `money .v "CNY"`, "1234.5", "¥1,234.50"},
		{"zh-CN", `money .v "CNY"`, "-0.005", "-¥0.01"},
		{"zh-CN", `money .v "JPY"`, "1234.5", "JP¥1,235"},
		{"en", `money .v "USD"`, "(1,234.50)", "-$1,234.50"},
		{"en", `money .v "USD"`, "90071992547409.93", "$90,071,992,547,409.93"},
		{"de-DE", `money .v "EUR"`, "1234.5", "1.234,50\u00a0€"},
		{"en-IN", `number .v 0`, "12345678", "1,23,45,678"},
		{"en", `number .v`, "0.10", "0.1"},
		{"en", `percent .v`, "0.0375", "3.75%"},
		{"zh-CN", `date .v`, "2026-03-01", "2026年3月1日"},
		{"zh-CN", `date .v`, "202603", "2026年3月"},
		{"en-US", `date .v`, "2026/3/1", "March 1, 2026"},
		{"en", `date .v "Jan 2"`, "20260301", "Mar 1"},
		{"zh-CN", `rmb .v`, "0", "零元整"},
		{"zh-CN", `rmb .v`, "1004.04", "壹仟零肆元零肆分"},
		{"zh-CN", `rmb .v`, "100010001.5", "壹亿零壹万零壹元伍角整"},
		{"zh-CN", `rmb .v`, "10", "壹拾元整"},
		{"en", `mask .v`, "6222021234567890", "****7890"},
		{"en", `default "none" .v`, " ", "none"},
		{"en", `money .v "USD"`, "1,50", ""},
		{"en", `money .v "XX"`, "1", ""},
		{"en", `number .v`, "1e9", ""},
		{"en", `date .v`, "31.02.2026", ""},
	} {
		m, err := ParseTemplate(fstest.MapFS{"subject.txt": {Data: []byte("{{" + c.what + "}}")}, "text.txt": {Data: []byte("x")}}, TemplateOptions{Locale: c.locale})
		if err != nil {
			t.Fatal(err)
		}
		l, err := m.fill(&Row{Line: 2, Data: map[string]any{"v": c.value}})
		switch {
		case c.want == "" && err == nil:
			t.Errorf("%s of %q is taken", c.what, c.value)
		case c.want != "" && err != nil:
			t.Errorf("%s of %q: %v", c.what, c.value, err)
		case c.want != "" && l.subject != strings.ReplaceAll(c.want, "\u00a0", " "):
			t.Errorf("%s of %q in %s is %q, and not %q", c.what, c.value, c.locale, l.subject, c.want)
		}
	}
}
