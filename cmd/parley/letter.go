package main

import (
	"bytes"
	"mime"
	netmail "net/mail"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parleymail/parley/mail"
)

// complete adds what a message must have, and what was left out because sendmail
// adds it.
func (l *letter) complete(from mail.Address, now time.Time) {
	for i := range l.fields {
		l.fields[i] = encoded(l.fields[i])
	}
	if !l.has("from", "resent-from") {
		l.add("From: " + (&netmail.Address{Name: from.Name, Address: from.Address}).String())
	}
	if !l.has("date") {
		l.add("Date: " + now.Format(time.RFC1123Z))
	}
	if !l.has("message-id") {
		l.add("Message-ID: <" + strings.Trim(mail.NewMessageID(from), "<>") + ">")
	}
	if !l.has("to", "cc", "resent-to", "resent-cc") {
		// None is allowed (RFC 5322 §3.6), but many take it for spam.
		l.add("To: undisclosed-recipients:;")
	}
	if !l.has("content-type", "mime-version") && !isASCII(l.body) && utf8.Valid(l.body) {
		l.add("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit")
	}
}

func isASCII(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c >= utf8.RuneSelf })
}

// addressFields hold addresses, resent- ones too; plainFields hold text that may
// be written in encoded-words. Nothing else is touched.
var (
	addressFields = []string{"from", "sender", "reply-to", "to", "cc", "bcc"}
	plainFields   = []string{"subject", "comments", "keywords", "organization", "thread-topic", "user-agent"}
)

func isAddressField(name string) bool {
	return slices.Contains(addressFields, strings.TrimPrefix(name, "resent-"))
}

// encoded is a field with its UTF-8 in encoded-words (RFC 2047). Programs that call
// sendmail write it as it is, and most servers take no such header.
func encoded(field []byte) []byte {
	name := fieldName(field)
	title, value, _ := strings.Cut(string(field), ":")
	if isASCII(field) || !utf8.Valid(field) || strings.Contains(value, "=?") {
		return field
	}
	value = strings.TrimSpace(strings.NewReplacer("\r\n", "", "\n", "").Replace(value))
	switch {
	case isAddressField(name):
		list, err := mail.ParseAddressField(value)
		if err != nil {
			return field
		}
		for i, a := range list {
			if !isASCII([]byte(a.Address)) {
				return field // it needs SMTPUTF8 anyway
			}
			one := (&netmail.Address{Name: a.Name, Address: a.Address}).String()
			if i == 0 {
				value = one
			} else {
				value += ",\r\n " + one
			}
		}
	case slices.Contains(plainFields, name) || strings.HasPrefix(name, "x-"):
		value = mime.BEncoding.Encode("utf-8", value)
	default:
		return field
	}
	return []byte(title + ": " + strings.ReplaceAll(value, "?= =?", "?=\r\n =?") + "\r\n")
}

// qualify gives the addresses of the header that have no domain the one of this
// machine. Cron writes to root, and a server elsewhere knows no root.
func (l *letter) qualify(domain string) {
	for i, field := range l.fields {
		if !isAddressField(fieldName(field)) {
			continue
		}
		title, value, _ := bytes.Cut(field, []byte(":"))
		text := bytes.TrimRight(value, "\r\n")
		if q := qualified(string(text), domain); q != string(text) {
			l.fields[i] = []byte(string(title) + ":" + q + "\r\n")
		}
	}
}

// qualified gives each member of a list that has no domain this one: "root",
// "<root>", "Cron <root>" and "root (Cron)".
func qualified(list, domain string) string {
	members := splitList(list)
	for i, member := range members {
		members[i] = qualifyOne(member, domain)
	}
	return strings.Join(members, ",")
}

func qualifyOne(s, domain string) string {
	if strings.ContainsAny(s, "@:;\\") {
		return s // it has one, or is a group or something odd, which is looked at elsewhere
	}
	if open := strings.LastIndexByte(s, '<'); open >= 0 {
		local, after, ok := strings.Cut(s[open+1:], ">")
		if !ok || !isAtom(local) {
			return s
		}
		return s[:open+1] + local + "@" + domain + ">" + after
	}
	text, comment, _ := strings.Cut(s, "(")
	local := strings.TrimSpace(text)
	if !isAtom(local) {
		return s
	}
	at := strings.Index(text, local) + len(local)
	if comment != "" {
		return s[:at] + "@" + domain + s[at:]
	}
	return text[:at] + "@" + domain + text[at:]
}

func isAtom(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"[]`, r)
	})
}

// splitList parts a list of addresses at its commas, but not at those within
// quotes, comments and brackets.
func splitList(s string) []string {
	var list []string
	start, depth, quoted := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(' || c == '<':
			depth++
		case (c == ')' || c == '>') && depth > 0:
			depth--
		case c == ',' && depth == 0:
			list = append(list, s[start:i])
			start = i + 1
		}
	}
	return append(list, s[start:])
}

// mailName is the domain of this machine's users: /etc/mailname, as Debian has it,
// or the machine's own full name.
func mailName() string {
	if data, err := os.ReadFile("/etc/mailname"); err == nil {
		line, _, _ := strings.Cut(string(data), "\n")
		if line = strings.TrimSpace(line); isDomain(line) {
			return line
		}
	}
	name, err := os.Hostname()
	switch {
	case err != nil || !isDomain(name):
		return "localhost"
	case !strings.Contains(name, "."):
		return name + ".localdomain"
	}
	return name
}

func isDomain(s string) bool {
	_, err := mail.ParsePath("root@" + s)
	return err == nil && s != ""
}

// userName is who runs us.
func (u *ui) userName() string {
	if me, err := user.Current(); err == nil && isAtom(me.Username) {
		return me.Username
	}
	for _, name := range []string{"LOGNAME", "USER"} {
		if s := u.env(name); isAtom(s) {
			return s
		}
	}
	return "nobody"
}
