package outbox

import (
	"strconv"
	"strings"
	"time"
)

// A counter counts what was tried of late, in slices of time. It holds one slice more than make up its span, so that those
// that it holds cover the span whenever it is asked: a limit of 100 an hour holds for any hour, and not only for
// those that begin at a full one.
type counter struct {
	begun int64 // when the last slice began
	n     [ofSpan + 1]int64
}

const ofSpan = 10 // slices that make up a span

// The spans that limits are for.
const (
	minutely = time.Minute
	hourly   = time.Hour
	daily    = 24 * time.Hour
)

func slice(span time.Duration) int64 { return span.Milliseconds() / ofSpan }

// now brings the counter up to a time.
func (c *counter) now(span time.Duration, now int64) {
	long := slice(span)
	begun := now / long * long
	steps := (begun - c.begun) / long
	switch {
	case steps <= 0:
		return // a clock that goes backwards does not make us forget
	case steps > ofSpan:
		c.n = [ofSpan + 1]int64{}
	default:
		copy(c.n[steps:], c.n[:])
		clear(c.n[:steps])
	}
	c.begun = begun
}

func (c *counter) sum() (n int64) {
	for _, k := range c.n {
		n += k
	}
	return n
}

// left is how many more there may be; most 0 is no limit.
func (c *counter) left(span time.Duration, most int, now int64) int {
	if most <= 0 {
		return noLimit
	}
	c.now(span, now)
	return max(most-int(c.sum()), 0)
}

const noLimit = 1 << 30

// evenly is how many more there may be in this slice, where a limit is used up evenly: who is allowed 600 a minute is not
// sent all of them in its first second, for servers count by the second too.
func (c *counter) evenly(span time.Duration, most int, now int64) int {
	if most <= 0 {
		return noLimit
	}
	c.now(span, now)
	return max((most+ofSpan-1)/ofSpan-int(c.n[0]), 0)
}

// when is from when on one more may be tried.
func (c *counter) when(span time.Duration, most int, now int64) int64 {
	if c.left(span, most, now) > 0 {
		return now
	}
	sum, long := c.sum(), slice(span)
	for i := ofSpan; i > 0; i-- {
		if sum -= c.n[i]; sum < int64(most) {
			return c.begun + (ofSpan+1-int64(i))*long
		}
	}
	return c.begun + (ofSpan+1)*long
}

// text is the slices as they stand in the tables; those at the end that are zero are left out.
func (c *counter) text() string {
	last := len(c.n)
	for last > 0 && c.n[last-1] == 0 {
		last--
	}
	var b []byte
	for i, n := range c.n[:last] {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(b)
}

// read is the reverse. What is none is taken for nothing: it is a count and no mail.
func (c *counter) read(text string) {
	c.n = [ofSpan + 1]int64{}
	if text == "" {
		return
	}
	for i, s := range strings.SplitN(text, ",", len(c.n)) {
		c.n[i], _ = strconv.ParseInt(s, 10, 64)
	}
}
