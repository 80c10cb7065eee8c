package smtpd_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

// A way is how a session's octets travel.
type way struct {
	name      string
	implicit  bool // TLS comes first
	startTLS  bool
	lmtp      bool
	pipelined bool
}

func everyWay() []way {
	var all []way
	for _, pipelined := range []bool{false, true} {
		for _, w := range []way{{name: "plain"}, {name: "STARTTLS", startTLS: true}, {name: "implicit TLS", implicit: true}, {name: "LMTP", lmtp: true}} {
			if w.pipelined = pipelined; pipelined {
				w.name += ", pipelined"
			}
			all = append(all, w)
		}
	}
	return all
}

// walk has a whole session with one mail, and gives all that is heard once the line is what it is to be.
func (w way) walk(t *testing.T, x *faulty, server, client *tls.Config) (heard string, took time.Duration) {
	t.Helper()
	x.LMTP = w.lmtp
	hello := "EHLO a\r\n"
	if w.lmtp {
		hello = "LHLO a\r\n"
	}
	if w.implicit || w.startTLS {
		x.TLS = server
	}
	c, theirs := pair()
	go func() {
		if w.implicit {
			c.why <- x.ServeConnTLS(theirs)
		} else {
			c.why <- x.ServeConn(theirs)
		}
	}()
	begun := time.Now()
	if w.startTLS {
		c.hear()
		c.say(hello)
		c.hear()
		c.say("STARTTLS\r\n")
		c.want(t, "220")
	}
	if x.TLS != nil {
		c.Conn = tls.Client(c.Conn, client)
		c.in = bufio.NewReader(c.Conn)
	}
	groups := []string{hello, "MAIL FROM:<a@example.com>\r\n", "RCPT TO:<kim@example.net>\r\n", "DATA\r\n", content + ".\r\n", "RSET\r\n", "QUIT\r\n"}
	if w.pipelined {
		groups = []string{hello, strings.Join(groups[1:4], ""), strings.Join(groups[4:], "")}
	}
	if !w.startTLS {
		heard = c.hear()
	}
	for _, group := range groups {
		if strings.HasPrefix(group, content) && !strings.Contains(heard, "354") {
			c.say("QUIT\r\n") // a client that was told no says no content
			break
		}
		c.say(group)
		for range strings.Count(strings.TrimPrefix(group, content), "\r\n") {
			heard += c.hear()
		}
	}
	c.SetReadDeadline(time.Now().Add(time.Hour))
	rest, _ := io.ReadAll(c.in)
	heard += string(rest)
	c.Close()
	if why := <-c.why; why != x.why {
		t.Errorf("Closed was told %v, and ServeConn gives %v", x.why, why)
	}
	return heard, time.Since(begun)
}

