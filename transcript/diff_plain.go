package transcript

import (
	"regexp"
	"strings"
	"unicode"
)

// plain is a text without what every conversation has of its own: numbers, dates, ids, names of hosts and addresses
// of machines give way to one mark. Two texts that are plainly the same say the same.
func plain(text string) string {
	// The mail addresses stay: which of them a server refuses is what it says.
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t,;()[]\"'", r) })
	var kept []string
	for _, word := range words {
		trimmed := strings.Trim(word, ".:!?")
		if trimmed == "" {
			continue
		}
		if own(trimmed) {
			if len(kept) == 0 || kept[len(kept)-1] != "~" {
				kept = append(kept, "~")
			}
			continue
		}
		kept = append(kept, strings.ToLower(trimmed))
	}
	return strings.Join(kept, " ")
}

// ownForms are the words that belong to one conversation.
var ownForms = regexp.MustCompile(`(?i)^(?:` + strings.Join([]string{
	`[+-]?[0-9][0-9.:/_-]*(?:ms|s|m|h|kb|mb|[tz])?[0-9:.+-]*`,   // numbers, dates, times, addresses of IPv4, ports
	`(?:mon|tue|wed|thu|fri|sat|sun)(?:day)?`,                   // of a date
	`(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*`, // of a date; "may" is lost with it
	`(?:utc|gmt|cst|cest?|[ecmp][sd]t)`,
	`(?:[0-9a-f]{0,4}:){2,}[0-9a-f:.]*`,             // IPv6
	`(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]*\.?(?::\d+)?`, // names of hosts
	`localhost`,
}, "|") + `)$`)

// own reports whether a word belongs to one conversation.
func own(word string) bool {
	switch {
	case strings.Contains(word, "@"):
		return isID(strings.Trim(word, "<>"))
	case ownForms.MatchString(word):
		return true
	case strings.ContainsAny(word, "="):
		name, value, _ := strings.Cut(word, "=")
		return name != "" && value != "" && (own(value) || isToken(value))
	}
	return isToken(strings.Trim(word, "<>"))
}

// isID reports whether what has an @ is a message's id rather than somebody's address: those have digits in number
// before the @.
func isID(word string) bool {
	local, _, _ := strings.Cut(word, "@")
	return len(local) >= 12 && digits(local) >= 4
}

// isToken reports whether a word is the name of a mail in a queue, or of a session: letters and digits mixed, or long
// and unreadable.
func isToken(word string) bool {
	n := digits(word)
	switch {
	case strings.Trim(word, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.+/=:~") != "":
		return false
	case protocol(word):
		return false
	case len(word) >= 6 && n >= 2, strings.Contains(word, "-") && n > 0, len(word) >= 8 && n > 0 && isMixed(word):
		return true // 4F8D02C1A3, v12-20020a05, demo-1, DsCowADHBk1; enhanced codes were taken off before
	}
	return len(word) >= 9 && isHexOrCapitals(word)
}

// protocol are words with digits that every server means the same by.
func protocol(word string) bool {
	upper := strings.ToUpper(word)
	for _, known := range []string{"SCRAM-SHA-", "CRAM-MD5", "DIGEST-MD5", "UTF-8", "ISO-8859", "RFC", "SHA-", "TLS-", "TLSV", "XOAUTH2", "SMTPUTF8", "8BITMIME", "BASE64"} {
		if strings.HasPrefix(upper, known) {
			return true
		}
	}
	return false
}

func isHexOrCapitals(word string) bool {
	return strings.Trim(word, "0123456789abcdef") == "" || strings.Trim(word, "0123456789ABCDEF") == ""
}

// isMixed reports whether there are capitals behind small letters, as no word of a language has.
func isMixed(word string) bool {
	small := strings.IndexFunc(word, unicode.IsLower)
	return small >= 0 && strings.ContainsFunc(word[small:], unicode.IsUpper)
}

func digits(s string) int {
	n := 0
	for _, r := range s {
		if r >= '0' && r <= '9' {
			n++
		}
	}
	return n
}

// plainCommand is a command without its numbers: sizes and ids.
func plainCommand(line string) string {
	verb := VerbOf(line)
	if verb == "EHLO" || verb == "HELO" || verb == "LHLO" {
		return helloKind(line)
	}
	words := strings.Fields(line)
	for i, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			continue
		}
		switch strings.ToUpper(name) {
		case "SIZE", "ENVID":
			words[i] = strings.ToUpper(name) + "=~"
		default:
			words[i] = strings.ToUpper(name) + "=" + value
		}
	}
	if verb == "BDAT" && len(words) > 1 {
		words[1] = "~"
	}
	if len(words) > 0 {
		words[0] = strings.ToUpper(words[0])
	}
	return strings.Join(words, " ")
}

// helloKind is what sort of name a client goes by: servers refuse some.
func helloKind(line string) string {
	verb := VerbOf(line)
	name := ""
	if words := strings.Fields(line); len(words) > 1 {
		name = words[1]
	}
	switch {
	case name == "":
		return verb + " nothing"
	case strings.HasPrefix(name, "["):
		return verb + " an address"
	case strings.Trim(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.") != "":
		return verb + " an odd name"
	case !strings.Contains(strings.Trim(name, "."), "."):
		return verb + " a bare name"
	}
	return verb + " a name"
}

// SameCommand reports whether two lines of a client ask the same: sizes, the name it goes by and the case of words
// are passed over, and so is what is secret.
func SameCommand(a, b string) bool {
	if VerbOf(a) == "AUTH" && VerbOf(b) == "AUTH" {
		return mechanism(a) == mechanism(b)
	}
	return plainCommand(a) == plainCommand(b)
}
