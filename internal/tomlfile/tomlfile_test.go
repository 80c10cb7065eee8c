package tomlfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parleymail/parley/internal/tomlfile"
)

func TestDecode(t *testing.T) {
	type file struct {
		Name string        `toml:"name"`
		Wait tomlfile.Span `toml:"wait"`
	}
	for _, c := range []struct {
		text, wrong string
		wait        time.Duration
	}{
		{text: "wait = '90m'", wait: 90 * time.Minute},
		{text: "wait = '3d'", wait: 72 * time.Hour},
		{text: "wait = '0s'"},
		{text: "name = 'a'\nwait = '3 days'", wrong: `line 2: "3 days" is no time such as 90m or 3d`},
		{text: "wait = '-1h'", wrong: `line 1: "-1h" is no time such as 90m or 3d`},
		{text: "wait = '99999d'", wrong: `line 1: "99999d" is no time such as 90m or 3d`},
		{text: "\n\ntitel = 'a'", wrong: `line 3: there is no key "titel" here`},
		{text: "\nnam = 'a'", wrong: `line 2: there is no key "nam" here: did you mean "name"?`},
		{text: "name = 'a'\nwait = 5", wrong: `line 2: "5" is no time such as 90m or 3d`},
		{text: "name = true", wrong: `line 1: "name" cannot be boolean: docs tell what it is`},
	} {
		var f file
		err := tomlfile.Decode([]byte(c.text), &f)
		switch {
		case c.wrong == "" && (err != nil || f.Wait.Duration != c.wait):
			t.Errorf("%q: %v, %v", c.text, f.Wait.Duration, err)
		case c.wrong != "" && (err == nil || err.Error() != c.wrong):
			t.Errorf("%q: %v, want %s", c.text, err, c.wrong)
		}
	}
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.toml")
	if err := os.WriteFile(path, bytes.Repeat([]byte("#"), tomlfile.MostFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, folder, err := tomlfile.Read(path); err != nil || len(text) != tomlfile.MostFile || folder != filepath.Dir(path) {
		t.Error(len(text), folder, err)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("#"), tomlfile.MostFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tomlfile.Read(path); err == nil {
		t.Error("a file that is too large was read")
	}
}

func TestWithin(t *testing.T) {
	for _, c := range [][3]string{{"/etc/parley", "key.pem", "/etc/parley/key.pem"}, {"/etc/parley", "/srv/key.pem", "/srv/key.pem"}, {"/etc", "", ""}, {"", "a", "a"}} {
		if got := tomlfile.Within(c[0], c[1]); got != c[2] {
			t.Errorf("%s in %s: %s", c[1], c[0], got)
		}
	}
	for _, c := range [][2]string{{"sqlite:alert.db", "sqlite:/etc/alert.db"}, {"sqlite:/srv/a.db", "sqlite:/srv/a.db"}, {"postgres://db/a", "postgres://db/a"}} {
		if got := tomlfile.Database("/etc", c[0]); got != c[1] {
			t.Errorf("%s: %s", c[0], got)
		}
	}
}

func TestValueIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, list := rapid.String().Draw(t, "one"), rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "list")
		var got struct {
			One  string   `toml:"one"`
			List []string `toml:"list"`
		}
		text := "one = " + tomlfile.Value(one) + "\nlist = " + tomlfile.Value(list) + "\n"
		if err := tomlfile.Decode([]byte(text), &got); err != nil || got.One != one || len(got.List) != len(list) {
			t.Fatalf("%s: %q, %v", text, got, err)
		}
		for i := range list {
			if got.List[i] != list[i] {
				t.Fatalf("%s: %q", text, got)
			}
		}
	})
}