// TestFaultsEverywhere: every kind of fault, at every stage, whatever the line: what is heard, and what becomes of the mail.
func TestFaultsEverywhere(t *testing.T) {
	authority := smtptest.NewAuthority(t)
	now := time.Now() // of the certificates: a bubble has a time of its own
	server := tlsOf(authority)
	client := &tls.Config{RootCAs: authority.Pool(), ServerName: "mx.example", Time: func() time.Time { return now }}
	const no, garbage = "451 4.7.1 come back later", "\xff\x00 what?\r\n"
	stages := []smtp.Stage{smtp.StageGreeting, smtp.StageHello, smtp.StageMail, smtp.StageRcpt, smtp.StageData, smtp.StageContent, smtp.StageEnd, smtp.StageReset, smtp.StageQuit}
	late := func(at smtp.Stage) bool { return at == smtp.StageEnd || at == smtp.StageReset || at == smtp.StageQuit }
	for _, test := range []struct {
		name  string
		fault smtpd.Fault
		said  string // exactly once
		kept  func(smtp.Stage) bool
		ends  bool // by ErrFault
		least time.Duration
	}{
		{"refuse", smtpd.Fault{Say: no}, no + "\r\n", func(at smtp.Stage) bool { return at > smtp.StageEnd }, false, 0},
		{"refuse and hang up", smtpd.Fault{Say: no, Then: smtpd.HangUp}, no + "\r\n", func(at smtp.Stage) bool { return at > smtp.StageEnd }, true, 0},
		{"hang up", smtpd.Fault{Mute: true, Then: smtpd.HangUp}, "", late, true, 0},
		{"cut", smtpd.Fault{Mute: true, Then: smtpd.Reset}, "", late, true, 0},
		{"half-close", smtpd.Fault{Mute: true, Then: smtpd.HalfClose}, "", late, true, 0},
		{"silence", smtpd.Fault{Mute: true, Then: smtpd.Fall}, "", late, true, time.Hour},
		{"wait", smtpd.Fault{Wait: 10 * time.Minute}, "", func(smtp.Stage) bool { return true }, false, 10 * time.Minute},
		{"more", smtpd.Fault{Pause: time.Minute, More: "421 4.4.2 idle", Then: smtpd.HangUp}, "421 4.4.2 idle\r\n", late, true, time.Minute},
		{"garbage", smtpd.Fault{Say: garbage, Raw: true, Then: smtpd.HangUp}, garbage, late, true, 0},
	} {
		for _, at := range stages {
			for _, w := range everyWay() {
				if at == smtp.StageGreeting && (w.startTLS || test.fault.Say == no && test.fault.Then == smtpd.GoOn) {
					continue // as in clear text; and what follows has a test of its own
				}
				t.Run(fmt.Sprint(test.name, "/", at, "/", w.name), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						x := newFaulty(at, test.fault)
						if ask := x.Fault; w.startTLS {
							x.Fault = func(s *smtpd.Session, mail *smtpd.Transaction, at smtp.Stage, line string) *smtpd.Fault {
								if s.TLS() == nil {
									return nil
								}
								return ask(s, mail, at, line)
							}
						}
						heard, took := w.walk(t, x, server, client)
						if n := strings.Count(heard, test.said); test.said != "" && n != 1 {
							t.Errorf("%d times %q in what is heard:\n%s", n, test.said, heard)
						}
						if kept := len(x.kept) == 1; kept != test.kept(at) {
							t.Errorf("kept %q", x.kept)
						}
						if ends := errors.Is(x.why, smtpd.ErrFault); ends != (test.ends || test.fault.Say == no && at == smtp.StageContent) {
							t.Errorf("it ended with %v", x.why)
						}
						if took < test.least {
							t.Errorf("it took %v", took)
						}
					})
				})
			}
		}
	}
}

// TestFaultAtTLS: a certificate chosen for one session, at STARTTLS and at implicit TLS, and STARTTLS refused; the next
// session has the server's own.
func TestFaultAtTLS(t *testing.T) {
	authority := smtptest.NewAuthority(t)
	other := &tls.Config{Certificates: []tls.Certificate{authority.Certificate("other.example")}}
	for _, implicit := range []bool{false, true} {
		t.Run(fmt.Sprint("implicit ", implicit), func(t *testing.T) {
			faults := []*smtpd.Fault{{TLS: other}, {TLS: &tls.Config{Certificates: tlsOf(authority).Certificates, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}}, {Then: smtpd.HangUp}, nil}
			met := make(chan string, len(faults))
			srv := &smtpd.Server{Hostname: "mx.example", TLS: tlsOf(authority), Fault: func(s *smtpd.Session, _ *smtpd.Transaction, at smtp.Stage, line string) *smtpd.Fault {
				if at != smtp.StageTLS {
					return nil
				}
				met <- line
				return faults[s.Number()-1]
			}}
			l := listen(t)
			if implicit {
				go srv.ServeTLS(l)
			} else {
				go srv.Serve(l)
			}
			defer srv.Close()
			for i, want := range []string{"not mx.example", "protocol version", "", "fine"} {
				client := &smtp.Client{Addr: l.Addr().String(), TLS: &tls.Config{RootCAs: authority.Pool(), ServerName: "mx.example"}}
				if implicit {
					client.Security = smtp.ImplicitTLS
				}
				_, err := client.Send(t.Context(), letter)
				e, ok := errors.AsType[*smtp.Error](err)
				switch {
				case !ok:
					t.Fatalf("session %d: %v", i, err)
				case want == "fine" && e.Stage != smtp.StageData && e.Stage != smtp.StageEnd: // there is no Data: 554
					t.Errorf("session %d: %v", i, err)
				case want != "fine" && (e.Stage != smtp.StageTLS || !strings.Contains(err.Error(), want)):
					t.Errorf("session %d: %v", i, err)
				}
				client.Close()
			}
			line := "STARTTLS"
			if implicit {
				line = ""
			}
			for range faults {
				if got := <-met; got != line {
					t.Errorf("asked about %q, want %q", got, line)
				}
			}
		})
	}
}

