package interop_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
)

// A mailing is a month's statements: a table, a template with a page that becomes a PDF, and commands that send them.
type mailing struct {
	t     *testing.T
	dir   string
	run   string              // stands in each address, for a maildir has others' mail too
	owner map[string][]string // by the address: what this customer's PDF says; the first, nobody else's
}

func newMailing(t *testing.T, n, bad int) *mailing {
	m := &mailing{t: t, dir: t.TempDir(), run: fmt.Sprintf("m%x", rand.Uint32()), owner: map[string][]string{}}
	m.write("march/subject.txt", "{{.name}}的{{date .month}}对账单")
	m.write("march/body.md", "# {{.name}}，您好\n\n应付 **{{money .amount \"CNY\"}}**\n")
	m.write("march/pdf.html", `<!doctype html><meta charset="utf-8"><h1>对账单</h1><p>户名：{{.name}}</p><p>账号：{{.account}}</p><p>应付：{{money .amount "CNY"}}（{{rmb .amount}}）</p>`)
	m.table(n, bad)
	return m
}

func (m *mailing) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// table writes the table, in which every so-manieth row cannot be sent, and gives the lines of these.
func (m *mailing) table(n, bad int) (lines []int) {
	var b strings.Builder
	b.WriteString("account,name,email,amount,month\n")
	for i := range n {
		name, to, amount := fmt.Sprintf("客户%s", strings.Repeat("甲乙丙丁"[i%4*3:i%4*3+3], 1+i%3)), fmt.Sprintf("%s-%d@example.net", m.run, i), fmt.Sprintf("%d.%02d", 1000+i, i%100)
		m.owner[to] = []string{fmt.Sprintf("账号：A%06d", i), "户名：" + name, "应付：¥" + thousands(1000+i) + fmt.Sprintf(".%02d", i%100)}
		if bad > 0 && i%bad == bad/2 {
			lines = append(lines, i+2)
			switch i / bad % 3 {
			case 0:
				name = ""
			case 1:
				to = "nobody"
			case 2:
				amount = "1.2.3"
			}
		}
		fmt.Fprintf(&b, "A%06d,%s,%s,%s,2026-03\n", i, name, to, amount)
	}
	m.write("customers.csv", b.String())
	return lines
}

// command is "parley statement" with the mailing's state.
func (m *mailing) command(verb string, args ...string) *exec.Cmd {
	cmd := exec.Command(buildParley(m.t), append([]string{"statement", verb, "--state", filepath.Join(m.dir, "outbox.db"), "--json"}, args...)...)
	cmd.Dir, cmd.Stderr, cmd.WaitDelay = m.dir, new(bytes.Buffer), 5*time.Second
	return cmd
}

// do runs one to its end, which is to have this exit code, and gives what it said.
func (m *mailing) do(code int, verb string, args ...string) []byte {
	m.t.Helper()
	cmd := m.command(verb, args...)
	out, err := cmd.Output()
	if got := cmd.ProcessState.ExitCode(); got != code {
		m.t.Fatalf("parley statement %s ends with %d (%v), want %d: %s%s", verb, got, err, code, out, cmd.Stderr)
	}
	return out
}

// prepare looks through the table, and gives the lines that are bad.
func (m *mailing) prepare(code int) (lines []int) {
	m.t.Helper()
	out := m.do(code, "prepare", "--table", "customers.csv", "--key", "account", "--template", "march", "--locale", "zh-CN", "--from", "示例银行 <statements@example.net>", "--pdf", "{{.account}}.pdf")
	for line := range bytes.Lines(out) {
		var p struct {
			Event string
			Line  int
		}
		if json.Unmarshal(line, &p) == nil && p.Event == "problem" {
			lines = append(lines, p.Line)
		}
	}
	return lines
}

// counts are the rows by their state.
func (m *mailing) counts() map[string]int {
	m.t.Helper()
	var s struct {
		Status struct{ Counts map[string]int }
	}
	if err := json.Unmarshal(m.do(0, "status"), &s); err != nil {
		m.t.Fatal(err)
	}
	return s.Status.Counts
}

// send hands all over, and is killed at random moments, and so is the relay that works off the same database. It gives the relay that is there at the end.
func (m *mailing) send(kills int, longest time.Duration, to string) *serving {
	relay := startServe(m.t, m.dir, to)
	args := []string{"send", "--hand-over", "--skip-bad"}
	for {
		cmd := m.command(args[0], args[1:]...)
		if err := cmd.Start(); err != nil {
			m.t.Fatal(err)
		}
		over := make(chan error, 1)
		go func() { over <- cmd.Wait() }()
		for alive := true; alive; {
			var kill <-chan time.Time
			if kills > 0 {
				kill = time.After(rand.N(longest))
			}
			select {
			case err := <-over:
				if err != nil {
					m.t.Fatalf("parley statement %s: %v: %s", args[0], err, cmd.Stderr)
				}
				return relay
			case <-kill:
			}
			if kills--; kills%2 == 0 {
				relay.kill()
				relay = startServe(m.t, m.dir, to)
				continue
			}
			cmd.Process.Kill()
			<-over
			alive, args = false, []string{"resume", "--hand-over"}
		}
	}
}

