package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestMetricsOfRules: a rule that metrics could not name is refused, and they go on being told.
func TestMetricsOfRules(t *testing.T) {
	t.Parallel()
	h, _ := serving(t, nil)
	do := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Host = "127.0.0.1:8025"
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for line, status := range map[string]int{
		`{"line":"rcpt id=\"\\xff\" reply=\"451 4.7.1 x\""}`: http.StatusBadRequest,
		`{"id":"a/b","stage":"rcpt","reply":"451 4.7.1 x"}`:  http.StatusBadRequest,
		`{"id":"slow","stage":"rcpt","reply":"451 4.7.1 x"}`: http.StatusCreated,
	} {
		if w := do(http.MethodPost, "/api/v1/faults", line); w.Code != status || status == http.StatusBadRequest && !strings.Contains(w.Body.String(), "id: ") {
			t.Errorf("%s: %d %s", line, w.Code, w.Body)
		}
	}
	if w := do(http.MethodGet, "/metrics", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `parley_inbox_fault_hits_total{id="slow",stage="rcpt"} 0`) {
		t.Errorf("/metrics: %d %s", w.Code, w.Body)
	}
}
