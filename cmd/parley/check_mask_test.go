package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// TestMasker: whoever is named is masked, in whatever form, and what is nobody's stays.
func TestMasker(t *testing.T) {
	target := &checked{user: "kimuser", check: &check.Check{
		Client: &smtp.Client{Hello: "kims-laptop"}, From: "o'brien+x=y@kims.example", To: `"kim lee"@kims.example`,
	}, shown: "my_mail.kims-shop.example:587"}
	r := &check.Report{Steps: []check.Step{{Said: []smtp.Event{
		{Did: smtp.Answer, Stage: smtp.StageHello, Line: "250-inner.corp.test Hello pc.home.test [192.0.2.7], pleased"},
		{Did: smtp.Answer, Stage: smtp.StageRcpt, Line: "450 dyn-7.isp.test[192.0.2.7]: come back"},
	}}}}
	m := newMasker(target, r)
	for _, row := range []struct{ text, want string }{
		{"MAIL FROM:<o'brien+x=y@kims.example>", "MAIL FROM:<address-1>"},
		{`<"kim lee"@kims.example> unknown`, "<address-2> unknown"},
		{"bounces+max=kims.example@list.test, '\u738b\u4e94@\u4f8b\u5b50.test'.", "address-3, 'address-4'."},
		{"kim@[192.0.2.7]", "address-5"},
		{"relaying for kims.example is denied to kimuser", "relaying for host-1 is denied to user-1"},
		{"MX.inner.corp.test Hello pc.home.test [192.0.2.7]", "MX.host-2 Hello host-3 [ip-1]"},
		{"450 dyn-7.isp.test[192.0.2.7]: come back", "450 host-4[ip-1]: come back"},
		{"EHLO [IPv6:2001:db8::1]", "EHLO [IPv6:ip-2]"},
		{"dial 2001:db8::1: refused, 2001:db8::. And [2001:db8::1]:25", "dial ip-2: refused, ip-3. And [ip-2]:25"},
		{"EHLO kims-laptop", "EHLO host-5"},
		{"my_mail.kims-shop.example:587", "host-6:587"},
		{"12:30:59 TLS 1.3, [::1]:25, 127.0.0.1, ESMTP Exim 4.96 smtp.gmail.com localhost", "12:30:59 TLS 1.3, [::1]:25, 127.0.0.1, ESMTP Exim 4.96 smtp.gmail.com localhost"},
	} {
		if got := m.mask(row.text); got != row.want {
			t.Errorf("%s\nis   %s\nwant %s", row.text, got, row.want)
		}
	}
}

// TestReportMasksWhatItEscapes: Markdown has kim\_lee in a table, and it is the same person.
func TestReportMasksWhatItEscapes(t *testing.T) {
	s := (&smtptest.Server{Security: smtp.Plaintext}).Start(t)
	s.Fault(smtptest.Fault{Stage: smtp.StageRcpt, Say: "550 no kim_lee@shop.example at shop.example"})
	path := filepath.Join(t.TempDir(), "report.md")
	host, port, _ := net.SplitHostPort(s.Addr())
	runCheck(t, nil, "--report", path, "--mask", "--to", "kim_lee@shop.example", "smtp://"+host+":"+port+"?tls=none")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); strings.Contains(text, "shop") || strings.Contains(text, "lee") || strings.Count(text, "no address-1 at host-") != 2 {
		t.Error(text)
	}
}
