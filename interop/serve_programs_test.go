package interop_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// A way is one to hand mail over to parley serve by SMTP: a listener, and how it is spoken to.
type way struct {
	Name  string `json:"name"`
	Mode  string `json:"mode"`
	Port  int    `json:"port"`
	Login bool   `json:"login"`
	mode  mode
}

// ways are those of serveTLS.
func (r *relaying) ways(t *testing.T) []way {
	t.Helper()
	list := []way{{Name: "starttls", mode: startTLS, Login: true}, {Name: "tls", mode: implicitTLS, Login: true}, {Name: "clear", mode: plain, Login: true}, {Name: "open", mode: plain}}
	for i := range list {
		list[i].Mode = list[i].mode.String()
		var err error
		if list[i].Port, err = strconv.Atoi(portOf(r.smtp[i])); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// A handed mail is what a program of serve/ tells of one: by which way and mechanism, of what sort, who it is for, what its octets are,
// and what was said to it. Its sorts are: text (8 bits, dots), files (attachments), many (To, Cc and Bcc), bare (no Date, no
// Message-ID); wrong (a wrong password), stranger (no login).
type handed struct {
	program              string
	Way, Mechanism, Sort string
	From                 string
	To                   []string
	Content              []byte
	Error                string
	Code                 int
	Status               int // of HTTP
	Answer               answer
}

// answer is that of HTTP.
type answer struct {
	ID    string
	Items []struct {
		ID    string
		Error *struct{ Code string }
	}
	Taken int
	Whole bool
	Error *struct {
		Code, Message string
		Fields        []struct{ Field, Message string }
	}
}

func (h handed) String() string {
	return fmt.Sprintf("%s/%s/%s/%s", h.program, h.Way, cmp.Or(h.Mechanism, "none"), h.Sort)
}

// runServe runs the programs of serve/, side by side, and gives what they tell.
func runServe(t *testing.T, r *relaying, state string, ways []way) (all []handed) {
	t.Helper()
	gomail := filepath.Join(t.TempDir(), "gomail")
	build := exec.Command("go", "build", "-o", gomail, ".")
	build.Dir = "serve/gomail"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v: %s", err, out)
	}
	copyFiles(t, state, "serve/send.php")
	ca := filepath.Join(state, "tls", "ca.pem")
	var running sync.WaitGroup
	var mu sync.Mutex
	for _, p := range []struct {
		name, ca string
		command  []string
	}{
		{"php", "/state/tls/ca.pem", []string{"peers/php.sh", "run", state, "php.default", "/state/send.php"}},
		{"nodemailer", ca, []string{"peers/nodemailer.sh", "run", ".", "../../serve/send.js"}},
		{"python", ca, []string{"/usr/bin/python3", "serve/send.py"}},
		{"gomail", ca, []string{gomail}},
	} {
		running.Go(func() {
			list, err := runProgram(t.Context(), r, ways, p.ca, p.command)
			mu.Lock()
			defer mu.Unlock()
			if exitCode(err) == 77 && os.Getenv("PARLEY_REQUIRE_PEERS") != "1" {
				t.Logf("skipped: %s: %v", p.name, err)
			} else if err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
			for _, h := range list {
				h.program = p.name
				all = append(all, h)
			}
		})
	}
	running.Wait()
	return all
}

func runProgram(ctx context.Context, r *relaying, ways []way, ca string, command []string) (list []handed, err error) {
	told, err := json.Marshal(map[string]any{"ways": ways, "ca": ca, "http": r.http, "user": user, "password": password})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], string(told))...)
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+ca) // fetch has no other way to be told
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	for line := range bytes.Lines(out) {
		var h handed
		if e := json.Unmarshal(line, &h); e != nil {
			return list, fmt.Errorf("it says %q: %w", line, e)
		}
		list = append(list, h)
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return list, err
}

