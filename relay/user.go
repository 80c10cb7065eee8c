package relay

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/sasl"
)

// A User is a program, or a person, that may hand mail over.
type User struct {
	Name     string
	Password Hash // zero: nobody logs in as this user; it is that of a [Listener.User]

	// Senders are who the user may send as, in the reverse-path and in the header's From. With an @ they are
	// of whole addresses ("shop@example.net", "*@example.net"), without of domains ("example.net",
	// "*.example.net"); "*" is anybody. Empty: the user's own name, where that is an address. The null
	// reverse-path is nobody's, and may be used by all.
	Senders []string

	Classes []outbox.Class // that X-Parley-Class may ask for; empty: all
	Class   outbox.Class   // of mails that ask for none
	Topic   string         // of mails that name none

	PerMinute, PerHour, PerDay int   // recipients; zero: no limit
	MaxSize                    int64 // octets of a mail; zero: what the listener takes

	Operator bool // sees and moves the mail of all, by HTTP
}

// A Hash is what is kept of a password. The zero Hash is nobody's.
type Hash struct {
	keys   sasl.Keys // of SCRAM-SHA-256
	bcrypt []byte
}

const (
	scramPrefix     = "SCRAM-SHA-256$"
	scramMechanism  = "SCRAM-SHA-256"
	hashIterations  = 50_000 // of those made here: a client does as many at each login
	leastIterations = 4096
	mostIterations  = 1_000_000
	mostBcryptCost  = 15
	sizeSHA256      = 32
)

// ParseHash reads a hash: "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>" in base64, as PostgreSQL keeps them,
// or bcrypt's "$2b$...", as htpasswd -B writes it. With the latter a client can log in by PLAIN and LOGIN alone. An
// error does not repeat it.
func ParseHash(s string) (Hash, error) {
	if strings.HasPrefix(s, "$2") {
		cost, err := bcrypt.Cost([]byte(s))
		if err != nil || cost > mostBcryptCost {
			return Hash{}, fmt.Errorf("this is no bcrypt hash, or one of a cost over %d", mostBcryptCost)
		}
		return Hash{bcrypt: []byte(s)}, nil
	}
	wrong := errors.New("this is no hash of a password: it begins with SCRAM-SHA-256$ or with $2b$")
	rest, ok := strings.CutPrefix(s, scramPrefix)
	factors, both, ok2 := strings.Cut(rest, "$")
	count, salt, ok3 := strings.Cut(factors, ":")
	stored, server, ok4 := strings.Cut(both, ":")
	if !ok || !ok2 || !ok3 || !ok4 {
		return Hash{}, wrong
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < leastIterations || n > mostIterations {
		return Hash{}, fmt.Errorf("the hash has not %d to %d iterations", leastIterations, mostIterations)
	}
	h := Hash{keys: sasl.Keys{Iterations: n}}
	for _, part := range []struct {
		text string
		into *[]byte
	}{{salt, &h.keys.Salt}, {stored, &h.keys.StoredKey}, {server, &h.keys.ServerKey}} {
		if *part.into, err = base64.StdEncoding.DecodeString(part.text); err != nil || len(*part.into) == 0 {
			return Hash{}, errors.New("the hash has what is no base64")
		}
	}
	if len(h.keys.StoredKey) != sizeSHA256 || len(h.keys.ServerKey) != sizeSHA256 {
		return Hash{}, errors.New("the hash's keys have not 32 octets")
	}
	return h, nil
}

// HashPassword makes the line that [ParseHash] reads, with a salt of its own.
func HashPassword(password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	keys, err := sasl.MakeKeys(scramMechanism, password, salt, hashIterations)
	if err != nil {
		return "", err
	}
	in := base64.StdEncoding.EncodeToString
	return scramPrefix + strconv.Itoa(keys.Iterations) + ":" + in(keys.Salt) + "$" + in(keys.StoredKey) + ":" + in(keys.ServerKey), nil
}

// IsZero reports whether there is none.
func (h Hash) IsZero() bool { return h.bcrypt == nil && h.keys.Iterations == 0 }

func (h Hash) equal(other Hash) bool {
	return bytes.Equal(h.bcrypt, other.bcrypt) && bytes.Equal(h.keys.StoredKey, other.keys.StoredKey) && bytes.Equal(h.keys.Salt, other.keys.Salt)
}

const hashText = "(hash)"

// Format shows nothing of it, by any verb.
func (h Hash) Format(f fmt.State, _ rune) { io.WriteString(f, hashText) }

// LogValue shows nothing of it either.
func (h Hash) LogValue() slog.Value { return slog.StringValue(hashText) }

// MarshalText shows nothing of it either.
func (h Hash) MarshalText() ([]byte, error) { return []byte(hashText), nil }
