package fault_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pelletier/go-toml/v2"
	"pgregory.net/rapid"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/fault"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/smtptest"
)

// TestPersonas: what each says is diagnosed as what the file says that it is, by a client that knows whom it speaks with, and
// its rule and provider are in the facts.
func TestPersonas(t *testing.T) {
	facts := diagnose.Default()
	all := fault.Personas()
	if len(all) < 60 {
		t.Fatalf("there are only %d", len(all))
	}
	kinds := make(map[diagnose.Kind]bool)
	for _, p := range all {
		if p.At() == 0 {
			t.Errorf("%s: stage %q", p.Name, p.Stage)
		}
		if _, known := facts.Provider(p.Provider); p.Provider != "" && !known {
			t.Errorf("%s: there is no provider %q", p.Name, p.Provider)
		}
		d := diagnose.Reply(p.Provider, p.At(), p.Reply)
		if d.Kind != p.Kind {
			t.Errorf("%s: %q is diagnosed as %s, want %s", p.Name, p.Reply, d.Kind, p.Kind)
		}
		if p.Title == "" || p.TitleZh == "" || strings.ContainsAny(p.Name, " _") {
			t.Errorf("%s: title or name", p.Name)
		}
		if p.Banner != "" && !strings.HasPrefix(p.Banner, "220 ") {
			t.Errorf("%s: banner %q", p.Name, p.Banner)
		}
		if _, err := new(fault.Plan).Add(fault.Rule{Persona: p.Name}); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		kinds[d.Kind] = true
	}
	if len(kinds) < 20 {
		t.Errorf("they are of %d kinds only", len(kinds))
	}
}

// taking is a server with a plan, in memory, and what it has taken.
func taking(t *testing.T, plan *fault.Plan) (server *smtpd.Server, client *smtp.Client, kept *int) {
	kept = new(int)
	server = &smtpd.Server{
		Hostname: "mx.example", Fault: plan.At, Idle: plan.Idle, MaxErrors: -1,
		Data: func(_ *smtpd.Transaction, content io.Reader) smtp.Reply {
			if _, err := io.Copy(io.Discard, content); err == nil {
				*kept++
			}
			return smtp.Reply{}
		},
	}
	client = &smtp.Client{Addr: "mx.example:25", Security: smtp.Plaintext, Hello: "client.example"}
	client.DialContext = dialer(server)
	t.Cleanup(func() { client.Close(); server.Close() })
	return server, client, kept
}

func letter(to ...string) *mail.Message {
	m := &mail.Message{From: mail.Address{Address: "shop@example.com"}, Subject: "Hello", Text: "Hello.\n"}
	for _, a := range to {
		m.To = append(m.To, mail.Address{Address: a})
	}
	return m
}

// TestFirstTwoFail: counters are counted, and shown.
func TestFirstTwoFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := new(fault.Plan)
		rule, err := plan.Add(fault.Rule{Stage: "rcpt", Recipient: "*@example.net", Skip: 1, Times: 2, Reply: "451 4.7.1 later"})
		if err != nil {
			t.Fatal(err)
		}
		_, client, kept := taking(t, plan)
		var got []bool
		for range 5 {
			_, err := client.Send(t.Context(), letter("kim@example.net"))
			got = append(got, err == nil)
		}
		if want := []bool{true, false, false, true, true}; !reflect.DeepEqual(got, want) || *kept != 3 {
			t.Errorf("taken: %v, want %v; kept %d", got, want, *kept)
		}
		if _, err := client.Send(t.Context(), letter("kim@example.org")); err != nil {
			t.Error(err)
		}
		if r := plan.Rules()[0]; r.Met != 5 || r.Hit != 2 || r.ID != rule.ID {
			t.Errorf("met %d, hit %d", r.Met, r.Hit)
		}
		if !plan.Remove(rule.ID) || plan.Remove(rule.ID) || len(plan.Rules()) != 0 {
			t.Error("removing")
		}
	})
}

