package route

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"pgregory.net/rapid"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
)

var _ outbox.Router = (*Router)(nil)

func servers(names ...string) (list []Server) {
	for _, n := range names {
		list = append(list, Server{Name: n, Client: &smtp.Client{Addr: n + ".test:587"}})
	}
	return list
}

// Each fault of a table is named, and all of them at once.
func TestFaultsOfTables(t *testing.T) {
	for _, c := range []struct {
		name  string
		table Table
		want  string
	}{
		{"empty", Table{}, "there is no default"},
		{"two, no default", Table{Servers: servers("a", "b")}, "there is no default"},
		{"unknown in default", Table{Servers: servers("a"), Default: []string{"b"}}, `default: there is no server "b"`},
		{"unknown in a rule", Table{Servers: servers("a"), Rules: []Rule{{Name: "alerts", Class: []string{"alert"}, Servers: []string{"b"}}}}, `rule 1, "alerts": there is no server "b"`},
		{"twice", Table{Servers: servers("a", "a"), Default: []string{"a"}}, `server "a": there are two of the name`},
		{"named mx", Table{Servers: servers("mx")}, "the name is taken"},
		{"named discard", Table{Servers: servers("discard")}, "the name is taken"},
		{"bad name", Table{Servers: servers("a/b")}, "a name is of letters"},
		{"no name", Table{Servers: servers("")}, "a name is of letters"},
		{"no client", Table{Servers: []Server{{Name: "a"}}}, `server "a": it has no client`},
		{"bad account", Table{Servers: []Server{{Name: "a", Account: "a b", Client: &smtp.Client{Addr: "a.test"}}}}, "account has blanks"},
		{"unknown provider", Table{Servers: []Server{{Name: "a", Provider: "nobody", Client: &smtp.Client{Addr: "a.test"}}}}, `"nobody" is no provider`},
		{"to itself", Table{Servers: servers("a"), Self: []string{"A.test:587"}}, "this machine itself"},
		{"to itself, any port", Table{Servers: servers("a"), Self: []string{"a.test"}}, "this machine itself"},
		{"another port", Table{Servers: servers("a"), Self: []string{"a.test:25"}}, ""},
		{"nowhere", Table{Servers: servers("a"), Rules: []Rule{{Class: []string{"alert"}}}}, "rule 1: it must have servers, or refuse, or discard"},
		{"two ways", Table{Servers: servers("a"), Rules: []Rule{{Refuse: "no", Discard: true}}}, "one of them"},
		{"bad class", Table{Servers: servers("a"), Rules: []Rule{{Class: []string{"urgent"}, Servers: []string{"a"}}}}, "there is no class"},
		{"bad pattern", Table{Servers: servers("a"), Rules: []Rule{{To: []string{"a b"}, Servers: []string{"a"}}}}, "is no pattern"},
		{"bad weight", Table{Servers: servers("a", "b"), Default: []string{"a:0 b"}}, "weight"},
		{"one server twice", Table{Servers: servers("a", "b"), Default: []string{"a b", "a"}}, "stands in it twice"},
		{"empty place", Table{Servers: servers("a"), Default: []string{"a", " "}}, "is empty"},
		{"never asked", Table{Servers: servers("a"), Rules: []Rule{{Servers: []string{"a"}}, {To: []string{"*.test"}, Servers: []string{"a"}}}}, "rule 2: it is never asked"},
		{"bad port", Table{Default: []string{"mx"}, MX: MX{Port: 70000}}, "port"},
		{"line in a refusal", Table{Rules: []Rule{{Refuse: "no\r\n250 yes"}}}, "control character"},
		{"all at once", Table{Servers: servers("a", "a"), Default: []string{"c"}}, "there are two of the name; default: there is no server"},
		{"one server", Table{Servers: servers("a")}, ""},
		{"mx alone", Table{Default: []string{"mx"}}, ""},
		{"last rule for all", Table{Servers: servers("a", "b"), Rules: []Rule{{Servers: []string{"b", "a"}}}}, ""},
	} {
		r, err := New(c.table)
		if err == nil {
			r.Close()
		}
		if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// What is wrong is told in both languages, in each where it is and with the same values.
func TestFaultsInBothLanguages(t *testing.T) {
	_, err := New(Table{Servers: servers("a", "a", "mx"), Rules: []Rule{{Name: "bulk", Servers: []string{"b:0"}}, {To: []string{" "}, Discard: true}}, Default: []string{"c"}})
	faults, ok := errors.AsType[Faults](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	const zh = `服务器 "a"：有两个服务器同名；服务器 "mx"：这个名字已另有含义，不能用作服务器的名字；规则 1（"bulk"）："b:0"：权重应是大于零的数；规则 2：永远用不到：前面已有一条规则适用于所有邮件；default：没有服务器 "c"`
	if got := faults.In(diagnose.Chinese); got != zh {
		t.Errorf("%s", got)
	}
	if f := faults[2]; f.Rule != 1 || faults[0].Server != "a" || faults[4].Rule != 0 {
		t.Errorf("%+v", f)
	}
	source, err := os.ReadFile("fault.go")
	if err != nil {
		t.Fatal(err)
	}
	pairs := regexp.MustCompile(`En: "(.*?)", Zh: "(.*?)"}`).FindAllStringSubmatch(string(source), -1)
	verbs := regexp.MustCompile(`%[a-z]`)
	for _, p := range pairs {
		if fmt.Sprint(verbs.FindAllString(p[1], -1)) != fmt.Sprint(verbs.FindAllString(p[2], -1)) {
			t.Errorf("%q and %q want other values", p[1], p[2])
		}
	}
	if len(pairs) < 20 {
		t.Errorf("%d sentences were found", len(pairs))
	}
}

// The first rule that fits counts, and a rule fits where each of its conditions does.
func TestRules(t *testing.T) {
	r := open(t, Table{
		Servers: []Server{
			{Name: "qq", Account: "59419979@qq.com", Client: &smtp.Client{Addr: "smtp.qq.com:465"}},
			{Name: "ses", Client: &smtp.Client{Addr: "email-smtp.us-east-1.amazonaws.com:587"}},
		},
		Rules: []Rule{
			{To: []string{"*@spam.test", "trap@*"}, Refuse: "550 5.7.1 we do not write there"},
			{To: []string{"old.test"}, Refuse: "it is gone"},
			{To: []string{"*.invalid"}, Discard: true},
			{From: []string{"<>"}, Servers: []string{"ses"}},
			{From: []string{"alerts@example.com"}, Class: []string{"alert", "NORMAL"}, Servers: []string{"ses", "qq"}},
			{Origin: []string{"shop-*"}, Topic: []string{"statements*"}, Servers: []string{"qq"}},
			{To: []string{"例子.中国", "*.bücher.test"}, Servers: []string{"qq"}},
			{To: []string{"*.example.net"}, Servers: []string{"mx", "qq"}},
		},
		Default: []string{"qq", "ses"},
		MX:      MX{Resolver: newZone(map[string]string{"in.example.net": "mx 0 ."}).resolver(t)},
	})
	with := func(address string, change func(*outbox.Recipient)) outbox.Recipient {
		rec := to(address)
		if change != nil {
			change(&rec)
		}
		return rec
	}
	alerts := func(c outbox.Class) func(*outbox.Recipient) {
		return func(r *outbox.Recipient) {
			r.ReversePath, r.Class = mail.Path{Local: "Alerts", Domain: "EXAMPLE.com"}, c
		}
	}
	for _, c := range []struct {
		rec  outbox.Recipient
		want string
	}{
		{to("kim@a.test"), "qq/59419979@qq.com ses"},
		{to("kim@spam.test"), "550 5.7.1 we do not write there"},
		{to("KIM@Spam.Test"), "550 5.7.1 we do not write there"},
		{to("trap@any.test"), "550 5.7.1 we do not write there"},
		{to("kim@notspam.test"), "qq/59419979@qq.com ses"},
		{to("kim@old.test"), "550 5.7.1 it is gone"},
		{to("kim@very.old.test"), "qq/59419979@qq.com ses"},
		{to("kim@a.invalid"), "discard"},
		{with("kim@a.test", func(r *outbox.Recipient) { r.ReversePath = mail.Path{} }), "ses"},
		{with("kim@a.test", alerts(outbox.Alert)), "ses qq/59419979@qq.com"},
		{with("kim@a.test", alerts(outbox.Normal)), "ses qq/59419979@qq.com"},
		{with("kim@a.test", alerts(outbox.Bulk)), "qq/59419979@qq.com ses"},
		{with("kim@a.test", func(r *outbox.Recipient) { r.Origin, r.Topic = "Shop-1", "Statements 2026-03" }), "qq/59419979@qq.com"},
		{with("kim@a.test", func(r *outbox.Recipient) { r.Origin = "shop-1" }), "qq/59419979@qq.com ses"},
		{to("kim@例子.中国"), "qq/59419979@qq.com"},
		{to("kim@xn--fsqu00a.xn--fiqs8s"), "qq/59419979@qq.com"},
		{to("kim@www.xn--bcher-kva.test"), "qq/59419979@qq.com"},
		{to("kim@in.example.net"), "qq/59419979@qq.com"}, // it takes no mail, and the rule has another way
	} {
		lanes, err := r.Lanes(t.Context(), c.rec)
		got := strings.Join(lanes, " ")
		if refused, ok := errors.AsType[*outbox.Refusal](err); ok {
			got = refused.Reply
		} else if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v from %v, %v: %s, want %s", c.rec.Path, c.rec.ReversePath, c.rec.Class, got, c.want)
		}
	}
	if _, err := r.Lane(t.Context(), "gone/x"); err == nil {
		t.Error("a lane that nobody has was given")
	}
}

// Those that share a place get their shares; a message has one order, whoever asks.
func TestShares(t *testing.T) {
	r := open(t, Table{Servers: servers("a", "b", "c"), Default: []string{"a:3 b:1", "c"}})
	other := open(t, Table{Servers: servers("b", "c", "a"), Default: []string{"b:1, a:3", "c"}})
	count := map[string]int{}
	const n = 20000
	for i := range n {
		rec := outbox.Recipient{Message: outbox.ID(1<<40 + i), Path: mail.Path{Local: "kim", Domain: "a.test"}}
		lanes, err := r.Lanes(t.Context(), rec)
		if err != nil {
			t.Fatal(err)
		}
		again, err := other.Lanes(t.Context(), rec)
		if diff := cmp.Diff(lanes, again); err != nil || diff != "" {
			t.Fatalf("another machine: %v\n%s", err, diff)
		}
		if lanes[2] != "c" {
			t.Fatalf("%v", lanes)
		}
		count[lanes[0]]++
	}
	if a := float64(count["a"]) / n; a < 0.73 || a > 0.77 {
		t.Errorf("a has %v of the messages, and 0.75 was wanted", a)
	}
}

func TestWordsOfRefusals(t *testing.T) {
	for words, want := range map[string]string{
		"it is gone":           "550 5.7.1 it is gone",
		"551 it has moved":     "551 5.7.1 it has moved",
		"550 5.1.6 moved":      "550 5.1.6 moved",
		"550 5. of them":       "550 5.7.1 5. of them",
		"250 ok":               "550 5.7.1 250 ok",
		"450 4.7.1 not today ": "550 5.7.1 450 4.7.1 not today",
	} {
		if got := refusal(words); got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}

// A table is read from a file of people's, and from JSON.
func TestTableFromFiles(t *testing.T) {
	const text = `
default = ["qq", "ses"]
self = ["mail.example.com"]

[mx]
hello = "mail.example.com"
keep = "1m"
limits = { sessions = 3 }

[[server]]
name = "qq"
account = "59419979@qq.com"
limits = { per_minute = 10, mails_per_session = 5 }

[[rule]]
name = "alerts"
class = ["alert"]
servers = ["ses", "qq"]

[[rule]]
to = ["*@old.example"]
refuse = "it is gone"
`
	var table Table
	d := toml.NewDecoder(strings.NewReader(text))
	if err := d.DisallowUnknownFields().Decode(&table); err != nil {
		t.Fatal(err)
	}
	want := Table{
		Default: []string{"qq", "ses"}, Self: []string{"mail.example.com"},
		MX:      MX{Hello: "mail.example.com", Keep: Duration(time.Minute), Limits: Limits{Sessions: 3}},
		Servers: []Server{{Name: "qq", Account: "59419979@qq.com", Limits: Limits{PerMinute: 10, Mails: 5}}},
		Rules:   []Rule{{Name: "alerts", Class: []string{"alert"}, Servers: []string{"ses", "qq"}}, {To: []string{"*@old.example"}, Refuse: "it is gone"}},
	}
	opt := cmp.Comparer(func(a, b MX) bool { return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b) })
	if diff := cmp.Diff(want, table, opt); diff != "" {
		t.Error(diff)
	}
	data, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	var again Table
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again, opt); diff != "" {
		t.Error(diff)
	}
}

// A pattern matches as the expression does in which * is .*, and knows nothing of anything else.
func TestPatternsAreGlobs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab.*]{0,6}`).Draw(t, "pattern")
		text := rapid.StringMatching(`[abAB.]{0,8}`).Draw(t, "text")
		if got, want := newGlobs([]string{pattern}).match(text), slow(strings.ToLower(pattern), strings.ToLower(text)); got != want {
			t.Fatalf("%q, %q: %v", pattern, text, got)
		}
	})
}

func slow(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return slow(pattern[1:], text) || text != "" && slow(pattern, text[1:])
	}
	return text != "" && text[0] == pattern[0] && slow(pattern[1:], text[1:])
}

// A site has one name in whatever order its hosts are told, and two sites never have the same.
func TestSiteNames(t *testing.T) {
	host := rapid.StringMatching(`(mx|a|b|mail[12])(\.(eu|us))?\.(one|two)\.(test|example)`)
	names := map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(host, 1, 6, rapid.ID[string]).Draw(t, "hosts")
		var hosts []exchange
		for i, h := range list {
			hosts = append(hosts, exchange{h, uint16(i)})
		}
		name := siteName(hosts)
		for i := range hosts {
			j := rapid.IntRange(0, len(hosts)-1).Draw(t, "swap")
			hosts[i], hosts[j] = hosts[j], hosts[i]
			hosts[i].pref = 7
		}
		if again := siteName(hosts); again != name {
			t.Fatalf("%s and %s", name, again)
		}
		set := fmt.Sprint(sorted(list))
		if was, ok := names[name]; ok && was != set {
			t.Fatalf("%s is %s and %s", name, was, set)
		}
		names[name] = set
	})
	long := make([]exchange, 40)
	for i := range long {
		long[i].host = fmt.Sprintf("mail-exchanger-%d.example.net", i)
	}
	if got := siteName(long); len(got) > maxSite || got != "{mail-exchanger-0,+39-e2e3bea9d31b}.example.net" {
		t.Errorf("forty hosts are %s", got)
	}
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
