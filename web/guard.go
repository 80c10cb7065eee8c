package web

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// mostBody is the longest body of a request, in octets. No route takes more: what comes is a rule or a list of addresses.
const mostBody = 1 << 20

// A guard stands before every route.
type guard struct {
	next  http.Handler
	hosts []string // names by which we may be reached, lower-case
	users *users   // nil: nobody has to say who they are
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	if !g.isOurs(r.Host) {
		// DNS rebinding: a page of anybody's whose name has come to mean this machine.
		refuse(w, r, http.StatusMisdirectedRequest, "host", "this server is not called "+clip(r.Host)+"; it is reached as localhost, or by a name that --host gives")
		return
	}
	if why := crossing(r); why != "" {
		refuse(w, r, http.StatusForbidden, "origin", why)
		return
	}
	if g.users != nil {
		switch g.users.know(r) {
		case tooMany:
			w.Header().Set("Retry-After", "1")
			refuse(w, r, http.StatusTooManyRequests, "logins", "too many logins are being tried: come again in a moment")
			return
		case stranger:
			w.Header().Set("WWW-Authenticate", `Basic realm="Parley", charset="UTF-8"`)
			refuse(w, r, http.StatusUnauthorized, "login", "who are you?")
			return
		case friend:
		}
	}
	if !takeBody(w, r) {
		return
	}
	g.next.ServeHTTP(w, r)
}

// setHeaders are what every answer bears; a route may make them stricter, or say otherwise.
func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-DNS-Prefetch-Control", "off")  // a link in a mail is not to be looked up because it is seen: its name may be the reader's own
	h.Set("Referrer-Policy", "same-origin") // with no-referrer a browser calls the origin of our own forms "null"
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store") // mail is in there
}

// isOurs reports whether a Host names us. Any port will do: a container's is mapped to another.
func (g *guard) isOurs(host string) bool {
	name := strings.ToLower(host)
	if h, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		name = strings.ToLower(h)
	}
	return slices.Contains(g.hosts, strings.TrimSuffix(strings.Trim(name, "[]"), "."))
}

// crossing says why a request may have been made by another page; "" if it was not.
func crossing(r *http.Request) string {
	if origins, has := r.Header["Origin"]; has {
		if len(origins) != 1 || !sameOrigin(origins[0], r.Host) {
			return "another page asks: its origin is " + clip(strings.Join(origins, ", "))
		}
		return ""
	}
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "none", "same-origin":
		return "" // no browser, or a person, or ourselves
	default:
		if isVisit(r) {
			return "" // somebody followed a link to a page
		}
		return "another page asks: Sec-Fetch-Site is " + clip(site)
	}
}

// isVisit reports whether a request is a person's who follows a link. What it gets is shown in a window of its own, to nobody else.
func isVisit(r *http.Request) bool {
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && isPage(r)
}

// isPage reports whether a request is for one of those pages that a link of somebody's may lead to. Others change something, or show
// a mail without the page around it; and images from elsewhere are asked for by a person who reads, or not at all: whoever sent the
// mail could have them loaded otherwise by a link to us.
func isPage(r *http.Request) bool {
	if q := r.URL.Query(); q.Has("remote") {
		return false
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch first {
	case "", "faults", "help", "rates", "suppressions", "users":
		return rest == ""
	case "messages", "sessions":
		return !strings.Contains(rest, "/")
	}
	return false
}

// sameOrigin compares an origin with the host that was asked: RFC 6454 §5. The scheme may be either, for a proxy may speak TLS before us.
func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, host) && u.Path == "" && u.User == nil && u.RawQuery == ""
}

// takeBody reads the body before anybody looks at the request, so that one that is too large is refused in one place, whether it
// tells its length or not.
func takeBody(w http.ResponseWriter, r *http.Request) bool {
	if r.Body == nil || r.Body == http.NoBody {
		return true
	}
	if r.ContentLength > mostBody {
		w.Header().Set("Connection", "close")
		refuse(w, r, http.StatusRequestEntityTooLarge, "too_large", "a request has at most 1 MiB")
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		refuse(w, r, http.StatusRequestEntityTooLarge, "too_large", "a request has at most 1 MiB")
		return false
	}
	if err != nil {
		refuse(w, r, http.StatusBadRequest, "body", "the request broke off")
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return true
}

// clip is a header of somebody's, short enough to be said again.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}

// hostNames are the names by which we may be reached: this machine's own, and those that were given. An address that is listened
// on is one of them, unless it is all of them.
func hostNames(given []string, addr string) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	for _, name := range given {
		names = append(names, strings.ToLower(strings.Trim(name, "[]. ")))
	}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && !ip.IsUnspecified() {
			names = append(names, ip.WithZone("").String())
		}
	}
	return names
}
