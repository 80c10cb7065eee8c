package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/outbox"
)

const aHash = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

const wholeFile = `
hostname = "relay.example"
database = "sqlite:outbox.db"
default = ["qq", "local:3 other:1"]
grace = "30s"

[[listen]]
address = "127.0.0.1:2525"
user = "shop"

[[listen]]
address = "127.0.0.1:2526"
role = "bounces"

[user.shop]
password = "` + aHash + `"
senders = ["*@shop.example"]
classes = ["bulk"]
per_day = 1000
max_size = 5

[server.qq] # an account
url = "smtps://59419979@qq.com@smtp.qq.com"
password-env = "QQ"
per_day = 100
account = "group"

[server.local]
host = "127.0.0.1"
port = 25
tls = "none"

[server.other]
sessions = 3

[[rule]]
class = ["bulk"]
servers = ["local"]

[bounces]
mailbox = "bounces@shop.example"
secret-file = "bounces.key"
servers = ["mx", "local"]

[suppress]
bounces = true
for = "90d"

[[webhook]]
name = "shop"
url = "https://shop.example/hook"
secret-command = "echo opensesame"
events = ["sent", "bounced", "returned"]

[[log]]
name = "all"
path = "events.json"

[retry]
max_age = "2d"

[retention]
history = "forever"

[unknown]
alert = "again"
bulk = "hold"
`

