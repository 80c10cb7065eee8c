package smtp

import (
	"fmt"
	"strings"
)

// A reply is the one being read, in buffers that are used again. What is not
// asked for is never made a string.
type reply struct {
	code      int
	text      []byte // the lines without their codes, as they are shown
	ends      []int  // where in text each line ends
	challenge []byte // of 334: the last line's text as it came, secrets included
}

func (r *reply) reset() {
	r.code, r.text, r.ends, r.challenge = 0, r.text[:0], r.ends[:0], r.challenge[:0]
}

// A garbledError is what is wrong with a line that is no line of a reply.
type garbledError string

func (e garbledError) Error() string { return string(e) }

const errOutOfTurn = garbledError("the server spoke out of turn: its replies no longer fit our commands")

// add takes a line of the reply, and says whether it is the last. A bare code is
// a whole line: RFC 5321 §4.2 bids a client take it.
func (r *reply) add(line, shown []byte) (last bool, err error) {
	code := 0
	if len(line) >= 3 && '2' <= line[0] && line[0] <= '5' && isDigit(line[1]) && isDigit(line[2]) {
		code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	}
	switch {
	case code == 0:
		return false, garbledError(fmt.Sprintf("the server said %q, which is no reply", excerpt(shown)))
	case r.code != 0 && code != r.code:
		return false, garbledError(fmt.Sprintf("the reply changes its code from %d to %d", r.code, code))
	case len(line) > 3 && line[3] != ' ' && line[3] != '-':
		return false, garbledError(fmt.Sprintf("the server said %q, which is no reply: a blank or - stands after the code", excerpt(shown)))
	}
	r.code = code
	r.text = append(r.text, shown[min(4, len(shown)):]...)
	r.ends = append(r.ends, len(r.text))
	if code == 334 {
		r.challenge = append(r.challenge[:0], line[min(4, len(line)):]...)
	}
	return len(line) == 3 || line[3] == ' ', nil
}

func excerpt(line []byte) []byte {
	const most = 80
	return line[:min(len(line), most)]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// line gives the i-th line's text.
func (r *reply) line(i int) []byte {
	from := 0
	if i > 0 {
		from = r.ends[i-1]
	}
	return r.text[from:r.ends[i]]
}

// whole is the reply, to be kept. Its enhanced code is that of the first line;
// the others repeat it, and are shown without.
func (r *reply) whole() Reply {
	w := Reply{Code: r.code, Lines: make([]string, len(r.ends))}
	for i := range r.ends {
		text := string(r.line(i))
		if c, rest, ok := cutEnhanced(r.code, text); ok && (i == 0 || c == w.Enhanced) {
			w.Enhanced, text = c, rest
		}
		w.Lines[i] = text
	}
	return w
}

// cutEnhanced takes the enhanced code off a line: RFC 2034 §4. One whose class is
// not that of the reply code is none, for the two would say different things.
func cutEnhanced(code int, text string) (c EnhancedCode, rest string, ok bool) {
	word, rest, _ := strings.Cut(text, " ")
	c.Class, word, ok = cutNumber(word, 1)
	if !ok || c.Class != code/100 || !strings.HasPrefix(word, ".") {
		return EnhancedCode{}, text, false
	}
	c.Subject, word, ok = cutNumber(word[1:], 3)
	if !ok || !strings.HasPrefix(word, ".") {
		return EnhancedCode{}, text, false
	}
	c.Detail, word, ok = cutNumber(word[1:], 3)
	if !ok || word != "" {
		return EnhancedCode{}, text, false
	}
	return c, rest, true
}

// cutNumber takes a number of at most so many digits off s.
func cutNumber(s string, digits int) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && i < digits && isDigit(s[i]) {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:], i > 0
}
