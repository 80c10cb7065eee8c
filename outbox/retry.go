package outbox

import (
	"cmp"
	"hash/maphash"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
)

// A Retry says when a mail is tried again that was not taken for now: after First, then after twice as
// long, and so on up to Most; a fifth more or less, so that what failed together does not come back together.
type Retry struct {
	First time.Duration // zero: 5 minutes, for [Alert] 30 seconds
	Most  time.Duration // zero: 4 hours, for [Alert] 15 minutes
}

func (r Retry) or(first, most time.Duration) Retry {
	return Retry{cmp.Or(max(r.First, 0), first), cmp.Or(max(r.Most, 0), most)}
}

// after is how long to wait after the n-th attempt.
func (r Retry) after(n int, seed uint64) time.Duration {
	wait := r.First
	for range n - 1 {
		if wait >= r.Most {
			break
		}
		wait *= 2
	}
	wait = min(wait, r.Most)
	return wait - wait/5 + time.Duration(seed%1024)*(wait*2/5)/1024
}

// jitter is one number for all recipients of a message, so that those who are deferred together go together again.
func jitter(seed maphash.Seed, id ID, attempt int) uint64 {
	return maphash.Comparable(seed, [2]int64{int64(id), int64(attempt)})
}

// named finds the time after which a server says that it may be tried again: "try again in 300 seconds",
// "Greylisted for 5 minutes", "retry in 00:04:12".
var named = regexp.MustCompile(`(?i)\b(?:in|for|after|within|wait)\s+(?:at least\s+|about\s+)?(?:(\d{1,2}):(\d\d):(\d\d)\b|(\d{1,5})\s*(s|sec|secs|second|seconds|m|min|mins|minute|minutes|h|hour|hours)\b)`)

const mostNamed = 12 * time.Hour // what is named beyond it is not meant for a mail

// wish is how long a server wants us to wait with a mail; 0 where it does not say.
func wish(text string, kind diagnose.Kind) time.Duration {
	m := named.FindStringSubmatch(text)
	if m == nil {
		if kind == "greylisted" {
			return 5 * time.Minute
		}
		return 0
	}
	number := func(s string) time.Duration { n, _ := strconv.Atoi(s); return time.Duration(n) }
	wait := number(m[1])*time.Hour + number(m[2])*time.Minute + number(m[3])*time.Second
	if m[4] != "" {
		unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour}[strings.ToLower(m[5])[0]]
		wait = number(m[4]) * unit
	}
	if wait > mostNamed {
		return 0
	}
	return wait
}
