package fault_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/parleymail/parley/fault"
)

var update = flag.Bool("update", false, "write docs/faults.md anew")

// TestDocs: the page has every field, example and persona, as the code has them.
func TestDocs(t *testing.T) {
	const file = "../docs/faults.md"
	want := page(t)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the code makes; go test ./fault -run TestDocs -update", file)
	}
}

// meaning is what each field of a rule is for.
var meaning = map[string]string{
	"id": "given by the plan, where it is empty; letters, digits, `.`, `_` and `-`, at most 64: it stands in paths and in metrics", "note": "what it is for, in your words",
	"stage": "where: " + strings.Join(fault.Stages(), ", ") + "; what has a place of its own needs none",
	"match": "the command is like this, `*` standing for any text", "sender": "the reverse-path is like this", "recipient": "a forward-path is like this; at data, content and end, any of the mail's",
	"user": "who is authenticated is like this", "mailbox": "the mailbox or token of the login, of the recipient that is asked for, or later of any of the mail's", "session": "the session of this number alone, as the page has it",
	"skip": "so many go well before; at auth logins are counted, at content with octets the mails that have so many", "times": "so many are hit; without it, all",
	"persona": "a provider's own words, at its own stage: see below", "reply": "in place of the reply; lines parted by `\\n`; one of 4yz or 5yz also keeps the command from being obeyed",
	"garbage": "octets that are no reply: an octet is written as `\\xff`, a line's end as `\\r\\n`, a backslash as `\\\\`; in single quotes of a shell and of TOML, and on the page, as it stands here", "endless": "the reply has no end", "mute": "there is no reply",
	"wait": "before anything is said: `2s`", "pause": "after the reply", "more": "a line said after that, though nobody asked",
	"rate": "octets a second, both ways, from here on", "octets": "at content: so many are heard before", "lose": "at end: the mail is not kept, whatever is said",
	"then": "how it goes on: " + strings.Join(fault.Thens(), ", "), "tls": "what is wrong with TLS: " + strings.Join(fault.TLSFaults(), ", ") + "; where TLS comes first, refused closes the connection",
	"greylist": "a client, sender and recipient not seen before are told to come back after so long: `5m`", "limit": "more mails from one address are refused, at mail, data or end: `10/1m`",
	"idle": "a client that is silent for so long hears 421, wherever it stands; with it there can be reply, user, mailbox and session",
}

func page(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`# Faults on purpose

What ` + "`parley catch`" + `, and ` + "`smtptest.Server`" + ` in Go tests, do otherwise than they should when they are told to. Of several rules that fit, the first that is due is hit.
A rule that can never be met, and one whose fields keep each other from being met, is an error that names the field.

` + "```" + `
parley catch --fault 'rcpt recipient=kim@* times=2 reply="451 4.7.1 come back later"'
parley catch --persona gmail-no-app-password
parley catch --faults plan.toml
curl -X POST -H 'Content-Type: application/json' -d '{"line": "end then=hang-up mute"}' http://127.0.0.1:8025/api/v1/faults
` + "```" + `

` + "```toml" + `
# plan.toml
[[fault]]
stage = "rcpt"
recipient = "kim@*"
times = 2
reply = "451 4.7.1 come back later"

[[fault]]
persona = "163-dt-spm"
` + "```" + `

` + "```go" + `
server := &smtptest.Server{Plan: new(fault.Plan)}
server.Start(t)
server.Plan.Add(fault.Rule{Stage: "rcpt", Times: 2, Reply: "451 4.7.1 come back later"})
` + "```" + `

## Fields

| field | is |
|---|---|
`)
	fields := reflect.TypeFor[fault.Rule]()
	for i := range fields.NumField() {
		name := fields.Field(i).Tag.Get("toml")
		if name == "-" {
			continue
		}
		if meaning[name] == "" {
			t.Errorf("nothing is said of the field %s", name)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, meaning[name])
	}
	b.WriteString("\n## One of each\n\n| fault | rule | is the mail kept |\n|---|---|---|\n")
	for _, x := range fault.Examples() {
		kept := "no"
		if x.Kept {
			kept = "yes"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", x.Name, strings.ReplaceAll(x.Rule.String(), "|", `\|`), kept)
	}
	b.WriteString(`
Faults of TLS: ` + "`parley catch`" + ` offers STARTTLS when one is given by a flag or a file; for one that comes by the page or the API start it with ` + "`--starttls`" + `, or send
to ` + "`--smtps`" + `. A client that does not know the CA fails at any certificate: start with ` + "`--save-cert ca.pem`" + `, have the client trust ca.pem (Node:
` + "`NODE_EXTRA_CA_CERTS=ca.pem`" + `), see that it sends without the fault, and only then switch expired, misnamed or self-signed on.

What swaks, Python's smtplib and nodemailer tell their callers of each is in [interop/catch/faults.md](../interop/catch/faults.md).

## By address

A recipient can be a fault in itself (not with ` + "`--no-magic`" + `): STAGE+WHAT@any.domain, where the stage is rcpt, data, content or end; any other word is as rcpt.

| recipient | what happens |
|---|---|
`)
	for _, x := range []struct{ address, does string }{
		{"rcpt+451-greylist@example.com", "RCPT hears `451 4.0.0 greylist`"},
		{"data+552-too-big@example.com", "DATA (or the first BDAT) hears 552"},
		{"end+554-spam@example.com", "the end of the content hears 554"},
		{"content+drop@example.com", "the server hangs up in the midst of the content"},
		{"end+drop@example.com", "it hangs up after the dot, and has kept the mail"},
		{"end+lose@example.com", "it hangs up after the dot, and has not kept it"},
		{"rcpt+wait-2s@example.com", "RCPT is answered two seconds late; at most 5m"},
		{"any+persona-163-dt-spm@example.com", "what a provider says, of those that speak at rcpt, data or end"},
	} {
		if _, ok := fault.ParseMagic(x.address); !ok {
			t.Errorf("%s is no fault", x.address)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", x.address, x.does)
	}
	b.WriteString("\n## Personas\n\nReplies that providers and mail servers were seen to give, word for word, at the stage where they give them; where each comes from stands with its rule in diagnose/facts.\nWhere the provider is known its greeting is said too.\n\n| persona | stage | kind | what it is |\n|---|---|---|---|\n")
	for _, p := range fault.Personas() {
		fmt.Fprintf(&b, "| `%s` | %s | [%s](failures/%s.md) | %s |\n", p.Name, p.Stage, p.Kind, p.Kind, p.Title)
	}
	return b.String()
}
