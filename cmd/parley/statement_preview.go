package main

import (
	"cmp"
	"context"
	"os/exec"
	"time"

	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/statement"
	"github.com/parleymail/parley/web"
)

// statementPreview is "parley statement preview".
func (u *ui) statementPreview(ctx context.Context, f *statementFlags) (int, error) {
	f.leave = true // nothing is sent
	j, end, err := u.openStatement(ctx, f, true)
	if err != nil {
		return 0, err
	}
	defer end()
	handler, err := j.Preview(ctx, cmp.Or(max(f.sample, 0), 12))
	if err != nil {
		return 0, err
	}
	addr := proxy.ListenAddr(cmp.Or(f.http, "127.0.0.1:8028"))
	l, err := web.Door{Addr: addr}.Listen()
	if err != nil {
		return 0, u.portError("--http", addr, err)
	}
	const patience = 2 * time.Second
	return exitTaken, serveBeside(l, web.HTTPServer(handler), patience, func() error {
		if page := "http://" + reachableBy(l); f.json {
			u.printJSON(struct {
				Event string `json:"event"`
				HTTP  string `json:"http"`
			}{"listening", page})
		} else {
			u.print(u.say(wordStatementPreviewing, page))
		}
		<-ctx.Done()
		return nil
	})
}

// withRenderer gives a mailing the browser that prints its pages, if this machine has one. What is returned ends it.
func (u *ui) withRenderer(c *statement.Config) func() {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"} {
		if path, err := exec.LookPath(name); err == nil {
			b := &statement.Browser{Path: path}
			c.Renderer = b
			return func() { b.Close() } //nolint:errcheck // it ends
		}
	}
	return func() {}
}
