package diagnose

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// wraps are how other programs put a reply into what they say. Each is given the
// reply's code and text.
var wraps = []struct {
	name string
	form func(code int, text string) string
}{
	{"python", func(c int, t string) string {
		return fmt.Sprintf("smtplib.SMTPDataError: (%d, b'%s')", c, t)
	}},
	{"python recipients", func(c int, t string) string {
		return fmt.Sprintf("smtplib.SMTPRecipientsRefused: {'kim@example.net': (%d, b'%s')}", c, t)
	}},
	{"python 2", func(c int, t string) string {
		return fmt.Sprintf("SMTPSenderRefused: (%d, '%s', 'kim@example.net')", c, t)
	}},
	{"python traceback", func(c int, t string) string {
		return fmt.Sprintf("Traceback (most recent call last):\n  File \"/usr/lib/python3.11/smtplib.py\", line 750, in login\n    raise last_exception\nsmtplib.SMTPResponseException: (%d, b'%s')", c, t)
	}},
	{"nodemailer", func(c int, t string) string { return fmt.Sprintf("Error: Message failed: %d %s", c, t) }},
	{"nodemailer object", func(c int, t string) string {
		return fmt.Sprintf("Error: Can't send mail - all recipients were rejected: %d %s\n    at SMTPConnection._formatError (/app/node_modules/nodemailer/lib/smtp-connection/index.js:790:19) {\n  code: 'EENVELOPE',\n  response: '%d %s',\n  responseCode: %d,\n  command: 'API'\n}", c, t, c, t, c)
	}},
	{"javamail", func(c int, t string) string {
		return fmt.Sprintf("com.sun.mail.smtp.SMTPSendFailedException: %d %s\n;\n  nested exception is:\n\tcom.sun.mail.smtp.SMTPSenderFailedException: %d %s", c, t, c, t)
	}},
	{"phpmailer", func(c int, t string) string {
		return fmt.Sprintf("SMTP Error: The following recipients failed: kim@example.net: %s\nSMTP server error: RCPT TO command failed Detail: %s SMTP code: %d", t, t, c)
	}},
	{"phpmailer debug", func(c int, t string) string {
		return fmt.Sprintf("2026-03-01 10:00:00 SERVER -> CLIENT: %d %s", c, t)
	}},
	{"symfony", func(c int, t string) string {
		return fmt.Sprintf("Expected response code \"250\" but got code \"%d\", with message \"%d %s\".", c, c, t)
	}},
	{"swift", func(c int, t string) string {
		return fmt.Sprintf("Expected response code 250 but got code \"%d\", with message \"%d %s\r\n\"", c, c, t)
	}},
	{"postfix log", func(c int, t string) string {
		return fmt.Sprintf("Mar  3 10:00:01 mx postfix/smtp[411]: 4F1C02: to=<kim@example.net>, relay=mx.example.net[192.0.2.1]:25, delay=1.2, delays=0.1/0/0.5/0.6, dsn=5.0.0, status=bounced (host mx.example.net[192.0.2.1] said: %d %s (in reply to end of DATA command))", c, t)
	}},
	{"exim log", func(c int, t string) string {
		return fmt.Sprintf("2026-03-01 10:00:00 1rXYZ1-0001ab-2C ** kim@example.net R=dnslookup T=remote_smtp H=mx.example.net [192.0.2.1]: SMTP error from remote mail server after end of data: %d %s", c, t)
	}},
	{"sendmail log", func(c int, t string) string {
		return fmt.Sprintf("Mar  3 10:00:01 mx sm-mta[411]: q1: to=<kim@example.net>, delay=00:00:01, mailer=esmtp, relay=mx.example.net., reply=%d %s, stat=Service unavailable", c, t)
	}},
	{"qmail bounce", func(c int, t string) string {
		return fmt.Sprintf("<kim@example.net>:\n192.0.2.1 failed after I sent the message.\nRemote host said: %d %s", c, t)
	}},
	{"dsn", func(c int, t string) string {
		return fmt.Sprintf("Reporting-MTA: dns; mx.example.com\n\nFinal-Recipient: rfc822; kim@example.net\nAction: failed\nDiagnostic-Code: smtp; %d %s", c, t)
	}},
	{"curl", func(c int, t string) string {
		return fmt.Sprintf("> RCPT TO:<kim@example.net>\n< %d %s\n* RCPT failed: %d", c, t, c)
	}},
	{"msmtp", func(c int, t string) string {
		return fmt.Sprintf("msmtp: the server did not accept the mail\nmsmtp: server message: %d %s\nmsmtp: could not send mail (account default from /etc/msmtprc)", c, t)
	}},
	{"swaks", func(c int, t string) string { return fmt.Sprintf(" -> .\n<** %d %s\n -> QUIT", c, t) }},
	{"go quoted", func(c int, t string) string {
		return fmt.Sprintf("send mail: %d %s", c, strconv.Quote(t))
	}},
	{"go wrapped", func(c int, t string) string { return fmt.Sprintf("gomail: could not send email 1: %d %s", c, t) }},
	{"mailkit", func(c int, t string) string {
		return fmt.Sprintf("MailKit.Net.Smtp.SmtpCommandException: %d: %s\n   at MailKit.Net.Smtp.SmtpClient.OnRecipientNotAccepted()", c, t)
	}},
	{"ruby", func(c int, t string) string { return fmt.Sprintf("Net::SMTPFatalError (%d %s)", c, t) }},
	{"rust lettre", func(c int, t string) string { return fmt.Sprintf("permanent error (%d): %s", c, t) }},
	{"pear", func(c int, t string) string {
		return fmt.Sprintf("Failed to add recipient: kim@example.net [SMTP: Invalid response code received from server (code: %d, response: %s)]", c, t)
	}},
	{"json", func(c int, t string) string {
		return fmt.Sprintf(`{"level":"error","err":{"responseCode":%d,"response":%s}}`, c, strconv.Quote(strconv.Itoa(c)+" "+t))
	}},
	{"transcript", func(c int, t string) string {
		return fmt.Sprintf("S: 220 mx.example.net ESMTP\nC: EHLO shop.example\nS: 250 mx.example.net\nC: MAIL FROM:<a@shop.example>\nS: %d %s\nC: QUIT\nS: 221 bye", c, t)
	}},
}

