package outbox_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/smtptest"
)

// A breach is a way for a line to fail: one of package hostile's, or noise in place of all that comes after.
type breach struct {
	name  string
	kind  hostile.Break
	noise bool
}

var breaches = []breach{
	{"reset", hostile.Reset, false},
	{"closed", hostile.Cut, false},
	{"silence", hostile.Stall, false},
	{"half-closed", hostile.HalfClose, false},
	{"noise", hostile.None, true},
}

// A scene is a session that is cut.
type scene struct {
	name    string
	without []string // that the server does not offer
	mails   int      // one after the other
	to      int      // recipients of each
	refused bool     // and one more, who is refused
	tls     bool
}

var scenes = []scene{
	{name: "lock-step", without: []string{"CHUNKING", "PIPELINING"}, mails: 1, to: 1},
	{name: "pipelined", without: []string{"CHUNKING"}, mails: 1, to: 2, refused: true},
	{name: "chunks", mails: 2, to: 2},
	{name: "TLS", mails: 1, to: 3, tls: true},
}

// TestLineIsCut cuts the line to the next server at every octet of a session, in five ways, in both directions, under both policies, where silence
// takes no time. Each mail is delivered, or its sender told; none is lost; and none comes twice but where its end had gone out, which is written down.
func TestLineIsCut(t *testing.T) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			up, down := s.lengths(t)
			list := s.cuttings(up, down)
			sum := make(map[string]*account)
			for some := range slices.Chunk(list, 4000) {
				synctest.Test(t, func(t *testing.T) { newTheatre(t, some).play(t, sum) })
			}
			t.Logf("%d sessions, of %d octets to the server and %d to the client", len(list), up, down)
			for _, name := range slices.Sorted(maps.Keys(sum)) {
				t.Logf("%-12s %v", name+":", sum[name])
			}
		})
	}
}

// cuttings are all of a scene: at each octet with PARLEY_CUTS, else at every seventh, or fewer where keys are agreed on.
func (s scene) cuttings(up, down int64) (list []*cutting) {
	every := os.Getenv("PARLEY_CUTS") != ""
	stride := int64(7)
	switch {
	case every:
		stride = 1
	case s.tls:
		stride = 77
	}
	for _, b := range breaches {
		for side, length := range map[hostile.Side]int64{hostile.ToServer: up, hostile.ToClient: down} {
			for at := int64(0); at <= length; at += stride {
				for _, policy := range []outbox.Policy{outbox.Again, outbox.Hold} {
					if testing.Short() && !every && policy != outbox.Policy(1+at%2) {
						continue // one of the two at each
					}
					list = append(list, &cutting{scene: s, breach: b, policy: policy, to: side, at: at})
				}
			}
		}
	}
	return list
}

// lengths is how many octets go each way where nothing fails.
func (s scene) lengths(t *testing.T) (up, down int64) {
	c := &cutting{scene: s, policy: outbox.Again, at: -1}
	synctest.Test(t, func(t *testing.T) {
		newTheatre(t, []*cutting{c}).play(t, make(map[string]*account))
		down, up = c.lines[0].conn.Count()
	})
	if up < 100 || down < 100 || len(c.lines) != 1 {
		t.Fatalf("a session of %d and %d octets, and %d lines", up, down, len(c.lines))
	}
	return up, down
}

// An account is what came of cuts.
type account struct {
	sessions, once, twice, lost, bounced, deferred, unknown, idle, held int
}

func (a *account) String() string {
	return fmt.Sprintf("%d sessions; recipients: %d once, %d twice, %d bounced, %d lost; attempts: %d deferred, %d unknown, of which %d had been taken; %d held",
		a.sessions, a.once, a.twice, a.bounced, a.lost, a.deferred, a.unknown, a.unknown-a.idle, a.held)
}

// A cutting is a lane of its own whose first line is cut; those after it hold.
type cutting struct {
	scene
	breach
	policy outbox.Policy
	to     hostile.Side
	at     int64 // after so many octets; negative: never
	number int

	mu    sync.Mutex
	lines []*line
}

func (c *cutting) String() string {
	to := map[hostile.Side]string{hostile.ToServer: "server", hostile.ToClient: "client"}[c.to]
	return fmt.Sprintf("%s, %s after octet %d to the %s, %v", c.scene.name, c.breach.name, c.at, to, c.policy)
}

