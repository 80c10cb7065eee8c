package digest

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/internal/tomlfile"
	"github.com/parleymail/parley/mail"
)

// A File is what the file of a digest says. docs/digest.md tells of each key.
type File struct {
	Config   Config
	Database string   // as [Open] takes it
	Servers  []string // that take the mails, each for when those before cannot be had: names or URLs
	Send     bool     // that this program sends; else another over the same database does
	HTTP     string   // where the pages are served; empty: 127.0.0.1:8027

	Certificate, Key string // files of PEM, for HTTP with TLS; empty: without
}

// A document is the file as it is decoded.
type document struct {
	Database string   `toml:"database"`
	Name     string   `toml:"name"`
	From     string   `toml:"from"`
	ReplyTo  string   `toml:"reply_to"`
	Bounces  string   `toml:"bounces"` // where they go
	URL      string   `toml:"url"`
	ListID   string   `toml:"list_id"`
	Lang     string   `toml:"lang"`
	Servers  []string `toml:"servers"`
	Send     *bool    `toml:"send"`

	Timezone  string    `toml:"timezone"`
	Daily     Daily     `toml:"daily"`
	Weekly    Weekly    `toml:"weekly"`
	Frequency Frequency `toml:"frequency"`

	Every     tomlfile.Span `toml:"every"`
	First     *int          `toml:"first"`
	MostNew   int           `toml:"most_new"`
	MostItems int           `toml:"most_items"`
	Images    Images        `toml:"images"`
	Allow     []string      `toml:"allow"`
	Agent     string        `toml:"agent"`

	Confirm tomlfile.Span `toml:"confirm"`
	Unknown string        `toml:"unknown"` // hold, again
	MaxAge  tomlfile.Span `toml:"max_age"`

	HTTP    string `toml:"http"`
	Proxied bool   `toml:"behind_proxy"`
	TLS     struct {
		Certificate string `toml:"certificate"`
		Key         string `toml:"key"`
	} `toml:"tls"`
}

// ReadFile reads the file of a digest. Files that it names are meant from where it is.
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
	f := &File{Database: tomlfile.Database(folder, doc.Database), Servers: doc.Servers, Send: doc.Send == nil || *doc.Send, HTTP: doc.HTTP, Certificate: tomlfile.Within(folder, doc.TLS.Certificate), Key: tomlfile.Within(folder, doc.TLS.Key)}
	c := &f.Config
	*c = Config{
		Name: doc.Name, URL: doc.URL, ListID: doc.ListID, Daily: doc.Daily, Weekly: doc.Weekly, Frequency: doc.Frequency, Every: doc.Every.Duration, MostNew: doc.MostNew, MostItems: doc.MostItems,
		Images: doc.Images, Agent: doc.Agent, Confirm: doc.Confirm.Duration, MaxAge: doc.MaxAge.Duration, Proxied: doc.Proxied,
	}
	if doc.First != nil {
		if c.First = *doc.First; c.First == 0 {
			c.First = -1
		}
	}
	return f, doc.fill(c)
}

// fill reads what is more than a word.
func (doc *document) fill(c *Config) (err error) {
	var errs []error
	note := func(key string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	if doc.Every.Duration > 0 && doc.Every.Duration < leastEvery {
		note("every", errTooOften)
	}
	for key, n := range map[string]int{"most_new": doc.MostNew, "most_items": doc.MostItems} {
		if n < 0 {
			note(key, errors.New("it is below zero"))
		}
	}
	if doc.From == "" {
		note("from", errors.New("it is missing"))
	} else {
		c.From, err = mail.ParseAddress(doc.From)
		note("from", err)
	}
	if doc.ReplyTo != "" {
		c.ReplyTo, err = mail.ParseAddresses(doc.ReplyTo)
		note("reply_to", err)
	}
	if doc.Bounces != "" {
		p, err := mail.ParsePath(doc.Bounces)
		note("bounces", err)
		c.ReversePath = &p
	}
	switch doc.Lang {
	case "", "en":
	case "zh":
		c.Lang = diagnose.Chinese
	default:
		note("lang", fmt.Errorf("%s is neither en nor zh", plain.Quoted(doc.Lang)))
	}
	if doc.Timezone != "" {
		if c.Zone, err = time.LoadLocation(doc.Timezone); err != nil {
			note("timezone", fmt.Errorf("%s is no time zone such as Asia/Shanghai", plain.Quoted(doc.Timezone)))
		}
	}
	for _, text := range doc.Allow {
		p, err := netip.ParsePrefix(text)
		if a, e := netip.ParseAddr(text); err != nil && e == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			note("allow", fmt.Errorf("%s is no network such as 10.0.0.0/8", plain.Quoted(text)))
		}
		c.Allow = append(c.Allow, p.Masked())
	}
	switch doc.Unknown {
	case "", "hold":
	case "again":
		c.Again = true
	default:
		note("unknown", fmt.Errorf("%s is neither hold nor again", plain.Quoted(doc.Unknown)))
	}
	return errors.Join(errs...)
}

// NewFile is the text of a file to begin with.
func NewFile(name, from, url, lang, zone string, servers []string) ([]byte, error) {
	var b strings.Builder
	line := func(key, value, remark string) {
		text := key + " = " + value
		if remark != "" {
			text = fmt.Sprintf("%-35s # %s", text, remark)
		}
		b.WriteString(text + "\n")
	}
	line("name", tomlfile.Value(name), "what readers know it by")
	line("from", tomlfile.Value(from), "")
	line("url", tomlfile.Value(url), "where readers reach the pages")
	line("database", `"sqlite:digest.db"`, "")
	if len(servers) > 0 {
		line("servers", tomlfile.Value(servers), "who takes the mails; each for when those before cannot be had")
	} else {
		line("# servers", `["work"]`, "who takes the mails: names of parley init, or URLs")
	}
	b.WriteString("\n")
	line("lang", tomlfile.Value(lang), "of the pages, and of those who do not say")
	line("timezone", tomlfile.Value(zone), "")
	line("daily", `"08:00"`, "")
	line("weekly", `"monday 08:00"`, "")
	line("frequency", `"daily"`, "of those who do not say: daily, weekly, at once")
	b.WriteString("\n")
	line("http", `"127.0.0.1:8027"`, "where parley digest serve has the pages")
	line("behind_proxy", "false", "true: a proxy before it speaks TLS")
	f, err := parseFile([]byte(b.String()), "")
	if err == nil {
		c := f.Config
		err = c.check()
	}
	if err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

// FileKeys are all keys that a file may have.
func FileKeys() (list []string) {
	t := reflect.TypeFor[document]()
	for i := range t.NumField() {
		list = append(list, t.Field(i).Tag.Get("toml"))
	}
	return list
}
