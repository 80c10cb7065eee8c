package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// Each test of this file is a fault that was seen in the libraries of the field,
// by the number that it has there.

func asError(t *testing.T, err error) *smtp.Error {
	t.Helper()
	e, ok := errors.AsType[*smtp.Error](err)
	if !ok {
		t.Fatalf("got %v, want an *smtp.Error", err)
	}
	return e
}

// errTorn is a file that cannot be read on.
var errTorn = errors.New("read report.pdf: input/output error")

// torn is a mail of which only so many octets can be read.
func torn(octets int64) *sent {
	m := bigMail(1 << 20)
	whole := m.write
	m.write = func(w io.Writer) error { return whole(&tearing{w, octets}) }
	return m
}

type tearing struct {
	w    io.Writer
	left int64
}

func (t *tearing) Write(p []byte) (int, error) {
	if t.left -= int64(len(p)); t.left < 0 {
		return 0, errTorn
	}
	return t.w.Write(p)
}

// A mail whose content cannot be read to its end is not ended by a dot: a server
// would deliver the stump.
func TestC01TruncatedMailIsNeverEnded(t *testing.T) {
	for _, v := range variants[:7] {
		for _, octets := range []int64{0, 640, 64 << 10, 512 << 10} {
			t.Run(fmt.Sprint(v.name, " at ", octets), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := v.server(t)
					client := v.client(f)
					_, err := client.Send(context.Background(), torn(octets))
					e := asError(t, err)
					if e.Kind != smtp.Invalid || e.Stage != smtp.StageContent || e.Uncertain() || e.Temporary() || !errors.Is(err, errTorn) {
						t.Errorf("got %v", err)
					}
					if _, err := client.Send(context.Background(), aMail()); err != nil {
						t.Errorf("the next mail: %v", err)
					}
					client.Close()
					f.wg.Wait()
					if len(f.contents) != 1 || f.contents[0] != want0(v) || len(f.stray) > 0 {
						t.Errorf("contents %.60q, stray %.60q; want only the second mail", f.contents, f.stray)
					}
				})
			})
		}
	}
}

// What comes after the 250 does not make a failure of a mail that was taken, and
// the next mail goes.
func TestC02WhatFollowsThe250ChangesNothing(t *testing.T) {
	for name, f := range map[string]*oddServer{
		"RSET is refused":      {at: smtp.StageReset, odd: says("502 5.5.1 not here")},
		"closes after the 250": {at: smtp.StageEnd, odd: does("", func(c *oddConn, good string) bool { c.say(good); return false })},
		"is cut after the 250": {at: smtp.StageEnd, odd: does("", func(c *oddConn, good string) bool {
			c.say(good)
			time.Sleep(time.Second) // the 250 has arrived by then
			c.raw.(interface{ Reset() }).Reset()
			return false
		})},
		"421 after the 250":         {at: smtp.StageEnd, odd: does("", func(c *oddConn, good string) bool { c.say(good + "\r\n421 4.3.2 that was all"); return false })},
		"QUIT is refused":           {at: smtp.StageQuit, odd: says("502 5.5.1 not here")},
		"QUIT is answered by junk":  {at: smtp.StageQuit, odd: says("\x00\xff bye?")},
		"QUIT is not answered":      {at: smtp.StageQuit, odd: does("", func(c *oddConn, _ string) bool { return c.hearOn() })},
		"QUIT is answered by a cut": {at: smtp.StageQuit, odd: does("", func(c *oddConn, _ string) bool { c.raw.(interface{ Reset() }).Reset(); return false })},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f.t = t
				client := f.client()
				for range 3 {
					if r, err := client.Send(context.Background(), aMail()); err != nil || r.Reply.Code != 250 {
						t.Errorf("got %v, %v", r, err)
					}
					time.Sleep(2 * time.Second)
				}
				if err := client.Close(); err != nil {
					t.Error(err)
				}
				f.wg.Wait()
				if len(f.contents) != 3 || len(f.stray) > 0 {
					t.Errorf("%d contents, stray %q", len(f.contents), f.stray)
				}
			})
		})
	}
}

