package relay_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A running relay, with the server that it sends to.
type running struct {
	*relay.Server
	t    testing.TB
	box  *outbox.Box
	sink *smtptest.Server
	stop func() error
	log  *lines
}

// sinkConfig is a relay's that sends all to a sink.
func sinkConfig(sink *smtptest.Server) relay.Config {
	return relay.Config{
		Hostname:  "relay.example",
		Listeners: []relay.Listener{{Address: "127.0.0.1:0"}},
		Routes:    route.Table{Servers: []route.Server{{Name: "sink", Client: sink.Client()}}},
		Worker:    outbox.Worker{Retry: outbox.Retry{First: 50 * time.Millisecond, Most: 200 * time.Millisecond}},
		Grace:     5 * time.Second,
	}
}

// start starts a relay over a store of its own.
func start(t testing.TB, change func(*relay.Config)) *running {
	t.Helper()
	box, err := relay.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "box.db"), outbox.Options{KeepContent: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	return startOver(t, box, change)
}

func startOver(t testing.TB, box *outbox.Box, change func(*relay.Config)) *running {
	t.Helper()
	r := &running{t: t, box: box, sink: smtptest.NewServer(t), log: new(lines)}
	c := sinkConfig(r.sink)
	c.Log = slog.New(slog.NewTextHandler(r.log, nil))
	if change != nil {
		change(&c)
	}
	var err error
	if r.Server, err = relay.New(box, c); err != nil {
		t.Fatal(err)
	}
	if err = r.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(20 * time.Second):
			t.Error("the relay does not end")
			return nil
		}
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

func (r *running) addr() string { return r.Addrs()[0].String() }

// client is a program's, in clear text unless it is changed.
func (r *running) client() *smtp.Client {
	c := &smtp.Client{Addr: r.addr(), Security: smtp.Plaintext, Hello: "program.example"}
	r.t.Cleanup(func() { c.Close() })
	return c
}

func (r *running) as(user, password string) *smtp.Client {
	c := r.client()
	c.Auth = sasl.Password(user, password)
	return c
}

// raw is a mail as it is.
func raw(from, to, content string) *mail.Raw {
	env := mail.Envelope{ReversePath: path(from)}
	for _, one := range strings.Fields(to) {
		env.Recipients = append(env.Recipients, mail.Recipient{Path: path(one)})
	}
	return &mail.Raw{Env: env, Data: []byte(strings.ReplaceAll(content, "\n", "\r\n")), KeepBcc: true}
}

func path(s string) mail.Path {
	p, err := mail.ParsePath("<" + s + ">")
	if err != nil {
		panic(err)
	}
	return p
}

const letter = "From: shop@shop.example\nTo: kim@example.net\nSubject: hello\n\nSee you at six.\n"

// say has a conversation: lines that begin with "C: " are said, those that begin with "S: " must be what comes, "*" standing for
// anything at their end.
func say(t *testing.T, addr, script string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	var buf []byte
	line := func() string {
		for {
			if i := strings.Index(string(buf), "\r\n"); i >= 0 {
				l := string(buf[:i])
				buf = buf[i+2:]
				return l
			}
			p := make([]byte, 4096)
			n, err := conn.Read(p)
			if n == 0 && err != nil {
				return "(" + err.Error() + ")"
			}
			buf = append(buf, p[:n]...)
		}
	}
	for l := range strings.Lines(strings.TrimSpace(script)) {
		l = strings.TrimRight(strings.TrimLeft(l, "\t"), "\n")
		if said, ok := strings.CutPrefix(l, "C: "); ok {
			io.WriteString(conn, said+"\r\n")
			continue
		}
		want := strings.TrimPrefix(l, "S: ")
		got := line()
		for strings.HasPrefix(want, "250 ") && strings.HasPrefix(got, "250-") {
			got = line()
		}
		if begin, ok := strings.CutSuffix(want, "*"); ok && strings.HasPrefix(got, begin) || got == want {
			continue
		}
		t.Fatalf("it said %q, and %q was expected", got, want)
	}
}
