package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/web/api"
)

// An asked is the API over a store that takes mail.
type asked struct {
	t        *testing.T
	mux      *http.ServeMux
	store    *inbox.Store
	client   *smtp.Client
	patterns []string
}

func ask(t *testing.T, by inbox.MailboxBy) *asked {
	t.Helper()
	store, err := inbox.Open(inbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := &inbox.Server{Store: store, MailboxBy: by, Hostname: "catch.example"}
	l := smtptest.NewServer(t) // to forward to
	ctx, cancel := context.WithCancel(t.Context())
	a := &api.API{Inbox: store, Faults: new(fault.Plan), Forwarder: &inbox.Forwarder{Store: store, Client: l.Client()}, Context: ctx}
	x := &asked{t: t, mux: http.NewServeMux(), store: store}
	for pattern, h := range a.Routes() {
		x.mux.Handle(pattern, h)
		x.patterns = append(x.patterns, pattern)
	}
	mails := listen(t)
	go server.Serve(mails)
	x.client = &smtp.Client{Addr: mails.Addr().String(), Security: smtp.Plaintext, Hello: "client.example"}
	t.Cleanup(func() { cancel(); x.client.Close(); server.Close(); store.Close() })
	return x
}

func (x *asked) send(subject, text string, to ...string) {
	x.t.Helper()
	m := &mail.Message{From: mail.Address{Address: "shop@example.com"}, Subject: subject, Text: text}
	for _, one := range to {
		m.To = append(m.To, mail.Address{Address: one})
	}
	if _, err := x.client.Send(x.t.Context(), m); err != nil {
		x.t.Fatal(err)
	}
}

// do asks, and gives the status and what was said.
func (x *asked) do(method, path, body string, header ...string) (int, map[string]any) {
	x.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	x.mux.ServeHTTP(w, r)
	var v map[string]any
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			x.t.Fatalf("%s %s said %s", method, path, w.Body)
		}
	} else {
		v = map[string]any{"body": w.Body.String(), "disposition": w.Header().Get("Content-Disposition"), "policy": w.Header().Get("Content-Security-Policy")}
	}
	return w.Code, v
}

// TestOpenAPI: the file has the routes that there are, and no others, and each field of a message, a session and a fault.
func TestOpenAPI(t *testing.T) {
	x := ask(t, inbox.OneMailbox)
	data, err := os.ReadFile("openapi.yaml")
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
	for _, v := range []any{inbox.Message{Cc: "x", Mailbox: "x", MessageID: "x", Date: "x", Snippet: "x", EightBit: true, UTF8: true}, inbox.Session{Why: "x", Hello: "x"}, fault.Rule{Stage: "rcpt", Reply: "x", Limit: fault.Limit{Mails: 1, Per: 1}}} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		json.Unmarshal(text, &fields)
		for name := range fields {
			if !strings.Contains(string(data), "        "+name+": {") {
				t.Errorf("%T has a field %s, and the file does not", v, name)
			}
		}
	}
}

// TestWait: it gives what is there and what comes, to each that waits, by whole addresses; and says so when none came.
func TestWait(t *testing.T) {
	x := ask(t, inbox.OneMailbox)
	type answer struct {
		status int
		v      map[string]any
	}
	answers := make(chan answer, 2)
	for _, to := range []string{"a@example.net", "ba@example.net"} {
		go func() {
			status, v := x.do("GET", "/api/v1/wait?timeout=20s&to="+to, "")
			answers <- answer{status, v}
		}()
	}
	x.send("Reset", "Your code is 482913.\nhttps://example.com/reset?t=1\n", "ba@example.net")
	x.send("Other", "nothing\n", "a@example.net")
	subjects := map[string]bool{}
	for range 2 {
		a := <-answers
		if a.status != http.StatusOK {
			t.Fatalf("%d %v", a.status, a.v)
		}
		subjects[a.v["subject"].(string)] = true
		if a.v["subject"] == "Reset" {
			codes, links := a.v["codes"].([]any), a.v["links"].([]any)
			if len(codes) != 1 || codes[0].(map[string]any)["code"] != "482913" || len(links) != 1 {
				t.Errorf("codes %v, links %v", codes, links)
			}
		}
	}
	if !subjects["Reset"] || !subjects["Other"] {
		t.Errorf("%v", subjects)
	}
	begun := time.Now()
	if status, v := x.do("GET", "/api/v1/wait?timeout=100ms&to=nobody@example.net", ""); status != http.StatusRequestTimeout || time.Since(begun) < 100*time.Millisecond {
		t.Errorf("%d %v", status, v)
	}
	if status, _ := x.do("GET", "/api/v1/wait?timeout=0s&to=ba@example.net&after=1", ""); status != http.StatusRequestTimeout {
		t.Errorf("a mail of before is after: %d", status)
	}
}

