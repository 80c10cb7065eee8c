package main

import (
	"net"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A scenario is one thing that goes wrong.
type scenario struct {
	name  string
	serve func(w *world) string // starts what the client meets, and gives its URL, without a password

	kind      diagnose.Kind
	temporary bool

	// What "parley check" says, where it learns more by its probes than a mail does. The zero
	// value is the same.
	checked     diagnose.Kind
	checkedThen bool // temporary
	content     bool // it goes wrong only with a mail: check sends one

	large bool // the mail is larger than what the system keeps on the way; those of check are not

	from, to string // zero: shop@example.com, kim@example.net

	atLocalhost bool // and nothing listens there
	searching   bool // parley check looks at the usual ports of this machine
}

// scenarios are the failures that people meet most often, and some more.
func scenarios() (all []scenario) {
	for _, list := range [][]scenario{
		loginScenarios(), microsoftScenarios(), modeScenarios(), connectScenarios(), mechanismScenarios(), certificateScenarios(),
		senderScenarios(), relayScenarios(), hasteScenarios(), reputationScenarios(), laterScenarios(), otherScenarios(),
	} {
		all = append(all, list...)
	}
	return all
}

// Banners and offers as the providers have them. What our client would use, and the personas
// do not know, is left out: PIPELINING and CHUNKING.
var (
	gmail = persona{
		greeting: "220 smtp.gmail.com ESMTP 5b1f17b1804b1-4571252fb3bsm1234567a.12 - gsmtp", implicit: true,
		say:    map[string]string{"EHLO": "smtp.gmail.com at your service, [198.51.100.7]"},
		secure: []string{"SIZE 35882577", "8BITMIME", "AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH", "ENHANCEDSTATUSCODES", "SMTPUTF8"},
	}
	gmailMX = persona{
		greeting: "220 mx.google.com ESMTP 5b1f17b1804b1-4571252fb3bsi9876543a.21 - gsmtp",
		say:      map[string]string{"EHLO": "mx.google.com at your service, [198.51.100.7]"},
		clear:    []string{"SIZE 157286400", "8BITMIME", "STARTTLS", "ENHANCEDSTATUSCODES", "SMTPUTF8"},
		secure:   []string{"SIZE 157286400", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8"},
	}
	microsoft = persona{
		greeting: "220 MN2PR05CA0004.outlook.office365.com Microsoft ESMTP MAIL Service ready at Tue, 12 Sep 2023 20:59:55 +0000 [08DBB276B7E699C4]",
		say:      map[string]string{"EHLO": "MN2PR05CA0004.outlook.office365.com Hello [198.51.100.7]"},
		clear:    []string{"SIZE 157286400", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "8BITMIME", "SMTPUTF8"},
		secure:   []string{"SIZE 157286400", "DSN", "ENHANCEDSTATUSCODES", "AUTH LOGIN XOAUTH2", "8BITMIME", "SMTPUTF8"},
	}
	ses = persona{
		greeting: "220 email-smtp.amazonaws.com ESMTP SimpleEmailService-d-2V3X4Y5Z6 7abcDEFghiJKLmnoPQRs",
		say:      map[string]string{"EHLO": "email-smtp.amazonaws.com"},
		clear:    []string{"8BITMIME", "STARTTLS", "AUTH PLAIN LOGIN", "Ok"},
		secure:   []string{"8BITMIME", "AUTH PLAIN LOGIN", "Ok"},
	}
	sendgrid = persona{
		greeting: "220 SG ESMTP service ready at geopod-ismtpd-3",
		say:      map[string]string{"EHLO": "smtp.sendgrid.net"},
		clear:    []string{"8BITMIME", "SIZE 31457280", "STARTTLS", "AUTH PLAIN LOGIN"},
		secure:   []string{"8BITMIME", "SIZE 31457280", "AUTH PLAIN LOGIN"},
	}
	mailtrap = persona{
		greeting: "220 smtp.mailtrap.io ESMTP ready", say: map[string]string{"EHLO": "smtp.mailtrap.io"},
		clear: []string{"SIZE 5242880", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS"}, secure: []string{"SIZE 5242880", "8BITMIME", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN CRAM-MD5"},
	}
	qq = persona{
		greeting: "220 newxmesmtplogicsvrszb9-0.qq.com XMail Esmtp QQ Mail Server.", implicit: true,
		say: map[string]string{"EHLO": "newxmesmtplogicsvrszb9-0.qq.com"}, secure: []string{"SIZE 73400320", "AUTH LOGIN PLAIN XOAUTH XOAUTH2", "AUTH=LOGIN", "MAILCOMPRESS", "8BITMIME"},
	}
	netease = persona{
		greeting: "220 163.com Anti-spam GT for Coremail System (163com[20141201])", implicit: true,
		say: map[string]string{"EHLO": "mail"}, secure: []string{"AUTH LOGIN PLAIN XOAUTH2", "AUTH=LOGIN PLAIN XOAUTH2", "coremail 1Uxr2xKj7kG0xkI17xGrU7I0s8FY2U3Uj8Cz28x1UUUUU7Ic2I0Y2Ur0B1Nc", "8BITMIME"},
	}
	postfix = persona{
		greeting: "220 mail.example.org ESMTP Postfix (Debian/GNU)", say: map[string]string{"EHLO": "mail.example.org"},
		clear: []string{"SIZE 10240000", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8"}, secure: []string{"SIZE 10240000", "AUTH PLAIN LOGIN", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8"},
	}
	exim = persona{
		greeting: "220 mail.example.org ESMTP Exim 4.96 Tue, 12 Sep 2023 20:59:55 +0000", say: map[string]string{"EHLO": "mail.example.org Hello [198.51.100.7]"},
		clear: []string{"SIZE 52428800", "8BITMIME", "STARTTLS", "HELP"}, secure: []string{"SIZE 52428800", "8BITMIME", "AUTH PLAIN LOGIN", "HELP"},
	}
	bare = persona{greeting: "220 mail.example.org ESMTP", say: map[string]string{"EHLO": "mail.example.org"}, clear: []string{"SIZE 10240000", "8BITMIME"}}
)

// answering is the persona that answers a verb otherwise, behind a good certificate; user logs in.
func answering(p persona, user, verb, says string) func(*world) string {
	return func(w *world) string { return w.url(p.with(verb, says), user) }
}

func loginScenarios() []scenario {
	return []scenario{
		{name: "gmail-password", kind: "auth-needs-app-password", serve: answering(gmail, "kim@gmail.com", "AUTH",
			"535-5.7.8 Username and Password not accepted. For more information, go to\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials 5b1f17b1804b1-4571252fb3bsm1234567a.12 - gsmtp")},
		{name: "gmail-app-password-required", kind: "auth-needs-app-password", serve: answering(gmail, "kim@gmail.com", "AUTH",
			"534-5.7.9 Application-specific password required. For more information, go to\n534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor 5b1f17b1804b1-4571252fb3bsm1234567a.12 - gsmtp")},
		{name: "qq-authorization-code", kind: "auth-needs-app-password", serve: answering(qq, "12345@qq.com", "AUTH",
			"535 Login Fail. Please enter your authorization code to login. More information in http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256")},
		{name: "163-authorization-code", kind: "auth-needs-app-password", serve: answering(netease, "kim@163.com", "AUTH", "535 Error: authentication failed")},
		{name: "ses-credentials", kind: "auth-bad-credential", serve: answering(ses, "AKIAIOSFODNN7EXAMPLE", "AUTH", "535 Authentication Credentials Invalid")},
		{name: "sendgrid-user", kind: "auth-bad-credential", serve: answering(sendgrid, "kim", "AUTH", "535 Authentication failed: Bad username / password")},
		{name: "some-server-password", kind: "auth-bad-credential", serve: answering(postfix, "kim", "AUTH", "535 5.7.8 Error: authentication failed: (reason unavailable)")},
	}
}

func microsoftScenarios() []scenario {
	const who = "[MN2PR05CA0004.namprd05.prod.outlook.com 2023-09-12T20:59:57.214Z 08DBB276B7E699C4]"
	const user = "kim@contoso.com"
	return []scenario{
		{name: "microsoft-tenant-disabled", kind: "auth-service-disabled", serve: answering(microsoft, user, "AUTH",
			"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. "+who)},
		{name: "microsoft-criteria", kind: "auth-blocked", serve: answering(microsoft, user, "AUTH",
			"535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator. "+who)},
		{name: "microsoft-basic-disabled", kind: "auth-needs-oauth", serve: answering(microsoft, user, "AUTH",
			"535 5.7.139 Authentication unsuccessful, basic authentication is disabled. "+who)},
		{name: "microsoft-password", kind: "auth-bad-credential", serve: answering(microsoft, user, "AUTH", "535 5.7.3 Authentication unsuccessful "+who)},
		{name: "microsoft-no-login", kind: "auth-required", serve: answering(microsoft, "", "MAIL", "530 5.7.57 Client not authenticated to send mail. "+who)},
		{name: "microsoft-no-login-inner", kind: "auth-service-disabled", serve: answering(microsoft, "", "MAIL",
			"530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. "+who)},
		{name: "microsoft-old-tls", kind: "tls-handshake", serve: answering(microsoft, "", "MAIL",
			"421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls. "+who)},
	}
}

// brief is how long a client waits in scenarios where nothing comes.
const brief = "timeout=400ms"

func modeScenarios() []scenario {
	return []scenario{
		{name: "tls-on-starttls-port", kind: "wrong-port-or-tls-mode", serve: func(w *world) string {
			return "smtps://kim@" + w.secured(postfix).start(w)
		}},
		{name: "tls-on-plain-port", kind: "wrong-port-or-tls-mode", serve: func(w *world) string { return "smtps://" + bare.start(w) }},
		{name: "plain-on-tls-port-waiting", kind: "wrong-port-or-tls-mode", serve: func(w *world) string {
			return "smtp://kim@" + w.secured(gmail).start(w) + "?" + brief
		}},
		{name: "plain-on-tls-port-hanging-up", kind: "wrong-port-or-tls-mode", serve: func(w *world) string {
			p := gmail
			p.patience = 300 * time.Millisecond
			return "smtp://kim@" + w.secured(p).start(w)
		}},
		{name: "silent-port", kind: "wrong-port-or-tls-mode", checked: "timeout", checkedThen: true, serve: func(w *world) string {
			return "smtp://kim@" + persona{greeting: silent}.start(w) + "?" + brief
		}},
		{name: "imap-port", kind: "protocol-error", checked: "wrong-port-or-tls-mode", serve: func(w *world) string {
			return "smtp://kim@" + persona{greeting: "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] Dovecot ready."}.start(w)
		}},
	}
}

func connectScenarios() []scenario {
	return []scenario{
		{name: "nothing-connects", searching: true, kind: "network-blocked", temporary: true, checked: "network-blocked", serve: func(w *world) string {
			return "smtp://kim@" + w.blackhole() + "?" + brief
		}},
		{name: "refused-at-localhost", kind: "connection-refused", temporary: true, checked: "connection-refused", checkedThen: !inContainer(), atLocalhost: true, searching: true, serve: func(w *world) string {
			return "smtp://" + w.nobody() + "?tls=none"
		}},
		{name: "no-route-by-ipv6", kind: "network-blocked", serve: func(*world) string {
			// No system connects to a group of hosts by TCP: this is the error of a host
			// without IPv6, on every host.
			return "smtp://[ff0e::25]:587"
		}},
	}
}

func mechanismScenarios() []scenario {
	return []scenario{
		{name: "auth-only-after-starttls", kind: "tls-required", serve: func(w *world) string {
			return "smtp://kim@" + w.secured(postfix).start(w) + "?tls=none"
		}},
		{name: "auth-before-starttls-refused", kind: "tls-required", serve: func(w *world) string {
			return "smtp://" + w.secured(postfix.with("MAIL", "530 5.7.0 Must issue a STARTTLS command first")).start(w) + "?tls=none"
		}},
		{name: "auth-not-offered", searching: true, kind: "auth-mechanism", serve: func(w *world) string { return w.url(gmailMX, "kim@gmail.com") }},
		{name: "auth-not-offered-plain", searching: true, kind: "auth-mechanism", serve: func(w *world) string { return "smtp://kim@" + bare.start(w) + "?tls=none" }},
		{name: "auth-oauth-only", kind: "auth-needs-oauth", serve: func(w *world) string {
			p := microsoft
			p.secure = []string{"SIZE 157286400", "ENHANCEDSTATUSCODES", "AUTH XOAUTH2", "8BITMIME"}
			return w.url(p, "kim@outlook.com")
		}},
		{name: "starttls-not-offered", searching: true, kind: "starttls-unavailable", serve: func(w *world) string { return "smtp://kim@" + bare.start(w) }},
		{name: "starttls-refused", kind: "starttls-unavailable", temporary: true, serve: func(w *world) string {
			return w.url(postfix.with("STARTTLS", "454 4.7.0 TLS not available due to local problem"), "kim")
		}},
		{name: "starttls-broken", kind: "tls-handshake", serve: func(w *world) string {
			p := w.secured(postfix)
			p.patience = time.Nanosecond // says 220, and hangs up
			return "smtp://kim@" + p.start(w)
		}},
	}
}

func certificateScenarios() []scenario {
	shows := func(l leaf, host string, params ...string) func(w *world) string {
		return func(w *world) string {
			ca := w.issuer("Example Root CA", nil)
			p := postfix
			p.tls = ca.config(l)
			_, port, _ := net.SplitHostPort(p.start(w))
			url := "smtp://kim@" + net.JoinHostPort(host, port)
			if len(params) == 0 {
				url += "?" + ca.file()
			}
			return url
		}
	}
	const untrusted = "with the system's roots"
	return []scenario{
		{name: "certificate-unknown-ca", kind: "certificate", serve: shows(leaf{}, "127.0.0.1", untrusted)},
		{name: "certificate-self-signed", kind: "certificate", serve: shows(leaf{bySelf: true}, "127.0.0.1", untrusted)},
		{name: "certificate-wrong-name", kind: "certificate", serve: shows(leaf{names: []string{"mail.example.com", "smtp.example.com"}}, "localhost")},
		{name: "certificate-by-ip", kind: "certificate", serve: shows(leaf{names: []string{"mail.example.com"}}, "127.0.0.1")},
		{name: "certificate-expired", kind: "certificate", serve: shows(leaf{dates: dates{-90, -2}}, "127.0.0.1")},
		{name: "certificate-not-yet-valid", kind: "certificate", serve: shows(leaf{dates: dates{2, 90}}, "127.0.0.1")},
		{name: "certificate-missing-intermediate", kind: "certificate", serve: func(w *world) string {
			root := w.issuer("Example Root CA", nil)
			p := postfix
			p.tls = w.issuer("Example Intermediate CA", root).config(leaf{public: true, lonely: true})
			return "smtp://kim@" + p.start(w) + "?" + root.file()
		}},
		{name: "certificate-pinned-other", kind: "certificate", serve: func(w *world) string {
			return "smtp://kim@" + w.secured(postfix).start(w) + "?fingerprint=" + wrongFingerprint
		}},
		{name: "tls-too-old", kind: "tls-handshake", serve: func(w *world) string {
			p := postfix
			p.tls = w.issuer("Example Root CA", nil).config(leaf{version: [2]uint16{0x0301, 0x0302}})
			return "smtp://kim@" + p.start(w)
		}},
	}
}

// wrongFingerprint is nobody's.
const wrongFingerprint = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func senderScenarios() []scenario {
	const who = "[Hostname=AM0PR01MB1234.eurprd01.prod.exchangelabs.com]"
	return []scenario{
		{name: "microsoft-send-as-denied", kind: "sender-mismatch", content: true, serve: answering(microsoft, "kim@contoso.com", ".",
			"554 5.2.252 SendAsDenied; kim@contoso.com not allowed to send as shop@example.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message Cannot submit message. "+who)},
		{name: "ses-not-verified", kind: "sender-unverified", content: true, serve: answering(ses, "AKIAIOSFODNN7EXAMPLE", ".",
			"554 Message rejected: Email address is not verified. The following identities failed the check in region US-WEST-2: shop@example.com")},
		{name: "postfix-not-owned", kind: "sender-mismatch", serve: answering(postfix, "kim@example.org", "RCPT",
			"553 5.7.1 <shop@example.com>: Sender address rejected: not owned by user kim@example.org")},
		{name: "qq-sender", kind: "sender-mismatch", serve: answering(qq, "12345@qq.com", "MAIL", "501 Mail from address must be same as authorization user.")},
		{name: "163-sender", kind: "sender-mismatch", serve: answering(netease, "kim@163.com", "MAIL", "553 Mail from must equal authorized user")},
	}
}

func relayScenarios() []scenario {
	return []scenario{
		{name: "relay-denied-postfix", kind: "relay-denied", serve: answering(postfix, "", "RCPT", "554 5.7.1 <kim@example.net>: Relay access denied")},
		{name: "relay-denied-454", kind: "relay-denied", temporary: true, serve: answering(postfix, "", "RCPT", "454 4.7.1 <kim@example.net>: Relay access denied")},
		{name: "relay-denied-exim", kind: "relay-denied", serve: answering(exim, "", "RCPT", "550 relay not permitted")},
	}
}

func hasteScenarios() []scenario {
	return []scenario{
		{name: "gmail-too-many-logins", kind: "auth-blocked", temporary: true, serve: answering(gmail, "kim@gmail.com", "AUTH",
			"454-4.7.0 Too many login attempts, please try again later. For more information,\n454-4.7.0 go to\n454 4.7.0  https://support.google.com/mail/answer/7126229 5b1f17b1804b1-4571252fb3bsm1234567a.12 - gsmtp")},
		{name: "too-many-connections", kind: "rate-limited", temporary: true, serve: func(w *world) string {
			return "smtp://kim@" + persona{greeting: "421 mail.example.org: Too many concurrent SMTP connections; please try again later."}.start(w)
		}},
		{name: "microsoft-concurrent", kind: "rate-limited", temporary: true, content: true, serve: answering(microsoft, "kim@contoso.com", ".",
			"432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=AM0PR01MB1234.eurprd01.prod.exchangelabs.com]")},
		{name: "mailtrap-rate", kind: "rate-limited", temporary: true, content: true, serve: answering(mailtrap, "1a2b3c4d5e6f7a", ".",
			"550 5.7.0 Requested action not taken: too many emails per second")},
		{name: "qq-frequency", kind: "rate-limited", temporary: true, serve: answering(qq, "12345@qq.com", "MAIL",
			"550 Ip frequency limited. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000725")},
	}
}

func reputationScenarios() []scenario {
	return []scenario{
		{name: "gmail-unauthenticated", kind: "email-auth-failed", content: true, to: "kim@gmail.com", serve: answering(gmailMX, "", ".",
			"550-5.7.26 This mail has been blocked because the sender is unauthenticated.\n550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.\n550-5.7.26  \n550-5.7.26  Authentication results:\n550-5.7.26  DKIM = did not pass\n550-5.7.26  SPF [example.com] with ip: [198.51.100.7] = did not pass\n550-5.7.26  \n550-5.7.26  For instructions on setting up authentication, go to\n550 5.7.26  https://support.google.com/mail/answer/81126#authentication 5b1f17b1804b1-4571252fb3bsi9876543a.21 - gsmtp")},
		{name: "spamhaus", kind: "ip-reputation", serve: answering(postfix, "", "RCPT",
			"554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/198.51.100.7")},
		{name: "spamhaus-greeting", kind: "ip-reputation", serve: func(w *world) string {
			return "smtp://" + persona{greeting: "554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked using zen.spamhaus.org"}.start(w)
		}},
	}
}

func laterScenarios() []scenario {
	return []scenario{
		{name: "greylisted", kind: "greylisted", temporary: true, serve: answering(postfix, "", "RCPT", "451 4.7.1 <kim@example.net>: Recipient address rejected: Greylisted, try again in 300 seconds")},
		{name: "timeout-421", kind: "timeout", temporary: true, serve: answering(postfix, "kim@example.org", "MAIL", "421 4.4.2 mail.example.org Error: timeout exceeded")},
		{name: "eof-in-the-middle", kind: "connection-lost", temporary: true, serve: answering(postfix, "", "RCPT", hangsUp)},
		{name: "reset-in-the-middle", kind: "connection-lost", temporary: true, serve: answering(postfix, "", "RCPT", resets)},
		{name: "reset-in-the-content", kind: "connection-lost", temporary: true, content: true, large: true, serve: func(w *world) string {
			return w.faulty(smtptest.Fault{Stage: smtp.StageContent, Then: smtptest.Reset})
		}},
		{name: "lost-after-the-content", kind: "connection-lost", temporary: true, content: true, serve: func(w *world) string {
			return w.faulty(smtptest.Fault{Stage: smtp.StageEnd, Mute: true, Then: smtptest.HangUp})
		}},
		{name: "silent-in-the-middle", kind: "timeout", temporary: true, serve: func(w *world) string {
			return w.url(postfix.with("MAIL", silent), "") + "&" + brief
		}},
	}
}

func otherScenarios() []scenario {
	return []scenario{
		{name: "bare-lf", kind: "bare-lf", content: true, serve: answering(microsoft, "kim@contoso.com", ".",
			"550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which cannot be sent via DATA and receiving system does not support BDAT")},
		{name: "smtputf8-not-offered", kind: "utf8-unsupported", to: "金@example.net", content: true, serve: func(w *world) string {
			return "smtp://" + bare.start(w) + "?tls=none"
		}},
		{name: "helo-not-qualified", kind: "helo-rejected", serve: func(w *world) string {
			const no = "504 5.5.2 <vm>: Helo command rejected: need fully-qualified hostname"
			return w.url(postfix.with("EHLO", no).with("HELO", no), "")
		}},
		{name: "helo-refused", kind: "helo-rejected", serve: answering(postfix, "", "EHLO", "550 5.7.1 Helo invalid")},
		{name: "size-exceeded", kind: "message-too-big", content: true, serve: func(w *world) string {
			p := bare
			p.clear = []string{"SIZE 100", "8BITMIME"}
			return "smtp://" + p.start(w) + "?tls=none"
		}},
		{name: "size-refused", kind: "message-too-big", content: true, serve: answering(postfix, "", ".", "552 5.3.4 Message size exceeds fixed limit")},
	}
}
