package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/config"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// initFlags are the values of all that "parley init" can be told.
type initFlags struct {
	name, server, user     string
	passwordFile           string
	passwordEnv            string
	passwordCommand        string
	tokenCommand           string
	file, noTry, send, yes bool
	makeDefault, verbose   bool
}

// initCommand is "parley init".
func (a *app) initCommand() *cobra.Command {
	f := new(initFlags)
	cmd := &cobra.Command{
		Use:   "init [FLAG...] [ADDRESS]",
		Short: a.ui.say(wordInitShort),
		Long:  a.ui.say(wordInitLong),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{a.ui.say(wordStrayWord, args[1])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s := &setup{u: a.ui, f: f, ask: a.ui.asker(), net: net.DefaultResolver, dial: (*smtp.Client).Open}
			a.exit = s.run(cmd.Context(), strings.Join(args, ""))
			return nil
		},
	}
	set := cmd.Flags()
	set.StringVar(&f.name, "name", "", "")
	set.StringVar(&f.server, "server", "", "")
	set.StringVar(&f.user, "user", "", "")
	set.StringVar(&f.passwordFile, "password-file", "", "")
	set.StringVar(&f.passwordEnv, "password-env", "", "")
	set.StringVar(&f.passwordCommand, "password-command", "", "")
	set.StringVar(&f.tokenCommand, "token-command", "", "")
	set.BoolVar(&f.file, "file", false, "")
	set.BoolVar(&f.makeDefault, "default", false, "")
	set.BoolVar(&f.noTry, "no-try", false, "")
	set.BoolVar(&f.send, "send", false, "")
	set.BoolVar(&f.yes, "yes", false, "")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "")
	a.describe(cmd, initWords)
	return cmd
}

// A setup is one run of init: from a mail address to a server in the file.
type setup struct {
	u    *ui
	f    *initFlags
	ask  *asker
	net  names
	dial func(*smtp.Client, context.Context) (*smtp.Session, error)

	address  mail.Address
	provider *diagnose.Provider // nil: not known
	draft    *draft
	name     string
	ways     []string // URLs, without a password; the first is the best
	secret   config.Secret
	value    string // of the secret, where it is for us to keep
}

// run is the order in which it is done. Nothing is written before the last step.
func (s *setup) run(ctx context.Context, address string) int {
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return s.whose(ctx, address) },
		s.where,
		s.settle,
		s.explain,
		s.password,
		s.try,
		s.write,
	} {
		if err := step(ctx); err != nil {
			return s.failed(err)
		}
	}
	return exitTaken
}

// failed tells why nothing is written.
func (s *setup) failed(err error) int {
	u := s.u
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		u.tell(u.say(wordNothingWritten)) // of the rest it was told when it happened
		return exitCode(e)
	}
	if errors.Is(err, errGaveUp) {
		u.tell(u.say(wordGaveUp))
		return exitUsage
	}
	u.tell(u.serverError("init", err).Error())
	return exitUsage
}

// whose is the mail address, taken or asked for.
func (s *setup) whose(ctx context.Context, given string) (err error) {
	u := s.u
	for {
		asked := given == ""
		if asked {
			if !s.ask.person() {
				return &usageError{u.say(wordWhichAddress)}
			}
			if given, err = s.ask.line(ctx, u.say(wordAskAddress)); err != nil {
				return err
			}
		}
		if s.address, err = mail.ParseAddress(given); err == nil {
			if _, err = s.address.Path(); err == nil {
				return nil
			}
		}
		if !asked {
			return &usageError{u.say(wordNoAddress, given, err)}
		}
		u.tell(u.say(wordNoAddress, given, err))
		given = ""
	}
}

// settle finds the name in the file, and sees that it is free.
func (s *setup) settle(context.Context) (err error) {
	u := s.u
	if s.draft, err = u.draft(); err != nil {
		return err
	}
	file, err := config.Parse(s.draft.path, s.draft.old)
	if err != nil {
		return err
	}
	if s.name = s.f.name; s.name != "" {
		if !config.GoodName(s.name) {
			return &usageError{u.say(wordBadServerName, s.name)}
		}
		if _, ok := file.Server(s.name); ok {
			return &usageError{u.say(wordNameTaken, s.name, file.Path)}
		}
		return nil
	}
	if old, ok := file.Of(s.address.Address); ok {
		return &usageError{u.say(wordUserThere, s.address.Address, old.Name)}
	}
	base := serverName(s.address.Address)
	s.name = base
	for n := 2; ; n++ {
		if _, ok := file.Server(s.name); !ok {
			return nil
		}
		s.name = base + "-" + strconv.Itoa(n)
	}
}

// serverName is a name for the server of an address: "qq" of kim@qq.com.
func serverName(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	first, _, _ := strings.Cut(domain, ".")
	name := strings.Map(func(r rune) rune {
		if config.GoodName(string(r)) {
			return r
		}
		return -1
	}, strings.ToLower(first))
	return cmp.Or(name, "mail")
}

// user is who logs in.
func (s *setup) user() string {
	if len(s.ways) > 0 {
		_, info, _ := splitURL(s.ways[0])
		return userOf(info)
	}
	return cmp.Or(s.f.user, loginOf(s.provider, s.address.Address))
}

// entry is what is written into the file.
func (s *setup) entry(way string, secret config.Secret) config.Entry {
	e := config.Entry{Name: s.name, URL: way, From: s.address.String(), Secret: secret}
	if s.provider != nil {
		e.Comment = s.provider.Name
	}
	return e
}

// write keeps the secret, and then writes the file. If that fails, the secret is taken
// away again.
func (s *setup) write(ctx context.Context) error {
	u, secret := s.u, s.secret
	kept := keeping{u: u, path: s.draft.path, name: s.name, token: secret.Token, inFile: s.f.file, either: true}
	var err error
	if s.value != "" {
		if secret, err = kept.keep(ctx, s.value); err != nil {
			return err
		}
	}
	d := s.draft
	d.text, err = config.Add(d.path, d.old, s.entry(s.ways[0], secret))
	if err == nil && s.f.makeDefault {
		d.text, err = config.SetDefault(d.path, d.text, s.name)
	}
	if err == nil {
		err = d.write()
	}
	if err != nil {
		if s.value != "" {
			kept.forget(ctx, secret)
		}
		return err
	}
	u.print(smtp.Printable(u.say(wordInitWritten, s.name, d.path)))
	if s.value != "" {
		u.print(smtp.Printable(u.say(wordPasswordSet, s.name, kept.where(secret))))
	}
	server := ""
	if file, err := config.Parse(d.path, d.text); err == nil {
		if chosen, ok := file.Chosen(); !ok || chosen.Name != s.name {
			server = " --server " + s.name
		}
	}
	u.print("")
	u.print("  parley send" + server + " --to " + smtp.Printable(s.address.Address) + " --subject " + u.say(wordInitSubject) + " --text " + u.say(wordInitText))
	return nil
}
