package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// TestTheDemoSeesADifference: a check that cannot fail checks nothing. Each octet
// that is changed on the way is found, and most are found twice.
func TestTheDemoSeesADifference(t *testing.T) {
	s := newStatement()
	tap := &tapped{Object: s.message}
	content, err := tap.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if _, err := content.Fit(mail.Offer{EightBit: true}); err != nil {
		t.Fatal(err)
	}
	var sent bytes.Buffer
	if _, err := content.WriteTo(&sent); err != nil {
		t.Fatal(err)
	}
	differ := func(arrived []byte) (list []string) {
		for _, c := range s.checks(tap, arrived) {
			if !c.Same {
				list = append(list, c.What)
			}
		}
		return list
	}
	if list := differ(sent.Bytes()); len(list) > 0 {
		t.Errorf("nothing was changed, and these differ: %v", list)
	}
	change := func(old, with string) []byte {
		if !bytes.Contains(sent.Bytes(), []byte(old)) {
			t.Fatalf("%q is not in the content", old)
		}
		return bytes.Replace(sent.Bytes(), []byte(old), []byte(with), 1)
	}
	pdf := "JVBERi0xLjQK" // %PDF-1.4 in base64
	for name, arrived := range map[string][]byte{
		"对账单.pdf":   change(pdf, "JVBERi0xLjUK"),
		"Subject":   change("Subject: =?utf-8?b?5LiJ", "Subject: =?utf-8?b?5LiK"),
		"To":        change("<kim@example.net>", "<kim@example.org>"),
		"text":      change("三月", "四月"),
		"chart.png": change("iVBORw0KGgo", "iVBORw0KGgk"),
		"From":      sent.Bytes()[:10],
	} {
		list := differ(arrived)
		if len(list) < 2 || list[0] != "content" || !strings.Contains(strings.Join(list, " "), name) {
			t.Errorf("%s was changed, and these differ: %v", name, list)
		}
	}
	if list := differ(nil); len(list) != 8 {
		t.Errorf("nothing arrived, and only these differ: %v", list)
	}
}

// TestThePDFIsOne asks a reader of PDF, where there is one.
func TestThePDFIsOne(t *testing.T) {
	pdf := statementPDF()
	if n := len(pdf); n < 90_000 || n > 130_000 {
		t.Errorf("it has %d octets", n)
	}
	if !bytes.Equal(pdf, statementPDF()) {
		t.Error("it is not the same each time")
	}
	// What the last table says of where each object begins.
	for i, m := range regexp.MustCompile(`(?m)^(\d{10}) 00000 n `).FindAllSubmatch(pdf, -1) {
		at := 0
		for _, c := range m[1] {
			at = at*10 + int(c-'0')
		}
		if want := []byte(strconv.Itoa(i+1) + " 0 obj\n"); !bytes.HasPrefix(pdf[at:], want) {
			t.Fatalf("object %d does not begin at %d", i+1, at)
		}
	}
	qpdf, err := exec.LookPath("qpdf")
	if err != nil {
		t.Skip("qpdf is not installed")
	}
	file := filepath.Join(t.TempDir(), "s.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(qpdf, "--check", file).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestTheDemoTakesMail is the demo without --once: its commands can be copied, it
// prints what comes, and it ends when it is told to.
func TestTheDemoTakesMail(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, w := io.Pipe()
	defer time.AfterFunc(time.Minute, func() { w.Close() }).Stop()
	u := newUI(system{out: w, err: io.Discard}, "parley", english)
	d := &demo{u: u, statement: newStatement()}
	ended := make(chan int)
	go func() {
		code := d.run(ctx, false)
		w.Close()
		ended <- code
	}()
	var seen strings.Builder
	until := func(form string) []string {
		t.Helper()
		one := make([]byte, 1)
		for want := regexp.MustCompile(form); ; {
			if _, err := r.Read(one); err != nil {
				t.Fatalf("%s did not come:\n%s", form, seen.String())
			}
			seen.Write(one)
			if one[0] == '\n' {
				if m := want.FindStringSubmatch(seen.String()); m != nil {
					seen.Reset()
					return m
				}
			}
		}
	}
	url := until(`export SMTP_URL='([^']+)'\n`)[1]
	until(`Waiting for mail`)
	client, err := smtp.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	sent := make(chan error)
	go func() {
		_, err := client.Send(ctx, &mail.Message{
			From: mail.Address{Address: "me@example.com"}, To: mail.To("kim@example.net", "lee@example.net"), Subject: "你好 \u202e", Text: "hi",
		})
		sent <- err
	}()
	until(`\nC: MAIL FROM:<me@example.com>`)
	until(`\nMail 2: from <me@example.com> for <kim@example.net>, <lee@example.net>, [0-9,]+ octets\nSubject: 你好`)
	until(`sha256 [0-9a-f]{64}\n`)
	go func() { io.Copy(io.Discard, r) }()
	if err := <-sent; err != nil {
		t.Error(err)
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("it ended with %d", code)
	}
}

// TestRemarks: each step of a conversation has its word, once.
func TestRemarks(t *testing.T) {
	var out bytes.Buffer
	u := newUI(system{out: &out, err: io.Discard, environ: []string{"COLUMNS=300"}}, "parley", english)
	x := newExplainer(u)
	events := []smtp.Event{
		{Did: smtp.Connected, Stage: smtp.StageDial, Line: "mx:25"},
		{Did: smtp.Answer, Stage: smtp.StageGreeting, Line: "220 mx"},
		{Did: smtp.Command, Stage: smtp.StageHello, Line: "EHLO me"},
		{Did: smtp.Answer, Stage: smtp.StageHello, Line: "250-mx"},
		{Did: smtp.Answer, Stage: smtp.StageHello, Line: "250 size 1"},
		{Did: smtp.Command, Stage: smtp.StageMail, Line: "MAIL FROM:<a@example.com>"},
		{Did: smtp.Answer, Stage: smtp.StageMail, Line: "250"},
		{Did: smtp.Command, Stage: smtp.StageRcpt, Line: "RCPT TO:<b@example.com>"},
		{Did: smtp.Answer, Stage: smtp.StageRcpt, Line: "450 later"},
		{Did: smtp.Closed, Stage: smtp.StageQuit},
	}
	for session := range uint64(2) {
		for _, e := range events {
			out.Reset()
			e.Session = session + 1
			x.trace(e)
			told := strings.Contains(strings.TrimSpace(out.String()), "  ")
			if first := session == 0; told != first {
				t.Errorf("session %d: %q", e.Session, out.String())
			}
		}
	}
	// Two sessions at once are told apart.
	x.trace(smtp.Event{Session: 7, Did: smtp.Connected, Line: "mx:25"})
	out.Reset()
	x.trace(smtp.Event{Session: 8, Did: smtp.Connected, Line: "mx:25"})
	if got := out.String(); got != "8 -- connected to mx:25\n" {
		t.Errorf("%q", got)
	}
}

func TestTappedContentIsWhatIsSent(t *testing.T) {
	s := newStatement()
	tap := &tapped{Object: s.message}
	for range 2 { // it may be opened again
		c, err := tap.Open()
		if err != nil {
			t.Fatal(err)
		}
		form, err := c.Fit(mail.Offer{EightBit: true})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		n, err := c.WriteTo(&b)
		c.Close()
		sum := sha256.Sum256(b.Bytes())
		if err != nil || n != form.Size || tap.size != n || !bytes.Equal(sum[:], tap.sum.Sum(nil)) {
			t.Errorf("%d octets of %d were tapped, %v", tap.size, form.Size, err)
		}
	}
}