// TestGreylistAndLimit: what depends on time.
func TestGreylistAndLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := new(fault.Plan)
		if err := plan.Replace([]fault.Rule{{Greylist: fault.Duration(5 * time.Minute)}, {Limit: fault.Limit{Mails: 2, Per: fault.Duration(time.Hour)}}}); err != nil {
			t.Fatal(err)
		}
		_, client, _ := taking(t, plan)
		send := func() string {
			_, err := client.Send(t.Context(), letter("kim@example.net"))
			if err == nil {
				return "taken"
			}
			return string(diagnose.Explain(err).Kind)
		}
		got := []string{send()}
		time.Sleep(6 * time.Minute)
		got = append(got, send(), send())
		time.Sleep(time.Hour)
		got = append(got, send())
		want := []string{"greylisted", "taken", "rate-limited", "taken"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

// TestOctetsAreHeard: a fault in the midst of a content is met by mails that come so far, and counted then.
func TestOctetsAreHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := new(fault.Plan)
		for _, r := range []fault.Rule{
			{Octets: 10_000, Skip: 1, Times: 1, Stage: "content", Reply: "451 4.3.0 so far", Then: "hang-up"},
			{Octets: 10_000, Stage: "content", Reply: "452 4.3.1 from then on", Then: "hang-up"},
		} {
			if _, err := plan.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		_, client, kept := taking(t, plan)
		small, large := letter("kim@example.net"), letter("kim@example.net")
		large.Text = strings.Repeat("0123456789\n", 2000)
		var got []string
		for _, m := range []*mail.Message{small, small, large, small, large, small, large} {
			_, err := client.Send(t.Context(), m)
			word := "taken"
			if e, ok := errors.AsType[*smtp.Error](err); ok {
				word = strconv.Itoa(e.Reply.Code)
			}
			got = append(got, word)
		}
		if want := []string{"taken", "taken", "taken", "taken", "451", "taken", "452"}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if r := plan.Rules()[0]; r.Met != 2 || r.Hit != 1 || *kept != 5 {
			t.Errorf("met %d, hit %d; kept %d", r.Met, r.Hit, *kept)
		}
	})
}

// TestLoginsAreCounted: by whatever mechanism, and in however many lines.
func TestLoginsAreCounted(t *testing.T) {
	for _, mechanism := range []string{"LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-256"} {
		t.Run(mechanism, func(t *testing.T) {
			plan := new(fault.Plan)
			if _, err := plan.Add(fault.Rule{Stage: "auth", Skip: 1, Times: 1, Reply: "535 5.7.8 not you"}); err != nil {
				t.Fatal(err)
			}
			server := (&smtptest.Server{Users: map[string]string{"kim": "tulip-tulip"}, Plan: plan}).Start(t)
			var got []bool
			for range 3 {
				client := server.Client()
				client.Auth = sasl.Only(mechanism, sasl.Password("kim", "tulip-tulip"))
				_, err := client.Send(t.Context(), letter("kim@example.net"))
				client.Close()
				got = append(got, err == nil)
			}
			if r := plan.Rules()[0]; !slices.Equal(got, []bool{true, false, true}) || r.Met != 3 || r.Hit != 1 {
				t.Errorf("taken: %v; met %d, hit %d", got, r.Met, r.Hit)
			}
		})
	}
}

// TestBannerHidesNothing: a persona's greeting does not keep other rules from being met there.
func TestBannerHidesNothing(t *testing.T) {
	const persona = "gmail-no-app-password"
	var banner string
	for _, p := range fault.Personas() {
		if p.Name == persona {
			banner = p.Banner
		}
	}
	if banner == "" {
		t.Fatal(persona + " has no banner")
	}
	for line, want := range map[string]string{
		"greeting reply=\"421 4.3.2 too busy\"":             "421 4.3.2 too busy",
		"greeting times=1 reply=\"554 5.7.1 not from you\"": "554 5.7.1 not from you",
		"greeting wait=1s":                                  "1s " + banner,
		"greeting garbage=what?":                            "what?",
		"rcpt mute":                                         banner,
	} {
		t.Run(line, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				plan := new(fault.Plan)
				other, err := fault.ParseRule(line)
				if err == nil {
					err = plan.Replace([]fault.Rule{{Persona: persona}, other})
				}
				if err != nil {
					t.Fatal(err)
				}
				server, _, _ := taking(t, plan)
				ours, theirs := smtptest.Pipe()
				go server.ServeConn(theirs)
				begun := time.Now()
				heard := make([]byte, 200)
				n, _ := ours.Read(heard)
				got := strings.TrimRight(string(heard[:n]), "\r\n")
				if took := time.Since(begun); took > 0 {
					got = took.String() + " " + got
				}
				if got != want {
					t.Errorf("it greets with %q, want %q", got, want)
				}
				ours.Close()
			})
		})
	}
}

