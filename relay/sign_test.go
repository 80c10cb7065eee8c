package relay_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/relay"
)

// signers are keys, and what stands of them in the DNS.
type signers struct {
	keys    []relay.Key
	records map[string]string
}

func newSigners(t testing.TB, domain string) *signers {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&r.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	s := &signers{records: map[string]string{
		"r._domainkey." + domain: "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der),
		"e._domainkey." + domain: "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public),
	}}
	for selector, one := range map[string]crypto.Signer{"r": r, "e": key} {
		der, err := x509.MarshalPKCS8PrivateKey(one)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := relay.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		if err != nil {
			t.Fatal(err)
		}
		s.keys = append(s.keys, relay.Key{Domain: domain, Selector: selector, Signer: parsed})
	}
	return s
}

func (s *signers) lookup(name string) ([]string, error) {
	if r, ok := s.records[name]; ok {
		return []string{r}, nil
	}
	return nil, errors.New("no such name: " + name)
}

// verified are the domains and algorithms that hold.
func (s *signers) verified(t *testing.T, content []byte) (domains []string) {
	t.Helper()
	list, err := dkim.VerifyWithOptions(bytes.NewReader(content), &dkim.VerifyOptions{LookupTXT: s.lookup})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		if v.Err != nil {
			t.Errorf("a signature of %s does not hold: %v", v.Domain, v.Err)
			continue
		}
		domains = append(domains, v.Domain)
	}
	return domains
}

// awkward are mails that canonicalization may stumble over.
var awkward = map[string]string{
	"plain":           letter,
	"no body":         "From: shop@shop.example\nSubject: x\n\n",
	"empty lines":     letter + "\n\n\n",
	"blanks":          "From:   Shop   <shop@shop.example>  \nSubject: a\n \tb  \n\nx \t y \n \n",
	"dots":            "From: shop@shop.example\n\n.\n..\n.x\n",
	"dash":            "From: shop@shop.example\n\n--\n-- \n",
	"8 bit":           "From: shop@shop.example\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n三月对账单\n",
	"two To":          "From: shop@shop.example\nTo: a@example.net\nTo: b@example.net\nReceived: x\n\nx\n",
	"below":           "From: shop@mail.shop.example\nList-Unsubscribe: <https://x>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n\nx\n",
	"several authors": "From: a@shop.example, b@else.example\nSender: a@shop.example\n\nx\n",
}

// TestSigned: what goes out is signed by each key of the domain of From, and by nobody else's.
func TestSigned(t *testing.T) {
	s := newSigners(t, "shop.example")
	r := start(t, func(c *relay.Config) { c.Keys = s.keys })
	client := r.client()
	for name, content := range awkward {
		t.Run(name, func(t *testing.T) {
			r.sink.Forget()
			if _, err := client.Send(t.Context(), raw("shop@shop.example", "kim@example.net", content)); err != nil {
				t.Fatal(err)
			}
			got := r.sink.Wait(t, 1)[0].Content
			if domains := s.verified(t, got); len(domains) != 2 || domains[0] != "shop.example" || domains[1] != "shop.example" {
				t.Errorf("signed by %v:\n%s", domains, got)
			}
			// A second From, in front of the first, breaks what was signed.
			forged := append([]byte("From: boss@shop.example\r\n"), got...)
			list, err := dkim.VerifyWithOptions(bytes.NewReader(forged), &dkim.VerifyOptions{LookupTXT: s.lookup})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range list {
				if v.Err == nil {
					t.Errorf("a signature of %s holds for another From", v.Domain)
				}
			}
			byPython(t, s, got)
			byOpenDKIM(t, s, got)
		})
	}
	t.Run("another's", func(t *testing.T) {
		r.sink.Forget()
		if _, err := client.Send(t.Context(), raw("a@else.example", "kim@example.net", strings.ReplaceAll(letter, "shop.example", "notshop.example"))); err != nil {
			t.Fatal(err)
		}
		if got := r.sink.Wait(t, 1)[0].Content; bytes.Contains(bytes.ToLower(got), []byte("dkim-signature")) {
			t.Errorf("it is signed:\n%s", got)
		}
	})
}

const python = "/usr/bin/python3" // Debian's, which has Debian's modules

// byPython has Python's dkim look at it.
func byPython(t *testing.T, s *signers, content []byte) {
	t.Helper()
	if exec.Command(python, "-c", "import dkim, nacl").Run() != nil {
		t.Log("skipped: python3-dkim, python3-nacl")
		return
	}
	script := `
import dkim, sys
records = dict(line.rstrip("\n").split(" ", 1) for line in open(sys.argv[1]))
def txt(name, timeout=5):
    return records.get(name.decode().rstrip(".")).encode()
m = sys.stdin.buffer.read()
d = dkim.DKIM(m)
n = sum(1 for h, _ in d.headers if h.lower() == b"dkim-signature")
sys.exit(0 if n == 2 and all(dkim.DKIM(m).verify(idx=i, dnsfunc=txt) for i in range(n)) else 1)
`
	records := ""
	for name, r := range s.records {
		records += name + " " + r + "\n"
	}
	file := filepath.Join(t.TempDir(), "records")
	if err := os.WriteFile(file, []byte(records), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", script, file)
	cmd.Stdin = bytes.NewReader(content)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("Python's dkim: %v\n%s\n%s", err, out, content)
	}
}

// byOpenDKIM has OpenDKIM look at it.
func byOpenDKIM(t *testing.T, s *signers, content []byte) {
	t.Helper()
	if _, err := exec.LookPath("opendkim"); err != nil {
		t.Log("skipped: opendkim")
		return
	}
	dir := t.TempDir()
	keys := "r._domainkey.shop.example " + s.records["r._domainkey.shop.example"] + "\n" + "e._domainkey.shop.example " + s.records["e._domainkey.shop.example"] + "\n"
	for name, text := range map[string]string{"keys": keys, "conf": "TestPublicKeys " + filepath.Join(dir, "keys") + "\nMode v\n", "mail": string(content)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("opendkim", "-x", filepath.Join(dir, "conf"), "-vv", "-t", filepath.Join(dir, "mail")).CombinedOutput()
	if err != nil || strings.Count(string(out), "dkim=pass") != 2 {
		t.Errorf("opendkim: %v\n%s\n%s", err, out, content)
	}
}

// TestSigningIsFlat: a content of many megabytes is signed without standing in memory.
func TestSigningIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("it sends 16 MiB")
	}
	s := newSigners(t, "shop.example")
	r := start(t, func(c *relay.Config) { c.Keys = s.keys })
	m := &mail.Message{From: mail.Address{Address: "a@shop.example"}, To: mail.To("kim@example.net"), Subject: "big", Attach: []mail.Part{mail.Bytes("big.bin", make([]byte, 12<<20))}}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := r.client().Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	got := r.sink.Wait(t, 1)[0].Content
	runtime.GC()
	runtime.ReadMemStats(&after)
	if domains := s.verified(t, got); len(domains) != 2 {
		t.Errorf("signed by %v", domains)
	}
	// The sink keeps it, and so do we here: 16 MiB of content, not three times that.
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 45<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

func ExampleHashPassword() {
	line, _ := relay.HashPassword("opensesame")
	fmt.Println(line[:len("SCRAM-SHA-256$50000:")])
	// Output: SCRAM-SHA-256$50000:
}
