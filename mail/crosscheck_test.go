package mail_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parleymail/parley/mail"
)

// seen is what a reader sees of a message.
type seen struct {
	File       string
	Defects    []string
	Subject, X string
	From       [][2]string
	To         [][2]string
	Cc         [][2]string
	ReplyTo    [][2]string
	Date       string
	ID         string
	References string
	Texts      map[string]string
	Files      [][5]string
	Bcc        bool
}

// A drawer draws the parts of messages.
type drawer struct{ *rand.Rand }

var scripts = []string{
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
	"äöüßéèñçåøÄÖÜ", "对账单三月财务部尊敬的客户您好", "請求書四半期報告かなカナ", "한국어편지", "письмооплата", "رسالةحساب", "🙂📎👍🏽",
	"=?_\"\\()<>@,;:.[]'%*+-/!#$&^`{|}~",
}

// words is n words in one or more scripts, without blanks at its ends.
func (d drawer) words(n int) string {
	var list []string
	for range n {
		set := []rune(scripts[d.IntN(len(scripts))])
		word := make([]rune, 1+d.IntN(12))
		for i := range word {
			word[i] = set[d.IntN(len(set))]
		}
		list = append(list, string(word))
	}
	return strings.Join(list, " ")
}

func (d drawer) people(n int) (list []mail.Address) {
	for i := range n {
		a := mail.Address{Address: fmt.Sprintf("p%d.%d@example.net", i, d.IntN(1000))}
		if d.IntN(3) > 0 {
			a.Name = d.words(1 + d.IntN(4))
		}
		list = append(list, a)
	}
	return list
}

func (d drawer) text() string {
	var b strings.Builder
	for range d.IntN(8) {
		b.WriteString(d.words(d.IntN(30)))
		if d.IntN(20) == 0 {
			b.WriteString(strings.Repeat("long ", 300))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (d drawer) fileName(i int) string {
	clean := strings.NewReplacer("/", "", "\\", "")
	return fmt.Sprintf("%d%s.pdf", i, clean.Replace(d.words(1+d.IntN(6))))
}

func (d drawer) message() *mail.Message {
	m := &mail.Message{
		From: d.people(1)[0], To: d.people(1 + d.IntN(5)), Cc: d.people(d.IntN(3)), Bcc: d.people(d.IntN(2)), ReplyTo: d.people(d.IntN(3)),
		Subject: d.words(d.IntN(12)), Text: d.text(), Date: someDay.Add(time.Duration(d.IntN(1e6)) * time.Minute),
		MessageID: mail.NewMessageID(mail.Address{Address: "a@example.net"}),
		Header:    []mail.Field{{Name: "X-Text", Value: d.words(1 + d.IntN(10))}},
	}
	for range d.IntN(4) {
		m.References = append(m.References, mail.NewMessageID(mail.Address{Address: "a@example.net"}))
	}
	if d.IntN(2) == 0 {
		m.HTML = "<p>" + d.text() + "</p>\n"
		for i := range d.IntN(3) {
			p := mail.Bytes(d.fileName(i), d.bytes())
			p.ContentID = fmt.Sprintf("c%d@example.net", i)
			m.Inline = append(m.Inline, p)
		}
	}
	for i := range d.IntN(4) {
		m.Attach = append(m.Attach, mail.Bytes(d.fileName(i), d.bytes()))
	}
	return m
}

func (d drawer) bytes() []byte {
	b := make([]byte, d.IntN(20_000))
	for i := range b {
		b[i] = byte(d.Uint32())
	}
	return b
}

// whatIsSeen is what a reader should see.
func whatIsSeen(file string, m *mail.Message, parts [][]byte) seen {
	people := func(list []mail.Address) [][2]string {
		got := [][2]string{}
		for _, a := range list {
			got = append(got, [2]string{a.Name, a.Address})
		}
		return got
	}
	s := seen{
		File: file, Defects: []string{}, Subject: m.Subject, X: m.Header[0].Value, From: people([]mail.Address{m.From}),
		To: people(m.To), Cc: people(m.Cc), ReplyTo: people(m.ReplyTo), Date: m.Date.Format("2006-01-02T15:04:05-07:00"),
		ID: "<" + m.MessageID + ">", Texts: map[string]string{}, Files: [][5]string{},
	}
	if len(m.References) > 0 {
		s.References = "<" + strings.Join(m.References, "> <") + ">"
	}
	if m.Text != "" || m.HTML == "" && len(m.Attach) == 0 {
		s.Texts["text/plain"] = m.Text
	}
	if m.HTML != "" {
		s.Texts["text/html"] = m.HTML
	}
	for i, p := range append(m.Inline[:len(m.Inline):len(m.Inline)], m.Attach...) {
		sum := sha256.Sum256(parts[i])
		how, id := "attachment", ""
		if i < len(m.Inline) {
			how, id = "inline", "<"+p.ContentID+">"
		}
		s.Files = append(s.Files, [5]string{how, p.Name, "application/pdf", id, hex.EncodeToString(sum[:])})
	}
	return s
}

// TestPython: what Python's email package sees of random messages is what was put
// in, field by field.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is missing: its email package is not asked")
	}
	dir := t.TempDir()
	d := drawer{rand.New(rand.NewPCG(2026, 3))}
	var want []seen
	for i := range 200 {
		m := d.message()
		var parts [][]byte
		for _, p := range append(m.Inline[:len(m.Inline):len(m.Inline)], m.Attach...) {
			parts = append(parts, partBytes(t, p))
		}
		file := fmt.Sprintf("%03d.eml", i)
		got, _ := compose(t, m, []mail.Offer{sevenBit, eightBit}[i%2])
		keepsRules(t, got)
		if err := os.WriteFile(filepath.Join(dir, file), got, 0o666); err != nil {
			t.Fatal(err)
		}
		want = append(want, whatIsSeen(file, m, parts))
	}
	cmd := exec.Command(python, filepath.Join("testdata", "crosscheck.py"), dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	for _, w := range want {
		var got seen
		if err := dec.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("%s: -put in +seen\n%s", w.File, diff)
		}
	}
}

// partBytes is what a part of bytes holds: it is found by composing it alone.
func partBytes(t *testing.T, p mail.Part) []byte {
	m := base()
	m.Attach = []mail.Part{p}
	got, _ := compose(t, m, sevenBit)
	return []byte(body(t, got))
}
