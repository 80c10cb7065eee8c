package inbox

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/parleymail/parley/diagnose"
)

// A Query says which messages, or sessions, are meant. It is made by [ParseQuery], or
// by hand; Text is then read when it is used.
//
// Text is words and "phrases", which may stand anywhere: in the header, the
// envelope, the text, the name of an attachment. A word fits every word that begins
// with it. Some say where, and any may have "-" before it, for not:
//
//	from: to: subject: body: file:   in the header or the content; to: in Cc too
//	rcpt: sender:                    in the envelope
//	id:                              the Message-ID
//	has:attachment                   or html, text, image, invite
//	is:unseen                        or seen, failed, open, tls, auth, 8bit, utf8, released
//	larger:10k smaller:2M            octets
//	after:2026-11-02 before:2h       a day, a time, or so long ago
//	session:12 mailbox:ci user:kim   where it came from
//
// Of a session it is asked what it did, and what its messages are like.
type Query struct {
	Text    string // as it was written
	Mailbox string // only of this mailbox; empty: of all
	Before  int64  // ID: only older ones, for the next page; zero: from the newest
	After   int64  // ID: only newer ones
	Since   time.Time
	Limit   int // zero: 50
}

// ParseQuery reads what [Query] tells of. A word that looks like a field and is none, as "form:shop", is an error that names
// the fields; in quotes, and before "//" or digits, it is text: "Re: offer", https://example.com, 12:30.
func ParseQuery(text string) (Query, error) {
	_, err := parseTerms(text, time.Now())
	return Query{Text: text}, err
}

// A term is one of a query.
type term struct {
	not     bool
	key     string // empty: anywhere
	value   string
	phrase  bool   // it was in quotes: nothing may follow in the last word
	unknown string // it looks like a field of this name, and there is none
	number  int64
}

const (
	mostTerms   = 50
	longestText = 4 << 10
)

// keyOf is the key that a term may have, by any of the names it goes by.
func keyOf(word string) string {
	switch word {
	case "from", "to", "subject", "rcpt", "sender", "file", "body", "id", "has", "is", "larger", "smaller", "after", "before", "session", "mailbox", "user":
		return word
	case "cc":
		return "to"
	case "filename", "attachment":
		return "file"
	case "text":
		return "body"
	case "message-id", "msgid":
		return "id"
	case "recipient":
		return "rcpt"
	}
	return ""
}

// A QueryError is why a query cannot be read.
type QueryError struct{ Words diagnose.Words }

func (e *QueryError) Error() string { return e.Words.En }

func badQuery(en, zh string, args ...any) error {
	return &QueryError{Words: diagnose.Words{En: fmt.Sprintf(en, args...), Zh: fmt.Sprintf(zh, args...)}}
}

// parseTerms reads a query. The time is what "2h" is counted from.
func parseTerms(text string, now time.Time) ([]term, error) {
	if len(text) > longestText {
		return nil, badQuery("the query has more than %d octets", "搜索超过了 %d 字节", longestText)
	}
	var list []term
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		var t term
		t, rest = cutTerm(rest)
		if err := t.settle(now); err != nil {
			return nil, err
		}
		if t.key == "" && len(tokens(t.value)) == 0 {
			continue // punctuation
		}
		if list = append(list, t); len(list) > mostTerms {
			return nil, badQuery("the query has more than %d terms", "搜索条件超过了 %d 个", mostTerms)
		}
	}
	return list, nil
}

// cutTerm takes the first term off a text that begins with one.
func cutTerm(text string) (t term, rest string) {
	rest = text
	if len(rest) > 1 && (rest[0] == '-' || rest[0] == '!') && rest[1] != ' ' {
		t.not, rest = true, rest[1:]
	}
	if word, after, ok := strings.Cut(rest, ":"); ok {
		if key := keyOf(strings.ToLower(word)); key != "" && after != "" && !unicode.IsSpace(rune(after[0])) {
			t.key, rest = key, after
		} else if key == "" && isField(word, after) {
			t.unknown = word
		}
	}
	if rest[0] == '"' {
		t.phrase = true
		t.value, rest, _ = strings.Cut(rest[1:], `"`)
		return t, rest
	}
	end := strings.IndexFunc(rest, unicode.IsSpace)
	if end < 0 {
		end = len(rest)
	}
	t.value, rest = rest[:end], rest[end:]
	return t, rest
}

var has = []string{"attachment", "html", "text", "image", "invite"}
var is = []string{"seen", "unseen", "failed", "open", "tls", "auth", "8bit", "utf8", "released"}

