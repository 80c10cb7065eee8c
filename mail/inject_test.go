package mail_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	stdmail "net/mail"
	"reflect"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
	"pgregory.net/rapid"
)

// full is a message with something in every field.
func full() *mail.Message {
	inline := mail.Bytes("logo.png", []byte("\x89PNG"))
	inline.ContentID, inline.Type = "logo@example.net", "image/png"
	attached := mail.Bytes("a.pdf", pdf)
	attached.ContentID, attached.Type = "a@example.net", "application/pdf; x=y"
	return &mail.Message{
		From: addr("Kim", "kim@example.net"), Sender: addr("Office", "office@example.net"),
		ReplyTo: []mail.Address{addr("Desk", "desk@example.net")},
		To:      []mail.Address{addr("Lee", "lee@example.org")},
		Cc:      []mail.Address{addr("Max", "max@example.org")},
		Bcc:     []mail.Address{addr("Bob", "bob@example.org")},
		Subject: "Hello", Text: "Hello.\n", HTML: "<p>Hello.</p>\n",
		Inline: []mail.Part{inline}, Attach: []mail.Part{attached},
		Invite: mail.Invite{Calendar: "BEGIN:VCALENDAR\nEND:VCALENDAR\n", Method: "REQUEST", File: "invite.ics"},
		Date:   someDay, MessageID: "1@example.net", InReplyTo: "0@example.net", References: []string{"0@example.net"},
		Priority: mail.High, Unsubscribe: mail.Unsubscribe{URL: "https://list.example/leave", Mailto: "leave@list.example", OneClick: true},
		AutoSubmitted: "auto-generated", Header: []mail.Field{{Name: "X-One", Value: "two"}},
		ReversePath: &mail.Path{Local: "bounce", Domain: "example.net"},
		Notify:      mail.NotifyFailure, Return: mail.ReturnFull, EnvelopeID: "42", RequireTLS: true,
	}
}

// stringFields finds every exported string within v, none left out.
func stringFields(v reflect.Value, path string, found map[string]reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		found[path] = v
	case reflect.Pointer:
		stringFields(v.Elem(), path, found)
	case reflect.Slice:
		for i := range v.Len() {
			stringFields(v.Index(i), fmt.Sprintf("%s[%d]", path, i), found)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				stringFields(v.Field(i), strings.TrimPrefix(path+"."+f.Name, "."), found)
			}
		}
	}
}

// shape is what an outsider sees of a content: the names of its header fields, and
// each part with its.
func shape(b []byte) (string, error) {
	msg, err := stdmail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	head, _, _ := strings.Cut(string(b), "\r\n\r\n")
	var s strings.Builder
	for line := range strings.SplitSeq(head, "\r\n") {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := strings.Cut(line, ":")
			s.WriteString(name + " ")
		}
	}
	err = partShape(&s, msg.Header.Get("Content-Type"), msg.Body)
	return s.String(), err
}

func partShape(s *strings.Builder, contentType string, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("%q: %w", contentType, err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return nil
	}
	s.WriteString(kind + "(")
	r := multipart.NewReader(body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			s.WriteString(") ")
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(s, "[%d]", len(p.Header))
		if err := partShape(s, p.Header.Get("Content-Type"), p); err != nil {
			return err
		}
	}
}

