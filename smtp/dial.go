package smtp

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// target is where a Client's Addr leads: the network, the address with its port,
// and the host that a certificate must name.
func (c *Client) target() (network, addr, host string, err error) {
	if c.Addr == "" {
		return "", "", "", errors.New("no address: set Client.Addr")
	}
	if strings.ContainsAny(c.Addr, "\r\n\x00") {
		return "", "", "", fmt.Errorf("the address %q holds a control character", c.Addr)
	}
	if strings.HasPrefix(c.Addr, "/") {
		return "unix", c.Addr, "localhost", nil
	}
	if strings.ContainsFunc(c.Addr, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		// It is said to a proxy as it is; and no resolver that we know takes more.
		return "", "", "", fmt.Errorf("the address %q holds a blank, a control character or what is not ASCII; a domain in another script is written xn--", c.Addr)
	}
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		if a, ok := errors.AsType[*net.AddrError](err); !ok || a.Err != "missing port in address" {
			return "", "", "", fmt.Errorf("the address %q is not host:port", c.Addr)
		}
		host = strings.Trim(c.Addr, "[]")
		switch {
		case c.LMTP:
			return "", "", "", fmt.Errorf("the address %q has no port, and LMTP has no usual one", c.Addr)
		case c.Security == ImplicitTLS:
			port = "465"
		default:
			port = "587"
		}
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", "", "", fmt.Errorf("the port of the address %q is not a number from 1 to 65535", c.Addr)
	}
	if host == "" {
		return "", "", "", fmt.Errorf("the address %q names no host", c.Addr)
	}
	return "tcp", net.JoinHostPort(host, port), host, nil
}

// security is what Automatic means for an address.
func (c *Client) security(network, addr string) Security {
	if c.Security != Automatic {
		return c.Security
	}
	switch {
	case network == "unix":
		return Plaintext // no wire that anybody could listen at
	case strings.HasSuffix(addr, ":465"):
		return ImplicitTLS
	}
	return StartTLS
}

// dial makes the connection.
func (c *Client) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.wait(StageDial))
	defer cancel()
	if c.DialContext != nil {
		return c.DialContext(ctx, network, addr)
	}
	direct := &net.Dialer{LocalAddr: c.LocalAddr}
	if c.Proxy == "" || network == "unix" {
		return direct.DialContext(ctx, network, addr)
	}
	u, err := c.proxy()
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" {
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
	return connect(ctx, direct, u, addr)
}

// proxy is the Client's, looked through.
func (c *Client) proxy() (*url.URL, error) {
	u, err := url.Parse(c.Proxy)
	if err != nil || u.Host == "" || u.Scheme != "socks5" && u.Scheme != "socks5h" && u.Scheme != "http" {
		// The error of url.Parse would show a password.
		return nil, errors.New("Client.Proxy is not socks5://host:port or http://host:port")
	}
	return u, nil
}

// connect asks an HTTP proxy for a tunnel: RFC 9110 §9.3.6. net/http would do it
// too, and be linked by every program that sends mail.
func connect(ctx context.Context, d *net.Dialer, u *url.URL, addr string) (_ net.Conn, err error) {
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("the proxy: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() && err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			conn.Close()
		}
	}()
	request := "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\n"
	if u.User != nil {
		password, _ := u.User.Password()
		request += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return nil, fmt.Errorf("asking the proxy: %w", err)
	}
	status, err := readTunnel(conn)
	if err != nil {
		return nil, fmt.Errorf("the proxy's answer: %w", err)
	}
	if code, _, _ := strings.Cut(status, " "); len(code) != 3 || code[0] != '2' {
		return nil, fmt.Errorf("the proxy said %q", excerpt([]byte(status)))
	}
	return conn, nil
}

// readTunnel reads a proxy's answer and gives its status. The server speaks
// first: what follows the answer is its greeting, and must not be lost in a
// buffer. So the answer is read octet by octet.
func readTunnel(r io.Reader) (status string, err error) {
	var answer []byte
	var octet [1]byte
	for !bytes.HasSuffix(answer, []byte("\r\n\r\n")) {
		if len(answer) == maxReply {
			return "", errors.New("it has no end")
		}
		if _, err := io.ReadFull(r, octet[:]); err != nil {
			return "", err
		}
		answer = append(answer, octet[0])
	}
	line, _, _ := bytes.Cut(answer, []byte("\r\n"))
	version, status, _ := strings.Cut(string(line), " ")
	if !strings.HasPrefix(version, "HTTP/1.") {
		return "", fmt.Errorf("%q is not HTTP", excerpt(line))
	}
	return status, nil
}
