package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/web/api"
)

// later is a mail that waits for an hour, so that something can be done about it.
func later(from, to, more string) string {
	return fmt.Sprintf(`{"from": %q, "to": %q, "subject": "later", "text": "x\n", "notBefore": %q%s}`, from, to, time.Now().Add(time.Hour).Format(time.RFC3339), more)
}

// two is a relay with two users, and an operator.
func two(t *testing.T) (shop, bank, boss *handing) {
	x := hand(t, func(c *relay.Config) {
		for _, name := range []string{"shop", "bank", "boss"} {
			c.Users = append(c.Users, relay.User{Name: name, Password: hash(t, "x"), Senders: []string{"*"}, Operator: name == "boss"})
		}
	})
	return x.as("shop", false), x.as("bank", false), x.as("boss", true)
}

func count(v map[string]any) int { return len(v["items"].([]any)) }

// TestQueueList: filters, pages, and nobody sees what is another's.
func TestQueueList(t *testing.T) {
	shop, bank, boss := two(t)
	var ids []string
	for i := range 5 {
		v := shop.want(202, "", "POST", "/api/v1/messages", later("a@shop.example", "kim@example.net, li@example.org", fmt.Sprintf(`, "topic": "t%d", "class": "bulk"`, i%2)))
		ids = append(ids, v["id"].(string))
	}
	v := bank.want(202, "", "POST", "/api/v1/messages", later("a@bank.example", "kim@example.net", ""))
	other := v["id"].(string)
	for path, want := range map[string][2]int{ // for shop, and for the operator
		"":                               {10, 11},
		"?topic=t1":                      {4, 4},
		"?state=queued":                  {10, 11},
		"?state=queued,held":             {10, 11},
		"?state=sent":                    {0, 0},
		"?class=normal":                  {0, 1},
		"?recipient=kim@example.net":     {5, 6},
		"?recipient=@example.org":        {5, 5},
		"?sender=a@bank.example":         {0, 1},
		"?origin=shop":                   {10, 10},
		"?since=2020-01-01T00:00:00Z":    {10, 11},
		"?until=2020-01-01T00:00:00Z":    {0, 0},
		"?message_id=x":                  {0, 0},
		"?limit=3":                       {3, 3},
		"?lane=none":                     {0, 0},
		"?before=" + ids[1] + ".0":       {3, 3},
		"?before=" + ids[0] + ".1":       {0, 0},
		"?state=queued&topic=t0&limit=1": {1, 1},
	} {
		for i, who := range []*handing{shop, boss} {
			if v := who.want(200, "", "GET", "/api/v1/messages"+path, ""); count(v) != want[i] {
				t.Errorf("%s as %s: %d, want %d", path, who.who.Name, count(v), want[i])
			}
		}
	}
	for path, code := range map[string]string{
		"?state=gone": "bad_request", "?class=x": "bad_request", "?since=x": "bad_request", "?before=x": "bad_request", "?limit=1001": "bad_request", "?limit=-1": "bad_request",
		"?stat=sent": "bad_request", "?topic=a&topic=b": "bad_request", "?%zz": "bad_request",
	} {
		boss.want(400, code, "GET", "/api/v1/messages"+path, "")
	}
	shop.want(403, "not_allowed", "GET", "/api/v1/messages?origin=bank", "")
	// Pages have each once.
	seen, next := map[string]bool{}, ""
	for n := 0; n < 10; n++ {
		v := boss.want(200, "", "GET", "/api/v1/messages?limit=4&before="+next, "")
		for _, i := range v["items"].([]any) {
			i := i.(map[string]any)
			seen[fmt.Sprint(i["message"], i["recipient"])] = true
		}
		if next, _ = v["next"].(string); next == "" {
			break
		}
	}
	if len(seen) != 11 {
		t.Errorf("the pages have %d", len(seen))
	}
	// What is another's is not there, on every route.
	for _, one := range shop.patterns {
		method, path, _ := strings.Cut(one, " ")
		if !strings.Contains(path, "{id}") {
			continue
		}
		path = strings.Replace(path, "{id}", other, 1)
		shop.want(404, "not_found", method, path, "")
		boss.want(404, "not_found", method, strings.Replace(path, other, "0000000000000", 1), "")
		boss.want(404, "not_found", method, strings.Replace(path, other, "..%2f", 1), "")
	}
	bank.want(200, "", "GET", "/api/v1/messages/"+other, "")
	for _, path := range []string{"GET /api/v1/lanes", "GET /api/v1/suppressions", "PUT /api/v1/suppressions/a@b.example", "DELETE /api/v1/suppressions/a@b.example"} {
		method, path, _ := strings.Cut(path, " ")
		shop.want(403, "not_allowed", method, path, "{}")
	}
	if v := shop.want(200, "", "POST", "/api/v1/queue/hold?state=queued", ""); v["changed"] != 10.0 {
		t.Errorf("%v", v)
	}
	if v := bank.want(200, "", "GET", "/api/v1/messages?state=queued", ""); count(v) != 1 {
		t.Errorf("the bank's mail is held: %v", v)
	}
}

