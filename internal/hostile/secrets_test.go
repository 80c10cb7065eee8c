package hostile_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
	"github.com/parleymail/parley/transcript/slogtrace"
)

// The secret holds no four characters that come in anything else.
const secret = "Zq7#Xv9!Kw3$Yj5&"

// mechanisms are the eight, with the credentials that speak them alone.
var mechanisms = map[string]sasl.Credentials{
	"PLAIN":         sasl.Only("PLAIN", sasl.Password("kim", secret)),
	"LOGIN":         sasl.Only("LOGIN", sasl.Password("kim", secret)),
	"CRAM-MD5":      sasl.Only("CRAM-MD5", sasl.Password("kim", secret)),
	"SCRAM-SHA-1":   sasl.Only("SCRAM-SHA-1", sasl.Password("kim", secret)),
	"SCRAM-SHA-256": sasl.Only("SCRAM-SHA-256", sasl.Password("kim", secret)),
	"XOAUTH2":       sasl.Token("kim", sasl.FixedToken(secret)),
	"OAUTHBEARER":   sasl.Token("kim", sasl.FixedToken(secret)),
	"EXTERNAL":      sasl.External("kim"), // which has no secret, but is to fail in no other way
}

// An echo is what a server says of what it was told.
type echo func(line, decoded string) string

var echoes = map[string]echo{
	"nothing":  func(string, string) string { return "535 5.7.8 no" },
	"line":     func(line, _ string) string { return "535 5.7.8 what is " + line },
	"decoded":  func(_, decoded string) string { return "535 5.7.8 what is " + printable(decoded) },
	"quoted":   func(line, decoded string) string { return fmt.Sprintf("535 5.7.8 what is %q (%q)", line, decoded) },
	"password": func(string, string) string { return "535 5.7.8 the password " + secret + " is wrong" },
	"several lines": func(line, decoded string) string {
		return "535-" + line + "\r\n535-" + printable(decoded) + "\r\n535 " + secret
	},
	"junk":         func(line, _ string) string { return line },
	"a wrong code": func(line, decoded string) string { return "250 " + line + " " + printable(decoded) },
	"421":          func(line, _ string) string { return "421 4.7.0 " + line },
	"very long": func(line, _ string) string {
		return "535 " + strings.Repeat("y", 990) + line + strings.Repeat("y", 4000) + line
	},
	"cut short": func(line, _ string) string { return "535 what is " + line[:len(line)*2/3] },
}

func printable(s string) string {
	return strings.NewReplacer("\x00", " ", "\x01", " ", "\r", " ", "\n", " ").Replace(s)
}

// What a run shows to anybody, under the name of where.
type shown map[string]string

// A listener writes down all that can be made of a conversation.
type listener struct {
	events            []smtp.Event
	print, json, slog bytes.Buffer
	text              bytes.Buffer
	recorder          transcript.Recorder
}

