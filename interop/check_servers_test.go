package interop_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"
)

// TestCheckPostfix runs "parley check" against Postfix with Dovecot and postgrey, as it should be and set up
// wrong in each way that people do.
func TestCheckPostfix(t *testing.T) {
	notShort(t)
	t.Parallel()
	c := &checking{peer: start(t, "misconf-postfix"), host: "127.0.0.1"}
	checkAll(t, c, "postfix", append(tlsSituations, postfixSituations...))
	d := &checking{peer: c.peer, host: "127.0.0.2"}
	checkAll(t, d, "dovecot", dovecotSituations)
	c.oneCame(t, "postfix.log", "message-id=<")
	checkAll(t, c, "postfix-send", postfixSending)
}

// TestCheckExim is the same for Exim.
func TestCheckExim(t *testing.T) {
	notShort(t)
	t.Parallel()
	c := &checking{peer: start(t, "misconf-exim"), host: "127.0.0.1"}
	checkAll(t, c, "exim", append(tlsSituations, eximSituations...))
	c.oneCame(t, "log/mainlog", " <= kim@example.net")
	checkAll(t, c, "exim-send", eximSending)
}

// TestCheckOpenSMTPD is the same for OpenSMTPD.
func TestCheckOpenSMTPD(t *testing.T) {
	notShort(t)
	t.Parallel()
	c := &checking{peer: start(t, "misconf-opensmtpd"), host: "127.0.0.1"}
	checkAll(t, c, "opensmtpd", append(tlsSituations, opensmtpdSituations...))
	c.oneCame(t, "smtpd.log", " smtp message ")
}

// tlsSituations are the same for all.
var tlsSituations = []situation{
	{name: "good", at: "smtp://kim@GOOD", want: "good"},
	{name: "good to elsewhere", at: "smtp://kim@GOOD", args: "--to lee@example.org", want: "good"},
	{name: "good by TLS at once", at: "smtps://kim@TLS", want: "good"},
	{name: "good and nobody logs in", at: "smtp://GOOD", want: "good"},
	{name: "AUTH before TLS", at: "smtp://kim@GOOD?tls=none", want: "auth tls-required for-good 77"},
	{name: "wrong password", at: "smtp://kim@GOOD", password: wrong, want: "auth auth-bad-credential for-good 77"},
	{name: "no STARTTLS", at: "smtp://kim@NOTLS", want: "tls starttls-unavailable for-good 76"},
	{name: "TLS port in clear text", at: "smtp://kim@TLS", args: "--timeout 3s", want: "greeting wrong-port-or-tls-mode for-good 76"},
	{name: "STARTTLS port in TLS", at: "smtps://kim@GOOD", want: "tls wrong-port-or-tls-mode for-good 76"},
	{name: "self-signed certificate", at: "smtp://kim@SELFSIGNED", want: "certificate certificate for-good 76"},
	{name: "expired certificate", at: "smtp://kim@EXPIRED", want: "certificate certificate for-good 76"},
	{name: "wrong name", at: "smtp://kim@WRONGNAME", want: "certificate certificate for-good 76"},
	{name: "expired certificate not judged", at: "smtp://EXPIRED?tls=opportunistic", want: "warning"},
}

