package entity_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail/entity"
)

// TestFields: values as they are in the wild, as a person should see them.
func TestFields(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{"=?utf-8?B?5LiJ5pyI?= =?utf-8?B?5a+56LSm5Y2V?=", "三月对账单"},
		{"=?utf-8?B?5LiJ5pyI?=\r\n\t=?utf-8?Q?=E5=AF=B9?=", "三月对"},
		{"=?UTF-8?B?5LiJ5pyI5a?= =?UTF-8?B?+56LSm5Y2V?=", "三月对账单"}, // cut within a group of base64
		{"=?utf-8?Q?=E4=B8?= =?utf-8?Q?=89=E6=9C=88?=", "三月"},      // cut within a character
		{"=?gb2312?B?stbO8bK/?=", "仓务部"},
		{"=?GBK?Q?=C8=FD=D4=C2?= and", "三月 and"},
		{"=?gb18030?B?gTCBMA==?=", "\ufffd"}, // U+0080
		{"=?big5?B?pKSk5Q==?=", "中文"},
		{"=?iso-2022-jp?B?GyRCQEE1YT1xGyhC?=", "請求書"},
		{"=?euc-kr?B?x9GxuQ==?=", "한국"},
		{"=?koi8-r?B?8NLJ18XU?=", "Привет"},
		{"=?iso-8859-1?Q?Gr=FC=DFe?=", "Grüße"},
		{"=?windows-1252?Q?=80_5?=", "€ 5"},
		{"=?utf-8*en?Q?a?=", "a"},
		{"a =?utf-8?q?b?= c", "a b c"},
		{"=?x-none?q?a=62?=", "ab"},
		{"=?utf-8?q?a b?=", "a b"}, // blanks within are not allowed and seen
		{"=?utf-8?q?a=ZZ=?=", "a=ZZ="},
		{"=?utf-8?b?YQ==?= =?utf-8?b?Yg?= =?utf-8?q?c?=", "abc"},
		{"=?utf-8?x?a?=", "=?utf-8?x?a?="},
		{"=?utf-8?q?a", "=?utf-8?q?a"},
		{"=??q?a?=", "=??q?a?="},
		{"=?=?utf-8?q?a?=", "=?a"},
		{"\xc8\xfd\xd4\xc2\xb6\xd4\xd5\xcb\xb5\xa5", "三月对账单"}, // raw GBK
		{"Gr\xfc\xdfe", "Grüße"},
		{"三月", "三月"},
		{"=?utf-8?q?a=0D=0ABcc:_x?=", "a  Bcc: x"},
		{"a\x00\x1b[31mb", "a\ufffd\ufffd[31mb"},
	} {
		e := entity.Parse([]byte("Subject: "+c.in+"\r\n\r\n"), entity.Limits{})
		if got := e.Get("sUBJECT"); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

// TestFileNames: as told, and made harmless.
func TestFileNames(t *testing.T) {
	const disposition, kind = "Content-Disposition: attachment; ", "Content-Type: application/pdf; "
	for _, c := range []struct{ in, told, file string }{
		{disposition + `filename="a b.pdf"`, "a b.pdf", "a b.pdf"},
		{disposition + `filename=a b.pdf`, "a b.pdf", "a b.pdf"},
		{disposition + `filename*=utf-8''%E5%AF%B9%E8%B4%A6%E5%8D%95.pdf`, "对账单.pdf", "对账单.pdf"},
		{disposition + `filename*=UTF-8'zh'%E5%AF%B9.pdf; filename="x.pdf"`, "对.pdf", "对.pdf"},
		{disposition + "filename*0*=utf-8''%E5%AF; filename*1*=%B9; filename*2=.pdf", "对.pdf", "对.pdf"},
		{disposition + "filename*1=b.pdf; filename*0=a", "ab.pdf", "ab.pdf"},
		{disposition + "filename*0=a; filename*2=c", "a", "a"},
		{disposition + "filename*x=a; filename=b", "b", "b"},
		{disposition + `filename="=?gb2312?B?stbO8bK/?=.xls"`, "仓务部.xls", "仓务部.xls"},
		{disposition + "filename=\"\xc8\xfd\xd4\xc2.pdf\"", "三月.pdf", "三月.pdf"},
		{kind + `name="=?utf-8?B?5a+5?=.pdf"`, "对.pdf", "对.pdf"},
		{kind + `name=a.pdf` + "\r\n" + disposition + "filename=b.pdf", "b.pdf", "b.pdf"},
		{disposition + `filename="..\..\a/b.exe"`, `..\..\a/b.exe`, "b.exe"},
		{disposition + `filename="C:\Users\kim\x.doc"`, `C:\Users\kim\x.doc`, "x.doc"},
		{disposition + `filename="a\"b.txt"`, `a"b.txt`, "a_b.txt"},
		{disposition + `filename="` + "cod\u202egpj.exe" + `"`, "cod\u202egpj.exe", "codgpj.exe"},
		{disposition + `filename=".bashrc"`, ".bashrc", "bashrc"},
		{disposition + `filename="a.exe . ."`, "a.exe . .", "a.exe"},
		{disposition + `filename="CON.txt"`, "CON.txt", "_CON.txt"},
		{disposition + `filename="com1.tar.gz"`, "com1.tar.gz", "_com1.tar.gz"},
		{disposition + `filename="a<b>:c|?*.txt"`, "a<b>:c|?*.txt", "a_b__c___.txt"},
		{disposition + `filename="..."`, "...", ""},
		{disposition + `filename="/"`, "/", ""},
		{disposition + `filename=""`, "", ""},
		{disposition + `filename="(1).pdf"`, "(1).pdf", "(1).pdf"},
		{disposition + `filename=(1.pdf`, "(1.pdf", "(1.pdf"},
		{disposition + `(a comment; filename=x) filename=y`, "y", "y"},
		{disposition + `filename="a;b=c.pdf"`, "a;b=c.pdf", "a;b=c.pdf"},
		{disposition + `filename="no end`, "no end", "no end"},
	} {
		e := entity.Parse([]byte(c.in+"\r\n\r\n"), entity.Limits{})
		if e.FileTold != c.told || e.File != c.file {
			t.Errorf("%s: told %q, file %q; want %q, %q", c.in, e.FileTold, e.File, c.told, c.file)
		}
	}
	long := strings.Repeat("名", 500) + ".pdf"
	e := entity.Parse([]byte(disposition+"filename=\""+long+"\"\r\n\r\n"), entity.Limits{})
	if len(e.File) > 200 || !strings.HasSuffix(e.File, "名.pdf") {
		t.Errorf("a long name: %q", e.File)
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct{ name, head, body, want, charset string }{
		{"UTF-8", "text/plain; charset=utf-8", "您好", "您好", "utf-8"},
		{"none", "text/plain", "您好", "您好", "utf-8"},
		{"none, GBK", "text/plain", "\xc4\xfa\xba\xc3\xa3\xac\xbf\xcd\xbb\xa7", "您好，客户", "gb18030"},
		{"told UTF-8, is GBK", "text/plain; charset=utf-8", "\xc4\xfa\xba\xc3\xa3\xac\xbf\xcd\xbb\xa7", "您好，客户", "gb18030"},
		{"none, Latin", "text/plain", "Gr\xfc\xdfe aus K\xf6ln", "Grüße aus Köln", "windows-1252"},
		{"gb2312 means GBK", "text/plain; charset=gb2312", "\xe9F", "镕", "gb2312"},
		{"in quotes with a language", `text/plain; charset="GBK"`, "\xc4\xfa", "您", "gbk"},
		{"us-ascii that is not", "text/plain; charset=us-ascii", "您", "您", "utf-8"},
		{"unknown", "text/plain; charset=x-none", "您", "您", "utf-8"},
		{"a BOM", "text/plain; charset=gbk", "\xef\xbb\xbf您", "您", "utf-8"},
		{"UTF-16", "text/plain; charset=utf-16", "\xfe\xff\x60\xa8", "您", "utf-16"},
		{"ISO-2022-JP", "text/plain; charset=iso-2022-jp", "\x1b$B@A5a=q\x1b(B", "請求書", "iso-2022-jp"},
		{"HZ", "text/plain; charset=hz-gb-2312", "~{<:Ky2;S{~}", "己所不欲", "hz-gb-2312"},
		{"HTML says it", "text/html", "<html><meta http-equiv=Content-Type content='text/html; charset=gbk'>\xc4\xfa", "<html><meta http-equiv=Content-Type content='text/html; charset=gbk'>您", "gbk"},
		{"HTML says it in HTML 5", "text/html", "<meta name=x><meta charset=\"big5\">\xa4\xa4", "<meta name=x><meta charset=\"big5\">中", "big5"},
		{"line ends", "text/plain", "a\r\nb\rc\n", "a\nb\nc\n", "utf-8"},
		{"a broken character", "text/plain; charset=utf-8", "您好您好您好您好您好\xff您", "您好您好您好您好您好\ufffd您", "utf-8"},
	} {
		e := entity.Parse([]byte("Content-Type: "+c.head+"\r\n\r\n"+c.body), entity.Limits{})
		if got := e.Text(1 << 20); got.Text != c.want || got.Charset != c.charset {
			t.Errorf("%s: %+v, want %q in %s", c.name, got, c.want, c.charset)
		}
	}
	e := entity.Parse([]byte("Content-Type: text/plain; charset=utf-8\r\n\r\n您好"), entity.Limits{})
	if got := e.Text(4); got.Text != "您" || !got.Cut || got.Broken || got.Guessed {
		t.Errorf("cut within a character: %+v", got)
	}
}

func TestEncodings(t *testing.T) {
	for _, c := range []struct{ encoding, in, want string }{
		{"7bit", "a=41", "a=41"},
		{"BASE64 ", "eHl6", "xyz"},
		{"base64", "e H\r\nl6!\r\n", "xyz"},
		{"base64", "eA==eQ==", "xy"},
		{"base64", "eHk", "xy"},
		{"base64", "-_-_", "\xfb\xff\xbf"},
		{"base64", "=", ""},
		{"quoted-printable", "a=41=\r\nb  \r\nc=3D", "aAb\r\nc="},
		{"quoted-printable", "a=\nb=  \r\nc", "abc"},
		{"quoted-printable", "=ZZ =4 =", "=ZZ =4 "},
		{"quoted-printable", "=c3=bc", "ü"},
		{"quoted-printable", "a \t b\t", "a \t b\t"},
		{"quoted-printable", "a\rb", "a\rb"},
		{"quoted-printable", "\xff", "\xff"},
		{"x-unknown", "a=41", "a=41"},
	} {
		e := entity.Parse([]byte("Content-Transfer-Encoding: "+c.encoding+"\r\n\r\n"+c.in), entity.Limits{})
		if body, cut := e.Body(100); string(body) != c.want || cut {
			t.Errorf("%s %q: %q, want %q", c.encoding, c.in, body, c.want)
		}
		for n := range len(c.want) {
			if body, cut := e.Body(n); string(body) != c.want[:n] || !cut {
				t.Errorf("%s %q, at most %d: %q %v", c.encoding, c.in, n, body, cut)
			}
		}
	}
}

// TestEncodingsOfOthers: what the standard library encodes comes back, in whichever pieces it is read.
func TestEncodingsOfOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		in := make([]byte, r.IntN(40_000))
		for i := range in {
			if in[i] = byte(r.IntN(256)); r.IntN(3) > 0 {
				in[i] = " \t=\nab"[r.IntN(6)]
			}
		}
		in = bytes.ReplaceAll(in, []byte("\n"), []byte("\r\n"))
		var qp bytes.Buffer
		w := quotedprintable.NewWriter(&qp)
		w.Binary = true // else it makes CRLF of CR
		_, _ = w.Write(in)
		_ = w.Close()
		for encoding, coded := range map[string]string{"quoted-printable": qp.String(), "base64": base64.StdEncoding.EncodeToString(in)} {
			e := entity.Parse(fmt.Appendf(nil, "Content-Transfer-Encoding: %s\r\n\r\n%s", encoding, coded), entity.Limits{})
			if body, cut := e.Body(1 << 20); !bytes.Equal(body, in) || cut {
				t.Fatalf("%s of %d octets: %d came back", encoding, len(in), len(body))
			}
		}
	}
}

