package interop_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// signingKeys are an RSA and an Ed25519 key, made by OpenSSL as docs/serve.md has it.
type signingKeys struct {
	domain  string
	dir     string
	records map[string]string // what stands in the DNS
}

func newSigningKeys(t *testing.T, domain string) *signingKeys {
	t.Helper()
	k := &signingKeys{domain: domain, dir: t.TempDir(), records: map[string]string{}}
	for selector, c := range map[string]struct{ kind, make, public string }{
		"r": {"rsa", "openssl genrsa -out r.pem 2048", "openssl rsa -in r.pem -pubout -outform der | base64 -w0"},
		"e": {"ed25519", "openssl genpkey -algorithm ed25519 -out e.pem", "openssl pkey -in e.pem -pubout -outform der | tail -c 32 | base64"},
	} {
		cmd := exec.Command("sh", "-c", c.make+" 2>/dev/null && "+c.public+" 2>/dev/null")
		cmd.Dir = k.dir
		out, err := cmd.Output()
		if err != nil {
			missing(t, "openssl", err.Error())
		}
		k.records[selector+"._domainkey."+domain] = "v=DKIM1; k=" + c.kind + "; p=" + strings.TrimSpace(string(out))
	}
	return k
}

// config is the part of a file that has them.
func (k *signingKeys) config() string {
	text := ""
	for _, selector := range []string{"r", "e"} {
		text += fmt.Sprintf("[[dkim]]\ndomain = %q\nselector = %q\nkey = %q\n", k.domain, selector, filepath.Join(k.dir, selector+".pem"))
	}
	return text
}

// byPython verifies both signatures of each file by Python's dkim, and prints the names of those of which one does not hold. The
// last octet of the body changed, neither holds.
const byPython = `
import dkim, sys
records = dict(line.rstrip("\n").split(" ", 1) for line in open(sys.argv[1]))
def txt(name, timeout=5):
    return records.get(name.decode().rstrip(".")).encode()
def holds(m):
    d = dkim.DKIM(m)
    n = sum(1 for h, _ in d.headers if h.lower() == b"dkim-signature")
    return [one(m, i) for i in range(n)]
def one(m, i):
    try:
        return dkim.DKIM(m).verify(idx=i, dnsfunc=txt)
    except dkim.ValidationError:
        return False
for name in sys.argv[2:]:
    m = open(name, "rb").read()
    if holds(m) != [True, True]:
        print(name)
    body = m.rstrip(b"\r\n")
    if holds(body[:-1] + bytes([body[-1] ^ 1]) + b"\r\n") != [False, False]:
        print(name, "changed")
`

// verify has OpenDKIM and Python's dkim look at mails as they were delivered.
func (k *signingKeys) verify(t *testing.T, files []string) {
	t.Helper()
	dir := t.TempDir()
	keys := ""
	for name, record := range k.records {
		keys += name + " " + record + "\n"
	}
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	records := write("keys", []byte(keys))
	conf := write("conf", []byte("TestPublicKeys "+records+"\nMode v\n"))
	var names []string
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, write(fmt.Sprintf("%d.eml", i), crlf(content))) // signed as SMTP carries it
	}
	python := exec.Command("/usr/bin/python3", append([]string{"-c", byPython, records}, names...)...)
	if err := exec.Command("/usr/bin/python3", "-c", "import dkim, nacl").Run(); err != nil {
		missing(t, "python3-dkim and python3-nacl", err.Error())
	}
	if out, err := python.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("Python's dkim: %v: %s", err, out)
	}
	if _, err := exec.LookPath("opendkim"); err != nil {
		missing(t, "opendkim", err.Error())
	}
	out, err := exec.Command("opendkim", "-x", conf, "-vv", "-t", strings.Join(names, ",")).Output()
	if passed := bytes.Count(out, []byte("dkim=pass")); err != nil || passed != 2*len(names) {
		t.Errorf("opendkim: %v: of %d signatures %d hold", err, 2*len(names), passed)
	}
	fmt.Fprintf(t.Output(), "%d mails, two signatures each, verified by OpenDKIM and by Python's dkim\n", len(names))
}
