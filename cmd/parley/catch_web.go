package main

import (
	"context"
	"errors"
	"os"

	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/web"
)

// readWebUsers reads who may see the pages.
func (c *catcher) readWebUsers() error {
	name := c.flags.webUsers
	if c.flags.http == "" || name == "" {
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		return &usageError{"--web-users: " + err.Error()}
	}
	defer file.Close()
	if c.webUsers, err = web.ReadUsers(file); err != nil {
		return &usageError{"--web-users: " + name + ": " + err.Error()}
	}
	return nil
}

// listenWeb opens the port of the pages. Other machines reach them only where there are users, and over TLS.
func (c *catcher) listenWeb() error {
	f := c.flags
	if f.http == "" {
		return nil
	}
	door := web.Door{Addr: proxy.ListenAddr(f.http), Login: c.webUsers != nil, Proxied: f.behindProxy}
	if f.https {
		door.TLS = c.server.TLS
	}
	l, err := door.Listen()
	switch {
	case errors.Is(err, web.ErrOpen):
		return &usageError{c.u.say(wordCatchOpenDoor, f.http)}
	case errors.Is(err, web.ErrClear):
		return &usageError{c.u.say(wordCatchClearDoor, f.http)}
	case err != nil:
		return c.u.portError("--http", f.http, err)
	}
	c.pages = l
	return nil
}

// serveWeb makes the pages.
func (c *catcher) serveWeb(ctx context.Context) error {
	f := c.flags
	if c.pages == nil {
		return nil
	}
	s := &web.Server{
		Inbox: c.store, Faults: c.faults, Forwarder: c.forwarder, Users: c.webUsers, Hosts: f.host, Addr: c.pages.Addr().String(),
		SMTPURL: c.smtpURL(), STARTTLS: !c.server.WithoutSTARTTLS, Version: version(),
	}
	for _, one := range []string{addrOf(c.plain), addrOf(c.implicit)} {
		if one != "" {
			s.SMTP = append(s.SMTP, one)
		}
	}
	for _, target := range f.webhook {
		s.Webhooks = append(s.Webhooks, web.Webhook{URL: target, Secret: c.u.env("PARLEY_WEBHOOK_SECRET")})
	}
	handler, err := s.Handler(ctx)
	if err != nil {
		return err
	}
	c.pageServer = web.HTTPServer(handler)
	return nil
}

// pageURL is where a browser on this machine finds the pages; empty for none.
func (c *catcher) pageURL() string {
	if c.pages == nil {
		return ""
	}
	if c.flags.https {
		return "https://" + reachableBy(c.pages)
	}
	return "http://" + reachableBy(c.pages)
}