// TestQueueActs: what is done to one mail, to one recipient, and to many; the history tells who did it, and why.
func TestQueueActs(t *testing.T) {
	shop, _, boss := two(t)
	var ids []string
	for range 3 {
		ids = append(ids, shop.want(202, "", "POST", "/api/v1/messages", later("a@shop.example", "kim@example.net, li@example.org", ""))["id"].(string))
	}
	one := "/api/v1/messages/" + ids[0]
	for _, c := range []struct {
		method, path string
		changed      float64
	}{
		{"POST", one + "/hold?recipient=1&why=wait", 1},
		{"POST", one + "/hold", 1},
		{"POST", one + "/hold", 0},
		{"POST", one + "/release?recipient=0", 1},
		{"POST", one + "/release", 1},
		{"POST", "/api/v1/queue/hold?state=queued&why=all", 4},
		{"POST", "/api/v1/queue/release?state=held&recipient=@example.org", 2},
		{"POST", "/api/v1/queue/cancel?state=held", 2},
		{"DELETE", "/api/v1/messages/" + ids[1], 1},
		{"POST", "/api/v1/queue/purge?state=cancelled", 0}, // one of its recipients is not
	} {
		if v := boss.want(200, "", c.method, c.path, ""); v["changed"] != c.changed {
			t.Errorf("%s %s: %v", c.method, c.path, v)
		}
		if c.path == one+"/release" {
			boss.sink.Wait(t, 1) // what is released goes at once
			waitFor(t, func() bool { return count(boss.want(200, "", "GET", "/api/v1/messages?state=sent", "")) == 2 })
		}
		if strings.Contains(c.path, "example.org") {
			waitFor(t, func() bool { return count(boss.want(200, "", "GET", "/api/v1/messages?state=sent", "")) == 4 })
		}
	}
	v := boss.want(200, "", "GET", one, "")
	history, _ := json.Marshal(v["history"])
	if !strings.Contains(string(history), `"boss: wait"`) || !strings.Contains(string(history), `"what":"sent"`) {
		t.Errorf("%s", history)
	}
	for _, c := range [][3]string{
		{"POST", "/api/v1/queue/hold", "bad_request"}, {"POST", "/api/v1/queue/purge?why=x", "bad_request"}, {"POST", "/api/v1/queue/cancel?state=", "bad_request"},
		{"POST", one + "/hold?recipient=x", "bad_request"}, {"POST", one + "/hold?recipent=1", "bad_request"}, {"POST", "/api/v1/queue/hold?limit=1", "bad_request"},
	} {
		boss.want(400, c[2], c[0], c[1], "")
	}
	boss.want(404, "not_found", "POST", one+"/hold?recipient=7", "")
	// A form is no parameter.
	boss.want(400, "bad_request", "POST", "/api/v1/queue/purge", "state=sent", "Content-Type", "application/x-www-form-urlencoded")
}

func waitFor(t *testing.T, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Error("it did not come to be")
}

