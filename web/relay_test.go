package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/web/pages"
)

// relaying is a relay that works, what it sends to, and its HTTP face.
func relaying(t *testing.T, change func(*relay.Config)) (*Relay, *smtptest.Server) {
	t.Helper()
	box, err := relay.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "box.db"), outbox.Options{KeepContent: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	sink := smtptest.NewServer(t)
	c := relay.Config{
		Hostname: "relay.example", Listeners: []relay.Listener{{Address: "127.0.0.1:0"}}, Grace: 5 * time.Second,
		Routes: route.Table{Servers: []route.Server{{Name: "sink", Client: sink.Client()}}}, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&c)
	}
	r, err := relay.New(box, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		box.Close()
	})
	queue, err := pages.NewQueue(pages.QueueConfig{Box: box, Relay: r})
	if err != nil {
		t.Fatal(err)
	}
	return &Relay{Relay: r, Box: box, Addr: "127.0.0.1:8026", Pages: queue.Routes()}, sink
}

func hashed(t testing.TB, password string) relay.Hash {
	t.Helper()
	line, err := relay.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	h, err := relay.ParseHash(line)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func withUsers(t *testing.T) func(*relay.Config) {
	return func(c *relay.Config) {
		c.Users = []relay.User{{Name: "shop", Password: hashed(t, "opensesame"), Senders: []string{"*@shop.example"}}, {Name: "boss", Password: hashed(t, "letmein"), Senders: []string{"*"}, Operator: true}}
	}
}

// TestRelayGuard: no route answers a request that another page, or a name that is not ours, has made; nor another machine's, nor
// a stranger's where there are users.
func TestRelayGuard(t *testing.T) {
	guests, _ := relaying(t, nil)
	users, _ := relaying(t, withUsers(t))
	for pattern := range guests.all(t.Context()) {
		method, path, _ := strings.Cut(pattern, " ")
		if path == pathHealth || path == pathReady {
			continue
		}
		path = strings.NewReplacer("{id}", "0000000000000", "{address}", "a@b.example", "{$}", "", "{n}", "1", "{name}", "style.css").Replace(path)
		ask := func(s *Relay, change func(*http.Request)) int {
			ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
			defer stop()
			r := httptest.NewRequestWithContext(ctx, method, path, nil)
			r.Host, r.RemoteAddr = "127.0.0.1:8026", "127.0.0.1:4444"
			change(r)
			w := httptest.NewRecorder()
			s.Handler(ctx).ServeHTTP(w, r)
			return w.Code
		}
		for name, change := range crossings() {
			if strings.Contains(name, "mail.test") || strings.Contains(name, "8026") {
				continue // those are of the other server's names
			}
			if code := ask(guests, change); code != http.StatusForbidden && code != http.StatusMisdirectedRequest {
				t.Errorf("%s, %s: %d", pattern, name, code)
			}
		}
		if code := ask(guests, func(r *http.Request) { r.RemoteAddr = "192.0.2.7:4444" }); code != http.StatusMisdirectedRequest {
			t.Errorf("%s of another machine: %d", pattern, code)
		}
		for _, c := range []struct {
			name, password string
			want           bool
		}{{"", "", false}, {"shop", "opensesam", false}, {"nobody", "opensesame", false}, {"", "opensesame", false}, {"boss", "letmein", true}} {
			code := ask(users, func(r *http.Request) {
				if r.Host, r.RemoteAddr = "relay.example", "192.0.2.7:4444"; c.name != "" || c.password != "" {
					r.SetBasicAuth(c.name, c.password)
				}
				if path == "/api/v1/events" {
					r.URL.RawQuery = "after=x"
				}
			})
			if (code != http.StatusUnauthorized) != c.want {
				t.Errorf("%s as %q: %d", pattern, c.name, code)
			}
		}
	}
	for _, path := range []string{pathHealth, pathReady} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host, r.RemoteAddr = "10.1.2.3:8026", "10.9.9.9:1"
		w := httptest.NewRecorder()
		users.Handler(t.Context()).ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Body.String() != "ok\n" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestRelayMetrics: for programs of this machine, and for operators.
func TestRelayMetrics(t *testing.T) {
	s, _ := relaying(t, withUsers(t))
	h := s.Handler(t.Context())
	for _, c := range []struct {
		remote, name, password string
		want                   int
	}{{"127.0.0.1:1", "", "", 200}, {"192.0.2.1:1", "", "", 401}, {"192.0.2.1:1", "boss", "letmein", 200}, {"192.0.2.1:1", "shop", "opensesame", 403}} {
		r := httptest.NewRequest("GET", pathMetrics, nil)
		r.Host, r.RemoteAddr = "localhost:8026", c.remote
		if c.name != "" {
			r.SetBasicAuth(c.name, c.password)
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != c.want || c.want == 200 && !strings.Contains(w.Body.String(), "parley_relay_taken_total 0") {
			t.Errorf("%v: %d", c, w.Code)
		}
	}
}

// TestRelayLogins: a flood of wrong passwords keeps nobody out who was known, or comes from elsewhere; the same password at once is tried
// once; and a password that was changed is no longer one.
func TestRelayLogins(t *testing.T) {
	var shop relay.Hash
	s, _ := relaying(t, func(c *relay.Config) {
		b, err := bcrypt.GenerateFromPassword([]byte("opensesame"), 9)
		if err != nil {
			t.Fatal(err)
		}
		if shop, err = relay.ParseHash(string(b)); err != nil {
			t.Fatal(err)
		}
		c.Users = []relay.User{{Name: "shop", Password: shop, Senders: []string{"*"}}}
	})
	h := s.Handler(t.Context())
	ask := func(remote, password string) int {
		r := httptest.NewRequest("GET", "/api/v1/messages", nil)
		r.RemoteAddr = remote + ":1"
		r.SetBasicAuth("shop", password)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	var mu sync.Mutex
	codes := map[int]int{}
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			code := ask("192.0.2.66", fmt.Sprint("guess", i))
			mu.Lock()
			codes[code]++
			mu.Unlock()
		})
	}
	for range 20 {
		all.Go(func() {
			if code := ask("192.0.2.1", "opensesame"); code != 200 {
				t.Errorf("who is right hears %d", code)
			}
		})
	}
	all.Wait()
	if codes[429] == 0 || codes[401] == 0 || codes[429]+codes[401] != 60 {
		t.Errorf("who guesses hears %v", codes)
	}
	begun := time.Now()
	for range 100 {
		ask("192.0.2.66", "opensesame")
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("a hundred requests of one who is known took %v", took)
	}
}

// TestRelayWhoIsWrong: who gave no name is told to log in, and who gave a wrong one that it is wrong.
func TestRelayWhoIsWrong(t *testing.T) {
	s, _ := relaying(t, withUsers(t))
	h := s.Handler(t.Context())
	for name, want := range map[string]string{"": "log in: a name and a password", "nobody": "the name or the password is wrong", "shop": "the name or the password is wrong"} {
		r := httptest.NewRequest("GET", "/api/v1/messages", nil)
		r.RemoteAddr = "192.0.2.66:1"
		if name != "" {
			r.SetBasicAuth(name, "guess")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q: %d %s", name, w.Code, w.Body)
		}
	}
}

// overTLS serves a relay as other machines reach it.
func overTLS(t *testing.T) (url, ca string, sink *smtptest.Server) {
	t.Helper()
	authority := smtptest.NewAuthority(t)
	s, sink := relaying(t, withUsers(t))
	l, err := Door{Addr: "127.0.0.1:0", Login: true, TLS: &tls.Config{Certificates: []tls.Certificate{authority.Certificate("localhost", "127.0.0.1")}}}.Listen()
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = l.Addr().String()
	server := HTTPServer(s.Handler(t.Context()))
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return "https://" + l.Addr().String(), ca, sink
}

// TestRelayPrograms: programs of others hand mail over, over TLS and with a login.
func TestRelayPrograms(t *testing.T) {
	url, ca, sink := overTLS(t)
	dir := t.TempDir()
	big := filepath.Join(dir, "mail.eml")
	if err := os.WriteFile(big, []byte("From: a@shop.example\nTo: kim@example.net\nSubject: one\n\n"+strings.Repeat("line\n", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	const python = `
import base64, json, ssl, sys, urllib.error, urllib.request
url, ca = sys.argv[1:3]
context = ssl.create_default_context(cafile=ca)
def post(message, **more):
    request = urllib.request.Request(url + "/api/v1/messages", json.dumps(message).encode(), {"Content-Type": "application/json", **more})
    request.add_header("Authorization", "Basic " + base64.b64encode(b"shop:opensesame").decode())
    try:
        with urllib.request.urlopen(request, context=context) as r:
            return r.status, json.load(r)
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)
mail = {"from": "a@shop.example", "to": ["kim@example.net"], "subject": "三月对账单", "text": "见附件。\n", "attach": [{"name": "对账单.pdf", "content": base64.b64encode(b"%PDF" * 500000).decode()}]}
first = post(mail, **{"Idempotency-Key": "python 1"})
again = post(mail, **{"Idempotency-Key": "python 1"})
assert first[0] == 202 and first == again, (first, again)
print(post({"from": "a@else.example", "to": "kim@example.net"}))
`
	const node = `
const [url] = process.argv.slice(1);
const headers = {"Content-Type": "application/json", Authorization: "Basic " + Buffer.from("shop:opensesame").toString("base64")};
const post = async (m) => { const r = await fetch(url + "/api/v1/messages", {method: "POST", headers, body: JSON.stringify(m)}); return [r.status, await r.json()]; };
const ok = await post({from: "a@shop.example", to: "kim@example.net", subject: "Grüße", html: "<p>café</p>"});
if (ok[0] !== 202) throw new Error(JSON.stringify(ok));
console.log(JSON.stringify(await post({from: "a@shop.example", to: "kim@example.net", txt: "x"})));
`
	for _, c := range []struct {
		tool string
		args []string
		says string
	}{
		{"curl", []string{"-sS", "--cacert", ca, "--user", "shop:opensesame", "-H", "Content-Type: message/rfc822", "--data-binary", "@" + big, url + "/api/v1/messages"}, `{"id":"`},
		{"curl", []string{"-sS", "--cacert", ca, "--user", "shop:opensesame", "-H", "Content-Type: message/rfc822", "-H", "Transfer-Encoding: chunked", "-X", "POST", "-T", big, url + "/api/v1/messages?class=bulk"}, `{"id":"`},
		{"python3", []string{"-c", python, url, ca}, "(403, {'error': {'code': 'not_allowed'"},
		{"node", []string{"--input-type=module", "-e", node, url}, `[422,{"error":{"code":"invalid"`},
	} {
		t.Run(c.tool, func(t *testing.T) {
			if _, err := exec.LookPath(c.tool); err != nil {
				t.Skip(err)
			}
			sink.Forget()
			var out bytes.Buffer
			cmd := exec.Command(c.tool, c.args...)
			cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+ca)
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil || !strings.Contains(out.String(), c.says) {
				t.Fatalf("%v\n%s", err, out.String())
			}
			sink.Wait(t, 1)
		})
	}
	// A stranger's megabytes are not read.
	resp, err := http.Post(strings.Replace(url, "https", "http", 1), "text/plain", nil)
	if err == nil {
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("clear text is answered %d", resp.StatusCode)
		}
	}
}

// TestRelayDocs: what docs/serve.md has of curl does what it says.
func TestRelayDocs(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	page, err := os.ReadFile("../docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	s, sink := relaying(t, nil)
	l, err := Door{Addr: "127.0.0.1:0"}.Listen()
	if err != nil {
		t.Fatal(err)
	}
	server := HTTPServer(s.Handler(t.Context()))
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mail.eml"), []byte("From: shop@shop.example\nSubject: x\n\nhello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(page), "## Handing over by HTTP")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	ran := 0
	for _, block := range strings.Split(chapter, "```sh\n")[1:] {
		script, _, _ := strings.Cut(block, "```")
		script = strings.ReplaceAll(script, "127.0.0.1:8026", l.Addr().String())
		script = strings.ReplaceAll(script, "curl ", "curl --silent --show-error --fail-with-body ")
		ran += strings.Count(script, "curl ")
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		stream := strings.Contains(script, "/events")
		if err != nil && !stream || strings.Contains(string(out), `"error"`) {
			t.Errorf("%s\n%v\n%s", script, err, out)
		}
		if stream && !strings.Contains(string(out), "event: sent") {
			t.Errorf("%s\n%s", script, out)
		}
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "{") && !json.Valid([]byte(line)) {
				t.Errorf("%q is no JSON", line)
			}
		}
		if strings.Contains(script, "mail.eml") {
			sink.Wait(t, 2)
		} else if strings.Contains(script, "Idempotency") {
			sink.Wait(t, 4)
		}
	}
	if ran != 9 {
		t.Errorf("there are %d examples", ran)
	}
}