// An attachment that is not there is an error, found before a word is said.
func TestC03MissingAttachmentIsAnError(t *testing.T) {
	client := smtptest.Play(t, "")
	_, err := client.Send(context.Background(), &mail.Message{
		From: mail.Address{Address: "a@example.com"}, To: mail.To("b@example.net"),
		Text: "See the attachment.\n", Attach: []mail.Part{mail.File("/no/such/file.pdf")},
	})
	e := asError(t, err)
	if e.Kind != smtp.Invalid || e.Uncertain() || e.Temporary() || !strings.Contains(err.Error(), "/no/such/file.pdf") {
		t.Errorf("got %v", err)
	}
}

// Of 200 sessions that could not be opened no connection is left.
func TestC04NothingLeaksFromAFailedOpen(t *testing.T) {
	for _, tt := range []struct {
		name     string
		f        *oddServer
		security smtp.Security
	}{
		{"no STARTTLS", &oddServer{}, smtp.StartTLS},
		{"554", &oddServer{at: smtp.StageGreeting, odd: says("554 no")}, smtp.Plaintext},
		{"421 to EHLO", &oddServer{at: smtp.StageHello, odd: says("421 no")}, smtp.Plaintext},
		{"no TLS", &oddServer{}, smtp.ImplicitTLS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.f.t = t
			client := tt.f.client()
			client.Security = tt.security
			var open atomic.Int64
			client.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				tt.f.mu.Lock()
				tt.f.after = 0
				tt.f.mu.Unlock()
				conn, err := tt.f.dial(ctx, network, addr)
				open.Add(1)
				return &counted{conn, &open}, err
			}
			for range 200 {
				if _, err := client.Send(context.Background(), aMail()); err == nil {
					t.Fatal("sent")
				}
			}
			if n := open.Load(); n != 0 {
				t.Errorf("%d connections are still open", n)
			}
		})
	}
}

// A counted connection is one less when it is closed, however often.
type counted struct {
	net.Conn
	open *atomic.Int64
}

func (c *counted) Close() error {
	if c.open != nil {
		c.open.Add(-1)
		c.open = nil
	}
	return c.Conn.Close()
}

// Client.Timeout is idle time: a transfer that goes on is not cut by it, one that
// stands still is, in the content as well.
func TestC05TimeoutIsIdleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := variants[0].server(t)
		stop := int64(1 << 62)
		f.at, f.after = smtp.StageData, 0
		f.odd = does("", func(c *oddConn, good string) bool {
			c.say(good)
			for n := int64(0); n < stop; n += 32 << 10 {
				time.Sleep(time.Second)
				var b bytes.Buffer
				if _, err := io.CopyN(&b, c.r, 32<<10); bytes.HasSuffix(b.Bytes(), []byte("\r\n.\r\n")) {
					return c.end("")
				} else if err != nil {
					return false
				}
			}
			time.Sleep(time.Hour)
			return false
		})
		client := f.client()
		client.Timeout = 3 * time.Second
		const size = 1<<20 - 3 // with the dot a whole number of the server's pieces
		exact := func() *sent {
			m := bigMail(1 << 20)
			m.size = size
			m.write = func(w io.Writer) error {
				line := strings.Repeat("x", 62) + "\r\n"
				for range size / 64 {
					io.WriteString(w, line)
				}
				_, err := io.WriteString(w, strings.Repeat("y", size%64-2)+"\r\n")
				return err
			}
			return m
		}
		start := time.Now()
		if _, err := client.Send(context.Background(), exact()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took < 30*time.Second {
			t.Errorf("took %v: it is to take ten times the timeout", took)
		}
		f.mu.Lock()
		f.after, stop = 0, 512<<10
		f.mu.Unlock()
		start = time.Now()
		_, err := client.Send(context.Background(), exact())
		if e := asError(t, err); e.Kind != smtp.Unreachable || e.Stage != smtp.StageContent {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took < 19*time.Second || took > 25*time.Second {
			t.Errorf("took %v: 16 s of transfer and 3 s of standing still are wanted", took)
		}
	})
}

