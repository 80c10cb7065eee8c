package relay

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/config"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
)

// A File is what the file of a relay says. docs/serve.md tells of each key.
type File struct {
	Path     string
	Database string         // as [Open] takes it
	HTTP     string         // where it is served by HTTP; empty: nowhere
	Options  outbox.Options // of the box

	doc     document
	x       *index
	servers *config.File
}

// Environment is what a file is read in.
type Environment struct {
	Environ []string  // the environment; nil: this process's
	Stderr  io.Writer // of commands that print secrets; nil: nowhere
}

func (e *Environment) vault() *config.Vault {
	return &config.Vault{Environ: e.Environ, Stderr: e.Stderr}
}

func (e *Environment) env(name string) string {
	list := e.Environ
	if list == nil {
		list = os.Environ()
	}
	for _, one := range slices.Backward(list) {
		if value, ok := strings.CutPrefix(one, name+"="); ok {
			return value
		}
	}
	return ""
}

const mostFile = 1 << 20

// ReadFile reads a file. All that is wrong with it are [Faults].
func ReadFile(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, mostFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > mostFile {
		return nil, Faults{{Path: path, Words: fill(wordFileLong, mostFile)}}
	}
	f, err := ParseFile(path, text)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 && f.holdsSecret() {
		return nil, Faults{{Path: path, Words: fill(wordFileOpen, fmt.Sprintf("%04o", info.Mode().Perm()))}}
	}
	return f, err
}

// holdsSecret: who has a hash can guess at its password.
func (f *File) holdsSecret() bool {
	return len(f.doc.User) > 0 || slices.ContainsFunc(f.servers.Servers, func(s *config.Server) bool { return s.Secret.Source == config.Clear })
}

// ParseFile reads the text of a file. The path is for what is said of it, and what relative names in it are relative to.
func ParseFile(path string, text []byte) (*File, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	f := &File{Path: path}
	x, err := parseIndex(text)
	rest, servers := text, []byte(nil)
	if err == nil {
		rest, servers = x.split(serverKeys())
	}
	f.x = x
	faults := f.decode(rest, err == nil)
	if err != nil && len(faults) == 0 {
		faults = Faults{{Path: path, Words: fill(wordNoTOML, err)}}
	}
	if err == nil {
		f.servers, err = config.Parse(path, servers)
		switch more, ok := errors.AsType[Faults](f.adopt(err)); {
		case ok:
			faults = append(faults, more...)
		case err != nil:
			return nil, err
		}
	}
	if len(faults) > 0 {
		return nil, f.locate(faults)
	}
	d := &f.doc
	f.Database, f.HTTP = databaseAt(path, d.Database), d.HTTP
	f.Options = outbox.Options{
		MaxAge: time.Duration(d.Retry.MaxAge), MaxSize: int64(d.Limits.MaxSize) << 20, KeepContent: time.Duration(d.Retention.Content), KeepHistory: time.Duration(d.Retention.History),
		Unknown: map[outbox.Class]outbox.Policy{outbox.Alert: d.Unknown.Alert, outbox.Normal: d.Unknown.Normal, outbox.Bulk: d.Unknown.Bulk},
	}
	if d.Retry.MaxAge == forever {
		return nil, Faults{{Path: path, Line: x.line("retry.max_age"), Words: wordNotForever}}
	}
	return f, nil
}

// locate gives faults the lines of what they are about.
func (f *File) locate(err error) error {
	if list, ok := errors.AsType[route.Faults](err); ok {
		var faults Faults
		for _, one := range list {
			at := "default"
			switch {
			case one.Server != "":
				at = "server." + one.Server
			case one.Rule > 0:
				at = fmt.Sprintf("rule.%d", one.Rule-1)
			}
			faults = append(faults, &Fault{Words: diagnose.Words{En: one.In(diagnose.English), Zh: one.In(diagnose.Chinese)}, at: at})
		}
		err = faults
	}
	list, ok := errors.AsType[Faults](err)
	if !ok {
		return err
	}
	for _, one := range list {
		if one.Path == "" {
			one.Path, one.Line = f.Path, f.x.line(one.at)
		}
	}
	slices.SortStableFunc(list, func(a, b *Fault) int { return cmp.Compare(a.Line, b.Line) })
	return list
}

