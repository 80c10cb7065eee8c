package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/parleymail/parley/check"
	"github.com/parleymail/parley/smtp"
)

// A setting is how one program is told of a server. The password is always left to be filled in.
type setting struct {
	title, name string // name is its key in JSON
	lines       []string
}

// An account is what there is to tell.
type account struct {
	way             check.Way
	user, from      string // either may be empty
	ca, fingerprint string // of the URL's parameters
}

// settings are what works, for each program that people ask about.
func (t *checked) settings(w check.Way) []setting {
	a := account{way: w, user: t.user, from: t.check.From, ca: t.params.Get("ca"), fingerprint: t.params.Get("fingerprint")}
	return []setting{
		{"URL", "url", []string{t.urlShown(w)}},
		{"Go", "go", a.forGo()},
		{"PHPMailer", "phpmailer", a.forPHPMailer()},
		{"nodemailer", "nodemailer", a.forNodemailer()},
		{"Python", "python", a.forPython()},
		{"Spring", "spring", a.forSpring()},
		{"msmtp", "msmtp", a.forMSMTP()},
	}
}

func (a account) forGo() []string {
	security := map[smtp.Security]string{smtp.ImplicitTLS: "smtp.ImplicitTLS", smtp.StartTLS: "smtp.StartTLS", smtp.Plaintext: "smtp.Plaintext"}[a.way.Security]
	lines := []string{
		"client := &smtp.Client{",
		fmt.Sprintf("\tAddr:     %q,", net.JoinHostPort(a.way.Host, strconv.Itoa(a.way.Port))),
		"\tSecurity: " + security + ",",
	}
	if a.user != "" {
		lines = append(lines, fmt.Sprintf("\tAuth:     sasl.Password(%q, os.Getenv(\"SMTP_PASSWORD\")),", a.user))
	}
	if a.ca != "" {
		lines = append(lines, fmt.Sprintf("\tTLS:      &tls.Config{RootCAs: roots}, // roots.AppendCertsFromPEM of %s", a.ca))
	}
	if a.fingerprint != "" {
		lines = append(lines, fmt.Sprintf("\tFingerprint: %q,", a.fingerprint))
	}
	return append(lines, "}")
}

func (a account) forPHPMailer() []string {
	lines := []string{"$mail->isSMTP();", "$mail->Host = " + quoteWith(a.way.Host, '\'') + ";", fmt.Sprintf("$mail->Port = %d;", a.way.Port)}
	switch a.way.Security {
	case smtp.ImplicitTLS:
		lines = append(lines, "$mail->SMTPSecure = PHPMailer::ENCRYPTION_SMTPS;")
	case smtp.StartTLS:
		lines = append(lines, "$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;")
	default:
		lines = append(lines, "$mail->SMTPSecure = '';", "$mail->SMTPAutoTLS = false;")
	}
	if a.ca != "" {
		lines = append(lines, "$mail->SMTPOptions = ['ssl' => ['cafile' => "+quoteWith(a.ca, '\'')+"]];")
	}
	if a.user == "" {
		return append(lines, "$mail->SMTPAuth = false;")
	}
	return append(lines, "$mail->SMTPAuth = true;", "$mail->Username = "+quoteWith(a.user, '\'')+";", "$mail->Password = getenv('SMTP_PASSWORD');")
}

func (a account) forNodemailer() []string {
	lines := []string{"const transport = nodemailer.createTransport({", "  host: " + quoteWith(a.way.Host, '\'') + ",", fmt.Sprintf("  port: %d,", a.way.Port)}
	switch a.way.Security {
	case smtp.ImplicitTLS:
		lines = append(lines, "  secure: true,")
	case smtp.StartTLS:
		lines = append(lines, "  secure: false,", "  requireTLS: true,")
	default:
		lines = append(lines, "  secure: false,", "  ignoreTLS: true,")
	}
	if a.user != "" {
		lines = append(lines, "  auth: { user: "+quoteWith(a.user, '\'')+", pass: process.env.SMTP_PASSWORD },")
	}
	if a.ca != "" {
		lines = append(lines, "  tls: { ca: fs.readFileSync("+quoteWith(a.ca, '\'')+") },")
	}
	return append(lines, "});")
}

func (a account) forPython() []string {
	class, modules := "SMTP", "smtplib, ssl"
	context := "context=ssl.create_default_context()"
	if a.ca != "" {
		context = "context=ssl.create_default_context(cafile=" + quoteWith(a.ca, '"') + ")"
	}
	greeting := ""
	switch a.way.Security {
	case smtp.ImplicitTLS:
		class, greeting = "SMTP_SSL", ", "+context
	case smtp.StartTLS:
	default:
		modules = "smtplib"
	}
	if a.user != "" {
		modules = "os, " + modules
	}
	lines := []string{"import " + modules, "", fmt.Sprintf("with smtplib.%s(%s, %d%s) as server:", class, quoteWith(a.way.Host, '"'), a.way.Port, greeting)}
	if a.way.Security == smtp.StartTLS {
		lines = append(lines, "    server.starttls("+context+")")
	}
	if a.user != "" {
		lines = append(lines, "    server.login("+quoteWith(a.user, '"')+", os.environ[\"SMTP_PASSWORD\"])")
	}
	return append(lines, "    server.send_message(message)")
}

func (a account) forSpring() []string {
	const properties = "spring.mail.properties.mail.smtp."
	lines := []string{"spring.mail.host=" + a.way.Host, fmt.Sprintf("spring.mail.port=%d", a.way.Port)}
	if a.user != "" {
		lines = append(lines, "spring.mail.username="+strings.ReplaceAll(a.user, `\`, `\\`), "spring.mail.password=${SMTP_PASSWORD}", properties+"auth=true")
	}
	switch a.way.Security {
	case smtp.ImplicitTLS:
		lines = append(lines, properties+"ssl.enable=true", properties+"ssl.checkserveridentity=true")
	case smtp.StartTLS:
		lines = append(lines, properties+"starttls.enable=true", properties+"starttls.required=true", properties+"ssl.checkserveridentity=true")
	default: // nothing: clear text is what it does
	}
	return lines
}

func (a account) forMSMTP() []string {
	lines := []string{"account default", "host " + a.way.Host, fmt.Sprintf("port %d", a.way.Port)}
	switch a.way.Security {
	case smtp.ImplicitTLS:
		lines = append(lines, "tls on", "tls_starttls off")
	case smtp.StartTLS:
		lines = append(lines, "tls on", "tls_starttls on")
	default:
		lines = append(lines, "tls off")
	}
	if a.ca != "" {
		lines = append(lines, "tls_trust_file "+a.ca)
	}
	if a.fingerprint != "" {
		lines = append(lines, "tls_fingerprint "+a.fingerprint)
	}
	from := a.from
	if from == "" && strings.Contains(a.user, "@") {
		from = a.user
	}
	if from != "" && from != "<>" {
		lines = append(lines, "from "+from)
	}
	if a.user == "" {
		return append(lines, "auth off")
	}
	return append(lines, "auth on", "user "+a.user, `passwordeval "printenv SMTP_PASSWORD"`)
}

// quoteWith is a string of a program that knows backslashes.
func quoteWith(s string, quote byte) string {
	q := string(quote)
	return q + strings.NewReplacer(`\`, `\\`, q, `\`+q).Replace(s) + q
}
