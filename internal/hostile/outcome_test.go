package hostile_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A letter is a mail of which every octet is known.
type letter struct {
	id   int
	to   []string
	pad  int  // octets of body beyond the least
	size bool // its size is known beforehand

	once sync.Once
	text []byte
}

func (l *letter) mark() string { return fmt.Sprintf("end-of-mail-%d.", l.id) }

func (l *letter) bytes() []byte {
	l.once.Do(func() {
		body := strings.Repeat(strings.Repeat("y", 62)+"\r\n", l.pad/64)
		l.text = fmt.Appendf(nil, "Subject: %d\r\n\r\n.dot\r\n%s%s\r\n", l.id, body, l.mark())
	})
	return l.text
}

func (l *letter) Envelope() (mail.Envelope, error) {
	e := mail.Envelope{ReversePath: mail.Path{Local: fmt.Sprintf("from%d", l.id), Domain: "a.test"}}
	for _, to := range l.to {
		e.Recipients = append(e.Recipients, mail.Recipient{Path: mail.Path{Local: to, Domain: "b.test"}})
	}
	return e, nil
}

func (l *letter) Open() (mail.Content, error) {
	return &letterContent{l, bytes.NewReader(l.bytes())}, nil
}

type letterContent struct {
	l *letter
	r *bytes.Reader
}

func (c *letterContent) Fit(mail.Offer) (mail.Form, error) {
	if c.l.size {
		return mail.Form{Size: c.r.Size()}, nil
	}
	return mail.Form{Size: -1}, nil
}
func (c *letterContent) WriteTo(w io.Writer) (int64, error) { return c.r.WriteTo(w) }
func (c *letterContent) Close() error                       { return nil }

// A scene is a whole session, played again and again with another fault each time.
type scene struct {
	name    string
	offers  []string
	lmtp    bool
	partial bool
	letters []*letter
	all     bool // by SendAll
	refuse  string
	stride  int64       // every how many octets the fault is put; 0: at each
	tls     *tls.Config // the server's: STARTTLS first
	roots   *x509.CertPool

	ours    bool     // the server is package smtpd's
	without []string // what that does not offer
}

func letters(n int, size bool, to ...string) (list []*letter) {
	for i := range n {
		list = append(list, &letter{id: i + 1, to: to, size: size})
	}
	return list
}

func bulky(n, pad int) []*letter {
	list := letters(n, true, "kim")
	for _, l := range list {
		l.pad = pad
	}
	return list
}

var (
	pipelining = []string{"PIPELINING", "8BITMIME", "SIZE 1000000"}
	chunking   = []string{"CHUNKING", "SIZE"}
	both       = []string{"PIPELINING", "CHUNKING"}
)

// overTLS is some of the scenes over TLS, in which a fault falls into a record.
func overTLS(t *testing.T) (list []scene) {
	ca, err := hostile.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("mx.test", -10000, 10000)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenes() {
		if slices.Contains([]string{"pipelined-two-recipients", "bdat-whole", "pooled-bdat", "all-pipelined"}, s.name) {
			s.name, s.offers = "tls-"+s.name, append([]string{"STARTTLS"}, s.offers...)
			s.stride, s.roots = 307, ca.Pool()
			s.tls = &tls.Config{Certificates: []tls.Certificate{cert}}
			list = append(list, s)
		}
	}
	return list
}

