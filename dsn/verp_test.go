package dsn

import (
	"bytes"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
)

const token13 = "0rkq3vj8c1m2t"

func signer() *Signer { return &Signer{Key: bytes.Repeat([]byte("k"), 32)} }

func TestTokenComesBack(t *testing.T) {
	base := path(t, "bounces@example.net")
	for _, sep := range []byte{0, '-', '=', '_'} {
		s := signer()
		s.Separator = sep
		p, err := s.Path(base, token13)
		if err != nil {
			t.Fatal(err)
		}
		for _, seen := range []mail.Path{p, {Local: strings.ToUpper(p.Local), Domain: "EXAMPLE.NET"}} {
			if got, ok := s.Token(base, seen); !ok || got != token13 {
				t.Errorf("%v: %q, %t", seen, got, ok)
			}
		}
	}
}

func TestVERPGolden(t *testing.T) {
	p, err := signer().Path(path(t, "bounces@example.net"), token13)
	// Mails that are on their way bear it: it may not change from one version to the next.
	if want := "<bounces+0rkq3vj8c1m2t4ygqytrqvhg2rzou@example.net>"; err != nil || p.String() != want {
		t.Errorf("%v, %v, not %s", p, err, want)
	}
}

func TestForgedTokensAreNone(t *testing.T) {
	base := path(t, "bounces@example.net")
	s := signer()
	p, err := s.Path(base, token13)
	if err != nil {
		t.Fatal(err)
	}
	wrong := map[string]mail.Path{
		"the base":       base,
		"another domain": {Local: p.Local, Domain: "example.org"},
		"cut":            {Local: p.Local[:len(p.Local)-1], Domain: p.Domain},
		"longer":         {Local: p.Local + "a", Domain: p.Domain},
		"no token":       {Local: "bounces+" + p.Local[len(p.Local)-macLength:], Domain: p.Domain},
		"none":           {},
		"another base":   {Local: "x" + p.Local, Domain: p.Domain},
	}
	for i := len("bounces+"); i < len(p.Local); i++ {
		b := []byte(p.Local)
		if b[i]++; b[i] == '9'+1 || b[i] == 'z'+1 {
			b[i] -= 2
		}
		wrong["octet "+itoa(i)] = mail.Path{Local: string(b), Domain: p.Domain}
	}
	for name, w := range wrong {
		if got, ok := s.Token(base, w); ok || got != "" {
			t.Errorf("%s: %v has the token %q", name, w, got)
		}
	}
	if _, ok := s.Token(path(t, "other@example.net"), p); ok {
		t.Error("a path of one mailbox is one of another")
	}
	if _, ok := (&Signer{Key: bytes.Repeat([]byte("x"), 32)}).Token(base, p); ok {
		t.Error("another key knows it")
	}
	if _, ok := (&Signer{}).Token(base, p); ok {
		t.Error("no key knows it")
	}
}

func TestOldKeysAreKnown(t *testing.T) {
	base := path(t, "bounces@例子.中国")
	p, err := signer().Path(base, token13)
	if err != nil {
		t.Fatal(err)
	}
	s := &Signer{Key: bytes.Repeat([]byte("n"), 32), Old: [][]byte{signer().Key}}
	if a, err := p.ASCII(); err != nil {
		t.Error(err)
	} else if got, ok := s.Token(base, a); !ok || got != token13 {
		t.Errorf("%q, %t", got, ok)
	}
}

func TestPathsThatCannotBe(t *testing.T) {
	base := path(t, "bounces@example.net")
	long := mail.Path{Local: strings.Repeat("b", 40), Domain: "example.net"}
	for name, make := range map[string]func() (mail.Path, error){
		"no key":        func() (mail.Path, error) { return (&Signer{}).Path(base, token13) },
		"a short key":   func() (mail.Path, error) { return (&Signer{Key: []byte("short")}).Path(base, token13) },
		"no token":      func() (mail.Path, error) { return signer().Path(base, "") },
		"capitals":      func() (mail.Path, error) { return signer().Path(base, "ABC") },
		"other letters": func() (mail.Path, error) { return signer().Path(base, "a@b") },
		"no room":       func() (mail.Path, error) { return signer().Path(long, token13) },
		"no mailbox":    func() (mail.Path, error) { return signer().Path(mail.Path{}, token13) },
		"not ASCII":     func() (mail.Path, error) { return signer().Path(path(t, "退信@example.net"), token13) },
	} {
		if p, err := make(); err == nil {
			t.Errorf("%s: %v", name, p)
		}
	}
	long.Local = long.Local[:64-1-13-macLength]
	if p, err := signer().Path(long, token13); err != nil || len(p.Local) != 64 {
		t.Errorf("64 octets: %v, %v", p, err)
	}
}
