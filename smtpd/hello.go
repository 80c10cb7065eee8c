package smtpd

import (
	"slices"
	"strconv"
	"strings"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// An extension is a set of service extensions: RFC 5321 §2.2.
type extension uint16

const (
	extPipelining extension = 1 << iota // RFC 2920
	extSize                             // RFC 1870
	extEightBit                         // RFC 6152
	extUTF8                             // RFC 6531
	extDSN                              // RFC 3461
	extChunking                         // RFC 3030
	extEnhanced                         // RFC 2034
	extLimits                           // RFC 9422
	extHelp
	extStartTLS   // RFC 3207
	extRequireTLS // RFC 8689
	extAuth       // RFC 4954
)

// keywords are the extensions in the order in which EHLO tells of them.
var keywords = [...]struct {
	keyword string
	ext     extension
}{
	{"PIPELINING", extPipelining},
	{"SIZE", extSize},
	{"8BITMIME", extEightBit},
	{"SMTPUTF8", extUTF8},
	{"DSN", extDSN},
	{"CHUNKING", extChunking},
	{"ENHANCEDSTATUSCODES", extEnhanced},
	{"STARTTLS", extStartTLS},
	{"REQUIRETLS", extRequireTLS},
	{"AUTH", extAuth},
	{"LIMITS", extLimits},
	{"HELP", extHelp},
}

// offer is what the server offers, as far as that is the same for all sessions.
func (srv *Server) offer() extension {
	var all extension
	for _, k := range keywords {
		if !slices.ContainsFunc(srv.Without, func(s string) bool { return strings.EqualFold(s, k.keyword) }) {
			all |= k.ext
		}
	}
	if srv.TLS == nil {
		all &^= extStartTLS
	}
	if srv.Accounts == nil {
		all &^= extAuth
	}
	return all
}

// offers reports whether an extension is offered in this session.
func (s *Session) offers(x extension) bool {
	on := s.server.offered
	if s.tls == nil {
		on &^= extRequireTLS // RFC 8689 §4.1
	} else {
		on &^= extStartTLS // RFC 3207 §4.2
	}
	return on&x != 0
}

// agreed reports whether an extension may be used: it was offered in a reply to
// EHLO.
func (s *Session) agreed(x extension) bool { return s.extended && s.offers(x) }

func (s *Session) helo(args []byte) smtp.Reply {
	if r := s.greeted(args); r.Code != 0 {
		return r
	}
	s.extended = false
	return smtp.Reply{Code: 250, Lines: []string{s.server.host}}
}

func (s *Session) ehlo(args []byte) smtp.Reply {
	if r := s.greeted(args); r.Code != 0 {
		return r
	}
	s.extended = true
	lines := make([]string, 1, len(keywords)+1)
	lines[0] = s.server.host
	for _, k := range keywords {
		if line := k.keyword + s.parameters(k.ext); s.offers(k.ext) && line != "AUTH" && line != "LIMITS" {
			lines = append(lines, line)
		}
	}
	for i, line := range s.server.Extra {
		// Among the others, for that is where a client has to pass over them.
		lines = slices.Insert(lines, 1+i*2%len(lines), line)
	}
	return smtp.Reply{Code: 250, Lines: lines}
}

// parameters is what stands behind a keyword, with a blank before it.
func (s *Session) parameters(x extension) string {
	limits := &s.server.limits
	var b []byte
	switch x {
	case extSize:
		if limits.size > 0 {
			b = strconv.AppendInt(append(b, ' '), limits.size, 10)
		}
	case extLimits:
		if limits.mails < noLimit {
			b = strconv.AppendInt(append(b, " MAILMAX="...), int64(limits.mails), 10)
		}
		if limits.recipients < noLimit {
			b = strconv.AppendInt(append(b, " RCPTMAX="...), int64(limits.recipients), 10)
		}
	case extAuth:
		if s.server.Accounts != nil && !(s.server.RequireTLS && s.tls == nil) {
			for _, mechanism := range s.server.Accounts.Offer(s.channel()) {
				b = append(append(b, ' '), mechanism...)
			}
		}
	default: // the others stand alone
	}
	return string(b)
}

func (s *Session) channel() sasl.Channel {
	return sasl.Channel{Host: s.server.host, TLS: s.tls}
}

// greeted takes the name that the client gives itself, and ends what mail is under
// way: RFC 5321 §4.1.4.
//
// QUIRK: any name will do, a domain or not: Windows makes one of the computer's,
// underscores, Chinese and all. It proves nothing in any case.
func (s *Session) greeted(args []byte) smtp.Reply {
	const longestHello = 255
	bad := func(c byte) bool { return c <= ' ' || c == 0x7f }
	switch {
	case len(args) == 0:
		return Reply("501 5.5.4 the name of your host is missing")
	case len(args) > longestHello || slices.ContainsFunc(args, bad):
		return Reply("501 5.5.4 that is no name of a host")
	}
	s.forget()
	s.hello = string(args)
	return smtp.Reply{}
}