func scenes() []scene {
	big := &letter{id: 1, to: []string{"kim"}, size: true, pad: 70 << 10}
	return []scene{
		{name: "plain", letters: letters(1, true, "kim")},
		{name: "plain-two-recipients", letters: letters(1, true, "kim", "lee")},
		{name: "pipelined", offers: pipelining, letters: letters(1, true, "kim")},
		{name: "pipelined-two-recipients", offers: pipelining, letters: letters(1, false, "kim", "lee")},
		{name: "pipelined-one-refused", offers: pipelining, letters: letters(1, true, "kim", "no", "lee"), refuse: "550 5.1.1 no"},
		{name: "pipelined-all-refused", offers: pipelining, letters: letters(1, true, "no", "no2"), refuse: "450 4.1.1 not now"},
		{name: "partial", offers: pipelining, partial: true, letters: letters(1, true, "kim", "no", "lee"), refuse: "550 5.1.1 no"},
		{name: "bdat", offers: chunking, letters: letters(1, true, "kim")},
		{name: "bdat-whole", offers: both, letters: letters(1, true, "kim")},
		{name: "bdat-whole-refused", offers: both, letters: letters(1, true, "no"), refuse: "550 5.1.1 no"},
		{name: "bdat-whole-partial", offers: both, partial: true, letters: letters(1, true, "kim", "no", "lee"), refuse: "452 4.5.3 not now"},
		{name: "bdat-big", offers: both, letters: []*letter{big}, stride: 4093},
		{name: "data-big", offers: pipelining, letters: []*letter{big}, stride: 4093},
		{name: "lmtp", lmtp: true, offers: pipelining, letters: letters(1, true, "kim")},
		{name: "lmtp-partial", lmtp: true, partial: true, offers: pipelining, letters: letters(1, true, "kim", "no", "lee"), refuse: "550 5.1.1 no"},
		{name: "lmtp-partial-bdat", lmtp: true, partial: true, offers: both, letters: letters(1, true, "kim", "lee")},
		{name: "pooled", offers: pipelining, letters: letters(2, true, "kim")},
		{name: "pooled-plain", letters: letters(2, false, "kim")},
		{name: "pooled-bdat", offers: both, letters: letters(3, true, "kim")},
		{name: "pooled-after-refusal", offers: pipelining, letters: []*letter{{id: 1, to: []string{"no"}}, {id: 2, to: []string{"kim"}}}, refuse: "550 5.1.1 no"},
		{name: "all-plain", all: true, letters: letters(5, true, "kim")},
		{name: "all-pipelined", all: true, offers: pipelining, letters: letters(5, true, "kim")},
		{name: "all-bdat", all: true, offers: both, letters: letters(5, true, "kim")},
		{name: "all-bdat-bulky", all: true, offers: both, letters: bulky(6, 9<<10), stride: 1021},
		{name: "all-bdat-bulkier", all: true, offers: both, letters: bulky(6, 30<<10), stride: 5003},
		{name: "all-data-bulky", all: true, offers: pipelining, letters: bulky(5, 30<<10), stride: 5003},
		{name: "all-bdat-mixed", all: true, offers: both, partial: true, refuse: "550 5.1.1 no", letters: []*letter{
			{id: 1, to: []string{"kim"}, size: true}, {id: 2, to: []string{"no"}, size: true},
			{id: 3, to: []string{"kim", "no"}, size: true}, {id: 4, to: []string{"kim"}}, {id: 5, to: []string{"lee"}, size: true}}},
	}
}

// A play is one run of a scene.
type play struct {
	scene
	instead func(line string) (string, bool)
	mixed   bool // RSET was not obeyed: a content may go with the envelope before it
	server  hostile.Server
	keeper  *keeper // in place of server, in a scene of ours
	mu      sync.Mutex
	conns   []*hostile.Conn // the client's ends
	serves  sync.WaitGroup

	// On real sockets only.
	addr    string // where to
	timeout time.Duration
	hangUp  func() // closes what is between, once the client has done
}

// dial gives the client a line that breaks, and after that lines that hold.
func (p *play) dial(f hostile.Fault) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		p.mu.Lock()
		if len(p.conns) > 0 {
			f = hostile.Fault{}
		}
		client, server := hostile.Pipe(f)
		p.conns = append(p.conns, client.Keep())
		p.mu.Unlock()
		p.serves.Go(func() {
			if p.ours {
				p.keeper.Serve(server)
				return
			}
			p.server.Serve(server)
		})
		return client, nil
	}
}

// run plays the scene once, and gives what is wrong with what came of it.
func (p *play) run(f hostile.Fault) (wrong []string) {
	p.server = hostile.Server{Offers: p.offers, LMTP: p.lmtp, Instead: p.instead, Refuse: func(path string) string {
		if strings.HasPrefix(path, "<no") {
			return p.refuse
		}
		return ""
	}}
	p.keeper = newKeeper(p.scene)
	client := &smtp.Client{Addr: "mx.test:24", Security: smtp.Plaintext, Hello: "client.test",
		LMTP: p.lmtp, Partial: p.partial, DialContext: p.dial(f)}
	if p.tls != nil {
		p.server.TLS, client.Security, client.TLS = p.tls, smtp.StartTLS, &tls.Config{RootCAs: p.roots}
	}
	if p.addr != "" {
		client.Addr, client.DialContext, client.Timeout = p.addr, nil, p.timeout
	}
	results := make([]*smtp.Result, len(p.letters))
	if p.all {
		for r := range client.SendAll(context.Background(), p.objects()) {
			if results[r.Index] != nil {
				wrong = append(wrong, fmt.Sprintf("mail %d has two results", r.Index+1))
			}
			results[r.Index] = &r
		}
	} else {
		for i, l := range p.letters {
			receipt, err := client.Send(context.Background(), l)
			results[i] = &smtp.Result{Index: i, Receipt: receipt, Err: err}
		}
	}
	client.Close()
	if p.hangUp != nil {
		p.hangUp()
	}
	p.serves.Wait()
	for i, l := range p.letters {
		if results[i] == nil {
			wrong = append(wrong, fmt.Sprintf("mail %d has no result", i+1))
			continue
		}
		wrong = append(wrong, p.judge(l, results[i])...)
	}
	for i, c := range p.conns {
		if !c.Closed() {
			wrong = append(wrong, fmt.Sprintf("connection %d is left open", i+1))
		}
	}
	if len(p.conns) > len(p.letters)+1 {
		wrong = append(wrong, fmt.Sprintf("%d connections for %d mails", len(p.conns), len(p.letters)))
	}
	return append(append(wrong, p.server.Dirty()...), p.keeper.dirty...)
}

