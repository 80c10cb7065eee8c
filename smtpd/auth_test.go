package smtpd_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/transcript"
)

const (
	rightPassword = "tulip-tulip-37"
	rightToken    = "ya29.token-of-kim"
)

// mechanisms are all that Accounts know, with what the client proves itself by.
var mechanisms = map[string]func(secret string) sasl.Credentials{
	"PLAIN":              password,
	"LOGIN":              password,
	"CRAM-MD5":           password,
	"SCRAM-SHA-1":        password,
	"SCRAM-SHA-256":      password,
	"SCRAM-SHA-1-PLUS":   password,
	"SCRAM-SHA-256-PLUS": password,
	"OAUTHBEARER":        token,
	"XOAUTH2":            token,
	"EXTERNAL":           func(secret string) sasl.Credentials { return sasl.External(secret) },
}

func password(secret string) sasl.Credentials { return sasl.Password("kim", secret) }

func token(secret string) sasl.Credentials { return sasl.Token("kim", sasl.FixedToken(secret)) }

func secretOf(mechanism string) string {
	switch mechanism {
	case "OAUTHBEARER", "XOAUTH2":
		return rightToken
	case "EXTERNAL":
		return "kim"
	}
	return rightPassword
}

// accounts know kim; broken is asked before anything is given.
func accounts(broken func() error) *sasl.Accounts {
	users := sasl.Users(map[string]string{"kim": rightPassword})
	return &sasl.Accounts{
		Password: func(ctx context.Context, user, password string) error {
			return errors.Join(broken(), users.Password(ctx, user, password))
		},
		Secret: func(ctx context.Context, user string) (string, error) {
			if err := broken(); err != nil {
				return "", err
			}
			return users.Secret(ctx, user)
		},
		Token: func(_ context.Context, user, token string) error {
			if user != "kim" || token != rightToken {
				return errors.Join(broken(), sasl.ErrRefused)
			}
			return broken()
		},
		External: func(_ context.Context, ch sasl.Channel, identity string) (string, error) {
			if identity != "kim" || ch.TLS.PeerCertificates[0].DNSNames[0] != "kim.example" {
				return "", errors.Join(broken(), sasl.ErrRefused)
			}
			return "kim", broken()
		},
	}
}

func tlsOf(authority *smtptest.Authority) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{authority.Certificate("mx.example")}}
}

// dial gives a Client whose connections are in memory.
func dial(t *testing.T, srv *smtpd.Server, authority *smtptest.Authority) *smtp.Client {
	client := &smtp.Client{
		Addr: "mx.example:587",
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := smtptest.Pipe()
			go srv.ServeConn(theirs)
			return ours, nil
		},
	}
	if authority == nil {
		client.Security = smtp.Plaintext
	} else {
		client.TLS = &tls.Config{RootCAs: authority.Pool(), Certificates: []tls.Certificate{authority.Certificate("kim.example")}}
	}
	t.Cleanup(func() { client.Close(); srv.Shutdown(context.Background()) })
	return client
}

// TestEveryMechanism authenticates by each mechanism: with the right secret, with a
// wrong one, and with accounts that fail or cut the connection. The secret is in no
// event of the trace, neither as it is nor in base64.
func TestEveryMechanism(t *testing.T) {
	authority := smtptest.NewAuthority(t)
	for name, credentials := range mechanisms {
		for outcome, code := range map[string]int{"right": 250, "wrong": 535, "broken": 454, "cut": 0} {
			t.Run(name+"/"+outcome, func(t *testing.T) {
				srv, kept := newServer(t)
				srv.RequireAuth = true
				srv.TLS = &tls.Config{
					Certificates: []tls.Certificate{authority.Certificate("mx.example")},
					ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: authority.Pool(),
				}
				srv.Accounts = accounts(func() error {
					switch outcome {
					case "broken":
						return errors.New("the database is away")
					case "cut":
						srv.Close()
					}
					return nil
				})
				var rec transcript.Recorder
				srv.Trace = rec.Trace
				secret := secretOf(name)
				if outcome == "wrong" {
					secret = "un" + secret
				}
				client := dial(t, srv, authority)
				client.Auth = sasl.Only(name, credentials(secret))
				if got := codeOf(client.Send(t.Context(), letter)); got != code {
					t.Errorf("the reply is %d, want %d\n%v", got, code, rec.Transcript())
				}
				srv.Shutdown(t.Context())
				if outcome == "right" {
					s := kept.mails[0].Session
					if s.User() != "kim" || s.Protocol() != "ESMTPSA" {
						t.Errorf("the user is %q by %s", s.User(), s.Protocol())
					}
				}
				if name != "EXTERNAL" {
					noSecret(t, rec.Transcript(), secret)
				}
			})
		}
	}
}

var letter = &mail.Raw{
	Env: mail.Envelope{
		ReversePath: mail.Path{Local: "kim", Domain: "example.com"},
		Recipients:  []mail.Recipient{{Path: mail.Path{Local: "ann", Domain: "example.net"}}},
	},
	Data: []byte("Subject: Hello\r\n\r\nHello.\r\n"),
}

