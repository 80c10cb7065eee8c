package replay_test

import (
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/parleymail/parley/replay"
)

// secure is a session of a mail program with a provider that talks in a way of its own.
const secure = `
-- connected to smtp.mail.example:587
S: 220 smtp.mail.example Coremail
C: EHLO laptop
S: 250-smtp.mail.example
S: 250-PIPELINING
S: 250-STARTTLS
S: 250 8BITMIME
C: STARTTLS
S: 220 Ready to start TLS
-- TLS 1.3 started, TLS_AES_128_GCM_SHA256
C: EHLO laptop
S: 250-smtp.mail.example
S: 250-AUTH LOGIN PLAIN CRAM-MD5
S: 250 8BITMIME
C: AUTH LOGIN
S: 334 dXNlcm5hbWU6
C: (secret)
S: 334 UGFzc3dvcmQ6
C: (secret)
S: 235 Authentication successful
C: MAIL FROM:<me@mail.example>
S: 250 Mail OK
C: RCPT TO:<kim@example.net>
S: 250 Mail OK
C: RCPT TO:<lee@example.net>
S: 550 User not found: lee@example.net
C: DATA
S: 354 End data with <CR><LF>.<CR><LF>
C: (content, 300 octets)
C: .
S: 554 DT:SPM 163 smtp10,DsCowADHBk1
C: QUIT
S: 221 Bye
-- closed
`

const python = `
import smtplib, ssl, sys
host, port = sys.argv[1], int(sys.argv[2])
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
s = smtplib.SMTP(host, port, local_hostname="another.example", timeout=10)
s.starttls(context=context)
print(s.login("somebody", "something"))
try:
    s.sendmail("you@mail.example", ["lee@example.net", "kim@example.net"], "Subject: x\r\n\r\nhello\r\n")
except smtplib.SMTPResponseException as e:
    print(e.smtp_code, e.smtp_error)
print(s.quit())
`

// TestPython: Python's smtplib hears what the provider said.
func TestPython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3")
	}
	p := play(t, &replay.Server{Transcript: parse(t, secure)})
	host, port, _ := net.SplitHostPort(p.listener.Addr().String())
	out, err := exec.CommandContext(t.Context(), "python3", "-c", python, host, port).CombinedOutput()
	const want = "(235, b'Authentication successful')\n554 b'DT:SPM 163 smtp10,DsCowADHBk1'\n(221, b'Bye')\n"
	if err != nil || string(out) != want {
		t.Errorf("%v: it printed\n%swant\n%s\n%s", err, out, want, p.told())
	}
	for _, told := range []string{"logs in by \"CRAM-MD5\"", " FROM:<you@mail.example>"} {
		if !strings.Contains(p.told(), told) {
			t.Errorf("%q is not told:\n%s", told, p.told())
		}
	}
}

// TestSwaks: so does swaks, which speaks TLS and logs in by PLAIN.
func TestSwaks(t *testing.T) {
	if _, err := exec.LookPath("swaks"); err != nil {
		t.Skip("there is no swaks")
	}
	p := play(t, &replay.Server{Transcript: parse(t, secure)})
	out, err := exec.CommandContext(t.Context(), "swaks", "--server", p.listener.Addr().String(), "--tls", "--auth", "PLAIN",
		"--auth-user", "somebody", "--auth-password", "something", "--from", "me@mail.example", "--to", "kim@example.net").CombinedOutput()
	if strings.Contains(string(out), "requires Net::SSLeay") {
		t.Skip("swaks has no Net::SSLeay here, and so no TLS")
	}
	if err == nil || !strings.Contains(string(out), "235 Authentication successful") || !strings.Contains(string(out), "<** 554 DT:SPM 163") && !strings.Contains(string(out), "<~* 554 DT:SPM 163") {
		t.Errorf("%v: it printed\n%s\n%s", err, out, p.told())
	}
}

// TestCurl: and curl, to whose TLS the certificate is shown to be good.
func TestCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	p := play(t, &replay.Server{Transcript: parse(t, secure)})
	cmd := exec.CommandContext(t.Context(), "curl", "-sv", "--ssl-reqd", "-k", "--url", "smtp://"+p.listener.Addr().String(), "--user", "somebody:something",
		"--mail-from", "me@mail.example", "--mail-rcpt", "kim@example.net", "-T", "-")
	cmd.Stdin = strings.NewReader("Subject: x\r\n\r\nhello\r\n")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "< 554 DT:SPM 163") {
		t.Errorf("%v: it printed\n%s\n%s", err, out, p.told())
	}
}
