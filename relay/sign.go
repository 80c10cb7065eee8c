package relay

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/parleymail/parley/mail"
)

// A Key signs mail whose From is in its domain, or in one below it that has no key of its own: DKIM, RFC 6376. Of
// several keys for one domain, each signs: RSA for all, and Ed25519 (RFC 8463) for those who know it.
type Key struct {
	Domain   string
	Selector string // the public key stands in the DNS at <selector>._domainkey.<domain>
	Signer   crypto.Signer
}

const leastRSA = 1024 // bits; RFC 8301 §3.2

// ParseKey reads a private key: PEM of PKCS #8, or of PKCS #1 for RSA, as OpenSSL writes them. An error does not
// repeat it.
func ParseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("it is no PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it is no private key of PKCS #8 or PKCS #1 in clear")
	}
	key, ok := parsed.(crypto.Signer)
	if !ok || !goodKey(key) {
		return nil, errors.New("it is neither RSA of 1,024 bits at least nor Ed25519")
	}
	return key, nil
}

func goodKey(s crypto.Signer) bool {
	if s == nil {
		return false
	}
	switch k := s.Public().(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= leastRSA
	case ed25519.PublicKey:
		return true
	}
	return false
}

func (c *Config) checkKeys() (list Faults) {
	isName := func(s string) bool {
		_, err := mail.ParsePath("<x@" + s + ">")
		return err == nil && !strings.ContainsAny(s, "[]*")
	}
	for i, k := range c.Keys {
		at := fmt.Sprintf("dkim.%d", i)
		if !isName(k.Domain) || !isName(k.Selector) {
			list = append(list, &Fault{Words: fill(wordKeyDomain, k.Domain, k.Selector), at: at})
		} else if !goodKey(k.Signer) {
			list = append(list, &Fault{Words: fill(wordKeyMissing, k.Domain), at: at})
		}
	}
	return list
}

// A keyring has keys by their domains.
type keyring map[string][]Key

func newKeyring(keys []Key) keyring {
	ring := make(keyring)
	for _, k := range keys {
		k.Domain = domainKey(k.Domain)
		ring[k.Domain] = append(ring[k.Domain], k)
	}
	return ring
}

// of are the keys of a domain, or of the nearest above it.
func (ring keyring) of(domain string) []Key {
	for d := domainKey(domain); d != ""; _, d, _ = strings.Cut(d, ".") {
		if keys := ring[d]; keys != nil {
			return keys
		}
	}
	return nil
}

// Fields that are signed, where they are there (RFC 6376 §5.4.1; RFC 8058 §4 for one-click unsubscribing). Those of which
// there is but one are signed once more than they are there, so that nobody can add another.
var (
	signedOnce = []string{"From", "Sender", "Reply-To", "Subject", "Date", "Message-ID", "To", "Cc", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
	signedEach = []string{"In-Reply-To", "References", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Post", "List-Help", "List-Owner", "List-Archive",
		"Content-ID", "Content-Description", "Auto-Submitted", "Resent-From", "Resent-To", "Resent-Cc", "Resent-Date", "Resent-Message-ID", "Resent-Sender"}
	signedAgain = []string{"From", "Subject", "Date", "To", "Content-Type"}
)

// signedFields are the names for h=, for a header.
func signedFields(h *header) (names []string) {
	for _, name := range append(slices.Clone(signedOnce), signedEach...) {
		n := len(h.all(strings.ToLower(name)))
		if slices.Contains(signedAgain, name) {
			n++
		}
		names = append(names, slices.Repeat([]string{name}, n)...)
	}
	return names
}

// sign gives the signatures of a mail, as fields: empty where nobody has a key for it. It reads the content once, and keeps
// its header alone.
func (ring keyring) sign(object mail.Object) (fields string, err error) {
	if len(ring) == 0 {
		return "", nil
	}
	c, err := object.Open()
	if err != nil {
		return "", err
	}
	defer c.Close()
	s := &signing{ring: ring}
	_, err = c.WriteTo(s)
	if failed := s.close(); err == nil {
		err = failed
	}
	switch {
	case s.none:
		return "", nil
	case err != nil:
		return "", err
	}
	var b strings.Builder
	for _, one := range s.signers {
		b.WriteString(one.Signature())
	}
	return b.String(), nil
}

// A signing takes a content. What it needs of the header it reads first.
type signing struct {
	ring    keyring
	head    []byte // as far as it goes; nil behind it
	body    bool
	none    bool // there is no key for it, or no header that can be read
	signers []*dkim.Signer
}

var errUnsigned = errors.New("the mail is not signed")

func (s *signing) Write(p []byte) (int, error) {
	if s.body {
		return len(p), s.feed(p)
	}
	from := max(len(s.head)-3, 0)
	s.head = append(s.head, p...)
	end, _ := headerEnd(s.head, from)
	if end < 0 {
		if len(s.head) > 2*mostHeader {
			s.none = true
			return 0, errUnsigned
		}
		return len(p), nil
	}
	if err := s.begin(s.head[:end]); err != nil {
		return 0, err
	}
	err := s.feed(s.head)
	s.head, s.body = nil, true
	return len(p), err
}

// begin makes a signer for each key.
func (s *signing) begin(head []byte) error {
	s.none = true
	h, err := parseHeader(bytes.Clone(head))
	if err != nil {
		return errUnsigned
	}
	from, err := h.from()
	if err != nil {
		return errUnsigned
	}
	var domains []string
	for _, a := range from {
		path, err := a.Path()
		if err != nil || slices.Contains(domains, domainKey(path.Domain)) {
			continue
		}
		domains = append(domains, domainKey(path.Domain))
	}
	names := signedFields(h)
	var used []crypto.Signer
	for _, d := range domains {
		for _, k := range s.ring.of(d) {
			if slices.Contains(used, k.Signer) {
				continue
			}
			used = append(used, k.Signer)
			one, err := dkim.NewSigner(&dkim.SignOptions{
				Domain: k.Domain, Selector: k.Selector, Signer: k.Signer, HeaderKeys: names,
				HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
			})
			if err != nil {
				return err
			}
			s.signers = append(s.signers, one)
		}
	}
	if s.none = len(s.signers) == 0; s.none {
		return errUnsigned
	}
	return nil
}

func (s *signing) feed(p []byte) error {
	for _, one := range s.signers {
		if _, err := one.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// close ends all signers, whatever came before.
func (s *signing) close() (err error) {
	if !s.body && !s.none {
		s.none = true // it has no end of a header
	}
	for _, one := range s.signers {
		if failed := one.Close(); err == nil {
			err = failed
		}
	}
	return err
}

// An outgoing mail is one with another envelope, and with fields before its header.
type outgoing struct {
	mail.Object
	env    mail.Envelope
	fields string
}

func (o *outgoing) Envelope() (mail.Envelope, error) { return o.env, nil }

func (o *outgoing) Open() (mail.Content, error) {
	c, err := o.Object.Open()
	if err != nil || o.fields == "" {
		return c, err
	}
	return &prefixed{c, o.fields}, nil
}

// A prefixed content has something before it.
type prefixed struct {
	mail.Content
	before string
}

func (p *prefixed) Fit(o mail.Offer) (mail.Form, error) {
	f, err := p.Content.Fit(o)
	if f.Size >= 0 {
		f.Size += int64(len(p.before))
	}
	return f, err
}

func (p *prefixed) WriteTo(w io.Writer) (int64, error) {
	before, err := io.WriteString(w, p.before)
	if err != nil {
		return int64(before), err
	}
	n, err := p.Content.WriteTo(w)
	return int64(before) + n, err
}
