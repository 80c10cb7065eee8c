package web

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/inbox"
)

// serving is a server over a store in memory, with a message in it, and the patterns of its routes.
func serving(t *testing.T, change func(*Server)) (http.Handler, *Server) {
	t.Helper()
	store, err := inbox.Open(inbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	s := &Server{Inbox: store, Faults: new(fault.Plan), Addr: "127.0.0.1:8025", Hosts: []string{"mail.test"}}
	if change != nil {
		change(s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	h, err := s.Handler(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return h, s
}

// patterns are those of every route, so that none can be forgotten.
func patterns(t *testing.T, s *Server) (list []string) {
	t.Helper()
	all, err := s.all(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for pattern := range all {
		list = append(list, pattern)
	}
	if len(list) < 40 {
		t.Fatalf("there are only %d routes", len(list))
	}
	return list
}

// request is one for a pattern.
func request(pattern string) *http.Request {
	method, path, _ := strings.Cut(pattern, " ")
	path = strings.NewReplacer("{id}", "1", "{n}", "1", "{$}", "", "{name}", "style.css").Replace(path)
	// What streams must end, should it be let through.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	context.AfterFunc(ctx, cancel)
	r := httptest.NewRequestWithContext(ctx, method, path, nil)
	r.Host = "127.0.0.1:8025"
	return r
}

// TestGuard: no route answers a request that another page, or a name that is not ours, has made.
func TestGuard(t *testing.T) {
	h, s := serving(t, nil)
	cases := crossings()
	if len(cases) < 60 {
		t.Fatalf("there are only %d cases", len(cases))
	}
	for _, pattern := range patterns(t, s) {
		for name, change := range cases {
			r := request(pattern)
			change(r)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusForbidden && w.Code != http.StatusMisdirectedRequest {
				t.Errorf("%s, %s: %d", pattern, name, w.Code)
			}
			if strings.Contains(w.Header().Get("Access-Control-Allow-Origin"), "*") {
				t.Errorf("%s, %s: anybody may read it", pattern, name)
			}
		}
	}
}

// crossings are the ways in which somebody else's request comes.
func crossings() map[string]func(*http.Request) {
	cases := make(map[string]func(*http.Request))
	for _, host := range []string{
		"", "evil.example", "evil.example:8025", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io:8025", "localhost:8025.evil.example",
		"0.0.0.0:8025", "127.0.0.2:8025", "2130706433:8025", "127.1:8025", "0x7f.1:8025", "[::]:8025", "[::2]:8025", "[::ffff:127.0.0.1]:8025", "10.0.0.1:8025",
		"169.254.169.254", "mail.test.evil.example", "xmail.test", "localhost@evil.example", "evil.example#localhost", "localhost/evil.example", "LOCALHOST.example", "lоcalhost",
	} {
		cases["Host "+host] = func(r *http.Request) { r.Host = host }
	}
	for _, origin := range []string{
		"null", "", "http://evil.example", "https://evil.example:8025", "http://localhost.evil.example:8025", "http://127.0.0.1", "http://127.0.0.1:8026", "http://localhost:8025",
		"https://127.0.0.1:8025.evil.example", "http://127.0.0.1:8025@evil.example", "http://evil.example/127.0.0.1:8025", "file://", "chrome-extension://abcdef", "data:text/html,x",
		"http://127.0.0.1:8025/", "http://127.0.0.1:8025?x", "ftp://127.0.0.1:8025", "javascript:alert(1)", "http://[::1]:8025", "http://mail.test", "HTTP://EVIL.EXAMPLE", "http://127.0.0.1:8025, http://evil.example",
		"ws://127.0.0.1:8025", "http://user@127.0.0.1:8025", "about:blank", "blob:http://127.0.0.1:8025", "http://127.0.0.1:80250", " http://127.0.0.1:8025x", "*", "http://0x7f000001:8025",
	} {
		cases["Origin "+origin] = func(r *http.Request) { r.Header["Origin"] = []string{origin} }
	}
	cases["two Origins"] = func(r *http.Request) { r.Header["Origin"] = []string{"http://127.0.0.1:8025", "http://evil.example"} }
	for _, site := range []string{"cross-site", "same-site", "CROSS-SITE", "whatever"} {
		for _, dest := range []string{"", "empty", "image", "script", "iframe", "object", "style"} {
			cases["Sec-Fetch-Site "+site+" "+dest] = func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Site", site)
				r.Header.Set("Sec-Fetch-Dest", dest)
				r.Header.Set("Sec-Fetch-Mode", "no-cors")
			}
		}
	}
	return cases
}

// TestOurs: what we ask ourselves, and what no browser asks, is answered.
func TestOurs(t *testing.T) {
	h, _ := serving(t, nil)
	for _, change := range []func(*http.Request){
		func(*http.Request) {},
		func(r *http.Request) { r.Host = "localhost" },
		func(r *http.Request) { r.Host = "LOCALHOST:9999" },
		func(r *http.Request) { r.Host = "[::1]:8025" },
		func(r *http.Request) { r.Host = "mail.test:80" },
		func(r *http.Request) { r.Host = "localhost.:8025" },
		func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:8025") },
		func(r *http.Request) { r.Host = "mail.test"; r.Header.Set("Origin", "https://mail.test") },
		func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") },
		func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") },
		func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site") // a link that somebody followed
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			r.Header.Set("Sec-Fetch-Dest", "document")
		},
	} {
		r := request("GET /")
		change(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("Host %s, %v: %d", r.Host, r.Header, w.Code)
		}
	}
}

// endless is a body that never ends, and counts what was read of it.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	const most = 1 << 30
	if e.read >= most {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = 'x'
	}
	e.read += int64(len(p))
	return len(p), nil
}

// TestBodies: a body of a gigabyte is 413 on every route, and is not read.
func TestBodies(t *testing.T) {
	h, s := serving(t, nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, pattern := range patterns(t, s) {
		for _, length := range []int64{1 << 30, -1} {
			body := new(endless)
			r := request(pattern)
			r.Body, r.ContentLength = io.NopCloser(body), length
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusRequestEntityTooLarge || body.read > 2<<20 {
				t.Errorf("%s, Content-Length %d: %d after %d octets", pattern, length, w.Code, body.read)
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("the heap grew by %d octets", grown)
	}
}

// TestUsers: where there are users, each route wants one.
func TestUsers(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("tulip-tulip"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	h, s := serving(t, func(s *Server) { s.Users = map[string]string{"kim": string(hash)} })
	for _, pattern := range patterns(t, s) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(pattern))
		if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d without a name", pattern, w.Code)
		}
	}
	for _, test := range []struct {
		name, password string
		want           int
	}{{"kim", "tulip-tulip", 200}, {"kim", "tulip-tulip", 200}, {"kim", "tulip", 401}, {"li", "tulip-tulip", 401}, {"", "", 401}, {"kim", strings.Repeat("x", 100), 401}} {
		r := request("GET /api/v1/stats")
		r.SetBasicAuth(test.name, test.password)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: %d, want %d", test.name, w.Code, test.want)
		}
	}
}

// TestReadUsers: no error repeats a line, which may hold a password.
func TestReadUsers(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("x"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if users, err := ReadUsers(strings.NewReader("# who\n\nkim:" + string(hash) + "\n")); err != nil || len(users) != 1 {
		t.Errorf("%v, %v", users, err)
	}
	for _, bad := range []string{"", "kim", "kim:hush-hush", ":" + string(hash)} {
		if _, err := ReadUsers(strings.NewReader(bad)); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestNotThere: what is not there, and what is not for a method, is said so.
func TestNotThere(t *testing.T) {
	h, _ := serving(t, nil)
	for _, test := range []struct {
		method, path string
		want         int
		has          string
	}{
		{"GET", "/nothing", 404, "Parley"}, {"GET", "/api/v1/nothing", 404, `"not_found"`}, {"GET", "/api/v1/messages/99", 404, `"not_found"`}, {"GET", "/messages/99", 404, "<html"},
		{"POST", "/api/v1/stats", 405, `"method"`}, {"PUT", "/api/v1/messages", 405, `"method"`}, {"GET", "/api/v1/messages?colour=red", 400, "colour"},
		{"GET", "/api/v1/messages?limit=no", 400, "limit"}, {"POST", "/api/v1/faults", 415, "application/json"}, {"GET", "/static/../guard.go", 404, ""}, {"GET", "/api/v1/wait?timeout=never", 400, "timeout"},
		{"GET", "/api/v1/wait?to=kim@example.net&timeout=0s", 408, "none_came"},
	} {
		r := httptest.NewRequest(test.method, test.path, nil)
		r.Host = "localhost:8025"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != test.want && !(w.Code == 301 || w.Code == 307) || !bytes.Contains(w.Body.Bytes(), []byte(test.has)) {
			t.Errorf("%s %s: %d %s", test.method, test.path, w.Code, w.Body)
		}
		if test.want == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", test.method, test.path)
		}
	}
}
