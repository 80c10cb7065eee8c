package view

import (
	"net/url"
	"slices"
	"strings"
)

// urlRules say what becomes of the URLs in a mail that is shown.
type urlRules struct {
	remote bool
	cid    func(string) string
	has    func(cid string) bool
}

// plainURL takes out what browsers take out before they look at a URL: blanks and controls at both ends, tabs and
// line ends anywhere (WHATWG URL §4.4).
func plainURL(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	if strings.ContainsAny(s, "\t\r\n") {
		s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	}
	return s
}

// schemeOf is in lower case; empty where there is none. RFC 3986 §3.1.
func schemeOf(s string) string {
	for i := 0; i < len(s); i++ {
		switch c := s[i] | 0x20; {
		case s[i] == ':' && i > 0:
			return strings.ToLower(s[:i])
		case c >= 'a' && c <= 'z':
		case i > 0 && (isDigit(s[i]) || s[i] == '+' || s[i] == '-' || s[i] == '.'):
		default:
			return ""
		}
	}
	return ""
}

// isRemote: something else than the mail would be asked for it. Browsers take a backslash for a slash.
func isRemote(s string) bool {
	switch s = plainURL(s); schemeOf(s) {
	case "http", "https", "ftp", "ftps", "ws", "wss":
		return true
	case "":
		return len(s) > 1 && (s[0] == '/' || s[0] == '\\') && (s[1] == '/' || s[1] == '\\')
	}
	return false
}

// image gives the URL under which an image may be shown. From elsewhere it may be loaded only if that was asked for, and the place
// is one that takes it.
func (u urlRules) image(raw string, canLoad bool, told *Blocked) (string, bool) {
	s := plainURL(raw)
	switch scheme := schemeOf(s); {
	case scheme == "cid":
		id := s[len("cid:"):]
		if plain, err := url.PathUnescape(id); err == nil { // RFC 2392 §2
			id = plain
		}
		if u.has != nil && !u.has(id) {
			told.MissingCID++
			return "", false
		}
		if u.cid == nil {
			return "", false
		}
		to := u.cid(id)
		return to, to != ""
	case scheme == "data" && isDataImage(s):
		return s, true
	case (scheme == "http" || scheme == "https") && canLoad && u.remote:
		if p, err := url.Parse(s); err == nil && p.Host != "" && p.User == nil {
			return p.String(), true
		}
		told.URLs++
	case isRemote(s):
		told.RemoteImages++
		told.host(s)
	case s == "":
	default:
		told.URLs++
	}
	return "", false
}

// isDataImage: an image whose format runs no script. image/svg+xml is not one.
func isDataImage(s string) bool {
	head, body, ok := strings.Cut(s[len("data:"):], ",")
	head = strings.ToLower(strings.ReplaceAll(head, " ", ""))
	kind, base64 := strings.CutSuffix(head, ";base64")
	if !ok || !base64 || strings.Trim(body, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_% ") != "" {
		return false
	}
	return slices.Contains([]string{"image/png", "image/gif", "image/jpeg", "image/jpg", "image/webp", "image/bmp", "image/avif"}, kind)
}

// link gives the URL that a link may have. What is within the mail needs no window of its own.
func (u urlRules) link(raw string, told *Blocked) (to string, within, ok bool) {
	s := plainURL(raw)
	switch scheme := schemeOf(s); scheme {
	case "http", "https", "mailto", "tel", "sms":
		p, err := url.Parse(s)
		if err != nil {
			// QUIRK: merge fields and percent signs that are no escapes; browsers follow such links.
			p, err = url.Parse(strings.ReplaceAll(s, "%", "%25"))
		}
		if err != nil || p.Opaque == "" && p.Host == "" || strings.HasPrefix(scheme, "http") && p.Host == "" {
			told.URLs++
			return "", false, false
		}
		return p.String(), false, true
	case "":
		if strings.HasPrefix(s, "#") && !strings.ContainsAny(s, "<>\"'`") {
			return s, true, true
		}
	default:
		told.URLs++
	}
	return "", false, false
}

// validUTF8 is for what goes into JSON or a page as it is.
func validUTF8(b []byte) string { return strings.ToValidUTF8(string(b), "\ufffd") }
