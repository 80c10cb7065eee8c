package main

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// TestServeTraces: a mail is followed within its program's trace, from when it was handed over to its receipt, and what collects traces
// is told so.
func TestServeTraces(t *testing.T) {
	t.Parallel()
	told := make(chan []byte, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL, err)
		}
		told <- body
	}))
	t.Cleanup(collector.Close)
	sink := smtptest.NewServer(t)
	s := startServeIn(t, append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_SERVICE_NAME=statements"),
		"--smtp", "127.0.0.1:0", "--to", sink.URL(), "--database", "sqlite:"+filepath.Join(t.TempDir(), "outbox.db"))
	t.Cleanup(func() { s.kill(t) })
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	client := &smtp.Client{Addr: s.smtp, Security: smtp.Plaintext, Hello: "program.example"}
	defer client.Close()
	_, err := client.Send(t.Context(), &mail.Message{
		From: mail.Address{Address: "a@x.example"}, To: mail.To("kim@example.net"), Subject: "hi", Text: "hello",
		Header: []mail.Field{{Name: "X-Parley-Trace", Value: "00-" + traceID + "-00f067aa0ba902b7-01"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := sink.Find(t, func(*smtptest.Mail) bool { return true }); strings.Contains(string(m.Content), traceID) {
		t.Error("the trace goes out with the mail")
	}
	id, err := hex.DecodeString(traceID)
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{"mail take": true, "mail send": true}
	for late := time.After(20 * time.Second); len(missing) > 0; {
		select {
		case body := <-told:
			if !bytes.Contains(body, id) || !bytes.Contains(body, []byte("statements")) {
				t.Error("spans of another trace, or of another service")
			}
			for name := range missing {
				if bytes.Contains(body, []byte(name)) {
					delete(missing, name)
				}
			}
		case <-late:
			t.Fatalf("nothing is told of %v", missing)
		}
	}
}
