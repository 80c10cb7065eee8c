package main

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parleymail/parley/proxy"
)

// proxyFlags are the values of all that "parley proxy" can be told.
type proxyFlags struct {
	listen, to                    string
	passwordFile, passwordCommand string
	noLogin, acceptLogin          bool
	implicit, starttls, blind     bool
	cert, key, saveCert           string
	without                       []string
	allowNetwork                  bool
	transcript                    string
	json                          bool
	timeout                       time.Duration
	maxSessions                   int
}

// proxyCommand is "parley proxy".
func (a *app) proxyCommand() *cobra.Command {
	f := new(proxyFlags)
	cmd := &cobra.Command{
		Use:   "proxy [FLAG...] --to SERVER",
		Short: a.ui.say(wordProxyShort),
		Long:  a.ui.say(wordProxyLong),
		Args:  a.noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.exit = a.ui.proxy(cmd.Context(), f)
			return nil
		},
	}
	f.define(cmd.Flags())
	a.describe(cmd, proxyWords)
	return cmd
}

// define makes the flags. What is said of them stands in proxyWords.
func (f *proxyFlags) define(set *pflag.FlagSet) {
	set.StringVar(&f.listen, "listen", ":2525", "")
	set.StringVar(&f.to, "to", "", "")
	set.StringVar(&f.passwordFile, "password-file", "", "")
	set.StringVar(&f.passwordCommand, "password-command", "", "")
	set.BoolVar(&f.noLogin, "no-login", false, "")
	set.BoolVar(&f.acceptLogin, "accept-login", false, "")
	set.BoolVar(&f.implicit, "implicit", false, "")
	set.BoolVar(&f.starttls, "starttls", false, "")
	set.BoolVar(&f.blind, "blind", false, "")
	set.StringVar(&f.cert, "cert", "", "")
	set.StringVar(&f.key, "key", "", "")
	set.StringVar(&f.saveCert, "save-cert", "", "")
	set.StringSliceVar(&f.without, "without", nil, "")
	set.BoolVar(&f.allowNetwork, "allow-network", false, "")
	set.StringVar(&f.transcript, "transcript", "", "")
	set.BoolVar(&f.json, "json", false, "")
	set.DurationVar(&f.timeout, "timeout", 0, "")
	set.IntVar(&f.maxSessions, "max-sessions", 0, "")
}

// proxy runs until it is told to end, and gives the exit code.
func (u *ui) proxy(ctx context.Context, f *proxyFlags) int {
	v, err := u.newProxyView(ctx, f)
	if err == nil {
		err = v.run(ctx)
	}
	if err == nil {
		return exitTaken
	}
	return u.finish(new(result), err, "", f.json)
}

// newProxyView settles what the flags mean.
func (u *ui) newProxyView(ctx context.Context, f *proxyFlags) (*proxyView, error) {
	to, err := u.proxyTo(ctx, f)
	if err != nil {
		return nil, err
	}
	v := &proxyView{u: u, flags: f, user: to.user, open: make(map[uint64]*proxySession)}
	v.proxy = &proxy.Proxy{
		To: to.client, Implicit: f.implicit, OfferTLS: f.starttls, AcceptLogin: f.acceptLogin, Blind: f.blind,
		Without: f.without, AllowNetwork: f.allowNetwork, Timeout: f.timeout, MaxSessions: f.maxSessions,
		Trace: v.trace, Explain: v.explain,
	}
	if v.proxy.TLS, err = u.proxyTLS(f); err != nil {
		return nil, err
	}
	switch {
	case f.blind && f.starttls:
		return nil, &usageError{u.say(wordProxyBoth, "--blind", "--starttls")}
	case f.implicit && f.starttls:
		return nil, &usageError{u.say(wordProxyBoth, "--implicit", "--starttls")}
	case f.acceptLogin && to.client.Auth == nil:
		return nil, &usageError{u.say(wordProxyAcceptAlone)}
	case f.saveCert != "" && f.cert != "":
		return nil, &usageError{u.say(wordProxyBoth, "--save-cert", "--cert")}
	}
	if f.transcript != "" {
		if err := os.MkdirAll(f.transcript, 0o700); err != nil {
			return nil, &usageError{"--transcript: " + err.Error()}
		}
	}
	return v, nil
}

// proxyTo is the provider. Without --no-login its user is logged in.
func (u *ui) proxyTo(ctx context.Context, f *proxyFlags) (*server, error) {
	if f.to == "" && u.env("SMTP_URL") == "" {
		if file, err := u.config(); err == nil && len(file.Servers) == 0 {
			return nil, &usageError{u.say(wordProxyNoServer)}
		}
	}
	s, err := u.resolve(ctx, wanted{
		text: f.to, flag: "--to", passwordFile: f.passwordFile, passwordCommand: f.passwordCommand, in: &stdin{r: u.in},
		withoutPassword: f.noLogin, bare: f.noLogin,
	})
	if err != nil {
		return nil, err
	}
	if _, info, _ := splitURL(f.to); strings.Contains(info, ":") {
		u.warn(wordProxyPasswordInFlag)
	}
	if f.noLogin {
		s.client.Auth, s.user = nil, ""
	}
	return s, nil
}

// proxyTLS is the certificate that was given.
func (u *ui) proxyTLS(f *proxyFlags) (*tls.Config, error) {
	switch {
	case f.cert == "" && f.key == "":
		return nil, nil
	case f.cert == "" || f.key == "":
		return nil, &usageError{u.say(wordProxyCertAndKey)}
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, &usageError{"--cert, --key: " + err.Error()}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// run listens, says how a program is pointed here, and stays until it is told to
// end.
func (v *proxyView) run(ctx context.Context) error {
	l, err := net.Listen("tcp", proxy.ListenAddr(v.flags.listen))
	if err != nil {
		return &usageError{"--listen: " + err.Error()}
	}
	if v.proxy.To.Auth != nil && !v.flags.allowNetwork && !proxy.IsLoopback(l.Addr()) {
		l.Close()
		return &usageError{v.u.say(wordProxyOpenRelay, l.Addr())}
	}
	if !proxy.IsLoopback(l.Addr()) {
		v.u.warn(wordProxyNetwork, l.Addr())
	}
	if err := v.saveCertificate(); err != nil {
		l.Close()
		return err
	}
	served := make(chan error, 1)
	v.title(l.Addr())
	go func() { served <- v.proxy.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	// A mail that is under way may still get through.
	grace, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	v.proxy.Shutdown(grace)
	if err := <-served; !errors.Is(err, proxy.ErrClosed) {
		return err
	}
	v.over()
	return nil
}

// saveCertificate writes the certificate that programs are to trust.
func (v *proxyView) saveCertificate() error {
	if v.flags.saveCert == "" {
		return nil
	}
	cert, err := v.proxy.Certificate()
	if err != nil {
		return err
	}
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	if err := os.WriteFile(v.flags.saveCert, data, 0o644); err != nil {
		return &usageError{"--save-cert: " + err.Error()}
	}
	return nil
}

// tryURL is how our own send reaches the proxy.
func (v *proxyView) tryURL(addr string) string {
	u := url.URL{Scheme: "smtp", Host: addr, RawQuery: "tls=none"}
	if v.flags.implicit {
		u.Scheme, u.RawQuery = "smtps", "ca="+url.QueryEscape(v.flags.saveCert)
	}
	return u.String()
}
