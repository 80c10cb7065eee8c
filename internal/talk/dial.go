package talk

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// Dial connects to the server that client leads to, and has a conversation with it. Of
// client it takes the address, how to get there, and what certificates are judged by.
// With secure it begins with TLS; without, whether there ever is any is up to who talks.
func Dial(ctx context.Context, client *smtp.Client, secure bool, options Options) (*Conversation, error) {
	network, addr := "tcp", client.Addr
	if strings.HasPrefix(addr, "/") {
		network, options.Host = "unix", "localhost"
	} else if host, _, err := net.SplitHostPort(addr); err != nil {
		return nil, &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageDial, Err: err}
	} else if options.Host == "" {
		options.Host = host
	}
	if client.Proxy != "" && client.DialContext == nil {
		return nil, &smtp.Error{Kind: smtp.Invalid, Stage: smtp.StageDial, Err: errors.New("talk goes straight to the server: it knows no proxy")}
	}
	dial := client.DialContext
	if dial == nil {
		dial = (&net.Dialer{LocalAddr: client.LocalAddr}).DialContext
	}
	conn, err := dial(ctx, network, addr)
	if err != nil {
		e := &smtp.Error{Kind: smtp.Unreachable, Stage: smtp.StageDial, Err: err}
		if ctx.Err() != nil {
			e.Kind, e.Err = smtp.Interrupted, context.Cause(ctx)
		}
		return nil, e
	}
	options.TLS, options.Fingerprint = client.TLS, client.Fingerprint
	return Converse(ctx, conn, secure, options)
}