func (p *play) objects() iter.Seq[mail.Object] { return mail.Objects(p.letters) }

// judge holds what the client believes of a mail against the server's record.
func (p *play) judge(l *letter, r *smtp.Result) (wrong []string) {
	say := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("mail %d: ", l.id)+fmt.Sprintf(format, args...))
	}
	took, times := []string{}, 0
	for _, m := range append(p.server.Taken(), p.keeper.taken...) {
		if !bytes.Contains(m.Content, []byte(l.mark())) {
			continue
		}
		times++
		took = append(took, m.Taken...)
		if !bytes.Equal(m.Content, l.bytes()) {
			say("the server took %q, which is not what was sent", m.Content)
		}
		if !strings.HasPrefix(m.From, fmt.Sprintf("<from%d@", l.id)) && !p.mixed {
			say("taken from %s", m.From)
		}
	}
	if times > 1 {
		say("taken %d times", times)
	}
	if r.Err == nil {
		return append(wrong, p.judgeReceipt(l, r.Receipt, took)...)
	}
	e, ok := errors.AsType[*smtp.Error](r.Err)
	switch {
	case !ok:
		say("the error is a %T", r.Err)
	case r.Receipt != nil:
		say("an error and a receipt")
	case e.Stage < smtp.StageDial || e.Stage > smtp.StageQuit || e.Kind == 0:
		say("the error has no stage or kind: %+v", e)
	case !e.Uncertain() && len(took) > 0 && !p.lmtp:
		say("certainly not taken, says the client, and the server took it: %v", e)
	case !e.Uncertain() && len(took) > 0:
		say("certainly taken for nobody, says the client, and the server took it for %q: %v", took, e)
	case p.all && l.id > 1 && e.Stage >= smtp.StageMail && e.Reply.Code == 0 && p.seen() && !p.wrote(fmt.Sprintf("MAIL FROM:<from%d@", l.id)):
		say("given up, and not a word of it was ever said: %v", e)
	case e.Uncertain() && p.seen() && !p.ended(l):
		say("uncertain, and its end was never sent: %v", e)
	}
	return wrong
}

// judgeReceipt is judge for a mail that the client believes was taken.
func (p *play) judgeReceipt(l *letter, r *smtp.Receipt, took []string) (wrong []string) {
	if r == nil {
		return []string{fmt.Sprintf("mail %d: neither error nor receipt", l.id)}
	}
	for _, to := range l.to {
		i := slices.IndexFunc(r.Refused, func(e *smtp.Error) bool { return e.Path.Local == to })
		taken := slices.Contains(took, "<"+to+"@b.test>")
		switch {
		case i < 0 && !taken:
			wrong = append(wrong, fmt.Sprintf("mail %d: taken for %s, says the client, and it was not", l.id, to))
		case i >= 0 && taken && !r.Refused[i].Uncertain():
			wrong = append(wrong, fmt.Sprintf("mail %d: refused for %s, says the client, and it was taken: %v", l.id, to, r.Refused[i]))
		}
	}
	return wrong
}

// seen reports whether what the client says can be read off its connections.
func (p *play) seen() bool { return p.addr == "" && p.tls == nil }

// ended reports whether the client has sent the end of a mail on any connection.
func (p *play) ended(l *letter) bool {
	end := []byte(l.mark() + "\r\n.\r\n")
	if l.size && slices.Contains(p.offers, "CHUNKING") {
		end = []byte(l.mark() + "\r\n")
	}
	return p.wrote(string(end))
}

// wrote reports whether the client has said something, on any connection.
func (p *play) wrote(what string) bool {
	for _, c := range p.conns {
		if bytes.Contains(c.Written(), []byte(what)) {
			return true
		}
	}
	return false
}

// lengths plays the scene without a fault, and gives how many octets go each way.
func (s scene) lengths(t *testing.T) (toServer, toClient int64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &play{scene: s}
		for _, w := range p.run(hostile.Fault{}) {
			t.Error(w)
		}
		if n := len(p.conns); n != 1 {
			t.Errorf("%d connections where nothing is wrong", n)
		}
		toClient, toServer = p.conns[0].Count()
	})
	return toServer, toClient
}

