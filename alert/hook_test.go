package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const secret = "a secret of tests alone"

func withHooks(c *Config) {
	for _, f := range []Format{Generic, Alertmanager, Grafana, Sentry} {
		c.Hooks = append(c.Hooks, Hook{Name: string(f), Format: f, Secret: secret})
	}
	c.Hooks[3].Signature = "Sentry-Hook-Signature"
	c.Hooks = append(c.Hooks, Hook{Name: "alive", Format: Heartbeat, Secret: secret, Every: time.Hour})
	c.Receivers[0].GroupInterval = -1
}

// post asks a hook, and gives the answer's code. What is to be changed in the request is a header.
func (h *house) post(hook, body string, header ...string) int {
	r := httptest.NewRequest(http.MethodPost, "/hook/"+hook, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+secret)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), secret) {
		h.t.Error("the answer repeats the secret")
	}
	return w.Code
}

func sign(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// What is forged is not taken.
func TestForged(t *testing.T) {
	h := newHouse(t, withHooks)
	body := `{"title":"down","status":"firing"}`
	for _, c := range []struct {
		what, hook, body string
		header           []string
		code             int
	}{
		{"no secret", "generic", body, []string{"Authorization", ""}, 401},
		{"another secret", "generic", body, []string{"Authorization", "Bearer another secret of others"}, 401},
		{"the beginning of the secret", "generic", body, []string{"Authorization", "Bearer " + secret[:10]}, 401},
		{"no such hook", "none", body, nil, 401},
		{"the secret in place of a signature", "sentry", body, nil, 401},
		{"the signature of another body", "sentry", body, []string{"Sentry-Hook-Signature", sign(body + " ")}, 401},
		{"a signature that is no hex", "sentry", body, []string{"Sentry-Hook-Signature", "zz"}, 401},
		{"too much", "generic", `{"title":"` + strings.Repeat("a", mostBody) + `"}`, nil, 413},
		{"too many", "generic", "[" + strings.Repeat(`{"title":"a"},`, mostAlerts) + `{"title":"a"}]`, nil, 413},
		{"no JSON", "generic", "title=down", nil, 400},
		{"nothing", "generic", "", nil, 400},
		{"JSON that is too deep", "generic", strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), nil, 400},
		{"of another type", "alertmanager", `{"alerts":"all"}`, nil, 400},
		{"no alerts", "alertmanager", `{"alerts":[]}`, nil, 400},
		{"a number", "generic", "7", nil, 400},
	} {
		if code := h.post(c.hook, c.body, c.header...); code != c.code {
			t.Errorf("%s: %d, and not %d", c.what, code, c.code)
		}
	}
	if s := h.status(); s.Firing != 0 || s.Waits != 0 {
		t.Errorf("something was taken: %d, %d", s.Firing, s.Waits)
	}
	h.c.Hooks[0].Secret = "short"
	if err := h.c.checkHooks(); err == nil || strings.Contains(err.Error(), "short\"") {
		t.Errorf("a short secret: %v", err)
	}
}

// What is in labels and annotations stays text: in headers, in HTML, in a terminal.
func TestHostileTexts(t *testing.T) {
	h := newHouse(t, withHooks)
	h.work()
	body := `{"version":"4","groupLabels":{"alertname":"x\r\nBcc: all@example.com"},"alerts":[{"status":"firing",
		"labels":{"alertname":"x\r\nBcc: all@example.com\r\n\r\nbody","to\r\nX-Evil":"1","e":"\u001b]0;owned\u0007\u001b[2J","r":"\u202Etxt.exe","big":"` + strings.Repeat("A", 100_000) + `"},
		"annotations":{"summary":"{{.}} <script>alert(1)</script>\r\nSubject: other","description":"<img src=x onerror=alert(1)>\u001b[31m\u0000 ` + strings.Repeat("b", 50_000) + `"},
		"generatorURL":"javascript:alert(1)"}]}`
	if code := h.post("alertmanager", body); code != 200 {
		t.Fatal(code)
	}
	h.clock.forward(time.Second)
	h.round()
	m := h.mails(1)[0]
	if len(m.To) != 1 || len(m.Bcc) != 0 || len(h.envs[0].Recipients) != 1 || strings.ContainsAny(m.Subject, "\r\n\x1b") {
		t.Errorf("the header is %q %v", m.Subject, m.To)
	}
	for _, bad := range []string{"<script", "<img src=x", "javascript:", "\x1b", "\x00", "\u202e"} {
		if strings.Contains(m.HTML, bad) {
			t.Errorf("the HTML holds %q", bad)
		}
		if strings.ContainsAny(bad, "\x1b\x00\u202e") && strings.Contains(m.Text, bad) {
			t.Errorf("the text holds %q", bad)
		}
	}
	if len(m.Text) > 30_000 || !strings.Contains(m.Subject, "{{.}}") {
		t.Errorf("%d octets: %q", len(m.Text), m.Subject)
	}
	for _, f := range m.Header {
		if strings.HasPrefix(f.Name, "X-Evil") {
			t.Error("a header of others is in the mail")
		}
	}
}

