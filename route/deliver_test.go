package route

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/throwaway"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A site is mail hosts on addresses of loopback, all on one port, and what came to them.
type site struct {
	port int
	zone *zone

	mu   sync.Mutex
	came []string // "127.0.0.2: kim@one.test, ann@one.test", "127.0.0.2: TLS 1.3" before it
}

// newSite starts a host on each address; what is nil listens on nothing.
func newSite(t testing.TB, hosts map[string]*smtpd.Server, records map[string]string) *site {
	t.Helper()
	s := &site{zone: newZone(records)}
	for try := 0; ; try++ {
		listeners, err := listenAll(hosts)
		if err != nil && try < 50 {
			continue
		}
		if err != nil {
			t.Skip("no addresses of loopback besides 127.0.0.1 here: ", err)
		}
		for ip, l := range listeners {
			s.port = l.Addr().(*net.TCPAddr).Port
			server := hosts[ip]
			server.Hostname, server.Data = ip, s.data(ip)
			go server.Serve(l)
			t.Cleanup(func() { server.Close() })
		}
		return s
	}
}

func listenAll(hosts map[string]*smtpd.Server) (all map[string]net.Listener, err error) {
	all = map[string]net.Listener{}
	port := "0"
	for ip, server := range hosts {
		if server == nil {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(ip, port))
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, err
		}
		all[ip] = l
		_, port, _ = net.SplitHostPort(l.Addr().String())
	}
	return all, nil
}

func (s *site) data(ip string) func(*smtpd.Transaction, io.Reader) smtp.Reply {
	return func(t *smtpd.Transaction, content io.Reader) smtp.Reply {
		if _, err := io.Copy(io.Discard, content); err != nil {
			return smtp.Reply{}
		}
		var list []string
		for _, r := range t.Envelope.Recipients {
			list = append(list, r.Path.Local)
		}
		slices.Sort(list)
		s.mu.Lock()
		defer s.mu.Unlock()
		how := ""
		if t.Session.TLS() != nil {
			how = " by TLS"
		}
		s.came = append(s.came, ip+how+": "+strings.Join(list, " "))
		return smtp.Reply{}
	}
}

// took gives what came since it was asked last.
func (s *site) took() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.came)
	came := strings.Join(s.came, "; ")
	s.came = nil
	return came
}

func (s *site) router(t testing.TB, change func(*Table)) *Router {
	t.Helper()
	table := Table{Default: []string{"mx"}, MX: MX{Resolver: s.zone.resolver(t), Port: s.port, Loopback: true, Hello: "here.test"}}
	if change != nil {
		change(&table)
	}
	return open(t, table)
}

func letter(recipients ...string) *mail.Raw {
	raw := &mail.Raw{Data: []byte("Subject: hello\r\n\r\nhello\r\n")}
	raw.Env.ReversePath = mail.Path{Local: "shop", Domain: "example.com"}
	for _, r := range recipients {
		raw.Env.Recipients = append(raw.Env.Recipients, mail.Recipient{Path: to(r).Path})
	}
	return raw
}

// sendBy sends a mail by the first lane of its first recipient, and tells what came of it.
func sendBy(t testing.TB, r *Router, object mail.Object) (string, error) {
	t.Helper()
	env, err := object.Envelope()
	if err != nil {
		t.Fatal(err)
	}
	lanes, err := r.Lanes(t.Context(), outbox.Recipient{Path: env.Recipients[0].Path})
	if err != nil {
		t.Fatal(err)
	}
	lane, err := r.Lane(t.Context(), lanes[0])
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := lane.Transport.Send(t.Context(), object)
	var list []string
	told := func(e *smtp.Error) {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %d %v", strings.Trim(e.Path.String(), "<>"), e.Reply.Code, e.Temporary())))
	}
	if err == nil {
		for _, e := range receipt.Refused {
			told(e)
		}
		return strings.TrimSpace(strings.Join(append([]string{"taken"}, list...), "; ")), nil
	}
	e, ok := errors.AsType[*smtp.Error](err)
	if !ok {
		t.Fatalf("the error is a %T", err)
	}
	told(e)
	for _, also := range e.Also {
		told(also)
	}
	return strings.Join(list, "; "), err
}

