package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A Vault is where secrets are got from.
type Vault struct {
	Environ []string  `json:"-" toml:"-"` // the environment, which may hold secrets; nil: this process's
	Stderr  io.Writer `json:"-" toml:"-"` // of commands; nil: nowhere
	Keys    Keys      `json:"-" toml:"-"` // the keyring; nil: the system's
}

// Keys is a keyring.
type Keys interface {
	Get(ctx context.Context, account string) (string, error)
	Set(ctx context.Context, account, secret string) error
	Delete(ctx context.Context, account string) error
}

// ErrNotInKeyring is that a keyring is there, and has nothing of an account.
var ErrNotInKeyring = errors.New("the keyring has nothing of this name")

func (v *Vault) environ() []string {
	if v.Environ == nil {
		return os.Environ()
	}
	return v.Environ
}

// env is a variable of the environment, empty where there is none.
func (v *Vault) env(name string) string {
	list := v.environ()
	for i := len(list) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(list[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// Keyring is the keyring that it asks.
func (v *Vault) Keyring() Keys {
	if v.Keys != nil {
		return v.Keys
	}
	return systemKeys{env: v.env}
}

// Read is the secret of a server. An error is a [Fault], and does not hold it.
func (v *Vault) Read(ctx context.Context, s *Server) (string, error) {
	key := s.Secret.key()
	switch name := s.Secret.Name; s.Secret.Source {
	case Clear:
		return s.Secret.value, nil
	case Env:
		if value := v.env(name); value != "" {
			return value, nil
		}
		return "", s.fault(fill(wordNoEnv, key+" "+name), nil)
	case InFile:
		return v.readFile(s, s.file(v, name))
	case Command:
		return v.readCommand(ctx, s)
	case Keyring:
		value, err := v.Keyring().Get(ctx, name)
		switch {
		case errors.Is(err, ErrNotInKeyring):
			return "", s.fault(fill(wordNotInKeyring, key+" "+name, s.Name), nil)
		case err != nil:
			return "", s.fault(fill(wordNoKeyring, key+" "+name), err)
		}
		return value, nil
	case Credential:
		dir := v.env("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return "", s.fault(fill(wordNoCredential, key+" "+name), nil)
		}
		return v.readFile(s, filepath.Join(dir, name))
	default:
		return "", s.fault(fill(wordNoSecret, s.User, s.Name), nil)
	}
}

// Exposed warns of a secret that all on this machine can read. That is no error: in a
// container whoever is there is meant to.
func (v *Vault) Exposed(s *Server) *Fault {
	if s.Secret.Source != InFile {
		return nil
	}
	path := s.file(v, s.Secret.Name)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || !open(info) {
		return nil
	}
	return s.fault(fill(wordSecretOpen, path, info.Mode().Perm()), nil)
}

// maxSecret is longer than any token.
const maxSecret = 1 << 16

func (v *Vault) readFile(s *Server, path string) (string, error) {
	r, err := os.Open(path)
	if err != nil {
		return "", s.fault(fill(wordKey, s.Secret.key()), err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxSecret))
	if err != nil {
		return "", s.fault(fill(wordKey, s.Secret.key()), err)
	}
	return firstLine(s, data)
}

// readCommand runs a command of the shell.
func (v *Vault) readCommand(ctx context.Context, s *Server) (string, error) {
	cmd := exec.CommandContext(ctx, shell[0], shell[1], s.Secret.Name)
	cmd.Env, cmd.Stderr = v.environ(), v.Stderr
	cmd.WaitDelay = time.Second // what the shell started may live on, and hold the pipe
	data, err := cmd.Output()
	if err != nil {
		return "", s.fault(fill(wordKey, s.Secret.String()), err)
	}
	return firstLine(s, data)
}

func firstLine(s *Server, data []byte) (string, error) {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	switch {
	case len(line) == 0:
		return "", s.fault(fill(wordEmptyLine, s.Secret.String()), nil)
	case bytes.IndexByte(line, 0) >= 0: // RFC 4616 §2: PLAIN parts its fields by it
		return "", s.fault(fill(wordSecretNUL, s.Secret.String()), nil)
	}
	return string(line), nil
}

// Format writes nothing of the environment, by whatever verb: it may hold secrets.
func (v Vault) Format(f fmt.State, _ rune) { io.WriteString(f, "vault") }