// What the programs send is read: it fires, and is resolved.
func TestFormats(t *testing.T) {
	for _, c := range []struct{ name, hook, fires, resolves, subject string }{
		{"generic", "generic", `{"title":"Queue is long","status":"firing","severity":"warning","key":"q"}`, `{"title":"Queue","status":"ok","key":"q"}`, "Queue is long"},
		{"list", "generic", `[{"title":"A","status":"down"}]`, `{"alerts":[{"title":"A","status":"up"}]}`, "A"},
		{"kuma", "generic", `{"heartbeat":{"status":0,"msg":"timeout"},"monitor":{"id":7,"name":"Shop"},"msg":"[Shop] down"}`, `{"heartbeat":{"status":1,"msg":"200 OK"},"monitor":{"id":7,"name":"Shop"},"msg":"[Shop] up"}`, "Shop"},
		{"grafana", "grafana", `{"status":"firing","groupKey":"k","alerts":[{"status":"firing","labels":{"alertname":"CPU"},"valueString":"[ value=99 ]","panelURL":"https://g.example/p"}]}`, `{"status":"resolved","groupKey":"k","alerts":[{"status":"resolved","labels":{"alertname":"CPU"},"endsAt":"2026-01-01T00:00:00Z"}]}`, "CPU"},
		{"sentry", "sentry", `{"action":"created","data":{"issue":{"id":"12","title":"TypeError: x is null","level":"error","project":{"slug":"shop"}}}}`, `{"action":"resolved","data":{"issue":{"id":"12","title":"TypeError: x is null","project":{"slug":"shop"}}}}`, "TypeError: x is null"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, withHooks)
			h.work()
			for i, body := range []string{c.fires, c.fires, c.resolves} {
				if code := h.post(c.hook, body, "Sentry-Hook-Signature", sign(body)); code != 200 {
					t.Fatalf("%d: %d", i, code)
				}
				h.clock.forward(time.Second)
				h.round()
				h.settled()
			}
			list := h.mails(2)
			if list[0].Subject != "[FIRING] "+c.subject || list[1].Subject != "[RESOLVED] "+c.subject || list[1].InReplyTo != list[0].MessageID {
				t.Error(subjects(list))
			}
		})
	}
	t.Run("unknown", func(t *testing.T) {
		h := newHouse(t, withHooks)
		h.work()
		if code := h.post("generic", `{"weather":"bad"}`); code != 200 {
			t.Fatal(code)
		}
		h.clock.forward(time.Second)
		h.round()
		if m := h.mails(1)[0]; !strings.Contains(m.Text, "weather") {
			t.Errorf("it was thrown away: %s", m.Text)
		}
	})
}

// A sign of life that does not come is an alert, and the next one resolves it.
func TestHeartbeat(t *testing.T) {
	h := newHouse(t, withHooks)
	h.work()
	if code := h.post("alive", ""); code != 200 {
		t.Fatal(code)
	}
	for _, minutes := range []int{60, 10} {
		h.clock.forward(time.Duration(minutes) * time.Minute)
		if err := h.lookForBeats(t.Context(), h.clock.now()); err != nil {
			t.Fatal(err)
		}
		h.clock.forward(time.Second)
		h.round()
	}
	if m := h.mails(1)[0]; m.Subject != "[FIRING] alive: no sign of life" {
		t.Error(m.Subject)
	}
	h.settled()
	if code := h.post("alive", ""); code != 200 {
		t.Fatal(code)
	}
	h.clock.forward(time.Second)
	h.round()
	if m := h.mails(2)[1]; m.Subject != "[RESOLVED] alive: no sign of life" {
		t.Error(m.Subject)
	}
}

// What is watched is an alert once it failed so many times in a row.
func TestWatch(t *testing.T) {
	bad := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if bad {
			w.WriteHeader(500)
		}
		fmt.Fprint(w, "hello")
	}))
	defer server.Close()
	h := newHouse(t, func(c *Config) {
		c.Receivers[0].GroupInterval = -1
		c.Watches = []Watch{{Name: "web", Kind: HTTP, Target: server.URL, Failures: 2, Contains: "hello"}}
	})
	h.work()
	w := h.c.Watches[0].with()
	look := func() {
		h.clock.forward(time.Minute)
		if err := h.look(t.Context(), &w, &looker{probe: w.probe, timeout: w.Timeout}); err != nil {
			t.Fatal(err)
		}
		h.clock.forward(time.Second)
		h.round()
		h.settled()
	}
	look()
	h.mails(0)
	look()
	look()
	m := h.mails(1)[0]
	if m.Subject != "[FIRING] web" || !strings.Contains(m.Text, "it answered 500") || !strings.Contains(m.Text, "ill 2 times") || len(m.Inline) != 1 {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
	bad = false
	look()
	if m := h.mails(2)[1]; m.Subject != "[RESOLVED] web" {
		t.Error(m.Subject)
	}
}

// Each kind tells what is wrong.
func TestProbes(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	for _, c := range []struct {
		w    Watch
		says string
	}{
		{Watch{Kind: TCP, Target: "127.0.0.1:1"}, "refused"},
		{Watch{Kind: TCP, Target: server.Listener.Addr().String()}, ""},
		{Watch{Kind: TLS, Target: server.Listener.Addr().String()}, "certificate"},
		{Watch{Kind: SMTP, Target: "smtp://127.0.0.1:1?tls=none"}, "refused"},
		{Watch{Kind: Disk, Target: t.TempDir(), Free: 100}, "are free"},
		{Watch{Kind: Disk, Target: t.TempDir(), Free: 0.000001}, ""},
		{Watch{Kind: Command, Command: []string{"go", "no-such-command"}}, "exit status"},
		{Watch{Kind: Command, Command: []string{"go", "version"}}, ""},
	} {
		w := c.w.with()
		if _, err := w.probe(t.Context()); c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s of %s%v: %v", w.Kind, w.Target, w.Command, err)
		}
	}
}