// TestQueueRetry: what was given up is tried anew; what has no content left is passed over.
func TestQueueRetry(t *testing.T) {
	_, _, boss := two(t)
	boss.sink.Refuse(smtp.StageRcpt, "*no@*", "550 5.1.1 no such user")
	boss.want(202, "", "POST", "/api/v1/messages", `{"from": "a@shop.example", "to": "no@example.net, kim@example.net", "text": "x\n"}`)
	waitFor(t, func() bool { return count(boss.want(200, "", "GET", "/api/v1/messages?state=bounced,sent", "")) >= 2 })
	v := boss.want(200, "", "GET", "/api/v1/messages?state=bounced", "")
	if count(v) != 1 {
		t.Fatalf("%v", v)
	}
	id := v["items"].([]any)[0].(map[string]any)["message"].(string)
	if history, _ := json.Marshal(boss.want(200, "", "GET", "/api/v1/messages/"+id, "")["history"]); !strings.Contains(string(history), "550 5.1.1 no such user") {
		t.Errorf("%s", history)
	}
	w, _ := boss.do("GET", "/api/v1/messages/"+id+"/raw", "")
	if w.Code != 200 || w.Header().Get("Content-Type") != "message/rfc822" || !strings.Contains(w.Body.String(), "From: a@shop.example\r\n") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if v := boss.want(200, "", "POST", "/api/v1/queue/retry?state=bounced", ""); v["changed"] != 1.0 {
		t.Errorf("%v", v)
	}
}

// TestSuppressions: the list is kept, page by page.
func TestSuppressions(t *testing.T) {
	x := hand(t, nil)
	for _, a := range []string{"c@x.example", "a@x.example", "B@x.example"} {
		v := x.want(200, "", "PUT", "/api/v1/suppressions/"+a, `{"detail": "asked by telephone"}`)
		if v["address"] != strings.ToLower(a) || v["reason"] != "manual" {
			t.Errorf("%v", v)
		}
	}
	v := x.want(200, "", "GET", "/api/v1/suppressions?limit=2", "")
	if count(v) != 2 || v["next"] != "b@x.example" {
		t.Errorf("%v", v)
	}
	if v = x.want(200, "", "GET", "/api/v1/suppressions?limit=2&after=b@x.example", ""); count(v) != 1 || v["next"] != nil {
		t.Errorf("%v", v)
	}
	if w, _ := x.do("DELETE", "/api/v1/suppressions/b@x.example", ""); w.Code != http.StatusNoContent {
		t.Errorf("%d", w.Code)
	}
	x.want(404, "not_found", "DELETE", "/api/v1/suppressions/b@x.example", "")
	x.want(422, "invalid", "PUT", "/api/v1/suppressions/nobody@@x", `{}`)
	x.want(422, "invalid", "PUT", "/api/v1/suppressions/a@x.example", `{"until": "2020-01-01T00:00:00Z"}`)
	x.want(400, "bad_request", "PUT", "/api/v1/suppressions/a@x.example", `{"reasn": "x"}`)
	x.want(415, "content_type", "PUT", "/api/v1/suppressions/a@x.example", `{}`, "Content-Type", "text/plain")
}