func (c *cutting) domain() string { return fmt.Sprintf("c%d.example", c.number) }

// mail is the n-th. Its last line is in no other.
func (c *cutting) mail(n int) *mail.Raw {
	var to []string
	for i := range c.scene.to {
		to = append(to, fmt.Sprintf("m%d.%d@%s", n, i, c.domain()))
	}
	if c.refused {
		to = append(to, fmt.Sprintf("nobody%d@%s", n, c.domain()))
	}
	m := hello(n, to...)
	m.Data = append(m.Data, c.end(n)...)
	return m
}

func (c *cutting) end(n int) string { return fmt.Sprintf("the end of %d\r\n", n) }

// A line is the client's end, which remembers what was said by it, and may turn what is written into noise.
type line struct {
	conn  *hostile.Conn
	mu    sync.Mutex
	said  []byte
	noise int64 // octets until then; negative: none comes
}

// rubbish is no reply, no command, and no end of a content.
const rubbish = "\x00\xff%!\x80 what\r\n\x7f\x01\xfe\r\n"

func (l *line) Read(p []byte) (int, error)         { return l.conn.Read(p) }
func (l *line) Close() error                       { return l.conn.Close() }
func (l *line) LocalAddr() net.Addr                { return l.conn.LocalAddr() }
func (l *line) RemoteAddr() net.Addr               { return l.conn.RemoteAddr() }
func (l *line) SetDeadline(t time.Time) error      { return l.conn.SetDeadline(t) }
func (l *line) SetReadDeadline(t time.Time) error  { return l.conn.SetReadDeadline(t) }
func (l *line) SetWriteDeadline(t time.Time) error { return l.conn.SetWriteDeadline(t) }

func (l *line) Write(p []byte) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := p
	if l.noise >= 0 {
		sound := int(min(l.noise, int64(len(p))))
		l.noise -= int64(sound)
		q = append(append([]byte(nil), p[:sound]...), strings.Repeat(rubbish, 1+len(p)/len(rubbish))[:len(p)-sound]...)
	}
	n, err = l.conn.Write(q)
	l.said = append(l.said, p[:n]...)
	return n, err
}

// hasSaid reports whether an end of a content went out.
func (l *line) hasSaid(end string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.said, []byte(end))
}

// A theatre has cuttings played side by side: in memory, where silence takes no time.
type theatre struct {
	list   []*cutting
	server *smtpd.Server
	config *tls.Config
	tasks  sync.WaitGroup
	box    *store

	mu    sync.Mutex
	taken map[string][]bool // for each recipient, whether what came was what had been put
	told  map[string]int    // of each recipient, how often the sender was told
}

func newTheatre(t *testing.T, list []*cutting) *theatre {
	h := &theatre{list: list, taken: make(map[string][]bool), told: make(map[string]int)}
	h.server = &smtpd.Server{Hostname: "mx.example", MaxSessions: -1, MaxSessionsPerIP: -1, Without: list[0].without, Rcpt: refusesNobody, Data: h.data}
	if list[0].tls {
		ca := smtptest.NewAuthority(t)
		h.server.TLS = &tls.Config{Certificates: []tls.Certificate{ca.Certificate("mx.example")}}
		h.config = &tls.Config{RootCAs: ca.Pool(), ServerName: "mx.example"}
	}
	for i, c := range list {
		c.number = i
	}
	h.box = onSQLite(t)
	return h
}

func refusesNobody(_ *smtpd.Transaction, r mail.Recipient) smtp.Reply {
	if strings.HasPrefix(r.Path.Local, "nobody") {
		return smtpd.Reply("550 5.1.1 no such user")
	}
	return smtp.Reply{}
}

var finalRecipient = regexp.MustCompile(`Final-Recipient: rfc822; ?(\S+)`)

