package tomlfile

import (
	"reflect"
	"slices"
	"strings"

	"github.com/parleymail/parley/internal/plain"
)

// nearest is the key that one which is not there is likely meant to be, of those that stand in the same table; empty where none is like it.
func nearest(t reflect.Type, key []string) string {
	for i, name := range key {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return ""
		}
		var inner reflect.Type
		var there []string
		for f := range t.Fields() {
			tag, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
			if tag != "" {
				there = append(there, tag)
			}
			if tag == name {
				inner = f.Type
			}
		}
		if inner == nil {
			near := plain.Nearest(name, there)
			if near == "" {
				return ""
			}
			return strings.Join(append(slices.Clone(key[:i]), near), ".")
		}
		t = inner
	}
	return ""
}