func refuser(reply string) *smtpd.Server {
	return &smtpd.Server{Greet: func(*smtpd.Session) smtp.Reply { return smtpd.Reply(reply) }}
}

// The hosts of a domain are tried in their order until one of them is there: RFC 5321 §5.1.
func TestHostsInTheirOrder(t *testing.T) {
	s := newSite(t, map[string]*smtpd.Server{
		"127.0.0.2": {}, "127.0.0.3": {}, "127.0.0.4": refuser("554 5.3.2 not for you"), "127.0.0.5": refuser("421 4.3.2 later"),
		"127.0.0.6": {Rcpt: func(*smtpd.Transaction, mail.Recipient) smtp.Reply { return smtpd.Reply("550 5.1.1 no such user") }},
	}, map[string]string{
		"h2.test": "a 127.0.0.2", "h3.test": "a 127.0.0.3", "h4.test": "a 127.0.0.4", "h5.test": "a 127.0.0.5", "h6.test": "a 127.0.0.6",
		"dead.test": "a 127.0.0.9", "both.test": "a 127.0.0.9;a 127.0.0.2", "fail.test": "servfail",
		"first.test":   "mx 10 h2.test;mx 20 h3.test",
		"down.test":    "mx 10 dead.test;mx 20 h3.test",
		"gone.test":    "mx 10 nowhere.test;mx 20 h3.test",
		"busy.test":    "mx 5 h4.test;mx 10 h5.test;mx 20 h3.test",
		"no.test":      "mx 5 h4.test;mx 10 nowhere.test",
		"later.test":   "mx 5 h4.test;mx 10 h5.test",
		"alldown.test": "mx 5 dead.test",
		"nohost.test":  "mx 5 nowhere.test",
		"broken.test":  "mx 5 fail.test",
		"multi.test":   "mx 5 both.test",
		"user.test":    "mx 5 h6.test;mx 10 h2.test",
		"h2only.test":  "a 127.0.0.2",
	})
	r := s.router(t, nil)
	for _, c := range []struct{ to, want, came string }{
		{"kim@first.test", "taken", "127.0.0.2: kim"},
		{"kim@down.test", "taken", "127.0.0.3: kim"},
		{"kim@gone.test", "taken", "127.0.0.3: kim"},
		{"kim@busy.test", "taken", "127.0.0.3: kim"},
		{"kim@no.test", " 554 false", ""},
		{"kim@later.test", " 421 true", ""},
		{"kim@alldown.test", " 0 true", ""},
		{"kim@nohost.test", " 550 false", ""},
		{"kim@broken.test", " 0 true", ""},
		{"kim@multi.test", "taken", "127.0.0.2: kim"},
		{"kim@user.test", "kim@user.test 550 false", ""}, // a verdict is not asked for again elsewhere
		{"kim@h2only.test", "taken", "127.0.0.2: kim"},
		{"kim@[127.0.0.3]", "taken", "127.0.0.3: kim"},
	} {
		got, err := sendBy(t, r, letter(c.to))
		if strings.TrimSpace(got) != strings.TrimSpace(c.want) {
			t.Errorf("%s: %q (%v), want %q", c.to, got, err, c.want)
		}
		if came := s.took(); came != c.came {
			t.Errorf("%s: came %q, want %q", c.to, came, c.came)
		}
	}
}

