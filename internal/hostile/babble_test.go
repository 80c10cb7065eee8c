package hostile_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

const (
	maxHeard  = 64 << 10 // what is read of an endless reply before it is given up
	maxGrowth = 1 << 20  // what that may cost of memory
)

// points are where a server may begin to babble: the line after which, and the
// code that the client waits for.
var points = []struct {
	stage smtp.Stage
	line  string
	code  string
}{
	{smtp.StageGreeting, "", "220"},
	{smtp.StageHello, "EHLO", "250"},
	{smtp.StageTLS, "STARTTLS", "220"},
	{smtp.StageAuth, "AUTH", "334"},
	{smtp.StageAuth, "AUTH", "235"},
	{smtp.StageMail, "MAIL", "250"},
	{smtp.StageRcpt, "RCPT", "250"},
	{smtp.StageData, "DATA", "354"},
	{smtp.StageEnd, ".", "250"},
	{smtp.StageEnd, "BDAT", "250"},
	{smtp.StageReset, "RSET", "250"},
	{smtp.StageQuit, "QUIT", "221"},
}

// A talk is a client's whole conversation with one server, in which every stage
// comes: a mail refused, a mail taken, goodbye.
type talk struct {
	server *hostile.Server
	client *smtp.Client
	line   *hostile.Conn // the client's end of the last connection
	all    []*hostile.Conn
	fault  hostile.Fault
	over   sync.WaitGroup
	ended  time.Time // when the client had done with the mails
}

func newTalk(at string) *talk {
	k := &talk{}
	k.server = &hostile.Server{
		Offers: []string{"AUTH PLAIN"},
		Auth:   func(string, []byte, func([]byte) ([]byte, error)) string { return "235 in" },
		Refuse: func(path string) string {
			if strings.HasPrefix(path, "<no") {
				return "550 no"
			}
			return ""
		},
	}
	k.client = &smtp.Client{Addr: "mx.test:25", Hello: "client.test", Security: smtp.Plaintext, Auth: sasl.Password("kim", "correct horse")}
	switch at {
	case "BDAT":
		k.server.Offers = append(k.server.Offers, "CHUNKING")
	case "STARTTLS":
		k.server.Offers = append(k.server.Offers, "STARTTLS")
		k.server.TLS, k.client.Security = &tls.Config{}, smtp.StartTLS
	}
	k.client.DialContext = func(context.Context, string, string) (net.Conn, error) {
		client, server := hostile.Pipe(k.fault)
		k.line, k.all = client, append(k.all, client)
		k.over.Go(func() { k.server.Serve(server) })
		return client, nil
	}
	return k
}

// say holds the conversation, and gives what went wrong in it, refusals aside.
func (k *talk) say(ctx context.Context) error {
	_, first := k.client.Send(ctx, &letter{id: 1, to: []string{"no"}, size: true})
	if e, ok := errors.AsType[*smtp.Error](first); ok && e.Kind == smtp.Refused && e.Reply.Code == 550 {
		first = nil
	}
	var second error
	if first == nil {
		_, second = k.client.Send(ctx, &letter{id: 2, to: []string{"kim"}, size: true})
	}
	k.ended = time.Now()
	k.client.Close()
	k.over.Wait()
	return errors.Join(first, second)
}

// A reply without an end is given up, wherever it comes and whatever it is made of,
// having cost next to nothing.
func TestEndlessReplyIsGivenUp(t *testing.T) {
	var most mostOf
	defer func() { t.Logf("at most %d octets read, and %d allocated", most.heard, most.grown) }()
	for _, p := range points {
		for name, form := range hostile.Endless {
			t.Run(p.stage.String()+"/"+p.code+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { giveUp(t, &most, p.stage, p.line, p.code, form) })
			})
		}
	}
}

type mostOf struct {
	heard int64
	grown uint64
}

func giveUp(t *testing.T, most *mostOf, stage smtp.Stage, line, code string, form func(string) (string, string)) {
	k := newTalk(line)
	babble := hostile.Say(form(code))
	var before, told int64
	var babbled *hostile.Conn
	var memory, after runtime.MemStats
	k.server.Babble = func(w io.Writer) error {
		babbled = k.line
		before, _ = babbled.Count()
		runtime.ReadMemStats(&memory)
		err := babble(w)
		_, told = w.(*hostile.Conn).Count()
		return err
	}
	count := 0
	k.server.Instead = func(said string) (string, bool) {
		if said != line && (line == "" || !strings.HasPrefix(said, line)) {
			return "", false
		}
		count++
		return hostile.Babble, true
	}
	err := k.say(context.Background())
	runtime.ReadMemStats(&after)
	read, _ := babbled.Count()
	most.heard = max(most.heard, read-before)
	most.grown = max(most.grown, after.TotalAlloc-memory.TotalAlloc)
	e, ok := errors.AsType[*smtp.Error](err)
	switch heard := read - before; {
	case count != 1:
		t.Errorf("the server was to babble once, and did %d times", count)
	case heard > maxHeard:
		t.Errorf("%d octets were read", heard)
	case after.TotalAlloc-memory.TotalAlloc > maxGrowth:
		t.Errorf("%d octets were allocated", after.TotalAlloc-memory.TotalAlloc)
	case told >= hostile.Flood:
		t.Error("the server could say all it wanted")
	case !k.line.Closed() || !babbled.Closed():
		t.Error("the connection is left open")
	case stage == smtp.StageQuit && err != nil:
		t.Errorf("what is said to QUIT changes nothing, and it did: %v", err)
	case stage == smtp.StageReset && err == nil && len(k.all) == 2:
		// No mail was under way: it went by another session.
	case stage != smtp.StageQuit && (!ok || e.Stage != stage):
		t.Errorf("the error is %v", err)
	case ok && len(err.Error()) > 2000:
		t.Errorf("the error has %d octets", len(err.Error()))
	}
}

