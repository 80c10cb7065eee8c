package check

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

// TestKept: what JSON keeps of a report is what it was, whether it went well or not.
func TestKept(t *testing.T) {
	good := (&smtptest.Server{Users: map[string]string{"kim@example.com": secret}}).Start(t)
	bad := (&smtptest.Server{Users: map[string]string{"kim@example.com": secret}}).Start(t)
	bad.Refuse(smtp.StageAuth, "", "535 5.7.8 \x1b[31m用户名或密码错误")
	for _, s := range []*smtptest.Server{good, bad} {
		r := (&Check{Client: s.Client(), From: "kim@example.com"}).Report(t.Context())
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back Report
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if back.Verdict() != r.Verdict() || told(&back) != told(r) {
			t.Errorf("it came back as\n%s, and was\n%s", told(&back), told(r))
		}
		for i := range r.Steps {
			diff := cmp.Diff(r.Steps[i].Facts, back.Steps[i].Facts, cmpopts.EquateComparable(netip.Addr{}), cmp.Comparer(func(a, b time.Duration) bool { return (a - b).Abs() < time.Millisecond }))
			if diff != "" {
				t.Errorf("%s: %s", r.Steps[i].Name, diff)
			}
			if a, b := r.Steps[i].Said.String(), back.Steps[i].Said.String(); a != b {
				t.Errorf("what was said: %s\n%s", a, b)
			}
		}
		if list := Compare(r, &back); slices.ContainsFunc(list, func(d Difference) bool { return d.Differs }) {
			t.Errorf("a report differs from itself, kept: %+v", list)
		}
		if strings.ContainsRune(string(data), 0x1b) {
			t.Error("an escape of the server's stands in the JSON")
		}
	}
	for _, junk := range []string{`{}`, `[]`, `{"steps":[{"step":"dns","verdict":"fine"}]}`, `{"steps":[3]}`} {
		if err := json.Unmarshal([]byte(junk), new(Report)); err == nil {
			t.Errorf("%s was taken for a report", junk)
		}
	}
}

// TestCompare: what differs is marked, and what does not is not.
func TestCompare(t *testing.T) {
	one := (&smtptest.Server{Users: map[string]string{"kim@example.com": secret}}).Start(t)
	two := (&smtptest.Server{Users: map[string]string{"kim@example.com": secret}, Without: []string{"PIPELINING"}, MaxSize: 1000}).Start(t)
	two.Refuse(smtp.StageRcpt, "", "550 5.1.1 no")
	list := Compare((&Check{Client: one.Client(), From: "kim@example.com"}).Report(t.Context()), (&Check{Client: two.Client(), From: "kim@example.com"}).Report(t.Context()))
	differs := make(map[string]bool)
	for _, d := range list {
		differs[d.What] = d.Differs
	}
	for what, want := range map[string]bool{
		"server": true, "verdict": true, "keywords": true, "size": true, "reply:rcpt": true, "cause": true, "certificate-sha256": true,
		"tls": false, "cipher": false, "banner": false, "mechanisms": false, "versions": false, "reply:mail": false, "certificate-issuer": false,
	} {
		got, ok := differs[what]
		if !ok || got != want {
			t.Errorf("%s differs: %v (there: %v)", what, got, ok)
		}
	}
}

func TestCompareTimes(t *testing.T) {
	report := func(took time.Duration) *Report {
		return &Report{Steps: []Step{{Name: "tcp", Verdict: Good, Took: took}}}
	}
	for _, c := range []struct {
		a, b    time.Duration
		differs bool
	}{
		{time.Millisecond, 50 * time.Millisecond, false},
		{time.Millisecond, 200 * time.Millisecond, true},
		{time.Second, 1200 * time.Millisecond, false},
		{4 * time.Second, time.Second, true},
	} {
		list := Compare(report(c.a), report(c.b))
		if last := list[len(list)-1]; last.What != "time:tcp" || last.Differs != c.differs {
			t.Errorf("%v, %v: %+v", c.a, c.b, last)
		}
	}
}

// TestWays tries all ports and modes of a host that has three of them.
func TestWays(t *testing.T) {
	users := map[string]string{"kim@example.com": secret}
	implicit := (&smtptest.Server{Users: users, Security: smtp.ImplicitTLS}).Start(t)
	starttls := (&smtptest.Server{Users: users}).Start(t)
	relay := (&smtptest.Server{Security: smtp.Plaintext}).Start(t)
	c := implicit.Client()
	c.Addr, c.Auth = "mx.example:587", sasl.Password("kim@example.com", secret)
	c.TLS.InsecureSkipVerify = true // each server has an authority of its own
	c.DialContext = wires(map[string]string{mxIP + ":25": relay.Addr(), mxIP + ":465": implicit.Addr(), mxIP + ":587": starttls.Addr()})
	var ways []Way
	var lines []string
	for w := range (&Check{Client: c, Resolver: mxNames, Timeout: time.Second}).Ways(t.Context()) {
		ways = append(ways, w)
		lines = append(lines, fmt.Sprintf("%s %v %s", w.URL(), w.Works, w.Step))
	}
	want := []string{
		"smtps://mx.example:25 false tls", "smtp://mx.example:25 false tls", "smtp://mx.example:25?tls=none false auth",
		"smtps://mx.example true quit", "smtp://mx.example:465 false greeting", "smtp://mx.example:465?tls=none false greeting",
		"smtps://mx.example:587 false tls", "smtp://mx.example true quit", "smtp://mx.example:587?tls=none false auth",
		"smtps://mx.example:2525 false tcp",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if best, ok := Best(ways); !ok || best.URL() != "smtps://mx.example" {
		t.Errorf("the best is %s", best.URL())
	}
	for _, s := range []*smtptest.Server{implicit, starttls, relay} {
		if len(s.Mails()) > 0 {
			t.Error("a mail was sent")
		}
	}
	if _, ok := Best(nil); ok {
		t.Error("the best of none")
	}
}

// TestWordsAreFitForATerminal: what a server says moves nothing.
func TestWordsAreFitForATerminal(t *testing.T) {
	addr := listen(t, speak("220 mx\x1b[2J \u202eevil", map[string]string{"EHLO": "250-mx\n250-X\x1b[31m\n250 SIZE", "QUIT": "221 bye"}))
	r := (&Check{Client: &smtp.Client{Addr: addr, Security: smtp.Plaintext}}).Report(t.Context())
	for _, s := range r.Steps {
		for _, text := range []string{s.Found.En, s.Found.In(diagnose.Chinese), transcript.Transcript(s.Said).String()} {
			if strings.ContainsAny(text, "\x1b\u202e") {
				t.Errorf("%s: %q", s.Name, text)
			}
		}
	}
}
