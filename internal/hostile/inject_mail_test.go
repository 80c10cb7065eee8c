package hostile_test

import (
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

const module = "github.com/parleymail/parley"

// full is a message with something in every field that can hold a string.
func full() *mail.Message {
	part := func(name, kind string) []mail.Part {
		p := mail.Bytes(name, []byte("octets of "+name))
		p.Type, p.ContentID = kind, name+"@example.net"
		return []mail.Part{p}
	}
	one := func(name, address string) []mail.Address { return []mail.Address{{Name: name, Address: address}} }
	return &mail.Message{
		From: mail.Address{Name: "Kim", Address: "kim@example.net"}, Sender: mail.Address{Name: "Office", Address: "office@example.net"},
		ReplyTo: one("Desk", "desk@example.net"), To: one("Lee", "lee@example.org"), Cc: one("Max", "max@example.org"), Bcc: one("Bob", "bob@example.org"),
		Subject: "Hello there", Text: "Hello.\n", HTML: "<p>Hello.</p>\n",
		Inline: part("logo.png", "image/png"), Attach: part("a.pdf", "application/pdf"),
		Invite: mail.Invite{Calendar: "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n", Method: "REQUEST", File: "invite.ics"},
		Date:   time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), MessageID: "1@example.net", InReplyTo: "0@example.net", References: []string{"0@example.net"},
		Unsubscribe:   mail.Unsubscribe{URL: "https://list.example/leave", Mailto: "leave@list.example", OneClick: true},
		AutoSubmitted: "auto-generated", Header: []mail.Field{{Name: "X-One", Value: "two"}},
		ReversePath: &mail.Path{Local: "bounce", Domain: "example.net"}, Notify: mail.NotifyFailure, Return: mail.ReturnFull, EnvelopeID: "42",
	}
}

func fullEnvelope() mail.Envelope {
	return mail.Envelope{ReversePath: mail.Path{Local: "bounce", Domain: "example.net"}, Return: mail.ReturnHeader, ID: "42",
		Recipients: []mail.Recipient{{Path: mail.Path{Local: "lee", Domain: "example.org"}, Notify: mail.NotifyDelay, Original: "rfc822;lee@example.com"}}}
}

// A Stranger is an Object of somebody else's make, which checks nothing.
type Stranger struct{ Env mail.Envelope }

func (s *Stranger) Envelope() (mail.Envelope, error) { return s.Env, nil }
func (s *Stranger) Open() (mail.Content, error) {
	return &foreign{content: []byte("A: b\r\n\r\nc\r\n")}, nil
}

// roots are all that can be sent.
func roots() map[string]func() mail.Object {
	return map[string]func() mail.Object{
		"Message":  func() mail.Object { return full() },
		"Raw":      func() mail.Object { return &mail.Raw{Env: fullEnvelope(), Data: []byte("A: b\r\n\r\nc\r\n")} },
		"Stranger": func() mail.Object { return &Stranger{Env: fullEnvelope()} },
	}
}

const (
	offersAll   = "250-sink\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-DSN\r\n250-SIZE\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
	offersASCII = "250-sink\r\n250-CHUNKING\r\n250 DSN\r\n"
)

// An inquest sends a root with payloads in one field after the other, and judges
// what comes of it.
type inquest struct {
	*testing.T
	pouch  *pouch
	python *hostile.Python
	make   func() mail.Object

	lines    []string // said in a clean run
	content  string
	byPython hostile.Reading
	byGo     hostile.Reading

	tried, sent, judged int
	seen                map[string]bool // contents, their random boundaries left out
}

// Whatever a program puts into a field of a mail, the server hears the commands
// that it would have heard without, and the reader sees the fields, the addresses
// and the parts that he would have seen: or nothing is said at all.
func TestInjectionIntoAMail(t *testing.T) {
	const shares = 2 // of the fields, for as many interpreters
	for name, root := range roots() {
		for share := range shares {
			t.Run(fmt.Sprint(name, share), func(t *testing.T) {
				t.Parallel()
				python, err := hostile.StartPython()
				if errors.Is(err, exec.ErrNotFound) {
					t.Skip("python3 is not here, whose email package is to judge")
				}
				if err != nil {
					t.Fatal(err)
				}
				defer python.Close()
				q := &inquest{T: t, python: python, make: root, seen: map[string]bool{}}
				for ways, reply := range map[int]string{4: offersASCII, 2: offersAll} {
					q.pouch = newPouch(t, reply)
					q.pouch.keep = true
					q.all(share, shares, ways)
				}
			})
		}
	}
}