// runTools sends the letter by swaks, msmtp and curl, by each way and each mechanism that they have. What is refused is tried over STARTTLS alone.
func runTools(t *testing.T, state string, ways []way) (all []handed) {
	t.Helper()
	var running sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan struct{}, 4)
	for _, tooling := range toolings {
		if tooling.name == "smtplib" {
			continue // serve/send.py is of it
		}
		for _, way := range ways {
			for _, m := range []string{"", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "wrong"} {
				h := handed{program: tooling.name, Way: way.Name, Mechanism: m, Sort: "text", From: "accounts@example.net", Content: []byte(letter)}
				secret := password
				switch {
				case way.Login == (m == ""):
					if m != "" {
						continue // nobody logs in there
					}
					h.Sort = "stranger"
				case m == "wrong":
					h.Mechanism, h.Sort, secret = "PLAIN", "wrong", "not it"
				case m != "" && !slices.Contains(tooling.mechanisms, m):
					continue
				}
				h.To = []string{strings.ToLower(strings.Join([]string{tooling.name, way.Name, cmp.Or(h.Mechanism, "none"), h.Sort}, ".")) + "@example.net"}
				if h.refuses() && way.mode != startTLS {
					continue
				}
				running.Go(func() {
					slots <- struct{}{}
					defer func() { <-slots }()
					if _, err := tool(t, state, "", tooling.argv(way.mode, strconv.Itoa(way.Port), h.Mechanism, secret, h.To[0])...); err != nil {
						h.Error = err.Error()
					}
					mu.Lock()
					defer mu.Unlock()
					all = append(all, h)
				})
			}
		}
	}
	running.Wait()
	// An address in UTF-8, which smtplib says with SMTPUTF8.
	h := handed{program: "smtplib", Way: "starttls", Mechanism: "PLAIN", Sort: "SMTPUTF8", From: "accounts@example.net", To: []string{"smtplib.测试@example.net"}, Content: []byte(letter)}
	if _, err := tool(t, state, "", smtplib(startTLS, strconv.Itoa(ways[0].Port), h.Mechanism, password, h.To[0])...); err != nil {
		h.Error = err.Error()
	}
	return append(all, h)
}

// refuses tells whether parley serve is not to take a mail.
func (h handed) refuses() bool {
	// CRAM-MD5 can be proved by no hash, and is not offered. PHPMailer takes another mechanism then.
	return h.Sort == "stranger" || h.Sort == "wrong" || h.Mechanism == "CRAM-MD5" && h.program != "php"
}

// TestServePrograms has real programs hand mail over to parley serve, by each way and mechanism that they have, and by HTTPS; parley serve signs
// it, and brings it to a real Postfix. What came into its Maildir is compared with what was handed over, octet for octet.
func TestServePrograms(t *testing.T) {
	needTools(t)
	needPHP(t)
	postfix := start(t, "postfix")
	state := toolState(t)
	keys := newSigningKeys(t, "example.net")
	r := relays(t, "http = \"0.0.0.0:0\"\nhostname = \"relay.example.net\"\ndefault = [\"postfix\"]\n"+serveTLS(state)+keys.config()+"[retention]\ncontent = \"1h\"\n"+
		fmt.Sprintf("[user.\"cron@example.net\"]\nsenders = [\"*@example.net\"]\n%s%soperator = true\n", hashed(t, user, password, "*@example.net"), hashed(t, boss, bossPassword, "boss@example.net"))+
		postfix.server(t, "postfix", "STARTTLS"))
	r.secure(t, filepath.Join(state, "tls", "ca.pem"))
	ways := r.ways(t)
	all := runServe(t, r, state, ways)
	all = append(all, runTools(t, state, ways)...)
	r.drained(t)

	wanted := checkHanded(t, r, all)
	came := comeTo(t, maildir(postfix.state+"/mail/inbox"), wanted)
	var signed []string
	for to, h := range wanted {
		d, ok := came[to]
		if !ok {
			continue
		}
		a := apart(t, d)
		want := h.From
		if a.returnPath != want || a.deliveredTo != to {
			t.Errorf("%s: from %q for %q, and not from %q for %q", h, a.returnPath, a.deliveredTo, want, to)
		}
		if a.signatures != 2 {
			t.Errorf("%s has %d signatures: %q", h, a.signatures, a.above)
		}
		signed = append(signed, d.file)
		h.compare(t, a)
	}
	keys.verify(t, signed)
	checkJSON(t, postfix, all)
	checkBcc(t, r, all)
	logTable(t, all, wanted, came)
}

