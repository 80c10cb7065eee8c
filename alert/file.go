package alert

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/internal/tomlfile"
	"github.com/parleymail/parley/mail"
)

// A File is what the file of alerts says. docs/alert.md tells of each key.
type File struct {
	Config   Config
	Database string   // as [Open] takes it
	Servers  []string // that take the mails, each for when those before cannot be had: names or URLs
	Send     bool     // that this program sends; else another over the same database does
	HTTP     string   // where webhooks are taken; empty: 127.0.0.1:8028
	Proxied  bool     // a proxy before it speaks TLS

	Certificate, Key string // files of PEM, for HTTP with TLS; empty: without

	HasSecrets bool // a secret of a hook stands in the file itself: whoever reads it can forge alerts
}

// A document is the file as it is decoded.
type document struct {
	Database  string        `toml:"database"`
	From      string        `toml:"from"`
	Servers   []string      `toml:"servers"`
	Send      *bool         `toml:"send"`
	Lang      string        `toml:"lang"`
	Timezone  string        `toml:"timezone"`
	Stall     tomlfile.Span `toml:"stall"`
	MaxAge    tomlfile.Span `toml:"max_age"`
	HTTP      string        `toml:"http"`
	Proxied   bool          `toml:"behind_proxy"`
	Receivers []docReceiver `toml:"receiver"`
	Hooks     []docHook     `toml:"hook"`
	Watches   []docWatch    `toml:"watch"`
	TLS       struct {
		Certificate string `toml:"certificate"`
		Key         string `toml:"key"`
	} `toml:"tls"`
}

type docReceiver struct {
	Name          string         `toml:"name"`
	To            []string       `toml:"to"`
	GroupBy       []string       `toml:"group_by"`
	GroupWait     tomlfile.Span  `toml:"group_wait"`
	GroupInterval *tomlfile.Span `toml:"group_interval"`
	Repeat        *tomlfile.Span `toml:"repeat"`
	Most          *int           `toml:"most"`
	Quiet         []docQuiet     `toml:"quiet"`
	Escalate      struct {
		After tomlfile.Span `toml:"after"`
		To    []string      `toml:"to"`
	} `toml:"escalate"`
}

type docQuiet struct {
	From     clockTime `toml:"from"`
	To       clockTime `toml:"to"`
	Days     []string  `toml:"days"`
	Timezone string    `toml:"timezone"`
	Except   []string  `toml:"except"`
}

type docHook struct {
	Name       string        `toml:"name"`
	Format     Format        `toml:"format"`
	Receiver   string        `toml:"receiver"`
	Secret     string        `toml:"secret"`
	SecretFile string        `toml:"secret_file"`
	SecretEnv  string        `toml:"secret_env"`
	Signature  string        `toml:"signature"`
	Every      tomlfile.Span `toml:"every"`
}

type docWatch struct {
	Name     string        `toml:"name"`
	Kind     Kind          `toml:"kind"`
	Target   string        `toml:"target"`
	Command  []string      `toml:"command"`
	Every    tomlfile.Span `toml:"every"`
	Cron     string        `toml:"cron"`
	Failures int           `toml:"failures"`
	Timeout  tomlfile.Span `toml:"timeout"`
	Receiver string        `toml:"receiver"`
	Severity string        `toml:"severity"`
	Status   int           `toml:"status"`
	Contains string        `toml:"contains"`
	Days     int           `toml:"days"`
	Free     float64       `toml:"free"`
}

// A clockTime is a time of the day.
type clockTime time.Duration

func (c *clockTime) UnmarshalText(text []byte) error {
	if string(text) == "24:00" {
		*c = clockTime(24 * time.Hour)
		return nil
	}
	at, err := time.Parse("15:04", string(text))
	if err != nil {
		return fmt.Errorf("%s is no time of the day such as 22:00", plain.Quoted(string(text)))
	}
	*c = clockTime(time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute)
	return nil
}

