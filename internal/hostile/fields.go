package hostile

import (
	"fmt"
	"reflect"
	"strings"
)

// A Field is a string that a caller of an API may set.
type Field struct {
	Path  string // "Message.To[0].Name"
	value reflect.Value
}

// Get is what the field holds.
func (f Field) Get() string { return f.value.String() }

// Set makes the field hold s.
func (f Field) Set(s string) { f.value.SetString(s) }

// Fields finds every exported string within what root points to, in the types of
// the module whose path is given. Where one could be and none is, for a pointer is
// nil, a list is empty or the field is a map, its path is among the missing.
func Fields(module string, root any) (found []Field, missing []string) {
	w := walk{module: module}
	v := reflect.ValueOf(root).Elem()
	w.walk(v, v.Type().Name())
	return w.found, w.missing
}

type walk struct {
	module  string
	found   []Field
	missing []string
}

func (w *walk) walk(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.String:
		w.found = append(w.found, Field{path, v})
	case reflect.Pointer:
		if v.IsNil() {
			w.miss(v.Type().Elem(), path)
			return
		}
		w.walk(v.Elem(), path)
	case reflect.Slice, reflect.Array:
		if v.Len() == 0 {
			w.miss(v.Type().Elem(), path)
		}
		for i := range v.Len() {
			w.walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Map:
		w.miss(v.Type().Elem(), path)
		w.miss(v.Type().Key(), path)
	case reflect.Struct:
		if !strings.HasPrefix(v.Type().PkgPath(), w.module) {
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				w.walk(v.Field(i), path+"."+f.Name)
			}
		}
	}
}

// miss notes a path that leads to nothing, if there may be a string at its end.
func (w *walk) miss(t reflect.Type, path string) {
	if w.holdsString(t, map[reflect.Type]bool{}) {
		w.missing = append(w.missing, path)
	}
}

func (w *walk) holdsString(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.String:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return w.holdsString(t.Elem(), seen)
	case reflect.Map:
		return w.holdsString(t.Elem(), seen) || w.holdsString(t.Key(), seen)
	case reflect.Struct:
		if !strings.HasPrefix(t.PkgPath(), w.module) {
			return false
		}
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && w.holdsString(f.Type, seen) {
				return true
			}
		}
	}
	return false
}
