package interop_test

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// TestLMTP delivers to Dovecot, over TCP and over a unix socket, by DATA and by BDAT.
func TestLMTP(t *testing.T) {
	s := servers[3]
	p, _ := s.start(t)
	socket := filepath.Join(p.state, p.vars["LMTP_SOCKET"])
	for name, addr := range map[string]string{"TCP": p.addr("LMTP"), "unix": socket} {
		t.Run(name, func(t *testing.T) {
			for _, f := range features[:2] {
				var events trace
				client := &smtp.Client{Addr: addr, LMTP: true, Security: smtp.Plaintext, Hello: "localhost", Partial: true, Timeout: 30 * time.Second, Trace: events.add}
				defer client.Close()
				what := "lmtp/" + name + "/" + f.name + "/" + rand.Text()
				m := f.message(what)
				m.To = mail.To("kim@example.net", "lee@example.net")
				receipt, err := client.Send(t.Context(), m)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if err := f.used(conversation{events.all(), receipt}); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				for _, to := range []string{"kim", "lee"} {
					wanted := delivery{what, to + "@example.net"}
					box := maildir(filepath.Join(p.state, "mail", to))
					for _, d := range box.await(t, map[delivery]bool{wanted: true}) {
						if got := d.text(t); got != body {
							t.Errorf("%s arrived as %q", what, got)
						}
					}
				}
			}
		})
	}
}
