package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleymail/parley/diagnose"
)

var update = flag.Bool("update", false, "write the goldens anew")

// TestFiles reads each file of testdata/files.txt, which are parted by lines of ===, and
// compares what comes of it with what stands behind ---.
func TestFiles(t *testing.T) {
	const golden = "testdata/files.txt"
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for i, one := range strings.Split(string(data), "\n===\n") {
		text, want, _ := strings.Cut(one, "\n---\n")
		got := describe(text)
		if strings.TrimSpace(got) != strings.TrimSpace(want) && !*update {
			t.Errorf("%s\n--- got\n%s\n--- want\n%s", text, got, want)
		}
		if i > 0 {
			out.WriteString("\n===\n")
		}
		out.WriteString(text + "\n---\n" + strings.TrimSpace(got) + "\n")
		if strings.Contains(got, "sesame") || strings.Contains(got, "c2VzYW1l") {
			t.Errorf("a secret is told of:\n%s", got)
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// describe is all that comes of a text.
func describe(text string) string {
	var b strings.Builder
	f, err := Parse("config.toml", []byte(text))
	if faults, ok := err.(Faults); ok {
		for _, one := range faults {
			b.WriteString(one.In(diagnose.English) + "\n")
			if zh := one.In(diagnose.Chinese); zh != one.In(diagnose.English) {
				b.WriteString(zh + "\n")
			}
		}
		return b.String()
	}
	if err != nil {
		return err.Error()
	}
	if f.Default != "" {
		b.WriteString("default " + f.Default + "\n")
	}
	for _, s := range f.Servers {
		b.WriteString(strings.Join([]string{s.Name, s.URL(), "user=" + s.User, "from=" + s.From, "secret=" + s.Secret.String(), "host=" + s.Host()}, " ") + "\n")
	}
	for _, w := range f.Warnings {
		b.WriteString("warning: " + w.Error() + "\n")
	}
	return b.String()
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"HOME": filepath.Join(dir, "home"), "XDG_CONFIG_DIRS": filepath.Join(dir, "etc")}
	find := func() (string, bool) { return Find(func(name string) string { return env[name] }) }
	check := func(what, want string, there bool) {
		t.Helper()
		if want != "" {
			want = filepath.Join(dir, filepath.FromSlash(want))
		}
		if got, exists := find(); got != want || exists != there {
			t.Errorf("%s: %s, %v", what, got, exists)
		}
	}
	write := func(name string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := Write(path, nil, []byte("# nothing\n")); err != nil {
			t.Fatal(err)
		}
	}
	check("nothing", "home/.config/parley/config.toml", false)
	write("etc/parley/config.toml")
	check("the machine's", "etc/parley/config.toml", true)
	write("home/.config/parley/config.toml")
	check("the user's", "home/.config/parley/config.toml", true)
	env["XDG_CONFIG_HOME"] = filepath.Join(dir, "xdg")
	check("another place without a file", "etc/parley/config.toml", true)
	write("xdg/parley/config.toml")
	check("another place", "xdg/parley/config.toml", true)
	env["XDG_CONFIG_HOME"] = "not/absolute"
	check("a place that is none", "home/.config/parley/config.toml", true)
	env["PARLEY_CONFIG"] = filepath.Join(dir, "mine.toml")
	check("a file by name", "mine.toml", false)
	env = map[string]string{"XDG_CONFIG_DIRS": filepath.Join(dir, "nowhere")}
	check("no home", "nowhere/parley/config.toml", false)
}
