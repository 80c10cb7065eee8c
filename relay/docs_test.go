package relay

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestDocs: what docs/serve.md has of a file can be read, and it tells of each key.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	whole := ""
	for _, block := range strings.Split(string(page), "```toml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		whole += text + "\n"
	}
	if _, err := ParseFile("serve.toml", []byte(whole)); err != nil {
		t.Error(err)
	}
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(of.Elem())
		case reflect.Struct:
			if !strings.HasSuffix(of.PkgPath(), "/relay") && of.PkgPath() != "" {
				return // route's have their own docs
			}
			for _, key := range keysOf(of) {
				if !strings.Contains(string(page), key) {
					t.Errorf("it does not tell of %s", key)
				}
			}
			for f := range of.Fields() {
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeFor[document]())
}
