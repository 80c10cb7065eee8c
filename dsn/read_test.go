package dsn

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parleymail/parley/diagnose"
)

// told is a notice as the goldens write it.
func told(n *Notice) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	line("kind", n.Kind.String())
	line("form", n.Form)
	line("confidence", fmt.Sprintf("%g", n.Confidence))
	line("envelope id", n.EnvelopeID)
	line("reporting", n.ReportingMTA)
	line("received from", n.ReceivedFrom)
	if !n.ArrivalDate.IsZero() {
		line("arrived", n.ArrivalDate.UTC().Format("2006-01-02 15:04:05"))
	}
	line("original id", n.Original.MessageID)
	line("original subject", n.Original.Subject)
	line("complaint", n.Feedback.Type)
	for i := range n.Recipients {
		r := &n.Recipients[i]
		fmt.Fprintf(&b, "\n%s\n", r.Final)
		line("  original", r.Original)
		line("  action", r.Action.String())
		line("  status", strings.TrimPrefix(r.Status.String(), "0.0.0"))
		line("  remote", r.RemoteMTA)
		line("  reply", r.Reply.String())
		line("  diagnostic", r.Diagnostic)
		if !r.WillRetryUntil.IsZero() {
			line("  until", r.WillRetryUntil.UTC().Format("2006-01-02 15:04:05"))
		}
		line("  means", string(r.Why.Kind))
	}
	return b.String()
}

// TestBounces reads what mail systems send: testdata/bounces/README.md.
func TestBounces(t *testing.T) {
	files, err := filepath.Glob("testdata/bounces/*.eml")
	if err != nil || len(files) < 30 {
		t.Fatal(len(files), err)
	}
	forms := map[string]bool{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Read(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		forms[n.Form] = true
		got := told(n)
		golden := strings.TrimSuffix(file, ".eml") + ".txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s:\n%s", file, d)
		}
		// The same with the line ends that travel.
		crlf, err := Read(bytes.NewReader(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))))
		if err != nil || told(crlf) != got {
			t.Errorf("%s with CRLF: %v\n%s", file, err, cmp.Diff(got, told(crlf)))
		}
		for _, r := range n.Recipients {
			if r.Why.Kind != "" && (r.Why.Cause.In(diagnose.English) == "" || r.Why.Cause.In(diagnose.Chinese) == "" || r.Why.Fix.In(diagnose.Chinese) == "") {
				t.Errorf("%s: %s has no words", file, r.Why.Kind)
			}
		}
	}
	for _, f := range formsOf(t).Form {
		if !forms[f.ID] {
			t.Errorf("no bounce is of the form %s", f.ID)
		}
	}
}