// checkHanded looks at what was said to each program, and gives whom its mails have to come to.
func checkHanded(t *testing.T, r *relaying, all []handed) map[string]handed {
	t.Helper()
	wanted := map[string]handed{}
	for _, h := range all {
		switch {
		case h.Way == "http":
			checkByHTTP(t, h)
		case h.refuses() && h.Error == "":
			t.Errorf("%s: was taken", h)
		case h.Sort == "stranger" && !strings.Contains(h.Error, "530"), h.Sort == "wrong" && h.Code != 0 && h.Code != 535:
			t.Errorf("%s: is told %d %s", h, h.Code, h.Error)
		case !h.refuses() && h.Error != "":
			t.Errorf("%s: %s", h, h.Error)
		}
		for _, to := range h.To {
			if before, ok := wanted[to]; ok && !strings.HasSuffix(h.Sort, " again") {
				t.Errorf("%s and %s are for one address", before, h)
			}
			if !h.refuses() {
				wanted[to] = h
			}
		}
	}
	// Nothing else was taken, and each once; and whose mail it is is known.
	for _, i := range r.items(t, url.Values{}) {
		h, ok := wanted[i.Path]
		if !ok && !strings.Contains(i.Path, ".http.json") && !strings.Contains(i.Path, ".http.batch") {
			t.Errorf("a mail for %s was taken", i.Path)
		}
		who := map[bool]string{true: "cron@example.net", false: user}[h.Way == "open"]
		if i.State != "sent" || i.Origin != who || i.Sender != "accounts@example.net" {
			t.Errorf("%s is told as %+v", h, i)
		}
	}
	for to := range wanted {
		r.to(t, to)
	}
	return wanted
}

// checkBcc looks for Bcc in what went out: Postfix takes it away too, and what came does not tell.
func checkBcc(t *testing.T, r *relaying, all []handed) {
	t.Helper()
	n := 0
	for _, h := range all {
		if h.Answer.ID == "" || !strings.HasPrefix(h.Sort, "raw many") && !strings.HasPrefix(h.Sort, "json") {
			continue
		}
		n++
		if sent := r.queue(t, "export", h.Answer.ID, "-o", "-"); bccField.MatchString(sent) || strings.Contains(sent, ".bcc@example.net") || !strings.Contains(sent, ".cc@example.net") {
			t.Errorf("%s: Bcc is told, or it is not the mail: %.1000s", h, sent)
		}
	}
	if n == 0 {
		t.Error("no mail with Bcc was handed over")
	}
}

// comeTo waits for the mails of all these addresses; none comes twice.
func comeTo(t *testing.T, inbox maildir, wanted map[string]handed) map[string]delivered {
	t.Helper()
	came := map[string]delivered{}
	inbox.watch(t, func(d delivered) bool {
		to := d.recipients()[0]
		if _, ok := wanted[to]; ok {
			if before, twice := came[to]; twice {
				t.Errorf("two came for %s: %s, %s", to, before.file, d.file)
			}
			came[to] = d
		}
		return len(came) == len(wanted)
	})
	for to, h := range wanted {
		if _, ok := came[to]; !ok {
			t.Errorf("%s: nothing came for %s", h, to)
		}
	}
	return came
}

var (
	bccField = regexp.MustCompile(`(?mi)^Bcc:.*\n(?:[ \t].*\n)*`)
	added    = regexp.MustCompile(`^Date: .*\nMessage-ID: <.*@example\.net>\n`)
)

// compare holds what came against what was handed over.
func (h handed) compare(t *testing.T, a arrival) {
	t.Helper()
	want := crlf(h.Content)
	if strings.HasPrefix(h.Sort, "raw ") {
		head, body, _ := bytes.Cut(want, []byte("\r\n\r\n"))
		head = bccField.ReplaceAll(append(head, "\r\n"...), nil)
		want = append(append(head, "\r\n"...), body...)
	}
	if h.Sort == "bare" || h.program == "python" && strings.HasPrefix(h.Sort, "raw bare") {
		if !added.MatchString(a.content) {
			t.Errorf("%s: no Date and Message-ID were added: %.300s", h, a.content)
		}
		a.content = added.ReplaceAllString(a.content, "")
	}
	if strings.Contains(a.content, ".bcc@example.net") {
		t.Errorf("%s: Bcc is told", h)
	}
	if at := a.changed(want); at != "" {
		t.Errorf("%s: for %s it arrived changed: %s", h, a.deliveredTo, at)
	}
}