// TestImplicitTLSRefused: where there is no STARTTLS to be refused the connection is closed.
func TestImplicitTLSRefused(t *testing.T) {
	plan := new(fault.Plan)
	if _, err := plan.Add(fault.Rule{TLS: "refused", Times: 1}); err != nil {
		t.Fatal(err)
	}
	server := (&smtptest.Server{Security: smtp.ImplicitTLS, Plan: plan}).Start(t)
	conn, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if said, err := io.ReadAll(conn); len(said) > 0 || err != nil {
		t.Errorf("it says %q in clear text, %v", said, err)
	}
	client := server.Client()
	defer client.Close()
	if _, err := client.Send(t.Context(), letter("kim@example.net")); err != nil {
		t.Error(err)
	}
}

// TestMagic: whom a mail is for decides what becomes of it.
func TestMagic(t *testing.T) {
	for address, want := range map[string]string{
		"rcpt+451-greylist@example.com":         "RCPT 451 4.0.0 greylist",
		"kim+550@example.com":                   "RCPT 550 5.0.0 as the recipient's address asks for",
		"data+552-too-big@example.com":          "end 552 5.0.0 too big",
		"end+554-spam@example.com":              "end 554 5.0.0 spam",
		"any+persona-163-dt-spm@example.com":    "end 554 DT:SPM",
		"end+drop@example.com":                  "uncertain",
		"end+lose@example.com":                  "uncertain",
		"content+drop@example.com":              "uncertain", // it went out whole, by BDAT
		"rcpt+wait-2s@example.com":              "taken",
		"kim+shop@example.com":                  "taken",
		"kim@example.com":                       "taken",
		"kim+999@example.com":                   "taken",
		"kim+wait-99h@example.com":              "taken",
		"kim+451+x@example.com":                 "taken",
		"any+persona-nobody-knows@example.com":  "taken",
		"any+persona-qq-wrong-code@example.com": "taken", // its stage is long over
	} {
		t.Run(address, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, client, _ := taking(t, &fault.Plan{Magic: true})
				_, err := client.Send(t.Context(), letter(address))
				got := "taken"
				if err != nil {
					e := err.(*smtp.Error)
					got = "lost"
					switch {
					case e.Uncertain():
						got = "uncertain"
					case e.Reply.Code > 0:
						got = strings.Replace(e.Stage.String(), "end", "end", 1) + " " + e.Reply.String()
					}
				}
				if !strings.HasPrefix(strings.ToLower(got), strings.ToLower(want)) {
					t.Errorf("%s, want %s", got, want)
				}
			})
		})
	}
}

// TestExamples: each sort of fault does to our own client what it is there for.
func TestExamples(t *testing.T) {
	kinds := map[string]string{
		"greeting-refused": "ip-reputation", "greeting-busy": "temporary-server", "login-refused": "auth-bad-credential", "sender-refused": "sender-mismatch",
		"recipient-refused": "recipient-unknown", "content-refused": "spam-content", "full": "temporary-server", "starttls-refused": "starttls-unavailable",
		"certificate-expired": "certificate", "certificate-misnamed": "certificate", "certificate-self-signed": "certificate", "certificate-untrusted": "certificate",
		"old-tls": "tls-handshake", "greylisting": "greylisted", "drop-after-the-dot": "connection-lost", "garbage": "protocol-error",
	}
	for _, x := range fault.Examples() {
		t.Run(x.Name, func(t *testing.T) {
			server := &smtptest.Server{Users: map[string]string{"kim": "tulip-tulip"}, Plan: new(fault.Plan), Without: []string{"CHUNKING"}}
			server.Start(t)
			if _, err := server.Plan.Add(x.Rule); err != nil {
				t.Fatal(err)
			}
			client := server.Client()
			client.Timeout = 2 * time.Second
			_, err := client.Send(t.Context(), letter("kim@example.net"))
			if kept := len(server.Mails()) > 0; kept != x.Kept {
				t.Errorf("kept: %v, want %v; the client heard %v", kept, x.Kept, err)
			}
			if x.Kept && err == nil {
				return
			}
			if err == nil {
				t.Fatal("the client took it for sent")
			}
			d := diagnose.Explain(err)
			if want := kinds[x.Name]; want != "" && string(d.Kind) != want {
				t.Errorf("%v is diagnosed as %s, want %s", err, d.Kind, want)
			}
			// Where the line breaks while the content goes over, the dot may have been on its way already: both are true.
			either := strings.HasPrefix(x.Name, "drop-before") || strings.HasSuffix(x.Name, "in-the-content")
			if e := err.(*smtp.Error); !either && e.Uncertain() != strings.Contains(x.Name, "after-the-dot") {
				t.Errorf("uncertain: %v, of %v", e.Uncertain(), err)
			}
		})
	}
}

