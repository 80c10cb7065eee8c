package view

import (
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/publicsuffix"
)

// A Link is where a mail leads.
type Link struct {
	URL    string   `json:"url"`
	Text   string   `json:"text,omitempty"` // what it stands on; of an image its alternative text
	In     string   `json:"in"`             // "html" or "text"
	Host   string   `json:"host,omitempty"`
	Doubts []string `json:"doubts,omitempty"` // IDs of findings: see [WordsOf]
}

const maxLinkText = 300 // octets

func (v *View) makeLinks() []Link {
	var list []Link
	if v.letter().HTML != nil {
		list = htmlLinks(v.source().Text, v.limits.Links)
	}
	if v.letter().Plain != nil {
		list = append(list, textLinks(v.text().Text, v.limits.Links-len(list))...)
	}
	for i := range list {
		list[i].judge()
	}
	return list
}

func htmlLinks(source string, most int) []Link {
	var list []Link
	open := -1 // the link whose text is read
	add := func(s string) {
		if open >= 0 && len(list[open].Text) < maxLinkText {
			list[open].Text += s[:min(len(s), maxLinkText)]
		}
	}
	for z := html.NewTokenizer(strings.NewReader(source)); len(list) < most; {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return trimLinks(list)
		case html.TextToken:
			add(string(z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			t := readTag(z)
			switch t.Data {
			case "a", "area":
				href, ok := attr(t, "href")
				alt, _ := attr(t, "alt")
				if !ok {
					continue
				}
				list = append(list, Link{URL: plainURL(href), Text: alt, In: "html"})
				open = len(list) - 1
				if t.Data == "area" {
					open = -1
				}
			case "img":
				alt, _ := attr(t, "alt")
				add(" " + alt + " ")
			case "br", "p", "div", "td":
				add(" ")
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == "a" {
				open = -1
			}
		default:
		}
	}
	return trimLinks(list)
}

func trimLinks(list []Link) []Link {
	for i := range list {
		list[i].Text = strings.ToValidUTF8(strings.Join(strings.Fields(list[i].Text), " "), "")
	}
	return list
}

// textLinks finds what programs make links of in a text: http://, https://, mailto: up to what cannot belong to it.
func textLinks(text string, most int) []Link {
	var list []Link
	for rest := text; len(list) < most; {
		i := linkIn(rest)
		if i < 0 {
			break
		}
		rest = rest[i:]
		end := strings.IndexFunc(rest, endsLink)
		if end < 0 {
			end = len(rest)
		}
		url := trimLink(rest[:end])
		if strings.IndexByte(url, ':')+3 < len(url) {
			list = append(list, Link{URL: url, In: "text"})
		}
		rest = rest[max(end, 4):]
	}
	return list
}

// linkIn finds where the next link begins.
func linkIn(s string) int {
	for at := 0; ; {
		i := strings.IndexByte(s[at:], ':')
		if i < 0 {
			return -1
		}
		i += at
		at = i + 1
		for _, scheme := range []string{"https", "http", "mailto"} {
			begin := i - len(scheme)
			if begin < 0 || !strings.EqualFold(s[begin:i], scheme) || begin > 0 && isAlnum(s[begin-1]) {
				continue
			}
			if scheme == "mailto" || strings.HasPrefix(s[i+1:], "//") {
				return begin
			}
		}
	}
}

func isAlnum(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }

// endsLink: blanks, brackets, quotes, and the marks of Chinese, which nobody leaves a blank before.
func endsLink(r rune) bool {
	return r <= ' ' || strings.ContainsRune("<>\"`{}|\\^\u00a0\u3000，。；：！？、（）【】《》「」『』“”‘’", r)
}

// trimLink leaves out what ends a sentence, and a bracket that was opened before the link.
func trimLink(s string) string {
	round := strings.Count(s, ")") - strings.Count(s, "(") // closed and never opened
	square := strings.Count(s, "]") - strings.Count(s, "[")
	for s != "" {
		switch last := s[len(s)-1]; {
		case strings.IndexByte(".,;:!?'*_", last) >= 0:
		case last == ')' && round > 0:
			round--
		case last == ']' && square > 0:
			square--
		default:
			return s
		}
		s = s[:len(s)-1]
	}
	return s
}

// judge fills in the host, and what gives pause.
func (l *Link) judge() {
	scheme := schemeOf(l.URL)
	doubt := func(id string) { l.Doubts = append(l.Doubts, id) }
	switch scheme {
	case "http", "https":
	case "mailto", "tel", "sms":
		return
	case "":
		if l.URL == "" || l.URL == "#" {
			doubt("link-dead")
		} else if !strings.HasPrefix(l.URL, "#") {
			doubt("link-relative")
		}
		return
	default:
		doubt("link-scheme")
		return
	}
	u, err := url.Parse(l.URL)
	if err != nil || u.Host == "" {
		doubt("link-broken")
		return
	}
	l.Host = strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if scheme == "http" {
		doubt("link-http")
	}
	if u.User != nil {
		doubt("link-credentials")
	}
	l.judgeHost(doubt)
	if said := hostSaid(l.Text); said != "" && !sameSite(said, l.Host) {
		doubt("link-other-host")
	}
}

func (l *Link) judgeHost(doubt func(string)) {
	switch a, err := netip.ParseAddr(l.Host); {
	case err == nil && (a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified()):
		doubt("link-private")
	case err == nil:
		doubt("link-ip")
	case l.Host == "localhost" || strings.HasSuffix(l.Host, ".localhost") || strings.HasSuffix(l.Host, ".local") || strings.HasSuffix(l.Host, ".internal") ||
		strings.HasSuffix(l.Host, ".test") || strings.HasSuffix(l.Host, ".lan") || !strings.Contains(l.Host, "."):
		doubt("link-private")
	case isExampleHost(l.Host):
		doubt("link-example")
	case strings.HasPrefix(l.Host, "xn--") || strings.Contains(l.Host, ".xn--"):
		doubt("link-punycode")
	}
}

// isExampleHost: RFC 2606 §3.
func isExampleHost(h string) bool {
	for _, d := range []string{"example.com", "example.net", "example.org", "example"} {
		if h == d || strings.HasSuffix(h, "."+d) {
			return true
		}
	}
	return false
}

// hostSaid gives the host that a link's text names, if the text is an address of the web and nothing else.
func hostSaid(text string) string {
	s := strings.ToLower(strings.TrimSpace(text))
	s = strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
	if i := strings.IndexAny(s, "/?#"); i >= 0 {
		s = s[:i]
	}
	s, _, _ = strings.Cut(s, ":")
	s = strings.TrimSuffix(s, ".")
	dot := strings.LastIndexByte(s, '.')
	if dot <= 0 || strings.ContainsFunc(s, func(r rune) bool { return r != '.' && r != '-' && (r >= 0x80 || !isAlnum(byte(r))) }) {
		return ""
	}
	// "report.pdf" names no host: only suffixes that are in the list of public suffixes count.
	if _, known := publicsuffix.PublicSuffix(s); !known {
		return ""
	}
	if suffix, _ := publicsuffix.PublicSuffix(s); suffix == s {
		return ""
	}
	return s
}

// sameSite: one owner by the list of public suffixes.
func sameSite(a, b string) bool {
	sa, errA := publicsuffix.EffectiveTLDPlusOne(a)
	sb, errB := publicsuffix.EffectiveTLDPlusOne(b)
	if errA != nil || errB != nil {
		return a == b
	}
	return sa == sb
}
