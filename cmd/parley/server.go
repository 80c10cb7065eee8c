package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os/exec"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/config"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A wanted is what a command was told of its server.
type wanted struct {
	text string // a name, URL, host, host:port or mail address; empty: SMTP_URL, or else the file's default
	flag string // where text stood, for what is said of it: "--server"

	passwordFile, passwordCommand string // the flags of these names
	in                            *stdin // for a password file "-"; nil: nobody else reads it

	// withoutPassword is that a password which is nowhere is no error: the client has
	// no Auth then.
	withoutPassword bool

	bare  bool // nobody will log in: the file's secret is not asked for
	quiet bool // warn of nothing
}

// A server is where the mail goes.
type server struct {
	client   *smtp.Client
	user     string             // who logs in; empty for nobody
	name     string             // in the file; empty if it is not from there
	from     string             // whose mail it is, as the file says; empty if it does not
	params   url.Values         // of its URL in the file; nil if it is not from there
	provider *diagnose.Provider // whose server it is; nil if that is not known
}

// server is what send and sendmail take; nil for a dry run, if nothing names one.
func (u *ui) server(ctx context.Context, f *sendFlags, in *stdin) (*server, error) {
	if f.dryRun && f.server == "" && u.env("SMTP_URL") == "" {
		if file, err := u.config(); err == nil {
			if _, ok := file.Chosen(); !ok {
				return nil, nil
			}
		}
	}
	return u.resolve(ctx, wanted{
		text: f.server, flag: "--server", passwordFile: f.passwordFile, passwordCommand: f.passwordCommand, in: in,
		bare: f.dryRun, quiet: f.asSendmail,
	})
}

// resolve finds the server that was wanted, with the password from wherever it is. It
// is the one place where that is settled, for every command. Nothing that is said of
// a server shows its password.
func (u *ui) resolve(ctx context.Context, w wanted) (*server, error) {
	if w.text == "" && u.env("SMTP_URL") != "" {
		w.text, w.flag = u.env("SMTP_URL"), "SMTP_URL"
	}
	if w.in == nil {
		w.in = &stdin{r: u.in}
	}
	s, err := u.find(ctx, &w)
	if err != nil {
		return nil, u.serverError(w.flag, err)
	}
	if s.client.Security == smtp.Plaintext && s.client.Auth != nil && !isLoopback(s.client.Addr) {
		u.warn(wordPasswordInClear, hostOf(s.client.Addr))
	}
	if p, ok := diagnose.Default().Provider(hostOf(s.client.Addr)); ok && s.provider == nil {
		s.provider = p
	}
	return s, nil
}

// serverError is an error with where what it is about stood: in the file, if it is
// that which is wrong.
func (u *ui) serverError(flag string, err error) error {
	if lines := u.faults(err); len(lines) > 0 {
		for _, line := range lines[:len(lines)-1] {
			u.tell(line)
		}
		return &usageError{lines[len(lines)-1]}
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return err
	}
	return &usageError{flag + ": " + err.Error()}
}

// faults are what is wrong with the file, a line each.
func (u *ui) faults(err error) []string {
	if list, ok := errors.AsType[config.Faults](err); ok {
		lines := make([]string, len(list))
		for i, f := range list {
			lines[i] = f.In(diagnose.Lang(u.lang))
		}
		return lines
	}
	if f, ok := errors.AsType[*config.Fault](err); ok {
		return []string{f.In(diagnose.Lang(u.lang))}
	}
	return nil
}

// find tells the forms of a server apart.
func (u *ui) find(ctx context.Context, w *wanted) (*server, error) {
	switch {
	case strings.Contains(w.text, "://") || w.flag == "SMTP_URL":
		return u.atURL(ctx, w, w.text)
	case strings.HasPrefix(w.text, "/"):
		return nil, errors.New(u.say(wordSocketURL))
	case strings.Contains(w.text, "@"):
		return u.ofAddress(ctx, w)
	case strings.ContainsAny(w.text, ":."):
		return u.atHost(ctx, w)
	}
	file, err := u.config()
	if err != nil {
		return nil, err
	}
	if w.text == "" {
		entry, ok := file.Chosen()
		if !ok {
			return nil, u.noServer(file)
		}
		return u.named(ctx, w, file, entry)
	}
	if entry, ok := file.Server(w.text); ok {
		return u.named(ctx, w, file, entry)
	}
	if near := plain.Nearest(w.text, file.Names()); near != "" && w.text != "localhost" {
		return nil, errors.New(u.say(wordNoSuchServer, w.text, file.Path, near))
	}
	return u.atHost(ctx, w)
}