// A line that fails in any way, at any octet of any session, in either direction,
// never makes the client believe what is not so.
func TestOutcomeIsRightWhereverTheLineFails(t *testing.T) {
	var runs atomic.Int64
	t.Cleanup(func() { t.Logf("%d sessions", runs.Load()) })
	for _, s := range append(scenes(), overTLS(t)...) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			up, down := s.lengths(t)
			for _, kind := range hostile.Breaks() {
				runs.Add(s.faults(t, kind, hostile.ToServer, up))
				runs.Add(s.faults(t, kind, hostile.ToClient, down))
			}
		})
	}
}

// faults plays the scene with one sort of fault at every octet.
func (s scene) faults(t *testing.T, kind hostile.Break, to hostile.Side, length int64) (runs int64) {
	t.Helper()
	for at := int64(0); at <= length; at++ {
		if !s.tries(kind, at, length) {
			continue
		}
		f := hostile.Fault{Kind: kind, To: to, At: at, For: 7 * time.Second, Times: 20}
		runs++
		synctest.Test(t, func(t *testing.T) {
			p := &play{scene: s}
			if wrong := p.run(f); len(wrong) > 0 {
				t.Errorf("%v: %s\n%q", f, strings.Join(wrong, "; "), p.server.Said())
			}
		})
	}
	return runs
}

// tries reports whether a fault is tried at an octet. Of a big mail only the ends
// are walked octet by octet, since there the decisions fall, and the slow faults are
// tried more seldom: they are slow wherever they begin.
func (s scene) tries(kind hostile.Break, at, length int64) bool {
	const edge = 48
	slow := kind == hostile.Delay || kind == hostile.Dribble
	switch {
	case testing.Short() && at%7 != 0, slow && at%3 != 0:
		return false
	case s.stride == 0 || at%s.stride == 0:
		return true
	}
	return !slow && (at < edge || at > length-edge)
}

// odd is what a server may say in place of doing what it was asked.
var odd = []string{
	"421 4.3.2 closing", "421", "450 not now", "452 4.5.3 too much", "500 what", "503 order", "535 no", "554 5.7.1 no",
	"250 ok", "251 ok", "354 go on", "334 ", "220 hello", "235 in", "221 bye", "250-one\r\n250 two", "250-one\r\n251 two",
	"hello", "2", "99 what", "250_ok", "600 what", "250-endless", hostile.Silence, hostile.HangUp, spare,
}

// spare is a reply too many. Where replies are waited for one by one it is found
// out; among many that are on their way it is not, and nobody could.
const spare = "250 ok\r\n550 no"

// Whatever a server says at whatever point, not doing what it was asked, the
// client believes what is so. What it cannot know is that a server lies when it
// says that it takes a recipient or a content: that is left out.
func TestOutcomeIsRightWhateverTheServerSays(t *testing.T) {
	var runs atomic.Int64
	t.Cleanup(func() { t.Logf("%d sessions", runs.Load()) })
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			replies := 1
			for replies < 100 && s.oddAt(t, replies, "", &runs) {
				replies++
			}
			for _, what := range odd {
				if what == spare && slices.Contains(s.offers, "PIPELINING") {
					continue
				}
				for n := range replies {
					s.oddAt(t, n, what, &runs)
				}
			}
		})
	}
}

// oddAt plays the scene with what in place of the n-th reply, and reports whether
// there was an n-th; with what "", as it is.
func (s scene) oddAt(t *testing.T, n int, what string, runs *atomic.Int64) (there bool) {
	synctest.Test(t, func(t *testing.T) {
		runs.Add(1)
		p := &play{scene: s}
		var count atomic.Int64
		p.instead = func(line string) (string, bool) {
			if int(count.Add(1))-1 != n {
				return "", false
			}
			there = true
			p.mixed = line == "RSET"
			return what, what != "" && !isLie(line, what)
		}
		if wrong := p.run(hostile.Fault{}); len(wrong) > 0 {
			t.Errorf("reply %d is %q: %s\n%q", n, what, strings.Join(wrong, "; "), p.server.Said())
		}
	})
	return there
}

func isLie(line, reply string) bool {
	if line == "DATA" {
		return strings.HasPrefix(reply, "354")
	}
	yes := len(reply) > 3 && reply[0] == '2' && (reply[3] == ' ' || reply[3] == '-')
	return yes && (line == "." || strings.HasPrefix(line, "BDAT") || strings.HasPrefix(line, "RCPT"))
}
