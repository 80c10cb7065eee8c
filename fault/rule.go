package fault

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A Rule is one fault of a [Plan]: where, how often, and what. Fields that are zero leave that open, or as it is. As JSON and TOML
// it has the names told here; patterns have "*" for any text, and letters of either case.
type Rule struct {
	ID   string `json:"id,omitempty" toml:"id"`     // given by the plan, where it is empty
	Note string `json:"note,omitempty" toml:"note"` // what it is for, in the words of whoever made it

	// Where.
	Stage     string `json:"stage,omitempty" toml:"stage"`         // one of Stages; what has a place of its own needs none
	Match     string `json:"match,omitempty" toml:"match"`         // the command is like this
	Sender    string `json:"sender,omitempty" toml:"sender"`       // the reverse-path is like this
	Recipient string `json:"recipient,omitempty" toml:"recipient"` // a forward-path is like this
	User      string `json:"user,omitempty" toml:"user"`           // who is authenticated is like this
	Mailbox   string `json:"mailbox,omitempty" toml:"mailbox"`     // the mailbox or token of the login or a recipient: see Plan.Mailboxes
	Session   uint64 `json:"session,omitempty" toml:"session"`     // the session of this number alone: see Plan.Number
	Skip      int    `json:"skip,omitempty" toml:"skip"`           // so many go well before; at "auth" logins are counted, and not their responses
	Times     int    `json:"times,omitempty" toml:"times"`         // so many are hit; zero: all

	// What.
	Persona  string   `json:"persona,omitempty" toml:"persona"`   // a provider's own words and stage: "qq-wrong-code"
	Reply    string   `json:"reply,omitempty" toml:"reply"`       // in place of the reply; lines parted by LF
	Garbage  string   `json:"garbage,omitempty" toml:"garbage"`   // octets that are no reply; \r, \n and \xff as in Go
	Endless  bool     `json:"endless,omitempty" toml:"endless"`   // the reply has no end
	Mute     bool     `json:"mute,omitempty" toml:"mute"`         // there is none
	Wait     Duration `json:"wait,omitempty" toml:"wait"`         // before anything is said: "2s"
	Pause    Duration `json:"pause,omitempty" toml:"pause"`       // after it
	More     string   `json:"more,omitempty" toml:"more"`         // said after that, though nobody asked
	Rate     int      `json:"rate,omitempty" toml:"rate"`         // octets a second from here on
	Octets   int64    `json:"octets,omitempty" toml:"octets"`     // at "content": so many are heard before
	Lose     bool     `json:"lose,omitempty" toml:"lose"`         // at "end": the mail is not kept, whatever is said
	Then     string   `json:"then,omitempty" toml:"then"`         // one of Thens
	TLS      string   `json:"tls,omitempty" toml:"tls"`           // one of TLSFaults
	Greylist Duration `json:"greylist,omitempty" toml:"greylist"` // a client, sender and recipient not seen before are told to come back after so long
	Limit    Limit    `json:"limit,omitempty,omitzero" toml:"limit"`
	Idle     Duration `json:"idle,omitempty" toml:"idle"` // a client that is silent for so long hears 421

	Met int `json:"met,omitempty" toml:"-"` // how often the conversation came by
	Hit int `json:"hit,omitempty" toml:"-"` // and how often it was hit
}

// stages are the places where something can go wrong, in the order of a conversation.
var stages = []struct {
	name  string
	stage smtp.Stage
}{
	{"greeting", smtp.StageGreeting},
	{"hello", smtp.StageHello},
	{"tls", smtp.StageTLS},
	{"auth", smtp.StageAuth},
	{"mail", smtp.StageMail},
	{"rcpt", smtp.StageRcpt},
	{"data", smtp.StageData},
	{"content", smtp.StageContent},
	{"end", smtp.StageEnd},
	{"reset", smtp.StageReset},
	{"quit", smtp.StageQuit},
}

// Stages are the names that Rule.Stage may have.
func Stages() []string {
	names := make([]string, len(stages))
	for i, s := range stages {
		names[i] = s.name
	}
	return names
}

// stageOf gives 0 for a name that no stage has.
func stageOf(name string) smtp.Stage {
	for _, s := range stages {
		if s.name == name {
			return s.stage
		}
	}
	return 0
}