// TestFaultAtAuth: a no in place of any reply of an exchange ends it, a yes is told to a client that has proved nothing, and no
// secret comes to the hook.
func TestFaultAtAuth(t *testing.T) {
	for _, test := range []struct {
		say    string
		at     int // the first, second or third reply of AUTH LOGIN
		replay string
	}{
		{"535 5.7.8 no", 1, "535 503"}, {"535 5.7.8 no", 2, "334 535 503"}, {"454 4.7.0 later", 3, "334 334 454 503"},
		{"235 2.7.0 welcome, whoever", 1, "235 503"}, {"334 d2hhdD8=", 2, "334 334 235 503"},
	} {
		t.Run(fmt.Sprint(test.say, test.at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				var asked []string
				srv := &smtpd.Server{Accounts: sasl.Users(map[string]string{"kim": "tulip"}), Fault: func(_ *smtpd.Session, _ *smtpd.Transaction, at smtp.Stage, line string) *smtpd.Fault {
					if at != smtp.StageAuth {
						return nil
					}
					asked = append(asked, line)
					if n++; n != test.at {
						return nil
					}
					return &smtpd.Fault{Say: test.say}
				}}
				srv.Accounts.ClearText = true
				c := hello(t, srv)
				var codes []string
				say := func(line string) int {
					c.say(line)
					codes = append(codes, fmt.Sprint(c.code()))
					return len(codes)
				}
				say("AUTH LOGIN\r\n")
				for _, line := range []string{"a2lt\r\n", "dHVsaXA=\r\n"} {
					if codes[len(codes)-1] == "334" {
						say(line)
					}
				}
				say("RCPT TO:<kim@example.net>\r\n")
				if got := strings.Join(codes, " "); got != test.replay {
					t.Errorf("heard %s, want %s", got, test.replay)
				}
				for _, line := range asked {
					if line != "AUTH LOGIN" {
						t.Errorf("the hook is told %q", line)
					}
				}
				c.Close()
				<-c.why
			})
		})
	}
}

// TestFaultOfChunk: where the first chunk of a mail is refused the rest of it is too, and is no mail of its own.
func TestFaultOfChunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFaulty(0, smtpd.Fault{})
		times := 0
		x.Fault = func(_ *smtpd.Session, _ *smtpd.Transaction, at smtp.Stage, _ string) *smtpd.Fault {
			if times++; at != smtp.StageData || times > 6 {
				return nil
			}
			return &smtpd.Fault{Say: "451 4.3.0 not now"}
		}
		heard, _ := x.talk(t, false, "EHLO a\r\n", "MAIL FROM:<a@example.com>\r\n", "RCPT TO:<kim@example.net>\r\n", "BDAT 3\r\nabc", "BDAT 7 LAST\r\nMAIL\r\nx", "QUIT\r\n")
		if _, after, _ := strings.Cut(heard, "2.1.5 ok\r\n"); !strings.HasPrefix(after, "451 4.3.0 not now\r\n503 5.5.1") || len(x.kept) > 0 {
			t.Errorf("kept %q, heard\n%s", x.kept, heard)
		}
	})
}

// TestFaultEndsWithTheClient: who hangs up is not waited for, and that is why the session ended.
func TestFaultEndsWithTheClient(t *testing.T) {
	for name, f := range map[string]smtpd.Fault{
		"wait": {Wait: time.Hour}, "pause": {Pause: time.Hour}, "silence": {Then: smtpd.Fall}, "endless": {Endless: true, Rate: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFaulty(smtp.StageHello, f)
				c := connect(t, x.Server)
				c.say("EHLO a\r\n")
				time.Sleep(time.Minute)
				begun := time.Now()
				c.Close()
				if why := <-c.why; why == nil {
					t.Error("it ended as it should")
				}
				if took := time.Since(begun); took > 2*time.Second {
					t.Errorf("it took %v to end", took)
				}
			})
		})
	}
}