func (h *theatre) data(tr *smtpd.Transaction, content io.Reader) smtp.Reply {
	b, err := io.ReadAll(content)
	if err != nil {
		return smtp.Reply{} // the client hears of it
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if tr.ReversePath.IsNull() {
		for _, m := range finalRecipient.FindAllSubmatch(b, -1) {
			h.told[string(m[1])]++
		}
		return smtp.Reply{}
	}
	for _, r := range tr.Recipients {
		var n, i, number int
		address := r.Path.Local + "@" + r.Path.Domain
		fmt.Sscanf(address, "m%d.%d@c%d.example", &n, &i, &number) //nolint:errcheck // then it is not what was put
		right := number < len(h.list) && bytes.Equal(b, h.list[number].mail(n).Data)
		h.taken[address] = append(h.taken[address], right)
	}
	return smtp.Reply{}
}

// dial makes a lane's next line.
func (h *theatre) dial(c *cutting) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var f hostile.Fault
	first := len(c.lines) == 0 && c.at >= 0
	if first && !c.breach.noise {
		f = hostile.Fault{Kind: c.kind, To: c.to, At: c.at}
	}
	client, server := hostile.Pipe(f)
	ours, theirs := &line{conn: client, noise: -1}, &line{conn: server, noise: -1}
	if first && c.breach.noise {
		map[hostile.Side]*line{hostile.ToServer: ours, hostile.ToClient: theirs}[c.to].noise = c.at
	}
	c.lines = append(c.lines, ours)
	h.tasks.Go(func() { h.server.ServeConn(theirs) }) //nolint:errcheck // how it ends is not the question
	return ours, nil
}

// lanes gives each cutting one of its own, and one to those who are told.
func (h *theatre) lanes(t *testing.T) map[string]*outbox.Lane {
	lanes := make(map[string]*outbox.Lane)
	for _, c := range append(h.list, &cutting{at: -1, number: -1}) {
		name := c.domain()
		if c.number < 0 {
			name = "example.com"
		}
		client := &smtp.Client{Addr: name + ":25", Security: smtp.Plaintext, Hello: "localhost", MaxSessions: 1, Partial: true, Timeout: 20 * time.Second}
		client.DialContext = func(context.Context, string, string) (net.Conn, error) { return h.dial(c) }
		if h.config != nil {
			client.Security, client.TLS = smtp.StartTLS, h.config
		}
		t.Cleanup(func() { client.Close() })
		lanes[name] = &outbox.Lane{Transport: client, Limits: outbox.Limits{Sessions: 1}}
	}
	return lanes
}

// play puts all mails, works them off, has those released that are held, and judges.
func (h *theatre) play(t *testing.T, sum map[string]*account) {
	defer h.tasks.Wait()
	defer h.server.Close()
	h.putAll(t)
	router := &table{lanes: h.lanes(t), of: func(r outbox.Recipient) ([]string, error) { return []string{r.Path.Domain}, nil }}
	soon := outbox.Retry{First: 30 * time.Second, Most: 30 * time.Second}
	stop := h.box.work(t, outbox.Worker{Router: router, MaxSessions: 500, Retry: soon, Bounces: outbox.Bounces{Host: "mx.example.com"}})
	h.untilIdle(t)
	held := make(map[string]bool)
	var refs []outbox.Ref
	for i, err := range h.box.Each(t.Context(), outbox.Query{States: []outbox.State{outbox.Unknown}}) {
		if err != nil {
			t.Fatal(err)
		}
		held[i.Path] = true
		refs = append(refs, i.Ref)
	}
	for path := range held {
		if n := len(h.taken[path]); n > 1 {
			t.Errorf("%s is held, and was taken %d times", path, n)
		}
	}
	if n, err := h.box.Release(t.Context(), refs...); err != nil || n != len(refs) {
		t.Fatalf("%d of %d are released: %v", n, len(refs), err)
	}
	h.untilIdle(t)
	stop()
	h.judge(t, held, sum)
}

