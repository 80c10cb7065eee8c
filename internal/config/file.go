package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
)

// A File is what the file says. The zero value says nothing.
type File struct {
	Path     string
	Default  string    // the server to take where none is named; empty: none
	Servers  []*Server // in the order of the file
	Warnings []*Fault  // what is not wrong, and not good

	text []byte
}

// maxFile is more than anybody writes by hand.
const maxFile = 1 << 20

// Read reads a file. That there is none is an error that is fs.ErrNotExist; all that
// is wrong with it are [Faults].
func Read(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, Faults{{Path: path, Words: wordIsFolder}}
	}
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	f, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	if open(info) && f.holdsSecret() {
		return nil, Faults{{Path: path, Words: fill(wordOpenToAll, info.Mode().Perm())}}
	}
	return f, nil
}

func (f *File) holdsSecret() bool {
	return slices.ContainsFunc(f.Servers, func(s *Server) bool {
		_, proxy := withoutProxyPassword(s.url)
		return proxy || s.Secret.Source == Clear
	})
}

// A table is the file as it is decoded. What other commands will keep here, lanes and
// their limits, are tables of their own beside server, which name servers.
type table struct {
	Default string                  `toml:"default"`
	Server  map[string]*serverTable `toml:"server"`
}

// Parse reads the text of a file. The path is for what is said of it, and what
// relative names in it are relative to.
func Parse(path string, text []byte) (*File, error) {
	if len(text) > maxFile {
		return nil, Faults{{Path: path, Words: fill(wordTooLong, maxFile)}}
	}
	// Editors on Windows begin a file with it; TOML 1.0 has no place for it.
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	f := &File{Path: path, text: text}
	var t table
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&t); err != nil {
		return nil, f.decodeFaults(err)
	}
	x, err := parseIndex(text)
	if err != nil {
		return nil, Faults{{Path: path, Words: fill(wordNoTOML, err)}}
	}
	var faults Faults
	for name, st := range t.Server {
		s, wrong, warnings := st.read(path, name, x)
		faults = append(faults, wrong...)
		f.Servers, f.Warnings = append(f.Servers, s), append(f.Warnings, warnings...)
	}
	slices.SortFunc(f.Servers, func(a, b *Server) int {
		return cmp.Or(a.line-b.line, strings.Compare(a.Name, b.Name))
	})
	if f.Default = t.Default; f.Default != "" {
		if _, ok := f.Server(f.Default); !ok {
			faults = append(faults, &Fault{Path: path, Line: x.line("default"), Words: fill(wordNoDefault, f.Default, f.choice(f.Default))})
		}
	}
	sortFaults(faults)
	sortFaults(f.Warnings)
	if len(faults) > 0 {
		return nil, faults
	}
	return f, nil
}

func sortFaults(list []*Fault) {
	slices.SortStableFunc(list, func(a, b *Fault) int {
		return cmp.Or(a.Line-b.Line, strings.Compare(a.Server, b.Server))
	})
}

// Server is the server of a name.
func (f *File) Server(name string) (*Server, bool) {
	for _, s := range f.Servers {
		if s.Name == name {
			return s, true
		}
	}
	return nil, false
}

// Chosen is the server to take where none is named: the default, or the only one.
func (f *File) Chosen() (*Server, bool) {
	if f.Default == "" && len(f.Servers) == 1 {
		return f.Servers[0], true
	}
	return f.Server(f.Default)
}

// Of is the server of which a mail address is the user, or else whose mail is from it.
func (f *File) Of(address string) (*Server, bool) {
	for _, s := range f.Servers {
		if strings.EqualFold(s.User, address) {
			return s, true
		}
	}
	for _, s := range f.Servers {
		if from, err := mail.ParseAddress(s.From); err == nil && strings.EqualFold(from.Address, address) {
			return s, true
		}
	}
	return nil, false
}

// Names are those of the servers, in the order of the file.
func (f *File) Names() []string {
	list := make([]string, len(f.Servers))
	for i, s := range f.Servers {
		list[i] = s.Name
	}
	return list
}

// choice says what there is in place of a name that there is not.
func (f *File) choice(name string) diagnose.Words {
	names := f.Names()
	switch near := plain.Nearest(name, names); {
	case near != "":
		return fill(wordMeant, near)
	case len(names) > 0:
		return fill(wordThereIs, strings.Join(names, ", "))
	}
	return wordNoneThere
}

// decodeFaults words what the decoder found.
func (f *File) decodeFaults(err error) error {
	if missing, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		var faults Faults
		for i := range missing.Errors {
			e := &missing.Errors[i]
			line, _ := e.Position()
			faults = append(faults, &Fault{Path: f.Path, Line: line, Words: f.unknownKey(e.Key())})
		}
		return faults
	}
	e, ok := errors.AsType[*toml.DecodeError](err)
	if !ok {
		return Faults{{Path: f.Path, Words: fill(wordNoTOML, err)}}
	}
	line, _ := e.Position()
	said := strings.TrimPrefix(e.Error(), "toml: ")
	words := fill(wordNoTOML, said)
	// What the decoder says of a value names types of Go, and may repeat the value,
	// which may be a secret.
	if key := e.Key(); len(key) > 0 && !strings.Contains(said, "already") {
		words = wrongType(key)
	}
	return Faults{{Path: f.Path, Line: line, Words: words}}
}

// wrongType is a value that is of another type than its key has.
func wrongType(key toml.Key) diagnose.Words {
	last := key[len(key)-1]
	switch {
	case len(key) == 1 && last == "server":
		return wordServerIsTable
	case len(key) == 2 && key[0] == "server":
		return fill(wordServerKey, last)
	case last == "port":
		return wordPort
	}
	return fill(wordText, last)
}

// unknownKey is a key that means nothing, and what may be meant.
func (f *File) unknownKey(key toml.Key) diagnose.Words {
	known := []string{"default", "server"}
	x, err := parseIndex(f.text)
	inline := err == nil && len(key) == 1 && x.line(key[0]) == 0 // the decoder names no path then
	if len(key) > 2 && key[0] == "server" {
		key = key[2:]
		known = serverKeys()
	} else if inline {
		known = serverKeys()
	} else if len(key) == 1 && !slices.Contains(known, key[0]) && slices.Contains(serverKeys(), key[0]) {
		return fill(wordServersKey, key[0])
	}
	name := key[0]
	near := others[name]
	if near == "" || !slices.Contains(known, near) {
		near = plain.Nearest(strings.ReplaceAll(name, "_", "-"), known)
	}
	if near == "" {
		return fill(wordUnknown, name, strings.Join(known, ", "))
	}
	return fill(wordUnknownNear, name, near)
}

// others are what other programs and libraries call the same.
var others = map[string]string{
	"username": "user", "login": "user", "account": "user",
	"hostname": "host", "server": "host", "address": "host", "smtp": "host",
	"pass": "password", "passwd": "password", "secret": "password", "passwordeval": "password-command",
	"security": "tls", "encryption": "tls", "ssl": "tls", "starttls": "tls",
	"helo": "hello", "ehlo": "hello", "domain": "hello",
	"sender": "from", "servers": "server",
	"tls_trust_file": "ca", "tls_fingerprint": "fingerprint", "mechanism": "auth",
}

// Format writes the file's name, by whatever verb: its text may hold secrets.
func (f File) Format(s fmt.State, _ rune) { io.WriteString(s, f.Path) }