// thens are how a conversation may go on.
var thens = []struct {
	name string
	then smtpd.Then
}{{"hang-up", smtpd.HangUp}, {"reset", smtpd.Reset}, {"half-close", smtpd.HalfClose}, {"silence", smtpd.Fall}}

// Thens are the names that Rule.Then may have.
func Thens() []string {
	names := make([]string, len(thens))
	for i, t := range thens {
		names[i] = t.name
	}
	return names
}

// A Limit is a rate that a server allows: so many mails from one address, in so long. It is written "10/1m".
type Limit struct {
	Mails int
	Per   Duration
}

// String is the limit as it is written; empty for none.
func (l Limit) String() string {
	if l == (Limit{}) {
		return ""
	}
	return strconv.Itoa(l.Mails) + "/" + l.Per.String()
}

// MarshalText writes what String gives.
func (l Limit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads "10/1m".
func (l *Limit) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*l = Limit{}
		return nil
	}
	mails, per, ok := strings.Cut(string(text), "/")
	n, err := strconv.Atoi(mails)
	if !ok || err != nil || n < 1 {
		return fmt.Errorf("%q is no limit: write 10/1m for ten mails a minute", text)
	}
	var d Duration
	if err := d.UnmarshalText([]byte(per)); err != nil {
		return err
	}
	if d <= 0 {
		return fmt.Errorf("%q is a limit over no time", text)
	}
	*l = Limit{Mails: n, Per: d}
	return nil
}

// A Duration is written as Go writes it: "1m30s".
type Duration time.Duration

// longest is that of a wait: none is worth more in a test, and a server must not hold a session for ever.
const longest = 24 * time.Hour

// String is the duration as it is written; empty for none.
func (d Duration) String() string {
	if d == 0 {
		return ""
	}
	return time.Duration(d).String()
}

// MarshalText writes what String gives.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads "1m30s".
func (d *Duration) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = 0
		return nil
	}
	v, err := time.ParseDuration(string(text))
	switch {
	case err != nil:
		return fmt.Errorf("%q is no duration such as 1m30s", text)
	case v < 0 || v > longest:
		return fmt.Errorf("%s is not between 0 and %s", v, longest)
	}
	*d = Duration(v)
	return nil
}

// isID reports whether a rule may be called so; empty for one that the plan names. It stands in paths, and in metrics.
func isID(s string) bool {
	const longest = 64
	return len(s) <= longest && s != "." && s != ".." && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
}

// settle fills in the stage of what has a place of its own, and tells of a rule that can never be.
func (r *Rule) settle() error {
	if !isID(r.ID) {
		return fmt.Errorf("id: %.80q cannot stand in a path: letters, digits, \".\", \"_\" and \"-\" can, at most 64 of them, and more than dots", r.ID)
	}
	if r.Persona != "" {
		if err := r.settlePersona(); err != nil {
			return err
		}
	}
	if r.Stage == "" {
		r.Stage = r.ownStage()
	}
	for _, check := range []func() error{r.checkPlace, r.checkWhat, r.checkIdle, r.checkWhere, r.checkTogether} {
		if err := check(); err != nil {
			return err
		}
	}
	r.Garbage = writtenGarbage(r.Garbage)
	_, err := r.garbage()
	return err
}

func (r *Rule) settlePersona() error {
	p, ok := personaNamed(r.Persona)
	if !ok {
		return fmt.Errorf("persona: there is none called %q; did you mean %q?", r.Persona, nearest(r.Persona))
	}
	switch {
	case r.Reply != "" || r.Garbage != "" || r.Mute || r.Endless:
		return errors.New("persona: it has a reply of its own")
	case r.Stage != "" && r.Stage != p.Stage:
		return fmt.Errorf("stage: the persona %s is met at %q", r.Persona, p.Stage)
	}
	r.Stage = p.Stage
	return nil
}

// ownStage is where a rule without a stage belongs.
func (r *Rule) ownStage() string {
	switch {
	case r.TLS != "":
		return "tls"
	case r.Greylist > 0:
		return "rcpt"
	case r.Limit != Limit{}:
		return "mail"
	case r.Idle > 0, r.Rate > 0:
		return "greeting"
	case r.Lose:
		return "end"
	case r.Octets > 0:
		return "content"
	}
	return ""
}

