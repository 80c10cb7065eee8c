package relay

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
)

// A document is the file as it is decoded. docs/serve.md tells of each key.
type document struct {
	Hostname string   `toml:"hostname"` // the name it goes by
	Database string   `toml:"database"` // "sqlite:FILE", "postgres://..."
	HTTP     string   `toml:"http"`     // where package web serves it
	Default  []string `toml:"default"`  // servers for mail that no rule is about, each for when those before cannot be had
	Grace    span     `toml:"grace"`    // how long what was begun may take at the end

	TLS struct {
		Certificate string `toml:"certificate"` // PEM, with what leads to its root
		Key         string `toml:"key"`
	} `toml:"tls"`
	Listen []listenTable          `toml:"listen"`
	User   map[string]userTable   `toml:"user"`
	Server map[string]serverTable `toml:"server"` // the keys of package config were taken out before
	Rule   []route.Rule           `toml:"rule"`
	MX     route.MX               `toml:"mx"`
	DKIM   []struct {
		Domain   string `toml:"domain"`
		Selector string `toml:"selector"`
		Key      string `toml:"key"` // a file: PEM
	} `toml:"dkim"`
	Bounces  *bouncesTable `toml:"bounces"`
	Suppress struct {
		Bounces    bool `toml:"bounces"`
		Complaints bool `toml:"complaints"`
		For        span `toml:"for"`
	} `toml:"suppress"`
	Webhook []webhookTable `toml:"webhook"`
	Log     []logTable     `toml:"log"`
	Limits  struct {
		MaxSize          int `toml:"max_size"` // MiB of a mail
		MaxRecipients    int `toml:"max_recipients"`
		MaxSessions      int `toml:"max_sessions"` // at once
		MaxSessionsPerIP int `toml:"max_sessions_per_ip"`
		Sending          int `toml:"sending"` // sessions with servers at once
	} `toml:"limits"`
	Retry struct {
		First span `toml:"first"` // after the first failure; then twice as long, and so on
		Most  span `toml:"most"`
		Alert struct {
			First span `toml:"first"`
			Most  span `toml:"most"`
		} `toml:"alert"`
		MaxAge span `toml:"max_age"` // how long a mail is tried
	} `toml:"retry"`
	Retention struct {
		Content span `toml:"content"` // after the mail is done with
		History span `toml:"history"`
	} `toml:"retention"`
	Unknown struct { // what is done where nobody knows whether a mail was taken: again, hold
		Alert  outbox.Policy `toml:"alert"`
		Normal outbox.Policy `toml:"normal"`
		Bulk   outbox.Policy `toml:"bulk"`
	} `toml:"unknown"`
	Notices struct { // that are written to senders
		None bool   `toml:"none"`
		From string `toml:"from"`
		Lang string `toml:"lang"`
	} `toml:"notices"`
}

type listenTable struct {
	Address string `toml:"address"`
	TLS     string `toml:"tls"`  // starttls, implicit, none
	Role    string `toml:"role"` // submission, bounces
	User    string `toml:"user"`
}

type userTable struct {
	Password  string         `toml:"password"` // a hash
	Senders   []string       `toml:"senders"`
	Classes   []outbox.Class `toml:"classes"`
	Class     outbox.Class   `toml:"class"`
	Topic     string         `toml:"topic"`
	PerMinute int            `toml:"per_minute"`
	PerHour   int            `toml:"per_hour"`
	PerDay    int            `toml:"per_day"`
	MaxSize   int            `toml:"max_size"` // MiB
	Operator  bool           `toml:"operator"`
}

// A serverTable is what of a server is said here besides what package config has.
type serverTable struct {
	Account    string `toml:"account"`
	Provider   string `toml:"provider"`
	Sessions   int    `toml:"sessions"`
	Mails      int    `toml:"mails_per_session"`
	Recipients int    `toml:"recipients"`
	PerMinute  int    `toml:"per_minute"`
	PerHour    int    `toml:"per_hour"`
	PerDay     int    `toml:"per_day"`
}

// serverKeys are its keys.
func serverKeys() []string {
	t := reflect.TypeFor[serverTable]()
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = t.Field(i).Tag.Get("toml")
	}
	return keys
}

func (t *serverTable) limits() route.Limits {
	return route.Limits{Sessions: t.Sessions, Mails: t.Mails, Recipients: t.Recipients, PerMinute: t.PerMinute, PerHour: t.PerHour, PerDay: t.PerDay}
}

// A secretTable says where a secret is: in one of three places, and never in the file itself.
type secretTable struct {
	Env     string `toml:"secret-env"`
	File    string `toml:"secret-file"`
	Command string `toml:"secret-command"`
}

type bouncesTable struct {
	secretTable
	Mailbox string   `toml:"mailbox"`
	Servers []string `toml:"servers"`
	Also    []string `toml:"also"`
	Keep    bool     `toml:"keep"`
}

type webhookTable struct {
	secretTable
	Name   string        `toml:"name"`
	URL    string        `toml:"url"`
	Events []outbox.What `toml:"events"`
	Said   bool          `toml:"said"`
}

type logTable struct {
	Name   string        `toml:"name"`
	Path   string        `toml:"path"`
	Events []outbox.What `toml:"events"`
	Said   bool          `toml:"said"`
}

// A span is a time as people write it: "90s", "36h", "30d", "forever".
type span time.Duration

const forever = span(-1)

// UnmarshalText reads one.
func (s *span) UnmarshalText(text []byte) error {
	word := string(text)
	if word == "forever" {
		*s = forever
		return nil
	}
	if days, ok := strings.CutSuffix(word, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
			*s = span(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	d, err := time.ParseDuration(word)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no time such as 90s, 36h, 30d or forever", word)
	}
	*s = span(d)
	return nil
}

// keysAt are the keys that a table has. The name of a user or server, and the place in an array, stand for any.
func keysAt(path []string) []string {
	t := typeAt(path)
	for t != nil && t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	return keysOf(t)
}

// typeAt is what stands at a path; nil: nothing may.
func typeAt(path []string) reflect.Type {
	t := reflect.TypeFor[document]()
	for _, name := range path {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() == reflect.Map {
			t = t.Elem()
			continue
		}
		f, ok := fieldOf(t, name)
		if !ok {
			return nil
		}
		t = f.Type
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	if t.Kind() != reflect.Struct {
		return reflect.StructField{}, false
	}
	for f := range t.Fields() {
		if f.Anonymous {
			if inner, ok := fieldOf(f.Type, name); ok {
				return inner, true
			}
		}
		if f.Tag.Get("toml") == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func keysOf(t reflect.Type) (list []string) {
	for f := range t.Fields() {
		switch tag := f.Tag.Get("toml"); {
		case f.Anonymous:
			list = append(list, keysOf(f.Type)...)
		case tag != "" && tag != "-":
			list = append(list, tag)
		}
	}
	return list
}
