package smtp_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

var ctx = context.Background()

func TestSessionIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{offers: []string{"PIPELINING"}}
		c := f.client()
		for range 5 {
			if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
		synctest.Wait()
		if sessions, mails, closed := f.count(); sessions != 1 || mails != 5 || closed != 1 {
			t.Errorf("%d sessions, %d mails, %d closed", sessions, mails, closed)
		}
		if said := f.said(0); said[len(said)-1] != "QUIT" || slices.Contains(said, "NOOP") || slices.Contains(said, "RSET") {
			t.Errorf("the session went %q", said)
		}
	})
}

func TestIdleSessionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fake)
		c := f.client()
		defer c.Close()
		c.Send(ctx, letter("b@example.net"))
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if _, _, closed := f.count(); closed != 0 {
			t.Error("closed after 7 s, and 8 s are the zero value")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if _, _, closed := f.count(); closed != 1 {
			t.Error("not closed after 9 s")
		}
		if said := f.said(0); said[len(said)-1] != "QUIT" {
			t.Errorf("closed without QUIT: %q", said)
		}
	})
}

// A server that gives a session up while it is idle does so unseen, whether it
// says 421 or just hangs up.
func TestDeadSessionIsReplacedUnseen(t *testing.T) {
	for _, how := range []string{"421 4.4.2 idle for too long", "!"} {
		for _, offers := range [][]string{nil, {"PIPELINING"}, {"PIPELINING", "CHUNKING"}} {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{offers: offers}
				f.answer = func(line string) string {
					if strings.HasPrefix(line, "MAIL") {
						if n, mails, _ := f.count(); n == 1 && mails == 1 {
							return how
						}
					}
					return ""
				}
				c := f.client()
				defer c.Close()
				for i := range 2 {
					if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
						t.Errorf("%s, %v, mail %d: %v", how, offers, i+1, err)
					}
				}
				synctest.Wait()
				if sessions, mails, _ := f.count(); sessions != 2 || mails != 2 {
					t.Errorf("%s, %v: %d sessions, %d mails", how, offers, sessions, mails)
				}
			})
		}
	}
}

// What a new session says is the server's word: it is not tried twice.
func TestNewSessionIsNotReplaced(t *testing.T) {
	f := &fake{answer: func(line string) string {
		if strings.HasPrefix(line, "MAIL") {
			return "421 4.3.2 shutting down"
		}
		return ""
	}}
	c := f.client()
	defer c.Close()
	_, err := c.Send(ctx, letter("b@example.net"))
	wantErr(t, err, smtp.Refused, smtp.StageMail, "421 4.3.2 shutting down")
	if e := err.(*smtp.Error); !e.Temporary() || e.Uncertain() {
		t.Errorf("temporary %v, uncertain %v", e.Temporary(), e.Uncertain())
	}
	if n, _, _ := f.count(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestMailsPerSession(t *testing.T) {
	for _, test := range []struct {
		offers []string
		max    int
	}{{nil, 2}, {[]string{"LIMITS MAILMAX=2 RCPTMAX=10"}, 0}, {[]string{"LIMITS MAILMAX=2"}, 50}} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{offers: test.offers}
			c := f.client()
			c.MaxMessages = test.max
			for range 5 {
				if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
					t.Fatal(err)
				}
			}
			c.Close()
			synctest.Wait()
			if sessions, _, closed := f.count(); sessions != 3 || closed != 3 {
				t.Errorf("%v: %d sessions for 5 mails, %d closed", test, sessions, closed)
			}
		})
	}
}

func TestSessionGrowsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fake)
		c := f.client()
		c.MaxIdle = time.Hour
		defer c.Close()
		for range 5 {
			c.Send(ctx, letter("b@example.net"))
			time.Sleep(4 * time.Minute)
		}
		if sessions, _, _ := f.count(); sessions != 2 {
			t.Errorf("%d sessions in 20 minutes, and 10 are the zero value", sessions)
		}
	})
}

func TestMostSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		open, most := 0, 0
		f := &fake{answer: func(line string) string {
			if strings.HasPrefix(line, "MAIL") {
				mu.Lock()
				open++
				most = max(most, open)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				open--
				mu.Unlock()
			}
			return ""
		}}
		c := f.client()
		c.MaxSessions = 3
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		c.Close()
		if n, mails, _ := f.count(); n != 3 || most != 3 || mails != 20 {
			t.Errorf("%d sessions, %d at once, %d mails", n, most, mails)
		}
	})
}

