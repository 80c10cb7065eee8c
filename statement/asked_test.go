package statement_test

import (
	"testing"
)

// TestAskedElsewhere: a field that one place asks for must still be there for another that shows it whatever it is.
func TestAskedElsewhere(t *testing.T) {
	for body, mistakes := range map[string]int{
		"{{with .note}}备注：{{.}}{{end}}":                    0,
		"{{if .note}}备注：{{.note}}{{end}}":                  0,
		`备注：{{default "—" .note}}`:                         0,
		"备注：{{.note}}":                                     1,
		"备注：{{.note}}\n{{with .note}}又：{{.}}{{end}}":       1,
		"{{if eq .note \"\"}}none{{else}}{{.note}}{{end}}": 0,
	} {
		h := newHouse(t, func(h *house) {
			h.c.Attach = nil
			h.write("template/body.md", "# {{.name}}\n\n"+body+"\n")
		})
		if r := h.prepare(h.rowsOf("A1,Ann,ann@example.net,1.00,2026-03,", "A2,Bob,bob@example.net,1.00,2026-03,paid")); r.Ready != 2-mistakes {
			t.Errorf("%s: %+v", body, r)
		}
	}
}
