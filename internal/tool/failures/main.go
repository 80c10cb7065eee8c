// Command failures writes docs/failures: a page for each kind of failure, from the
// facts of package diagnose. A test at the root holds them against each other.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/tool/failures/page"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "failures:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	f := diagnose.Default()
	if err := os.MkdirAll(filepath.Join(root, "docs/failures"), 0o755); err != nil {
		return err
	}
	for name, text := range page.All(f) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