// settle waits until all has been sent. What the relay was sending as it was killed waits for a person, who looks whether it has come.
func (m *mailing) settle(database string, s *serving, to string, inbox maildir) (unknown int) {
	t := m.t
	for {
		last, moved := 0, time.Now()
		for {
			c := m.counts()
			if c["waiting"]+c["deferred"] == 0 {
				break
			}
			if c["sent"] != last {
				last, moved = c["sent"], time.Now()
			}
			if time.Since(moved) > time.Minute {
				t.Fatalf("nothing moves: %v", c)
			}
			time.Sleep(200 * time.Millisecond)
		}
		s.stop(t)
		box, err := relay.Open(t.Context(), database, outbox.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var open []outbox.Item
		for i, err := range box.Each(t.Context(), outbox.Query{States: []outbox.State{outbox.Unknown}}) {
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, i)
		}
		again, came := false, m.arrived(inbox)
		for _, i := range open {
			if len(came[i.Path]) > 0 {
				_, err = box.Cancel(t.Context(), "it has come", i.Ref)
			} else {
				again = true
				_, err = box.Release(t.Context(), i.Ref)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		unknown += len(open)
		if err := box.Close(); err != nil {
			t.Fatal(err)
		}
		if !again {
			return unknown
		}
		s = startServe(t, m.dir, to)
	}
}

// arrived are the files of the mailing's mails in a maildir, by the address.
func (m *mailing) arrived(inbox maildir) map[string][]string {
	files, err := filepath.Glob(filepath.Join(string(inbox), "new", "*"))
	if err != nil {
		m.t.Fatal(err)
	}
	list := map[string][]string{}
	for _, file := range files {
		d := read(m.t, file)
		for _, to := range d.recipients() {
			if strings.HasPrefix(to, m.run+"-") {
				list[to] = append(list[to], file)
			}
		}
	}
	return list
}

// check finds who has not exactly one mail with exactly his own PDF.
func (m *mailing) check(inbox maildir, wanted func(to string) bool) {
	m.t.Helper()
	list := m.arrived(inbox)
	for to, owner := range m.owner {
		want := 0
		if wanted(to) {
			want = 1
		}
		if len(list[to]) != want {
			m.t.Errorf("%s has %d mails, and %d are wanted", to, len(list[to]), want)
		}
		for _, file := range list[to] {
			pdf := exec.Command("pdftotext", "-enc", "UTF-8", "-", "-")
			pdf.Stdin = bytes.NewReader(fileIn(m.t, read(m.t, file)))
			text, err := pdf.Output()
			if err != nil || strings.Count(string(text), "账号：") != 1 {
				m.t.Errorf("%s has no such file: %v: %s", to, err, text)
			}
			for _, says := range owner {
				if !strings.Contains(string(text), says+"\n") && !strings.Contains(string(text), says+"（") {
					m.t.Errorf("%s has another's file, it does not say %s: %s", to, says, text)
				}
			}
		}
	}
}

// TestStatementKilled has PDFs made for so many customers (PARLEY_TEST_CUSTOMERS) and brought by parley serve to Postfix, while both programs are killed so often
// (PARLEY_KILLS). Each has exactly their own, a second run sends nothing, and what could not be sent is sent alone once it is mended.
func TestStatementKilled(t *testing.T) {
	notShort(t)
	for _, tool := range []string{"chromium", "pdftotext"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, tool, "it is not installed")
		}
	}
	p := start(t, "postfix")
	inbox, to := maildir(p.state+"/mail/inbox"), "smtp://"+p.addr("PLAIN")+"?tls=none"
	n, kills, longest, every := 60, 5, 2*time.Second, 20
	if wanted, err := strconv.Atoi(os.Getenv("PARLEY_TEST_CUSTOMERS")); err == nil {
		n = wanted
	}
	if wanted, err := strconv.Atoi(os.Getenv("PARLEY_KILLS")); err == nil {
		kills = wanted
		longest = max(longest, time.Duration(n)*100*time.Millisecond/time.Duration(kills))
	}
	if n >= 1000 {
		every = 100
	}
	m := newMailing(t, n, 0)
	lines := m.table(n, every)
	if got := slices.Compact(m.prepare(65)); !slices.Equal(got, lines) {
		t.Fatalf("the lines %v are bad, and %v was said", lines, got)
	}
	m.do(65, "send", "--hand-over")
	begun := time.Now()
	relay := m.send(kills, longest, to)
	isBad := func(to string) bool { return slices.Contains(lines, numberOf(t, m.run, to)+2) }
	database := "sqlite:" + filepath.Join(m.dir, "outbox.db")
	unknown := m.settle(database, relay, to, inbox)
	m.check(inbox, func(to string) bool { return !isBad(to) })
	t.Logf("%d customers, %d kills, %d rows bad, %d mails may have been taken as the relay was killed; %v", n, kills, len(lines), unknown, time.Since(begun).Round(time.Second))

	m.do(0, "failures", "-o", "failures.csv")
	m.table(n, 0) // they are mended
	m.prepare(0)
	relay = startServe(t, m.dir, to)
	m.do(0, "send", "--hand-over", "--only", filepath.Join(m.dir, "failures.csv"))
	m.settle(database, relay, to, inbox)
	m.do(0, "send", "--hand-over")
	if c := m.counts(); c["waiting"]+c["ready"] > 0 {
		t.Errorf("a second run sends: %v", c)
	}
	m.check(inbox, func(string) bool { return true })
}

// thousands is a number below a million as people write it.
func thousands(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }

func numberOf(t *testing.T, run, to string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(to, run+"-"), "@example.net"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
