package sasl_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/parleymail/parley/sasl"
)

// A password takes the best there is on offer.
func ExamplePassword() {
	creds := sasl.Password("kim@example.org", "correct horse")
	for _, offered := range [][]string{
		{"LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-256"},
		{"LOGIN", "NTLM"},
		{"GSSAPI"},
	} {
		m, err := creds.Choose(context.Background(), offered, sasl.Channel{Host: "mx.example.org"})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(m.Name())
	}
	// Output:
	// SCRAM-SHA-256
	// LOGIN
	// the server offers GSSAPI; these credentials need SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN
}

// Credentials may be printed; what they are printed as holds no secret.
func ExampleOnly() {
	creds := sasl.Only("login", sasl.Password("kim@example.org", "correct horse"))
	fmt.Printf("%+v\n", creds)
	// Output:
	// password of kim@example.org, by LOGIN only
}

// What a server says of a token that it refuses.
func ExampleToken() {
	ctx := context.Background()
	creds := sasl.Token("kim@example.org", sasl.TokenFunc(func(context.Context) (string, error) {
		return "a-token-from-somewhere", nil
	}))
	m, err := creds.Choose(ctx, []string{"XOAUTH2", "OAUTHBEARER"}, sasl.Channel{Host: "mx.example.org", Port: 465})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := m.Next(ctx, nil); err != nil { // what goes into the AUTH command
		fmt.Println(err)
		return
	}
	if _, err := m.Next(ctx, []byte(`{"status":"invalid_token","scope":"mail.send"}`)); err != nil {
		fmt.Println(err)
		return
	}
	err = m.Outcome(false) // 535

	var refused *sasl.TokenError
	fmt.Println(m.Name(), errors.As(err, &refused), refused.Status)
	fmt.Println(err)
	// Output:
	// OAUTHBEARER true invalid_token
	// the server refuses the token: invalid_token, it should be good for mail.send
}

// Both sides of one exchange, without a network between them.
func ExampleAccounts() {
	ctx := context.Background()
	accounts := sasl.Users(map[string]string{"kim": "correct horse"})
	ch := sasl.Channel{} // in clear text

	offered := accounts.Offer(ch)
	fmt.Println(offered)
	client, err := sasl.Password("kim", "correct horse").Choose(ctx, offered, ch)
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := accounts.Start(client.Name(), ch)
	if err != nil {
		fmt.Println(err)
		return
	}
	var challenge []byte // none, before the client has said something
	for done := false; !done; {
		response, err := client.Next(ctx, challenge)
		if err != nil {
			fmt.Println(err)
			return
		}
		if challenge, done, err = server.Next(ctx, response); err != nil {
			fmt.Println(client.Outcome(false), err)
			return
		}
	}
	fmt.Println(client.Outcome(true), server.User())
	// Output:
	// [SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5]
	// <nil> kim
}
