package smtpd

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// cutPath takes "FROM:<path>" apart into the path and the parameters behind it. If
// it cannot, it says what is wrong.
//
// QUIRK: blanks between the colon and the path are passed over. RFC 5321 §3.3
// forbids them, and many a client has one.
func cutPath(keyword string, args []byte) (path string, params []byte, what string) {
	if len(args) < len(keyword) || !bytes.EqualFold(args[:len(keyword)], []byte(keyword)) {
		return "", nil, "the command goes on with " + keyword + "<address>"
	}
	args = bytes.TrimLeft(args[len(keyword):], " \t")
	if len(args) == 0 || args[0] != '<' {
		return "", nil, "the address stands in < and >"
	}
	end, route := endOfPath(args)
	if end < 0 {
		return "", nil, "the address has no > at its end"
	}
	params = args[end+1:]
	if len(params) > 0 && params[0] != ' ' {
		return "", nil, "a blank stands between the address and what follows"
	}
	if route > 0 {
		// A source route is no longer used, and yet to be taken: RFC 5321 §4.1.1.3.
		return string(args[route:end]), params, ""
	}
	return string(args[1:end]), params, ""
}

// endOfPath finds the > that ends a path, and where behind the source route the
// address begins, 0 if there is none. What stands in quotes is passed over.
func endOfPath(b []byte) (end, route int) {
	routed := len(b) > 1 && b[1] == '@'
	if end = bytes.IndexByte(b, '>'); !routed && bytes.IndexByte(b[:max(end, 0)], '"') < 0 {
		return end, 0 // as nearly always
	}
	quoted := false
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ':' && routed && route == 0:
			route = i + 1
		case c == '>':
			return i, route
		}
	}
	return -1, 0
}

// A parameter is one that MAIL or RCPT may have: RFC 5321 §4.1.1.11. Set is given
// nil where there is no "=".
type parameter[T any] struct {
	name string
	ext  extension
	set  func(s *Session, to T, value []byte) smtp.Reply
}

var mailParameters = []parameter[*Transaction]{
	{"SIZE", extSize, setSize},
	{"BODY", extEightBit, setBody},
	{"SMTPUTF8", extUTF8, setUTF8},
	{"RET", extDSN, setReturn},
	{"ENVID", extDSN, setID},
	{"REQUIRETLS", extRequireTLS, setRequireTLS},
	{"AUTH", extAuth, setSubmitter},
}

var rcptParameters = []parameter[*mail.Recipient]{
	{"NOTIFY", extDSN, setNotify},
	{"ORCPT", extDSN, setOriginal},
}

// setParameters reads the parameters of a command. One that is not known, or not
// offered, is refused with 555, and one that stands there twice with 501.
func setParameters[T any](s *Session, params []byte, table []parameter[T], to T) smtp.Reply {
	var seen uint16
	for {
		params = bytes.TrimLeft(params, " \t")
		if len(params) == 0 {
			return smtp.Reply{}
		}
		var word []byte
		word, params = cutWord(params)
		name, value, has := bytes.Cut(word, []byte("="))
		if !has {
			value = nil
		}
		i := findParameter(table, name)
		switch {
		case i < 0 || !s.agreed(table[i].ext):
			return Reply("555 5.5.4 the parameter is not known or not offered: " + show(name))
		case seen&(1<<i) != 0:
			return Reply("501 5.5.4 the parameter stands there twice: " + show(name))
		}
		seen |= 1 << i
		if r := table[i].set(s, to, value); r.Code != 0 {
			return r
		}
	}
}

func findParameter[T any](table []parameter[T], name []byte) int {
	for i := range table {
		if len(name) == len(table[i].name) && bytes.EqualFold(name, []byte(table[i].name)) {
			return i
		}
	}
	return -1
}

// show is what a client said, to be said back to it.
func show(b []byte) string {
	const most = 40
	return smtp.Printable(string(b[:min(len(b), most)]))
}

func badValue(name string) smtp.Reply {
	return Reply("501 5.5.4 the parameter has no value that can be read: " + name)
}

// setSize: RFC 1870 §6.1, the mail is refused before it is sent.
func setSize(s *Session, t *Transaction, value []byte) smtp.Reply {
	n, ok := number(value)
	if !ok {
		return badValue("SIZE")
	}
	if most := s.server.limits.size; most > 0 && n > most {
		return tooLarge
	}
	t.Size = n
	return smtp.Reply{}
}

// number reads up to 20 digits: RFC 1870 §4. One over 63 bits is the largest there is.
func number(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, _ = strconv.ParseInt(string(b), 10, 64) // it gives the largest number where there is none so large
	return n, true
}

