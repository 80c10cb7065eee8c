package smtp_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// A liar is a content that is not of the size that it told, or fails at its end.
type liar struct {
	*mail.Message
	size  int64
	parts []string
	err   error
}

func (l liar) Open() (mail.Content, error)       { return l, nil }
func (l liar) Fit(mail.Offer) (mail.Form, error) { return mail.Form{Size: l.size}, nil }
func (l liar) Close() error                      { return nil }
func (l liar) WriteTo(w io.Writer) (n int64, err error) {
	for _, p := range l.parts {
		m, err := io.WriteString(w, p)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, l.err
}

// What a content has over the size that BDAT announced would be commands, and a
// content that fails after its last octet would be a whole mail.
func TestBDATKeepsToItsSize(t *testing.T) {
	lines := strings.Repeat("x\r\n", 50_000)
	for name, l := range map[string]liar{
		"grows":            {letter("b@x.example"), 10, []string{"12345678\r\n", "RSET\r\nMAIL FROM:<evil@x.example>\r\n"}, nil},
		"grows at once":    {letter("b@x.example"), 10, []string{"12345678\r\nRSET\r\n"}, nil},
		"grows, large":     {letter("b@x.example"), 90_000, []string{lines[:90_000], "RSET\r\n"}, nil},
		"shrinks":          {letter("b@x.example"), 20, []string{"12345678\r\n"}, nil},
		"fails at its end": {letter("b@x.example"), 10, []string{"12345678\r\n"}, io.ErrUnexpectedEOF},
		"fails, large":     {letter("b@x.example"), 90_000, []string{lines[:90_000]}, io.ErrUnexpectedEOF},
	} {
		for _, offers := range [][]string{{"CHUNKING"}, {"CHUNKING", "PIPELINING"}} {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{offers: offers}
				c := f.client()
				list := []mail.Object{letter("a@x.example"), l, letter("c@x.example")}
				got := outcome(3, c.SendAll(ctx, slices.Values(list)))
				c.Close()
				synctest.Wait()
				if _, n, _ := f.count(); got != "+-+" || n != 2 {
					t.Errorf("%s, %v: %s, the server has %d", name, offers, got, n)
				}
				for i := range 2 {
					if slices.Contains(f.said(i), "MAIL FROM:<evil@x.example>") {
						t.Errorf("%s, %v: a content was heard as commands", name, offers)
					}
				}
			})
		}
	}
}

func TestCloseBesideSend(t *testing.T) {
	for range 20 {
		f := new(fake)
		c := f.client()
		c.MaxMessages = 1
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 4 {
					c.Send(ctx, letter("b@x.example"))
				}
			})
		}
		wg.Go(func() { c.Close() })
		wg.Wait()
		c.Close()
	}
}

func TestSendAllLeavesNothingBehindAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{offers: []string{"PIPELINING", "CHUNKING"}}
		c := f.client()
		c.MaxSessions = 1
		func() {
			defer func() { recover() }()
			for range c.SendAll(ctx, mail.Objects(letters("a@x.example", "b@x.example", "c@x.example"))) {
				panic("the caller's")
			}
		}()
		if _, err := c.Send(ctx, letter("b@x.example")); err != nil {
			t.Error(err)
		}
		c.Close()
	})
}

func TestSendAllWithRateEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{offers: []string{"PIPELINING"}}
		c := f.client()
		c.Rate = 1
		short, cancel := context.WithTimeout(ctx, 2500*time.Millisecond)
		defer cancel()
		n, asked := 0, 0
		for range c.SendAll(short, func(yield func(mail.Object) bool) {
			for asked = 1; asked < 1000 && yield(letter("b@x.example")); asked++ {
			}
		}) {
			n++
		}
		c.Close()
		if n != 3 || asked > 5 {
			t.Errorf("%d results, %d asked for", n, asked)
		}
	})
}

func TestSendAllSendsNothingAfterItsCallerStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{offers: []string{"PIPELINING", "CHUNKING"}}
		mails := 0
		f.answer = func(line string) string {
			if strings.HasPrefix(line, "MAIL") {
				if mails++; mails == 2 {
					return "421 4.3.2 bye"
				}
			}
			return ""
		}
		c := f.client()
		for range c.SendAll(ctx, mail.Objects(letters("a@x.example", "b@x.example", "c@x.example"))) {
			break
		}
		c.Close()
		synctest.Wait()
		if sessions, n, _ := f.count(); sessions != 1 || n != 1 {
			t.Errorf("%d sessions, %d mails", sessions, n)
		}
	})
}

func TestSendAllSaysAWrongPasswordOnce(t *testing.T) {
	f := &fake{offers: []string{"AUTH PLAIN"}}
	tries := 0
	f.answer = func(line string) string {
		if strings.HasPrefix(line, "AUTH") {
			tries++
			return "535 5.7.8 no"
		}
		return ""
	}
	c := f.client()
	c.Auth = sasl.Password("shop", "hush-hush")
	defer c.Close()
	if got := outcome(5, c.SendAll(ctx, mail.Objects(letters("a@x.example", "a@x.example", "a@x.example", "a@x.example", "a@x.example")))); got != "-----" || tries != 1 {
		t.Errorf("%s with %d tries", got, tries)
	}
}

// A caller's own session goes on after one recipient of several was refused.
func TestSessionGoesOnAfterARefusal(t *testing.T) {
	for _, offers := range every {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{offers: offers, answer: func(line string) string {
				if strings.Contains(line, "<bad@") {
					return "550 5.1.1 no such user"
				}
				return ""
			}}
			s, err := f.client().Open(ctx)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Send(ctx, letter("a@x.example", "bad@x.example"))
			wantErr(t, err, smtp.Refused, smtp.StageRcpt, "550 5.1.1")
			if _, err := s.Send(ctx, letter("a@x.example")); err != nil {
				t.Errorf("%v: %v", offers, err)
			}
			s.Close()
		})
	}
}

// Of very many refused recipients the first alone brings the conversation.
func TestManyRefusedRecipientsAreLight(t *testing.T) {
	f := &fake{offers: []string{"PIPELINING"}, answer: func(line string) string {
		if strings.HasPrefix(line, "RCPT") && !strings.Contains(line, "<good@") {
			return "550 5.1.1 no such user"
		}
		return ""
	}}
	c := f.client()
	c.Partial = true
	defer c.Close()
	to := []string{"good@x.example"}
	for i := range 500 {
		to = append(to, fmt.Sprintf("bad%d@x.example", i))
	}
	r, err := c.Send(ctx, letter(to...))
	if err != nil || len(r.Refused) != 500 {
		t.Fatal(r, err)
	}
	for i, e := range r.Refused {
		if (len(e.Said) > 0) != (i == 0) {
			t.Fatalf("recipient %d brings %d events", i, len(e.Said))
		}
	}
}
