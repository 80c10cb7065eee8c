package interop_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// TestRefusals hears each server say no, in its own words: to an unknown recipient,
// to a mail that is too large, to a wrong password by each of its mechanisms; and
// says no to its certificate.
func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, s server, p *peer, _ maildir) {
		for _, mode := range []mode{plain, startTLS, implicitTLS} {
			o, err := hear(t.Context(), p.addr(mode.port()), mode, p.tls())
			if err != nil {
				t.Fatal(err)
			}
			var auth string
			if len(o.auth) > 0 {
				auth = o.auth[0]
			}
			name := s.name + "/" + mode.String()
			refuse(t, name+"/recipient", p.client(mode, auth), want{smtp.Refused, smtp.StageRcpt, 550}, func(m *mail.Message) {
				m.To = mail.To("kim@example.net", "nobody@example.net")
			})
			refuse(t, name+"/size", p.client(mode, auth), want{smtp.Unsupported, smtp.StageMail, 0}, func(m *mail.Message) {
				m.Attach = []mail.Part{mail.Bytes("large.bin", make([]byte, 5<<20))}
			})
			for _, mechanism := range o.auth {
				if !slices.Contains(mechanisms, mechanism) {
					continue
				}
				impostor := p.client(mode, mechanism)
				impostor.Auth = sasl.Only(mechanism, sasl.Password(p.vars["USER"], wrong))
				refuse(t, name+"/"+mechanism, impostor, want{smtp.Unauthorized, smtp.StageAuth, 535}, nil)
			}
			if mode != plain {
				stranger := p.client(mode, auth)
				stranger.TLS = nil
				refuse(t, name+"/certificate", stranger, want{smtp.Insecure, smtp.StageTLS, 0}, nil)
			}
		}
	})
}

const wrong = "not the password"

// want is what an error must say.
type want struct {
	kind  smtp.Kind
	stage smtp.Stage
	code  int // 0: it is not the server who said no
}

// refuse sends a mail that cannot be taken.
func refuse(t *testing.T, name string, client *smtp.Client, want want, change func(*mail.Message)) {
	t.Helper()
	var events trace
	client.Trace = events.add
	defer client.Close()
	message := features[0].message(name)
	message.Text, message.Attach = body, nil
	if change != nil {
		change(message)
	}
	_, err := client.Send(t.Context(), message)
	var e *smtp.Error
	switch {
	case !errors.As(err, &e):
		t.Errorf("%s: it was taken, or the error is not smtp's: %v", name, err)
		return
	case e.Kind != want.kind || e.Stage != want.stage || e.Reply.Code != want.code:
		t.Errorf("%s: %v at %v with %d, want %v at %v with %d: %v", name, e.Kind, e.Stage, e.Reply.Code, want.kind, want.stage, want.code, err)
	case e.Temporary() || e.Uncertain():
		t.Errorf("%s: temporary %v, uncertain %v: %v", name, e.Temporary(), e.Uncertain(), err)
	}
	told := err.Error()
	for _, event := range append(events.all(), e.Said...) {
		told += "\n" + event.Line
		if event.Did == smtp.Content || want.stage == smtp.StageTLS && strings.HasPrefix(event.Line, "AUTH") {
			t.Errorf("%s: this was said nevertheless: %v", name, event)
		}
	}
	if strings.Contains(told, wrong) || strings.Contains(told, base64.StdEncoding.EncodeToString([]byte(wrong))) {
		t.Errorf("%s: the password was told: %s", name, told)
	}
}

// TestSendAll sends very many over one connection. One in ten is refused, and keeps
// none of the others from arriving.
func TestSendAll(t *testing.T) {
	each(t, func(t *testing.T, s server, p *peer, inbox maildir) {
		client := p.client(startTLS, "PLAIN")
		defer client.Close()
		run := rand.Text()
		var mails []*mail.Message
		wanted := map[delivery]bool{}
		for i := range 100 {
			m := features[1].message(fmt.Sprintf("%s/all/%s/%d", s.name, run, i))
			if i%10 == 3 {
				m.To = mail.To("nobody@example.net")
			} else {
				wanted[delivery{m.Header[0].Value, "kim@example.net"}] = true
			}
			mails = append(mails, m)
		}
		results := 0
		for r := range client.SendAll(t.Context(), mail.Objects(mails)) {
			results++
			var e *smtp.Error
			if refused := r.Index%10 == 3; refused != (r.Err != nil) || refused && (!errors.As(r.Err, &e) || e.Reply.Code != 550 || e.Uncertain()) {
				t.Errorf("mail %d: %v", r.Index, r.Err)
			}
		}
		if results != len(mails) {
			t.Errorf("%d results for %d mails", results, len(mails))
		}
		for what, d := range inbox.await(t, wanted) {
			if got := d.text(t); got != body {
				t.Errorf("%s arrived as %q", what, got)
			}
		}
	})
}
