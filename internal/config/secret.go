package config

import (
	"fmt"
	"log/slog"
	"strings"
)

// A Source is where a secret is.
type Source string

const (
	Nowhere    Source = ""           // no secret is named
	Clear      Source = "clear"      // in the file itself
	Env        Source = "env"        // in a variable of the environment
	InFile     Source = "file"       // the first line of a file
	Command    Source = "command"    // the first line that a command prints
	Keyring    Source = "keyring"    // the system's
	Credential Source = "credential" // systemd's: a file of $CREDENTIALS_DIRECTORY
)

// A Secret says where a secret is. It may hold one, of Source Clear; by whatever
// verb, and in JSON, TOML and logs, that is left out.
type Secret struct {
	Source Source
	Token  bool   // it is a token for OAuth, and not a password
	Name   string // of the variable, file, credential or keyring's account, or the command

	value string // of Clear
}

// ClearSecret is a secret as it stands in a file.
func ClearSecret(value string) Secret { return Secret{Source: Clear, value: value} }

// key is what it is called in the file.
func (s Secret) key() string {
	word := "password"
	if s.Token {
		word = "token"
	}
	if s.Source == Clear || s.Source == Nowhere {
		return word
	}
	return word + "-" + string(s.Source)
}

// String says where the secret is. Of a command that is its first word, for more of it
// may be a secret.
func (s Secret) String() string {
	switch s.Source {
	case Nowhere:
		return ""
	case Clear:
		return s.key()
	case Command:
		first, rest, _ := strings.Cut(strings.TrimSpace(s.Name), " ")
		if strings.Contains(first, "=") {
			first, rest = "", "…" // NAME=value command
		}
		if rest != "" {
			first = strings.TrimSpace(first + " …")
		}
		return s.key() + " " + first
	default:
		return s.key() + " " + s.Name
	}
}

// Format writes String, by whatever verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText writes String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue writes String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
