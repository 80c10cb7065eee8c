package entity

import (
	"strings"
	"testing"
)

// TestChineseCharsets: GBK and its older names are read as GB18030, as browsers read them; what is said to be of them and is UTF-8 is read so.
func TestChineseCharsets(t *testing.T) {
	text := func(charset, body string, most int) Text {
		return Parse([]byte("Content-Type: text/plain; charset="+charset+"\r\n\r\n"+body), Limits{}).Text(most)
	}
	for _, charset := range []string{"gb2312", "GBK", "x-gbk", "cp936", "gb18030", "chinese", "euc-cn"} {
		if got := text(charset, "\xc4\xe3\x95\x32\x82\x36\x80\xba\xc3", 1000); got.Text != "你\U00020000€好" || got.Broken || got.Guessed {
			t.Errorf("%s: %+v", charset, got)
		}
		if got := text(charset, "你好，世界，这是验证码", 1000); got.Text != "你好，世界，这是验证码" || got.Charset != "utf-8" || !got.Guessed {
			t.Errorf("%s, and it is UTF-8: %+v", charset, got)
		}
		if got := text(charset, "\xc1\xaa\xcd\xa8", 1000); got.Text != "联通" || got.Guessed {
			t.Errorf("%s, which happens to be UTF-8: %+v", charset, got)
		}
	}
	for _, c := range []struct{ charset, rune string }{{"gbk", "\xc4\xe3"}, {"gb18030", "\x95\x32\x82\x36"}, {"big5", "\xa7\x41"}, {"euc-jp", "\xa4\xa2"}, {"shift_jis", "\x82\xa0"}, {"euc-kr", "\xb0\xa1"}} {
		whole := text(c.charset, strings.Repeat(c.rune, 100), 10_000)
		for cut := 40; cut < 48; cut++ {
			got := text(c.charset, strings.Repeat(c.rune, 100), cut)
			if n := cut / len(c.rune); !got.Cut || got.Broken || !strings.HasPrefix(whole.Text, got.Text) || len([]rune(got.Text)) < n {
				t.Errorf("%s, cut at %d: %+v", c.charset, cut, got)
			}
		}
	}
	// ISO-2022-JP says by escapes what its octets are.
	for cut := 40; cut < 60; cut++ {
		got := text("iso-2022-jp", strings.Repeat("\x1b$B$\"$\"\x1b(B ", 30), cut)
		if got.Broken || strings.Contains(got.Text, "\x1b") || !strings.HasPrefix(got.Text, "ああ ああ ") {
			t.Errorf("iso-2022-jp, cut at %d: %+v", cut, got)
		}
	}
}

// TestTornCharacters: of a text that ends within a character all the rest is shown, and one U+FFFD.
func TestTornCharacters(t *testing.T) {
	for _, c := range []struct{ charset, body, want string }{
		{"gbk", "\xc4\xe3\xba\xc3\xc4", "你好\ufffd"},
		{"gb18030", "\xc4\xe3\x95", "你\ufffd"},
		{"gb18030", "\xc4\xe3\x95\x32", "你\ufffd"},
		{"gb18030", "\xc4\xe3\x95\x32\x82", "你\ufffd"},
		{"gb2312", "你好\xe4\xbd", "你好\ufffd"},
		{"utf-8", "你好\xe4\xbd", "你好\ufffd"},
		{"us-ascii", "你好\xe4", "你好\ufffd"},
		{"x-unheard-of", "你好\xe4\xbd", "你好\ufffd"},
		{"us-ascii", "caf\xe9", "café"}, // all of a character of windows-1252
		{"big5", "\xa7\x41\xa7", "你\ufffd"},
		{"shift_jis", "\x82\xa0\x82", "あ\ufffd"},
		{"euc-jp", "\xa4\xa2\x8f\xb0", "あ\ufffd"},
		{"euc-kr", "\xb0\xa1\xb0", "가\ufffd"},
		{"iso-2022-jp", "\x1b$B$\"$", "あ\ufffd"},
		{"iso-2022-jp", "\x1b$B$\"\x1b(", "あ\ufffd"},
		{"hz-gb-2312", "~{VPV", "中\ufffd"},
		{"utf-16le", "\x60\x4f\x59", "你\ufffd"},
	} {
		got := Parse([]byte("Content-Type: text/plain; charset="+c.charset+"\r\n\r\n"+c.body), Limits{}).Text(1000)
		if got.Text != c.want || got.Broken != strings.Contains(c.want, "\ufffd") {
			t.Errorf("%s %q: %+v", c.charset, c.body, got)
		}
	}
}

// TestUTF8CalledChinese: what says gb2312 and is UTF-8 is read as that, in any language; what is Chinese and happens to be UTF-8 as Chinese.
func TestUTF8CalledChinese(t *testing.T) {
	for body, utf8 := range map[string]bool{
		"你好":                       true,
		"Hello 好":                  true,
		"Hello 好, kim":             true,
		"Привет, мир":              true,
		"안녕하세요":                    true,
		"こんにちは":                    true,
		"1 € und 2 €":              true,
		"😀":                        true,
		"<p>您的验证码是 123456</p>":     true,
		"\xc1\xaa\xcd\xa8":         false, // 联通
		"\xd1\xa7\xcf\xb0":         false, // 学习
		"\xdd\xa1":                 false, // 荨
		"\xe4\xbf\xb0\xe4\xbc\xb1": false, // 淇颁急; the 俰伱 that it would be too nobody writes
	} {
		got := Parse([]byte("Content-Type: text/plain; charset=gb2312\r\n\r\n"+body), Limits{}).Text(1000)
		if (got.Charset == "utf-8") != utf8 || got.Guessed != utf8 || got.Broken {
			t.Errorf("%q: %+v", body, got)
		}
	}
}
