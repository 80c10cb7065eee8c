package interop_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parleymail/parley/outbox"
)

// server is the part of a file that has a peer as a server, by the port of that name, with a login where there is TLS.
func (p *peer) server(t *testing.T, name, port string) string {
	t.Helper()
	return p.serverWith(t, name, port, p.vars["PASSWORD"])
}

// serverWith is the same with a password.
func (p *peer) serverWith(t *testing.T, name, port, password string) string {
	t.Helper()
	ca := filepath.Join(p.state, "tls", "trusted.pem")
	if _, err := os.Stat(ca); err != nil {
		ca = filepath.Join(p.state, "tls", "ca.pem")
	}
	text := fmt.Sprintf("\n[server.%s]\nhost = \"localhost\"\nport = %s\nca = %q\n", name, p.vars[port], ca)
	switch port {
	case "PLAIN":
		return fmt.Sprintf("\n[server.%s]\nhost = \"localhost\"\nport = %s\ntls = \"none\"\n", name, p.vars[port])
	case "TLS":
		text += "tls = \"implicit\"\n"
	default:
		text += "tls = \"starttls\"\n"
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return text + fmt.Sprintf("user = %q\npassword-file = %q\n", p.vars["USER"], secret)
}

// byTopic are rules that send the mail of each topic by the server of that name.
func byTopic(names ...string) string {
	text := ""
	for _, name := range names {
		text += fmt.Sprintf("[[rule]]\ntopic = [%q]\nservers = [%q]\n", name, name)
	}
	return text
}

// hand hands a mail over as kim, by HTTP as it is, and gives its ID. What more is said of it stands in a query: class, topic, key.
func (r *relaying) hand(t *testing.T, from, to string, content []byte, more url.Values) string {
	t.Helper()
	if more == nil {
		more = url.Values{}
	}
	more.Set("from", from)
	more.Set("to", to)
	return r.post(t, "message/rfc822", content, more).ID
}

// post hands over as kim what has to be taken.
func (r *relaying) post(t *testing.T, kind string, body []byte, query url.Values) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.http+"/api/v1/messages?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(user, password)
	req.Header.Set("Content-Type", kind)
	var a answer
	if status := r.do(t, req, &a); status != http.StatusAccepted || a.ID == "" {
		t.Fatalf("it is answered %d, %+v %+v", status, a, a.Error)
	}
	return a
}

// delivering are those that mail is brought to.
var delivering = []struct{ name, log string }{{"postfix", "postfix.log"}, {"opensmtpd", "smtpd.log"}}

// loggedIn is what their logs say of a login.
var loggedIn = regexp.MustCompile(`sasl_username=kim|smtp authentication user=kim (result|address)`)

// TestServeDelivers has parley serve bring mail to Postfix and OpenSMTPD, by STARTTLS and by TLS at once, with a certificate that holds and a
// login.
func TestServeDelivers(t *testing.T) {
	state := toolState(t)
	for _, d := range delivering {
		t.Run(d.name, func(t *testing.T) {
			p := start(t, d.name)
			r := relays(t, "hostname = \"relay.example.net\"\ndefault = [\"starttls\"]\n"+serveTLS(state)+"[user.\"cron@example.net\"]\nsenders = [\"*@example.net\"]\n"+
				hashed(t, user, password, "*@example.net")+hashed(t, boss, bossPassword, "boss@example.net")+"operator = true\n"+
				p.server(t, "starttls", "STARTTLS")+p.server(t, "tls", "TLS")+byTopic("starttls", "tls"))
			wanted := map[string]handed{}
			for _, way := range []string{"starttls", "tls"} {
				to := "delivered." + way + "@example.net"
				r.hand(t, "accounts@example.net", to, []byte(letter), url.Values{"topic": {way}})
				wanted[to] = handed{program: d.name, Way: way, Content: []byte(letter)}
			}
			for to := range wanted {
				i := r.becomes(t, to, "sent")
				var sent *outbox.Event
				for _, e := range r.happened(t, i) {
					if e.What == outbox.WasSent {
						sent = &e
					}
				}
				if sent == nil || !strings.HasPrefix(sent.TLS, "TLS 1.") || !strings.HasPrefix(sent.Reply, "250 2.0.0 ") {
					t.Errorf("%s: what is told of its sending is %+v", to, sent)
				}
			}
			for to, got := range comeTo(t, maildir(p.state+"/mail/inbox"), wanted) {
				a := apart(t, got)
				if at := a.changed(wanted[to].Content); at != "" || a.returnPath != "accounts@example.net" {
					t.Errorf("%s: from %q, changed: %s", to, a.returnPath, at)
				}
			}
			log, err := os.ReadFile(filepath.Join(p.state, d.log))
			if err != nil || len(loggedIn.FindAll(log, -1)) < len(wanted) {
				t.Errorf("%s does not tell of logins: %v\n%s", d.name, err, log)
			}
		})
	}
}