// config is the file, empty where there is none.
func (u *ui) config() (*config.File, error) {
	path, _ := config.Find(u.env)
	if path == "" {
		return new(config.File), nil
	}
	file, err := config.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &config.File{Path: path}, nil
	}
	if err != nil && len(u.faults(err)) == 0 {
		err = &usageError{err.Error()}
	}
	return file, err
}

// vault is where the secrets of the file are got from.
func (u *ui) vault() *config.Vault { return &config.Vault{Environ: u.environ, Stderr: u.err} }

func (u *ui) noServer(file *config.File) error {
	if len(file.Servers) > 0 {
		return &usageError{u.say(wordNoDefaultServer, file.Path, strings.Join(file.Names(), ", "))}
	}
	return &usageError{u.say(wordNoServer)}
}

// named is a server of the file. A password that was given otherwise counts more than
// the one that the file names.
func (u *ui) named(ctx context.Context, w *wanted, file *config.File, entry *config.Server) (*server, error) {
	password, err := u.given(ctx, w, entry.NeedsSecret())
	if err != nil {
		return nil, err
	}
	if password != "" {
		if entry.User == "" {
			return nil, errors.New(u.say(wordPasswordWithoutUser))
		}
		entry = entry.With(password)
	}
	for _, warning := range file.Warnings {
		if warning.Server == entry.Name && !w.quiet {
			u.tell(u.say(wordWarning) + warning.In(diagnose.Lang(u.lang)))
		}
	}
	s := &server{user: entry.User, name: entry.Name, from: entry.From, params: entry.Params(u.vault())}
	if w.bare || entry.NeedsSecret() && w.withoutPassword {
		s.client, err = entry.Bare(u.vault())
	} else {
		s.client, err = entry.Client(ctx, u.vault())
	}
	return s, err
}

// atURL is a server by its URL.
func (u *ui) atURL(ctx context.Context, w *wanted, text string) (*server, error) {
	before, info, after := splitURL(text)
	name, password, has := strings.Cut(info, ":")
	user, err := url.PathUnescape(name)
	if err != nil {
		user = ""
	}
	switch given, err := u.given(ctx, w, name != "" && !has); {
	case err != nil:
		return nil, err
	case given != "" && has:
		return nil, errors.New(u.say(wordTwoPasswords))
	case given != "" && name == "":
		return nil, errors.New(u.say(wordPasswordWithoutUser))
	case given != "":
		text = before + name + ":" + escape(given) + "@" + after
	case has && password != "" && w.flag == "--server":
		u.warn(wordPasswordInFlag)
	case !has && name != "" && w.withoutPassword:
		text = before + after
	}
	client, err := smtp.ParseURL(text)
	if err != nil {
		return nil, err
	}
	return &server{client: client, user: user}, nil
}

// atHost is a server by its host, and perhaps its port. How TLS begins there is what
// smtp.Automatic says, or what is known of the provider.
func (u *ui) atHost(ctx context.Context, w *wanted) (*server, error) {
	host, port, err := net.SplitHostPort(w.text)
	if err != nil {
		host, port = strings.Trim(w.text, "[]"), ""
	}
	if p, ok := diagnose.Default().Provider(host); ok && port == "" {
		for _, h := range p.Hosts {
			if strings.EqualFold(h.Name, host) && len(h.Ports) > 0 {
				return u.atURL(ctx, w, portURL("", host, h.Ports[0]))
			}
		}
	}
	scheme := "smtp://"
	if port == "465" {
		scheme = "smtps://"
	}
	where := config.HostPort(host, 0)
	if port != "" {
		where += ":" + port
	}
	return u.atURL(ctx, w, scheme+where)
}