// TestRelayBody: a stranger's body, and one that is for no mail, is not read far.
func TestRelayBody(t *testing.T) {
	s, _ := relaying(t, nil)
	h := s.Handler(t.Context())
	body := &counting{}
	r := httptest.NewRequest("POST", "/api/v1/queue/hold?state=queued", body)
	r.Host, r.RemoteAddr = "localhost:8026", "127.0.0.1:1"
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusRequestEntityTooLarge || body.n > 2<<20 {
		t.Errorf("%d, %d octets were read", w.Code, body.n)
	}
	body = &counting{}
	r = httptest.NewRequest("POST", "/api/v1/messages", body)
	r.Host, r.RemoteAddr = "evil.example", "127.0.0.1:1"
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusMisdirectedRequest || body.n > 0 {
		t.Errorf("%d, %d octets were read", w.Code, body.n)
	}
}

type counting struct{ n int64 }

func (c *counting) Read(p []byte) (int, error) {
	c.n += int64(len(p))
	if c.n > 1<<30 {
		return 0, io.EOF
	}
	return len(p), nil
}

// TestRelayShares: a user whose requests never end, however many they are, keeps nobody else from handing mail over, or from hearing
// of events.
func TestRelayShares(t *testing.T) {
	s, _ := relaying(t, withUsers(t))
	server := httptest.NewServer(s.Handler(t.Context()))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	ask := func(method, path, name, password string, body io.Reader) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(name, password)
		r.Header.Set("Content-Type", "application/json")
		return server.Client().Do(r)
	}
	if res, err := ask("GET", "/api/v1/messages", "shop", "opensesame", nil); err != nil || res.StatusCode != 200 { // known from here on
		t.Fatal(res, err)
	}
	large := strings.NewReader(`{"from": "a@shop.example", "to": "b@example.net", "text": "` + strings.Repeat("x", 2<<20))
	for range mostHandingOver + 10 {
		body, slow := io.Pipe()
		t.Cleanup(func() { slow.Close() })
		go func() { // as many large ones as there are turns, and the others say nothing
			ask("POST", "/api/v1/messages", "shop", "opensesame", body) //nolint:errcheck,bodyclose // it never ends
		}()
		begin := *large
		go begin.WriteTo(slow) //nolint:errcheck // it never ends
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if n := runtime.NumGoroutine(); n > 4*mostHandingOver || time.Now().After(deadline) {
			break
		}
	}
	begun := time.Now()
	for _, text := range []string{"x", strings.Repeat("x", 2<<20)} {
		res, err := ask("POST", "/api/v1/messages", "boss", "letmein", strings.NewReader(`{"from": "a@shop.example", "to": "b@example.net", "text": "`+text+`"}`))
		if err != nil || res.StatusCode != http.StatusAccepted {
			t.Errorf("%v, %v", res, err)
		}
	}
	if took := time.Since(begun); took > patience {
		t.Errorf("it took %v", took)
	}
}

// TestRelayForwarded: a proxy on this machine that asks for others is not a program of this machine.
func TestRelayForwarded(t *testing.T) {
	guests, _ := relaying(t, nil)
	users, _ := relaying(t, withUsers(t))
	for name, value := range map[string]string{"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1", "Via": "1.1 front", "X-Real-IP": "192.0.2.1"} {
		for _, c := range []struct {
			s    *Relay
			path string
			want int
		}{{guests, "/api/v1/messages", 421}, {guests, pathMetrics, 421}, {users, pathMetrics, 401}} {
			r := httptest.NewRequest("GET", c.path, nil)
			r.Host, r.RemoteAddr = "127.0.0.1:8026", "127.0.0.1:4444"
			r.Header.Set(name, value)
			w := httptest.NewRecorder()
			if c.s.Handler(t.Context()).ServeHTTP(w, r); w.Code != c.want {
				t.Errorf("%s, %s: %d, want %d", c.path, name, w.Code, c.want)
			}
		}
	}
}
