package dsn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"

	"github.com/parleymail/parley/mail"
)

// A Signer makes reverse-paths that bounces are known by, and knows its own again: for
// bounces@example.net and the token 0rkq3vj8c1m2t, it is bounces+0rkq3vj8c1m2tk5uq…@example.net.
//
// A token is for one recipient of one mail. Behind it stands what only the holder of
// the key can make of it, so that nobody can write a bounce for a mail that they have
// not seen. Only small letters and digits are used, since servers change the case of a local part, and some take no others.
type Signer struct {
	Key       []byte   // 16 octets at least, and nobody else's
	Old       [][]byte // keys of before, which are still known; none signs
	Separator byte     // between the mailbox and the token; zero: '+'
}

const (
	leastKey  = 16
	mostLocal = 64                                     // RFC 5321 §4.5.3.1.1
	macOctets = 10                                     // of the HMAC: one guess in 2^80
	macLength = 16                                     // of those in base32
	letters   = "abcdefghijklmnopqrstuvwxyz234567"     // RFC 4648 §6, in small letters
	alnum     = "abcdefghijklmnopqrstuvwxyz0123456789" // of a token
)

// Path is the reverse-path for a mail. The token has small letters and digits alone, and room in
// the 64 octets of a local part.
func (s *Signer) Path(base mail.Path, token string) (mail.Path, error) {
	local := base.Local + string(s.separator()) + token
	switch {
	case len(s.Key) < leastKey:
		return mail.Path{}, errors.New("dsn: the key of a Signer has less than 16 octets")
	case token == "" || strings.Trim(token, alnum) != "":
		return mail.Path{}, errors.New("dsn: a token has small letters and digits alone")
	case len(local)+macLength > mostLocal:
		return mail.Path{}, errors.New("dsn: the token is too long: a local part has at most 64 octets")
	}
	p := mail.Path{Local: local + mac(s.Key, base, token), Domain: base.Domain}
	if p.UTF8() {
		return mail.Path{}, errors.New("dsn: the mailbox for bounces is not ASCII, and not every server would send there")
	}
	if err := p.Check(); err != nil {
		return mail.Path{}, err
	}
	return p, nil
}

// Token is the token of an address that a bounce was sent to, and whether it is one that this Signer
// has made for this base. It takes as long whether or not what stands there is nearly right.
func (s *Signer) Token(base, p mail.Path) (token string, ok bool) {
	prefix := strings.ToLower(base.Local) + string(s.separator())
	local := strings.ToLower(p.Local) // QUIRK: some servers change the case of a local part
	rest, found := strings.CutPrefix(local, prefix)
	if !found || len(rest) <= macLength || !sameDomain(base.Domain, p.Domain) {
		return "", false
	}
	token, sum := rest[:len(rest)-macLength], rest[len(rest)-macLength:]
	if strings.Trim(token, alnum) != "" {
		return "", false
	}
	for _, key := range append([][]byte{s.Key}, s.Old...) {
		if len(key) >= leastKey && hmac.Equal([]byte(sum), []byte(mac(key, base, token))) {
			ok = true
		}
	}
	if !ok {
		return "", false
	}
	return token, true
}

func (s *Signer) separator() byte {
	if s.Separator == 0 {
		return '+'
	}
	return s.Separator
}

// mac is for a token at one mailbox: a token for another is none here.
func mac(key []byte, base mail.Path, token string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("parley verp\x00" + strings.ToLower(base.Local) + "@" + domainKey(base.Domain) + "\x00" + token)) // never fails
	return base32.NewEncoding(letters).EncodeToString(h.Sum(nil)[:macOctets])
}

func sameDomain(a, b string) bool { return domainKey(a) == domainKey(b) }

// domainKey is a domain in the form that all ways to write it have in common.
func domainKey(d string) string {
	if p, err := (mail.Path{Local: "x", Domain: d}).ASCII(); err == nil {
		d = p.Domain
	}
	return strings.ToLower(d)
}