func wantShape(t testing.TB) string {
	b, _ := compose(t, full(), sevenBit)
	want, err := shape(b)
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// tryField puts a text into one field of a full message. Either it is refused by
// the field's name, or it changes nothing of the shape.
func tryField(t interface{ Errorf(string, ...any) }, field, value, want string) {
	m := full()
	found := make(map[string]reflect.Value)
	stringFields(reflect.ValueOf(m).Elem(), "", found)
	found[field].SetString(value)
	if err := m.Check(); err != nil {
		p, _ := errors.AsType[mail.Problems](err)
		root, _, _ := strings.Cut(field, ".")
		for _, one := range p {
			if !strings.HasPrefix(one.Field, root) {
				t.Errorf("%s = %q is told as %s", field, value, one.Field)
			}
		}
		if len(p) == 0 {
			t.Errorf("%s = %q: %v", field, value, err)
		}
		if _, err := m.Open(); err == nil {
			t.Errorf("%s = %q: Check refuses it and Open does not", field, value)
		}
		return
	}
	for _, offer := range []mail.Offer{sevenBit, eightBit, allOffer} {
		b, form, err := tryCompose(m, offer)
		if err != nil {
			if offer.UTF8 || !strings.Contains(err.Error(), "SMTPUTF8") {
				t.Errorf("%s = %q: %v", field, value, err)
			}
			continue
		}
		keepsRules(t, b)
		got, err := shape(b)
		got = strings.Replace(got, " "+m.Header[0].Name+" MIME", " X-One MIME", 1)
		if got != want && !sameButEight(got, want) || err != nil {
			t.Errorf("%s = %q gives %s, %v; want %s", field, value, got, err, want)
		}
		if form.Size != int64(len(b)) {
			t.Errorf("%s = %q: size %d of %d", field, value, form.Size, len(b))
		}
	}
}

// sameButEight: a multipart with parts in eight bits has one field more.
func sameButEight(got, want string) bool {
	got = strings.Replace(got, "Content-Type Content-Transfer-Encoding multipart", "Content-Type multipart", 1)
	return strings.ReplaceAll(got, "[2]multipart", "[1]multipart") == want
}

var payloads = []string{
	"\r", "\n", "\r\n", "\x00", "a\rb", "a\nb", "a\r\nb", "a\x00b", "a\r\n\r\nb", "\r\nBcc: evil@example.com", "\nX-Evil: 1", "\rX-Evil: 1",
	"a\r\n b", "a\n\tb", "\r\n.\r\nMAIL FROM:<x@y>", "\n.\n", "\r.\r", "a\u2028b", "a\u2029b", "a\u0085b", "a\x85b", "a\x0bb", "a\x0cb", "\x1b[31m",
	"\x7f", "\ufeff", "\u202e", `"`, `\`, `\"`, `"\`, `a" b`, `a"; filename="b`, `a"; x="`, "a; filename*=UTF-8''b", "';--", "a>", "<a>", "a> SIZE=1", "a@b> ORCPT=c@d",
	"a,b@c", "(comment)", "a(", ";", ":", "a:b@c;", "=?utf-8?q?a=0d=0aX:y?=", "=?utf-8?b?DQpYOnk=?=", "=?", "?=", "%0d%0aX:y", "%00", "a*0*=b",
	"--=_m", "--", "\t", " ", " a ", "  ", "a  b", "\xff", "\xc3", "\xed\xa0\x80", "嘊嘍", "漢字", "🙂", strings.Repeat("x", 2000), strings.Repeat("漢", 700), strings.Repeat("x ", 900),
	strings.Repeat(" ", 1200), "<id@example.net>", "ü@ü.example", "https://a.example/\r\nX:y",
}

func TestInjection(t *testing.T) {
	want := wantShape(t)
	found := make(map[string]reflect.Value)
	stringFields(reflect.ValueOf(full()).Elem(), "", found)
	if len(found) < 35 {
		t.Fatalf("only %d fields were found", len(found))
	}
	for field, v := range found {
		for _, p := range payloads {
			tryField(t, field, p, want)
			tryField(t, field, v.String()+p, want)
			tryField(t, field, p+v.String(), want)
		}
	}
	t.Logf("%d fields, %d payloads", len(found), len(payloads))
}

func TestInjectionAny(t *testing.T) {
	want := wantShape(t)
	var names []string
	found := make(map[string]reflect.Value)
	stringFields(reflect.ValueOf(full()).Elem(), "", found)
	for name := range found {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.SampledFrom(names).Draw(t, "field")
		value := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("ab =?\r\n\x00\"\\;:<>@,()漢ü._-\t%'*")))).Draw(t, "value")
		if value == "" {
			return
		}
		tryField(t, field, value, want)
	})
}

// TestBoundaryInText: what looks like one of our boundaries ends no part.
func TestBoundaryInText(t *testing.T) {
	m := base()
	mail.Fix(m)
	b, _ := compose(t, &mail.Message{From: m.From, To: m.To, Text: "x", HTML: "y"}, sevenBit)
	if !strings.Contains(string(b), "boundary=\"=_a") {
		t.Fatalf("%s", b)
	}
	m.Text, m.HTML = "a", "b"
	b, _ = compose(t, m, sevenBit)
	want, err := shape(b)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "boundary=\"")
	boundary, _, _ := strings.Cut(rest, "\"")
	m.Text = "a\n--" + boundary + "\n\nb\n--" + boundary + "--\n"
	b, _ = compose(t, m, eightBit)
	if got, err := shape(b); got != want || err != nil {
		t.Errorf("got %s, %v; want %s\n%s", got, err, want, b)
	}
}
