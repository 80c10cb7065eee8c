package diagnose

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestTexts: each cause and fix is read alone, so none leans on the one before it in its file;
// what anybody says names nobody; and nobody is told to do without verification.
func TestTexts(t *testing.T) {
	leans := regexp.MustCompile(`(?i)^(same\b|ditto|as above|see above)|^(同上|原因相同|同样的)`)
	names := regexp.MustCompile(`(?i)\b(google|gmail|microsoft|outlook|yahoo|alibaba|tencent|netease)\b|阿里|腾讯|网易|谷歌|微软`)
	careless := regexp.MustCompile(`(?i)InsecureSkipVerify|rejectUnauthorized|verify_none|--insecure|(turn|switch)\w* off (the )?(verification|certificate)|switch verification off|关闭证书验证`)
	f := Default()
	seen := 0
	look := func(id, group, text string) {
		seen++
		if leans.MatchString(text) {
			t.Errorf("%s leans on another rule: %s", id, text)
		}
		if group == "any" && names.MatchString(text) {
			t.Errorf("%s is said by anybody, and names somebody: %s", id, text)
		}
		if at := careless.FindStringIndex(text); at != nil {
			if before := text[:at[0]]; !strings.HasSuffix(before, "do not ") && !strings.HasSuffix(before, "不要") {
				t.Errorf("%s: %s", id, text)
			}
		}
		if strings.Contains(text, "你") {
			t.Errorf("%s says 你, and others 您: %s", id, text)
		}
	}
	for _, r := range f.rules {
		for _, w := range []Words{r.cause, r.fix} {
			look(r.id, r.group, w.En)
			look(r.id, r.group, w.Zh)
		}
	}
	for _, k := range f.Kinds() {
		cause, fix := f.Meaning(k)
		for _, text := range []string{cause.En, cause.Zh, fix.En, fix.Zh} {
			look(string(k), "any", text)
		}
	}
	if seen < 1000 {
		t.Errorf("only %d texts were read", seen)
	}
}

// TestMayHaveArrived: where the content was out, nobody is told to send it again unasked.
func TestMayHaveArrived(t *testing.T) {
	for _, text := range []string{
		"lost connection with mx.example.net[192.0.2.1] while sending end of data -- message may be sent more than once",
		"conversation with mx.example.net[192.0.2.1] timed out while sending end of data -- message may be sent more than once",
	} {
		d := Text(text, Hint{})
		if !d.Temporary || !strings.Contains(d.Cause.En, "may have taken") || !strings.Contains(d.Fix.En, "twice") || !strings.Contains(d.Cause.Zh, "可能已被接收") {
			t.Errorf("%s: %+v", text, d)
		}
	}
}

// TestLongText: of a long log the end is read too, and no letter of it is cut in two.
func TestLongText(t *testing.T) {
	for n := range 4 {
		filler := strings.Repeat("x", n) + strings.Repeat("job 7 有事要做\n", 9000)
		d := Text(filler+"535 5.7.8 Error: authentication failed", Hint{})
		if d.Kind != "auth-bad-credential" || strings.ContainsRune(d.Text, '\ufffd') {
			t.Errorf("a log of %d octets: %s of %.80q", len(filler), d.Kind, d.Text)
		}
		if s := shortened(filler); !utf8.ValidString(s) || len(s) > maxText+1 {
			t.Errorf("%d octets, valid %v", len(s), utf8.ValidString(s))
		}
	}
	_ = shortened(strings.Repeat("\x80", 3*maxText))
}
