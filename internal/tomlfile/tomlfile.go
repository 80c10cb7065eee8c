// Package tomlfile reads a file of settings strictly, and says in which line something is wrong.
package tomlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/parleymail/parley/internal/plain"
)

// MostFile is how many octets such a file has at most.
const MostFile = 1 << 20

// Read reads a file, and gives the folder that paths within it are meant from.
func Read(path string) (text []byte, folder string, err error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer r.Close()
	text, err = io.ReadAll(io.LimitReader(r, MostFile+1))
	if err != nil {
		return nil, "", err
	}
	if len(text) > MostFile {
		return nil, "", fmt.Errorf("%s is no such file: it has more than 1 MiB", path)
	}
	return text, filepath.Dir(path), nil
}

// Decode is strict: a key that is not known is a spelling mistake. Its error has the line.
func Decode(text []byte, to any) error {
	err := decode(text, to)
	if err == nil || strings.HasPrefix(err.Error(), "line ") {
		return err
	}
	// The library does not say where a number stands that should be a text: it is in the last line without which all is well.
	lines := bytes.SplitAfterN(text, []byte("\n"), mostLines)
	for n := range lines {
		again := reflect.New(reflect.TypeOf(to).Elem()).Interface()
		if e := decode(bytes.Join(lines[:n+1], nil), again); e != nil && e.Error() == err.Error() {
			return fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	return err
}

const mostLines = 1000

func decode(text []byte, to any) error {
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(to)
	if e, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(e.Errors) > 0 {
		line, _ := e.Errors[0].Position()
		key := e.Errors[0].Key()
		if near := nearest(reflect.TypeOf(to), key); near != "" {
			return fmt.Errorf("line %d: there is no key %s here: did you mean %s?", line, plain.Quoted(strings.Join(key, ".")), plain.Quoted(near))
		}
		return fmt.Errorf("line %d: there is no key %s here", line, plain.Quoted(strings.Join(key, ".")))
	}
	if e, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := e.Position()
		if what, isType := strings.CutPrefix(e.Error(), "toml: cannot decode TOML "); isType || strings.Contains(e.Error(), " of type ") {
			what, _, _ = strings.Cut(strings.TrimPrefix(what, "toml: "), " into ")
			return fmt.Errorf("line %d: %s cannot be %s: docs tell what it is", line, plain.Quoted(strings.Join(e.Key(), ".")), what)
		}
		return fmt.Errorf("line %d: %s", line, strings.TrimPrefix(e.Error(), "toml: "))
	}
	return err
}

// Within is a path of a file, meant from the file's folder.
func Within(folder, path string) string {
	if path == "" || filepath.IsAbs(path) || folder == "" {
		return path
	}
	return filepath.Join(folder, path)
}

// Database is a database of a file: one that is a file too is meant from the file's folder.
func Database(folder, name string) string {
	if rest, ok := strings.CutPrefix(name, "sqlite:"); ok {
		return "sqlite:" + Within(folder, rest)
	}
	return name
}

// Value is a text or a list of texts as TOML has it.
func Value(v any) string {
	if s, ok := v.(string); ok && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f }) {
		return `"` + s + `"`
	}
	b, err := toml.Marshal(map[string]any{"x": v})
	if err != nil {
		return `""`
	}
	return strings.TrimSpace(strings.TrimPrefix(string(b), "x = "))
}

// A Span is a time that a file holds as "90m", or in days as "3d". It is no number: of what would that be?
type Span struct{ time.Duration }

// UnmarshalText reads one.
func (s *Span) UnmarshalText(text []byte) error {
	word := string(text)
	if days, ok := strings.CutSuffix(word, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil && n < 10_000 {
			s.Duration = time.Duration(n) * 24 * time.Hour
			return nil
		}
	}
	d, err := time.ParseDuration(word)
	if err != nil || d < 0 {
		return fmt.Errorf("%s is no time such as 90m or 3d", plain.Quoted(word))
	}
	s.Duration = d
	return nil
}
