package inbox

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A tape has the beginning and the end of what was said in a session. An event is
// put there in a short form and nothing is made of it before somebody reads: a
// session that brings 100,000 mails has a million events.
//
// The end is kept in two reels: when one is full the older one is dropped, so
// that the last events are always there and none is ever moved.
type tape struct {
	head, prev, last reel
	dropped          int64
}

// A reel is events one after the other, each with its time since the one before.
type reel struct {
	data   []byte
	events int
	at     int64 // of the last one
}

const (
	mostOnReel  = 1000      // events
	reelOctets  = 128 << 10 // of a reel; a line may be long
	longestKept = 4 << 10   // octets of a line; who says more is not talking

	shortSession = 1 << 10 // octets that a session with one mail has
)

func (r *reel) full() bool { return r.events >= mostOnReel || len(r.data) >= reelOctets }

func (t *tape) add(e smtp.Event) {
	switch {
	case t.prev.events == 0 && t.last.events == 0 && !t.head.full():
		t.head.add(e)
		return
	case t.last.full():
		t.dropped += int64(t.prev.events)
		t.prev, t.last = t.last, reel{data: t.prev.data[:0]}
	}
	t.last.add(e)
}

// What stands in the first octet of an event, beside Did.
const (
	hasTook = 1 << (iota + 3)
	hasSize
	hasTLS
	hasErr
	isHidden
	didMask = hasTook - 1
)

func (r *reel) add(e smtp.Event) {
	first := byte(e.Did) & didMask
	set := func(on bool, bit byte) {
		if on {
			first |= bit
		}
	}
	set(e.Took != 0, hasTook)
	set(e.Did == smtp.Content, hasSize)
	set(e.TLS != nil, hasTLS)
	set(e.Err != nil, hasErr)
	set(e.Hidden, isHidden)
	at := e.At.UnixNano()
	if r.data == nil {
		r.data = make([]byte, 0, shortSession)
	}
	b := append(r.data, first, byte(e.Stage))
	b = binary.AppendVarint(b, at-r.at)
	b = appendText(b, e.Line)
	if e.Took != 0 {
		b = binary.AppendVarint(b, int64(e.Took))
	}
	if e.Did == smtp.Content {
		b = binary.AppendVarint(b, e.Size)
	}
	if e.TLS != nil {
		b = appendTLS(b, e.TLS)
	}
	if e.Err != nil {
		b = appendText(b, e.Err.Error())
	}
	r.data, r.at = b, at
	r.events++
}

func appendText(b []byte, s string) []byte {
	if len(s) > longestKept {
		s = s[:longestKept] + "..."
	}
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendTLS(b []byte, s *tls.ConnectionState) []byte {
	resumed := byte(0)
	if s.DidResume {
		resumed = 1
	}
	b = binary.BigEndian.AppendUint16(b, s.Version)
	b = binary.BigEndian.AppendUint16(b, s.CipherSuite)
	b = append(b, resumed)
	return appendText(appendText(b, s.ServerName), s.NegotiatedProtocol)
}

// transcript is what is kept of a session, with a note where something is left
// out.
func (t *tape) transcript(session int64) (transcript.Transcript, error) {
	tail := append(append([]byte(nil), t.prev.data...), rebased(&t.last, t.prev.at)...)
	return readTape(session, t.head.data, tail, t.dropped)
}

// tail is the end of the tape as it is stored: both reels, as one.
func (t *tape) tail() []byte {
	if t.prev.events == 0 {
		return t.last.data
	}
	return append(append([]byte(nil), t.prev.data...), rebased(&t.last, t.prev.at)...)
}

// rebased is a reel with its first time counted from another.
func rebased(r *reel, at int64) []byte {
	if r.events == 0 {
		return nil
	}
	const before = 2 // octets that stand before the time
	first, n := binary.Varint(r.data[before:])
	b := append([]byte(nil), r.data[:before]...)
	b = binary.AppendVarint(b, first-at)
	return append(b, r.data[before+n:]...)
}

func readTape(session int64, head, tail []byte, dropped int64) (transcript.Transcript, error) {
	t, err := readReel(nil, session, head)
	if err == nil && dropped > 0 {
		at := time.Time{}
		if len(t) > 0 {
			at = t[len(t)-1].At
		}
		t = append(t, smtp.Event{At: at, Session: uint64(session), Did: smtp.Note, Line: fmt.Sprintf("%d events are left out here", dropped)})
	}
	if err == nil {
		t, err = readReel(t, session, tail)
	}
	return t, err
}

// errTape is a row that was written by no program of ours.
var errTape = errors.New("inbox: a transcript in the store cannot be read")

func readReel(t transcript.Transcript, session int64, b []byte) (transcript.Transcript, error) {
	r := reader{b: b}
	at := int64(0)
	for len(r.b) > 0 && !r.bad {
		first := r.octet()
		e := smtp.Event{Session: uint64(session), Did: smtp.Did(first & didMask), Hidden: first&isHidden != 0, Stage: smtp.Stage(r.octet())}
		at += r.number()
		e.At = time.Unix(0, at)
		e.Line = r.text()
		if first&hasTook != 0 {
			e.Took = time.Duration(r.number())
		}
		if first&hasSize != 0 {
			e.Size = r.number()
		}
		if first&hasTLS != 0 {
			e.TLS = r.tls()
		}
		if first&hasErr != 0 {
			e.Err = errors.New(r.text())
		}
		t = append(t, e)
	}
	if r.bad {
		return nil, errTape
	}
	return t, nil
}

// A reader reads what stands on a reel.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) octet() byte {
	p := r.take(1)
	if p == nil {
		return 0
	}
	return p[0]
}

func (r *reader) number() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.bad = true
		return 0
	}
	r.take(uint64(size))
	return n
}

func (r *reader) text() string {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad = true
		return ""
	}
	r.take(uint64(size))
	return string(r.take(n))
}

func (r *reader) tls() *tls.ConnectionState {
	p := r.take(5)
	if p == nil {
		return nil
	}
	s := &tls.ConnectionState{
		Version: binary.BigEndian.Uint16(p), CipherSuite: binary.BigEndian.Uint16(p[2:]),
		DidResume: p[4] != 0, HandshakeComplete: true,
	}
	s.ServerName = r.text()
	s.NegotiatedProtocol = r.text()
	return s
}