// A context that ends, ends any wait at once: of a connection, of a reply, of a
// session that others hold. TestContextEndsAnyWait walks all stages.
func TestC06TheContextIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := smtptest.Play(t, "S: 220 mx\nC: EHLO localhost\nS: 250 mx\nC: MAIL*\n-- silence\n")
		client.MaxSessions = 1
		ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
		defer cancel()
		start := time.Now()
		results := make(chan error)
		for range 2 { // one waits for the server, the other for the first
			go func() {
				_, err := client.Send(ctx, aMail())
				results <- err
			}()
		}
		for range 2 {
			err := <-results
			if e := asError(t, err); e.Kind != smtp.Interrupted || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		}
		if took := time.Since(start); took != 700*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

const oneOfThree = `
S: 220 mx
C: EHLO localhost
S: 250 mx
C: MAIL FROM:<a@example.com>
S: 250 2.1.0 ok
C: RCPT TO:<b@example.net>
S: 250 2.1.5 ok
C: RCPT TO:<nobody@example.net>
S: 550 5.1.1 no such user
`

// One bad recipient of three: by default nobody gets the mail and the error names
// who it was; with Partial the others get it.
func TestC07OneBadRecipientOfThree(t *testing.T) {
	three := aMail("b@example.net", "nobody@example.net", "c@example.net")
	t.Run("all or nobody", func(t *testing.T) {
		_, err := smtptest.Play(t, oneOfThree).Send(context.Background(), three)
		e := asError(t, err)
		if e.Kind != smtp.Refused || e.Stage != smtp.StageRcpt || e.Path.Local != "nobody" || e.Temporary() || e.Uncertain() {
			t.Errorf("got %v", err)
		}
	})
	t.Run("partial", func(t *testing.T) {
		client := smtptest.Play(t, oneOfThree+"C: RCPT TO:<c@example.net>\nS: 250 2.1.5 ok\nC: DATA\nS: 354 go on\nC: .\nS: 250 2.0.0 taken\n")
		client.Partial = true
		receipt, err := client.Send(context.Background(), three)
		if err != nil || len(receipt.Refused) != 1 || receipt.Refused[0].Path.Local != "nobody" || receipt.Refused[0].Reply.Code != 550 {
			t.Errorf("got %+v, %v", receipt, err)
		}
	})
	t.Run("partial, and all are bad", func(t *testing.T) {
		client := smtptest.Play(t, strings.Replace(oneOfThree, "C: RCPT TO:<b@example.net>\nS: 250 2.1.5 ok", "C: RCPT TO:<b@example.net>\nS: 450 4.2.1 later", 1))
		client.Partial = true
		_, err := client.Send(context.Background(), aMail("b@example.net", "nobody@example.net"))
		e := asError(t, err)
		if e.Path.Local != "b" || !e.Temporary() || len(e.Also) != 1 || e.Also[0].Path.Local != "nobody" {
			t.Errorf("got %v, also %v", err, e.Also)
		}
	})
}

// A mail that is larger than the server's SIZE is not sent to it.
func TestC08SizeIsHonoured(t *testing.T) {
	client := smtptest.Play(t, "S: 220 mx\nC: EHLO localhost\nS: 250-mx\nS: 250 SIZE 100000\n")
	_, err := client.Send(context.Background(), bigMail(1_200_000))
	e := asError(t, err)
	if e.Kind != smtp.Unsupported || e.Temporary() || !strings.Contains(err.Error(), "1200000") || !strings.Contains(err.Error(), "100000 ") && !strings.HasSuffix(err.Error(), "100000") {
		t.Errorf("got %v", err)
	}
}