// TestWrappingChangesNothing puts each provider's own examples into what other programs say: the kind
// is that of the bare reply. It prints how often for each program.
func TestWrappingChangesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	f := Default()
	total, right := 0, 0
	for _, w := range wraps {
		n, ok := 0, 0
		var missed []string
		for _, r := range f.rules {
			if r.sort == local || r.sort == generic || r.example == "" || strings.ContainsAny(r.example, "\n'\"\\") {
				continue
			}
			s := spots(r.example)
			if len(s) == 0 || s[0].from > 12 || strings.Index(r.example, strconv.Itoa(s[0].code)) != 0 || r.example[3] == '-' {
				continue
			}
			h := Hint{Provider: r.group}
			bare := f.Text(r.example, h)
			d := f.Text(w.form(s[0].code, r.example[4:]), h)
			n++
			if d.Kind == bare.Kind && d.Temporary == bare.Temporary {
				ok++
			} else if len(missed) < 3 {
				missed = append(missed, fmt.Sprintf("%s: %q: %s, not %s (%q)", r.id, r.example, d.Kind, bare.Kind, d.Text))
			}
		}
		t.Logf("%-20s %3d of %3d", w.name, ok, n)
		for _, m := range missed {
			t.Log("    " + m)
		}
		total, right = total+n, right+ok
	}
	t.Logf("all: %d of %d", right, total)
	if right*1000 < total*985 {
		t.Errorf("only %d of %d wrapped replies mean what the bare ones do", right, total)
	}
}
