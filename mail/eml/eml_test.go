package eml_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/eml"
)

func compose(t testing.TB, m *mail.Message) []byte {
	t.Helper()
	c, err := m.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Fit(mail.Offer{EightBit: true, UTF8: true}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// asJSON is all that a message says.
func asJSON(t testing.TB, m *mail.Message) string {
	t.Helper()
	b, err := m.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), `,"`, ",\n\"")
}

func typed(p mail.Part, kind, id string) mail.Part {
	p.Type, p.ContentID = kind, id
	return p
}

var files = []mail.Part{
	typed(mail.Bytes("对账单.pdf", []byte("%PDF-\r\n\n\r.")), "application/pdf", ""),
	typed(mail.Bytes(`a "quoted"; name.csv`, []byte("a;b\n")), "text/csv; charset=gb2312", "csv@example.net"),
	typed(mail.Bytes(strings.Repeat("名", 80)+".bin", nil), "application/octet-stream", ""),
	typed(mail.Bytes("old.eml", []byte("From: a@b\r\n\r\nold\r\n")), "message/rfc822", ""),
}

// messages with all that there is.
var messages = map[string]*mail.Message{
	"plain": {From: mail.Address{Address: "kim@example.net"}, To: mail.To("lee@example.org"), Subject: "a  b =?utf-8?q?c?=", Text: "Hello.\n\n\n"},
	"full": {
		From: mail.Address{Name: "财务部", Address: "59419979@qq.com"}, Sender: mail.Address{Name: `O"ffice, (the)`, Address: "office@example.net"},
		ReplyTo: mail.To("desk@example.net"), To: mail.To("Lee Q. Jones <lee@example.org>", "金@例子.中国"), Cc: mail.To(`"a b"@example.org`),
		Subject: strings.Repeat("三月对账单 and  more ", 10) + "!",
		Text:    "尊敬的客户，您好。\n\n.\nFrom here\n" + strings.Repeat("x", 1200) + "\n", HTML: "<img src=\"cid:a@b\">\n",
		Inline: []mail.Part{typed(mail.Bytes("logo.png", []byte("\x89PNG")), "image/png", "a@b")}, Attach: files,
		Invite: mail.Invite{Calendar: "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n", Method: "REQUEST", File: "invite.ics"},
		Date:   time.Date(2026, 3, 9, 8, 5, 0, 0, time.FixedZone("", 8*3600)), MessageID: "1@example.net", InReplyTo: "0@example.net",
		References: []string{"a@example.net", "0@example.net"}, Priority: mail.Low, AutoSubmitted: "auto-replied",
		Unsubscribe: mail.Unsubscribe{URL: "https://list.example/leave?a=b", Mailto: "leave@list.example?subject=x", OneClick: true},
		Header:      []mail.Field{{Name: "X-Text", Value: "Grüße  von <hier>, =?x?="}, {Name: "List-Id", Value: "News <news.list.example>"}, {Name: "X-Text", Value: "twice"}},
	},
	"one file": {From: mail.Address{Address: "kim@example.net"}, To: mail.To("lee@example.org"), Attach: files[:1]},
	"html":     {From: mail.Address{Name: strings.Repeat("财", 99), Address: "kim@example.net"}, To: mail.To("lee@example.org"), HTML: "<p>ü</p>\n", Priority: mail.High},
}

