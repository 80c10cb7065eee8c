package config

import (
	"net/url"
	"strconv"
	"strings"
)

// SplitURL finds user:password in an SMTP URL. They end at the last @ before the
// host, for a user name is often a mail address.
func SplitURL(s string) (before, info, after string) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return "", "", s
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return scheme + "://", "", rest
	}
	return scheme + "://", rest[:at], rest[at+1:]
}

// Escape writes a password as it stands in a URL.
func Escape(s string) string { return escape(s, "") }

// EscapeUser writes a user name as it stands in a URL, in which an @ may stay.
func EscapeUser(s string) string { return escape(s, "@-._~+") }

func escape(s, keep string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// HostPort is a host with its port as they stand in a URL; port 0 is left out.
func HostPort(host string, port int) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == 0 {
		return host
	}
	return host + ":" + strconv.Itoa(port)
}

// withoutProxyPassword is a URL as it may be shown, and whether there was anything to
// leave out.
func withoutProxyPassword(s string) (shown string, had bool) {
	where, query, ok := strings.Cut(s, "?")
	if !ok {
		return s, false
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return where + "?…", true // whatever it is, it is not shown
	}
	for i, proxy := range values["proxy"] {
		if values["proxy"][i] = withoutPassword(proxy); values["proxy"][i] != proxy {
			had = true
		}
	}
	if !had {
		return s, false
	}
	return where + "?" + encode(values), true
}

// withoutPassword is a proxy's URL as it may be shown. It may be no URL at all, and is
// not yet tried: whatever a password could be in is left out.
func withoutPassword(proxy string) string {
	at := strings.LastIndexByte(proxy, '@')
	if at < 0 {
		return proxy
	}
	before, info := "", proxy[:at]
	if scheme, rest, ok := strings.Cut(info, "://"); ok {
		before, info = scheme+"://", rest
	}
	user, _, _ := strings.Cut(info, ":")
	return before + user + proxy[at:]
}

// encode is values.Encode with slashes and colons left to be read.
func encode(values url.Values) string {
	return strings.NewReplacer("%2F", "/", "%3A", ":", "+", "%20").Replace(values.Encode())
}
