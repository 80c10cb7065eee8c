package interop_test

import (
	"bytes"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

var update = flag.Bool("update", false, "write testdata/matrix anew")

// mechanisms are the rows of the matrix, after no AUTH at all.
var mechanisms = []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"}

// TestMatrix sends a mail through every cell of {plain, STARTTLS, implicit TLS} x
// {no AUTH, each mechanism} x {each extension} that a server has, sees that the
// extension was used and that the mail arrived, and prints what there is. The
// table is kept in testdata/matrix: a cell that is lost is a failure, and so is
// one that is won and not told.
func TestMatrix(t *testing.T) {
	each(t, func(t *testing.T, s server, p *peer, inbox maildir) {
		m := &matrix{t: t, server: s, peer: p, wanted: map[delivery]bool{}, run: rand.Text()}
		for _, mode := range []mode{plain, startTLS, implicitTLS} {
			m.rows(mode)
		}
		for what, d := range inbox.await(t, m.wanted) {
			if got := d.text(t); got != body {
				t.Errorf("%s arrived as %q", what, got)
			}
		}
		m.print()
	})
}

// A matrix is what one server has.
type matrix struct {
	t      *testing.T
	server server
	peer   *peer
	table  [][]string
	gaps   []string
	run    string            // tells the mails of this run from those of another
	wanted map[delivery]bool // the mails that were taken
}

// rows fills the rows of one mode.
func (m *matrix) rows(mode mode) {
	o, err := hear(m.t.Context(), m.peer.addr(mode.port()), mode, m.peer.tls())
	if err != nil {
		m.t.Errorf("%s: %v", mode, err)
		return
	}
	for _, mechanism := range append([]string{""}, mechanisms...) {
		switch {
		case mechanism == "" && o.anonymous != "":
			m.gap(mode, mechanism, "takes no mail without AUTH: "+o.anonymous)
		case mechanism != "" && len(o.auth) == 0:
			m.gap(mode, mechanism, "EHLO does not offer AUTH")
		case mechanism != "" && !slices.Contains(o.auth, mechanism):
			m.gap(mode, mechanism, "not among AUTH "+strings.Join(o.auth, " "))
		default:
			m.row(mode, mechanism, o)
		}
	}
}

// row sends a mail through each cell of one row, all by one Client.
func (m *matrix) row(mode mode, mechanism string, o offer) {
	var events trace
	client := m.peer.client(mode, mechanism)
	client.Trace = events.add
	defer client.Close()
	row := []string{mode.String(), rowName(mechanism)}
	for _, f := range features {
		if f.keyword != "" && !o.has(f.keyword) {
			row = append(row, m.mark("EHLO does not offer "+f.keyword))
			continue
		}
		name := strings.Join([]string{m.run, m.server.name, mode.String(), mechanism, f.name}, "/")
		if err := m.send(client, &events, f, name); err != nil {
			m.t.Errorf("%s: %v", name, err)
			row = append(row, "FAILED")
			continue
		}
		row = append(row, "ok")
	}
	if mechanism != "" {
		if err := (conversation{events: events.all()}).has("AUTH "+mechanism, ""); err != nil {
			m.t.Errorf("%s %s: %v", mode, mechanism, err)
		}
	}
	m.table = append(m.table, row)
}

func (m *matrix) send(client *smtp.Client, events *trace, f feature, name string) error {
	before := len(events.all())
	message := f.message(name)
	receipt, err := client.Send(m.t.Context(), message)
	if err != nil {
		return err
	}
	for _, d := range deliveries(name, message) {
		m.wanted[d] = true
	}
	if receipt.Reply.Code != 250 {
		return fmt.Errorf("the receipt is %s", receipt.Reply)
	}
	return f.used(conversation{events.all()[before:], receipt})
}

func rowName(mechanism string) string {
	if mechanism == "" {
		return "no AUTH"
	}
	return mechanism
}

// gap is a row that a server does not have.
func (m *matrix) gap(mode mode, mechanism, why string) {
	row := []string{mode.String(), rowName(mechanism)}
	for range features {
		row = append(row, m.mark(why))
	}
	m.table = append(m.table, row)
}

// mark gives a gap its footnote.
func (m *matrix) mark(why string) string {
	i := slices.Index(m.gaps, why)
	if i < 0 {
		i = len(m.gaps)
		m.gaps = append(m.gaps, why)
	}
	return fmt.Sprintf("[%d]", i+1)
}

// print shows the table, and holds it against the one that is kept.
func (m *matrix) print() {
	head := []string{"", ""}
	for _, f := range features {
		head = append(head, f.name)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", m.server.label)
	for _, row := range append([][]string{head}, m.table...) {
		line := fmt.Sprintf("%-9s%-20s", row[0], row[1])
		for i, cell := range row[2:] {
			line += fmt.Sprintf("%-*s", len(features[i].name)+2, cell)
		}
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	for i, why := range m.gaps {
		fmt.Fprintf(&b, "[%d] %s\n", i+1, why)
	}
	m.t.Logf("the matrix\n\n%s", b.Bytes())

	file := "testdata/matrix/" + m.server.name + ".txt"
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		m.t.Fatal(err)
	}
	if !bytes.Equal(kept, b.Bytes()) {
		m.t.Errorf("the matrix is not that of %s, which is\n\n%s", file, kept)
	}
}

// client is one for a port of the peer; without AUTH where mechanism is empty.
func (p *peer) client(mode mode, mechanism string) *smtp.Client {
	c := &smtp.Client{
		Addr:     p.addr(mode.port()),
		Security: [...]smtp.Security{smtp.Plaintext, smtp.StartTLS, smtp.ImplicitTLS}[mode],
		TLS:      p.tls(),
		Hello:    "localhost",
		Timeout:  30 * time.Second,
	}
	if mechanism != "" {
		c.Auth = sasl.Only(mechanism, sasl.Password(p.vars["USER"], p.vars["PASSWORD"]))
	}
	return c
}

// A trace keeps what a Client tells.
type trace struct {
	mu     sync.Mutex
	events []smtp.Event
}

func (t *trace) add(e smtp.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, e)
}

func (t *trace) all() []smtp.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.events
}