// Who waits for a session is let go by the context.
func TestWaitForSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(line string) string {
			if strings.HasPrefix(line, "MAIL") {
				return "-"
			}
			return ""
		}}
		c := f.client()
		c.MaxSessions = 1
		long, stop := context.WithCancel(ctx)
		go c.Send(long, letter("b@example.net"))
		synctest.Wait()
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Send(short, letter("b@example.net"))
		wantErr(t, err, smtp.Interrupted, smtp.StageDial, "deadline exceeded")
		if d := time.Since(start); d != time.Second {
			t.Errorf("let go after %v", d)
		}
		stop()
		synctest.Wait()
		c.Close()
	})
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{offers: []string{"PIPELINING", "CHUNKING"}}
		c := f.client()
		c.Rate = 2
		defer c.Close()
		start := time.Now()
		for range 5 {
			c.Send(ctx, letter("b@example.net"))
		}
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("5 mails by Send at 2 a second took %v", d)
		}
		for range c.SendAll(ctx, mail.Objects([]*mail.Message{letter("b@example.net"), letter("b@example.net"), letter("b@example.net"), letter("b@example.net")})) {
		}
		if d := time.Since(start); d != 4*time.Second {
			t.Errorf("4 more by SendAll were there after %v", d)
		}
	})
}

func TestSendAfterClose(t *testing.T) {
	f := new(fake)
	c := f.client()
	c.Send(ctx, letter("b@example.net"))
	c.Close()
	_, err := c.Send(ctx, letter("b@example.net"))
	wantErr(t, err, smtp.Unreachable, smtp.StageDial, "the client is closed")
}

// A refused mail leaves the session in use; what it left open is reset with the
// next mail, in the same flight.
func TestResetRidesWithTheNextMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{offers: []string{"PIPELINING"}, answer: func(line string) string {
			if strings.Contains(line, "<bad@") || line == "RSET" {
				return map[bool]string{true: "550 5.1.1 no such user", false: "250 ok"}[line != "RSET"]
			}
			if line == "DATA" {
				return ""
			}
			return ""
		}}
		c := f.client()
		_, err := c.Send(ctx, letter("bad@example.net"))
		wantErr(t, err, smtp.Refused, smtp.StageRcpt, "<bad@example.net>: 550 5.1.1 no such user")
		if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
			t.Error(err)
		}
		c.Close()
		synctest.Wait()
		if n, _, _ := f.count(); n != 1 {
			t.Errorf("%d sessions", n)
		}
		t.Log(f.said(0))
	})
}

// QUIRK of eYou: RSET is refused. The session is then of no use for a second
// mail, and is replaced unseen.
func TestResetRefused(t *testing.T) {
	for _, offers := range [][]string{nil, {"PIPELINING"}, {"PIPELINING", "CHUNKING"}} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{offers: offers, answer: func(line string) string {
				switch {
				case strings.Contains(line, "<bad@"):
					return "550 5.1.1 no such user"
				case line == "RSET":
					return "502 5.5.2 what?"
				case line == "DATA" && len(offers) > 0:
					return "554 5.5.1 no valid recipients"
				}
				return ""
			}}
			if len(offers) == 1 {
				base := f.answer
				f.answer = func(line string) string {
					if n, _, _ := f.count(); line == "DATA" && n > 1 {
						return ""
					}
					return base(line)
				}
			}
			c := f.client()
			c.Send(ctx, letter("bad@example.net"))
			if _, err := c.Send(ctx, letter("b@example.net")); err != nil {
				t.Errorf("%v: %v", offers, err)
			}
			c.Close()
			synctest.Wait()
			if n, _, _ := f.count(); n != 2 {
				t.Errorf("%v: %d sessions", offers, n)
			}
		})
	}
}

// QUIRK of QQ and 163: octets of garbage behind the reply to RSET. The replies
// can no longer be told apart, and the session is replaced unseen.
func TestGarbageBehindReset(t *testing.T) {
	for _, offers := range [][]string{nil, {"PIPELINING"}} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{offers: offers, answer: func(line string) string {
				switch {
				case strings.Contains(line, "<bad@"):
					return "550 5.1.1 no such user"
				case line == "RSET":
					return "250 ok\ngarbage!"
				}
				return ""
			}}
			c := f.client()
			c.Send(ctx, letter("bad@example.net"))
			if _, err := c.Send(ctx, letter("b@example.net")); err != nil && len(offers) == 0 {
				t.Errorf("%v: %v", offers, err)
			}
			c.Close()
			synctest.Wait()
		})
	}
}
