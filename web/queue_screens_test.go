package web_test

import (
	"database/sql"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
	"github.com/parleymail/parley/relay"
)

// past has an hour of traffic stand in the store, for a picture of it: a wave, with a quarter of an hour in which a server says no.
func (h *queueHouse) past() {
	h.t.Helper()
	db, err := sql.Open("sqlite", sqlite.URL(h.path))
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		h.t.Fatal(err)
	}
	do := func(query string, args ...any) {
		if _, err := tx.Exec(query, args...); err != nil {
			h.t.Fatal(err)
		}
	}
	const events = "INSERT INTO parley_history (message, n, at, what, attempt, worker, took, stage, lane, remote, tls, kind, reply, said) VALUES (?, 0, ?, ?, 1, 1, 5, 0, 'good', '', '', '', '', '')"
	begin := time.Now().Truncate(time.Minute).Add(-time.Hour)
	for minute := range 60 {
		at := begin.Add(time.Duration(minute)*time.Minute + time.Second)
		n := 90 + int(60*math.Sin(float64(minute)/7)) + minute*13%17
		refused := 3
		if minute > 30 && minute < 45 {
			refused = n / 2
		}
		for i := range n {
			id := (at.UnixMilli()+int64(i)-1577836800000)<<20 + int64(i)
			do("INSERT INTO parley_recipients (message, n, path, notify, original, sum, state, class, lane, next_at, changed, attempts, unknowns, worker, reply) VALUES (?, 0, '', 0, '', 0, 5, 1, 0, 0, 0, 1, 0, 0, '')", id)
			what := outbox.WasSent
			switch {
			case i < refused:
				what = outbox.WasDeferred
			case i%40 == 39:
				what = outbox.WasBounced
			}
			do(events, id, at.UnixMilli()+int64(i), int64(what))
		}
	}
	if err := tx.Commit(); err != nil {
		h.t.Fatal(err)
	}
}

// TestScreensOfQueue makes the pictures of docs/screens, as TestScreens does.
func TestScreensOfQueue(t *testing.T) {
	if testing.Short() {
		t.Skip("pictures of what the other tests look at too")
	}
	dir := os.Getenv("PARLEY_SCREENS")
	if dir == "" {
		dir = t.TempDir()
	}
	h := newQueueHouse(t)
	h.past()
	q := h.tale()
	for address, reason := range map[string]string{"nobody@bad.example": "bounce", "wang@example.net": "complaint", "zhao@example.net": "unsubscribed", "anna@example.org": "manual"} {
		if err := h.box.Suppress(t.Context(), outbox.Suppression{Address: address, Reason: reason}); err != nil {
			t.Fatal(err)
		}
	}
	people := newQueueHouse(t,
		relay.User{Name: "shop", Password: passwordHash(t, "opensesame"), Senders: []string{"*@shop.example"}, PerMinute: 60, PerDay: 1000},
		relay.User{Name: "boss", Password: passwordHash(t, "letmein"), Operator: true, Senders: []string{"*"}})
	b := chromium(t, &h.house)
	shot := func(name string, width, height int64, url, ready string) {
		t.Helper()
		b.size(width, height)
		b.open(url)
		b.want(ready)
		png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	shot("queue", 1280, 620, h.url+"/", `document.querySelector(".lanes")`)
	shot("queue-messages", 1280, 720, h.url+"/messages", `document.querySelectorAll("#rows tr[data-id]").length > 5`)
	shot("queue-message", 1360, 1000, h.url+"/messages/"+q.bounced.String(), `document.querySelector(".history")`)
	shot("queue-rates", 1280, 860, h.url+"/rates", `document.querySelectorAll("rect").length > 60`)
	shot("queue-suppressions", 1280, 520, h.url+"/suppressions", `document.querySelector(".suppressed")`)
	shot("queue-users", 1280, 360, strings.Replace(people.url, "http://", "http://boss:letmein@", 1)+"/users", `document.querySelector(".people")`)
	shot("queue-narrow", 360, 760, h.url+"/", `document.querySelector(".lanes")`)
	shot("queue-narrow-messages", 360, 760, h.url+"/messages", `document.querySelector("#rows")`)
	shot("queue-narrow-message", 360, 760, h.url+"/messages/"+q.held.String(), `document.querySelector(".history")`)
	b.open(h.url + "/settings?theme=dark")
	shot("queue-dark", 1280, 860, h.url+"/rates", `document.documentElement.dataset.theme == "dark"`)
	b.open(h.url + "/settings?lang=zh&theme=light")
	shot("queue-chinese", 1280, 620, h.url+"/", `document.documentElement.lang == "zh-CN"`)
	shot("queue-chinese-message", 1360, 900, h.url+"/messages/"+q.deferred.String(), `document.documentElement.lang == "zh-CN"`)
}