func TestSummary(t *testing.T) {
	const in = "Received: x\r\nFrom: =?utf-8?B?6LSi5Yqh6YOo?= <a@b.example>\r\nTo: c@d.example,\r\n e@f.example\r\nsubject: =?gbk?B?yP3Uwg==?=\r\nSubject: second\r\n" +
		"Date: Mon, 9 Mar 2026 08:05:00 +0800\r\nMessage-Id: <1@b.example>\r\nContent-Type: Multipart/Mixed; boundary=x\r\n\r\nFrom: body@b.example\r\n"
	want := entity.Head{From: "财务部 <a@b.example>", To: "c@d.example, e@f.example", Subject: "三月", Date: "Mon, 9 Mar 2026 08:05:00 +0800", MessageID: "<1@b.example>", Mixed: true}
	if got := entity.Summary([]byte(in)); got != want {
		t.Errorf("%+v", got)
	}
	if got := entity.Summary([]byte("From a@b Mon\nSubject: x\n\n")); got.Subject != "x" {
		t.Errorf("behind an mbox line: %+v", got)
	}
	if got := entity.Summary(nil); got != (entity.Head{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

func BenchmarkSummary(b *testing.B) {
	content := []byte("Received: from a by b with ESMTPSA id x;\r\n\tMon, 9 Mar 2026 08:05:00 +0800\r\nDKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=x;\r\n\tbh=" + strings.Repeat("a", 64) + ";\r\n\tb=" + strings.Repeat("b", 300) +
		"\r\nFrom: =?utf-8?B?6LSi5Yqh6YOo?= <a@b.example>\r\nTo: c@d.example\r\nSubject: =?utf-8?B?5LiJ5pyI5a+56LSm5Y2V?=\r\nDate: Mon, 9 Mar 2026 08:05:00 +0800\r\nMessage-ID: <1@b.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nx")
	b.ReportAllocs()
	for b.Loop() {
		entity.Summary(content)
	}
}

func BenchmarkParse(b *testing.B) {
	var c strings.Builder
	c.WriteString("From: a@b.example\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
	for range 3 {
		c.WriteString("--b\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=x.pdf\r\n\r\n" + strings.Repeat(strings.Repeat("QUFB", 19)+"\r\n", 400))
	}
	c.WriteString("--b--\r\n")
	content := []byte(c.String())
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		entity.Parse(content, entity.Limits{})
	}
}