// ReadFile reads the file of alerts. Files that it names are meant from where it is.
func ReadFile(path string) (*File, error) {
	text, folder, err := tomlfile.Read(path)
	if err != nil {
		return nil, err
	}
	f, err := parseFile(text, folder)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func parseFile(text []byte, folder string) (*File, error) {
	var doc document
	if err := tomlfile.Decode(text, &doc); err != nil {
		return nil, err
	}
	f := &File{
		Database: tomlfile.Database(folder, doc.Database), Servers: doc.Servers, Send: doc.Send == nil || *doc.Send, HTTP: doc.HTTP, Proxied: doc.Proxied,
		Certificate: tomlfile.Within(folder, doc.TLS.Certificate), Key: tomlfile.Within(folder, doc.TLS.Key),
	}
	r := &reading{folder: folder}
	f.Config = Config{Stall: doc.Stall.Duration, MaxAge: doc.MaxAge.Duration, From: r.address("from", doc.From), Zone: r.zone("timezone", doc.Timezone)}
	switch doc.Lang {
	case "", "en":
	case "zh":
		f.Config.Lang = diagnose.Chinese
	default:
		r.note("lang", fmt.Errorf("%s is neither en nor zh", plain.Quoted(doc.Lang)))
	}
	for i := range doc.Receivers {
		f.Config.Receivers = append(f.Config.Receivers, r.receiver(&doc.Receivers[i]))
	}
	for i := range doc.Hooks {
		f.Config.Hooks = append(f.Config.Hooks, r.hook(&doc.Hooks[i]))
		f.HasSecrets = f.HasSecrets || doc.Hooks[i].Secret != ""
	}
	for _, w := range doc.Watches {
		if w.Kind == Disk {
			w.Target = tomlfile.Within(folder, w.Target)
		}
		f.Config.Watches = append(f.Config.Watches, Watch{
			Name: w.Name, Kind: w.Kind, Target: w.Target, Command: w.Command, Every: w.Every.Duration, Cron: w.Cron, Failures: w.Failures, Timeout: w.Timeout.Duration,
			Receiver: w.Receiver, Severity: w.Severity, Status: w.Status, Contains: w.Contains, Days: w.Days, Free: w.Free,
		})
	}
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	c := f.Config
	return f, c.check()
}

// A reading collects what is wrong with a file.
type reading struct {
	folder string
	errs   []error
}

func (r *reading) note(key string, err error) {
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("%s: %w", key, err))
	}
}

func (r *reading) address(key, text string) (a mail.Address) {
	if text == "" {
		r.note(key, errors.New("it is missing"))
		return a
	}
	a, err := mail.ParseAddress(text)
	r.note(key, err)
	return a
}

func (r *reading) zone(key, text string) *time.Location {
	if text == "" {
		return nil
	}
	z, err := time.LoadLocation(text)
	if err != nil {
		r.note(key, fmt.Errorf("%s is no time zone such as Asia/Shanghai", plain.Quoted(text)))
	}
	return z
}

func (r *reading) receiver(d *docReceiver) Receiver {
	key := "receiver " + plain.Quoted(d.Name) + ": "
	one := Receiver{Name: d.Name, GroupBy: d.GroupBy, GroupWait: d.GroupWait.Duration, Escalate: Escalate{After: d.Escalate.After.Duration}}
	for _, text := range d.To {
		one.To = append(one.To, r.address(key+"to", text))
	}
	for _, text := range d.Escalate.To {
		one.Escalate.To = append(one.Escalate.To, r.address(key+"escalate", text))
	}
	// In a file nothing is the default, and 0 is none; in the struct 0 is the default, and what is negative is none.
	none := func(s *tomlfile.Span) time.Duration {
		switch {
		case s == nil:
			return 0
		case s.Duration == 0:
			return -1
		}
		return s.Duration
	}
	one.GroupInterval, one.Repeat = none(d.GroupInterval), none(d.Repeat)
	if d.Most != nil {
		if one.Most = *d.Most; one.Most == 0 {
			one.Most = -1
		}
	}
	for i := range d.Quiet {
		q := Quiet{From: time.Duration(d.Quiet[i].From), To: time.Duration(d.Quiet[i].To), Zone: r.zone(key+"quiet: timezone", d.Quiet[i].Timezone), Except: d.Quiet[i].Except}
		for _, name := range d.Quiet[i].Days {
			q.Days = append(q.Days, r.day(key+"quiet: days", name))
		}
		one.Quiet = append(one.Quiet, q)
	}
	return one
}

