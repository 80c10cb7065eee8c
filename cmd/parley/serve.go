package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
)

// serveFlags are the values of all that "parley serve" can be told.
type serveFlags struct {
	config string
	check  bool

	smtp, to                      string
	passwordFile, passwordCommand string

	database, http string
	verbose, json  bool
}

// serveCommand is "parley serve".
func (a *app) serveCommand() *cobra.Command {
	f := new(serveFlags)
	cmd := &cobra.Command{
		Use:   "serve [FLAG...]",
		Short: a.ui.say(wordServeShort),
		Long:  a.ui.say(wordServeLong),
		Args:  a.noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.exit = a.ui.serve(cmd.Context(), f, cmd.Flags())
			return nil
		},
	}
	f.define(cmd.Flags())
	cmd.AddCommand(a.serveUserCommand())
	a.describe(cmd, serveWords)
	return cmd
}

// define makes the flags. What is said of them stands in serveWords.
func (f *serveFlags) define(set *pflag.FlagSet) {
	set.StringVar(&f.config, "config", "", "")
	set.BoolVar(&f.check, "check-config", false, "")
	set.StringVar(&f.smtp, "smtp", "127.0.0.1:2525", "")
	set.StringVar(&f.to, "to", "", "")
	set.StringVar(&f.passwordFile, "password-file", "", "")
	set.StringVar(&f.passwordCommand, "password-command", "", "")
	set.StringVar(&f.database, "database", "", "")
	set.StringVar(&f.http, "http", "", "")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "")
	set.BoolVar(&f.json, "json", false, "")
}

// serve runs until it is told to end, and gives the exit code.
func (u *ui) serve(ctx context.Context, f *serveFlags, set *pflag.FlagSet) int {
	s := &serving{u: u, flags: f}
	defer s.close()
	err := s.together(set)
	if err == nil && f.check {
		err = s.checkConfig(ctx)
	} else if err == nil {
		err = s.run(ctx)
	}
	if err != nil {
		return u.finish(new(result), u.serveError(err), "", f.json)
	}
	return exitTaken
}

// together refuses flags that say the same twice, or nothing.
func (s *serving) together(set *pflag.FlagSet) error {
	f, u := s.flags, s.u
	if f.config != "" {
		for _, name := range []string{"smtp", "to", "password-file", "password-command"} {
			if set.Changed(name) {
				return &usageError{u.say(wordServeTwice, "--"+name)}
			}
		}
		return nil
	}
	switch {
	case f.check:
		return &usageError{u.say(wordServeCheckWhat)}
	case f.to == "":
		return &usageError{u.say(wordServeNowhere)}
	case f.database == "":
		return &usageError{u.say(wordServeNoDatabase)}
	}
	return nil
}

// serveError has all that is wrong with a configuration told, in the reader's language.
func (u *ui) serveError(err error) error {
	lang := diagnose.Lang(u.lang)
	if faults, ok := errors.AsType[relay.Faults](err); ok {
		lines := strings.Split(faults.In(lang), "\n")
		for _, l := range lines[:len(lines)-1] {
			u.tell(l)
		}
		return &usageError{lines[len(lines)-1]}
	}
	if faults, ok := errors.AsType[route.Faults](err); ok {
		return &usageError{faults.In(lang)}
	}
	if _, ok := errors.AsType[*adviceError](err); ok {
		return err
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return err
	}
	return &usageError{err.Error()}
}

// configuration is what the flags, or the file, say now. It is asked again when it is to be read anew.
func (s *serving) configuration(ctx context.Context) (c relay.Config, err error) {
	f, u := s.flags, s.u
	if f.config != "" {
		file, err := relay.ReadFile(f.config)
		if err != nil {
			return c, err
		}
		s.file = file
		c, err = file.Config(ctx, relay.Environment{Environ: u.environ, Stderr: u.err})
		c.HTTP = s.httpAddr()
		return c, err
	}
	to, err := u.resolve(ctx, wanted{text: f.to, flag: "--to", passwordFile: f.passwordFile, passwordCommand: f.passwordCommand})
	if err != nil {
		return c, err
	}
	name := to.name
	if name == "" {
		name = "to"
	}
	c.Listeners, c.HTTP = []relay.Listener{{Address: f.smtp}}, s.httpAddr()
	c.Routes = route.Table{Servers: []route.Server{{Name: name, Client: to.client, Account: to.user}}}
	return c, nil
}

// checkConfig is --check-config.
func (s *serving) checkConfig(ctx context.Context) error {
	c, err := s.configuration(ctx)
	if err == nil {
		err = relay.Check(c)
	}
	if err == nil {
		err = s.checkDatabase()
	}
	if err != nil {
		return err
	}
	if s.flags.json {
		s.u.printJSON(struct {
			Event     string `json:"event"`
			Config    string `json:"config"`
			Listeners int    `json:"listeners"`
			Users     int    `json:"users"`
			Servers   int    `json:"servers"`
		}{"checked", s.flags.config, len(c.Listeners), len(c.Users), len(c.Routes.Servers)})
		return nil
	}
	s.u.print(s.u.say(wordServeGood, s.flags.config, len(c.Listeners), len(c.Users), len(c.Routes.Servers)))
	return nil
}

// checkDatabase tells where none is named, or where the folder of its file is missing. Nothing is made, and nobody connected to.
func (s *serving) checkDatabase() error {
	database, err := s.databaseOf()
	if err != nil {
		return err
	}
	scheme, rest, _ := strings.Cut(database, ":")
	switch scheme {
	case "sqlite":
		dir := filepath.Dir(rest)
		if info, err := os.Stat(dir); rest == "" || err != nil || !info.IsDir() {
			return &usageError{s.u.say(wordServeNoFolder, smtp.Printable(database), smtp.Printable(dir))}
		}
	case "postgres", "postgresql":
	default:
		return &usageError{s.u.say(wordServeNoDatabase)}
	}
	return nil
}

// databaseOf is where mail is kept.
func (s *serving) databaseOf() (string, error) {
	switch {
	case s.flags.database != "":
		return s.flags.database, nil
	case s.file != nil && s.file.Database != "":
		return s.file.Database, nil
	}
	return "", &usageError{s.u.say(wordServeNoDatabase)}
}

// hostname is this machine's, as a word.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "localhost"
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, name)
}