// Config is what the file says, with keys, certificates and secrets from where it says that they are. [Check] and [New] look it
// through; what they find wrong has the line of the file.
func (f *File) Config(ctx context.Context, e Environment) (Config, error) {
	l := &loading{f: f, ctx: ctx, e: &e, d: &f.doc}
	c := l.config()
	if len(l.faults) > 0 {
		return Config{}, f.locate(l.faults)
	}
	c.file = f
	return c, nil
}

// A loading makes a Config of a file.
type loading struct {
	f      *File
	ctx    context.Context
	e      *Environment
	d      *document
	c      Config
	faults Faults
}

func (l *loading) wrong(at string, err error, w diagnose.Words, args ...any) {
	l.faults = append(l.faults, &Fault{Words: fill(w, args...), Err: err, at: at})
}

func (l *loading) config() Config {
	d := l.d
	l.c = Config{
		Hostname: d.Hostname, HTTP: d.HTTP, Grace: time.Duration(d.Grace), Suppress: Suppress{Bounces: d.Suppress.Bounces, Complaints: d.Suppress.Complaints, For: max(time.Duration(d.Suppress.For), 0)},
		Limits: Limits{MaxSize: int64(d.Limits.MaxSize) << 20, MaxRecipients: d.Limits.MaxRecipients, MaxSessions: d.Limits.MaxSessions, MaxSessionsPerIP: d.Limits.MaxSessionsPerIP},
	}
	l.values()
	l.certificate()
	l.listeners()
	l.users()
	l.keys()
	l.bounces()
	l.tellers()
	l.worker()
	l.routes()
	return l.c
}

// path is a file's whole name: it is relative to the folder of the file that it stands in.
func (l *loading) path(name string) string {
	if filepath.IsAbs(name) || l.f.Path == "" {
		return name
	}
	return filepath.Join(filepath.Dir(l.f.Path), name)
}

func (l *loading) certificate() {
	t := l.d.TLS
	if t.Certificate == "" && t.Key == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(l.path(t.Certificate), l.path(t.Key))
	if err != nil {
		l.wrong("tls", err, wordCertificate)
		return
	}
	l.c.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
}

var (
	tlsNames  = map[string]TLS{"": AutoTLS, "starttls": STARTTLS, "implicit": ImplicitTLS, "none": NoTLS}
	roleNames = map[string]Role{"": Submission, "submission": Submission, "bounces": BounceReports}
)

func (l *loading) listeners() {
	for i, t := range l.d.Listen {
		how, ok := tlsNames[t.TLS]
		if !ok {
			l.wrong(fmt.Sprintf("listen.%d.tls", i), nil, wordOneOf, "tls", t.TLS, "starttls, implicit, none")
		}
		role, ok := roleNames[t.Role]
		if !ok {
			l.wrong(fmt.Sprintf("listen.%d.role", i), nil, wordOneOf, "role", t.Role, "submission, bounces")
		}
		l.c.Listeners = append(l.c.Listeners, Listener{Address: t.Address, TLS: how, Role: role, User: t.User})
	}
}

func (l *loading) users() {
	for _, name := range slices.Sorted(maps.Keys(l.d.User)) {
		t := l.d.User[name]
		u := User{
			Name: name, Senders: t.Senders, Classes: t.Classes, Class: t.Class, Topic: t.Topic,
			PerMinute: t.PerMinute, PerHour: t.PerHour, PerDay: t.PerDay, MaxSize: int64(t.MaxSize) << 20, Operator: t.Operator,
		}
		if t.Password != "" {
			h, err := ParseHash(t.Password)
			if err != nil {
				l.wrong("user."+name+".password", nil, wordUserHash, name)
				continue
			}
			u.Password = h
		}
		if len(u.Classes) > 0 && !slices.Contains(u.Classes, u.Class) && l.f.x.line("user."+name+".class") == l.f.x.line("user."+name) {
			u.Class = u.Classes[0] // nothing was said
		}
		l.c.Users = append(l.c.Users, u)
	}
}

