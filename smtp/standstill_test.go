package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/smtp"
)

func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &smtp.Client{Addr: "mx.example:25", Security: smtp.Plaintext, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		defer client.Close()
		start := time.Now()
		_, err := client.Send(context.Background(), aMail())
		e, ok := errors.AsType[*smtp.Error](err)
		if !ok || e.Kind != smtp.Unreachable || e.Stage != smtp.StageDial || !e.Temporary() || e.Uncertain() {
			t.Errorf("got %v", err)
		}
		checkTime(t, time.Since(start), smtp.StageDial, verdict{silent: true})
	})
}

// TestContentStage: what a server does while the content is on its way.
func TestContentStage(t *testing.T) {
	heard := func(then func(c *oddConn) bool) oddity {
		return does("", func(c *oddConn, good string) bool {
			c.say(good)
			io.CopyN(io.Discard, c.r, 100_000)
			return then(c)
		})
	}
	for _, tt := range []struct {
		name string
		odd  oddity
		want verdict
	}{
		{"stands still", heard(func(c *oddConn) bool { time.Sleep(time.Hour); return false }), verdict{kind: smtp.Unreachable, silent: true}},
		{"hangs up", heard(func(c *oddConn) bool { return false }), verdict{kind: smtp.Unreachable}},
		{"is cut", heard(func(c *oddConn) bool { c.raw.(interface{ Reset() }).Reset(); return false }), verdict{kind: smtp.Unreachable}},
		{"has enough", heard(func(c *oddConn) bool { c.say("552 5.3.4 too large"); return false }), verdict{kind: smtp.Refused, code: 552, enhanced: "5.3.4"}},
		{"is going down", heard(func(c *oddConn) bool { c.say("421 4.3.2 going down"); return false }), verdict{kind: smtp.Refused, code: 421, enhanced: "4.3.2"}},
		{"takes it half way", heard(func(c *oddConn) bool { c.say("250 2.0.0 thanks"); return false }), verdict{kind: smtp.Garbled}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := variants[0].server(t)
				f.at, f.odd = smtp.StageData, tt.odd
				client := f.client()
				start := time.Now()
				_, err := client.Send(context.Background(), bigMail(1<<20))
				e, ok := errors.AsType[*smtp.Error](err)
				if !ok {
					t.Fatalf("got %v", err)
				}
				tt.want.at = smtp.StageContent
				checkError(t, e, tt.want)
				checkTime(t, time.Since(start), smtp.StageContent, tt.want)
				if e.Uncertain() || len(f.contents) > 0 {
					t.Errorf("uncertain %v, contents %d: %v", e.Uncertain(), len(f.contents), e)
				}
			})
		})
	}
}

// TestSteadyContent: the patience with a content is idle time. One that takes
// hours goes on as long as it goes on, be it written in small pieces or in one.
func TestSteadyContent(t *testing.T) {
	slowly := does("", func(c *oddConn, good string) bool {
		c.say(good)
		for slow := 0; ; {
			line, err := c.line()
			if err != nil {
				return false
			}
			if line == "." {
				c.end("")
				return false
			}
			if slow += len(line) + 2; slow > 32<<10 {
				time.Sleep(time.Minute)
				slow = 0
			}
		}
	})
	const size = 4 << 20
	atOnce := bigMail(size)
	pieces := atOnce.write
	atOnce.write = func(w io.Writer) error {
		var b bytes.Buffer
		pieces(&b)
		_, err := w.Write(b.Bytes())
		return err
	}
	for name, m := range map[string]*sent{"in pieces": bigMail(size), "at once": atOnce} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := variants[0].server(t)
				f.at, f.odd = smtp.StageData, slowly
				start := time.Now()
				if _, err := f.client().Send(context.Background(), m); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took < 2*time.Hour {
					t.Errorf("took %v: it is to take over two hours", took)
				}
			})
		})
	}
}

// TestResetStage: after a refusal the next mail begins with RSET, and whatever the
// server says to that the next mail is sent, over another session if need be.
func TestResetStage(t *testing.T) {
	for _, odd := range odds {
		if odd.name == oneMore {
			continue // the reply after it is as if it was to MAIL
		}
		t.Run(odd.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := variants[0].server(t)
				f.at, f.odd = smtp.StageRcpt, says("550 5.1.1 no")
				client := f.client()
				if _, err := client.Send(context.Background(), aMail("nobody@example.net")); err == nil {
					t.Fatal("the recipient is to be refused")
				}
				f.mu.Lock()
				f.at, f.odd, f.after = smtp.StageReset, odd.oddity, 0
				f.mu.Unlock()
				start := time.Now()
				if _, err := client.Send(context.Background(), aMail()); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took > waits[smtp.StageReset]+time.Minute {
					t.Errorf("took %v", took)
				}
				client.Close()
				f.wg.Wait()
				if len(f.contents) != 1 || len(f.stray) > 0 || f.conns > 2 {
					t.Errorf("%d contents over %d connections, stray lines %q", len(f.contents), f.conns, f.stray)
				}
			})
		})
	}
}

// TestTLSHandshake: what a server does in place of its handshake.
func TestTLSHandshake(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(c *oddConn) bool
		want verdict
	}{
		{"silence", (*oddConn).hearOn, verdict{kind: smtp.Unreachable, silent: true}},
		{"hangs up", func(c *oddConn) bool { return false }, verdict{kind: smtp.Unreachable}},
		{"goes on in clear text", func(c *oddConn) bool { c.line(); c.say("500 5.5.1 what?"); return c.hearOn() }, verdict{kind: smtp.Insecure}},
		{"junk", func(c *oddConn) bool { c.say("\x16\x03\x01\x00\x05hello"); return c.hearOn() }, verdict{kind: smtp.Insecure}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := variant{tls: true}.server(t)
				f.at = smtp.StageTLS
				f.odd = does("", func(c *oddConn, good string) bool { c.say(good); return tt.then(c) })
				start := time.Now()
				_, err := f.client().Send(context.Background(), aMail())
				e, ok := errors.AsType[*smtp.Error](err)
				if !ok || e.Kind != tt.want.kind || e.Stage != smtp.StageTLS || e.Uncertain() {
					t.Errorf("got %v, want %v", err, tt.want.kind)
				}
				checkTime(t, time.Since(start), smtp.StageTLS, tt.want)
			})
		})
	}
}

// TestContextEndsAnyWait: at each stage of each variant the server stands still,
// and the context ends.
func TestContextEndsAnyWait(t *testing.T) {
	for _, v := range variants {
		for _, at := range v.stages {
			if at == smtp.StageQuit {
				continue
			}
			t.Run(v.name+"/"+at.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := v.server(t)
					f.at, f.odd = at, does("", func(c *oddConn, _ string) bool { return c.hearOn() })
					ctx, cancel := context.WithCancel(context.Background())
					time.AfterFunc(7*time.Second, cancel)
					start := time.Now()
					_, err := v.client(f).Send(ctx, aMail())
					e, ok := errors.AsType[*smtp.Error](err)
					if want := expected(verdict{}, v, at, ""); !ok || e.Kind != smtp.Interrupted || e.Stage != want.at || !errors.Is(err, context.Canceled) || !e.Temporary() {
						t.Errorf("got %v", err)
					}
					if took := time.Since(start); took != 7*time.Second {
						t.Errorf("took %v, want 7s", took)
					}
					if ok {
						checkUncertain(t, e, f, v, at, verdict{})
					}
				})
			})
		}
	}
}
