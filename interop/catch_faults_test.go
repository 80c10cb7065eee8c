package interop_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/fault"
)

// attempts is how many mails it takes to see a fault, where one is not enough.
func attempts(name string) int {
	switch name {
	case "rate-limit":
		return 2
	case "first-two-fail":
		return 3
	}
	return 1
}

// unseen are faults that a client does not see, by what it is.
var unseen = map[string]string{
	"swaks/421-on-idle":      "swaks is never idle",
	"nodemailer/421-on-idle": "nodemailer is never idle",
}

// endless are the faults after which a client goes on for as long as the server does.
const endless = "goes on for ever"

// TestCatchFaults has clients of other houses meet each fault, and sees what they tell their callers, and whether the mail was
// kept. What each did is kept in catch/faults.md.
func TestCatchFaults(t *testing.T) {
	state := toolState(t)
	needPython(t, state)
	copyFiles(t, state, "catch/python/client.py")
	ca := filepath.Join(state, "catch.pem")
	newCatch := func(t *testing.T) *catching {
		return catch(t, "--cert", filepath.Join(state, "tls", "cert.pem"), "--key", filepath.Join(state, "tls", "key.pem"), "--users", writeUsers(t, map[string]string{user: password}))
	}
	copyFile(t, filepath.Join(state, "tls", "ca.pem"), ca)
	clients := []client{
		swaksClient{state},
		&teller{program: "smtplib", ca: "/state/catch.pem", command: []string{"peers/python.sh", "run", state, "/usr/bin/python3", "/state/client.py"}},
		&teller{program: "nodemailer", ca: ca, command: []string{"peers/nodemailer.sh", "run", ".", "client.js"}},
	}
	var mu sync.Mutex
	did := map[string]string{}
	t.Run("clients", func(t *testing.T) {
		for _, client := range clients {
			t.Run(client.name(), func(t *testing.T) {
				t.Parallel()
				c := newCatch(t)
				for _, ex := range fault.Examples() {
					t.Run(ex.Name, func(t *testing.T) {
						said := meetFault(t, c, client, ex)
						mu.Lock()
						defer mu.Unlock()
						did[client.name()+"/"+ex.Name] = said
					})
				}
			})
		}
	})
	golden(t, "catch/faults.md", faultTable(clients, did))
}

// meetFault has a client meet a fault, and gives what it told its caller, a word or two for each mail.
func meetFault(t *testing.T, c *catching, client client, ex fault.Example) string {
	t.Helper()
	if ex.Rule.Endless {
		ex.Rule.Rate = 100_000 // some clients keep all that they hear
	}
	c.faults(t, ex.Rule)
	last := c.newestMessage(t)
	var said []string
	var a attempt
	for range attempts(ex.Name) {
		began := time.Now()
		a = client.send(t, c.port(), "kim@example.net", ex.Rule.Idle > 0)
		said = append(said, a.String())
		if took := time.Since(began); took < time.Duration(ex.Rule.Wait) {
			t.Errorf("%s was over after %v", client.name(), took)
		}
	}
	if _, ok := unseen[client.name()+"/"+ex.Name]; ok {
		if a.Error != "" {
			t.Errorf("%s sees it now: %v", client.name(), a)
		}
		return strings.Join(said, "; ")
	}
	checkFault(t, c, ex, a, strings.Join(said, "; "))
	if kept := c.newestMessage(t) > last; kept != (ex.Kept && ex.Rule.Idle == 0 || ex.Rule.Times > 0) {
		t.Errorf("the mail was kept: %v", kept)
	}
	return strings.Join(said, "; ")
}

// checkFault sees that what the client told is what the fault should cause.
func checkFault(t *testing.T, c *catching, ex fault.Example, a attempt, said string) {
	t.Helper()
	var rules struct{ Items []fault.Rule }
	c.must(t, "GET", "/faults", nil, &rules)
	if len(rules.Items) != 1 || rules.Items[0].Hit == 0 && ex.Rule.Idle == 0 {
		t.Errorf("the fault was not met: %+v; the client: %v", rules.Items, a)
	}
	harmless := ex.Kept && !ex.Rule.Mute && ex.Rule.Limit.Mails == 0 && ex.Rule.Idle == 0
	switch code := ex.Rule.Reply; {
	case harmless && said != "taken":
		t.Errorf("it harms nobody, and the client says %v", a)
	case ex.Rule.Times > 0:
		if !strings.HasSuffix(said, "; taken") || strings.Count(said, code[:3]) != ex.Rule.Times {
			t.Errorf("%d were to fail: %s", ex.Rule.Times, said)
		}
	case !harmless && a.Error == "":
		t.Error("the client tells its caller that all is well")
	case code != "" && !ex.Rule.Endless && fmt.Sprint(a.Code) != code[:3]:
		t.Errorf("the reply was %s, and the client says %v", code, a)
	}
}

func faultTable(clients []client, did map[string]string) string {
	var b strings.Builder
	b.WriteString("# What clients make of the faults\n\nEach fault of `fault.Examples`, met by clients of other houses over STARTTLS and with a login: what they tell their callers.\n" +
		"Written by `make interop`'s TestCatchFaults, with -update.\n\n| fault | rule |")
	for _, c := range clients {
		b.WriteString(" " + c.name() + " |")
	}
	b.WriteString(" the mail |\n|---|---|" + strings.Repeat("---|", len(clients)) + "---|\n")
	for _, ex := range fault.Examples() {
		fmt.Fprintf(&b, "| %s | `%s` |", ex.Name, ex.Rule)
		for _, c := range clients {
			b.WriteString(" " + did[c.name()+"/"+ex.Name] + " |")
		}
		fmt.Fprintf(&b, " %s |\n", map[bool]string{true: "kept", false: "not kept"}[ex.Kept])
	}
	b.WriteString("\nWhat a client does not see, and why:\n\n")
	for _, c := range clients {
		for _, ex := range fault.Examples() {
			if why := unseen[c.name()+"/"+ex.Name]; why != "" {
				fmt.Fprintf(&b, "- %s: %s.\n", ex.Name, why)
			}
		}
	}
	return b.String()
}

// TestCatchPersonas has swaks meet each persona: what the provider says reaches it word for word.
func TestCatchPersonas(t *testing.T) {
	state := toolState(t)
	copyFile(t, filepath.Join(state, "tls", "ca.pem"), filepath.Join(state, "catch.pem"))
	personas := fault.Personas()
	if len(personas) == 0 {
		t.Fatal("there are none")
	}
	for part := range slices.Chunk(personas, (len(personas)+2)/3) {
		t.Run("from "+part[0].Name, func(t *testing.T) {
			t.Parallel()
			c := catch(t, "--cert", filepath.Join(state, "tls", "cert.pem"), "--key", filepath.Join(state, "tls", "key.pem"), "--users", writeUsers(t, map[string]string{user: password}))
			for _, p := range part {
				t.Run(p.Name, func(t *testing.T) {
					c.faults(t, fault.Rule{Persona: p.Name})
					a := swaksClient{state}.send(t, c.port(), "kim@example.net", false)
					if a.Response != p.Reply {
						t.Errorf("swaks hears\n%s\nand not\n%s\n%s", a.Response, p.Reply, a.Message)
					}
				})
			}
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	if err := run("cp", from, to); err != nil {
		t.Fatal(err)
	}
}

// newestMessage is the ID of the newest message.
func (c *catching) newestMessage(t *testing.T) int64 {
	t.Helper()
	m := c.messages(t, "")
	if len(m) == 0 {
		return 0
	}
	return m[len(m)-1].ID
}
