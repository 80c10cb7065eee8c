package web_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/mail"
)

// TestScreens makes the pictures of docs/screens: make screens. They are looked at by people.
func TestScreens(t *testing.T) {
	if testing.Short() {
		t.Skip("pictures of what the other tests look at too")
	}
	dir := os.Getenv("PARLEY_SCREENS")
	if dir == "" {
		dir = t.TempDir() // they are made all the same, for what cannot be made is broken
	}
	h := newHouse(t, nil)
	if _, err := h.faults.Add(fault.Rule{Stage: "rcpt", Recipient: "later@*", Times: 2, Reply: "451 4.7.1 come back later"}); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*mail.Message{
		statement("March statement · 三月对账单"),
		{From: mail.Address{Name: "Shop", Address: "no-reply@shop.example"}, To: mail.To("kim@example.net"), Subject: "Reset your password", Text: "Open https://shop.example/reset?t=8f1c within an hour.\n"},
		{From: mail.Address{Name: "Watch", Address: "alerts@ops.example"}, To: mail.To("oncall@example.net"), Subject: "[firing] disk 93 % full on db-2", Text: "since 03:12\n"},
		{From: mail.Address{Name: "报警", Address: "alerts@ops.example"}, To: mail.To("oncall@example.net", "li@example.net"), Subject: "[恢复] 磁盘 db-2", Text: "已恢复\n"},
	} {
		if err := h.send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, to := range []string{"any+persona-gmail-unauthenticated-sender@example.net", "later@example.net"} {
		h.send(t.Context(), &mail.Message{From: mail.Address{Address: "a@example.com"}, To: mail.To(to), Subject: "x", Text: "x\n"})
	}
	b := chromium(t, h)
	shot := func(name string, width, height int64, path, ready string) {
		t.Helper()
		b.size(width, height)
		b.open(h.url + path)
		b.want(ready)
		png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	shot("list", 1200, 420, "/", `document.querySelectorAll("#rows tr[data-id]").length == 4`)
	shot("message", 1360, 860, "/messages/1", `document.querySelector("iframe.mail")`)
	shot("checks", 1360, 860, "/messages/1?tab=checks", `document.querySelector(".tabs")`)
	shot("conversation", 1100, 860, "/messages/1?tab=conversation", `document.querySelector(".timeline")`)
	shot("session", 1200, 760, "/sessions/5", `document.querySelector(".advice")`)
	shot("sessions", 1200, 560, "/sessions", `document.querySelector("#rows")`)
	shot("faults", 1360, 860, "/faults", `document.querySelector(".rules")`)
	shot("narrow", 360, 720, "/", `document.querySelector("#rows")`)
	shot("narrow-message", 360, 720, "/messages/1?tab=text", `document.querySelector(".tabs")`)
	b.open(h.url + "/settings?theme=dark")
	shot("dark", 1360, 860, "/messages/1?tab=conversation", `document.documentElement.dataset.theme == "dark"`)
	b.open(h.url + "/settings?lang=zh&theme=light")
	shot("chinese", 1360, 860, "/messages/1?tab=conversation", `document.documentElement.lang == "zh-CN"`)
}