// isField reports whether what stands before and behind a colon was meant for a field: letters, and something that is no part of
// an address on the web.
func isField(word, after string) bool {
	letters := word != "" && strings.Trim(strings.ToLower(word), "abcdefghijklmnopqrstuvwxyz-_") == ""
	return letters && after != "" && !unicode.IsSpace(rune(after[0])) && !strings.HasPrefix(after, "//") && !slices.Contains([]string{"http", "https", "mailto", "re", "fw", "fwd", "cid"}, strings.ToLower(word))
}

const fields = "from, to, subject, body, file, rcpt, sender, id, has, is, larger, smaller, after, before, session, mailbox, user"

// settle reads the value of a term whose key wants something of it.
func (t *term) settle(now time.Time) (err error) {
	if t.unknown != "" {
		return badQuery("there is no field %s: in a search; there are %s; a text with a colon in it stands in quotes", "搜索中没有字段 %s:；可用的有 %s；带冒号的文字请放在引号里", t.unknown, fields)
	}
	lower := strings.ToLower(t.value)
	switch t.key {
	case "has":
		lower = strings.TrimSuffix(lower, "s") // has:attachments
		t.value, err = oneOf("has", lower, has)
	case "is":
		switch lower {
		case "read":
			lower = "seen"
		case "unread":
			lower = "unseen"
		}
		t.value, err = oneOf("is", lower, is)
	case "larger", "smaller":
		t.number, err = parseSize(lower)
	case "after", "before":
		var at time.Time
		at, err = parseTime(lower, now)
		t.number = at.UnixNano()
	case "session":
		if t.number, err = strconv.ParseInt(t.value, 10, 64); err != nil {
			err = badQuery("a session has a number", "会话用编号表示")
		}
	case "mailbox":
		t.value = MailboxName(t.value)
	case "id":
		t.value = strings.Trim(t.value, "<>")
		if number := strings.TrimPrefix(t.value, "#"); number != "" && len(number) < 10 && strings.Trim(number, "0123456789") == "" && !t.phrase {
			return badQuery("id:%s: id: is the Message-ID of the header, as in id:abc@example.com; the message of this number is at /messages/%s",
				"id:%s：id: 指邮件头中的 Message-ID，例如 id:abc@example.com；这个编号的邮件在 /messages/%s", t.value, number)
		}
	}
	if err == nil {
		return nil
	}
	why := diagnose.Words{En: err.Error(), Zh: err.Error()}
	if q, ok := errors.AsType[*QueryError](err); ok {
		why = q.Words
	}
	return &QueryError{Words: diagnose.Words{
		En: fmt.Sprintf("%s:%s is not understood: %s", t.key, t.value, why.En), Zh: fmt.Sprintf("无法理解 %s:%s：%s", t.key, t.value, why.Zh),
	}}
}

func oneOf(key, word string, of []string) (string, error) {
	if slices.Contains(of, word) {
		return word, nil
	}
	return word, badQuery("%s: has one of %s behind it", "%s: 后面应是 %s 之一", key, strings.Join(of, ", "))
}

// parseSize reads "300", "10k", "2.5M", "1GiB".
func parseSize(s string) (int64, error) {
	number := strings.TrimRight(s, "kmgib")
	unit := 1.0
	switch strings.TrimSuffix(strings.TrimSuffix(s[len(number):], "b"), "i") {
	case "":
	case "k":
		unit = 1 << 10
	case "m":
		unit = 1 << 20
	case "g":
		unit = 1 << 30
	default:
		return 0, badQuery("a size is like 300, 10k or 2M", "大小写作 300、10k 或 2M")
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n >= 0 && n*unit < 1<<62) {
		return 0, badQuery("a size is like 300, 10k or 2M", "大小写作 300、10k 或 2M")
	}
	return int64(n * unit), nil
}

// parseTime reads a day, a time, or how long ago it was.
func parseTime(s string, now time.Time) (time.Time, error) {
	switch s {
	case "today":
		return day(now), nil
	case "yesterday":
		return day(now).AddDate(0, 0, -1), nil
	}
	for _, form := range []string{"2006-01-02", "2006/01/02", "2006-01-02t15:04", "2006-01-02t15:04:05"} {
		if at, err := time.ParseInLocation(form, s, now.Location()); err == nil {
			return at, nil
		}
	}
	if at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(s)); err == nil && at.Year() < 2262 && at.Year() > 1678 {
		return at, nil
	}
	if n, ok := strings.CutSuffix(s, "d"); ok {
		if days, err := strconv.ParseUint(n, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(days)), nil
		}
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, badQuery("a time is like 2026-11-02, 2026-11-02T15:04, today, 3d or 2h", "时间写作 2026-11-02、2026-11-02T15:04、today、3d 或 2h")
}

func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}
