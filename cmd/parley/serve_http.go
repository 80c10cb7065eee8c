package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"

	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/web"
	"github.com/parleymail/parley/web/pages"
)

// httpAddr is where --http, or the file, has us listen; empty for nowhere.
func (s *serving) httpAddr() string {
	addr := s.flags.http
	if addr == "" && s.file != nil {
		addr = s.file.HTTP
	}
	return proxy.ListenAddr(addr)
}

// listenHTTP opens the port of --http. One that other machines reach speaks TLS, by the certificate that holds when a client comes: that it has
// one, and that there are users, was looked at before (relay.Config.HTTP).
func (s *serving) listenHTTP() error {
	addr := s.httpAddr()
	if addr == "" {
		return nil
	}
	_, guest := s.relay.Guest()
	door := web.Door{Addr: addr, Login: !guest}
	l, err := door.Listen()
	if errors.Is(err, web.ErrClear) {
		door.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			now := s.tls.Load()
			if now == nil {
				return nil, errors.New("there is no certificate any more")
			}
			now = now.Clone()
			now.NextProtos = []string{"http/1.1"}
			return now, nil
		}}
		l, err = door.Listen()
		s.scheme = "https://"
	}
	if err != nil {
		return s.u.portError("--http", addr, err)
	}
	s.web = l
	queue, err := pages.NewQueue(pages.QueueConfig{Box: s.box, Relay: s.relay, Version: version()})
	if err != nil {
		return err
	}
	s.pages = queue.Routes()
	return nil
}

func (s *serving) httpServer(ctx context.Context) *http.Server {
	r := &web.Relay{
		Relay: s.relay, Box: s.box, Addr: s.web.Addr().String(), Ready: s.ready,
		Pages: s.pages,
	}
	server := web.HTTPServer(r.Handler(ctx))
	server.ErrorLog = slog.NewLogLogger(s.log().Handler(), slog.LevelWarn)
	return server
}

var errNotAtWork = errors.New("not at work")

// ready is whether mail would be taken.
func (s *serving) ready(ctx context.Context) error {
	if s.life.Load() != 1 {
		return errNotAtWork
	}
	return s.relay.Ready(ctx)
}
