package smtp_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// every is the sorts of server that SendAll is to treat alike.
var every = [][]string{nil, {"PIPELINING"}, {"CHUNKING"}, {"PIPELINING", "CHUNKING"}}

func letters(to ...string) []*mail.Message {
	var l []*mail.Message
	for _, one := range to {
		l = append(l, letter(strings.Fields(one)...))
	}
	return l
}

// outcome is the results in order: "+" taken, "-" not, "?" unknown, "." none.
func outcome(n int, results func(func(smtp.Result) bool)) string {
	b := []byte(strings.Repeat(".", n))
	for r := range results {
		e, _ := errors.AsType[*smtp.Error](r.Err)
		switch {
		case b[r.Index] != '.':
			b[r.Index] = '2' // a second result: never right
		case r.Err == nil:
			b[r.Index] = '+'
		case e.Uncertain():
			b[r.Index] = '?'
		default:
			b[r.Index] = '-'
		}
	}
	return string(b)
}

func TestSendAllTellsEachOutcome(t *testing.T) {
	for _, offers := range every {
		synctest.Test(t, func(t *testing.T) {
			// A server of the strict sort: a transaction that was not ended stays open,
			// and a second MAIL in it is refused.
			open, valid := false, 0
			f := &fake{offers: offers}
			f.answer = func(line string) string {
				verb, _, _ := strings.Cut(line, " ")
				switch verb {
				case "EHLO", "RSET", "(content)":
					open, valid = false, 0
				case "MAIL":
					if open {
						return "503 5.5.1 nested MAIL"
					}
					open, valid = true, 0
				case "RCPT":
					if strings.Contains(line, "bad@") {
						return "550 5.1.1 no such user"
					}
					valid++
				case "DATA", "BDAT":
					if valid == 0 {
						return "554 5.5.1 no valid recipients"
					}
					if verb == "BDAT" {
						open, valid = false, 0
					}
				}
				return ""
			}
			c := f.client()
			list := letters("b@x.example", "bad@x.example", "b@x.example", "b@x.example bad@x.example", "c@x.example d@x.example", "bad@x.example", "b@x.example")
			if got := outcome(len(list), c.SendAll(ctx, mail.Objects(list))); got != "+-+-+-+" {
				t.Errorf("%v: %s", offers, got)
			}
			c.Close()
			synctest.Wait()
			sessions, _, closed := f.count()
			if sessions != closed {
				t.Errorf("%v: %d sessions, %d closed", offers, sessions, closed)
			}
		})
	}
}

// The next envelope rides behind the content; whole mails where CHUNKING lets them.
func TestSendAllFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{offers: []string{"PIPELINING"}}
		c := f.client()
		outcome(3, c.SendAll(ctx, mail.Objects(letters("b@x.example", "c@x.example", "d@x.example"))))
		c.Close()
		synctest.Wait()
		if said := strings.Join(f.said(0), "|"); strings.Contains(said, "RSET") || strings.Count(said, "MAIL") != 3 {
			t.Error(said)
		}
	})
}

// When a server goes away in the midst of very many, each mail has exactly one
// outcome, and none that was taken is said not to have been.
func TestSendAllOverALostSession(t *testing.T) {
	for _, offers := range every {
		for at := range 10 {
			for _, how := range []string{"421 4.3.2 bye", "!"} {
				synctest.Test(t, func(t *testing.T) {
					f := &fake{offers: offers}
					mails := 0
					f.answer = func(line string) string {
						if strings.HasPrefix(line, "MAIL") {
							if mails++; mails == at+1 {
								return how
							}
						}
						return ""
					}
					c := f.client()
					c.Ahead = 4
					list := letters(slices.Repeat([]string{"b@x.example"}, 10)...)
					got := outcome(10, c.SendAll(ctx, mail.Objects(list)))
					c.Close()
					synctest.Wait()
					if strings.ContainsAny(got, ".2") {
						t.Errorf("%v, %s at %d: %s", offers, how, at, got)
					}
					// A mail not taken may only be the first of a session that was just
					// opened; unknown only what was under way whole.
					if strings.Count(got, "-") > 1 || strings.Contains(got, "-") && at > 0 {
						t.Errorf("%v, %s at %d: %s", offers, how, at, got)
					}
					if n := strings.Count(got, "?"); n > 4 || n > 0 && (how != "!" || len(offers) < 2) {
						t.Errorf("%v, %s at %d: %s", offers, how, at, got)
					}
				})
			}
		}
	}
}

// A content that fails is never ended, and harms no other mail.
func TestSendAllWithAFailingContent(t *testing.T) {
	for _, offers := range every {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{offers: offers}
			c := f.client()
			list := []mail.Object{letter("b@x.example"), letter("c@x.example"), failing{letter("d@x.example")}, letter("e@x.example"), letter("f@x.example")}
			got := outcome(5, c.SendAll(ctx, slices.Values(list)))
			c.Close()
			synctest.Wait()
			if _, mails, _ := f.count(); got != "++-++" || mails != 4 {
				t.Errorf("%v: %s, the server has %d", offers, got, mails)
			}
			for _, content := range f.contents {
				if strings.Contains(content, "half") {
					t.Errorf("%v: the server took half a mail", offers)
				}
			}
		})
	}
}

// A failing object breaks off in the midst of its content.
type failing struct{ *mail.Message }

func (f failing) Open() (mail.Content, error) { return broken{}, nil }

type broken struct{}

func (broken) Fit(mail.Offer) (mail.Form, error) { return mail.Form{Size: 100}, nil }
func (broken) Close() error                      { return nil }
func (broken) WriteTo(w io.Writer) (int64, error) {
	io.WriteString(w, "Subject: half\r\n\r\n")
	return 17, errors.New("the disk is gone")
}

func TestSendAllStopsWithItsCaller(t *testing.T) {
	for _, offers := range every {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{offers: offers}
			c := f.client()
			c.Ahead = 1
			asked := 0
			mails := func(yield func(mail.Object) bool) {
				for asked < 100 && yield(letter("b@x.example")) {
					asked++
				}
			}
			for r := range c.SendAll(ctx, mails) {
				if r.Index == 2 {
					break
				}
			}
			c.Close()
			synctest.Wait()
			if _, n, _ := f.count(); n != 3 || asked > 4 {
				t.Errorf("%v: %d mails were sent, %d asked for", offers, n, asked)
			}
		})
	}
}

func TestSendAllEndsWithItsContext(t *testing.T) {
	for _, offers := range every {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{offers: offers}
			n := 0
			f.answer = func(line string) string {
				if strings.HasPrefix(line, "MAIL") {
					if n++; n == 3 {
						return "-"
					}
				}
				return ""
			}
			c := f.client()
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			start := time.Now()
			var last error
			for r := range c.SendAll(short, mail.Objects(letters(slices.Repeat([]string{"b@x.example"}, 50)...))) {
				last = r.Err
			}
			if d := time.Since(start); d != time.Second || !errors.Is(last, context.DeadlineExceeded) {
				t.Errorf("%v: ended after %v with %v", offers, d, last)
			}
			c.Close()
			synctest.Wait()
		})
	}
}

func TestSendAllReportsBadMails(t *testing.T) {
	f := &fake{offers: []string{"PIPELINING"}}
	c := f.client()
	defer c.Close()
	bad := &mail.Message{From: mail.Address{Address: "a@example.com"}}
	list := []mail.Object{letter("b@x.example"), bad, nil, letter("c@x.example")}
	if got := outcome(4, c.SendAll(ctx, slices.Values(list))); got != "+--+" {
		t.Error(got)
	}
}
