package relay

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/parleymail/parley/internal/config"
	"github.com/parleymail/parley/route"
)

// routes makes a client of each server that a rule names, or that stands in the file.
func (l *loading) routes() {
	d := l.d
	l.c.Routes.Rules, l.c.Routes.Default, l.c.Routes.MX = d.Rule, d.Default, d.MX
	names := l.f.servers.Names()
	stands := make(map[string]string) // where each is named first
	add := func(at string, list []string) {
		for _, place := range list {
			for word := range strings.FieldsSeq(place) {
				name, _, _ := strings.Cut(word, ":")
				if name != "mx" && !slices.Contains(names, name) {
					names, stands[name] = append(names, name), at
				}
			}
		}
	}
	add("default", d.Default)
	for i, r := range d.Rule {
		add(fmt.Sprintf("rule.%d.servers", i), r.Servers)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Server)) {
		add("server."+name, []string{name})
	}
	var ordinary *config.File
	for _, name := range names {
		s, ok := l.f.servers.Server(name)
		if !ok {
			if ordinary == nil {
				ordinary = l.ordinary()
			}
			if s, ok = ordinary.Server(name); !ok {
				at := stands[name]
				if _, said := d.Server[name]; said {
					at = "server." + name
				}
				l.wrong(at, nil, wordNoServer, name)
				continue
			}
		}
		client, err := s.Client(l.ctx, l.e.vault())
		if err != nil {
			if faults, ok := errors.AsType[Faults](l.f.adopt(err)); ok {
				l.faults = append(l.faults, faults...)
			} else {
				l.wrong("server."+name, err, wordServer, name)
			}
			continue
		}
		t := d.Server[name]
		l.c.Routes.Servers = append(l.c.Routes.Servers, route.Server{Name: name, Client: client, Account: cmp.Or(t.Account, s.User), Provider: t.Provider, Limits: t.limits()})
	}
}

// ordinary is the file of servers that all commands have.
func (l *loading) ordinary() *config.File {
	path, _ := config.Find(l.e.env)
	if path == "" {
		return new(config.File)
	}
	file, err := config.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return new(config.File)
	}
	if err != nil {
		if faults, ok := errors.AsType[Faults](l.f.adopt(err)); ok {
			l.faults = append(l.faults, faults...)
		} else {
			l.wrong("", err, wordOrdinary, path)
		}
		return new(config.File)
	}
	return file
}