func (r *Rule) checkPlace() error {
	switch {
	case r.Stage == "":
		return fmt.Errorf("stage: it is missing; it is one of %s", strings.Join(Stages(), ", "))
	case stageOf(r.Stage) == 0:
		return fmt.Errorf("stage: %q is none of %s", r.Stage, strings.Join(Stages(), ", "))
	case r.Skip < 0:
		return errors.New("skip: it is negative")
	case r.Times < 0:
		return errors.New("times: it is negative")
	}
	return nil
}

func (r *Rule) checkWhat() error {
	said := 0
	for _, is := range []bool{r.Reply != "", r.Garbage != "", r.Mute} {
		if is {
			said++
		}
	}
	switch {
	case said > 1:
		return errors.New("reply, garbage, mute: only one of them can be")
	case r.Reply != "" && !isReply(r.Reply):
		return fmt.Errorf("reply: %q does not begin with a code of three digits on each line", r.Reply)
	case r.More != "" && strings.ContainsAny(r.More, "\r\n"):
		return errors.New("more: it is one line")
	case r.Then != "" && !slices.Contains(Thens(), r.Then):
		return fmt.Errorf("then: %q is none of %s", r.Then, strings.Join(Thens(), ", "))
	case r.TLS != "" && !slices.Contains(TLSFaults(), r.TLS):
		return fmt.Errorf("tls: %q is none of %s", r.TLS, strings.Join(TLSFaults(), ", "))
	case r.TLS != "" && r.Stage != "tls":
		return errors.New("tls: it is met at the stage tls alone")
	case r.Greylist > 0 && r.Stage != "rcpt":
		return errors.New("greylist: it is met at the stage rcpt alone")
	case r.Lose && r.Stage != "end":
		return errors.New("lose: it is met at the stage end alone")
	case r.Octets > 0 && r.Stage != "content":
		return errors.New("octets: they are counted at the stage content alone")
	case r.Rate < 0 || r.Octets < 0:
		return errors.New("rate, octets: they are not negative")
	case r.isNothing():
		return errors.New("nothing goes wrong by it: it needs a reply, persona, garbage, endless, mute, wait, pause, more, rate, lose, then, tls, greylist, limit or idle")
	}
	return nil
}

func (r *Rule) isNothing() bool {
	return r.Persona == "" && r.Reply == "" && r.Garbage == "" && !r.Endless && !r.Mute && r.Wait == 0 && r.Pause == 0 && r.More == "" &&
		r.Rate == 0 && !r.Lose && r.Then == "" && r.TLS == "" && r.Greylist == 0 && r.Limit == Limit{} && r.Idle == 0
}

// isReply reports whether a text can go over the wire as a reply: RFC 5321 §4.2. Other octets are what garbage is for.
func isReply(text string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) < 3 || strings.Trim(line[:3], "0123456789") != "" || strings.Contains(line, "\r") || line[0] < '2' || line[0] > '5' {
			return false
		}
		if len(line) > 3 && line[3] != ' ' && line[3] != '-' {
			return false
		}
	}
	return true
}

// garbage is what Garbage stands for.
func (r *Rule) garbage() (string, error) {
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(r.Garbage, `"`, `\"`) + `"`)
	if err != nil {
		return "", fmt.Errorf(`garbage: %s is not understood; an octet is written as \xff, a line's end as \r\n, and a backslash as \\`, smtp.Printable(r.Garbage))
	}
	return text, nil
}

// writtenGarbage has what cannot be printed as it is written: in JSON and TOML "\r\n" is the line's end itself.
func writtenGarbage(text string) string {
	if !strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) || c == utf8.RuneError }) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		c, n := utf8.DecodeRuneInString(text)
		switch {
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case unicode.IsPrint(c) && (c != utf8.RuneError || n > 1):
			b.WriteString(text[:n])
		default:
			for i := range n {
				fmt.Fprintf(&b, `\x%02x`, text[i])
			}
		}
		text = text[n:]
	}
	return b.String()
}

// Like reports whether a text is like a pattern, in which "*" stands for any text. The case of letters does not matter.
func Like(pattern, text string) bool {
	pattern, text = strings.ToLower(pattern), strings.ToLower(text)
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, pieces[0])
	if !ok {
		return false
	}
	for _, piece := range pieces[1 : len(pieces)-1] {
		i := strings.Index(text, piece)
		if i < 0 {
			return false
		}
		text = text[i+len(piece):]
	}
	return strings.HasSuffix(text, pieces[len(pieces)-1])
}