// logTable tells how many mails of each program came by each way.
func logTable(t *testing.T, all []handed, wanted map[string]handed, came map[string]delivered) {
	t.Helper()
	type row struct{ mails, refused, copies int }
	rows := map[string]*row{}
	for _, h := range all {
		name := fmt.Sprintf("%-10s %-8s %-13s", h.program, h.Way, cmp.Or(h.Mechanism, "none"))
		if rows[name] == nil {
			rows[name] = new(row)
		}
		if h.refuses() || h.Status >= 400 {
			rows[name].refused++
			continue
		}
		rows[name].mails++
		for _, to := range h.To {
			if _, ok := came[to]; ok && wanted[to].Sort == h.Sort {
				rows[name].copies++
			}
		}
	}
	var names []string
	for name := range rows {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(t.Output(), "%s %d taken, %d refused, %d copies in the Maildir\n", name, rows[name].mails, rows[name].refused, rows[name].copies)
	}
}

// TestServeBcrypt: a user whose hash is of bcrypt, as htpasswd makes it, logs in by PLAIN and LOGIN, whatever the program would choose:
// SCRAM, which no such hash can prove, is not offered.
func TestServeBcrypt(t *testing.T) {
	state := toolState(t)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	asHtpasswd := strings.Replace(string(hash), "$2a$", "$2y$", 1)
	r := relays(t, "hostname = \"relay.example.net\"\ndefault = [\"nowhere\"]\n[server.nowhere]\nhost = \"127.0.0.1\"\nport = 1\ntls = \"none\"\n"+serveTLS(state)+
		fmt.Sprintf("[user.\"cron@example.net\"]\nsenders = [\"*@example.net\"]\n[user.kim]\npassword = %q\nsenders = [\"*@example.net\"]\n", asHtpasswd)+
		hashed(t, boss, bossPassword, "boss@example.net")+"operator = true\n")
	port := portOf(r.smtp[0])
	for name, argv := range map[string][]string{
		"swaks": {"swaks", "--server", "127.0.0.1", "--port", port, "--helo", "localhost", "--from", "accounts@example.net", "--to", "swaks@example.net", "--tls", "--auth", "--auth-user", user, "--auth-password", password, "--data", "@/state/letter.open"},
		"msmtp": {"sh", "-c", `exec msmtp "$@" </state/letter`, "msmtp", "--host=127.0.0.1", "--port=" + port, "--domain=localhost", "--from=accounts@example.net", "--tls=on", "--tls-trust-file=/state/tls/ca.pem", "--auth=on", "--user=" + user, "--passwordeval=echo '" + password + "'", "msmtp@example.net"},
		"curl":  {"curl", "--silent", "--show-error", "smtp://127.0.0.1:" + port + "/localhost", "--upload-file", "/state/letter", "--mail-from", "accounts@example.net", "--mail-rcpt", "curl@example.net", "--ssl-reqd", "--cacert", "/state/tls/ca.pem", "--user", user + ":" + password},
	} {
		if out, err := tool(t, state, "", argv...); err != nil || strings.Contains(out, "SCRAM") {
			t.Errorf("%s: %v\n%s", name, err, out)
			continue
		}
		if i := r.to(t, name+"@example.net"); i.Origin != user {
			t.Errorf("%s: %+v", name, i)
		}
		argv[slices.IndexFunc(argv, func(s string) bool { return strings.Contains(s, password) })] = map[string]string{"swaks": "not it", "msmtp": "--passwordeval=echo 'not it'", "curl": user + ":not it"}[name]
		if _, err := tool(t, state, "", argv...); err == nil {
			t.Errorf("%s: a wrong password is good", name)
		}
	}
}