// mended are what is wrong with a server's table, and what "parley queue why" has to say of it.
var mended = []struct {
	topic, port, password string
	cause, fix            string
}{
	{topic: "password", port: "STARTTLS", password: "not it", cause: "535 5.7.8|535 Authentication failed", fix: "assword"},
	{topic: "expired", port: "EXPIRED", cause: "expired", fix: "ertificate"},
	{topic: "name", port: "WRONGNAME", cause: "mail.example.org, not localhost", fix: "ertificate"},
}

// TestServeIsMended: what cannot be delivered because of what the file says is kept; parley queue tells why, and what to do; and once the
// file is right, and read anew, all of it goes out, once.
func TestServeIsMended(t *testing.T) {
	state := toolState(t)
	for _, d := range delivering {
		t.Run(d.name, func(t *testing.T) {
			p := start(t, d.name)
			file := "hostname = \"relay.example.net\"\ndefault = [\"password\"]\n" + byTopic("password", "expired", "name") + serveTLS(state) + "[retry]\nfirst = \"1s\"\nmost = \"1s\"\n" +
				"[user.\"cron@example.net\"]\nsenders = [\"*@example.net\"]\n" + hashed(t, user, password, "*@example.net") + hashed(t, boss, bossPassword, "boss@example.net") + "operator = true\n"
			wrong, right := file, file
			for _, m := range mended {
				secret := m.password
				if secret == "" {
					secret = p.vars["PASSWORD"]
				}
				wrong += p.serverWith(t, m.topic, m.port, secret)
				right += p.server(t, m.topic, "STARTTLS")
			}
			r := relays(t, wrong)
			wanted := map[string]handed{}
			for _, m := range mended {
				to := "mended." + m.topic + "@example.net"
				r.hand(t, "accounts@example.net", to, []byte(letter), url.Values{"topic": {m.topic}})
				wanted[to] = handed{program: d.name, Way: m.topic, Content: []byte(letter)}
			}
			for _, m := range mended {
				i := r.tried(t, "mended."+m.topic+"@example.net")
				why, zh := r.queue(t, "why", i.Message), r.queue(t, "why", i.Message, "--lang", "zh")
				if !regexp.MustCompile(m.cause).MatchString(why) || !strings.Contains(why, m.fix) {
					t.Errorf("%s: %s", m.topic, why)
				}
				if strings.Contains(why, "not it") || !regexp.MustCompile(`\p{Han}{4}`).MatchString(zh) {
					t.Errorf("%s: %s", m.topic, zh)
				}
			}
			r.reload(t, right)
			for to := range wanted {
				r.becomes(t, to, "sent")
			}
			for to, got := range comeTo(t, maildir(p.state+"/mail/inbox"), wanted) {
				if at := apart(t, got).changed(wanted[to].Content); at != "" {
					t.Errorf("%s: changed: %s", to, at)
				}
			}
		})
	}
}