func formsOf(t testing.TB) formFile {
	t.Helper()
	file, err := decodeForms(formsFile)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestForms: each has what it needs, and the README knows every key.
func TestForms(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range formsOf(t).Form {
		if f.ID == "" || f.Source == "" || seen[f.ID] || f.Confidence <= 0 || f.Confidence > 1 {
			t.Errorf("form %q: %+v", f.ID, f)
		}
		seen[f.ID] = true
		if f.From.Regexp == nil && f.Subject.Regexp == nil && f.Text.Regexp == nil && f.Fields == nil {
			t.Errorf("%s fits everything", f.ID)
		}
		for _, item := range f.Items {
			if item.SubexpIndex("to") < 0 {
				t.Errorf("%s: %s has no group to", f.ID, item)
			}
		}
	}
	if _, err := decodeForms([]byte("[[form]]\nid = 'x'\nwhat = 'y'\n")); err == nil {
		t.Error("a key that nobody knows is taken")
	}
	if _, err := decodeForms([]byte("[[meaning]]\nsaid = 'x'\nstatus = '5.1'\n")); err == nil {
		t.Error("a status that is none is taken")
	}
	if _, err := decodeForms([]byte("[[form]]\ntext = '('\n")); err == nil {
		t.Error("an expression that is none is taken")
	}
}

// TestMeanings: the words of providers, and what is made of them.
func TestMeanings(t *testing.T) {
	for said, want := range map[string]string{
		"收件人邮件地址（kim@example.com）不存在，邮件无法送达。": "5.1.1",
		"您要投递的邮箱地址不存在，请检查拼写是否有误。":             "5.1.1",
		"收件人邮箱空间不足，无法接收邮件。":                   "5.2.2",
		"对方邮箱已满":                                         "5.2.2",
		"域名 example.com 不存在":                             "5.1.2",
		"邮件大小超过限制，超出对方允许的大小":                             "5.3.4",
		"由于对方服务器不稳定，而无法连接上对方服务器。":                        "4.4.1",
		"英文说明:Can not connect to example.com:192.0.2.25": "4.4.1",
		"您的邮件被怀疑为是垃圾邮件，拒绝接收。":                            "5.7.1",
		"未知原因": "0.0.0",
	} {
		r := Recipient{Diagnostic: said, Action: Failed}
		if r.mean(); r.Status.String() != want {
			t.Errorf("%s: %s, not %s", said, r.Status, want)
		} else if d := r.explained(); want != "0.0.0" && d.Kind == unclassified {
			t.Errorf("%s: nobody knows what it means", said)
		}
	}
}

func TestWhomItWasSentTo(t *testing.T) {
	f, err := os.Open("testdata/bounces/postfix-failed.eml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, err := Read(f)
	if err != nil {
		t.Fatal(err)
	}
	base := path(t, "bounces@example.net")
	for _, p := range n.To {
		if token, ok := signer().Token(base, p); ok {
			if token != token13 {
				t.Errorf("the token is %q", token)
			}
			return
		}
	}
	t.Errorf("%v has no token", n.To)
}

func TestNoMail(t *testing.T) {
	for _, s := range []string{"", "\r\n\r\n", " \n"} {
		if n, err := Read(strings.NewReader(s)); err == nil {
			t.Errorf("%q is %+v", s, n)
		}
	}
	if _, err := Read(failing{}); err == nil {
		t.Error("the reader's error is lost")
	}
}

func TestReplies(t *testing.T) {
	for in, want := range map[string]string{
		"550 5.1.1 no such user":                "550 5.1.1 no such user",
		"550 no such user":                      "550 no such user",
		"550-5.1.1 a b 550-5.1.1 c 550 5.1.1 d": "550 5.1.1 a b / c / d",
		"550-a 550-b\n 550 c":                   "550 a / b / c",
		"550-5.1.1 a 550 5.1.1 b 550 5.1.1 c":   "550 5.1.1 a / b 550 5.1.1 c",
		"550 we sent 550 mails":                 "550 we sent 550 mails",
		"550-5.1.1 of 550 mails 550 5.1.1 x":    "550 5.1.1 of 550 mails / x",
		"550":                                   "550",
		"550:no":                                "550 no",
		"550 #5.1.1 no":                         "550 5.1.1 no",
		"550 4.1.1 odd class":                   "550 4.1.1 odd class",
		"5501 no":                               "",
		"650 no":                                "",
		"no":                                    "",
		"":                                      "",
		"5.1.1 no":                              "",
	} {
		r, _ := parseReply(in)
		if r.String() != want {
			t.Errorf("%q is %q, not %q", in, r.String(), want)
		}
	}
}

func TestNames(t *testing.T) {
	for a := Failed; a <= Expanded; a++ {
		if b, err := ParseAction(strings.ToUpper(a.String())); err != nil || a != b {
			t.Error(a, b, err)
		}
	}
	for k := Other; k <= Disposition; k++ {
		text, _ := k.MarshalText()
		var b Kind
		if err := b.UnmarshalText(text); err != nil || b != k {
			t.Error(k, b, err)
		}
	}
	var a Action
	if err := a.UnmarshalText([]byte("lost")); err == nil {
		t.Error("lost is an action")
	}
	if _, err := ParseKind(""); err == nil || Kind(200).String() != "" || Action(200).String() != "" {
		t.Error("there are more kinds than there are")
	}
}
