package interop_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleymail/parley/dsn"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

// returning starts a relay before a peer that hands what comes back for returns.example to the relay's own listener.
func returning(t *testing.T, p *peer) *relaying {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "bounces.key")
	if err := os.WriteFile(secret, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	port := "TLS"
	if p.vars["RETURN"] == "" {
		port = "PLAIN" // it sends nothing back
	}
	return relays(t, fmt.Sprintf(`hostname = "relay.example.net"
default = ["next"]
[[listen]]
address = "127.0.0.1:0"
[[listen]]
address = "127.0.0.1:%s"
role = "bounces"
[bounces]
mailbox = "bounces@returns.example"
secret-file = %q
servers = ["next"]
[suppress]
bounces = true
`, cmp.Or(p.vars["RETURN"], "0"), secret)+p.server(t, "next", port))
}

// TestServeBounces has Postfix and Exim take mail from parley serve and find out later that nobody wants it. What they report comes back to the
// relay's own listener, is laid to its mail, and goes on to the sender; who does not exist is not written to again.
func TestServeBounces(t *testing.T) {
	needTools(t)
	for _, name := range bouncing {
		t.Run(name, func(t *testing.T) {
			p := start(t, name)
			refuseAll(t, filepath.Join(p.state, "bounce.sock"))
			r := returning(t, p)
			sender := "bounced." + name + "@example.net"
			content := strings.ReplaceAll("From: "+sender+"\nTo: kim@example.com\nSubject: to be refused\nMessage-ID: <refused."+name+"@example.net>\nDate: Mon, 23 Nov 2026 09:00:00 +0800\n\nx\n", "\n", "\r\n")
			r.hand(t, sender, "gone@bounce.example, full@bounce.example", []byte(content), nil)
			gone, full := r.becomes(t, "gone@bounce.example", "bounced"), r.becomes(t, "full@bounce.example", "bounced")
			r.checkReturned(t, gone, "550 5.1.1 no such user", "recipient-unknown")
			r.checkReturned(t, full, "552 5.2.2 mailbox full", "mailbox-full")
			r.checkSuppressed(t)

			notices := map[string]*dsn.Notice{}
			inbox := maildir(p.state + "/mail/inbox")
			inbox.watch(t, func(d delivered) bool {
				if d.recipients()[0] == sender {
					n := notice(t, d)
					notices[n.Recipients[0].Final.String()] = n
					if d.header.Get("Return-Path") != "<>" {
						t.Errorf("a notice comes from %q", d.header.Get("Return-Path"))
					}
				}
				return len(notices) == 2
			})
			for address, reply := range map[string]string{"<gone@bounce.example>": "550 5.1.1 no such user", "<full@bounce.example>": "552 5.2.2 mailbox full"} {
				n := notices[address]
				if n == nil {
					t.Errorf("the sender was not told of %s: %v", address, notices)
					continue
				}
				if n.Kind != dsn.Failure || n.Recipients[0].Action != dsn.Failed || n.Recipients[0].Status.Class != 5 || n.Recipients[0].Reply.String() != reply || n.Original.Subject != "to be refused" || n.Original.MessageID != "refused."+name+"@example.net" {
					t.Errorf("the sender was told of %s: %+v", address, n)
				}
			}

			// Nobody asks the server again.
			r.hand(t, sender, "Gone@Bounce.example", []byte(content), url.Values{"topic": {"again"}})
			for _, i := range r.items(t, url.Values{"topic": {"again"}}) {
				r.drained(t)
				list := r.happened(t, r.items(t, url.Values{"topic": {"again"}})[0])
				if last := list[len(list)-1]; last.What != outbox.WasSuppressed || last.Attempt > 0 || last.Remote != "" {
					t.Errorf("%s, who does not exist, is written to again: %+v", i.Path, list)
				}
			}
		})
	}
}

// checkReturned looks at what is told of a recipient whose mail came back.
func (r *relaying) checkReturned(t *testing.T, i item, reply, kind string) {
	t.Helper()
	var told []outbox.What
	var last outbox.Event
	for _, e := range r.happened(t, i) {
		told, last = append(told, e.What), e
	}
	if fmt.Sprint(told) != fmt.Sprint([]outbox.What{outbox.WasSent, outbox.WasReturned}) || last.Reply != reply || string(last.Kind) != kind || last.Remote == "" {
		t.Errorf("%s: its history is %v, and last %+v", i.Path, told, last)
	}
	if why := strings.Join(strings.Fields(r.queue(t, "why", i.Message)), " "); !strings.Contains(why, reply) || !strings.Contains(why, "fix:") {
		t.Errorf("%s: %s", i.Path, why)
	}
}

// checkSuppressed: who does not exist stands on the list, with the reason; whose mailbox is full does not.
func (r *relaying) checkSuppressed(t *testing.T) {
	t.Helper()
	var list struct{ Items []outbox.Suppression }
	r.ask(t, "GET", "/suppressions", &list)
	if len(list.Items) != 1 || list.Items[0].Address != "gone@bounce.example" || list.Items[0].Reason != "bounce" || list.Items[0].Detail != "550 5.1.1 no such user" {
		t.Errorf("the list is %+v", list.Items)
	}
	if said := r.queue(t, "suppressed"); !strings.Contains(said, "gone@bounce.example") || !strings.Contains(said, "550 5.1.1") {
		t.Errorf("parley queue says %s", said)
	}
}