func (l *loading) keys() {
	for i, t := range l.d.DKIM {
		if t.Key == "" {
			l.wrong(fmt.Sprintf("dkim.%d", i), nil, wordKeyNone)
			continue
		}
		text, err := os.ReadFile(l.path(t.Key))
		if err != nil {
			l.wrong(fmt.Sprintf("dkim.%d.key", i), err, wordKeyFile)
			continue
		}
		signer, err := ParseKey(text)
		if err != nil {
			l.wrong(fmt.Sprintf("dkim.%d.key", i), err, wordKeyFile)
			continue
		}
		l.c.Keys = append(l.c.Keys, Key{Domain: t.Domain, Selector: t.Selector, Signer: signer})
	}
}

// secret is a secret from where a table says that it is; empty where it says nothing.
func (l *loading) secret(at string, t *secretTable) string {
	var text []byte
	var err error
	switch {
	case t.Env != "":
		if text = []byte(l.e.env(t.Env)); len(text) == 0 {
			l.wrong(at+".secret-env", nil, wordSecretEnv, t.Env)
		}
	case t.File != "":
		at += ".secret-file"
		text, err = os.ReadFile(l.path(t.File))
	case t.Command != "":
		at += ".secret-command"
		cmd := exec.CommandContext(l.ctx, shell[0], shell[1], t.Command)
		cmd.Env, cmd.Stderr, cmd.WaitDelay = l.e.Environ, l.e.Stderr, time.Second
		text, err = cmd.Output()
	default:
		return ""
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	if err != nil || len(line) == 0 && t.Env == "" {
		l.wrong(at, err, wordSecret)
	}
	return string(line)
}

func (l *loading) bounces() {
	t := l.d.Bounces
	if t == nil {
		return
	}
	b := &Bounces{Servers: t.Servers, Keep: t.Keep, Key: []byte(l.secret("bounces", &t.secretTable))}
	if t.Env == "" && t.File == "" && t.Command == "" {
		l.wrong("bounces", nil, wordBounceNoKey)
	}
	for i, s := range append([]string{t.Mailbox}, t.Also...) {
		p, err := mail.ParsePath("<" + s + ">")
		if err != nil || p.IsNull() || p.Domain == "" {
			l.wrong("bounces", nil, wordBouncePath, s)
			continue
		}
		if i == 0 {
			b.Mailbox = p
		} else {
			b.Also = append(b.Also, p)
		}
	}
	l.c.Bounces = b
}

func (l *loading) tellers() {
	for i, t := range l.d.Webhook {
		l.c.Webhooks = append(l.c.Webhooks, Webhook{Name: t.Name, URL: t.URL, Secret: l.secret(fmt.Sprintf("webhook.%d", i), &t.secretTable), Events: t.Events, Said: t.Said})
	}
	for i, t := range l.d.Log {
		if t.Path == "" {
			l.wrong(fmt.Sprintf("log.%d", i), nil, wordLogPath)
		}
		l.c.Logs = append(l.c.Logs, EventLog{Name: t.Name, Path: l.path(t.Path), Events: t.Events, Said: t.Said})
	}
}

func (l *loading) worker() {
	d := l.d
	w := &l.c.Worker
	w.MaxSessions = d.Limits.Sending
	w.Retry = outbox.Retry{First: time.Duration(max(d.Retry.First, 0)), Most: time.Duration(max(d.Retry.Most, 0))}
	w.AlertRetry = outbox.Retry{First: time.Duration(max(d.Retry.Alert.First, 0)), Most: time.Duration(max(d.Retry.Alert.Most, 0))}
	w.Bounces = outbox.Bounces{None: d.Notices.None, Host: d.Hostname}
	if d.Notices.From != "" {
		a, err := mail.ParseAddress(d.Notices.From)
		if err != nil {
			l.wrong("notices.from", nil, wordNoAddress, "from", d.Notices.From)
		}
		w.Bounces.From = a
	}
	switch d.Notices.Lang {
	case "", "en":
	case "zh":
		w.Bounces.Lang = diagnose.Chinese
	default:
		l.wrong("notices.lang", nil, wordOneOf, "lang", d.Notices.Lang, "en, zh")
	}
}
