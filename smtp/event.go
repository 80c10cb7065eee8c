package smtp

import (
	"crypto/tls"
	"time"
)

// An Event is one thing said or done in a conversation, seen from either side:
// a Command goes from client to server and an Answer from server to client, whoever
// tells of it. A secret is never in one: it is left out where it is known to be
// a secret.
type Event struct {
	At      time.Time
	Session uint64 // tells the conversations of one Client or Server apart; they count from 1
	Stage   Stage
	Did     Did

	// Line is the line said, without CRLF and as it was on the wire, which may be
	// neither UTF-8 nor fit for a terminal; for what was done, a few words.
	Line   string
	Hidden bool // a secret stood in Line; "(secret)" stands there in its place

	Size int64                // octets of the content, for Content
	TLS  *tls.ConnectionState // for StartedTLS
	Took time.Duration        // for the last line of an Answer: since its command was sent
	Err  error                // for Closed: why, where it was not meant
}

// Did says what an Event tells of.
type Did uint8

const (
	Connected  Did = iota + 1 // Line: the address
	StartedTLS                // Line: version, cipher suite, whose certificate
	Command                   // a line from the client
	Answer                    // a line of a reply from the server
	Content                   // a content went over, or a chunk of it (BDAT): Size
	Note                      // something worth knowing: Line
	Closed                    // the connection is no more
)

var dids = [...]string{"", "connected", "tls", "command", "answer", "content", "note", "closed"}

// String is one word: "answer".
func (d Did) String() string {
	if int(d) >= len(dids) {
		return "none"
	}
	return dids[d]
}
