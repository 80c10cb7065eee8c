package route

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
)

func TestLimitFacts(t *testing.T) {
	f, err := readLimits(embedded)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.byProvider) < 50 || len(f.Sites) < 15 {
		t.Errorf("%d providers and %d sites: files are missing", len(f.byProvider), len(f.Sites))
	}
	for _, s := range f.Sites {
		host := strings.ReplaceAll(s.MX[0], "*", "mx1")
		name := f.siteOf([]exchange{{host: host}})
		if got := f.site(name); got == nil || got.Name != s.Name {
			t.Errorf("%s: its host %s is of %v, by the lane %s", s.Name, host, got, name)
		}
	}
}

// What is wrong with a file of facts is told.
func TestFaultsOfFacts(t *testing.T) {
	const good = "source = \"x\"\nsure = \"A\"\n"
	for _, c := range []struct{ limits, replies, want string }{
		{"[[account]]\nproviders = [\"nobody\"]\nsessions = 1\n" + good, "", "unknown"},
		{"[[account]]\nproviders = [\"qq\", \"qq\"]\nsessions = 1\n" + good, "", "twice"},
		{"[[account]]\nproviders = [\"qq\"]\nsessions = -1\n" + good, "", "below zero"},
		{"[[account]]\nproviders = [\"qq\"]\n" + good, "", "no limit"},
		{"[[account]]\nproviders = [\"qq\"]\nsessions = 1\nsure = \"A\"\n", "", "no source"},
		{"[[account]]\nproviders = [\"qq\"]\nsesions = 1\n" + good, "", "sesions"},
		{"[[site]]\nname = \"x\"\nsessions = 1\n" + good, "", "no hosts"},
		{"[[site]]\nname = \"x\"\nmx = [\"a\"]\nprovider = \"nobody\"\nsessions = 1\n" + good, "", "unknown"},
		{"", "[[reply]]\nid = \"x\"\ncode = \"5\"\nnothing = true\nexample = \"550 x\"\n" + good, "no code"},
		{"", "[[reply]]\nid = \"x\"\nstages = [\"late\"]\nnothing = true\nexample = \"550 x\"\n" + good, "no stage"},
		{"", "[[reply]]\nid = \"x\"\nkinds = [\"odd\"]\nnothing = true\nexample = \"550 x\"\n" + good, "no kind"},
		{"", "[[reply]]\nid = \"x\"\ntext = \"(\"\nnothing = true\nexample = \"550 x\"\n" + good, "missing closing"},
		{"", "[[reply]]\nid = \"x\"\nsuspend = [\"1d\"]\nexample = \"550 x\"\n" + good, "no time"},
		{"", "[[reply]]\nid = \"x\"\nsuspend = [\"2h\", \"1h\"]\nexample = \"550 x\"\n" + good, "do not grow"},
		{"", "[[reply]]\nid = \"x\"\nslow = \"1h\"\nexample = \"550 x\"\n" + good, "go together"},
		{"", "[[reply]]\nid = \"x\"\nsuspend = [\"1h\"]\nnothing = true\nexample = \"550 x\"\n" + good, "not both"},
		{"", "[[reply]]\nid = \"x\"\nsuspend = [\"1h\"]\n" + good, "no example"},
		{"", strings.Repeat("[[reply]]\nid = \"x\"\nsuspend = [\"1h\"]\nexample = \"550 x\"\n"+good, 2), "another's"},
	} {
		files := fstest.MapFS{"limits/x.toml": {Data: []byte(c.limits)}, "replies/x.toml": {Data: []byte(c.replies)}}
		_, err := readLimits(files)
		if c.limits == "" {
			_, err = readReplies(files)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%s: %v, want %s", c.limits, c.replies, err, c.want)
		}
	}
}

// A server has its table's limits, and its provider's where the table says nothing; its client keeps to them.
func TestLimitsOfServers(t *testing.T) {
	qq := &smtp.Client{Addr: "smtp.qq.com:465"}
	own := &smtp.Client{Addr: "smtp.qq.com:465", MaxSessions: 1, MaxMessages: 3}
	company := &smtp.Client{Addr: "mail.company.test:587"}
	r := open(t, Table{
		Servers: []Server{
			{Name: "qq", Account: "a@qq.com", Client: qq},
			{Name: "own", Account: "b@qq.com", Client: own, Limits: Limits{PerMinute: 100, PerDay: 500, Recipients: -1}},
			{Name: "company", Client: company},
			{Name: "private", Account: "kim@gmail.com", Client: &smtp.Client{Addr: "smtp.gmail.com:465"}},
			{Name: "firm", Account: "kim@firm.test", Client: &smtp.Client{Addr: "smtp.gmail.com"}},
			{Name: "hot", Account: "kim@Hotmail.com", Client: &smtp.Client{Addr: "smtp.office365.com:587"}},
			{Name: "ours", Provider: "microsoft365", Client: &smtp.Client{Addr: "127.0.0.1:2526"}},
		},
		Default: []string{"qq", "own", "company", "private", "firm", "hot", "ours", "mx"},
		MX:      MX{Limits: Limits{PerHour: 1000, Sessions: 2}},
	})
	for lane, want := range map[string]outbox.Limits{
		"qq/a@qq.com":                 {Sessions: 2, Recipients: 50, PerMinute: 20},
		"own/b@qq.com":                {Sessions: 1, PerMinute: 100, PerDay: 500},
		"company":                     {},
		"ours":                        {Sessions: 3, Recipients: 500, PerMinute: 30, PerDay: 10000},
		"private/kim@gmail.com":       {Sessions: 3, Recipients: 100, PerDay: 500},
		"firm/kim@firm.test":          {Sessions: 5, Recipients: 100, PerDay: 2000},
		"hot/kim@Hotmail.com":         {Sessions: 2, Recipients: 100, PerMinute: 30, PerDay: 300},
		"mx/google":                   {Sessions: 5, Recipients: 100, PerHour: 1000},
		"mx/mx.one.test":              {Sessions: 2, PerHour: 1000},
		"mx/{eu-1,eu-2}.mimecast.com": {Sessions: 10, PerHour: 1000},
	} {
		l, err := r.Lane(t.Context(), lane)
		if err != nil {
			t.Error(err)
		} else if l.Limits != want {
			t.Errorf("%s: %+v, want %+v", lane, l.Limits, want)
		}
	}
	if !qq.Partial || qq.MaxSessions != 2 || qq.MaxMessages != 8 {
		t.Errorf("the client: partial %v, %d sessions, %d mails", qq.Partial, qq.MaxSessions, qq.MaxMessages)
	}
	if own.MaxSessions != 1 || own.MaxMessages != 3 {
		t.Errorf("what the program set is changed: %d sessions, %d mails", own.MaxSessions, own.MaxMessages)
	}
	if c := r.hosts.client("mx1.qq.com", smtp.Opportunistic); c.MaxMessages != 8 {
		t.Errorf("a session with QQ's hosts has %d mails", c.MaxMessages)
	}
}
