package hostile

import (
	"fmt"
	"time"
)

// A Break is a way for a line to fail.
type Break uint8

const (
	None Break = iota

	// Cut closes both directions in order, as a proxy does that is stopped. What
	// was on its way arrives; what is written later seems to be taken once more,
	// as a kernel takes it, and is lost.
	Cut

	// Short is Cut, but the write in which it happens tells how little it wrote.
	Short

	// Reset drops both directions, and what was on its way in them too.
	Reset

	// Stall lets nothing more through, and tells nobody.
	Stall

	// HalfClose ends the one direction and leaves the other.
	HalfClose

	// Delay holds the one direction up for Fault.For, once.
	Delay

	// Dribble lets one octet through in each Fault.For, for Fault.Times octets; for
	// ever, if that is zero.
	Dribble

	breaks
)

var breakNames = [breaks]string{"none", "cut", "short", "reset", "stall", "half-close", "delay", "dribble"}

func (b Break) String() string { return breakNames[b] }

// Breaks are all ways to fail but None.
func Breaks() []Break {
	return []Break{Cut, Short, Reset, Stall, HalfClose, Delay, Dribble}
}

// A Side is a direction: towards one end of a line.
type Side uint8

const (
	ToClient Side = iota
	ToServer
)

// A Fault is where a line fails and how: as soon as At octets have gone to the
// side To. The zero Fault is a line that holds.
type Fault struct {
	Kind  Break
	To    Side
	At    int64
	For   time.Duration // of Delay and Dribble
	Times int64         // of Dribble
}

func (f Fault) String() string {
	to := "client"
	if f.To == ToServer {
		to = "server"
	}
	return fmt.Sprintf("%v at octet %d to the %s", f.Kind, f.At, to)
}
