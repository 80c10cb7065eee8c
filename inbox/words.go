package inbox

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The index knows words. Chinese, Japanese and Korean have no blanks between
// theirs, so what stands there are all pairs of neighbours: 对账单 is 对账, 账单, and
// 单 alone for its end, which lets a single character be found as the beginning of
// a pair. A word that is looked for is cut in the same way, and its pairs must
// follow each other.

// paired reports whether a character is written without blanks between words.
func paired(r rune) bool {
	return r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo)
}

// firstPaired is where the first of them stands; -1 for none. Most texts have none of them, and all mails come by here.
func firstPaired(text string) int {
	const first = 0xe1 // the first octet of U+1000 in UTF-8, and so of all that comes after
	for i := range len(text) {
		if text[i] >= first {
			if from := strings.IndexFunc(text[i:], paired); from >= 0 {
				return i + from
			}
			break
		}
	}
	return -1
}

// part reports whether a character is part of a word, as the tokenizer of the index
// has it.
func part(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.M, r)
}

// spread writes a text for the index: pairs with blanks between them, and all else as
// it is.
func spread(text string) string {
	from := firstPaired(text)
	if from < 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) * 2)
	for from >= 0 {
		b.WriteString(text[:from])
		text = text[from:]
		for before := ""; ; {
			r, n := utf8.DecodeRuneInString(text)
			if !paired(r) {
				b.WriteString(" " + before + " ")
				break
			}
			if before != "" {
				b.WriteString(" " + before + text[:n])
			}
			before, text = text[:n], text[n:]
		}
		from = strings.IndexFunc(text, paired)
	}
	b.WriteString(text)
	return b.String()
}

func startsPaired(token string) bool {
	r, _ := utf8.DecodeRuneInString(token)
	return paired(r)
}

// tokens cuts a text into what is looked for in the index.
func tokens(text string) []string {
	var list []string
	word := func(s string) {
		if s != "" {
			list = append(list, s)
		}
	}
	var run []rune
	pairs := func() {
		if len(run) == 1 {
			word(string(run))
		}
		for i := 0; i+1 < len(run); i++ {
			word(string(run[i : i+2]))
		}
		run = run[:0]
	}
	from := -1
	for i, r := range text {
		switch {
		case paired(r):
			if from >= 0 {
				word(text[from:i])
			}
			from = -1
			run = append(run, r)
			continue
		case part(r):
			if from < 0 {
				from = i
			}
		case from >= 0:
			word(text[from:i])
			from = -1
		}
		pairs()
	}
	if from >= 0 {
		word(text[from:])
	}
	pairs()
	return list
}

// match is what FTS5 is asked for a text: its tokens one after the other, the last of
// which may be only the beginning of a word unless the text was in quotes. Where pairs
// end the index has the last of them once more, by itself: what follows is asked for by
// itself too.
func match(text string, whole bool) string {
	list := tokens(text)
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteByte('"')
	for i, w := range list {
		switch {
		case i > 0 && startsPaired(list[i-1]) && !startsPaired(w):
			b.WriteString(`" AND "`)
		case i > 0:
			b.WriteByte(' ')
		}
		b.WriteString(w) // it has letters and digits alone
	}
	b.WriteByte('"')
	several := strings.Contains(b.String(), " AND ")
	last := []rune(list[len(list)-1])
	if !whole || len(last) == 1 && paired(last[0]) {
		b.WriteString(" *")
	}
	if several {
		return "(" + b.String() + ")" // a column before it is of all of it
	}
	return b.String()
}
