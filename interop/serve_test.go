package interop_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
)

// A relaying is a "parley serve" that runs by a file, with users.
type relaying struct {
	dir, config string
	smtp        []string // its listeners, in their order
	http        string
	asks        *http.Client // who trusts it, where it speaks HTTPS
	cmd         *exec.Cmd
	said        *bytes.Buffer
	reloads     chan string // what it said of a reload: nothing, or what was wrong
	over        chan struct{}
}

// boss may see and move the mail of all; kim, the user of these tests, has the password of all of them.
const (
	boss         = "boss"
	bossPassword = "the boss's own"
)

// relays starts one until the test is over. To the text of its file the users are added.
func relays(t *testing.T, text string) *relaying {
	t.Helper()
	dir := t.TempDir()
	r := &relaying{dir: dir, config: filepath.Join(dir, "serve.toml"), said: new(bytes.Buffer), reloads: make(chan string, 1), over: make(chan struct{})}
	r.write(t, text)
	r.cmd = exec.Command(buildParley(t), "serve", "--json", "--config", r.config)
	r.cmd.Stderr = r.said
	out, err := r.cmd.StdoutPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	var first struct {
		SMTP []string
		HTTP string
	}
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &first) != nil || len(first.SMTP) == 0 {
		r.cmd.Process.Kill()
		r.cmd.Wait()
		t.Fatalf("parley serve says %q: %s", lines.Text(), r.said)
	}
	r.smtp, r.http, r.asks = first.SMTP, strings.TrimSuffix(first.HTTP, "/"), http.DefaultClient
	go func() {
		defer close(r.over)
		for lines.Scan() {
			var l struct{ Event, Error string }
			if json.Unmarshal(lines.Bytes(), &l) == nil && l.Event == "reloaded" {
				r.reloads <- l.Error
			}
		}
	}()
	t.Cleanup(func() { r.stop(t) })
	return r
}

// secure has it be asked by HTTPS, at which it is reached from everywhere.
func (r *relaying) secure(t *testing.T, caFile string) {
	t.Helper()
	u, err := url.Parse(r.http)
	if err != nil || u.Scheme != "https" {
		t.Fatalf("it does not speak HTTPS: %s", r.http)
	}
	r.http = "https://127.0.0.1:" + u.Port()
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	r.asks = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// stop ends it in order; what it has said beside is no secret, and of use where the test has failed.
func (r *relaying) stop(t *testing.T) {
	r.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(30*time.Second, func() { r.cmd.Process.Kill() })
	defer late.Stop()
	<-r.over
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("parley serve ends: %v", err)
	}
	for _, secret := range []string{password, peerPassword, bossPassword} {
		if strings.Contains(r.said.String(), secret) {
			t.Error("parley serve has told a password")
		}
	}
	if t.Failed() {
		t.Logf("parley serve says: %s", r.said)
	}
}

// write writes the file anew.
func (r *relaying) write(t *testing.T, text string) {
	t.Helper()
	if !strings.HasPrefix(text, "http = ") {
		text = "http = \"127.0.0.1:0\"\n" + text
	}
	text = "database = \"sqlite:outbox.db\"\n" + text
	if !strings.Contains(text, "[user.") {
		text += "\n" + hashed(t, "kim", password, "*@example.net") + "\n" + hashed(t, boss, bossPassword, "boss@example.net") + "operator = true\n"
	}
	if err := os.WriteFile(r.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// hashed is a user as the command prints one for the file.
func hashed(t *testing.T, name, password, sender string) string {
	t.Helper()
	cmd := exec.Command(buildParley(t), "serve", "user", name, "--sender", sender)
	cmd.Stdin = strings.NewReader(password + "\n")
	out, err := cmd.Output()
	if err != nil || strings.Contains(string(out), password) {
		t.Fatalf("parley serve user: %v: %s", err, out)
	}
	return string(out)
}

// reload has it read its file anew, which says this now.
func (r *relaying) reload(t *testing.T, text string) {
	t.Helper()
	r.write(t, text)
	if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	select {
	case wrong := <-r.reloads:
		if wrong != "" {
			t.Fatalf("it was not reloaded: %s", wrong)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is said of the reload")
	}
}

// ask asks the API as the boss, and reads its answer into v.
func (r *relaying) ask(t *testing.T, method, path string, v any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.http+"/api/v1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(boss, bossPassword)
	if status := r.do(t, req, v); status/100 != 2 {
		t.Fatalf("%s %s: %d", method, path, status)
	}
}

// do asks, and reads the answer into v, which is JSON whatever it says.
func (r *relaying) do(t *testing.T, req *http.Request, v any) int {
	t.Helper()
	resp, err := r.asks.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatalf("%s %s: %s: %v: %s", req.Method, req.URL, resp.Status, err, b)
	}
	return resp.StatusCode
}

// An item is a recipient as the API tells of one.
type item struct {
	Message, Path, State, Sender, Origin, Lane, Reply string
	Recipient                                         int
}

// items are all that a query fits.
func (r *relaying) items(t *testing.T, query url.Values) []item {
	t.Helper()
	query.Set("limit", "200")
	for all := []item(nil); ; {
		var page struct {
			Items []item
			Next  string
		}
		r.ask(t, "GET", "/messages?"+query.Encode(), &page)
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		query.Set("before", page.Next)
	}
}

// to is the one recipient of an address.
func (r *relaying) to(t *testing.T, address string) item {
	t.Helper()
	list := r.items(t, url.Values{"recipient": {address}})
	if len(list) != 1 {
		t.Fatalf("%d mails are for %s: %+v", len(list), address, list)
	}
	return list[0]
}

// becomes waits until the recipient of an address is in a state.
func (r *relaying) becomes(t *testing.T, address, state string) item {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		i := r.to(t, address)
		if i.State == state {
			return i
		}
		if time.Now().After(end) {
			t.Fatalf("%s is %s, and not %s: %s\n%s", address, i.State, state, i.Reply, r.history(t, i.Message))
		}
	}
}

// tried waits until the one attempt for an address has failed: the server is not asked again for a while.
func (r *relaying) tried(t *testing.T, address string) item {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		i := r.to(t, address)
		if (i.State == "queued" || i.State == "deferred") && i.Reply != "" {
			return i
		}
		if time.Now().After(end) {
			t.Fatalf("%s is %s: %s\n%s", address, i.State, i.Reply, r.history(t, i.Message))
		}
	}
}