// TestRoundTrip: what is composed is read as the same message.
func TestRoundTrip(t *testing.T) {
	for name, m := range messages {
		sent := *m
		if sent.Date.IsZero() {
			sent.Date = time.Unix(1e9, 0).In(time.FixedZone("", -3600))
		}
		if sent.MessageID == "" {
			sent.MessageID = mail.NewMessageID(sent.From)
		}
		got, err := eml.Read(bytes.NewReader(compose(t, &sent)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(asJSON(t, &sent), asJSON(t, got)); diff != "" {
			t.Errorf("%s: -sent +read\n%s", name, diff)
		}
	}
}

// TestGoldens: the goldens of package mail are read, and composed as the same mail.
func TestGoldens(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("..", "testdata", "golden", "*.eml"))
	if err != nil || len(names) < 10 {
		t.Fatalf("%d goldens, %v", len(names), err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		once, err := eml.Read(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(once.To) == 0 {
			once.Bcc = mail.To("lee@example.org")
		}
		twice, err := eml.Read(bytes.NewReader(compose(t, once)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		twice.Bcc = once.Bcc
		if diff := cmp.Diff(asJSON(t, once), asJSON(t, twice)); diff != "" {
			t.Errorf("%s: -once +twice\n%s", name, diff)
		}
	}
}

// TestWild: what other programs write.
func TestWild(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"bare LF and an mbox line", "From - Mon Mar 9\nFrom: root@host (Cron Daemon)\nTo: undisclosed-recipients:;\nSubject: x\n\nbody\n",
			`{"from":"root@host","subject":"x","text":"body\n"}`},
		{"GBK", "From: =?gb2312?b?stbO8bK/?= <a@qq.com>\r\nSubject: =?GBK?Q?=C8=FD=D4=C2?=\r\nContent-Type: text/plain; charset=gbk\r\n\r\n\xc4\xfa\xba\xc3\r\n",
			`{"from":"仓务部 <a@qq.com>","subject":"三月","text":"您好\n"}`},
		{"ISO-2022-JP", "From: a@b.example\r\nSubject: =?iso-2022-jp?B?GyRCQEE1YT1xGyhC?=\r\n\r\nx", `{"from":"a@b.example","subject":"請求書","text":"x"}`},
		{"no header but this", "From: a@b.example", `{"from":"a@b.example"}`},
		{"raw Latin-1", "From: M\xfcller <a@b.example>\r\nSubject: Gr\xfc\xdfe\r\n\r\nM\xfcller", `{"from":"M�ller <a@b.example>","subject":"Gr�e","text":"M�ller"}`},
		{"an unknown charset", "Subject: =?x-none?q?a?=\r\nContent-Type: text/plain; charset=x-none\r\n\r\nx", `{"subject":"=?x-none?q?a?=","text":"x"}`},
		{"an encoded-word for a file name", "Content-Type: application/pdf; name=\"=?utf-8?b?5a+5?=.pdf\"\r\nContent-Transfer-Encoding: BASE64 \r\n\r\neA==\r\n",
			`{"attach":[{"name":"对.pdf","type":"application/pdf","content":"eA=="}]}`},
		{"a path for a file name", "Content-Disposition: attachment; filename=\"..\\\\..\\\\a/b\u202e\t.exe\"\r\n\r\nx",
			`{"attach":[{"name":"b.exe","type":"text/plain","content":"eA=="}]}`},
		{"no file name", "Content-Type: image/png\r\n\r\nx", `{"attach":[{"name":"part-1.png","type":"image/png","content":"eA=="}]}`},
		{"a broken content type", "Content-Type: text/html; charset\r\n\r\nx", `{"html":"x"}`},
		{"no content type at all", "Content-Type: nonsense\r\n\r\nx", `{"attach":[{"name":"part-1","type":"application/octet-stream","content":"eA=="}]}`},
		{"several texts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--b\r\nContent-Type: text/html\r\n\r\nthree\r\n--b\r\nContent-Type: text/html\r\n\r\nfour\r\n--b--\r\n",
			`{"text":"one\ntwo","html":"three","attach":[{"name":"part-5.html","type":"text/html","content":"Zm91cg=="}]}`},
		{"an image that nothing shows", "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: image/gif\r\nContent-ID: <x@y>\r\n\r\ng\r\n--b--",
			`{"attach":[{"name":"part-1.gif","type":"image/gif","contentID":"x@y","content":"Zw=="}]}`},
		{"a report", "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n--b\r\nContent-Type: message/global\r\n\r\nx\r\n--b--",
			`{"attach":[{"name":"part-2","type":"text/plain","content":"QWN0aW9uOiBmYWlsZWQ="},{"name":"part-3","type":"application/octet-stream","content":"eA=="}]}`},
		{"what told of another sending", "Return-Path: <x@y>\r\nReceived: from x\r\nDKIM-Signature: x\r\nARC-Seal: x\r\nResent-To: x\r\nX-Kept: 1\r\n\r\n",
			`{"header":[{"name":"X-Kept","value":"1"}]}`},
		{"odd identifiers", "Message-ID: <a@b> (comment)\r\nReferences: a@b\r\n <c@d><e@f>\r\nIn-Reply-To: x\r\nX-Priority: 1 (Highest)\r\nAuto-Submitted: auto-generated; x=y\r\n\r\n",
			`{"messageID":"a@b","inReplyTo":"x","references":["c@d","e@f"],"priority":"high","autoSubmitted":"auto-generated"}`},
	} {
		m, err := eml.Read(strings.NewReader(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := strings.ReplaceAll(asJSON(t, m), ",\n", ","); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestRefuses(t *testing.T) {
	nested := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return b.String()
	}
	for _, c := range []struct{ name, in, wrong string }{
		{"nothing", "", "it has none"},
		{"no mail", "this is no mail\n", "malformed"},
		{"a header without end", strings.Repeat("A: "+strings.Repeat("b", 900)+"\n", 400), "256 KiB"},
		{"a field without end", "A: " + strings.Repeat("b", 300<<10), "256 KiB"},
		{"an mbox line without end", "From " + strings.Repeat("b", 300<<10), "256 KiB"},
		{"fields without end", strings.Repeat("A: b\n", 1001) + "\n", "1000 fields"},
		{"fields of a part without end", "Content-Type: multipart/mixed; boundary=b\n\n--b\n" + strings.Repeat("A: b\n", 1001) + "\n\n--b--\n", "1000 fields"},
		{"too deep", nested(40), "32 deep"},
		{"too many parts", "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: a/b\n\n\n", 10_001) + "--b--\n", "10000 parts"},
		{"too large", "A: b\n\n" + strings.Repeat("x", 600<<10), "larger than 524288"},
		{"no boundary", "Content-Type: multipart/mixed\n\n--\n--\n", "boundary is empty"},
		{"cut off between parts", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n", "EOF"},
		{"cut off in base64", "Content-Type: a/b\nContent-Transfer-Encoding: base64\n\neA=", "EOF"},
		{"no base64", "Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n!!!!", "illegal base64"},
		{"an unknown encoding", "Content-Type: a/b\nContent-Transfer-Encoding: x-uuencode\n\nx", "unhandled encoding"},
		{"an unknown encoding of text", "Content-Transfer-Encoding: x-uuencode\n\nx", "unhandled encoding"},
		{"an address that is two", "From: a@b(x)c\n\nx", "field From"},
	} {
		m, err := eml.Reader{MaxSize: 512 << 10}.Read(strings.NewReader(c.in))
		if err == nil || !strings.Contains(err.Error(), c.wrong) || m != nil {
			t.Errorf("%s: %v; want %q", c.name, err, c.wrong)
		}
	}
}

// TestSizes: a mail may have just as many octets as it may.
func TestSizes(t *testing.T) {
	const in = "A: b\n\n"
	for _, n := range []int{300 << 10, 512<<10 - 1, 512 << 10, 512<<10 + 1} {
		m, err := eml.Reader{MaxSize: 512 << 10}.Read(strings.NewReader(in + strings.Repeat("x", n-len(in))))
		if (err == nil) != (n <= 512<<10) {
			t.Errorf("%d octets: %v", n, err)
		}
		if err == nil && len(m.Text) != n-len(in) {
			t.Errorf("%d octets: %d of text", n, len(m.Text))
		}
	}
}

// TestTime: a hostile mail takes time in proportion to its size.
func TestTime(t *testing.T) {
	for _, unit := range []string{"--b\n", "--b\n\n", "--b\nContent-Type: multipart/mixed; boundary=b\n\n", "\n--", "=\n", "--b", "A: =?gbk?b?x?=\n"} {
		run := func(n int) time.Duration {
			s := "Subject: " + strings.Repeat("=?gbk?b?xx?= ", 1000) + "\nContent-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat(unit, n/len(unit))
			start := time.Now()
			_, _ = eml.Read(strings.NewReader(s))
			return time.Since(start)
		}
		if small, large := run(1<<18), run(1<<21); large > 40*small+100*time.Millisecond {
			t.Errorf("%q: 256 KiB took %v, 2 MiB %v", unit, small, large)
		}
	}
}

func FuzzEML(f *testing.F) {
	for _, m := range messages {
		f.Add(compose(f, m))
	}
	names, _ := filepath.Glob(filepath.Join("..", "testdata", "golden", "*.eml"))
	for _, name := range names {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := eml.Reader{MaxSize: 1 << 20}.Read(bytes.NewReader(b))
		if err != nil || m.Check() != nil {
			return
		}
		c, err := m.Open()
		if err != nil {
			return // a message/rfc822 within that is none
		}
		defer c.Close()
		if _, err := c.Fit(mail.Offer{EightBit: true, UTF8: true}); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := c.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		if _, err := eml.Read(&out); err != nil {
			t.Fatalf("what was composed is not read: %v", err)
		}
	})
}

func ExampleRead() {
	const file = "From: Kim <kim@example.net>\nTo: lee@example.org\nSubject: =?utf-8?b?5LiJ5pyI?=\n\nHello.\n"
	m, err := eml.Read(strings.NewReader(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.From, m.Subject)
	_, _ = io.WriteString(os.Stdout, m.Text)
	// Output:
	// Kim <kim@example.net> 三月
	// Hello.
}
