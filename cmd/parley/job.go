package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/web"
)

// What the commands of the three jobs have in common: statement, alert, digest.

// jobRouter knows the servers that take a job's mails: the first of the names, and those for when it cannot be had. Of no names it is the default of
// the file of servers, or SMTP_URL. lane makes of each, which is the i-th, what the router is to know of it.
func (u *ui) jobRouter(ctx context.Context, names []string, flag string, lane func(i int, s *server) route.Server) (*route.Router, error) {
	if len(names) == 0 {
		names = []string{""}
	}
	var table route.Table
	for i, name := range names {
		s, err := u.resolve(ctx, wanted{text: name, flag: flag})
		if err != nil {
			return nil, err
		}
		one := lane(i, s)
		one.Client, one.Account = s.client, s.user
		table.Servers = append(table.Servers, one)
		table.Default = append(table.Default, one.Name)
	}
	router, err := route.New(table)
	if err != nil {
		return nil, u.serveError(err)
	}
	return router, nil
}

// laneName is a server's name, or one for the i-th that has none.
func laneName(i int, s *server) string {
	switch {
	case s.name != "":
		return s.name
	case i == 0:
		return "server"
	}
	return "server" + strconv.Itoa(1+i%9)
}

// jobLog is where that goes which can be said to nobody: standard error, a line each.
func (u *ui) jobLog(verbose, json bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelInfo
	}
	if json {
		return slog.New(slog.NewJSONHandler(u.err, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(slog.NewTextHandler(u.err, &slog.HandlerOptions{Level: level}))
}

// jobFileError has each thing that is wrong with a job's file on a line of its own.
func (u *ui) jobFileError(job string, err error) error {
	if errors.As(err, new(*adviceError)) {
		return err
	}
	lines := strings.Split(strings.ReplaceAll(err.Error(), job+": ", ""), "\n")
	for _, l := range lines[:len(lines)-1] {
		u.tell(l)
	}
	return &usageError{lines[len(lines)-1]}
}

// A jobPort is where a job is reached by HTTP.
type jobPort struct {
	addr             string
	proxied          bool   // something before it speaks TLS
	certificate, key string // files of PEM; empty: clear text
	open             text   // what is said of an address that other machines reach in clear text
}

// listen opens it. Everybody may come in, and what is there looks who they are; what other machines reach speaks TLS, or has a proxy before it that does.
func (p jobPort) listen(u *ui) (l net.Listener, scheme string, err error) {
	door, scheme := web.Door{Addr: proxy.ListenAddr(p.addr), Login: true, Proxied: p.proxied}, "http://"
	if p.certificate != "" || p.key != "" {
		pair, err := tls.LoadX509KeyPair(p.certificate, p.key)
		if err != nil {
			return nil, "", &usageError{"tls: " + err.Error()}
		}
		door.TLS, scheme = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, "https://"
	}
	l, err = door.Listen()
	switch {
	case errors.Is(err, web.ErrClear):
		return nil, "", &usageError{u.say(p.open, p.addr)}
	case err != nil:
		return nil, "", u.portError("--http", p.addr, err)
	}
	return l, scheme, nil
}

// httpPatience is how long requests that are under way are waited for at the end.
const httpPatience = 5 * time.Second

// serveBeside answers requests while something runs.
func serveBeside(l net.Listener, server *http.Server, patience time.Duration, run func() error) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(l) //nolint:errcheck // it ends when it is closed
	}()
	err := run()
	endHTTP(server, patience)
	<-ended
	return err
}

// endHTTP lets requests that are under way come to their end.
func endHTTP(server *http.Server, patience time.Duration) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if server.Shutdown(ctx) != nil {
		server.Close() //nolint:errcheck // it ends
	}
}
