package hostile_test

import (
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// TestNoTraceLetsAPasswordBeGuessed: neither side's trace, nor an error, has what SCRAM's guesses can be compared with, for a
// good password and a wrong one.
func TestNoTraceLetsAPasswordBeGuessed(t *testing.T) {
	for _, mech := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256"} {
		for _, password := range []string{"correct horse", "battery staple"} {
			var mu sync.Mutex
			var lines []string
			note := func(e smtp.Event) {
				mu.Lock()
				defer mu.Unlock()
				lines = append(lines, e.Line)
			}
			s := (&smtptest.Server{Users: map[string]string{"kim": "correct horse"}, Trace: note}).Start(t)
			c := s.Client()
			c.Auth, c.Trace = sasl.Only(mech, sasl.Password("kim", password)), note
			session, err := c.Open(t.Context())
			if e, ok := err.(*smtp.Error); ok {
				for _, said := range e.Said {
					note(said)
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				session.Close()
			}
			mu.Lock()
			challenges := 0
			for _, line := range lines {
				if !strings.HasPrefix(line, "334 ") {
					continue
				}
				challenges++
				if plain, err := base64.StdEncoding.DecodeString(line[4:]); err == nil && len(plain) > 1 && plain[1] == '=' && plain[0] != 'e' {
					t.Errorf("%s: %s is shown", mech, plain)
				}
			}
			mu.Unlock()
			if challenges < 2 {
				t.Errorf("%s: only %d challenges were told", mech, challenges)
			}
		}
	}
}