func setBody(_ *Session, t *Transaction, value []byte) smtp.Reply {
	switch {
	case bytes.EqualFold(value, []byte("8BITMIME")):
		t.EightBit = true
	case !bytes.EqualFold(value, []byte("7BIT")):
		return Reply("501 5.5.4 BODY is 7BIT or 8BITMIME")
	}
	return smtp.Reply{}
}

func setUTF8(_ *Session, t *Transaction, value []byte) smtp.Reply {
	if value != nil {
		return badValue("SMTPUTF8, which has none")
	}
	t.UTF8 = true
	return smtp.Reply{}
}

func setRequireTLS(_ *Session, t *Transaction, value []byte) smtp.Reply {
	if value != nil {
		return badValue("REQUIRETLS, which has none")
	}
	t.RequireTLS = true
	return smtp.Reply{}
}

func setReturn(_ *Session, t *Transaction, value []byte) smtp.Reply {
	switch {
	case bytes.EqualFold(value, []byte("FULL")):
		t.Return = mail.ReturnFull
	case bytes.EqualFold(value, []byte("HDRS")):
		t.Return = mail.ReturnHeader
	default:
		return Reply("501 5.5.4 RET is FULL or HDRS")
	}
	return smtp.Reply{}
}

// setID: RFC 3461 §4.4.
func setID(_ *Session, t *Transaction, value []byte) smtp.Reply {
	id, ok := decodeXtext(value)
	if !ok || id == "" || len(value) > 100 {
		return badValue("ENVID")
	}
	t.ID = id
	return smtp.Reply{}
}

// setSubmitter: RFC 4954 §5. Of a client that has not said who it is nothing is
// believed.
func setSubmitter(s *Session, t *Transaction, value []byte) smtp.Reply {
	text, ok := decodeXtext(value)
	if !ok || value == nil {
		return badValue("AUTH")
	}
	p, err := mail.ParsePath(text)
	if err != nil {
		return badValue("AUTH")
	}
	if s.user != "" {
		t.Submitter = p
	}
	return smtp.Reply{}
}

// setNotify: RFC 3461 §4.1.
func setNotify(_ *Session, r *mail.Recipient, value []byte) smtp.Reply {
	for word := range bytes.SplitSeq(value, []byte(",")) {
		var n mail.Notify
		switch string(bytes.ToUpper(word)) {
		case "NEVER":
			n = mail.NotifyNever
		case "SUCCESS":
			n = mail.NotifySuccess
		case "FAILURE":
			n = mail.NotifyFailure
		case "DELAY":
			n = mail.NotifyDelay
		default:
			return Reply("501 5.5.4 NOTIFY is NEVER, or some of SUCCESS, FAILURE and DELAY")
		}
		r.Notify |= n
	}
	if r.Notify&mail.NotifyNever != 0 && r.Notify != mail.NotifyNever {
		return Reply("501 5.5.4 NOTIFY=NEVER stands alone")
	}
	return smtp.Reply{}
}

// setOriginal: RFC 3461 §4.2.
func setOriginal(_ *Session, r *mail.Recipient, value []byte) smtp.Reply {
	kind, addr, ok := bytes.Cut(value, []byte(";"))
	text, decoded := decodeXtext(addr)
	if !ok || !decoded || text == "" || len(value) > 500 || !isAtom(kind) {
		return badValue("ORCPT")
	}
	r.Original = string(kind) + ";" + text
	return smtp.Reply{}
}

func isAtom(b []byte) bool {
	for _, c := range b {
		if !(c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return false
		}
	}
	return len(b) > 0
}

// decodeXtext decodes xtext: RFC 3461 §4. UTF-8 stands for itself, as RFC 6533 §3
// has it. What is decoded goes into headers of ours, so that it must not hold
// control characters: that is refused, as is what is no UTF-8.
func decodeXtext(b []byte) (string, bool) {
	text := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '=' {
			return "", false
		}
		if c == '+' {
			if i+2 >= len(b) {
				return "", false
			}
			high, ok1 := fromHex(b[i+1])
			low, ok2 := fromHex(b[i+2])
			if !ok1 || !ok2 {
				return "", false
			}
			c = high<<4 | low
			i += 2
		}
		if c < ' ' || c == 0x7f {
			return "", false
		}
		text = append(text, c)
	}
	return string(text), utf8.Valid(text)
}

// fromHex: RFC 3461 §4 has capitals. QUIRK: small letters are taken too.
func fromHex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
