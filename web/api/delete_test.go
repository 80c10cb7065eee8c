package api_test

import (
	"net/http"
	"testing"

	"github.com/parleymail/parley/inbox"
)

// TestDeleteAsksForWhatItSays: a parameter that cannot be read, or holds nothing, is no query for all.
func TestDeleteAsksForWhatItSays(t *testing.T) {
	x := ask(t, inbox.OneMailbox)
	x.send("one", "hello", "kim@example.net")
	for _, query := range []string{"query=subject:100%25%", "query=a;b", "mailbox=ci;x", "quer=x;y", "query=", "mailbox="} {
		for _, what := range []string{"messages", "sessions"} {
			if status, said := x.do("DELETE", "/api/v1/"+what+"?"+query, ""); status != http.StatusBadRequest {
				t.Errorf("DELETE %s?%s: %d %v", what, query, status, said)
			}
		}
	}
	if status, said := x.do("GET", "/api/v1/messages", ""); status != http.StatusOK || said["total"] != 1.0 {
		t.Errorf("%d %v", status, said)
	}
	if status, said := x.do("GET", "/api/v1/wait?to=kim@example.net;y", ""); status != http.StatusBadRequest {
		t.Errorf("wait: %d %v", status, said)
	}
}

// TestDeleteOfAMailbox: what one mailbox deletes of a session that brought mails to two stays the other's.
func TestDeleteOfAMailbox(t *testing.T) {
	x := ask(t, inbox.ByRecipient)
	x.send("one", "hello", "a@example.net")
	x.send("two", "hello", "b@example.net") // over the same session
	if status, said := x.do("DELETE", "/api/v1/sessions/1?mailbox=a@example.net", ""); status != http.StatusNoContent && status != http.StatusOK {
		t.Errorf("%d %v", status, said)
	}
	for box, want := range map[string]float64{"a@example.net": 0, "b@example.net": 1} {
		if _, said := x.do("GET", "/api/v1/messages?mailbox="+box, ""); said["total"] != want {
			t.Errorf("%s has %v", box, said["total"])
		}
	}
}
