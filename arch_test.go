package parley_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/parleymail/parley"

// floors is the house: a package imports only what is on a floor below its own.
// ARCHITECTURE.md says why. A folder below one of these, such as mail/eml, stands
// on its parent and may import that too, and what is above never does the
// reverse.
var floors = map[string]int{
	"internal/wire": 1, "internal/secret": 1, "internal/throwaway": 1, "internal/testpg": 1, "internal/schema": 1, "internal/webhook": 1, "internal/pause": 1, "mail": 1, "sasl": 1,
	"smtp":  2,
	"smtpd": 3, "transcript": 3, "diagnose": 3, "internal/plain": 3,
	"fault": 4, "gloss": 4, "replay": 4, "check": 4, "proxy": 4, "internal/config": 4, "dsn": 4, "internal/tomlfile": 4, "internal/htmltext": 4,
	"smtptest": 5, "inbox": 5, "internal/talk": 5, "outbox": 5,
	"route": 6, "internal/hostile": 6,
	"relay":   7,
	"web/api": 8, "internal/ledger": 8,
	"web/pages": 9, "statement": 9, "alert": 9, "digest": 9,
	"web":        10,
	"cmd/parley": 11,
}

// only is what a package may link of other people's code, for those that nobody
// should pay for who does not use them. Standard library and this module aside.
var only = map[string][]string{
	"mail":       {"golang.org/x/net/idna", "golang.org/x/text/"},
	"smtp":       {"golang.org/x/net/", "golang.org/x/text/", "golang.org/x/time/rate", "github.com/xdg-go/", "golang.org/x/crypto/pbkdf2"},
	"transcript": {"golang.org/x/net/", "golang.org/x/text/", "golang.org/x/time/rate", "github.com/xdg-go/", "golang.org/x/crypto/pbkdf2"},
	// No driver: those are in outbox/sqlite and outbox/postgres. goose, and what it links; what smtp links; TOML for diagnose's facts; what tells how much room a disk has.
	"outbox": {
		"github.com/pressly/goose/v3", "github.com/mfridman/interpolate", "github.com/sethvargo/go-retry", "go.uber.org/multierr", "golang.org/x/sync/errgroup",
		"golang.org/x/net/", "golang.org/x/text/", "golang.org/x/time/rate", "github.com/xdg-go/", "golang.org/x/crypto/pbkdf2", "github.com/pelletier/go-toml/v2", "golang.org/x/sys/",
	},
}

type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

func TestArrowsGoDown(t *testing.T) {
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if name == "" || name == "interop" || strings.HasPrefix(name, "internal/tool/") {
			continue
		}
		floor, parent := floorOf(name)
		if floor == 0 {
			t.Errorf("%s stands on no floor: give it one in floors", name)
			continue
		}
		for _, imported := range p.Imports {
			below, ok := strings.CutPrefix(imported, module+"/")
			if !ok {
				continue
			}
			f, _ := floorOf(below)
			if f > floor || f == floor && below != parent {
				t.Errorf("%s (floor %d) imports %s (floor %d): arrows only go down", name, floor, below, f)
			}
		}
	}
}

// floorOf gives a package's floor, and the package that it is a part of.
func floorOf(name string) (floor int, parent string) {
	for parent = name; parent != ""; {
		if f, ok := floors[parent]; ok {
			return f, parent
		}
		i := strings.LastIndexByte(parent, '/')
		parent = parent[:max(i, 0)]
	}
	return 0, ""
}

func TestNobodyLinksWhatTheyDoNotUse(t *testing.T) {
	for name, allowed := range only {
		for _, dep := range list(t, "-deps", "./"+name) {
			if dep.Standard || strings.HasPrefix(dep.ImportPath, module) || strings.HasPrefix(dep.ImportPath, "vendor/") {
				continue
			}
			ok := false
			for _, prefix := range allowed {
				ok = ok || strings.HasPrefix(dep.ImportPath, prefix)
			}
			if !ok {
				t.Errorf("%s links %s", name, dep.ImportPath)
			}
		}
	}
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Standard,Imports"}, args...)...).Output()
	if err != nil {
		e, _ := errors.AsType[*exec.ExitError](err)
		if e != nil {
			t.Fatalf("go list: %v\n%s", err, e.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