// A mail for domains of several sites in one lane goes to each, and each recipient has his own verdict.
func TestOneMailToManyDomains(t *testing.T) {
	only := func(ok string) *smtpd.Server {
		return &smtpd.Server{Rcpt: func(_ *smtpd.Transaction, r mail.Recipient) smtp.Reply {
			switch r.Path.Local {
			case ok:
				return smtp.Reply{}
			case "full":
				return smtpd.Reply("452 4.2.2 mailbox full")
			}
			return smtpd.Reply("550 5.1.1 no such user")
		}}
	}
	s := newSite(t, map[string]*smtpd.Server{"127.0.0.2": only("kim"), "127.0.0.3": only("ann")}, map[string]string{
		"h2.test": "a 127.0.0.2", "h3.test": "a 127.0.0.3", "dead.test": "a 127.0.0.9",
		"a.test": "mx 10 h2.test", "b.test": "mx 10 h3.test", "c.test": "mx 10 dead.test", "d.test": "mx 0 .", "e.test": "mx 10 h2.test",
		"f.test": "servfail",
	})
	r := s.router(t, nil)
	got, err := sendBy(t, r, letter("kim@a.test", "bob@a.test", "ann@b.test", "kim@c.test", "kim@d.test", "kim@e.test", "kim@f.test"))
	want := "taken; bob@a.test 550 false; kim@c.test 0 true; kim@d.test 556 false; kim@f.test 0 true"
	if got != want || err != nil {
		t.Errorf("%q (%v), want %q", got, err, want)
	}
	if came := s.took(); came != "127.0.0.2: kim kim; 127.0.0.3: ann" {
		t.Errorf("came %q", came)
	}
	got, err = sendBy(t, r, letter("bob@a.test", "full@a.test", "bob@b.test", "kim@c.test", "kim@d.test"))
	want = "bob@a.test 550 false; full@a.test 452 true; bob@b.test 550 false; kim@c.test 0 true; kim@d.test 556 false"
	if got != want || err == nil {
		t.Errorf("%q (%v), want %q", got, err, want)
	}
}

// We are among the hosts: by a name, or by an address.
func TestNeverToOurselves(t *testing.T) {
	s := newSite(t, map[string]*smtpd.Server{"127.0.0.2": {}, "127.0.0.3": {}}, map[string]string{
		"h2.test": "a 127.0.0.2", "h3.test": "a 127.0.0.3", "lo.test": "a 127.0.0.1",
		"better.test": "mx 10 h2.test;mx 20 h3.test", "worse.test": "mx 10 h3.test;mx 20 h2.test", "same.test": "mx 10 h2.test;mx 10 h3.test",
		"loop.test": "mx 10 lo.test",
	})
	r := s.router(t, func(table *Table) { table.Self = []string{fmt.Sprintf("127.0.0.3:%d", s.port)} })
	for _, c := range []struct{ to, want, came string }{
		{"kim@better.test", "taken", "127.0.0.2: kim"},
		{"kim@worse.test", "554 false", ""},
		{"kim@same.test", "554 false", ""},
	} {
		if got, err := sendBy(t, r, letter(c.to)); got != c.want || s.took() != c.came {
			t.Errorf("%s: %q (%v), want %q", c.to, got, err, c.want)
		}
	}
	r = s.router(t, func(table *Table) { table.MX.Loopback = false })
	if got, err := sendBy(t, r, letter("kim@loop.test")); got != "550 false" || !strings.Contains(err.Error(), "5.4.4") {
		t.Errorf("to loopback: %q (%v)", got, err)
	}
}

// TLS where it is had; in the clear where it is not, or fails; never without for a mail that must have it.
func TestTLSAsItComes(t *testing.T) {
	good, roots := certificate(t, "h2.test")
	var handshakes atomic.Int32
	broken := &tls.Config{Certificates: good.Certificates, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		handshakes.Add(1)
		return nil, errors.New("it does not work")
	}}
	s := newSite(t, map[string]*smtpd.Server{"127.0.0.2": {TLS: good}, "127.0.0.3": {}, "127.0.0.4": {TLS: broken}, "127.0.0.5": {TLS: good}}, map[string]string{
		"h2.test": "a 127.0.0.2", "h3.test": "a 127.0.0.3", "h4.test": "a 127.0.0.4", "h5.test": "a 127.0.0.5",
	})
	r := s.router(t, func(table *Table) { table.MX.TLS = roots })
	for _, c := range []struct {
		to      string
		require bool
		came    string
	}{
		{"kim@h2.test", false, "127.0.0.2 by TLS: kim"},
		{"kim@h3.test", false, "127.0.0.3: kim"},
		{"kim@h4.test", false, "127.0.0.4: kim"},
		{"kim@h4.test", false, "127.0.0.4: kim"},
		{"kim@h5.test", false, "127.0.0.5 by TLS: kim"}, // another's certificate is as good as none
		{"kim@h2.test", true, "127.0.0.2 by TLS: kim"},
		{"kim@h3.test", true, ""},
		{"kim@h4.test", true, ""},
		{"kim@h5.test", true, ""},
	} {
		object := letter(c.to)
		object.Env.RequireTLS = c.require
		got, err := sendBy(t, r, object)
		if came := s.took(); came != c.came || (err == nil) != (c.came != "") {
			t.Errorf("%s, required %v: %q (%v), came %q, want %q", c.to, c.require, got, err, came, c.came)
		}
		if n := handshakes.Load(); c.to == "kim@h4.test" && !c.require && n != 1 {
			t.Errorf("what fails is tried %d times, though it is known", n)
		}
		if e, ok := errors.AsType[*smtp.Error](err); ok && c.to == "kim@h4.test" && e.Stage != smtp.StageTLS {
			t.Errorf("a mail that must have TLS came as far as %v", e.Stage)
		}
	}
}