var postfixSituations = []situation{
	{name: "relay denied", at: "smtp://GOOD", args: "--to lee@example.org", want: "rcpt relay-denied for-good 69"},
	{name: "unknown recipient", at: "smtp://GOOD", args: "--to nobody@example.net", want: "rcpt recipient-unknown for-good 69"},
	{name: "certificate ends soon", at: "smtp://SOON", want: "warning"},
	{name: "intermediate certificate missing", at: "smtp://NOCHAIN", want: "certificate certificate for-good 76"},
	{name: "certificate file missing", at: "smtp://NOCERT", want: "tls starttls-unavailable for-now 75"},
	{name: "only TLS 1.0", at: "smtp://OLDTLS", want: "tls tls-handshake for-good 76"},
	{name: "TLS demanded", at: "smtp://MUSTTLS?tls=none", want: "mail tls-required for-good 76"},
	{name: "relay denied for now", at: "smtp://DEFER", args: "--to lee@example.org", want: "rcpt relay-denied for-now 75"},
	{name: "sender of another", at: "smtp://kim@SENDER", args: "--from boss@example.net", want: "rcpt sender-mismatch for-good 69"},
	{name: "sender needs a login", at: "smtp://SENDER", want: "rcpt auth-required for-good 69"},
	{name: "sender domain not found", at: "smtp://DOMAIN", args: "--from kim@nowhere.example.org", want: "rcpt sender-invalid for-good 69"},
	{name: "sender domain not found for now", at: "smtp://SOFTDOMAIN", args: "--from kim@nowhere.example.org", want: "rcpt sender-invalid for-now 75"},
	{name: "sender domain not answered for", at: "smtp://SOFTDOMAIN", args: "--from kim@broken.example.org", want: "rcpt sender-invalid for-now 75"},
	{name: "sender on a list", at: "smtp://FORGED", want: "rcpt policy-rejected for-good 69"},
	{name: "greylisted", at: "smtp://GREY", want: "rcpt greylisted for-now 75"},
	{name: "mailbox full", at: "smtp://FULL", args: "--to full@example.net", want: "rcpt mailbox-full for-good 69"},
	{name: "hello is no name", at: "smtp://HELO?hello=laptop", want: "rcpt helo-rejected for-good 69"},
	{name: "hello not found", at: "smtp://HELODNS?hello=laptop.nowhere.example.org", want: "rcpt helo-rejected for-now 75"},
	{name: "client without a name", at: "smtp://CLIENT", want: "rcpt rdns-missing for-now 75"},
	{name: "client on a block list", at: "smtp://BLOCKED", want: "rcpt ip-reputation for-good 69"},
	{name: "postscreen", at: "smtp://SCREEN", want: "rcpt greylisted for-now 75", once: true},
	{name: "postscreen passed", at: "smtp://SCREEN", want: "good", await: true},
	{name: "too many connections", at: "smtp://BUSY", want: "greeting rate-limited for-now 75", before: connected},
	{name: "too much mail", at: "smtp://RATE", want: "mail rate-limited for-now 75", before: looked},
	{name: "too many logins", at: "smtp://kim@AUTHRATE", want: "auth rate-limited for-now 75", before: looked},
	{name: "AUTH server down", at: "smtp://kim@NOSASL", want: "hello connection-lost for-now 75"},
	{name: "policy server down", at: "smtp://NOPOLICY", want: "rcpt temporary-server for-now 75"},
	{name: "map missing", at: "smtp://NOMAP", want: "rcpt temporary-server for-now 75"},
	{name: "milter down", at: "smtp://NOMILTER?tls=none", want: "mail temporary-server for-now 75"},
	{name: "milter down before STARTTLS", at: "smtp://NOMILTER", want: "tls starttls-unavailable for-now 75"},
	{name: "disk full", at: "smtp://DISK", want: "mail temporary-server for-now 75"},
	{name: "greylisted no more", at: "smtp://GREY", want: "good", await: true},
}

var postfixSending = []situation{
	{name: "sent", at: "smtp://kim@GOOD", args: "--send", want: "good"},
	{name: "too big", at: "smtp://SMALL", args: "--send", want: "mail message-too-big for-good 69"},
	{name: "too big and not announced", at: "smtp://NOSIZE", args: "--send", want: "send message-too-big for-good 69"},
	{name: "content refused", at: "smtp://CONTENT", args: "--send", want: "send spam-content for-good 69"},
	{name: "content cannot be stored", at: "smtp://FAILING", args: "--send", want: "send temporary-server for-now 75"},
}

var dovecotSituations = []situation{
	{name: "good", at: "smtp://kim@SUBMISSION", want: "good"},
	{name: "good by TLS at once", at: "smtps://kim@SUBMISSIONS", want: "good"},
	{name: "good LMTP", at: "lmtp://LMTP", args: "--to kim@example.net", want: "good"},
	{name: "AUTH before TLS", at: "smtp://kim@SUBMISSION?tls=none", want: "auth tls-required for-good 77"},
	{name: "nobody logs in", at: "smtp://SUBMISSION", want: "mail auth-required for-good 77"},
	{name: "wrong password", at: "smtp://kim@SUBMISSION", password: wrong, want: "auth auth-bad-credential for-good 77"},
	{name: "TLS port in clear text", at: "smtp://kim@SUBMISSIONS", args: "--timeout 3s", want: "greeting wrong-port-or-tls-mode for-good 76"},
	{name: "STARTTLS port in TLS", at: "smtps://kim@SUBMISSION", want: "tls wrong-port-or-tls-mode for-good 76"},
	{name: "unknown recipient behind it", at: "smtp://kim@SUBMISSION", args: "--to nobody@example.net", want: "rcpt recipient-unknown for-good 69"},
	{name: "nothing behind it", at: "smtp://kim@BACKENDLESS", want: "mail temporary-server for-now 75"},
	{name: "unknown recipient", at: "lmtp://LMTP", args: "--to nobody@example.net", want: "rcpt recipient-unknown for-good 69"},
	{name: "mailbox full", at: "lmtp://LMTP", args: "--to full@example.net", want: "rcpt mailbox-full for-good 69"},
	{name: "mailbox full for now", at: "lmtp://LMTPSOFT", args: "--to full@example.net", want: "rcpt mailbox-full for-now 75"},
}