// TestRuleLines: what is written on one line, as JSON and as TOML is read back.
func TestRuleLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~äöü中文"\\=*]{0,12}`)
		r := fault.Rule{
			Note: text.Draw(t, "note"), Stage: rapid.SampledFrom(fault.Stages()).Draw(t, "stage"), Match: text.Draw(t, "match"),
			Recipient: text.Draw(t, "recipient"), Skip: rapid.IntRange(0, 9).Draw(t, "skip"), Times: rapid.IntRange(0, 9).Draw(t, "times"),
			Reply: "451 " + text.Draw(t, "reply"), Wait: fault.Duration(rapid.IntRange(0, 1e9).Draw(t, "wait")),
			Then: rapid.SampledFrom(append(fault.Thens(), "")).Draw(t, "then"),
		}
		switch r.Stage { // what can never be there
		case "greeting":
			r.Match, r.Recipient = "", ""
		case "hello", "tls", "auth":
			r.Recipient = ""
		case "mail":
			r.Recipient = ""
			fallthrough
		case "data", "end":
			r.Limit = fault.Limit{Mails: 3, Per: fault.Duration(time.Minute)}
		}
		back, err := fault.ParseRule(r.String())
		if err != nil || back != r {
			t.Fatalf("%s became\n%+v, %v, want\n%+v", r, back, err, r)
		}
		asJSON, err := json.Marshal([]fault.Rule{r})
		if err != nil {
			t.Fatal(err)
		}
		asTOML, err := toml.Marshal(map[string][]fault.Rule{"fault": {r}})
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{string(asJSON), string(asTOML)} {
			rules, err := fault.Read(strings.NewReader(file))
			if err != nil || len(rules) != 1 || rules[0] != r {
				t.Fatalf("%s became\n%+v, %v, want\n%+v", file, rules, err, r)
			}
		}
	})
}