// A server that says one octet a second is left when the context ends, and not when
// the server has done.
func TestDribbleEndsWithTheContext(t *testing.T) {
	for _, p := range points {
		patience := 95 * time.Second
		switch p.stage {
		case smtp.StageReset:
			patience = 25 * time.Second // after 30 s another session is tried
		case smtp.StageQuit:
			continue // asked by Close, which has no context
		}
		for name, form := range hostile.Endless {
			t.Run(p.stage.String()+"/"+p.code+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { dribble(t, p.line, patience, form, p.code) })
			})
		}
	}
}

func dribble(t *testing.T, line string, patience time.Duration, form func(string) (string, string), code string) {
	k := newTalk(line)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var until time.Time
	k.server.Babble = func(w io.Writer) error {
		until = time.Now().Add(patience)
		time.AfterFunc(patience, cancel)
		return hostile.Slowly(w, hostile.Say(form(code)))
	}
	k.server.Instead = func(said string) (string, bool) {
		if said != line && (line == "" || !strings.HasPrefix(said, line)) {
			return "", false
		}
		return hostile.Babble, true
	}
	err := k.say(ctx)
	late := k.ended.Sub(until)
	e, ok := errors.AsType[*smtp.Error](err)
	switch {
	case late < 0 || late > 100*time.Millisecond:
		t.Errorf("it ended %v after the context: %v", late, err)
	case !ok || e.Kind != smtp.Interrupted || !errors.Is(err, context.Canceled):
		t.Errorf("the error is %v", err)
	case e.Uncertain() != (line == "." || line == "BDAT"):
		t.Errorf("uncertain: %v", e.Uncertain())
	}
}

// The same within TLS, where a record or two may lie between the socket and us.
func TestEndlessReplyWithinTLSIsGivenUp(t *testing.T) {
	ca, err := hostile.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("mx.test", -1, 1)
	if err != nil {
		t.Fatal(err)
	}
	const records = 2 * (16<<10 + 256)
	for _, line := range []string{"", "EHLO", "MAIL", "DATA", "."} {
		t.Run(line, func(t *testing.T) {
			client, server := hostile.Pipe(hostile.Fault{})
			var before int64
			s := &hostile.Server{
				Babble: func(w io.Writer) error {
					before, _ = client.Count()
					return hostile.Say("", "250-abc\r\n")(w)
				},
				Instead: func(said string) (string, bool) {
					return hostile.Babble, strings.HasPrefix(said, line) && (line != "" || said == "")
				},
			}
			c := &smtp.Client{Addr: "mx.test:465", Hello: "client.test", TLS: &tls.Config{RootCAs: ca.Pool()},
				DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil }}
			var served sync.WaitGroup
			served.Go(func() { s.Serve(tls.Server(server, &tls.Config{Certificates: []tls.Certificate{cert}})) })
			_, err := c.Send(t.Context(), &letter{id: 1, to: []string{"kim"}})
			c.Close()
			served.Wait()
			read, _ := client.Count()
			if e, ok := errors.AsType[*smtp.Error](err); !ok || e.Kind != smtp.Garbled {
				t.Errorf("the error is %v", err)
			}
			if read-before > maxHeard+records {
				t.Errorf("%d octets were read", read-before)
			}
		})
	}
}

// A proxy can babble too, before there is a server at all.
func TestEndlessAnswerOfAProxyIsGivenUp(t *testing.T) {
	answers := map[string][2]string{
		"status line": {"HTTP/1.1 200 ", "A"}, "header": {"HTTP/1.1 200 OK\r\n", "X-A: b\r\n"}, "field": {"HTTP/1.1 200 OK\r\nX-A: ", "b"},
		"nothing known": {"", "\x05\xff\x00"}, "informational": {"", "HTTP/1.1 100 Continue\r\n\r\n"}, "SOCKS": {"\x05\x00", "\x05\x00\x00\x03\xff"},
	}
	for _, scheme := range []string{"http", "socks5"} {
		for name, answer := range answers {
			t.Run(scheme+"/"+name, func(t *testing.T) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				told := make(chan error, 1)
				go func() {
					c, err := l.Accept()
					if err == nil {
						err = hostile.Say(answer[0], answer[1])(c)
						c.Close()
					}
					told <- err
				}()
				client := &smtp.Client{Addr: "mx.test:25", Security: smtp.Plaintext, Proxy: scheme + "://kim:secret@" + l.Addr().String()}
				_, err = client.Send(t.Context(), &letter{id: 1, to: []string{"kim"}})
				if e, ok := errors.AsType[*smtp.Error](err); !ok || strings.Contains(err.Error(), "secret") || len(err.Error()) > 2000 {
					t.Errorf("the error is %v", e)
				}
				l.Close()
				if <-told == nil {
					t.Error("the proxy could say all it wanted")
				}
			})
		}
	}
}