// codeOf is the code of the last reply to a mail, 0 where there was none.
func codeOf(receipt *smtp.Receipt, err error) int {
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		return e.Reply.Code
	}
	if err != nil {
		return 0
	}
	return receipt.Reply.Code
}

// noSecret fails the test if the trace tells a secret: as it is, or in base64 at
// any of the three places that it can begin at there.
func noSecret(t *testing.T, said transcript.Transcript, secret string) {
	t.Helper()
	forms := []string{secret}
	for i := range 3 {
		code := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("?", i) + secret))
		forms = append(forms, code[4:len(code)-4]) // the ends depend on what stands beside it
	}
	for _, e := range said {
		for _, form := range forms {
			if strings.Contains(fmt.Sprintf("%+v", e), form) {
				t.Errorf("the trace tells the secret: %s", transcript.Line(e))
			}
		}
	}
}

// TestSecretsInWrongPlaces: a password that stands where none belongs is not told
// either.
func TestSecretsInWrongPlaces(t *testing.T) {
	const secret = "tulip-tulip-37"
	base64d := base64.StdEncoding.EncodeToString([]byte("\x00kim\x00" + secret))
	tests := []string{
		"AUTH PLAIN " + secret + "\r\n",
		"AUTH " + secret + "\r\n",
		"AUTH " + base64d + "\r\n",
		"AUTH PLAIN " + base64d + "\r\n" + secret + "\r\n",
		"auth\tplain\t" + base64d + "\r\n",
		" AUTH PLAIN " + base64d + "\r\n",
		"\"AUTH PLAIN " + base64d + "\r\n",
		"AUTH PLAIN " + base64d + "\n",
		"AUTH PLAIN " + base64d + "\x00\r\n",
		"AUTH PLAIN " + base64d + strings.Repeat("A", 20000) + "\r\n",
		"AUTH NONE\r\n" + base64d + "\r\n" + secret + "\r\n",
		"AUTH LOGIN\r\na2lt\r\n*\r\n" + secret + "\r\n" + base64d + "\r\n",
		"AUTH LOGIN\r\na2lt\r\n" + secret + "\r\n" + secret + "\r\n",
		"AUTH LOGIN\r\n" + strings.Repeat(secret, 2000) + "\r\n" + secret + "\r\n",
		"AUTH PLAIN\r\n" + base64d + "\n",
	}
	for _, options := range [][]string{{"accounts", "cleartext"}, {"accounts"}, {}} {
		for _, said := range tests {
			srv, _ := newServer(t, options...)
			var rec transcript.Recorder
			srv.Trace = rec.Trace
			c := hello(t, srv)
			c.say(said + "QUIT\r\n")
			for c.hear() != "" {
			}
			<-c.why
			noSecret(t, rec.Transcript(), secret)
		}
	}
}

// TestSecretsThatAFaultAsksFor: where a fault says 334 whatever is true, what the client answers is
// a response to it, and not to the server, which may wait for none any more.
func TestSecretsThatAFaultAsksFor(t *testing.T) {
	const secret, wrong = "tulip-tulip-37", "334 UGFzc3dvcmQ6"
	base64d := base64.StdEncoding.EncodeToString([]byte("\x00kim\x00" + secret))
	begins := map[string]string{
		"PLAIN, all at once": "AUTH PLAIN " + base64d + "\r\n",
		"PLAIN":              "AUTH PLAIN\r\n" + base64d + "\r\n",
		"LOGIN":              "AUTH LOGIN\r\na2lt\r\n" + base64.StdEncoding.EncodeToString([]byte(rightPassword)) + "\r\n",
		"no mechanism":       "AUTH NONE\r\n",
	}
	for fault, f := range map[string]smtpd.Fault{
		"reply": {Say: wrong}, "more": {More: wrong}, "garbage": {Say: wrong + "\r\n", Raw: true}, "yes, and more": {Say: "235 2.7.0 ok", More: wrong},
		"mute": {Mute: true}, "lines": {Say: wrong + "\n" + wrong},
	} {
		for begin, said := range begins {
			for _, options := range [][]string{{"accounts", "cleartext"}, {"accounts"}, {}} {
				for _, times := range []int{1, 100} {
					t.Run(fmt.Sprint(fault, "/", begin, "/", len(options), "/", times), func(t *testing.T) {
						srv, _ := newServer(t, options...)
						srv.Fault = func(_ *smtpd.Session, _ *smtpd.Transaction, at smtp.Stage, _ string) *smtpd.Fault {
							if at != smtp.StageAuth || times == 0 {
								return nil
							}
							times--
							return &f
						}
						var rec transcript.Recorder
						srv.Trace = rec.Trace
						c := hello(t, srv)
						c.say(said + base64d + "\r\n" + secret + "\r\nQUIT\r\n")
						for c.hear() != "" {
						}
						<-c.why
						noSecret(t, rec.Transcript(), secret)
					})
				}
			}
		}
	}
}
