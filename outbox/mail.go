package outbox

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
)

// A Mail is an object, and what the outbox should know of it. Any [mail.Object] may
// be put into a box; this one says more.
type Mail struct {
	mail.Object

	Class     Class
	Key       string    // put twice with one key by one origin, it is sent once; empty: each Put is another mail. At most 200 octets
	Print     []byte    // of what was put: a second Put with the same Key and another Print is [ErrKeyReused]; nil: of the envelope. At most 64 octets
	Origin    string    // who hands it over, such as the name of a user; keys are told apart by it. At most 200 octets
	Topic     string    // what it belongs to, to find it by: "statements 2026-03". At most 200 octets
	NotBefore time.Time // zero: now
	Expires   time.Time // not sent after this; zero: Options.MaxAge after NotBefore
	Unknown   Policy    // what to do where nobody knows whether it was taken; zero: what Options say for its class
	Trace     string    // W3C traceparent of what hands it over, for Worker.Around. At most 200 octets
}

// Class is what goes first.
type Class uint8

const (
	Normal Class = iota
	Alert        // before all else, in every lane; a part of each lane's sessions is kept free for it
	Bulk         // after all else
)

func (c Class) String() string { return [...]string{"normal", "alert", "bulk"}[min(c, Bulk)] }

// ParseClass is the reverse of [Class.String].
func ParseClass(s string) (Class, error) {
	for c := Normal; c <= Bulk; c++ {
		if strings.EqualFold(s, c.String()) {
			return c, nil
		}
	}
	return 0, errors.New("there is no class " + plain.Quoted(s) + ": it is alert, normal or bulk")
}

// MarshalText is [Class.String].
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is [ParseClass].
func (c *Class) UnmarshalText(text []byte) (err error) {
	*c, err = ParseClass(string(text))
	return err
}

// rank is the order in which classes go, as it stands in the tables.
func (c Class) rank() int64 { return [...]int64{1, 0, 2}[min(c, Bulk)] }

func classOf(rank int64) Class { return [...]Class{Alert, Normal, Bulk}[min(max(rank, 0), 2)] }

// Policy is what is done with a mail of which nobody knows whether it was taken.
type Policy uint8

const (
	Again Policy = iota + 1 // send it again: it may come twice, and is not lost
	Hold                    // leave it, in state Unknown, until a person has decided
)

func (p Policy) String() string { return [...]string{"", "again", "hold"}[min(p, Hold)] }

// ParsePolicy is the reverse of [Policy.String].
func ParsePolicy(s string) (Policy, error) {
	for p := Again; p <= Hold; p++ {
		if strings.EqualFold(s, p.String()) {
			return p, nil
		}
	}
	return 0, errors.New("there is no policy " + plain.Quoted(s) + ": it is again or hold")
}

// MarshalText is [Policy.String].
func (p Policy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is [ParsePolicy]; empty is the zero Policy.
func (p *Policy) UnmarshalText(text []byte) (err error) {
	if *p = 0; len(text) > 0 {
		*p, err = ParsePolicy(string(text))
	}
	return err
}

// State is where a mail is, for one recipient.
type State uint8

const (
	Queued    State = iota // waits for its first attempt
	Deferred               // was tried, and will be again
	Sending                // a worker has it now
	Held                   // waits for a person's word
	Unknown                // it may have been taken, and waits for a person's word
	Sent                   // a server has taken it
	Bounced                // it was given up, or came back after it was sent
	Expired                // its time was over before a server took it
	Cancelled              // by a person, or by the program
)

// Final reports whether nothing will happen any more, unless a person asks for it or a bounce comes in.
func (s State) Final() bool { return s >= Sent }

func (s State) String() string {
	return [...]string{"queued", "deferred", "sending", "held", "unknown", "sent", "bounced", "expired", "cancelled"}[min(s, Cancelled)]
}

// ParseState is the reverse of [State.String].
func ParseState(s string) (State, error) {
	for st := Queued; st <= Cancelled; st++ {
		if strings.EqualFold(s, st.String()) {
			return st, nil
		}
	}
	return 0, errors.New("there is no state " + plain.Quoted(s))
}

// MarshalText is [State.String].
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is [ParseState].
func (s *State) UnmarshalText(text []byte) (err error) {
	*s, err = ParseState(string(text))
	return err
}

// ID names a message. IDs of one process grow, and hold the time at which they were
// given: 43 bits of milliseconds since 2020, and 20 bits that tell those of one
// millisecond, and of several processes, apart.
type ID int64

const (
	idBits  = 20
	idEpoch = 1577836800000 // 2020-01-01 in Unix milliseconds
)

const idLetters = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford's base 32: no i, l, o, u

// String gives 13 letters and digits, in the order of the IDs.
func (id ID) String() string {
	var b [13]byte
	for i, n := len(b)-1, uint64(id); i >= 0; i, n = i-1, n>>5 {
		b[i] = idLetters[n&31]
	}
	return string(b[:])
}

// ParseID reads what [ID.String] gives, in either case, i and l for 1 and o for 0.
func ParseID(s string) (ID, error) {
	if len(s) != 13 {
		return 0, errors.New("an ID has 13 letters and digits, and " + plain.Quoted(s) + " is none")
	}
	var n uint64
	for k := range len(s) {
		i := strings.IndexByte(idLetters, idLetter(s[k]))
		if i < 0 || n>>58 != 0 {
			return 0, errors.New(plain.Quoted(s) + " is no ID")
		}
		n = n<<5 | uint64(i)
	}
	return ID(n), nil
}

// idLetter is what is meant by a letter.
func idLetter(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	switch c {
	case 'i', 'l':
		return '1'
	case 'o':
		return '0'
	}
	return c
}

// Time is when the ID was given.
func (id ID) Time() time.Time { return time.UnixMilli(int64(id)>>idBits + idEpoch) }

// MarshalText is [ID.String]: JSON's numbers have 53 bits.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is [ParseID].
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// firstID is the smallest ID of a time, to ask for what came before it. There are none for times before 1742 and after 2298: what came
// since the year 3000 is nothing, and not all.
func firstID(t time.Time) ID {
	const most = math.MaxInt64 >> idBits
	return ID(min(max(t.UnixMilli()-idEpoch, -most), most) << idBits)
}

// seedOf makes the low bits of a process's first ID: any that crypto/rand gives.
func seedOf(random []byte) int64 { return int64(binary.LittleEndian.Uint32(random)) & (1<<idBits - 1) }
