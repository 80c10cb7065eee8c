package sasl

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"hash"
	"strings"
	"testing"

	"github.com/xdg-go/scram"
)

// The examples of RFC 5802 §5 and RFC 7677 §3, with the nonces that they have.
var scramExamples = []struct {
	name, nonce              string
	clientFirst, serverFirst string
	clientFinal, serverFinal string
	salt                     string
}{
	{
		name: "SCRAM-SHA-1", nonce: "fyko+d2lbbFgONRv9qkxdawL",
		clientFirst: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
		serverFirst: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
		clientFinal: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		serverFinal: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		salt:        "QSXCR+Q6sek8bf92",
	},
	{
		name: "SCRAM-SHA-256", nonce: "rOprNGfwEbeRWgbNEkqO",
		clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
		serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		clientFinal: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		salt:        "W22ZaJ0SNY7soEsUEjb6gQ==",
	},
}

func TestSCRAMExamples(t *testing.T) {
	for _, e := range scramExamples {
		client, err := newSCRAMClient(e.name, "user", "pencil")
		if err != nil {
			t.Fatal(err)
		}
		client.WithNonceGenerator(func() string { return e.nonce })
		m := newSCRAMTalk(e.name, client.NewConversation(), keep("pencil"), func(scram.KeyFactors) {})
		for _, step := range [][2]string{{"", e.clientFirst}, {e.serverFirst, e.clientFinal}, {e.serverFinal, ""}} {
			challenge := []byte(step[0])
			if step[0] == "" {
				challenge = nil
			}
			if response, err := m.Next(context.Background(), challenge); err != nil || string(response) != step[1] {
				t.Errorf("%s: %q\nwant %q, %v", e.name, response, step[1], err)
			}
		}
		if err := m.Outcome(true); err != nil {
			t.Error(err)
		}
		checkExampleKeys(t, e.name, e.salt, e.clientFirst, e.serverFirst, e.clientFinal, e.serverFinal)
	}
}

// checkExampleKeys holds what MakeKeys stores against the proofs of an example,
// worked out here by the formulas of RFC 5802 §3 and by nothing else.
func checkExampleKeys(t *testing.T, name, salt, clientFirst, serverFirst, clientFinal, serverFinal string) {
	t.Helper()
	raw, _ := base64.StdEncoding.DecodeString(salt)
	keys, err := MakeKeys(name, "pencil", raw, 4096)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(data []byte) []byte { h := scramHash(name)(); h.Write(data); return h.Sum(nil) }
	sign := func(key []byte, text string) []byte {
		mac := hmac.New(func() hash.Hash { return scramHash(name)() }, key)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	withoutProof, proof64, _ := strings.Cut(clientFinal, ",p=")
	proof, _ := base64.StdEncoding.DecodeString(proof64)
	auth := strings.TrimPrefix(clientFirst, "n,,") + "," + serverFirst + "," + withoutProof
	clientKey := sign(keys.StoredKey, auth)
	for i := range clientKey {
		clientKey[i] ^= proof[i]
	}
	if !bytes.Equal(sum(clientKey), keys.StoredKey) {
		t.Errorf("%s: the stored key does not fit the client's proof", name)
	}
	if got := "v=" + base64.StdEncoding.EncodeToString(sign(keys.ServerKey, auth)); got != serverFinal {
		t.Errorf("%s: the server key makes %s, want %s", name, got, serverFinal)
	}
}

// The keys that were derived are kept for the next exchange, and not for ever.
func TestKeyCache(t *testing.T) {
	c := newKeyCache()
	get := func() *scram.Client {
		client, err := c.client("SCRAM-SHA-256", "kim", keep("x"))
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	first := get()
	for range 100 {
		c.seen("SCRAM-SHA-256", scram.KeyFactors{Salt: "always", Iters: 4096})
	}
	if get() != first {
		t.Error("forgotten, though the salt is the same")
	}
	for i := range 100 {
		c.seen("SCRAM-SHA-256", scram.KeyFactors{Salt: strings.Repeat("x", i), Iters: 4096})
	}
	if get() == first {
		t.Error("kept, though the salt is always another")
	}
	if n := len(c.factors["SCRAM-SHA-256"]); n > 8 {
		t.Errorf("%d salts are remembered", n)
	}
}

// Each exchange tells the cache what it derives from.
func TestExchangesFillTheCache(t *testing.T) {
	creds := Password("kim", "x").(*passwordCredentials)
	for i := range 3 {
		m, err := creds.Choose(context.Background(), []string{"SCRAM-SHA-1"}, Channel{})
		if err != nil {
			t.Fatal(err)
		}
		first, err := m.Next(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, nonce, _ := strings.Cut(string(first), ",r=")
		salt := base64.StdEncoding.EncodeToString([]byte{byte(i)})
		if _, err := m.Next(context.Background(), []byte("r="+nonce+"x,s="+salt+",i=4096")); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(creds.keys().factors["SCRAM-SHA-1"]); n != 3 {
		t.Errorf("%d salts are remembered, of 3", n)
	}
}

// Who knows Seed knows the password that an unknown user is given, and still there
// is no such user.
func TestMadeUpPasswordsLetNobodyIn(t *testing.T) {
	a := Users(nil)
	a.Seed = []byte("known")
	made, known, err := a.secretOf(context.Background(), "lee")
	if err != nil || known {
		t.Fatal(known, err)
	}
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"} {
		m, err := Only(mechanism, Password("lee", made)).Choose(context.Background(), a.Offer(Channel{}), Channel{})
		if err != nil {
			t.Fatal(err)
		}
		x, err := a.Start(mechanism, Channel{})
		if err != nil {
			t.Fatal(err)
		}
		var challenge []byte
		for done := false; !done; {
			response, err := m.Next(context.Background(), challenge)
			if err != nil {
				t.Fatal(err)
			}
			if challenge, done, err = x.Next(context.Background(), response); done && !errors.Is(err, ErrRefused) {
				t.Errorf("%s: %v, user %q", mechanism, err, x.User())
			}
		}
	}
}