// Hosts that were not used for longest are let go, and come again; those in use are not.
func TestHostsAreLetGo(t *testing.T) {
	s := newSite(t, map[string]*smtpd.Server{"127.0.0.2": {}}, map[string]string{
		"a.test": "a 127.0.0.2", "b.test": "a 127.0.0.2", "c.test": "a 127.0.0.2", "d.test": "a 127.0.0.2",
	})
	r := s.router(t, nil)
	r.hosts.most = 2
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if got, err := sendBy(t, r, letter("kim@"+string('a'+rune(i%4))+".test")); got != "taken" {
				t.Errorf("%q (%v)", got, err)
			}
		})
	}
	wg.Wait()
	if got, err := sendBy(t, r, letter("kim@a.test")); got != "taken" {
		t.Errorf("%q (%v)", got, err)
	}
	r.hosts.mu.Lock()
	defer r.hosts.mu.Unlock()
	if n := r.hosts.order.Len(); n > 2 || n != len(r.hosts.known) {
		t.Errorf("%d hosts are kept", n)
	}
}

// What is closed sends nothing more, and says so.
func TestClosed(t *testing.T) {
	s := newSite(t, map[string]*smtpd.Server{"127.0.0.2": {}}, map[string]string{"a.test": "a 127.0.0.2"})
	r := s.router(t, nil)
	if got, err := sendBy(t, r, letter("kim@a.test")); got != "taken" {
		t.Fatalf("%q (%v)", got, err)
	}
	lane, err := r.Lane(t.Context(), "mx/a.test")
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := lane.Transport.Send(t.Context(), letter("kim@a.test")); !errors.Is(err, errClosed) || !smtpError(err).Temporary() {
		t.Errorf("a mail after Close: %v", err)
	}
	if _, err := r.Lanes(t.Context(), to("kim@b.test")); !errors.Is(err, errClosed) {
		t.Errorf("lanes after Close: %v", err)
	}
}

// A context that ends, ends a mail that waits for hosts that do not answer.
func TestSendEndsWithTheContext(t *testing.T) {
	s := newSite(t, map[string]*smtpd.Server{"127.0.0.2": {}}, map[string]string{"mute.test": "silence", "a.test": "mx 10 mute.test"})
	r := s.router(t, nil)
	lane, err := r.Lane(t.Context(), "mx/anything")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = lane.Transport.Send(ctx, letter("kim@a.test"))
	if e, ok := errors.AsType[*smtp.Error](err); !ok || e.Kind != smtp.Interrupted {
		t.Errorf("it gave %v", err)
	}
}

func TestDiscard(t *testing.T) {
	r := open(t, Table{Rules: []Rule{{Discard: true}}})
	lanes, err := r.Lanes(t.Context(), to("kim@nowhere.test"))
	if err != nil || len(lanes) != 1 {
		t.Fatal(lanes, err)
	}
	lane, err := r.Lane(t.Context(), lanes[0])
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := lane.Transport.Send(t.Context(), letter("kim@nowhere.test"))
	if err != nil || receipt.Reply.Code != 250 || receipt.Size == 0 {
		t.Errorf("%+v, %v", receipt, err)
	}
	if _, err := lane.Transport.Send(t.Context(), &mail.Message{}); err == nil {
		t.Error("a mail that cannot be sent was taken")
	}
}

// certificate makes one for a name, and what believes it.
func certificate(t testing.TB, name string) (server, client *tls.Config) {
	t.Helper()
	ca, err := throwaway.NewAuthority("a CA of this test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(time.Now().Add(time.Hour), name)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, &tls.Config{RootCAs: ca.Pool()}
}
