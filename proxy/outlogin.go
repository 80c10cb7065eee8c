package proxy

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"

	"golang.org/x/net/proxy"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// login proves who we are, in the program's place: RFC 4954.
func (o *opening) login() *smtp.Error {
	creds := o.s.p.To.Auth
	if creds == nil {
		return nil
	}
	t := o.s.tap
	if o.route.security == smtp.Opportunistic && !t.remoteTLS {
		return authError(smtp.Insecure, errors.New("credentials are not sent in clear text unless that is asked for"))
	}
	if len(o.auth) == 0 {
		return authError(smtp.Unsupported, errors.New("the server offers no AUTH, and credentials were given"))
	}
	ch := sasl.Channel{Host: o.route.host}
	if _, port, err := net.SplitHostPort(o.route.addr); err == nil {
		ch.Port, _ = strconv.Atoi(port)
	}
	if conn, ok := o.s.conn(Provider).(*tls.Conn); ok {
		state := conn.ConnectionState()
		ch.TLS = &state
	}
	mech, err := creds.Choose(o.s.ctx, o.auth, ch)
	if _, ok := errors.AsType[*sasl.OfferError](err); ok {
		return authError(smtp.Unsupported, err)
	}
	if err != nil {
		return authError(smtp.Unauthorized, err)
	}
	return o.exchange(mech)
}

func authError(kind smtp.Kind, err error) *smtp.Error {
	return &smtp.Error{Kind: kind, Stage: smtp.StageAuth, Err: err}
}

// maxChallenges is far more than any mechanism has; a hostile server has more.
const maxChallenges = 16

// exchange answers the provider's challenges until it has made up its mind.
func (o *opening) exchange(mech sasl.Mechanism) *smtp.Error {
	secrets := &o.s.tap.secrets
	initial, err := mech.Next(o.s.ctx, nil)
	secrets.AddAll(mech.Secrets())
	if err != nil {
		return authError(smtp.Unauthorized, err)
	}
	line := "AUTH " + mech.Name()
	switch {
	case initial == nil:
	case len(initial) == 0:
		line += " ="
	default:
		line += " " + o.encoded(initial)
	}
	for range maxChallenges {
		r, e := o.ask(smtp.StageAuth, line)
		switch {
		case e != nil:
			return e
		case r.Code == 235:
			if err := mech.Outcome(true); err != nil {
				return authError(smtp.Insecure, err)
			}
			o.s.tap.loggedIn = true
			o.s.note("logged in at the provider by " + mech.Name())
			return nil
		case r.Code != 334:
			e := refusal(smtp.StageAuth, r)
			e.Err = mech.Outcome(false)
			return e
		}
		challenge, err := o.challenge(mech)
		if err == nil {
			initial, err = mech.Next(o.s.ctx, challenge)
		}
		secrets.AddAll(mech.Secrets())
		if err != nil {
			o.ask(smtp.StageAuth, "*") // RFC 4954 §4
			return authError(smtp.Unauthorized, err)
		}
		line = o.encoded(initial)
	}
	return authError(smtp.Garbled, fmt.Errorf("the server is not satisfied after %d challenges", maxChallenges))
}

// challenge is what the provider wants an answer to; not nil, though it be empty.
func (o *opening) challenge(mech sasl.Mechanism) ([]byte, error) {
	challenge, err := base64.StdEncoding.DecodeString(o.heard)
	switch {
	case err == nil:
		return append([]byte{}, challenge...), nil
	case mech.Name() == "LOGIN": // QUIRK: some servers ask in plain text, "334 Username:"
		return []byte(o.heard), nil
	}
	return nil, errors.New("the server's challenge is not base64")
}

// encoded is a response as it is said. From then on it is looked for in all that
// either side says.
func (o *opening) encoded(response []byte) string {
	text := base64.StdEncoding.EncodeToString(response)
	o.s.tap.secrets.heard("", 0, text)
	return text
}

// through dials by way of a SOCKS5 proxy.
func through(at string, direct *net.Dialer) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		u, err := url.Parse(at)
		if err != nil || u.Scheme != "socks5" && u.Scheme != "socks5h" {
			// The error of url.Parse would show a password.
			return nil, errors.New("to the provider through a proxy: only socks5://host:port is known here")
		}
		var auth *proxy.Auth
		if u.User != nil {
			password, _ := u.User.Password()
			auth = &proxy.Auth{User: u.User.Username(), Password: password}
		}
		d, err := proxy.SOCKS5("tcp", u.Host, auth, direct)
		if err != nil {
			return nil, err
		}
		return d.(proxy.ContextDialer).DialContext(ctx, network, addr)
	}
}