// ofAddress is the server for a mail address: the one of the file whose user it is, or
// its provider's.
func (u *ui) ofAddress(ctx context.Context, w *wanted) (*server, error) {
	path, err := mail.ParsePath(w.text)
	if err != nil || strings.Contains(w.text, ":") {
		return nil, errors.New(u.say(wordServerForms)) // it may be user:password@host, and is not shown
	}
	file, err := u.config()
	if err != nil {
		return nil, err
	}
	if entry, ok := file.Of(w.text); ok {
		return u.named(ctx, w, file, entry)
	}
	p, ok := diagnose.Default().Provider(w.text)
	ways := waysOf(p)
	if !ok || len(ways) == 0 {
		return nil, errors.New(u.say(wordNoProviderOf, path.Domain, w.text))
	}
	s, err := u.atURL(ctx, w, portURL(loginOf(p, w.text), ways[0].host, ways[0].port))
	if err == nil {
		s.provider, s.from = p, w.text
	}
	return s, err
}

// A way is a host of a provider with a port.
type way struct {
	host string
	port diagnose.Port
}

// waysOf are the ways into a provider for its users, the best first. A host with a word
// in capitals is none: nobody knows what to fill in.
func waysOf(p *diagnose.Provider) (list []way) {
	if p == nil {
		return nil
	}
	for _, h := range p.Hosts {
		if h.Name != strings.ToLower(h.Name) || len(list) > 0 {
			continue
		}
		for _, port := range h.Ports {
			if port.Implicit || port.STARTTLS {
				list = append(list, way{h.Name, port})
			}
		}
	}
	return list
}

// portURL is the URL of a port. TLS from the first octet is taken where it can be had:
// RFC 8314 §3.3.
func portURL(user, host string, port diagnose.Port) string {
	scheme, usual := "smtp://", 587
	if port.Implicit {
		scheme, usual = "smtps://", 465
	}
	if user != "" {
		user = config.EscapeUser(user) + "@"
	}
	number := port.Number
	if number == usual {
		number = 0
	}
	return scheme + user + config.HostPort(host, number)
}

// loginOf is the name that a provider knows a mail address by.
func loginOf(p *diagnose.Provider, address string) string {
	if p != nil && p.Username.En == "local part" {
		local, _, _ := strings.Cut(address, "@")
		return local
	}
	return address
}

// given is the password that was given outside of the URL and of the file. The
// environment's is asked only where there is a user and no password.
func (u *ui) given(ctx context.Context, w *wanted, lacking bool) (string, error) {
	switch {
	case w.passwordFile != "" && w.passwordCommand != "":
		return "", errors.New(u.say(wordTwoPasswords))
	case w.passwordFile != "":
		data, err := w.in.file("--password-file", w.passwordFile)
		return u.firstWord("--password-file", data, err)
	case w.passwordCommand != "":
		return u.passwordCommand(ctx, w.passwordCommand)
	case lacking:
		return u.env("PARLEY_PASSWORD"), nil
	}
	return "", nil
}

func (u *ui) passwordCommand(ctx context.Context, command string) (string, error) {
	cmd := exec.CommandContext(ctx, shell[0], shell[1], command)
	cmd.Env = u.environ
	cmd.Stderr = u.err
	cmd.WaitDelay = time.Second // what the shell started may live on, and hold the pipe
	data, err := cmd.Output()
	return u.firstWord("--password-command", data, err)
}

// firstWord is the first line of what a file or a command gave.
func (u *ui) firstWord(flag string, data []byte, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
		return "", fmt.Errorf("%s: %s", flag, u.say(wordEmptyPassword))
	}
	return string(line), nil
}

// splitURL finds user:password in an SMTP URL.
func splitURL(s string) (before, info, after string) { return config.SplitURL(s) }

// escape writes a password as it stands in a URL.
func escape(s string) string { return config.Escape(s) }

// hostOf is an address without its port; a socket's path as it is.
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// isLoopback reports whether what is said to addr stays on this machine.
func isLoopback(addr string) bool {
	host := hostOf(addr)
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.HasPrefix(addr, "/") || host == "localhost" || err == nil && ip.IsLoopback()
}
