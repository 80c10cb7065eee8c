package interop_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
)

// seen is what Python's email package found in a mail: see testdata/fields/read.py.
type seen struct {
	Cell     string        `json:"cell"`
	From     []seenAddress `json:"from"`
	Sender   []seenAddress `json:"sender"`
	ReplyTo  []seenAddress `json:"replyTo"`
	To       []seenAddress `json:"to"`
	Cc       []seenAddress `json:"cc"`
	Bcc      []seenAddress `json:"bcc"`
	Subject  string        `json:"subject"`
	Date     string        `json:"date"`
	Text     *string       `json:"text"`
	HTML     *string       `json:"html"`
	Calendar *string       `json:"calendar"`
	Method   *string       `json:"method"`
	Attach   []seenFile    `json:"attach"`
	Inline   []seenFile    `json:"inline"`
	Tree     string        `json:"tree"`
	Longest  int           `json:"longest"`
	Bare     int           `json:"bare"`
	Defects  []string      `json:"defects"`
	Fields   [][2]string   `json:"fields"`
}

type seenAddress struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

type seenFile struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	CID    string `json:"cid"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// TestFields sends 50 mails of different sorts to Postfix, has Python's email package
// read what was delivered, and compares field by field.
func TestFields(t *testing.T) {
	needTools(t)
	p := start(t, "postfix")
	const reader = "reader@example.net"
	client := p.client(startTLS, "")
	defer client.Close()
	run := rand.Text()
	all := samples()
	if len(all) != 50 {
		t.Errorf("there are %d samples, not 50", len(all))
	}
	wanted := map[delivery]bool{}
	for i, s := range all {
		name := fmt.Sprintf("%s/fields/%d", run, i)
		s.mail.Header = append(s.mail.Header, mail.Field{Name: cellField, Value: name})
		s.mail.Bcc = mail.To(reader)
		wanted[delivery{name, reader}] = true
		if _, err := client.Send(t.Context(), s.mail); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	maildir(p.state+"/mail/inbox").await(t, wanted)
	out, err := tool(t, p.state, "", "/usr/bin/python3", "/testdata/fields/read.py", "/state/mail/inbox", reader, cellField)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]seen{}
	for line := range strings.Lines(out) {
		var s seen
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		found[s.Cell] = s
	}
	for i, s := range all {
		t.Run(s.name, func(t *testing.T) { s.compare(t, found[fmt.Sprintf("%s/fields/%d", run, i)]) })
	}
}

// compare holds what was seen against what was sent.
func (s sample) compare(t *testing.T, got seen) {
	m := s.mail
	same := func(field string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			g, _ := json.Marshal(got)
			w, _ := json.Marshal(want)
			t.Errorf("%s: %s", field, difference(string(g), string(w)))
		}
	}
	same("From", got.From, addresses(m.From))
	if m.Sender != (mail.Address{}) {
		same("Sender", got.Sender, addresses(m.Sender))
	}
	same("ReplyTo", got.ReplyTo, addresses(m.ReplyTo...))
	same("To", got.To, addresses(m.To...))
	same("Cc", got.Cc, addresses(m.Cc...))
	same("Bcc", got.Bcc, addresses())
	same("Subject", got.Subject, m.Subject)
	same("Date", got.Date, m.Date.Format("2006-01-02T15:04:05-07:00"))
	same("Text", got.Text, arrived(m.Text, m.HTML == "" && m.Invite.Calendar == "" && len(m.Attach) == 0))
	same("HTML", got.HTML, arrived(m.HTML, false))
	same("Invite.Calendar", got.Calendar, arrived(m.Invite.Calendar, false))
	if m.Invite.Calendar != "" {
		request := "REQUEST"
		same("Invite.Method", got.Method, &request)
	}
	attach := s.attach
	if m.Invite.File != "" {
		attach = append(slices.Clone(attach), file{name: m.Invite.File, kind: "application/ics", data: []byte(m.Invite.Calendar)})
	}
	same("Attach", got.Attach, files(attach))
	same("Inline", got.Inline, files(s.inline))
	same("the tree", got.Tree, s.tree)
	if len(got.Defects) > 0 {
		t.Errorf("Python finds fault with it: %q", got.Defects)
	}
	same("bare CR and NUL", got.Bare, 0)
	if got.Longest > 998 {
		t.Errorf("a line has %d octets", got.Longest)
	}
	s.compareFields(t, got)
}

// compareFields looks at the fields that have no place of their own in a seen.
func (s sample) compareFields(t *testing.T, got seen) {
	m := s.mail
	want := slices.Clone(m.Header)
	add := func(name, value string) { want = append(want, mail.Field{Name: name, Value: value}) }
	if m.InReplyTo != "" {
		add("In-Reply-To", "<"+m.InReplyTo+">")
		add("References", "<"+strings.Join(m.References, "> <")+">")
		add("Importance", "high")
		add("X-Priority", "1")
		add("Auto-Submitted", m.AutoSubmitted)
		add("List-Unsubscribe", "<"+m.Unsubscribe.URL+">, <mailto:"+m.Unsubscribe.Mailto+">")
		add("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	for _, f := range want {
		if !slices.Contains(got.Fields, [2]string{f.Name, f.Value}) {
			t.Errorf("there is no field %q with %q: %q", f.Name, f.Value, got.Fields)
		}
	}
}

func addresses(list ...mail.Address) []seenAddress {
	all := []seenAddress{}
	for _, a := range list {
		all = append(all, seenAddress(a))
	}
	return all
}

func files(list []file) []seenFile {
	all := []seenFile{}
	for _, f := range list {
		sum := sha256.Sum256(f.data)
		all = append(all, seenFile{f.name, f.kind, f.cid, len(f.data), fmt.Sprintf("%x", sum)})
	}
	return all
}

// arrived is a text as it arrives: any line end is one, and the last line is ended. An
// empty one is there only where there is nothing else.
func arrived(s string, alone bool) *string {
	if s == "" && !alone {
		return nil
	}
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return &s
}