func (h *theatre) putAll(t *testing.T) {
	next := make(chan *cutting)
	var tasks sync.WaitGroup
	for range 64 {
		tasks.Go(func() {
			for c := range next {
				for n := range c.mails {
					if _, err := h.box.Put(t.Context(), nil, &outbox.Mail{Object: c.mail(n), Unknown: c.policy}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for _, c := range h.list {
		next <- c
	}
	close(next)
	tasks.Wait()
}

// untilIdle waits until nothing is left that happens by itself.
func (h *theatre) untilIdle(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(6 * time.Hour); time.Now().Before(end); time.Sleep(5 * time.Second) {
		if h.box.count(t, "SELECT CASE WHEN EXISTS (SELECT 1 FROM parley_recipients WHERE state <= 2) THEN 1 ELSE 0 END") == 0 {
			return
		}
	}
	t.Fatalf("it does not come to an end\n%s", h.box.dump(t))
}

// judge compares what stands in the box, and what the server has.
func (h *theatre) judge(t *testing.T, held map[string]bool, sum map[string]*account) {
	unknown, deferred := h.happened(t, outbox.WasUnknown), h.happened(t, outbox.WasDeferred)
	for _, c := range h.list {
		if sum[c.breach.name] == nil {
			sum[c.breach.name] = &account{}
		}
		sum[c.breach.name].sessions++
	}
	seen := 0
	for i, err := range h.box.Each(t.Context(), outbox.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		local, domain, _ := strings.Cut(i.Path, "@")
		var number int
		if _, err := fmt.Sscanf(domain, "c%d.example", &number); err != nil {
			continue // the sender, who is told
		}
		seen++
		c, a := h.list[number], sum[h.list[number].breach.name]
		a.deferred, a.unknown = a.deferred+deferred[i.Ref], a.unknown+unknown[i.Ref]
		if held[i.Path] {
			a.held++
		}
		if i.Unknowns != unknown[i.Ref] {
			t.Errorf("%v: %s: %d attempts are unknown, and %d in the history", c, i.Path, i.Unknowns, unknown[i.Ref])
		}
		c.judge(t, a, i, local, h.taken[i.Path], h.told[i.Path])
	}
	if n := h.box.count(t, "SELECT COUNT(*) FROM parley_recipients WHERE path NOT LIKE '%@example.com'"); n != seen || len(h.taken) > seen {
		t.Errorf("%d recipients, of which %d were looked at; mail came to %d", n, seen, len(h.taken))
	}
}

// judge looks at one recipient: taken tells of each mail that came for it whether that was the one that had been put.
func (c *cutting) judge(t *testing.T, a *account, i outbox.Item, local string, taken []bool, told int) {
	var n int
	fmt.Sscanf(local, "m%d", &n) //nolint:errcheck // nobody is never sent to
	nobody := strings.HasPrefix(local, "nobody")
	bad := func(format string, args ...any) {
		t.Errorf("%v: %s, %v after %d attempts, unknown %d times, taken %d times, told %d times: %s", c, i.Path, i.State, i.Attempts, i.Unknowns, len(taken), told, fmt.Sprintf(format, args...))
	}
	switch {
	case i.State == outbox.Bounced && (nobody || c.breach.noise):
		a.bounced, a.idle = a.bounced+1, a.idle+i.Unknowns
		if told != 1 || len(taken) > 0 {
			bad("it is given up: its sender is to be told once, and none to be taken")
		}
		return
	case i.State != outbox.Sent || nobody || len(taken) == 0:
		a.lost++
		bad("lost")
		return
	case told > 0:
		bad("the sender was told")
	}
	for _, right := range taken {
		if !right {
			bad("what came is not what was put")
		}
	}
	if len(taken) > 1 {
		a.twice++
	} else {
		a.once++
	}
	a.idle += max(i.Unknowns-max(len(taken)-1, 0), 0)
	if len(taken)-1 > i.Unknowns {
		bad("it came more often than is written down")
	}
	if i.Unknowns > 1 || i.Attempts > 2 {
		bad("the next attempt was to go through")
	}
	if i.Unknowns > 0 && !c.tls && !c.lines[0].hasSaid(c.end(n)) {
		bad("its end never went out")
	}
}

// happened counts what happened to each recipient.
func (h *theatre) happened(t *testing.T, what outbox.What) map[outbox.Ref]int {
	rows, err := h.box.db.Query(fmt.Sprintf("SELECT message, n, COUNT(*) FROM parley_history WHERE what = %d GROUP BY message, n", what))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := make(map[outbox.Ref]int)
	for rows.Next() {
		var ref outbox.Ref
		var n int
		if err := rows.Scan((*int64)(&ref.Message), &ref.Recipient, &n); err != nil {
			t.Fatal(err)
		}
		all[ref] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
