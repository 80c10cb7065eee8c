package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// A zone is what the DNS says of a domain that is not ours.
type zone struct {
	mx  []string
	srv map[string]*net.SRV
}

func (z zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	if len(z.mx) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	list := make([]*net.MX, len(z.mx))
	for i, host := range z.mx {
		list[i] = &net.MX{Host: host, Pref: uint16(i)}
	}
	return list, nil
}

func (z zone) LookupSRV(_ context.Context, service, _, name string) (string, []*net.SRV, error) {
	if r := z.srv[service]; r != nil {
		return "", []*net.SRV{r}, nil
	}
	return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// TestInitFinds goes from an address to a server, by who takes the domain's mail, by what
// the domain says, and by the usual names. Nothing but the names is made up: behind each
// address of the table stands a real server.
func TestInitFinds(t *testing.T) {
	users := map[string]string{"kim@firm.example": "sesame"}
	implicit := (&smtptest.Server{Security: smtp.ImplicitTLS, Users: users}).Start(t)
	starttls := (&smtptest.Server{Security: smtp.StartTLS, Users: users}).Start(t)
	plain := (&smtptest.Server{Security: smtp.Plaintext, Users: users}).Start(t)
	noAuth := (&smtptest.Server{Security: smtp.StartTLS}).Start(t)
	for _, c := range []struct {
		name    string
		zone    zone
		servers map[string]*smtptest.Server
		url     string   // in the file; empty: none is found
		told    []string // on standard error
	}{
		{"by MX", zone{mx: []string{"mxbiz1.qq.com."}}, map[string]*smtptest.Server{"smtp.exmail.qq.com:465": implicit},
			"smtps://kim@firm.example@smtp.exmail.qq.com", []string{"mail for firm.example is taken by mxbiz1.qq.com, which belongs to Tencent Exmail"}},
		{"by MX, the other port", zone{mx: []string{"mxbiz1.qq.com."}}, map[string]*smtptest.Server{"smtp.exmail.qq.com:587": starttls},
			"smtp://kim@firm.example@smtp.exmail.qq.com", []string{"connection refused", "trying smtp://smtp.exmail.qq.com"}},
		{"by SRV", zone{srv: map[string]*net.SRV{"submissions": {Target: "out.firm.example.", Port: 4465}}}, map[string]*smtptest.Server{"out.firm.example:4465": implicit, "smtp.firm.example:587": starttls},
			"smtps://kim@firm.example@out.firm.example:4465", []string{"tried out.firm.example:4465: it answers"}},
		{"by name", zone{mx: []string{"mx.elsewhere.example."}}, map[string]*smtptest.Server{"smtp.firm.example:465": plain, "mail.firm.example:587": starttls},
			"smtp://kim@firm.example@mail.firm.example", []string{"and whose that is is not known", "tried smtp.firm.example:465: ", "tried smtp.firm.example:587: ", "tried mail.firm.example:587: it answers"}},
		{"its MX is its server", zone{mx: []string{"mx1.firm.example."}}, map[string]*smtptest.Server{"mx1.firm.example:465": implicit},
			"smtps://kim@firm.example@mx1.firm.example", nil},
		{"none that may have a password", zone{}, map[string]*smtptest.Server{"smtp.firm.example:587": plain, "mail.firm.example:587": noAuth},
			"", []string{"tried mail.firm.example:587: it offers no AUTH", "no server was found for firm.example"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "config.toml")
			var out, told bytes.Buffer
			u := newUI(system{in: strings.NewReader("sesame\n"), out: &out, err: &told, environ: []string{"PARLEY_CONFIG=" + path}}, "parley", english)
			s := &setup{u: u, f: new(initFlags), ask: u.asker(), net: c.zone, dial: func(client *smtp.Client, ctx context.Context) (*smtp.Session, error) {
				reroute(client, c.servers)
				return client.Open(ctx)
			}}
			code := s.run(t.Context(), "Kim <kim@firm.example>")
			text, _ := os.ReadFile(path)
			if c.url == "" && (code != exitUsage || text != nil) || c.url != "" && (code != 0 || !strings.Contains(string(text), `"`+c.url+`"`)) {
				t.Errorf("%d\n%s\n%s", code, &told, text)
			}
			for _, want := range c.told {
				if !strings.Contains(told.String(), want) {
					t.Errorf("it does not say %q\n%s", want, &told)
				}
			}
			if strings.Contains(told.String()+out.String()+string(text), "sesame") {
				t.Errorf("a secret is shown\n%s%s%s", &told, &out, text)
			}
		})
	}
}

// reroute has a client reach the test's servers by names that are not theirs.
func reroute(client *smtp.Client, servers map[string]*smtptest.Server) {
	if s := servers[client.Addr]; s != nil && s.Client().TLS != nil {
		client.TLS = &tls.Config{RootCAs: s.Client().TLS.RootCAs, ServerName: "localhost"}
	}
	client.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if s := servers[addr]; s != nil {
			return (&net.Dialer{}).DialContext(ctx, network, s.Addr())
		}
		for known := range servers {
			if hostOf(known) == hostOf(addr) && known != addr {
				return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:1") // nobody listens
			}
		}
		return nil, &net.DNSError{Err: "no such host", Name: hostOf(addr), IsNotFound: true}
	}
}