// TestMailboxes: tests that run at once see only their own, on every route.
func TestMailboxes(t *testing.T) {
	x := ask(t, inbox.ByToken)
	x.send("One", "1\n", "kim+one@example.net")
	x.send("Two", "2\n", "kim+two@example.net")
	status, v := x.do("GET", "/api/v1/messages?mailbox=one", "")
	if items := v["items"].([]any); status != 200 || len(items) != 1 || items[0].(map[string]any)["subject"] != "One" {
		t.Fatalf("%d %v", status, v)
	}
	two := "/api/v1/messages/2"
	for _, route := range []string{"", "/raw", "/structure", "/checks", "/releases", "/parts/1"} {
		if status, v := x.do("GET", two+route, "", "Parley-Mailbox", "one"); status != http.StatusNotFound {
			t.Errorf("%s of another's mail: %d %v", route, status, v)
		}
	}
	for _, r := range [][3]string{{"DELETE", two, ""}, {"PATCH", two, `{"seen":true}`}, {"POST", two + "/release", `{}`}} {
		if status, _ := x.do(r[0], r[1]+"?mailbox=one", r[2]); status != http.StatusNotFound {
			t.Errorf("%s of another's mail: %d", r[0], status)
		}
	}
	if status, v := x.do("DELETE", "/api/v1/messages?mailbox=one", ""); status != 200 || v["deleted"] != 1.0 {
		t.Errorf("%d %v", status, v)
	}
	if status, _ := x.do("GET", two, ""); status != 200 {
		t.Errorf("the other's mail is gone: %d", status)
	}
	if status, v := x.do("GET", "/api/v1/messages?mailbox=one", "", "Parley-Mailbox", "two"); status != http.StatusBadRequest {
		t.Errorf("two mailboxes at once: %d %v", status, v)
	}
}

// TestMessage: what a message is, raw and in parts; nothing of it is shown by a browser.
func TestMessage(t *testing.T) {
	x := ask(t, inbox.OneMailbox)
	x.send("Hello <b>", "<script>alert(1)</script>\n", "kim@example.net")
	status, v := x.do("GET", "/api/v1/messages/1", "")
	if status != 200 || v["subject"] != "Hello <b>" || v["text"] != "<script>alert(1)</script>\n" {
		t.Errorf("%d %v", status, v)
	}
	kept, err := x.store.Content(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	status, v = x.do("GET", "/api/v1/messages/1/raw", "")
	if status != 200 || v["body"] != string(kept) || !strings.HasPrefix(v["disposition"].(string), "attachment") || !strings.Contains(v["policy"].(string), "sandbox") {
		t.Errorf("%d %v", status, v)
	}
	if status, v := x.do("PATCH", "/api/v1/messages/1", `{"seen":true}`); status != 200 || v["seen"] != true {
		t.Errorf("%d %v", status, v)
	}
	if status, v := x.do("POST", "/api/v1/messages/1/release", `{"to":["anna@example.org"]}`); status != 200 || !strings.HasPrefix(v["reply"].(string), "250") {
		t.Errorf("%d %v", status, v)
	}
	if status, _ := x.do("POST", "/api/v1/messages/1/release", `{"to":["a@b\r\nRCPT TO:<x@y>"]}`); status != http.StatusBadRequest {
		t.Errorf("a line break went into an envelope: %d", status)
	}
	status, v = x.do("GET", "/api/v1/sessions/1", "")
	if status != 200 || len(v["transcript"].([]any)) < 5 {
		t.Errorf("%d %v", status, v)
	}
	if status, _ := x.do("DELETE", "/api/v1/messages/1", ""); status != http.StatusNoContent {
		t.Errorf("%d", status)
	}
	if status, _ := x.do("DELETE", "/api/v1/messages/1", ""); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
}

// TestFaults: they come and go by the API, in each form, and what is wrong with one is said.
func TestFaults(t *testing.T) {
	x := ask(t, inbox.OneMailbox)
	if status, v := x.do("POST", "/api/v1/faults", `{"line":"rcpt times=2 reply=\"451 later\""}`); status != http.StatusCreated || v["id"] != "1" {
		t.Errorf("%d %v", status, v)
	}
	if status, v := x.do("POST", "/api/v1/faults", `{"persona":"qq-wrong-code"}`); status != http.StatusCreated || v["stage"] != "auth" {
		t.Errorf("%d %v", status, v)
	}
	for body, want := range map[string]string{`{"stage":"rcpt"}`: "nothing goes wrong", `{"stage":"nowhere","mute":true}`: "nowhere", `{"line":"x","mute":true}`: "one or the other", `{"colour":"red"}`: "colour", `{`: "body"} {
		if status, v := x.do("POST", "/api/v1/faults", body); status != http.StatusBadRequest || !strings.Contains(v["error"].(map[string]any)["message"].(string), want) {
			t.Errorf("%s: %d %v", body, status, v)
		}
	}
	if _, v := x.do("GET", "/api/v1/faults", ""); len(v["items"].([]any)) != 2 {
		t.Errorf("%v", v)
	}
	if status, _ := x.do("DELETE", "/api/v1/faults/1", ""); status != http.StatusNoContent {
		t.Errorf("%d", status)
	}
	if status, v := x.do("PUT", "/api/v1/faults", `{"lines":["end mute then=hang-up"]}`); status != 200 || len(v["items"].([]any)) != 1 {
		t.Errorf("%d %v", status, v)
	}
	if status, _ := x.do("DELETE", "/api/v1/faults", ""); status != http.StatusNoContent {
		t.Errorf("%d", status)
	}
	if _, v := x.do("GET", "/api/v1/personas", ""); len(v["items"].([]any)) < 60 {
		t.Error("there are few personas")
	}
}
