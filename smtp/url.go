package smtp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/sasl"
)

// ParseURL reads how to reach a server from one line, as SMTP_URL holds it:
//
//	smtps://user:password@host[:465]    TLS from the first byte
//	smtp://user:password@host[:587]     STARTTLS
//	lmtp://host:port, lmtp:///path/of/a/socket
//
// Parameters follow as ?name=value&name=value:
//
//	tls          required (the default), opportunistic, none: see Security
//	auth         the one mechanism to use: plain, login, cram-md5, scram-sha-1, scram-sha-256,
//	             each of the last two with -plus, xoauth2, oauthbearer (the password is the token), external
//	ca           a file of CA certificates (PEM), in place of the system's
//	cert, key    files of a client certificate and its key (PEM)
//	fingerprint  SHA-256 of the server's certificate, in hex
//	hello        the name we go by
//	proxy        socks5://host:port or http://host:port
//	timeout      as in 30s: Client.Timeout
//
// A user name may hold an @ as it is: of all that stand before the host the last
// one counts. Other characters that mean something in a URL (: / ? # %) are
// written as %3A and so on. No error shows the password.
func ParseURL(s string) (*Client, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return nil, errors.New("an SMTP URL begins with smtps://, smtp:// or lmtp://")
	}
	c := new(Client)
	switch strings.ToLower(scheme) {
	case "smtps":
		c.Security = ImplicitTLS
	case "smtp":
		c.Security = StartTLS
	case "lmtp":
		c.LMTP = true
	default:
		// What stands there may be user:password of a URL without its scheme.
		return nil, errors.New("the scheme of an SMTP URL is smtps, smtp or lmtp")
	}
	if rest, _, ok = strings.Cut(rest, "#"); ok {
		return nil, errors.New("an SMTP URL has no #fragment; a # in the password is written %23")
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, hasPath := strings.Cut(rest, "/")
	if hasPath && strings.Contains(path, "@") {
		return nil, errors.New("a / stands before the @ of the SMTP URL; in a user name or password it is written %2F")
	}
	user, hasUser, err := c.parseAuthority(authority)
	if err != nil {
		return nil, err
	}
	if err := c.parsePath(authority, path); err != nil {
		return nil, err
	}
	if strings.Contains(query, "@") {
		return nil, errors.New("a ? stands before an @ in the SMTP URL; in a password it is written %3F, and in a parameter @ is written %40")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("the parameters of the SMTP URL are not name=value&name=value")
	}
	if err := c.parseParameters(values, user, hasUser); err != nil {
		return nil, err
	}
	return c, nil
}

// parseAuthority reads user:password@host:port.
func (c *Client) parseAuthority(authority string) (user *url.Userinfo, ok bool, err error) {
	// url.Parse refuses an unescaped @ in a user name: a mail address is one, and
	// the user name of most providers is a mail address.
	at := strings.LastIndexByte(authority, '@')
	c.Addr = authority[at+1:]
	if at < 0 {
		return nil, false, nil
	}
	name, password, hasPassword := strings.Cut(authority[:at], ":")
	if hasPassword && strings.Contains(password, ":") {
		return nil, false, errors.New("the SMTP URL has two : before the @; in a user name or password it is written %3A")
	}
	name, err1 := url.PathUnescape(name)
	password, err2 := url.PathUnescape(password)
	if err1 != nil || err2 != nil {
		return nil, false, errors.New("user or password of the SMTP URL has a % without two hex digits; a % itself is written %25")
	}
	return url.UserPassword(name, password), true, nil
}

// parsePath takes the socket of lmtp:///path; nothing else has a path.
func (c *Client) parsePath(authority, path string) error {
	switch {
	case path == "":
	case c.LMTP && authority == "":
		c.Addr = "/" + path
	default:
		return errors.New("an SMTP URL has no path after the host")
	}
	if c.Addr == "" {
		return errors.New("the SMTP URL names no host")
	}
	if strings.ContainsFunc(c.Addr, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return errors.New("the host of the SMTP URL holds a blank or a control character")
	}
	if c.Addr[0] == '/' {
		return nil
	}
	_, addr, _, err := c.target()
	if err != nil {
		// What stands there may be a piece of the password: it is not shown.
		return errors.New("the SMTP URL has no host or host:port where one is wanted; in a password / ? # % are written %2F %3F %23 %25")
	}
	c.Addr = addr
	return nil
}

