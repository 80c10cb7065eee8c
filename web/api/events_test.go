package api_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// TestEventsOfOneMailbox: who asks for a mailbox hears of its sessions and mails, with its name, and of no other's.
func TestEventsOfOneMailbox(t *testing.T) {
	x := ask(t, inbox.ByRecipient)
	server := httptest.NewServer(x.mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/api/v1/events?mailbox=kim@example.net", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	x.send("not kim's", "x", "bo@example.net")
	x.client.Close() // so that the next has a session of its own
	x.client = &smtp.Client{Addr: x.client.Addr, Security: smtp.Plaintext, Hello: "client.example"}
	x.send("kim's", "x", "kim@example.net")
	var got []string
	for lines := bufio.NewScanner(resp.Body); len(got) < 2 && lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			got = append(got, data)
		}
	}
	want := `{"what":"session","id":2,"mailbox":"kim@example.net"} {"what":"message","id":2,"mailbox":"kim@example.net"}`
	if text := strings.Join(got, " "); text != want {
		t.Errorf("told of %s\nwant    %s", text, want)
	}
}

// TestOpenAPIAnswers: the file tells of each event, and of each answer to who asks for a part of a content, or for a newer one.
func TestOpenAPIAnswers(t *testing.T) {
	data, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	model, err := os.ReadFile("../../inbox/model.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(model), "`json:\"what\"` // ")
	list, _, _ = strings.Cut(list, "\n")
	events := strings.Split(list, ", ")
	if len(events) < 8 {
		t.Fatalf("events are %s", list)
	}
	for _, e := range events {
		if !strings.Contains(string(data), e) {
			t.Errorf("the file does not tell of %s", e)
		}
	}

	x := ask(t, inbox.OneMailbox)
	m := &mail.Message{From: mail.Address{Address: "shop@example.com"}, To: mail.To("kim@example.net"), Text: "hello", HTML: "<p>hello</p>"}
	if _, err := x.client.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for path, route := range map[string]string{"/api/v1/messages/1/raw": "/api/v1/messages/{id}/raw:", "/api/v1/messages/1/parts/1": "/api/v1/messages/{id}/parts/{n}:"} {
		_, told, _ := strings.Cut(string(data), "\n  "+route+"\n")
		told, _, _ = strings.Cut(told, "\n  /")
		for status, header := range map[int][2]string{
			http.StatusPartialContent:               {"Range", "bytes=0-0"},
			http.StatusNotModified:                  {"If-Modified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)},
			http.StatusRequestedRangeNotSatisfiable: {"Range", "bytes=1000000-"},
		} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set(header[0], header[1])
			w := httptest.NewRecorder()
			x.mux.ServeHTTP(w, r)
			if w.Code != status {
				t.Errorf("%s, %v: %d", path, header, w.Code)
			}
			if !strings.Contains(told, fmt.Sprintf(`"%d":`, status)) {
				t.Errorf("%s: the file does not tell of %d", path, status)
			}
		}
	}
}
