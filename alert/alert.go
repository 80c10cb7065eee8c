package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/plain"
)

// A State is whether what an alert tells of is so still.
type State uint8

// The states of an alert.
const (
	Firing   State = iota // it is so
	Resolved              // it is so no more
	Once                  // something that has happened: it is told of once, and nothing resolves it
)

var stateNames = [...]string{"firing", "resolved", "once"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText is [State.String].
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what [State.String] gives.
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(stateNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("%s is none of firing, resolved, once", plain.Quoted(string(text)))
	}
	*s = State(i)
	return nil
}

// An Alert is one thing that is wrong, or was.
type Alert struct {
	Receiver    string            `json:"receiver,omitempty"`    // who is told; empty: the first of [Config].Receivers
	Fingerprint string            `json:"fingerprint,omitempty"` // what it is known again by; empty: made of Labels, or of Title where there are none
	Group       string            `json:"group,omitempty"`       // what it is grouped by where the receiver has no GroupBy; empty: its label alertname, or Title
	State       State             `json:"state"`
	Severity    string            `json:"severity,omitempty"` // "critical", "warning", "info"; empty: the label severity
	Title       string            `json:"title"`              // empty: the label alertname
	Text        string            `json:"text,omitempty"`     // more of it, of several lines
	Labels      map[string]string `json:"labels,omitempty"`
	URL         string            `json:"url,omitempty"`   // where there is more to see
	Starts      time.Time         `json:"starts,omitzero"` // zero: now
	Ends        time.Time         `json:"ends,omitzero"`   // of one that fires: it is resolved then, if nothing was heard of it
	Count       int               `json:"count,omitempty"` // how often it came, since a mail told of it
}

// What an alert holds at most; what is longer is cut.
const (
	MaxTitle  = 300     // characters
	MaxText   = 8 << 10 // characters
	MaxLabels = 64      // of one alert
	MaxLabel  = 1000    // characters of a value
)

// errEmpty is an alert of which nobody can tell what it is.
var errEmpty = errors.New("alert: an alert has neither a title nor labels")

// clean makes an alert what is kept: texts of others in bounds and without what a terminal or a header would obey.
func (a *Alert) clean(now time.Time) error {
	labels := make(map[string]string, len(a.Labels))
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		if k := plain.OneLine(name, 100); k != "" && len(labels) < MaxLabels {
			labels[k] = plain.OneLine(a.Labels[name], MaxLabel)
		}
	}
	a.Labels = labels
	a.Title = plain.OneLine(a.Title, MaxTitle)
	if a.Title == "" {
		a.Title = plain.OneLine(labels["alertname"], MaxTitle)
	}
	if a.Title == "" && len(labels) > 0 {
		a.Title = plain.OneLine(showLabels(labels), MaxTitle)
	}
	if a.Title == "" {
		return errEmpty
	}
	if a.Severity == "" {
		a.Severity = labels["severity"]
	}
	a.Severity = strings.ToLower(plain.OneLine(a.Severity, 40))
	a.Text = plain.ManyLines(a.Text, MaxText)
	a.URL = safeURL(a.URL)
	if a.State > Once {
		return fmt.Errorf("alert: %v is no state", a.State)
	}
	if a.Starts.IsZero() || a.Starts.After(now) {
		a.Starts = now
	}
	if a.Group == "" {
		a.Group = labels["alertname"]
	}
	if a.Group == "" {
		a.Group = a.Title
	}
	a.Fingerprint = a.print()
	return nil
}

// print is what an alert is known again by: of a length that anybody may give.
func (a *Alert) print() string {
	h := sha256.New()
	switch {
	case a.Fingerprint != "":
		fmt.Fprintf(h, "given\x00%s", a.Fingerprint)
	case len(a.Labels) > 0:
		for _, k := range slices.Sorted(maps.Keys(a.Labels)) {
			fmt.Fprintf(h, "%s\x00%s\x00", k, a.Labels[k])
		}
	default:
		fmt.Fprintf(h, "title\x00%s", a.Title)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// groupOf is the group of an alert: the labels that it stands for, and its key.
func (r *Receiver) groupOf(a *Alert) (name, key string) {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00", r.Name)
	name = plain.OneLine(a.Group, MaxTitle)
	if len(r.GroupBy) == 0 {
		fmt.Fprintf(h, "group\x00%s", a.Group)
	} else {
		part := make(map[string]string)
		for _, k := range r.GroupBy {
			if v := a.Labels[k]; v != "" {
				part[k] = v
			}
			fmt.Fprintf(h, "%s\x00%s\x00", k, a.Labels[k])
		}
		name = plain.OneLine(showLabels(part), MaxTitle)
	}
	return name, hex.EncodeToString(h.Sum(nil)[:16])
}

func showLabels(labels map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, " ")
}

func encodeLabels(labels map[string]string) string {
	b, err := json.Marshal(labels)
	if err != nil {
		return "{}" // it cannot be: they are texts
	}
	return string(b)
}