// TestBadRules: what can never be is refused, by the name of its field.
func TestBadRules(t *testing.T) {
	for line, want := range map[string]string{
		"":                                   "empty",
		"reply=\"451 x\"":                    "stage",
		"nowhere reply=\"451 x\"":            "no field",
		"rcpt":                               "nothing goes wrong",
		"rcpt reply=no":                      "reply",
		"rcpt reply=\"451 x":                 "quote",
		"rcpt reply=\"451 x\"y":              "behind its quote",
		"rcpt reply=\"451 x\" reply=\"452\"": "twice",
		"rcpt reply=\"451 x\" mute":          "only one",
		"rcpt times=-1 mute":                 "times",
		"rcpt wait=soon":                     "wait",
		"rcpt wait=99999h":                   "wait",
		"rcpt then=explode":                  "then",
		"persona=qq-wrong-cod":               `did you mean "qq-wrong-code"`,
		"rcpt persona=qq-wrong-code":         "stage",
		"tls=rotten":                         "tls",
		"mail lose":                          "lose",
		"limit=10":                           "limit",
		"rcpt mute=no":                       "mute",
		"rcpt recipient mute":                "recipient",
		"mute rcpt":                          "stage stands first",
		"rcpt garbage=\\q":                   `an octet is written as \xff`,
		"rcpt garbage=\"\\q\"":               "garbage",
		"rcpt recipent=kim@* mute":           `did you mean "recipient"`,
		"rcpt rpely=x":                       `did you mean "reply"`,
		"rcpt mute to=kim@*":                 "no field of a rule; those are id, note, stage",
		"persona=qq":                         `did you mean "qq-`,
		"persona=gmail":                      `did you mean "gmail-`,
		"persona=163":                        `did you mean "163-`,
		"idle=3s times=2":                    "idle",
		"idle=3s skip=1":                     "idle",
		"rcpt idle=3s":                       "idle",
		"idle=3s then=reset":                 "idle",
		"idle=3s recipient=kim@*":            "idle",
		"idle=3s sender=kim@*":               "idle",
		"idle=3s mute":                       "idle",
		"idle=3s persona=qq-wrong-code":      "idle",
		"idle=3s reply=\"421-a\\n421 b\"":    "one line",
		"rcpt limit=10/1m":                   "limit",
		"greeting limit=10/1m":               "limit",
		"limit=10/1m greylist=5m":            "limit",
		"greeting match=EHLO* mute":          "match",
		"auth user=kim mute":                 "user",
		"auth sender=kim@* mute":             "sender",
		"mail recipient=kim@* mute":          "recipient",
		"mail endless mute":                  "endless",
		"tls=expired reply=\"454 4.7.0 no\"": "tls",
		"tls=old then=hang-up":               "tls",
	} {
		if _, err := fault.ParseRule(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	for _, line := range []string{"idle=3s user=kim mailbox=a session=2 note=x reply=\"421 4.4.2 too slow\"", "greeting idle=3s", "end limit=10/1m", "data limit=10/1m",
		"tls=expired reply=\"220 go\" wait=1s", "tls=refused reply=\"454 4.7.0 no\"", "hello user=kim mute", "mail sender=kim@* mute", "reset recipient=kim@* mute"} {
		if _, err := fault.ParseRule(line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, file := range []string{"[[fault]]\nstage = \"rcpt\"\nreply = \"451 x\"\nreplay = 1\n", `[{"stage":"rcpt","mute":true,"mut":1}]`, "{", `{"faults":[]} x`, "[[fault]]\nstage = \"rcpt\"\n"} {
		if rules, err := fault.Read(strings.NewReader(file)); err == nil {
			t.Errorf("%s became %v", file, rules)
		}
	}
}

// TestGarbage: it is written the same with quotes and without, in TOML, in JSON and by hand, and means the same octets.
func TestGarbage(t *testing.T) {
	want := fault.Rule{Stage: "mail", Garbage: `\xff\x00 "no"\r\n`}
	for _, line := range []string{`mail garbage="\xff\x00 \"no\"\r\n"`, want.String()} {
		if r, err := fault.ParseRule(line); err != nil || r != want {
			t.Errorf("%s became %v, %v", line, r, err)
		}
	}
	if r, err := fault.ParseRule(`mail garbage=\xff\r\n`); err != nil || r.Garbage != `\xff\r\n` {
		t.Errorf("%v, %v", r, err)
	}
	for _, file := range []string{
		"[[fault]]\nstage = 'mail'\ngarbage = '\\xff\\x00 \"no\"\\r\\n'\n",
		"[[fault]]\nstage = \"mail\"\ngarbage = \"\\\\xff\\\\x00 \\\"no\\\"\\r\\n\"\n",
		`[{"stage": "mail", "garbage": "\\xff\u0000 \"no\"\r\n"}]`,
	} {
		rules, err := fault.Read(strings.NewReader(file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		plan := new(fault.Plan)
		if err := plan.Replace(rules); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if got := plan.Rules()[0]; got.Garbage != want.Garbage {
			t.Errorf("%s became %s", file, got)
		}
	}
}

func FuzzParseRule(f *testing.F) {
	f.Add(`rcpt recipient=*@example.com times=2 reply="451 4.7.1 come back later"`)
	f.Add(`persona=qq-wrong-code`)
	f.Add(`tls=expired limit=10/1m idle=3s`)
	f.Fuzz(func(t *testing.T, line string) {
		r, err := fault.ParseRule(line)
		if err != nil {
			return
		}
		if back, err := fault.ParseRule(r.String()); err != nil || back != r {
			t.Fatalf("%q became %q, and that\n%+v, %v", line, r, back, err)
		}
	})
}

func FuzzMagic(f *testing.F) {
	f.Add("rcpt+451-greylist@example.com")
	f.Add("any+persona-163-dt-spm@example.com")
	f.Fuzz(func(t *testing.T, address string) {
		if r, ok := fault.ParseMagic(address); ok {
			if _, err := new(fault.Plan).Add(r); err != nil {
				t.Fatalf("%q is the rule %+v, which can never be: %v", address, r, err)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("[[fault]]\nstage = \"rcpt\"\nreply = \"451 x\"\n"))
	f.Add([]byte(`{"faults":[{"stage":"rcpt","mute":true}]}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		rules, err := fault.Read(strings.NewReader(string(data)))
		if err == nil {
			new(fault.Plan).Replace(rules)
		}
	})
}
