package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/smtp"
)

// A setting is how one program is told of a server. The password is always left to be filled in.
type setting struct {
	title string
	lines []string
}

// settings are what works, for each program that people ask about.
func (t *checked) settings(w check.Way) []setting {
	return []setting{
		{"URL", []string{t.urlShown(w)}},
		{"Go", goSetting(t.user, w)},
		{"PHPMailer", phpSetting(t.user, w)},
		{"nodemailer", nodeSetting(t.user, w)},
		{"Python", pythonSetting(t.user, w)},
		{"Spring", springSetting(t.user, w)},
		{"msmtp", msmtpSetting(t.user, t.check.From, w)},
	}
}

func goSetting(user string, w check.Way) []string {
	security := map[smtp.Security]string{smtp.ImplicitTLS: "smtp.ImplicitTLS", smtp.StartTLS: "smtp.StartTLS", smtp.Plaintext: "smtp.Plaintext"}[w.Security]
	lines := []string{
		"client := &smtp.Client{",
		fmt.Sprintf("\tAddr:     %q,", w.Host+":"+strconv.Itoa(w.Port)),
		"\tSecurity: " + security + ",",
	}
	if user != "" {
		lines = append(lines, fmt.Sprintf("\tAuth:     sasl.Password(%q, os.Getenv(\"SMTP_PASSWORD\")),", user))
	}
	return append(lines, "}")
}

func phpSetting(user string, w check.Way) []string {
	lines := []string{"$mail->isSMTP();", "$mail->Host = " + quoteWith(w.Host, '\'') + ";", fmt.Sprintf("$mail->Port = %d;", w.Port)}
	switch w.Security {
	case smtp.ImplicitTLS:
		lines = append(lines, "$mail->SMTPSecure = PHPMailer::ENCRYPTION_SMTPS;")
	case smtp.StartTLS:
		lines = append(lines, "$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;")
	default:
		lines = append(lines, "$mail->SMTPSecure = '';", "$mail->SMTPAutoTLS = false;")
	}
	if user == "" {
		return append(lines, "$mail->SMTPAuth = false;")
	}
	return append(lines, "$mail->SMTPAuth = true;", "$mail->Username = "+quoteWith(user, '\'')+";", "$mail->Password = getenv('SMTP_PASSWORD');")
}

func nodeSetting(user string, w check.Way) []string {
	lines := []string{"const transport = nodemailer.createTransport({", "  host: " + quoteWith(w.Host, '\'') + ",", fmt.Sprintf("  port: %d,", w.Port)}
	switch w.Security {
	case smtp.ImplicitTLS:
		lines = append(lines, "  secure: true,")
	case smtp.StartTLS:
		lines = append(lines, "  secure: false,", "  requireTLS: true,")
	default:
		lines = append(lines, "  secure: false,", "  ignoreTLS: true,")
	}
	if user != "" {
		lines = append(lines, "  auth: { user: "+quoteWith(user, '\'')+", pass: process.env.SMTP_PASSWORD },")
	}
	return append(lines, "});")
}

func pythonSetting(user string, w check.Way) []string {
	class, modules := "SMTP", "smtplib, ssl"
	if w.Security == smtp.ImplicitTLS {
		class = "SMTP_SSL"
	}
	if w.Security == smtp.Plaintext {
		modules = "smtplib"
	}
	if user != "" {
		modules = "os, " + modules
	}
	context := ""
	if w.Security == smtp.ImplicitTLS {
		context = ", context=ssl.create_default_context()"
	}
	lines := []string{"import " + modules, fmt.Sprintf("with smtplib.%s(%s, %d%s) as server:", class, quoteWith(w.Host, '"'), w.Port, context)}
	if w.Security == smtp.StartTLS {
		lines = append(lines, "    server.starttls(context=ssl.create_default_context())")
	}
	if user != "" {
		lines = append(lines, "    server.login("+quoteWith(user, '"')+", os.environ[\"SMTP_PASSWORD\"])")
	}
	return append(lines, "    server.send_message(message)")
}

func springSetting(user string, w check.Way) []string {
	lines := []string{"spring.mail.host=" + w.Host, fmt.Sprintf("spring.mail.port=%d", w.Port)}
	if user != "" {
		lines = append(lines, "spring.mail.username="+strings.ReplaceAll(user, `\`, `\\`), "spring.mail.password=${SMTP_PASSWORD}", "spring.mail.properties.mail.smtp.auth=true")
	}
	switch w.Security {
	case smtp.ImplicitTLS:
		lines = append(lines, "spring.mail.properties.mail.smtp.ssl.enable=true", "spring.mail.properties.mail.smtp.ssl.checkserveridentity=true")
	case smtp.StartTLS:
		lines = append(lines, "spring.mail.properties.mail.smtp.starttls.enable=true", "spring.mail.properties.mail.smtp.starttls.required=true", "spring.mail.properties.mail.smtp.ssl.checkserveridentity=true")
	default: // nothing: clear text is what it does
	}
	return lines
}

func msmtpSetting(user, from string, w check.Way) []string {
	lines := []string{"account default", "host " + w.Host, fmt.Sprintf("port %d", w.Port)}
	switch w.Security {
	case smtp.ImplicitTLS:
		lines = append(lines, "tls on", "tls_starttls off")
	case smtp.StartTLS:
		lines = append(lines, "tls on", "tls_starttls on")
	default:
		lines = append(lines, "tls off")
	}
	if from == "" && strings.Contains(user, "@") {
		from = user
	}
	if from != "" && from != "<>" {
		lines = append(lines, "from "+from)
	}
	if user == "" {
		return append(lines, "auth off")
	}
	return append(lines, "auth on", "user "+user, `passwordeval "printenv SMTP_PASSWORD"`)
}

// settingNames are the titles as JSON has them.
var settingNames = map[string]string{
	"URL": "url", "Go": "go", "PHPMailer": "phpmailer", "nodemailer": "nodemailer", "Python": "python", "Spring": "spring", "msmtp": "msmtp",
}

// quoteWith is a string of a program that knows backslashes.
func quoteWith(s string, quote byte) string {
	q := string(quote)
	return q + strings.NewReplacer(`\`, `\\`, q, `\`+q).Replace(s) + q
}
