package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestEdits runs each change of testdata/edits.txt: a command, a file, and what the file
// is afterwards, or why not.
func TestEdits(t *testing.T) {
	const golden = "testdata/edits.txt"
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for i, one := range strings.Split(string(data), "\n===\n") {
		command, rest, _ := strings.Cut(one, "\n")
		text, want, _ := strings.Cut(rest, "\n---\n")
		got := strings.TrimSpace(edit(strings.Fields(command), text+"\n"))
		if got != strings.TrimSpace(want) && !*update {
			t.Errorf("%s\n--- got\n%s\n--- want\n%s", one, got, want)
		}
		if i > 0 {
			out.WriteString("\n===\n")
		}
		out.WriteString(command + "\n" + text + "\n---\n" + got + "\n")
	}
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func edit(command []string, text string) string {
	var out []byte
	var err error
	switch command[0] {
	case "add":
		out, err = Add("config.toml", []byte(text), Entry{Name: command[1], URL: "smtps://kim@smtp.example.com", Comment: "Example", From: "kim@example.com", Secret: Secret{Source: Keyring, Name: command[1]}})
	case "remove":
		out, err = Remove("config.toml", []byte(text), command[1])
	case "secret":
		out, err = SetSecret("config.toml", []byte(text), command[1], Secret{Source: InFile, Name: "x.password"})
	case "default":
		out, err = SetDefault("config.toml", []byte(text), command[1])
	}
	if err != nil {
		return "error: " + err.Error()
	}
	return string(out)
}

// TestEditsKeepTheRest makes files of any order and changes them: what was not changed is
// there line by line.
func TestEditsKeepTheRest(t *testing.T) {
	names := []string{"a", "b", "c-d", "163"}
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		if rapid.Bool().Draw(t, "comment") {
			b.WriteString("# first\n\n")
		}
		n := rapid.IntRange(1, len(names)).Draw(t, "servers")
		if rapid.Bool().Draw(t, "default") {
			b.WriteString("default = '" + names[rapid.IntRange(0, n-1).Draw(t, "which")] + "'\n")
		}
		for _, name := range names[:n] {
			b.WriteString(rapid.SampledFrom([]string{"", "\n", "\n\n", "# about " + name + "\n", "\n# about\n# " + name + "\n"}).Draw(t, "above"))
			b.WriteString("[server." + name + "]\n")
			b.WriteString(rapid.SampledFrom([]string{
				"url = \"smtps://kim@" + name + ".example.com\"\n", "host = '" + name + ".example.com' # [server.x]\nuser = \"kim\"\n",
				"user = \"kim\"\n\nhost = \"\"\"\n" + name + ".example.com\"\"\"\n", "url = 'smtp://kim:pw@" + name + ".example.com'\n",
			}).Draw(t, "where"))
		}
		text := strings.TrimSuffix(b.String(), rapid.SampledFrom([]string{"", "\n"}).Draw(t, "end"))
		before, err := Parse("config.toml", []byte(text))
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		name := before.Servers[rapid.IntRange(0, n-1).Draw(t, "changed")].Name
		added, err := Add("config.toml", []byte(text), Entry{Name: "new", URL: "smtps://lea@new.example.com", Secret: Secret{Source: Env, Name: "X"}})
		if err != nil {
			t.Fatalf("add: %v\n%s", err, text)
		}
		removed, err := Remove("config.toml", added, "new")
		if err != nil {
			t.Fatalf("remove: %v\n%s", err, added)
		}
		after, err := Parse("config.toml", removed)
		if err != nil || len(after.Servers) != n {
			t.Fatalf("%v\n%s\n%s", err, text, removed)
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); !strings.Contains(string(removed), line) {
				t.Fatalf("%q is lost\n%s\n%s", line, text, removed)
			}
		}
		changed, err := SetSecret("config.toml", removed, name, Secret{Source: Command, Name: "say \"it\" \\ now"})
		if err != nil {
			t.Fatalf("secret: %v\n%s", err, removed)
		}
		f, err := Parse("config.toml", changed)
		if err != nil {
			t.Fatal(err)
		}
		s, _ := f.Server(name)
		if s.Secret.Name != "say \"it\" \\ now" || strings.Contains(s.url, "pw") {
			t.Fatalf("%v\n%s", s.Secret, changed)
		}
	})
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "new", "config.toml")
	if err := Write(path, nil, []byte("# one\n")); err != nil {
		t.Fatal(err)
	}
	checkMode(t, path, 0o600)
	checkMode(t, filepath.Dir(path), 0o700)
	if err := Write(path, []byte("# other\n"), []byte("# two\n")); err == nil || !strings.Contains(err.Error(), "changed by somebody else") {
		t.Errorf("written over what somebody else wrote: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.toml")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	if err := Write(link, []byte("# one\n"), []byte("# two\n")); err != nil {
		t.Fatal(err)
	}
	checkMode(t, path, 0o640)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is no link any more: %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "# two\n" {
		t.Errorf("%q", text)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("something is left behind: %v", entries)
	}
	if Write("", nil, nil) == nil {
		t.Error("a file without a name is written")
	}
}

func TestWriteSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "work.password")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteSecret(path, "sesame"); err != nil {
		t.Fatal(err)
	}
	checkMode(t, path, 0o600)
	if text, _ := os.ReadFile(path); string(text) != "sesame\n" {
		t.Errorf("%q", text)
	}
}

func checkMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want && runtime.GOOS != "windows" {
		t.Errorf("%s has the mode %04o, and not %04o", path, got, want)
	}
}
