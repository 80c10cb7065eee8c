package digest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// What a link is for. A link for one thing is none for another.
const (
	forConfirm     = byte('c') // to say yes; good for Config.Confirm, and once
	forPreferences = byte('p') // to see and change what one gets; good for preferencesLast
	forLeaving     = byte('u') // to leave; good for ever, as old mails may be
)

const preferencesLast = 60 * 24 * time.Hour

// A token is what a link says: for what, whose, in which round, and until when. It is signed, so that nobody can make one of their own, and says nothing of an
// address (RFC 8058 §3.1 has it be opaque and hard to forge).
type token struct {
	purpose byte
	id      int64
	round   uint32
	until   time.Time // zero: for ever
}

const (
	tokenSize = 1 + 8 + 4 + 4
	macSize   = 19 // 152 bits; both together are 36, of which base64 leaves no rest
)

// Why a link is not what it was.
var (
	errForged  = errors.New("the link is not one of ours, or a part of it is missing")
	errExpired = errors.New("the link is too old")
)

func (d *Digest) sign(t token) string {
	b := make([]byte, 0, tokenSize+macSize)
	b = append(b, t.purpose)
	b = binary.BigEndian.AppendUint64(b, uint64(t.id)) //nolint:gosec // it is not below zero
	b = binary.BigEndian.AppendUint32(b, t.round)
	until := uint32(0)
	if !t.until.IsZero() {
		until = uint32(t.until.Unix() / 60) //nolint:gosec // minutes, for some thousand years
	}
	b = binary.BigEndian.AppendUint32(b, until)
	return base64.RawURLEncoding.EncodeToString(append(b, d.mac(b)...))
}

func (d *Digest) mac(b []byte) []byte {
	h := hmac.New(sha256.New, d.key)
	h.Write([]byte("parley digest link 1\x00"))
	h.Write(b)
	return h.Sum(nil)[:macSize]
}

// verify reads a link's token.
func (d *Digest) verify(purpose byte, text string) (t token, err error) {
	const size = tokenSize + macSize
	if len(text) != base64.RawURLEncoding.EncodedLen(size) {
		return t, errForged
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || !hmac.Equal(b[tokenSize:], d.mac(b[:tokenSize])) || b[0] != purpose {
		return t, errForged
	}
	t = token{purpose: b[0], id: int64(binary.BigEndian.Uint64(b[1:])), round: binary.BigEndian.Uint32(b[9:])} //nolint:gosec // we have signed it
	if minutes := binary.BigEndian.Uint32(b[13:]); minutes != 0 {
		t.until = time.Unix(int64(minutes)*60, 0)
		if !d.c.clock().Before(t.until) {
			return t, errExpired
		}
	}
	return t, nil
}

// link is a page's address with a token.
func (d *Digest) link(page string, t token) string { return d.c.URL + "/" + page + "/" + d.sign(t) }

func (d *Digest) preferencesLink(id int64) string {
	return d.link("preferences", token{purpose: forPreferences, id: id, until: d.c.clock().Add(preferencesLast)})
}

func (d *Digest) leavingLink(id int64) string {
	return d.link("unsubscribe", token{purpose: forLeaving, id: id})
}
