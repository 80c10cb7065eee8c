package web

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/parleymail/parley/internal/throwaway"
)

// TestDoor: what other machines reach wants a login, and TLS here or before it.
func TestDoor(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		for _, test := range []struct {
			door Door
			want error
		}{
			{Door{}, ErrOpen}, {Door{TLS: new(tls.Config)}, ErrOpen}, {Door{Proxied: true}, ErrOpen},
			{Door{Login: true}, ErrClear}, {Door{Login: true, TLS: new(tls.Config)}, nil}, {Door{Login: true, Proxied: true}, nil},
		} {
			test.door.Addr = addr
			l, err := test.door.Listen()
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("%+v: %v, want %v", test.door, err, test.want)
			}
			if l != nil {
				l.Close()
			}
		}
	}
	l, err := Door{Addr: "127.0.0.1:0"}.Listen()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// TestDoorTLS: the pages over TLS, and nothing in clear text at the same port.
func TestDoorTLS(t *testing.T) {
	ca, err := throwaway.NewAuthority("parley catch", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Issue(time.Now().Add(time.Hour), "localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	l, err := Door{Addr: "127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{pair}}}.Listen()
	if err != nil {
		t.Fatal(err)
	}
	h, _ := serving(t, nil)
	server := HTTPServer(h)
	go server.Serve(l) //nolint:errcheck // it ends with Close
	t.Cleanup(func() { server.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	r, err := client.Get("https://" + l.Addr().String() + "/api/v1/stats")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK || r.TLS == nil {
		t.Errorf("%s over %v", r.Status, r.TLS)
	}
	if r, err = client.Get("http://" + l.Addr().String() + "/api/v1/stats"); err == nil {
		if r.Body.Close(); r.StatusCode == http.StatusOK {
			t.Error("it was answered in clear text")
		}
	}
}

// TestWhoDoesNotRead: who asks and reads nothing is given up; who reads slowly has all of it in the end.
func TestWhoDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &steadyConn{near}
		begun := time.Now()
		if n, err := c.Write(make([]byte, 1<<20)); n > 0 || err == nil {
			t.Errorf("%d octets were written, %v", n, err)
		}
		if took := time.Since(begun); took != steadyTime {
			t.Errorf("it was waited for %v", took)
		}
		far.Close()

		near, far = net.Pipe()
		c = &steadyConn{near}
		const size = 10 * steadyPiece
		read := make(chan int)
		go func() {
			slow := bufio.NewReaderSize(far, steadyPiece)
			all := 0
			for piece := make([]byte, steadyPiece); all < size; {
				time.Sleep(steadyTime / 2)
				n, err := io.ReadFull(slow, piece)
				if all += n; err != nil {
					break
				}
			}
			read <- all
		}()
		if n, err := c.Write(make([]byte, size)); n != size || err != nil {
			t.Errorf("to a slow reader %d octets were written, %v", n, err)
		}
		if all := <-read; all != size {
			t.Errorf("%d octets were read", all)
		}
	})
}

// TestTooManyAtOnce: a route that is limited has words for the one too many, and room again when another has gone.
func TestTooManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside, leave := make(chan bool), make(chan bool)
		h := limited(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside <- true; <-leave }), make(chan struct{}, 2), patience)
		ask := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/messages/1", nil))
			return w
		}
		for range 2 {
			go ask()
			<-inside
		}
		if w := ask(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"busy"`) {
			t.Errorf("the third hears %d, %s", w.Code, w.Body)
		}
		go func() { time.Sleep(patience / 2); leave <- true }()
		go func() { <-inside; leave <- true; leave <- true }()
		if w := ask(); w.Code != http.StatusOK {
			t.Errorf("one that waits its turn hears %d", w.Code)
		}
	})
}

// TestVisits: a link elsewhere leads to a page, and to nothing that changes something or shows a mail bare.
func TestVisits(t *testing.T) {
	h, s := serving(t, nil)
	for path, want := range map[string]bool{
		"/": true, "/?query=x": true, "/sessions": true, "/faults": true, "/help": true, "/messages/99": true, "/sessions/99": true,
		"/messages/99?remote=1": false, "/messages/99/html": false, "/messages/99/html?remote=1": false, "/messages/99/file/1": false, "/messages/99/image/1": false,
		"/settings?lang=zh": false, "/rows": false, "/metrics": false, "/api/v1/stats": false, "/static/style.css": false,
	} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = s.Addr
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if let := w.Code != http.StatusForbidden; let != want {
			t.Errorf("%s: %d", path, w.Code)
		}
		if w.Header().Get("X-DNS-Prefetch-Control") != "off" {
			t.Errorf("%s: a browser looks up the names of links", path)
		}
	}
}

// TestGuessing: who guesses hears that it is too much, and another who knows is let in meanwhile; no name is told from another by time.
func TestGuessing(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("tulip-tulip"), 12) // some 200 ms
	if err != nil {
		t.Fatal(err)
	}
	cheap, err := bcrypt.GenerateFromPassword([]byte("rose"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	u, err := newUsers(map[string]string{"kim": string(hash), "li": string(cheap)})
	if err != nil {
		t.Fatal(err)
	}
	login := func(from, name, password string) answerOfUsers {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = from
		r.SetBasicAuth(name, password)
		return u.know(r)
	}
	heard := make(chan answerOfUsers, 200)
	for i := range 200 {
		go func() { heard <- login("192.0.2.66:1", "kim", fmt.Sprint("guess", i)) }()
	}
	refused := 0
	for range 200 - mostFrom {
		if a := <-heard; a == tooMany {
			refused++
		}
	}
	if refused != 200-mostFrom {
		t.Errorf("%d of 200 guesses at once were refused", refused)
	}
	if a := login("192.0.2.1:1", "kim", "tulip-tulip"); a != friend {
		t.Errorf("who knows is told %d", a)
	}
	for range mostFrom {
		if a := <-heard; a != stranger {
			t.Errorf("a guess is told %d", a)
		}
	}
	took := make(map[string]time.Duration)
	for _, name := range []string{"kim", "li", "nobody"} {
		took[name] = time.Hour
		for i := range 3 {
			begun := time.Now()
			if a := login("192.0.2.1:1", name, fmt.Sprint("wrong", i)); a != stranger {
				t.Errorf("%s is told %d", name, a)
			}
			took[name] = min(took[name], time.Since(begun))
		}
	}
	for name, d := range took {
		if d > 2*took["kim"] || 2*d < took["kim"] {
			t.Errorf("%s takes %v, and kim %v", name, d, took["kim"])
		}
	}
	if a := login("192.0.2.1:1", "li", "rose"); a != friend {
		t.Errorf("li is told %d", a)
	}
}