// history is what is known of a mail, as a person reads it.
func (r *relaying) history(t *testing.T, id string) string {
	t.Helper()
	return r.queue(t, "show", id)
}

// queue runs "parley queue" over its file.
func (r *relaying) queue(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(buildParley(t), append(append([]string{"queue"}, args...), "--config", r.config)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "LANG=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("parley queue %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// happened are the words for what has happened to the recipient of an address.
func (r *relaying) happened(t *testing.T, i item) (list []outbox.Event) {
	t.Helper()
	var shown struct{ History []outbox.Event }
	r.ask(t, "GET", "/messages/"+i.Message, &shown)
	for _, e := range shown.History {
		if e.Recipient == i.Recipient {
			list = append(list, e)
		}
	}
	return list
}

// drained waits until nothing waits any more.
func (r *relaying) drained(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		list := r.items(t, url.Values{"state": {"queued,deferred,sending"}})
		if len(list) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d still wait, first %+v\n%s", len(list), list[0], r.history(t, list[0].Message))
		}
	}
}

// An arrival is a mail that came by parley serve and Postfix, taken apart: what these two have written above it, in its order, and the mail.
type arrival struct {
	returnPath, deliveredTo string
	above                   []string // names of fields
	signatures              int
	content                 string // with LF
}

var fieldAbove = regexp.MustCompile(`^([A-Za-z-]+):(.*\n(?:[ \t].*\n)*)`)

// apart takes a delivered mail apart. What stands above are: Postfix's own fields, one Received of Postfix, the signatures, one
// Received of ours.
func apart(t *testing.T, d delivered) arrival {
	t.Helper()
	b, err := os.ReadFile(d.file)
	if err != nil {
		t.Fatal(err)
	}
	a := arrival{content: string(b)}
	for {
		m := fieldAbove.FindStringSubmatch(a.content)
		if m == nil {
			t.Fatalf("%s has no Received of parley serve:\n%s", d.file, b[:min(len(b), 2000)])
		}
		a.above = append(a.above, m[1])
		a.content = a.content[len(m[0]):]
		value := strings.TrimSpace(m[2])
		switch m[1] {
		case "Return-Path":
			a.returnPath = strings.Trim(value, "<>")
		case "Delivered-To":
			a.deliveredTo = value
		case "DKIM-Signature":
			a.signatures++
		case "Received":
			if strings.Contains(value, "by relay.example.net ") {
				return a
			}
		case "X-Original-To":
		default:
			t.Fatalf("%s has %s above the mail:\n%s", d.file, m[1], b[:min(len(b), 2000)])
		}
	}
}

// changed tells where a mail that came is not what was handed over.
func (a arrival) changed(want []byte) string {
	w := strings.ReplaceAll(string(crlf(want)), "\r\n", "\n")
	if a.content == w {
		return ""
	}
	return difference(a.content, w)
}

// serveTLS is the part of a file that has the certificate of a state, and listeners as most have them: for programs anywhere by
// STARTTLS, by TLS, and for those of this machine, with a login and without.
func serveTLS(state string) string {
	return fmt.Sprintf(`
[tls]
certificate = %q
key = %q
[[listen]]
address = "0.0.0.0:0"
[[listen]]
address = "127.0.0.1:0"
tls = "implicit"
[[listen]]
address = "127.0.0.1:0"
[[listen]]
address = "127.0.0.1:0"
tls = "none"
user = "cron@example.net"
`, filepath.Join(state, "tls", "cert.pem"), filepath.Join(state, "tls", "key.pem"))
}