var eximSituations = []situation{
	{name: "relay denied", at: "smtp://GOOD", args: "--to lee@example.org", want: "rcpt relay-denied for-good 69"},
	// The same words for a user and for a domain.
	{name: "unknown recipient", at: "smtp://GOOD", args: "--to nobody@example.net", want: "rcpt recipient-domain for-good 69"},
	{name: "certificate file missing", at: "smtp://NOCERT", want: "tls starttls-unavailable for-now 75"},
	{name: "sender of another", at: "smtp://kim@SENDER", args: "--from boss@example.net", want: "mail sender-mismatch for-good 69"},
	{name: "sender unknown", at: "smtp://VERIFY", args: "--from nobody@example.net", want: "rcpt sender-invalid for-good 69"},
	{name: "sender domain not found", at: "smtp://VERIFY", args: "--from kim@nowhere.example.org", want: "rcpt sender-invalid for-good 69"},
	{name: "sender domain not answered for", at: "smtp://VERIFY", args: "--from kim@broken.example.org", want: "rcpt temporary-server for-now 75"},
	// A line of a reply that begins with digits, "451-127.0.0.1 is not yet", is not taken for one.
	{name: "greylisted", at: "smtp://GREY", want: "rcpt greylisted for-now 75"},
	{name: "client on a block list", at: "smtp://BLOCKED", want: "rcpt ip-reputation for-good 69"},
	{name: "hello is no name", at: "smtp://HELO?hello=laptop", want: "hello-clear helo-rejected for-good 69"},
	{name: "server behind it down", at: "smtp://GOOD", args: "--to lee@behind.example.net", want: "rcpt temporary-server for-now 75"},
	{name: "map missing", at: "smtp://NOMAP", want: "mail temporary-server for-now 75"},
	{name: "client refused", at: "smtp://REJECTING", want: "greeting ip-reputation for-good 69"},
	{name: "too many connections", at: "smtp://BUSY", want: "greeting rate-limited for-now 75", before: connected},
}

var eximSending = []situation{
	{name: "sent", at: "smtp://kim@GOOD", args: "--send", want: "good"},
	{name: "too big", at: "smtp://SMALL", args: "--send", want: "mail message-too-big for-good 69"},
	{name: "content refused", at: "smtp://CONTENT", args: "--send", want: "send policy-rejected for-good 69"},
}

var opensmtpdSituations = []situation{
	// It has one reply for relaying and for users whom no rule knows.
	{name: "relay denied", at: "smtp://GOOD", args: "--to lee@example.org", want: "rcpt recipient-unknown for-good 69"},
	{name: "unknown recipient", at: "smtp://GOOD", args: "--to nobody@example.net", want: "rcpt recipient-unknown for-good 69"},
	{name: "TLS demanded", at: "smtp://OPTIONAL?tls=none", want: "mail tls-required for-good 76"},
	{name: "login demanded", at: "smtp://MUSTLOGIN", want: "mail auth-required for-good 77"},
	{name: "sender of another", at: "smtp://kim@SENDER", args: "--from boss@example.net", want: "mail sender-mismatch for-good 77"},
	{name: "sender of one's own", at: "smtp://kim@SENDER", want: "good"},
	{name: "greylisted", at: "smtp://GREY", args: "--to kim@example.net", want: "rcpt greylisted for-now 75"},
	{name: "client refused", at: "smtp://BLOCKED", want: "greeting ip-reputation for-good 69"},
	{name: "hello is no name", at: "smtp://HELO?hello=laptop", want: "hello-clear helo-rejected for-good 69"},
	{name: "sent away", at: "smtp://JUNK", want: "mail temporary-server for-now 75"},
}

// connected holds the one connection that the server has.
func connected(t *testing.T, c *checking, _ situation) {
	// The one before may not have ended yet.
	for end := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", c.peer.addr("BUSY"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		line, err := bufio.NewReader(conn).ReadString('\n')
		if strings.HasPrefix(line, "220 ") {
			return
		}
		conn.Close()
		if time.Now().After(end) {
			t.Fatalf("%q: %v", line, err)
		}
	}
}

// looked is a check that is still allowed.
func looked(t *testing.T, c *checking, s situation) {
	if out, exit := c.run(t, s); exit != 0 {
		t.Fatalf("exit %d: %s", exit, out)
	}
}