func (r *reading) day(key, name string) time.Weekday {
	days := []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	i := slices.IndexFunc(days, func(d string) bool { return len(name) >= 3 && strings.HasPrefix(d, strings.ToLower(name)) })
	if i < 0 {
		r.note(key, fmt.Errorf("%s is no day such as monday", plain.Quoted(name)))
	}
	return time.Weekday(max(i, 0))
}

// hook reads a hook. Its secret stands in the file, in a file of its own, or in the environment.
func (r *reading) hook(d *docHook) Hook {
	h := Hook{Name: d.Name, Format: d.Format, Receiver: d.Receiver, Secret: d.Secret, Signature: d.Signature, Every: d.Every.Duration}
	key := "hook " + plain.Quoted(d.Name) + ": "
	if d.SecretFile != "" {
		const most = 64 << 10
		text, err := os.ReadFile(tomlfile.Within(r.folder, d.SecretFile))
		if err != nil || len(text) > most {
			r.note(key+"secret_file", errors.New("it cannot be read"))
		}
		h.Secret = strings.TrimSpace(string(text))
	}
	if d.SecretEnv != "" {
		h.Secret = os.Getenv(d.SecretEnv)
	}
	if h.Format == Sentry && h.Signature == "" {
		h.Signature = "Sentry-Hook-Signature"
	}
	return h
}

// NewFile is the text of a file to begin with.
func NewFile(from string, to, servers []string, lang, zone, secret string) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "from = %s\ndatabase = \"sqlite:alert.db\"\n", tomlfile.Value(from))
	if len(servers) > 0 {
		fmt.Fprintf(&b, "servers = %s           # who takes the mails; the second where the first cannot be had\n", tomlfile.Value(servers))
	} else {
		b.WriteString("# servers = [\"work\", \"backup\"]     # who takes the mails: names of parley init, or URLs\n")
	}
	fmt.Fprintf(&b, "lang = %s\ntimezone = %s\nhttp = \"127.0.0.1:8028\"            # where parley alert serve takes webhooks\n", tomlfile.Value(lang), tomlfile.Value(zone))
	fmt.Fprintf(&b, "\n[[receiver]]\nname = \"ops\"\nto = %s\n# group_interval = \"5m\"            # between two mails of a group\n# repeat = \"4h\"                    # of what still fires\n", tomlfile.Value(to))
	b.WriteString("# most = 60                         # mails an hour; what is more becomes a summary\n# quiet = [{from = \"22:00\", to = \"07:00\", except = [\"critical\"]}]\n# escalate = {after = \"30m\", to = [\"boss@example.com\"]}\n")
	fmt.Fprintf(&b, "\n[[hook]]                            # POST http://127.0.0.1:8028/hook/prometheus\nname = \"prometheus\"\nformat = \"alertmanager\"             # or grafana, sentry, generic, heartbeat\nsecret = %s\n", tomlfile.Value(secret))
	b.WriteString("\n# [[watch]]\n# name = \"web\"\n# kind = \"http\"                     # or tcp, smtp, tls, disk, command\n# target = \"https://www.example.com/\"\n# every = \"1m\"\n")
	if _, err := parseFile([]byte(b.String()), ""); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}
