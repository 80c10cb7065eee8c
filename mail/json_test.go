package mail_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/parleymail/parley/mail"
	"pgregory.net/rapid"
)

func decode(s string) (*mail.Message, error) { return mail.DecodeJSON(strings.NewReader(s), nil) }

func TestJSON(t *testing.T) {
	const in = `{
		"From": "Kim <kim@example.net>", "sender": {"address": "office@example.net"}, "replyTo": null,
		"to": "lee@example.org, Max <max@example.org>", "CC": ["a@example.org", {"name": "B", "address": "b@example.org"}],
		"subject": "三月", "text": "Hello.\n", "html": "<p>", "date": "2026-03-09T08:05:00+08:00", "messageid": "1@example.net",
		"references": ["0@example.net"], "priority": "High", "unsubscribe": {"url": "https://a.example/", "oneClick": true},
		"header": [{"name": "X-One", "value": "1"}], "reversePath": "<>", "notify": ["failure", "delay"], "return": "full",
		"requireTLS": true, "invite": {"calendar": "BEGIN:VCALENDAR\nMETHOD:REQUEST\n"},
		"inline": [{"name": "logo.png", "content": "iVBORw=="}],
		"attach": [{"name": "a.txt", "type": "text/plain", "contentID": "a@b", "text": "ü"}, {"name": "empty", "content": ""}]
	}`
	m, err := decode(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"from":"Kim <kim@example.net>","sender":"office@example.net","to":["lee@example.org","Max <max@example.org>"],` +
		`"cc":["a@example.org","B <b@example.org>"],"subject":"三月","text":"Hello.\n","html":"<p>",` +
		`"inline":[{"name":"logo.png","content":"iVBORw=="}],` +
		`"attach":[{"name":"a.txt","type":"text/plain","contentID":"a@b","content":"w7w="},{"name":"empty","content":""}],` +
		`"invite":{"calendar":"BEGIN:VCALENDAR\nMETHOD:REQUEST\n"},"date":"2026-03-09T08:05:00+08:00","messageID":"1@example.net",` +
		`"references":["0@example.net"],"priority":"high","unsubscribe":{"url":"https://a.example/","oneClick":true},` +
		`"header":[{"name":"X-One","value":"1"}],"reversePath":"<>","notify":["failure","delay"],"return":"full","requireTLS":true}`
	if got := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(b)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestJSONRefuses: each error has the name of its field.
func TestJSONRefuses(t *testing.T) {
	for in, want := range map[string]string{
		``:                                     "unexpected EOF",
		`{`:                                    "unexpected EOF",
		`[]`:                                   "is a list, and not an object",
		`"a"`:                                  "is a string, and not an object",
		`{} {}`:                                "something after its end",
		`{"subjct": "x"}`:                      "subjct is no field of a message",
		`{"from": "a@b", "From": "c@d"}`:       "From stands twice",
		`{"from": "a"}`:                        `From is no address: the address "a" has no @`,
		`{"from": "a@b, c@d"}`:                 "From is more than one address",
		`{"from": ["a@b"]}`:                    "From is a list, and not an address",
		`{"from": {"mailbox": "a@b"}}`:         "From.mailbox is no field of an address",
		`{"from": {"name": "a", "name": "b"}}`: "From.name stands twice",
		`{"to": 7}`:                            "To is a number, and not an address",
		`{"to": ["a@b", ["c@d"]]}`:             "To[1] is a list, and not an address",
		`{"to": ["a@b", "c"]}`:                 "To[1] is no address",
		`{"to": [""]}`:                         "To[0] is no address",
		`{"subject": true}`:                    "Subject is a boolean, and not a string",
		`{"subject": "a`:                       "at Subject: unexpected EOF",
		`{"requireTLS": "yes"}`:                "RequireTLS is a string, and not true or false",
		`{"date": "yesterday"}`:                `Date is "yesterday", which is no date`,
		`{"priority": "urgent"}`:               `Priority is "urgent", which is none`,
		`{"notify": ["never", "often"]}`:       `Notify[1] is "often"`,
		`{"reversePath": "a"}`:                 "ReversePath is no path",
		`{"reversePath": 1}`:                   "ReversePath is a number",
		`{"references": "a@b"}`:                "References is a string, and not a list",
		`{"header": [{"name": "a", "valeu": "b"}]}`:                   "Header[0].valeu is no field of a field",
		`{"header": {"X": "y"}}`:                                      "Header is an object, and not a list",
		`{"attach": [{"name": "a"}]}`:                                 "Attach[0] must have one of",
		`{"attach": [{"name": "a", "text": "a", "content": "YQ=="}]}`: "Attach[0] must have one of",
		`{"attach": [{"name": "a", "content": "?"}]}`:                 "Attach[0].Content is no base64",
		`{"attach": [{"path": "/etc/passwd"}]}`:                       "Attach[0].Path names a file, and files are not taken here",
		`{"inline": [{"file": "x"}]}`:                                 "Inline[0].file is no field of a part",
	} {
		m, err := decode(in)
		if err == nil || !strings.Contains(err.Error(), want) || m != nil {
			t.Errorf("%s: %v; want %q", in, err, want)
		}
		if err := json.Unmarshal([]byte(in), new(mail.Message)); err == nil {
			t.Errorf("%s: json.Unmarshal takes it", in)
		}
	}
	_, err := decode(`{"to": ["a@b", "c"]}`)
	if p, ok := errors.AsType[mail.Problems](err); !ok || p[0].Field != "To[1]" {
		t.Errorf("%v", err)
	}
	// What was there before stays where reading fails.
	m := mail.Message{Subject: "x"}
	if err := json.Unmarshal([]byte(`{"subject": "y", "to": 1}`), &m); err == nil || m.Subject != "x" {
		t.Errorf("%q, %v", m.Subject, err)
	}
}

// TestJSONFiles: a path opens a file only where that is allowed, and there alone.
func TestJSONFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"in/a.pdf": "inside", "out.pdf": "outside"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../out.pdf", filepath.Join(dir, "in", "link.pdf")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(filepath.Join(dir, "in"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	read := func(path string) (string, error) {
		in, _ := json.Marshal(path)
		m, err := mail.DecodeJSON(strings.NewReader(`{"from": "a@b", "to": "c@d", "attach": [{"path": `+string(in)+`}]}`), root.FS())
		if err != nil {
			return "", err
		}
		b, _, err := tryCompose(m, sevenBit)
		if err != nil {
			return "", err
		}
		if !strings.Contains(string(b), `filename="a.pdf"`) {
			t.Errorf("%s", b)
		}
		return body(t, b), nil
	}
	if got, err := read("a.pdf"); got != "inside" {
		t.Errorf("%q, %v", got, err)
	}
	for _, path := range []string{"../out.pdf", "link.pdf", "/etc/passwd", "..", "", "a.pdf/", "./a.pdf"} {
		if got, err := read(path); err == nil {
			t.Errorf("%s gives %q", path, got)
		}
	}
	_, err = mail.DecodeJSON(strings.NewReader(`{"attach": [{"path": "x", "text": "y"}]}`), fstest.MapFS{})
	if err == nil || !strings.Contains(err.Error(), "must have one of") {
		t.Error(err)
	}
}