// STARTTLS asked for and not offered: no mail, no AUTH, no word more.
func TestC09NoSTARTTLSNoMail(t *testing.T) {
	for name, said := range map[string]string{
		"not offered": "S: 220 mx\nC: EHLO localhost\nS: 250-mx\nS: 250 AUTH PLAIN LOGIN\n",
		"refused":     "S: 220 mx\nC: EHLO localhost\nS: 250-mx\nS: 250-AUTH PLAIN LOGIN\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 4.7.0 not now\n",
	} {
		t.Run(name, func(t *testing.T) {
			client := smtptest.Play(t, said)
			client.Security = smtp.Automatic
			client.Auth = sasl.Password("shop", "hush")
			_, err := client.Send(context.Background(), aMail())
			if e := asError(t, err); e.Kind != smtp.Insecure || e.Stage != smtp.StageTLS || e.Uncertain() {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Credentials and no AUTH on offer: an error, and no mail without them.
func TestC10CredentialsWithoutAUTHAreAnError(t *testing.T) {
	client := smtptest.Play(t, "S: 220 mx\nC: EHLO localhost\nS: 250-mx\nS: 250 SIZE\n")
	client.Auth = sasl.Password("shop", "hush")
	_, err := client.Send(context.Background(), aMail())
	if e := asError(t, err); e.Kind != smtp.Unsupported || e.Stage != smtp.StageAuth || e.Temporary() {
		t.Errorf("got %v", err)
	}
}

// CR and LF in any text that comes from outside make no header and no command: the
// mail is refused with the name of the field, before a word is said.
func TestC11NothingIsInjected(t *testing.T) {
	const evil = "x\r\nBcc: victim@example.org"
	good := func() *mail.Message {
		return &mail.Message{From: mail.Address{Address: "a@example.com"}, To: mail.To("b@example.net"), Subject: "x", Text: "x"}
	}
	for field, change := range map[string]func(m *mail.Message){
		"To":      func(m *mail.Message) { m.To[0].Address = "b@example.net\r\nBcc: victim@example.org" },
		"From":    func(m *mail.Message) { m.From.Name = evil },
		"Subject": func(m *mail.Message) { m.Subject = evil },
		"Attach": func(m *mail.Message) {
			m.Attach = []mail.Part{mail.Bytes(evil+".pdf", []byte("x"))}
		},
		"Attach[0].Type": func(m *mail.Message) {
			p := mail.Bytes("x.pdf", []byte("x"))
			p.Type = "application/pdf\r\nX-Evil: 1"
			m.Attach = []mail.Part{p}
		},
		"Header":      func(m *mail.Message) { m.Header = []mail.Field{{Name: "X-A", Value: evil}} },
		"ReversePath": func(m *mail.Message) { m.ReversePath = &mail.Path{Local: "a>\r\nRCPT TO:<v", Domain: "example.org"} },
	} {
		t.Run(field, func(t *testing.T) {
			m := good()
			change(m)
			_, err := smtptest.Play(t, "").Send(context.Background(), m)
			if e := asError(t, err); e.Kind != smtp.Invalid || !strings.Contains(err.Error(), strings.Split(field, "[")[0]) {
				t.Errorf("got %v, which does not name %s", err, field)
			}
		})
	}
}

// Each recipient has its own ORCPT.
func TestC12EachRecipientHasItsOwnORCPT(t *testing.T) {
	m := &asked{aMail("b@example.net", "c@example.net")}
	client := smtptest.Play(t, `
S: 220 mx
C: EHLO localhost
S: 250-mx
S: 250 DSN
C: MAIL FROM:<a@example.com> RET=HDRS ENVID=id+2B1
S: 250 ok
C: RCPT TO:<b@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+3D@example.org
S: 250 ok
C: RCPT TO:<c@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c+3D@example.org
S: 250 ok
C: DATA
S: 354 go on
C: .
S: 250 taken
`)
	if _, err := client.Send(context.Background(), m); err != nil {
		t.Error(err)
	}
}

// asked is a mail that wants notifications.
type asked struct{ *sent }

func (a *asked) Envelope() (mail.Envelope, error) {
	env, err := a.sent.Envelope()
	env.ID, env.Return = "id+1", mail.ReturnHeader
	for i := range env.Recipients {
		r := &env.Recipients[i]
		r.Notify = mail.NotifySuccess | mail.NotifyFailure
		r.Original = "rfc822;" + r.Path.Local + "=@example.org"
	}
	return env, err
}

// After the server's 535 nothing is left to cancel: no "*" is said.
func TestC13NoStarAfterTheVerdict(t *testing.T) {
	for _, auth := range []string{
		"S: 250 AUTH PLAIN\nC: AUTH PLAIN (secret)\nS: 535 5.7.8 no\n",
		"S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: (secret)\nS: 334 UGFzc3dvcmQ6\nC: (secret)\nS: 535 5.7.8 no\n",
		"S: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: (secret)\nS: 535 5.7.8 who?\n",
	} {
		client := smtptest.Play(t, "S: 220 mx\nC: EHLO localhost\nS: 250-mx\n"+auth)
		client.Auth = sasl.Password("shop", "hush")
		_, err := client.Send(context.Background(), aMail())
		if e := asError(t, err); e.Kind != smtp.Unauthorized || e.Stage != smtp.StageAuth || e.Reply.Code != 535 {
			t.Errorf("got %v", err)
		}
	}
}

// With pipelining each reply is laid to its own command.
func TestC14TheErrorNamesItsCommand(t *testing.T) {
	const all = "S: 220 mx\nC: EHLO localhost\nS: 250-mx\nS: 250 PIPELINING\nC: MAIL*\nC: RCPT TO:<b@*\nC: RCPT TO:<c@*\nC: DATA\n"
	for _, tt := range []struct {
		name, replies string
		stage         smtp.Stage
		path          string
		code          int
	}{
		{"MAIL is refused", "S: 550 5.7.1 not you\nS: 503 5.5.1 MAIL first\nS: 503 5.5.1 MAIL first\nS: 503 5.5.1 MAIL first\n", smtp.StageMail, "", 550},
		{"421 to MAIL", "S: 421 4.3.2 closing\n-- closed\n", smtp.StageMail, "", 421},
		{"the second recipient", "S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no\nS: 354 go on\n-- silence\n", smtp.StageRcpt, "c", 550},
		{"both recipients", "S: 250 ok\nS: 450 4.2.1 no\nS: 550 5.1.1 no\nS: 503 5.5.1 nobody\n", smtp.StageRcpt, "b", 450},
		{"DATA", "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 451 4.3.0 not now\n", smtp.StageData, "", 451},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := smtptest.Play(t, all+tt.replies).Send(context.Background(), aMail("b@example.net", "c@example.net"))
			e := asError(t, err)
			if e.Stage != tt.stage || e.Path.Local != tt.path || e.Reply.Code != tt.code || e.Uncertain() {
				t.Errorf("got %v", err)
			}
		})
	}
}

// LOGIN has a prompt for the name and one for the password, whatever they say.
func TestC15LOGINTakesAnyPrompt(t *testing.T) {
	for _, prompts := range [][2]string{
		{"VXNlcm5hbWU6", "UGFzc3dvcmQ6"},     // Username: Password:
		{"VXNlciBOYW1lAA==", "UGFzc3dvcmQA"}, // User Name\0 Password\0
		{"", ""},
		{"5biQ5Y+3", "5a+G56CB"}, // 帐号 密码
		{"dXNlcg==", "cGFzcw=="},
	} {
		client := smtptest.Play(t, fmt.Sprintf(`
S: 220 mx
C: EHLO localhost
S: 250-mx
S: 250 AUTH LOGIN
C: AUTH LOGIN
S: 334 %s
C: c2hvcA==
S: 334 %s
C: aHVzaA==
S: 235 2.7.0 welcome
C: MAIL*
S: 250 ok
C: RCPT*
S: 250 ok
C: DATA
S: 354 go on
C: .
S: 250 taken
`, prompts[0], prompts[1]))
		client.Auth = sasl.Password("shop", "hush")
		if _, err := client.Send(context.Background(), aMail()); err != nil {
			t.Errorf("%q: %v", prompts, err)
		}
	}
}
