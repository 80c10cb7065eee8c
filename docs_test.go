package parley_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/tool/failures/page"
)

// Each QUIRK in the code stands in docs/quirks.md, and each file named there has
// one.
func TestQuirksAreListed(t *testing.T) {
	page, err := os.ReadFile("docs/quirks.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, word := range strings.Split(string(page), "`") {
		if strings.HasSuffix(word, ".go") && word != "docs_test.go" {
			named[word] = true
		}
	}
	err = filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != "." {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		code, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		if has := strings.Contains(string(code), "QUIRK:"); has != named[path] {
			t.Errorf("%s: has a QUIRK is %v, stands in docs/quirks.md is %v", path, has, named[path])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFailuresAreWritten: docs/failures is what the facts of package diagnose say.
func TestFailuresAreWritten(t *testing.T) {
	pages := page.All(diagnose.Default())
	for name, text := range pages {
		if got, err := os.ReadFile(name); err != nil || string(got) != text {
			t.Errorf("%s is not what the facts say: run make failures (%v)", name, err)
		}
	}
	files, err := os.ReadDir("docs/failures")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := pages["docs/failures/"+file.Name()]; !ok {
			t.Errorf("docs/failures/%s is about no kind", file.Name())
		}
	}
}
