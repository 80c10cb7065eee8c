package relay

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/config"
	"github.com/parleymail/parley/internal/plain"
)

// decode reads the text into the document. The decoder ends at the first value that it cannot take: that one is taken out, and it reads again,
// so that all are told at once.
func (f *File) decode(text []byte, sound bool) (all Faults) {
	for {
		f.doc = document{}
		err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&f.doc)
		if err == nil {
			return all
		}
		faults := f.decodeFaults(err)
		all = append(all, faults...)
		e, ok := err.(*toml.DecodeError) //nolint:errorlint // keys that mean nothing wrap such errors too, and are all told already
		if !ok || !sound {
			return all
		}
		line, _ := e.Position()
		rest := f.x.without(text, line)
		if rest == nil {
			return all
		}
		text = rest
	}
}

// decodeFaults words what the decoder found. Of a value that may be a secret it says nothing.
func (f *File) decodeFaults(err error) Faults {
	if missing, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		var faults Faults
		for i := range missing.Errors {
			e := &missing.Errors[i]
			line, _ := e.Position()
			faults = append(faults, &Fault{Path: f.Path, Line: line, Words: unknownKey(e.Key())})
		}
		return faults
	}
	e, ok := errors.AsType[*toml.DecodeError](err)
	if !ok {
		return Faults{{Path: f.Path, Words: fill(wordNoTOML, err)}}
	}
	line, _ := e.Position()
	key := e.Key()
	said := strings.TrimPrefix(e.Error(), "toml: ")
	if len(key) == 0 {
		return Faults{{Path: f.Path, Line: line, Words: fill(wordNoTOML, said)}}
	}
	if last := key[len(key)-1]; last == "password" || last == "url" || strings.Contains(said, "annot decode") || strings.Contains(said, "annot store") {
		return Faults{{Path: f.Path, Line: line, Words: wrongSort(key)}}
	}
	return Faults{{Path: f.Path, Line: line, Words: fill(wordValue, key[len(key)-1], said)}}
}

// wrongSort is a value of another sort than its key has, and which is wanted.
func wrongSort(key toml.Key) diagnose.Words {
	wanted := wordSortText
	if t := typeAt(key); t != nil {
		switch t.Kind() {
		case reflect.Int:
			wanted = wordSortNumber
		case reflect.Bool:
			wanted = wordSortBool
		case reflect.Slice:
			wanted = wordSortList
			if t.Elem().Kind() == reflect.Struct {
				wanted = fill(wordSortTables, key[len(key)-1])
			}
		case reflect.Struct, reflect.Map:
			wanted = fill(wordSortTable, key[len(key)-1])
		default:
		}
		if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			wanted = wordSortText
		}
	}
	return diagnose.Words{En: fmt.Sprintf(wordValueType.En, key[len(key)-1], wanted.En), Zh: fmt.Sprintf(wordValueType.Zh, key[len(key)-1], wanted.Zh)}
}

// unknownKey is a key that means nothing, and what may be meant.
func unknownKey(key toml.Key) diagnose.Words {
	name := key[len(key)-1]
	known := keysAt(key[:len(key)-1])
	if near := plain.Nearest(strings.ReplaceAll(name, "-", "_"), known); near != "" {
		return fill(wordKeyNear, name, near)
	}
	if len(known) == 0 {
		return fill(wordKey, name)
	}
	return fill(wordKeyKnown, name, strings.Join(known, ", "))
}

// adopt makes our faults of those that package config has found.
func (f *File) adopt(err error) error {
	if one, ok := errors.AsType[*config.Fault](err); ok {
		if _, many := errors.AsType[config.Faults](err); !many {
			return Faults{adoptOne(one)}
		}
	}
	list, ok := errors.AsType[config.Faults](err)
	if !ok {
		return err
	}
	var faults Faults
	for _, one := range list {
		faults = append(faults, adoptOne(one))
	}
	return faults
}

func adoptOne(one *config.Fault) *Fault {
	w := one.Words
	if one.Server != "" {
		w = diagnose.Words{En: "[server." + one.Server + "]: " + w.In(diagnose.English), Zh: "[server." + one.Server + "]：" + w.In(diagnose.Chinese)}
	}
	return &Fault{Path: one.Path, Line: one.Line, Words: w, Err: one.Err}
}
