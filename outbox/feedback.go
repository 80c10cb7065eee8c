package outbox

import "time"

// A feedback is what is learnt of how many sessions a lane's server bears. It goes the way that Postfix found
// (its SCHEDULER_README): N sessions that went well make room for one more, and of N that could not be had the
// first takes one away; then it needs N others to take away another, so that one refusal in a crowd is not counted
// for all of them. A lane on which as many as its sessions could not be had in a row is dead.
type feedback struct {
	bears float64 // 0: nothing was learnt, or the lane was dead
	good  float64 // from 0 to 1: on the way to one more
	bad   float64 // from 0 to 1: what is left before there is one less
	lost  float64 // from 0 to 1: on the way to being dead
}

// firstSessions is how many are had with a server that nothing is known of.
const firstSessions = 5

// window is how many sessions there may be.
func (f *feedback) window(most int) int {
	if f.bears < 1 {
		return min(firstSessions, most)
	}
	return min(int(f.bears), most)
}

// well is told that a session went well while so many were in use.
func (f *feedback) well(inUse, most int) {
	f.lost = 0
	window := f.window(most)
	f.bears = float64(window)
	if window >= most || window >= inUse+firstSessions {
		return // more are not needed, so that nothing is learnt of whether they could be had
	}
	f.good += 1 / f.bears
	if f.good+1/f.bears/2 < 1 {
		return
	}
	f.good, f.bad = 0, 0
	f.bears++
}

// ill is told that a session could not be had. It reports whether the lane is dead.
func (f *feedback) ill(most int) (dead bool) {
	window := float64(f.window(most))
	f.bears = window
	if f.lost += 1 / window; f.lost > 1-1e-6 {
		*f = feedback{}
		return true
	}
	f.bad -= 1 / window
	if f.bad-1/window/2 < 0 && f.bears > 1 {
		f.bears--
		f.good = 0
		f.bad++
	}
	return false
}

// A trouble is a failure that is the lane's, and not the mail's.
type trouble uint8

const (
	noTrouble trouble = iota
	full              // a session could not be had, or the server had too much: fewer at once may do
	wrong             // we are not let in at all: nothing but waiting or a person helps
)

// suspension is how long a lane is left alone, the n-th time in a row.
func (t trouble) suspension(n int64) time.Duration {
	first, most := 10*time.Second, 15*time.Minute
	if t == wrong {
		first, most = time.Minute, time.Hour // an account may be locked by those who knock too often
	}
	return min(first<<min(max(n-1, 0), 20), most)
}
