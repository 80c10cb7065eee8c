package outbox_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"06amjfsjbjf1s", "06AMJFSJBJF1S", "fzzzzzzzzzzzz", "gzzzzzzzzzzzz", "0000000000000", "OIL0000000000", "\u212a0000000000", "06amjfsjbjf1u", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := outbox.ParseID(s)
		if err != nil {
			if id != 0 {
				t.Errorf("%q: %v with an error", s, id)
			}
			return
		}
		meant := strings.NewReplacer("i", "1", "l", "1", "o", "0").Replace(strings.ToLower(s))
		if got := id.String(); got != meant {
			t.Errorf("%q is read as %q", s, got)
		}
		if again, err := outbox.ParseID(id.String()); err != nil || again != id {
			t.Errorf("%q: %v, %v", s, again, err)
		}
	})
}

func TestIDsGrow(t *testing.T) {
	const a, b = outbox.ID(1<<40 | 31), outbox.ID(1<<40 | 32)
	if a.String() >= b.String() || len(a.String()) != 13 {
		t.Errorf("%v, %v", a, b)
	}
}

// TestFarTimes: what was put since a far year is nothing, and what was put until then is all, though no ID has room for it.
func TestFarTimes(t *testing.T) {
	b := opened(t, outbox.Options{}, sqlite.Open, filepath.Join(t.TempDir(), "box.db"))
	if _, err := b.Put(t.Context(), nil, letter("Subject: x\r\n\r\n", "kim@example.net")); err != nil {
		t.Fatal(err)
	}
	for _, year := range []int{1, 1000, 1700, 1741, 1743, 2000, 2297, 2299, 2600, 3000, 9999} {
		at := time.Date(year, 2, 1, 0, 0, 0, 0, time.UTC)
		for want, q := range map[bool]outbox.Query{year < 2020: {Since: at}, year > 2020: {Until: at}} {
			items, err := b.List(t.Context(), q)
			if err != nil || (len(items) == 1) != want {
				t.Errorf("since %v, until %v: %d, %v", q.Since, q.Until, len(items), err)
			}
		}
	}
}

// TestAsJSON: what has a name has it in JSON too.
func TestAsJSON(t *testing.T) {
	type all struct {
		ID     outbox.ID
		State  outbox.State
		Class  outbox.Class
		What   outbox.What
		Policy outbox.Policy
		States map[outbox.State]int
	}
	in := all{12345, outbox.Unknown, outbox.Bulk, outbox.WasReturned, outbox.Hold, map[outbox.State]int{outbox.Sent: 3}}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"ID":"0000000000c1s","State":"unknown","Class":"bulk","What":"returned","Policy":"hold","States":{"sent":3}}`; string(text) != want {
		t.Errorf("%s\nwant %s", text, want)
	}
	var out all
	if err := json.Unmarshal(text, &out); err != nil || out.ID != in.ID || out.State != in.State || out.Class != in.Class || out.What != in.What || out.Policy != in.Policy || out.States[outbox.Sent] != 3 {
		t.Errorf("%+v, %v", out, err)
	}
	for _, bad := range []string{`{"ID":"x"}`, `{"State":"odd"}`, `{"Class":"odd"}`, `{"What":"odd"}`, `{"Policy":"odd"}`} {
		if err := json.Unmarshal([]byte(bad), &out); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