// TestQueueEvents: each event once, from where one was; of one's own mail alone.
func TestQueueEvents(t *testing.T) {
	shop, bank, boss := two(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := relay.Account{Name: r.Header.Get("X-Who"), Operator: r.Header.Get("X-Who") == "boss"}
		boss.mux.ServeHTTP(w, r.WithContext(api.WithAccount(r.Context(), who)))
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	follow := func(who, query, last string) (func(n int) []outbox.Event, *bufio.Scanner) {
		r, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/v1/events"+query, nil)
		r.Header.Set("X-Who", who)
		if last != "" {
			r.Header.Set("Last-Event-ID", last)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%v", resp)
		}
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		return func(n int) (list []outbox.Event) {
			for len(list) < n && lines.Scan() {
				if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
					var e outbox.Event
					if err := json.Unmarshal([]byte(data), &e); err != nil {
						t.Fatal(err)
					}
					list = append(list, e)
				}
			}
			return list
		}, lines
	}
	boss.sink.Refuse(smtp.StageRcpt, "", "550 5.1.1 no such user")
	now, _ := follow("boss", "", "")
	const body = `{"from": "a@x.example", "reversePath": "<>", "to": "kim@example.net", "text": "x\n"}`
	first := shop.want(202, "", "POST", "/api/v1/messages", body)["id"]
	second := bank.want(202, "", "POST", "/api/v1/messages", body)["id"]
	sent := now(2)
	if len(sent) != 2 || sent[0].What != outbox.WasBounced || sent[0].Said != "" {
		t.Fatalf("%v", sent)
	}
	all, _ := follow("boss", "?after=0&said=true", "")
	if again := all(2); len(again) != 2 || again[0].Seq != sent[0].Seq || again[0].Said == "" {
		t.Errorf("%v", again)
	}
	rest, _ := follow("boss", "", fmt.Sprint(sent[0].Seq))
	if again := rest(1); len(again) != 1 || again[0].Seq != sent[1].Seq {
		t.Errorf("%v", again)
	}
	for who, id := range map[string]any{"shop": first, "bank": second} {
		own, _ := follow(who, "?after=0", "")
		if mine := own(1); len(mine) != 1 || mine[0].Message.String() != id {
			t.Errorf("%s: %v, want %v", who, mine, id)
		}
	}
	boss.want(400, "bad_request", "GET", "/api/v1/events?after=x", "")
}

// TestOpenAPIServe: the file has the routes that there are, and no others, each parameter, and each field of what is told.
func TestOpenAPIServe(t *testing.T) {
	x := hand(t, nil)
	data, err := os.ReadFile("openapi-serve.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	path := ""
	for line := range strings.Lines(string(data)) {
		if m := regexp.MustCompile(`^  (/api/v1/\S+):`).FindStringSubmatch(line); m != nil {
			path = m[1]
		} else if m := regexp.MustCompile(`^    (get|put|post|patch|delete):`).FindStringSubmatch(line); m != nil && path != "" {
			told = append(told, strings.ToUpper(m[1])+" "+path)
		} else if strings.HasPrefix(line, "components:") {
			path = ""
		}
	}
	sort.Strings(told)
	sort.Strings(x.patterns)
	if strings.Join(told, "\n") != strings.Join(x.patterns, "\n") {
		t.Errorf("the file has\n%s\nand the code\n%s", strings.Join(told, "\n"), strings.Join(x.patterns, "\n"))
	}
	var walk func(of reflect.Type)
	walk = func(of reflect.Type) {
		for f := range of.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case f.Anonymous:
				walk(f.Type)
			case name != "" && name != "-" && !strings.Contains(string(data), "        "+name+": {"):
				t.Errorf("%v has a field %s, and the file does not", of, name)
			}
		}
	}
	for _, v := range []any{outbox.Item{}, outbox.Shown{}, outbox.Event{}, outbox.Tally{}, outbox.LaneTally{}, outbox.Suppression{}} {
		walk(reflect.TypeOf(v))
	}
	if w, _ := x.do("GET", "/api/v1/openapi.yaml", ""); w.Code != 200 || w.Body.String() != string(data) {
		t.Errorf("%d", w.Code)
	}
}

// TestEventsEnd: who is no operator any more does not hear what operators do for as long as a connection lasts.
func TestEventsEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("this waits for a heartbeat")
	}
	t.Parallel()
	var c relay.Config
	x := hand(t, func(made *relay.Config) {
		made.Users = []relay.User{{Name: "shop", Password: hash(t, "x"), Senders: []string{"*"}}, {Name: "boss", Password: hash(t, "x"), Senders: []string{"*"}, Operator: true}}
		c = *made
	})
	c.Users = []relay.User{c.Users[0], {Name: "boss", Password: c.Users[1].Password, Senders: []string{"*"}}}
	if err := x.relay.Reload(c); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	r := httptest.NewRequestWithContext(api.WithAccount(ctx, relay.Account{Name: "boss", Operator: true}), "GET", "/api/v1/events", nil)
	x.mux.ServeHTTP(httptest.NewRecorder(), r)
	if ctx.Err() != nil {
		t.Error("it goes on")
	}
}