// TestServeSuccess: who asks to be told of a delivery is told. Postfix, Exim and OpenSMTPD send a report of it to the relay, which has it in the history and passes it
// on; aiosmtpd has no DSN, and so the relay says itself that it has passed the mail on (RFC 3461 §5.2.2).
func TestServeSuccess(t *testing.T) {
	needTools(t)
	for _, c := range []struct {
		name   string
		action dsn.Action
	}{{"postfix", dsn.Delivered}, {"exim", dsn.Delivered}, {"aiosmtpd", dsn.Relayed}} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, c.name)
			r := returning(t, p)
			sender, to := "asks."+c.name+"@example.net", "asked."+c.name+"@example.net"
			body, err := json.Marshal(map[string]any{"from": sender, "to": to, "subject": "tell me", "text": "x\n", "notify": []string{"success", "failure"}, "envelopeID": "mine"})
			if err != nil {
				t.Fatal(err)
			}
			r.post(t, "application/json", body, nil)
			r.becomes(t, to, "sent")
			var n *dsn.Notice
			maildir(p.state+"/mail/inbox").watch(t, func(d delivered) bool {
				if to := d.header.Get("X-Rcptto"); d.recipients()[0] == sender || to == sender {
					n = notice(t, d)
				}
				return n != nil
			})
			if n == nil {
				t.Fatalf("the sender is not told\n%s", r.history(t, r.to(t, to).Message))
			}
			if a := n.Recipients[0]; n.Kind != dsn.Success || a.Action != c.action || a.Final != (mail.Path{Local: "asked." + c.name, Domain: "example.net"}) || a.Status.Class != 2 || c.action == dsn.Delivered && n.EnvelopeID != "mine" {
				t.Errorf("the sender is told %+v", n)
			}
			list := r.happened(t, r.to(t, to))
			if c.action == dsn.Delivered && list[len(list)-1].What != outbox.WasDelivered {
				t.Errorf("its history is %+v", list)
			}
		})
	}
}

// TestServeRefused: what a server refuses at once is given up, and the sender gets a notice of our own making by that same server: of an
// address that is not there, and of a mail that is larger than is taken. (OpenSMTPD writes no Return-Path for a null one.)
func TestServeRefused(t *testing.T) {
	needTools(t)
	for _, name := range []string{"postfix", "exim", "opensmtpd"} {
		t.Run(name, func(t *testing.T) {
			p := start(t, name)
			r := returning(t, p)
			sender := "refused." + name + "@example.net"
			head := "From: " + sender + "\r\nTo: kim@example.net\r\nSubject: to be refused\r\nDate: Mon, 23 Nov 2026 09:00:00 +0800\r\nMessage-ID: <"
			large := "large." + name + "@example.net"
			r.hand(t, sender, "nobody@example.net", []byte(head+"nobody@example.net>\r\n\r\nx\r\n"), nil)
			r.hand(t, sender, large, []byte(head+large+">\r\n\r\n"+strings.Repeat(strings.Repeat("x", 70)+"\r\n", 5<<20/72)), nil)
			wanted := map[string]struct{ kind, status string }{"nobody@example.net": {"recipient-unknown", "5.1.1"}, large: {"message-too-big", "5.3.4"}}
			if name == "exim" {
				wanted["nobody@example.net"] = struct{ kind, status string }{"recipient-unknown", "5.0.0"} // it says no finer code
			}
			for to, w := range wanted {
				i := r.becomes(t, to, "bounced")
				list := r.happened(t, i)
				if last := list[len(list)-1]; last.What != outbox.WasBounced || string(last.Kind) != w.kind {
					t.Errorf("%s: its history is %+v", to, list)
				}
				if why := r.queue(t, "why", i.Message); !strings.Contains(why, "fix:") {
					t.Errorf("%s: %s", to, why)
				}
			}
			told := map[string]bool{}
			maildir(p.state+"/mail/inbox").watch(t, func(d delivered) bool {
				if d.recipients()[0] != sender {
					return false
				}
				n := notice(t, d)
				a := n.Recipients[0]
				to := strings.Trim(a.Final.String(), "<>")
				told[to] = true
				if n.Kind != dsn.Failure || n.Form != "rfc3464" || n.ReportingMTA != "relay.example.net" || n.Original.MessageID != to || a.Status.String() != wanted[to].status || strings.Trim(d.header.Get("Return-Path"), "<>") != "" {
					t.Errorf("the sender is told of %s: %+v, from %s", to, n, d.header.Get("Return-Path"))
				}
				return len(told) == len(wanted)
			})
			if len(told) != len(wanted) {
				t.Errorf("the sender is told of %v alone", told)
			}
		})
	}
}