func (l *listener) trace() func(smtp.Event) {
	sinks := []func(smtp.Event){
		transcript.Print(&l.print), transcript.JSON(&l.json), l.recorder.Trace,
		slogtrace.New(slog.New(slog.NewJSONHandler(&l.slog, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		slogtrace.New(slog.New(slog.NewTextHandler(&l.text, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		func(e smtp.Event) { l.events = append(l.events, e) },
	}
	return func(e smtp.Event) {
		for _, s := range sinks {
			s(e)
		}
	}
}

// all is everything that can be seen.
func (l *listener) all(client *smtp.Client, session *smtp.Session, err error) shown {
	client.Close() // so that nothing moves while it is looked at
	s := shown{"transcript.Print": l.print.String(), "transcript.JSON": l.json.String(), "slog JSON": l.slog.String(), "slog text": l.text.String()}
	record := l.recorder.Transcript()
	s["Transcript"] = record.String()
	b, _ := json.Marshal(record)
	s["Transcript, JSON"] = string(b)
	verbs := func(name string, v any) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			s[name+" "+verb] = fmt.Sprintf(verb, v)
		}
		if b, err := json.Marshal(v); err == nil {
			s[name+" JSON"] = string(b)
		}
	}
	verbs("client", client)
	verbs("credentials", client.Auth)
	if session != nil {
		verbs("session", session)
	}
	for i, e := range l.events {
		s[fmt.Sprint("event ", i)] = fmt.Sprintf("%+v %x", e, e.Line)
	}
	for i := 0; err != nil; i++ {
		verbs(fmt.Sprint("error ", i), err)
		s[fmt.Sprint("error text ", i)] = err.Error()
		if e, ok := err.(*smtp.Error); ok {
			s[fmt.Sprint("what was said ", i)] = fmt.Sprintf("%+v", e.Said)
			s[fmt.Sprint("transcript of ", i)] = transcript.Of(e).String()
			s[fmt.Sprint("reply ", i)] = e.Reply.String() + e.Reply.Text() + strings.Join(e.Reply.Lines, "\n")
		}
		err = errors.Unwrap(err)
	}
	return s
}

// A gate is a server that lets in by one mechanism, and keeps what it was told.
type gate struct {
	server    hostile.Server
	mechanism string
	echo      echo // nil: it lets in
	told      []string
	heard     []string // the same, decoded
}

func newGate(mechanism string, e echo) *gate {
	g := &gate{mechanism: mechanism, echo: e}
	g.server = hostile.Server{Offers: []string{"AUTH " + mechanism}, Auth: g.auth}
	return g
}

func (g *gate) auth(name string, initial []byte, ask func([]byte) ([]byte, error)) string {
	accounts := sasl.Users(map[string]string{"kim": secret})
	accounts.ClearText = true
	exchange, _ := accounts.Start(name, sasl.Channel{})
	response := initial
	for {
		if response != nil {
			g.told = append(g.told, base64.StdEncoding.EncodeToString(response))
			g.heard = append(g.heard, string(response))
		}
		done, challenge := response != nil, []byte(nil)
		if exchange != nil {
			var err error
			if challenge, done, err = exchange.Next(context.Background(), response); err != nil {
				return "535 no"
			}
		}
		last := len(g.told) > 0 && len(g.told) == map[string]int{"LOGIN": 2, "SCRAM-SHA-1": 2, "SCRAM-SHA-256": 2}[name] || len(g.told) == 1 && !strings.HasPrefix(name, "SCRAM") && name != "LOGIN"
		switch {
		case last && g.echo != nil:
			return g.echo("AUTH "+name+" "+g.told[len(g.told)-1], g.heard[len(g.heard)-1])
		case done:
			return "235 in"
		}
		var err error
		if response, err = ask(challenge); err != nil {
			return "501 no"
		}
	}
}

// forbidden is what nobody may see: the secret and its pieces, and what was made of
// it. A piece of base64 is looked for from eight characters on, for shorter ones
// come by chance.
func (g *gate) forbidden() []string {
	if g.mechanism == "EXTERNAL" {
		return nil
	}
	list := pieces(secret, 4)
	list = append(list, pieces(base64.StdEncoding.EncodeToString([]byte(secret)), 8)...)
	for i, told := range g.told {
		if strings.HasPrefix(g.mechanism, "SCRAM") && i != 1 || g.mechanism == "LOGIN" && i == 0 || g.mechanism == "EXTERNAL" {
			continue // the user name, and a nonce
		}
		list = append(list, told)
		switch {
		case g.mechanism == "CRAM-MD5":
			_, digest, _ := strings.Cut(g.heard[i], " ")
			list = append(list, pieces(digest, 10)...)
		case strings.HasPrefix(g.mechanism, "SCRAM"):
			_, proof, _ := strings.Cut(g.heard[i], ",p=")
			list = append(list, pieces(proof, 10)...)
		}
		// However much of the line it is cut down to, the secret is not in it.
		at := strings.Index(g.heard[i], secret)
		if at >= 0 {
			from := (at + 2) / 3 * 4
			list = append(list, pieces(told[from:], 8)...)
		}
	}
	for _, s := range slices.Clone(list) {
		list = append(list, fmt.Sprintf("%x", s), strings.Trim(fmt.Sprint([]byte(s)), "[]"))
	}
	return list
}

func pieces(s string, n int) (list []string) {
	for i := 0; i+n <= len(s); i++ {
		list = append(list, s[i:i+n])
	}
	return list
}

// spills gives where in what is shown a secret stands.
func (g *gate) spills(s shown) (where []string) {
	bad := g.forbidden()
	for name, text := range s {
		for _, b := range bad {
			if strings.Contains(text, b) {
				at := strings.Index(text, b)
				where = append(where, fmt.Sprintf("%s: ...%q...", name, text[max(0, at-40):min(len(text), at+60)]))
				break
			}
		}
	}
	slices.Sort(where)
	return where
}

// run holds the conversation, and gives what there is to be seen of it.
func (g *gate) run(f hostile.Fault) (s shown, length [2]int64, err error) {
	var l listener
	var over sync.WaitGroup
	client := &smtp.Client{Addr: "mx.test:25", Hello: "client.test", Security: smtp.Plaintext, Auth: mechanisms[g.mechanism], Trace: l.trace()}
	var line *hostile.Conn
	client.DialContext = func(context.Context, string, string) (net.Conn, error) {
		c, server := hostile.Pipe(f)
		line = c
		over.Go(func() { g.server.Serve(server) })
		return c, nil
	}
	session, err := client.Open(context.Background())
	if err == nil {
		_, err = session.Send(context.Background(), plain())
	}
	s = l.all(client, session, err)
	if session != nil {
		session.Close()
	}
	over.Wait()
	length[hostile.ToClient], length[hostile.ToServer] = line.Count()
	return s, length, err
}

// Whatever becomes of an exchange, and whatever the server makes of what it was
// told, no secret is in anything that anybody can see.
func TestSecretsAreNotShown(t *testing.T) {
	for mechanism := range mechanisms {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			runs := 0
			try := func(what string, e echo, f hostile.Fault) (length [2]int64) {
				runs++
				synctest.Test(t, func(t *testing.T) {
					g := newGate(mechanism, e)
					s, n, err := g.run(f)
					length = n
					if (e == nil && f.Kind == hostile.None) != (err == nil) {
						t.Errorf("%s: %v", what, err)
					}
					if where := g.spills(s); len(where) > 0 {
						t.Errorf("%s: %d places: %s", what, len(where), strings.Join(where[:min(len(where), 3)], "\n"))
					}
				})
				return length
			}
			length := try("success", nil, hostile.Fault{})
			for what, e := range echoes {
				try(what, e, hostile.Fault{})
			}
			for _, to := range []hostile.Side{hostile.ToClient, hostile.ToServer} {
				for at := int64(0); at < length[to]; at++ {
					if testing.Short() && at%7 != 0 {
						continue
					}
					f := hostile.Fault{Kind: []hostile.Break{hostile.Cut, hostile.Short, hostile.Reset}[at%3], To: to, At: at}
					try(f.String(), echoes["line"], f)
				}
			}
			t.Logf("%d conversations", runs)
		})
	}
}

// The password of a proxy, which stands in a field of its own, is not shown either.
func TestPasswordOfAProxyIsNotShown(t *testing.T) {
	client := &smtp.Client{Addr: "mx.test:25", Proxy: "socks5://kim:" + secret + "@127.0.0.1:1", Security: smtp.Plaintext}
	_, err := client.Send(t.Context(), plain())
	var l listener
	for where, text := range l.all(client, nil, err) {
		if strings.Contains(text, secret) {
			t.Errorf("%s: %s", where, text)
		}
	}
}
