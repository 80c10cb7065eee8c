// Command api prints the public face of every package, so that a change of it is
// seen in a diff of api.txt.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func run() error {
	out, err := exec.Command("go", "list", "-f", "{{if .GoFiles}}{{.Name}} {{.ImportPath}}{{end}}", "./...").Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if path == "" || name == "main" || strings.Contains(path, "/internal/") {
			continue
		}
		doc, err := exec.Command("go", "doc", "-all", path).Output()
		if err != nil {
			return fmt.Errorf("go doc %s: %w", path, err)
		}
		fmt.Printf("%s\n\n%s\n", path, face(doc))
	}
	return nil
}

// face leaves the declarations of a package's documentation: they begin at the
// margin, or are the inside of one that does. Text is indented and not told.
func face(doc []byte) []byte {
	var b bytes.Buffer
	open := false
	for line := range bytes.Lines(doc) {
		switch {
		case startsDeclaration(line):
			b.Write(line)
			open = bytes.HasSuffix(bytes.TrimSpace(line), []byte("{")) || bytes.HasSuffix(bytes.TrimSpace(line), []byte("("))
		case open:
			if !isComment(line) && len(bytes.TrimSpace(line)) > 0 {
				b.Write(line)
			}
			open = line[0] != '}' && line[0] != ')'
		}
	}
	return b.Bytes()
}

func startsDeclaration(line []byte) bool {
	for _, word := range []string{"func ", "type ", "const ", "var "} {
		if bytes.HasPrefix(line, []byte(word)) {
			return true
		}
	}
	return false
}

func isComment(line []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(line), []byte("//")) }