// all tries a share of the fields, each payload in so many ways.
func (q *inquest) all(share, shares, ways int) {
	q.clean()
	fields, missing := hostile.Fields(module, q.make())
	if len(missing) > 0 {
		q.Fatalf("nothing is tried with %q: fill them in", missing)
	}
	payloads := hostile.Payloads()
	for i := range fields {
		for j, payload := range payloads {
			if i%shares != share || testing.Short() && (i+j)%5 != 0 {
				continue
			}
			for _, value := range hostile.Placed(fields[i].Get(), payload)[:ways] {
				q.try(i, value)
			}
		}
	}
	q.Logf("%d fields, %d payloads: %d values tried, %d of them sent, %d contents judged", len(fields), len(payloads), q.tried, q.sent, q.judged)
}

// random is what is another in each content.
var random = regexp.MustCompile(`=_[a-z][0-9A-Za-z]+`)

// clean is a run without a payload.
func (q *inquest) clean() {
	if _, err := q.pouch.send(q.make()); err != nil {
		q.Fatal(err)
	}
	q.lines = slices.Clone(q.pouch.sink.Lines[1:])
	q.pouch.sink.Lines = nil
	q.content = random.ReplaceAllString(string(q.pouch.got), "")
	q.byGo = hostile.ReadGo(q.pouch.got)
	var err error
	if q.byPython, err = q.python.Read(q.pouch.got); err != nil || q.byPython.Problem != "" || q.byGo.Problem != "" && q.content[0] != 'A' {
		q.Fatal(err, q.byPython.Problem, q.byGo.Problem)
	}
}

// try puts a value into one field, and sends.
func (q *inquest) try(i int, value string) {
	root := q.make()
	fields, _ := hostile.Fields(module, root)
	fields[i].Set(value)
	q.send(root, fields[i].Path, value)
}

// send sends what has a payload in it, at a path.
func (q *inquest) send(root mail.Object, path, value string) {
	q.tried++
	before := q.pouch.sink.Commands
	_, err := q.pouch.send(root)
	lines := q.pouch.sink.Lines
	q.pouch.sink.Lines = nil
	switch {
	case err != nil && q.pouch.sink.Commands != before:
		q.Errorf("%s = %q: refused, but only after %q: %v", path, value, lines, err)
		q.pouch.drop()
	case err != nil:
		if e, ok := errors.AsType[*smtp.Error](err); !ok || e.Kind != smtp.Invalid && e.Kind != smtp.Unsupported || strings.ContainsAny(err.Error(), "\r\n\x00\x1b\u2028\u0085") {
			q.Errorf("%s = %q: the error is %q", path, value, err)
		}
	default:
		q.sent++
		q.commands(path, value, lines)
		if content := random.ReplaceAllString(string(q.pouch.got), ""); content != q.content && !q.seen[content] {
			q.seen[content] = true
			q.judged++
			q.judge(path, value, q.pouch.got)
		}
	}
}

// envelopeLine is MAIL or RCPT as RFC 5321 §4.1.2 and RFC 6531 §3.3 have it: the
// path, in which a blank or ">" stands between quotes, and the parameters.
var envelopeLine = regexp.MustCompile(`^(MAIL FROM|RCPT TO):<((?:"(?:[^"\\\x00-\x1f\x7f]|\\[ -~])*"|[^\s"<>@:;,\\()\[\]\x00-\x1f\x7f]+)@(?:\[[0-9A-Za-z.:]+\]|[^\s"<>@:;,\\()\[\]\x00-\x1f\x7f]+))?>((?: [A-Z0-9-]+(?:=[!-<>-~]+)?)*)$`)

// commands holds the commands against those of a clean run: the same verbs, each
// line as the grammar has it, the same parameters by name.
func (q *inquest) commands(path, value string, lines []string) {
	say := func(what string) { q.Errorf("%s = %q: %s\n%q\nin place of\n%q", path, value, what, lines, q.lines) }
	if len(lines) != len(q.lines) {
		say("there are more or fewer commands")
		return
	}
	for i, line := range lines {
		if strings.HasPrefix(line, "BDAT ") {
			if !regexp.MustCompile(`^BDAT [0-9]+ LAST$`).MatchString(line) {
				say("a command is not as it should be")
			}
			continue
		}
		got, want := envelopeLine.FindStringSubmatch(line), envelopeLine.FindStringSubmatch(q.lines[i])
		if got == nil || want == nil {
			say("a command is not as it should be")
			return
		}
		names := func(params string) string {
			var list []string
			for p := range strings.FieldsSeq(params) {
				name, _, _ := strings.Cut(p, "=")
				if name != "BODY" && name != "SMTPUTF8" && name != "SIZE" {
					list = append(list, name)
				}
			}
			return strings.Join(list, " ")
		}
		if got[1] != want[1] || names(got[3]) != names(want[3]) && !(path == "Message.EnvelopeID" || strings.HasSuffix(path, ".ID") || strings.HasSuffix(path, ".Original")) {
			say("a command has other parameters")
		}
		if got[2] != want[2] && !strings.Contains(path, "Address") && !strings.Contains(path, "Path") {
			say("a path is another")
		}
		if strings.Count(got[3], " ") > 6 {
			say("a command has many parameters")
		}
	}
}

