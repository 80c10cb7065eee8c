package talk

import (
	"strconv"

	"github.com/parleymail/parley/gloss"
	"github.com/parleymail/parley/smtp"
)

// remarkOn is the word beside a turn, by package gloss; empty, where there is nothing to say. What a person has just
// typed is told to nobody again, and of a refusal its cause and fix say more.
func remarkOn(turn Turn, line gloss.Line, l Lang) string {
	switch turn.Did {
	case smtp.Command, smtp.Content:
		return ""
	case smtp.Answer:
		if code, _, _ := parseLine(turn.Line); code >= 400 && !turn.Unasked {
			return ""
		}
	default: // something was done
	}
	return line.Remark.In(l)
}

// thousands is a number with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
