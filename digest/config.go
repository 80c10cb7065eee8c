package digest

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

// A Config says what a digest is like. Name, From and URL must be set; the zero value of all else is good for most.
type Config struct {
	Name        string       // what readers know it by: "Kim's notes"
	From        mail.Address // whom its mails are from
	ReplyTo     []mail.Address
	ReversePath *mail.Path // where bounces go; nil: From

	// URL is where readers reach [Digest.Handler]: "https://news.example.com/list". Mails are left with one click only where it is https.
	URL string
	// ListID names the list for mail programs: RFC 2919. Empty: made of the host of URL.
	ListID string
	// Lang is of the page, and of subscribers who have not said which.
	Lang diagnose.Lang

	Zone      *time.Location // of Daily and Weekly; nil: time.Local
	Daily     Daily          // when those get mail who want it every day; zero: 08:00
	Weekly    Weekly         // and those who want it every week; zero: Monday, 08:00
	Frequency Frequency      // of subscribers who have not said which; zero: EveryDay

	Every     time.Duration  // how often a feed is looked at that says nothing of it; zero: 1 hour; at least 5 minutes
	First     int            // articles that go out of a feed that is looked at for the first time; zero: 1; negative: none
	MostNew   int            // articles that one look at a feed may bring, the newest; zero: 20. Others are kept back, and told of
	MostItems int            // articles in a mail; zero: 50. Of others it has the titles
	Images    Images         // of articles; zero: by reference
	Allow     []netip.Prefix // networks that feeds may be in although they are not public, such as 10.0.0.0/8
	Agent     string         // what we call ourselves to feeds, User-Agent; empty: "parley-digest (+URL)"

	Confirm time.Duration // how long the link of a confirmation is good; zero: 48 hours
	Proxied bool          // a proxy stands before Handler: who asks stands at the end of X-Forwarded-For

	// Worker says who takes the mails; without its Router somebody else works the box off.
	Worker outbox.Worker
	// Again has a mail sent again of which nobody knows whether it was taken: it is not lost then, and may come twice. Without
	// it such a mail waits, in state [outbox.Unknown], for a person's word.
	Again bool
	// MaxAge is how long a mail is tried; zero: 3 days.
	MaxAge time.Duration

	Log *slog.Logger // what goes on in the background; nil: slog.Default

	clock    func() time.Time // tests
	fetching *fetching        // tests
}

// Frequency is how often a subscriber gets mail.
type Frequency uint8

const (
	EveryDay  Frequency = iota // one mail a day, with all that is new
	EveryWeek                  // one mail a week
	AtOnce                     // a mail as soon as there is something
)

var frequencies = [...]string{"daily", "weekly", "at once"}

func (f Frequency) String() string { return frequencies[min(int(f), len(frequencies)-1)] }

// ParseFrequency is the reverse of [Frequency.String]; "now" and "once" are "at once" too.
func ParseFrequency(s string) (Frequency, error) {
	switch s = strings.ToLower(strings.TrimSpace(s)); s {
	case "now", "once", "at-once", "immediately":
		return AtOnce, nil
	}
	for f, name := range frequencies {
		if s == name {
			return Frequency(f), nil //nolint:gosec // there are three
		}
	}
	return 0, fmt.Errorf("%s is no frequency: daily, weekly or at once", plain.Quoted(s))
}

// MarshalText is [Frequency.String].
func (f Frequency) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText is [ParseFrequency].
func (f *Frequency) UnmarshalText(text []byte) (err error) {
	*f, err = ParseFrequency(string(text))
	return err
}

// Images is what becomes of an article's images.
type Images uint8

const (
	ByDefault   Images = iota
	ByReference        // the reader's program loads them from where they are; who keeps them there sees that
	Embedded           // they are fetched once and go with the mail, within limits; others by reference
	NoImages           // left out
)

var imageWays = [...]string{"", "reference", "embed", "none"}

func (i Images) String() string { return imageWays[min(int(i), len(imageWays)-1)] }

// MarshalText is [Images.String].
func (i Images) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText is the reverse of [Images.String].
func (i *Images) UnmarshalText(text []byte) error {
	for n, name := range imageWays {
		if strings.EqualFold(string(text), name) {
			*i = Images(n) //nolint:gosec // there are four
			return nil
		}
	}
	return fmt.Errorf("%s is no way to show images: it is reference, embed or none", plain.Quoted(string(text)))
}

// check tells what is wrong with a configuration, and fills in what is left out.
func (c *Config) check() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf("digest: "+format, args...)) }
	if c.Name = plain.OneLine(c.Name, 200); c.Name == "" {
		add("the name is missing that readers know it by")
	}
	if _, err := c.From.Path(); err != nil {
		add("from: %w", err)
	}
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		add("the URL is missing that readers reach the page by")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		add("url: %s is no http or https URL without a query", plain.Quoted(c.URL))
	default:
		c.URL = strings.TrimSuffix(u.String(), "/")
		if c.ListID == "" {
			c.ListID = u.Hostname()
		}
		c.Agent = cmp.Or(c.Agent, "parley-digest (+"+c.URL+")")
	}
	if c.ListID != "" && !isListID(c.ListID) {
		add("list-id: %s is no name such as notes.example.com", plain.Quoted(c.ListID))
	}
	c.defaults()
	return errors.Join(errs...)
}

// isListID: a dot-atom of RFC 2919 §3.
func isListID(s string) bool {
	return len(s) <= 255 && s != "" && !strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".") && !strings.Contains(s, "..") &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') && r != '.' && r != '-' && r != '_'
		})
}

const leastEvery = 5 * time.Minute

var errTooOften = errors.New("a feed is looked at every 5m at the most")

func (c *Config) defaults() {
	if c.Zone == nil {
		c.Zone = time.Local
	}
	if c.Daily == (Daily{}) {
		c.Daily = Daily{Set: true, Hour: 8}
	}
	if c.Weekly == (Weekly{}) {
		c.Weekly = Weekly{Day: time.Monday, At: Daily{Set: true, Hour: 8}}
	}
	c.Every = max(cmp.Or(c.Every, time.Hour), leastEvery)
	c.First = max(cmp.Or(c.First, 1), 0)
	c.MostNew = cmp.Or(max(c.MostNew, 0), 20)
	c.MostItems = cmp.Or(max(c.MostItems, 0), 50)
	c.Images = cmp.Or(c.Images, ByReference)
	c.Confirm = cmp.Or(max(c.Confirm, 0), 48*time.Hour)
	c.MaxAge = cmp.Or(max(c.MaxAge, 0), 3*24*time.Hour)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.clock == nil {
		c.clock = time.Now
	}
}
