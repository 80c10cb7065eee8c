package statement_test

import (
	"testing"

	"github.com/parleymail/parley/statement"
)

// TestTextOfMarkdown: who reads text reads no marks of Markdown, and what a cell holds is as it stands there.
func TestTextOfMarkdown(t *testing.T) {
	h := newHouse(t, func(h *house) {
		h.c.Attach = nil
		h.write("template/body.md", "# {{.name}}，您好\n\n金额为 **{{money .amount \"CNY\"}}**，见 [账单](https://bank.example/a)。\n\n{{if .note}}备注：{{.note}}{{end}}\n\n* 一\n* 二\n\n| 月 | 额 |\n|---|---|\n| 三 | {{.amount}} |\n")
	})
	h.prepare(h.rowsOf("A1,李*梅*,li@example.net,88.00,2026-03,", "A2,Bob,bob@example.net,1.00,2026-03,<b>a & b</b>"))
	if err := h.Send(t.Context(), statement.SendOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, m := range h.smtp.Mails() {
		msg, err := m.Message()
		if err != nil {
			t.Fatal(err)
		}
		want := "李*梅*，您好\n\n金额为 ¥88.00，见 账单 <https://bank.example/a>。\n\n- 一\n- 二\n\n月 额\n三 88.00"
		if m.To()[0] == "bob@example.net" {
			want = "Bob，您好\n\n金额为 ¥1.00，见 账单 <https://bank.example/a>。\n\n备注：<b>a & b</b>\n\n- 一\n- 二\n\n月 额\n三 1.00"
		}
		if msg.Text != want && msg.Text != want+"\n" {
			t.Errorf("%q", msg.Text)
		}
	}
}