// judge has two parsers that are not ours read a content.
func (q *inquest) judge(path, value string, content []byte) {
	if what := hostile.Unclean(content); what != "" {
		q.Errorf("%s = %q: the content has %s", path, value, what)
	}
	python, err := q.python.Read(content)
	if err != nil {
		q.Fatal(err)
	}
	for who, r := range map[string][2]hostile.Reading{"Python": {python, q.byPython}, "Go": {hostile.ReadGo(content), q.byGo}} {
		if r[1].Problem != "" {
			continue // not a MIME message, for Go
		}
		for _, wrong := range compare(path, value, r[0], r[1], who == "Python") {
			q.Errorf("%s = %q: %s reads %s\n%s", path, value, who, wrong, content)
		}
	}
}

// fieldOf is the header field that an address of Message stands in.
var fieldOf = map[string]string{"From": "from", "Sender": "sender", "ReplyTo[0]": "reply-to", "To[0]": "to", "Cc[0]": "cc"}

// compare holds what was read against what is read of a clean run.
func compare(path, value string, got, want hostile.Reading, lax bool) (wrong []string) {
	if got.Problem != "" {
		return []string{"nothing of it: " + got.Problem}
	}
	shape := got.Tree.Shape()
	if path == "Message.Header[0].Name" {
		i := slices.Index(got.Tree.Names, strings.ToLower(value))
		if i < 0 {
			return []string{"no field of that name"}
		}
		got.Tree.Names[i] = "x-one"
		shape = got.Tree.Shape()
	}
	if w := want.Tree.Shape(); shape != w && strings.ReplaceAll(shape, "content-transfer-encoding content-type", "content-type") != strings.ReplaceAll(w, "content-transfer-encoding content-type", "content-type") {
		wrong = append(wrong, fmt.Sprintf("%s in place of %s", shape, w))
	}
	touched, isAddress := strings.CutSuffix(strings.TrimPrefix(path, "Message."), ".Address")
	for name, list := range want.Addresses {
		if isAddress && fieldOf[touched] == name {
			if len(got.Addresses[name]) != len(list) {
				wrong = append(wrong, fmt.Sprintf("%s as %q", name, got.Addresses[name]))
			}
		} else if !slices.Equal(got.Addresses[name], list) {
			wrong = append(wrong, fmt.Sprintf("%s as %q and not as %q", name, got.Addresses[name], list))
		}
	}
	if len(got.Addresses) != len(want.Addresses) {
		wrong = append(wrong, fmt.Sprintf("the addresses %q", got.Addresses))
	}
	return append(wrong, compareParts(path, value, &got.Tree, &want.Tree, lax)...)
}

// compareParts holds file names and bodies against those of a clean run: only one
// may be another, and a name is then the name that was given.
//
// Python takes quotes, brackets and blanks off the ends of a file name, and decodes
// encoded-words in it: with lax, such a name may be read as another.
func compareParts(path, value string, got, want *hostile.Tree, lax bool) (wrong []string) {
	var was []*hostile.Tree
	want.Walk(func(t *hostile.Tree) { was = append(was, t) })
	i, bodies := 0, 0
	got.Walk(func(t *hostile.Tree) {
		if i >= len(was) {
			return
		}
		if t.File != was[i].File {
			named := strings.HasSuffix(path, "e[0].Name") || strings.HasSuffix(path, "h[0].Name") || strings.HasSuffix(path, ".File")
			same := t.File == value || lax && (strings.Contains(value, "=?") || strings.Trim(value, ` <>"`) == strings.Trim(t.File, ` <>"`))
			if !named || !same {
				wrong = append(wrong, fmt.Sprintf("the file %q", t.File))
			}
		}
		if t.Body != was[i].Body {
			bodies++
		}
		i++
	})
	most := map[string]int{"Message.Text": 1, "Message.HTML": 1, "Message.Invite.Calendar": 2}[path]
	if bodies > most {
		wrong = append(wrong, fmt.Sprintf("%d bodies as others", bodies))
	}
	return wrong
}

// That a field without a case is found out.
func TestFieldsAreFound(t *testing.T) {
	fields, missing := hostile.Fields(module, full())
	if len(fields) < 35 || len(missing) != 0 {
		t.Errorf("%d fields, %q missing", len(fields), missing)
	}
	_, missing = hostile.Fields(module, &mail.Message{})
	if want := []string{"Message.ReplyTo", "Message.To", "Message.Cc", "Message.Bcc", "Message.Inline", "Message.Attach", "Message.References", "Message.Header", "Message.ReversePath"}; !reflect.DeepEqual(missing, want) {
		t.Errorf("missing: %q", missing)
	}
	if n := len(hostile.Payloads()); n < 64 {
		t.Errorf("%d payloads", n)
	}
}