// TestFaultIsTraced: what a fault says is written down as it was said, and that it ended the session.
func TestFaultIsTraced(t *testing.T) {
	for _, test := range []struct {
		at    smtp.Stage
		fault smtpd.Fault
		want  string
	}{
		{smtp.StageMail, smtpd.Fault{Say: "\xff\x1b[2J", Raw: true, Then: smtpd.HangUp}, "C: MAIL FROM:<a@example.com>\nS: \\xff\\x1b[2J\n-- closed: ended by a fault on purpose\n"},
		{smtp.StageMail, smtpd.Fault{Say: "550 5.7.1 one\n550 5.7.1 two"}, "S: 550-5.7.1 one\nS: 550 5.7.1 two\n"},
		{smtp.StageMail, smtpd.Fault{More: "421 4.4.2 idle", Then: smtpd.Reset}, "S: 250 2.1.0 ok\nS: 421 4.4.2 idle\n-- closed: ended by a fault on purpose\n"},
		{smtp.StageMail, smtpd.Fault{Say: "250 on", Endless: true}, "S: 250-on\n-- closed"},
		{smtp.StageContent, smtpd.Fault{Wait: time.Minute}, "C: (content, 21 octets)\nC: .\n"},
		{smtp.StageContent, smtpd.Fault{Octets: 21, Wait: time.Minute}, "C: (content, 21 octets)\nC: .\n"},
	} {
		t.Run(fmt.Sprintf("%q", test.want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFaulty(test.at, test.fault)
				var rec transcript.Recorder
				x.Trace = rec.Trace
				c := open(t, x.Server)
				go c.say(strings.Join(wholeSession, ""))
				time.Sleep(time.Hour)
				c.Close()
				<-c.why
				// Times are before the lines, and not what is looked at here.
				var plain strings.Builder
				for line := range strings.Lines(rec.Transcript().String()) {
					if i := strings.Index(line, "S: "); i > 0 {
						line = line[i:]
					}
					plain.WriteString(strings.TrimLeft(line, "0123456789.: "))
				}
				if !strings.Contains(plain.String(), test.want) {
					t.Errorf("there is no\n%s\nin\n%s", test.want, plain.String())
				}
			})
		})
	}
}

// TestFaultsOverTCP: a cut is RST, and after half a close the server hears on; over TLS too. What is said before a hang-up
// arrives, though the client has said more than was read.
func TestFaultsOverTCP(t *testing.T) {
	authority := smtptest.NewAuthority(t)
	for _, implicit := range []bool{false, true} {
		for name, test := range map[string]struct {
			fault smtpd.Fault
			end   error
		}{
			"reset":      {smtpd.Fault{Mute: true, Then: smtpd.Reset}, syscall.ECONNRESET},
			"half-close": {smtpd.Fault{Say: "250 half", Then: smtpd.HalfClose}, io.EOF},
			"hang-up":    {smtpd.Fault{Say: "421 4.3.2 going", Then: smtpd.HangUp}, io.EOF},
		} {
			t.Run(fmt.Sprint(name, implicit), func(t *testing.T) {
				x := newFaulty(smtp.StageMail, test.fault)
				x.TLS = tlsOf(authority)
				l := listen(t)
				if implicit {
					go x.ServeTLS(l)
				} else {
					go x.Serve(l)
				}
				defer x.Close()
				raw, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer raw.Close()
				raw.SetDeadline(time.Now().Add(10 * time.Second))
				conn := raw
				if implicit {
					conn = tls.Client(raw, &tls.Config{RootCAs: authority.Pool(), ServerName: "mx.example"})
				}
				in := bufio.NewReader(conn)
				in.ReadString('\n')
				said := "EHLO a\r\nMAIL FROM:<a@example.com>\r\n"
				if test.end == io.EOF {
					said += strings.Repeat("NOOP\r\n", 2000)
				}
				io.WriteString(conn, said)
				heard, err := io.ReadAll(in)
				if test.end == io.EOF && err != nil || test.end != io.EOF && !errors.Is(err, test.end) {
					t.Errorf("the line ends with %v, want %v", err, test.end)
				}
				if !strings.HasSuffix(string(heard), test.fault.Say+"\r\n") && test.fault.Say != "" {
					t.Errorf("heard\n%s", heard)
				}
				if name == "half-close" {
					if _, err := io.WriteString(conn, strings.Repeat("NOOP\r\n", 20_000)); err != nil {
						t.Errorf("the server does not hear on: %v", err)
					}
				}
			})
		}
	}
}