func (c *Client) parseParameters(values url.Values, user *url.Userinfo, hasUser bool) error {
	for name, all := range values {
		if len(all) > 1 {
			return fmt.Errorf("the parameter %s stands twice in the SMTP URL", name)
		}
		if err := c.parseParameter(name, all[0]); err != nil {
			return err
		}
	}
	if cert, key := values.Get("cert"), values.Get("key"); cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("the parameters cert and key: %w", err)
		}
		c.tlsField().Certificates = []tls.Certificate{pair}
	}
	return c.parseAuth(strings.ToUpper(values.Get("auth")), user, hasUser)
}

func (c *Client) parseParameter(name, value string) (err error) {
	switch name {
	case "tls":
		err = c.parseSecurity(value)
	case "ca":
		var pem []byte
		if pem, err = os.ReadFile(value); err == nil {
			roots := x509.NewCertPool()
			if !roots.AppendCertsFromPEM(pem) {
				return fmt.Errorf("the file %q of the parameter ca has no certificate in PEM", value)
			}
			c.tlsField().RootCAs = roots
		}
	case "fingerprint":
		c.Fingerprint = value
		_, err = c.fingerprint()
	case "hello":
		if c.Hello = value; value != "" {
			_, err = c.name(nil)
		}
	case "proxy":
		c.Proxy = value
	case "timeout":
		if c.Timeout, err = time.ParseDuration(value); err == nil && c.Timeout <= 0 {
			err = errors.New("it must be positive")
		} else if err != nil {
			err = fmt.Errorf("%q is no time such as 30s", value)
		}
	case "auth", "cert", "key":
	default:
		return fmt.Errorf("%q is no parameter of an SMTP URL", name)
	}
	if err != nil {
		return fmt.Errorf("the parameter %s: %w", name, err)
	}
	return nil
}

func (c *Client) tlsField() *tls.Config {
	if c.TLS == nil {
		c.TLS = new(tls.Config)
	}
	return c.TLS
}

func (c *Client) parseSecurity(value string) error {
	switch {
	case value == "required" && strings.HasPrefix(c.Addr, "/"):
		c.Security = StartTLS
	case value == "required":
	case c.Security == ImplicitTLS:
		return fmt.Errorf("smtps:// is TLS from the first byte, and cannot be %s: use smtp://", strconv.Quote(value))
	case value == "opportunistic":
		c.Security = Opportunistic
	case value == "none":
		c.Security = Plaintext
	default:
		return fmt.Errorf("%q is not required, opportunistic or none", value)
	}
	return nil
}

// passwordMechanisms are those that take the URL's password as one.
var passwordMechanisms = []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}

func (c *Client) parseAuth(mechanism string, user *url.Userinfo, hasUser bool) error {
	if mechanism == "EXTERNAL" {
		identity := ""
		if hasUser {
			identity = user.Username()
		}
		c.Auth = sasl.External(identity)
		return nil
	}
	if !hasUser {
		if mechanism != "" {
			return fmt.Errorf("the parameter auth asks for %s, and the SMTP URL has no user:password@", mechanism)
		}
		return nil
	}
	password, _ := user.Password()
	switch {
	case password == "":
		return errors.New("the SMTP URL has a user and no password")
	case mechanism == "":
		c.Auth = sasl.Password(user.Username(), password)
	case slices.Contains(passwordMechanisms, mechanism):
		c.Auth = sasl.Only(mechanism, sasl.Password(user.Username(), password))
	case mechanism == "XOAUTH2" || mechanism == "OAUTHBEARER":
		c.Auth = sasl.Only(mechanism, sasl.Token(user.Username(), sasl.FixedToken(password)))
	default:
		return fmt.Errorf("the parameter auth: %q is no mechanism that we know", mechanism)
	}
	return nil
}