// folder has what files name.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bounces.key"), []byte("0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFile(t *testing.T) {
	dir := folder(t)
	other := filepath.Join(dir, "servers.toml")
	if err := os.WriteFile(other, []byte("[server.other]\nurl = \"smtp://mail.example.net\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := ParseFile(filepath.Join(dir, "serve.toml"), []byte(wholeFile))
	if err != nil {
		t.Fatal(err)
	}
	if f.Options.MaxAge != 48*time.Hour || f.Options.KeepHistory >= 0 || f.Options.Unknown[outbox.Bulk] != outbox.Hold {
		t.Errorf("%+v", f.Options)
	}
	c, err := f.Config(t.Context(), Environment{Environ: []string{"QQ=opensesame", "PARLEY_CONFIG=" + other, "PATH=" + os.Getenv("PATH")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(c); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range c.Routes.Servers {
		names = append(names, s.Name+" "+s.Account+" "+s.Client.Addr)
	}
	if got, want := strings.Join(names, ", "), "qq group smtp.qq.com:465, local  127.0.0.1:25, other  mail.example.net:587"; got != want {
		t.Errorf("the servers are %s\nand not        %s", got, want)
	}
	if c.Routes.Servers[0].Limits.PerDay != 100 || c.Routes.Servers[2].Limits.Sessions != 3 {
		t.Errorf("%+v", c.Routes.Servers)
	}
	u := c.Users[0]
	if u.Name != "shop" || u.Class != outbox.Bulk || u.MaxSize != 5<<20 || u.Password.IsZero() {
		t.Errorf("%+v", u)
	}
	if string(c.Bounces.Key) != "0123456789abcdef" || c.Webhooks[0].Secret != "opensesame" || c.Listeners[1].Role != BounceReports || c.Suppress.For != 90*24*time.Hour {
		t.Errorf("%+v", c)
	}
	for _, shown := range []string{fmt.Sprint(u), fmt.Sprintf("%#v %+v", u, u.Password), fmt.Sprintf("%+v", c.Webhooks)} {
		if strings.Contains(shown, "sesame") || strings.Contains(shown, "c2FsdH") || strings.Contains(shown, "WG5d") {
			t.Errorf("a secret is shown: %s", shown)
		}
	}
}

// TestFileFaults: each has its line, and none a secret.
func TestFileFaults(t *testing.T) {
	const listen = "[[listen]]\naddress = \"127.0.0.1:0\"\n"
	const server = "[server.a]\nurl = \"smtp://a.example\"\n"
	for name, c := range map[string]struct{ text, want string }{
		"no TOML":             {"hostname = ", "serve.toml:1: this is no TOML: "},
		"unknown key":         {"host = \"x\"\n" + listen + server, "serve.toml:1: there is no key \"host\""},
		"unknown key in user": {listen + server + "[user.x]\npasswort = \"x\"", "serve.toml:6: there is no key \"passwort\": did you mean \"password\"?"},
		"unknown server key":  {listen + server + "urk = \"x\"", "serve.toml:5: there is no key \"urk\": did you mean \"url\"?"},
		"no hash":             {listen + server + "[user.x]\nsenders = [\"*\"]\npassword = \"opensesame\"", "serve.toml:7: the password of user \"x\" cannot be read: make a hash by parley serve user NAME"},
		"password no text":    {listen + server + "[user.x]\npassword = 12345", "serve.toml:6: the value of password is of another sort: it is to be text, in quotes"},
		"no password":         {listen + server + "[user.x]\nsenders = [\"*\"]", "serve.toml:5: user \"x\" has no password, and no listener is for it"},
		"no senders":          {listen + server + "[user.x]\npassword = \"" + aHash + "\"", "serve.toml:5: user \"x\": say who it may send as"},
		"bad pattern":         {listen + server + "[user.x]\npassword = \"" + aHash + "\"\nsenders = [\"a b\"]", "serve.toml:5: user \"x\": \"a b\" is no pattern"},
		"no class":            {listen + server + "[user.x]\nclass = \"urgent\"", "serve.toml:6: class: "},
		"open relay":          {"[[listen]]\naddress = \"0.0.0.0:25\"\n" + server, "serve.toml:1: listen \"0.0.0.0:25\" can be reached by other machines, and there are no users"},
		"second listener":     {listen + "\n[[listen]]\naddress = \"192.0.2.1:25\"\n" + server, "serve.toml:4: listen \"192.0.2.1:25\" can be reached"},
		"bad tls":             {"[[listen]]\naddress = \":25\"\ntls = \"yes\"\n" + server, "serve.toml:3: tls is \"yes\", and none of starttls, implicit, none"},
		"tls without":         {"[[listen]]\naddress = \":25\"\ntls = \"starttls\"\n" + server, "serve.toml:1: listen \":25\" speaks TLS, and there is no certificate"},
		"no certificate file": {"[tls]\ncertificate = \"x.pem\"\nkey = \"y.pem\"\n" + listen + server, "serve.toml:1: the certificate cannot be used: open "},
		"no such server":      {"default = [\"b\"]\n" + listen + server, "serve.toml:1: there is no server \"b\""},
		"no server of rule":   {"default = [\"a\"]\n" + listen + server + "[[rule]]\nclass=[\"bulk\"]\nservers = [\"b\"]\n", "serve.toml:8: there is no server \"b\""},
		"server's secret":     {listen + "[server.a]\nurl = \"smtp://u@a.example\"\npassword-env = \"NOTHING\"\n", "serve.toml:3: [server.a]: password-env NOTHING: this variable of the environment is not set"},
		"server by url":       {listen + "[server.a]\nurl = \"ftp://a.example\"", "serve.toml:4: [server.a]: "},
		"rule":                {"default = [\"a\"]\n" + listen + server + "[[rule]]\nclass=[\"bulk\"]\n", "serve.toml:6: rule 1: it must have servers, or refuse, or discard: one of them"},
		"no size":             {listen + server + "[limits]\nmax_size = -5\n", "serve.toml:6: max_size is -5: it must be 1 at least"},
		"no recipients":       {listen + server + "[limits]\nmax_recipients = 0\n", "serve.toml:6: max_recipients is 0: it must be 1 at least"},
		"user below zero":     {listen + server + "[user.x]\nper_minute = -3\n", "serve.toml:6: per_minute is -3: it must be 0 at least"},
		"server below none":   {listen + server + "per_day = -2\n", "serve.toml:5: per_day is -2: it must be -1 at least"},
		"no such port":        {"[[listen]]\naddress = \"127.0.0.1:99999\"\n" + server, "serve.toml:2: \"127.0.0.1:99999\": there is no port 99999"},
		"no such HTTP port":   {"http = \"127.0.0.1:70000\"\n" + listen + server, "serve.toml:1: \"127.0.0.1:70000\": there is no port 70000"},
		"dkim without key":    {listen + server + "[[dkim]]\ndomain = \"a.example\"\nselector = \"s\"\n", "serve.toml:5: dkim: there is no key: say the file"},
		"port alone":          {"[[listen]]\naddress = 587\n" + server, "serve.toml:2: the value of address is of another sort: it is to be text, in quotes"},
		"quoted number":       {listen + server + "[limits]\nmax_size = \"25\"\n", "serve.toml:6: the value of max_size is of another sort: it is to be a whole number, without quotes"},
		"one sender":          {listen + server + "[user.x]\nsenders = \"*\"\n", "serve.toml:6: the value of senders is of another sort: it is to be a list"},
		"quoted bool":         {listen + server + "[bounces]\nkeep = \"yes\"\n", "serve.toml:6: the value of keep is of another sort: it is to be true or false"},
		"dkim key":            {listen + server + "[[dkim]]\ndomain = \"a.example\"\nselector = \"s\"\nkey = \"none.pem\"\n", "serve.toml:8: the key cannot be used: open "},
		"bounces":             {listen + server + "[bounces]\nmailbox = \"bounces@a.example\"\n", "serve.toml:5: bounces: there is no secret to sign with: say where it is, secret-file = "},
		"webhook":             {listen + server + "[[webhook]]\nname = \"x\"\nurl = \"ftp://x\"\n", "serve.toml:5: webhook \"x\": its url is none of http or https"},
		"two webhooks":        {listen + server + "[[webhook]]\nname = \"x\"\nurl = \"http://x\"\n[[webhook]]\nname = \"x\"\nurl = \"http://x\"\n", "serve.toml:8: webhook or log \"x\""},
		"event":               {listen + server + "[[webhook]]\nname = \"x\"\nurl = \"http://x\"\nevents = [\"seen\"]\n", "serve.toml:8: events: "},
		"time":                {listen + server + "[retry]\nmax_age = \"soon\"\n", "serve.toml:6: max_age: "},
		"for ever":            {listen + server + "[retry]\nmax_age = \"forever\"\n", "serve.toml:6: a mail is not tried for ever"},
		"listen twice":        {listen[:len(listen)-3] + "2525\"\n" + "[[listen]]\naddress = \"127.0.0.1:2525\"\n" + server, "serve.toml:3: listen \"127.0.0.1:2525\": there are two of them"},
		"nobody can log in":   {"[[listen]]\naddress = \":0\"\nuser = \"x\"\n" + listen + server + "[user.x]\nsenders = [\"*\"]\n", "serve.toml:4: listen \"127.0.0.1:0\" wants a login, and no user has a password"},
		"nowhere":             {server, "serve.toml: there is nowhere to listen"},
		"user of listen":      {"[[listen]]\naddress = \":2525\"\nuser = \"kim\"\n" + server, "serve.toml:1: listen \":2525\": there is no user \"kim\""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			err := load(filepath.Join(dir, "serve.toml"), c.text)
			if err == nil {
				t.Fatal("nothing is wrong with it")
			}
			faults, ok := err.(Faults)
			if !ok {
				t.Fatalf("%T: %v", err, err)
			}
			got := strings.ReplaceAll(faults.In(diagnose.English), dir+string(filepath.Separator), "")
			if !strings.Contains(got, c.want) {
				t.Errorf("%s\nand not %s", got, c.want)
			}
			for _, secret := range []string{"opensesame", "12345", "c2FsdH"} {
				if strings.Contains(got, secret) {
					t.Errorf("a secret is told: %s", got)
				}
			}
			if strings.TrimSpace(faults.In(diagnose.Chinese)) == "" {
				t.Error("there is no Chinese")
			}
		})
	}
}

// TestFileAllFaults: whatever finds them, they are told at once, in the order of their lines.
func TestFileAllFaults(t *testing.T) {
	text := "hostnme = \"x\"\n[user.x]\nsender = [\"*\"]\n[server.a]\nurl = \"smtp://a.example\"\npassword_fil = \"x\"\n[retry]\nfirst = \"5x\"\n[unknown]\nalert = \"resend\"\n[limits]\nmax_size = \"1\"\n"
	faults, ok := errors.AsType[Faults](load("serve.toml", text))
	if !ok {
		t.Fatal("nothing is wrong with it")
	}
	var lines []int
	for _, one := range faults {
		lines = append(lines, one.Line)
	}
	if want := []int{1, 3, 6, 8, 10, 12}; !slices.Equal(lines, want) {
		t.Errorf("faults at %v, and not at %v:\n%s", lines, want, faults.In(diagnose.English))
	}
}

func load(path, text string) error {
	f, err := ParseFile(path, []byte(text))
	if err != nil {
		return err
	}
	c, err := f.Config(context.Background(), Environment{Environ: []string{"PARLEY_CONFIG=" + path + ".none"}, Stderr: io.Discard})
	if err != nil {
		return err
	}
	return Check(c)
}

// TestFileIsPrivate: hashes are not for everybody.
func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "serve.toml")
	text := "[user.x]\nsenders = [\"*\"]\npassword = \"" + aHash + "\"\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), "everybody on this machine can read it (0644)") {
		t.Errorf("%v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err != nil {
		t.Error(err)
	}
}

// TestSplit: what is split has all lines where they were.
func TestSplit(t *testing.T) {
	text := []byte("a = 1\n[server.x] # 服务器\nurl = \"\"\"smtp://\nx\"\"\"\nsessions = 3\n[user.y]\nz = '服务器'\n")
	x, err := parseIndex(text)
	if err != nil {
		t.Fatal(err)
	}
	rest, servers := x.split(serverKeys())
	for _, part := range [][]byte{rest, servers} {
		if len(part) != len(text) || bytes.Count(part, []byte("\n")) != bytes.Count(text, []byte("\n")) {
			t.Errorf("%q", part)
		}
	}
	if bytes.Contains(rest, []byte("url")) || !bytes.Contains(rest, []byte("sessions")) || !bytes.Contains(servers, []byte("url")) || bytes.Contains(servers, []byte("user")) {
		t.Errorf("%q %q", rest, servers)
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add(wholeFile)
	f.Add("[server.x]\nurl='smtp://x'\n[[rule]]\nservers=['x']")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := ParseFile("serve.toml", []byte(text)); err != nil && err.Error() == "" {
			t.Error("an error without a word")
		}
	})
}

// TestFileNamesItsDatabase: the file of SQLite is relative to the folder of the file that names it, as all other names are; so whoever reads
// the file from elsewhere finds the same one.
func TestFileNamesItsDatabase(t *testing.T) {
	dir := t.TempDir()
	for said, want := range map[string]string{
		"sqlite:outbox.db":                          "sqlite:" + filepath.Join(dir, "outbox.db"),
		"sqlite:" + filepath.Join(dir, "x", "a.db"): "sqlite:" + filepath.Join(dir, "x", "a.db"),
		"postgres://parley@db/parley":               "postgres://parley@db/parley",
		"sqlite:":                                   "sqlite:",
		"":                                          "",
	} {
		f, err := ParseFile(filepath.Join(dir, "serve.toml"), fmt.Appendf(nil, "database = %q\n", said))
		if err != nil || f.Database != want {
			t.Errorf("%q is taken for %q, %v", said, f.Database, err)
		}
	}
}