func TestJSONMarshalFails(t *testing.T) {
	m := base()
	m.Attach = []mail.Part{mail.Bytes("a", nil), mail.File("/no/such/file")}
	if _, err := json.Marshal(m); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "Attach[1]") {
		t.Error(err)
	}
	m.Attach[1] = mail.Reader("a", func() (io.ReadCloser, error) { return io.NopCloser(failing{errCut}), nil })
	if _, err := json.Marshal(m); !errors.Is(err, errCut) {
		t.Error(err)
	}
}

// TestJSONRoundTrip: a message comes back from its JSON as it was, whatever is in it.
func TestJSONRoundTrip(t *testing.T) {
	same := func(t interface{ Fatalf(string, ...any) }, m *mail.Message) {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("%v", err)
		}
		back, err := mail.DecodeJSON(bytes.NewReader(b), nil)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		again, err := json.Marshal(*back)
		if err != nil || !bytes.Equal(b, again) {
			t.Fatalf("%s\nbecame\n%s, %v", b, again, err)
		}
		if !reflect.DeepEqual(m.To, back.To) || m.From != back.From || !m.Date.Equal(back.Date) || m.Notify != back.Notify || m.Text != back.Text {
			t.Fatalf("%+v became %+v", m, back)
		}
	}
	d := drawer{rand.New(rand.NewPCG(1, 2))}
	for range 100 {
		same(t, d.message())
	}
	same(t, full())
	rapid.Check(t, func(t *rapid.T) {
		m := full()
		m.To[0] = mail.Address{Name: rapid.String().Draw(t, "name"), Address: rapid.OneOf(rapid.String(), rapid.Just("a@b")).Draw(t, "address")}
		m.Text = rapid.String().Draw(t, "text")
		same(t, m)
	})
}

// TestJSONFields: every field of Message is read and written; a new one cannot be
// forgotten.
func TestJSONFields(t *testing.T) {
	b, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(b, &keys); err != nil {
		t.Fatal(err)
	}
	for f := range reflect.TypeFor[mail.Message]().Fields() {
		found := false
		for key := range keys {
			found = found || strings.EqualFold(key, f.Name)
		}
		if f.IsExported() && !found {
			t.Errorf("%s is not in the JSON", f.Name)
		}
	}
}

func FuzzJSON(f *testing.F) {
	b, err := json.Marshal(full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	for _, s := range []string{`{"to": "a@b, C <d@e>", "notify": ["never"]}`, `{"attach": [{"path": "x"}]}`, `{"from": {"name": "\u0000"}}`, `{"TO": null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := mail.DecodeJSON(bytes.NewReader(b), nil)
		if err != nil {
			return
		}
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := mail.DecodeJSON(bytes.NewReader(out), nil)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if again, err := json.Marshal(back); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%s became %s, %v", out, again, err)
		}
		if got, _, err := tryCompose(m, allOffer); err == nil {
			keepsRules(t, got)
		}
	})
}

// TestJSONMany: a small text is not to make a list without end.
func TestJSONMany(t *testing.T) {
	many := func(one string, n int) string { return strings.Repeat(one+",", n-1) + one }
	for in, says := range map[string]string{
		`{"to": [` + many(`{}`, 10_001) + `]}`:                  "To has more than 10000 members",
		`{"references": [` + many(`""`, 10_001) + `]}`:          "References has more than 10000 members",
		`{"attach": [` + many(`{"text": ""}`, 10_001) + `]}`:    "Attach has more than 10000 members",
		`{"to": "` + many("a@b.example", 400_000) + `"}`:        "To is longer than 4194304 octets",
		`{"replyTo": ["` + many("a@b.example", 400_000) + `"]}`: "ReplyTo[0] is longer than 4194304 octets",
	} {
		if _, err := decode(in); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40s: %v, want %q", in, err, says)
		}
	}
	if m, err := decode(`{"to": [` + many(`"a@b.example"`, 10_000) + `]}`); err != nil || len(m.To) != 10_000 {
		t.Errorf("as many as may be: %v", err)
	}
}
