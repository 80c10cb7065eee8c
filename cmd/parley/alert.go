package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parleymail/parley/alert"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/route"
)

// alertFlags are the values of all that "parley alert" and its commands can be told.
type alertFlags struct {
	config, database, from string
	to, servers            []string
	json, verbose          bool

	receiver, severity, text, url, key string // of an alert
	labels                             []string
	resolve                            bool
	ends, wait                         time.Duration

	name               string // of a job
	most, quiet, every time.Duration
	kill               bool

	http string
	file *alert.File
}

// alertCommand is "parley alert".
func (a *app) alertCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "alert COMMAND", Short: a.ui.say(wordAlertShort), Long: a.ui.say(wordAlertLong),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.noCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	for _, p := range []alertPart{
		{"init", wordAlertInitShort, a.noArguments, []flagGroup{alertInitWords}, (*ui).alertInit},
		{"send TITLE", wordAlertSendShort, a.alertTitle, []flagGroup{alertSendWords, alertWithoutWords}, (*ui).alertSend},
		{"run [FLAG...] -- COMMAND [ARGUMENT...]", wordAlertRunShort, a.alertTitle, []flagGroup{alertRunWords, alertWithoutWords}, (*ui).alertRun},
		{"serve", wordAlertServeShort, a.noArguments, []flagGroup{alertServeWords}, (*ui).alertServe},
		{"status", wordAlertStatusShort, a.noArguments, []flagGroup{alertDatabaseWords}, (*ui).alertStatus},
		{"test", wordAlertTestShort, a.noArguments, []flagGroup{alertTestWords, alertWithoutWords}, (*ui).alertTest},
		{"forget NAME", wordAlertForgetShort, a.alertTitle, []flagGroup{alertDatabaseWords}, (*ui).alertForget},
	} {
		cmd.AddCommand(a.alertPart(p))
	}
	a.describe(cmd, nil)
	return cmd
}

// An alertPart is one of its commands.
type alertPart struct {
	use    string
	short  text
	args   cobra.PositionalArgs
	groups []flagGroup
	run    func(u *ui, ctx context.Context, f *alertFlags, args []string) (int, error)
}

func (a *app) alertPart(p alertPart) *cobra.Command {
	f := new(alertFlags)
	use := p.use
	if !strings.Contains(use, "[FLAG...]") {
		use += " [FLAG...]"
	}
	cmd := &cobra.Command{
		Use: use, Short: a.ui.say(p.short), Long: a.ui.say(p.short), Args: p.args,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			a.exit, err = p.run(a.ui, cmd.Context(), f, args)
			if err != nil {
				a.exit, err = a.ui.alertError(err)
			}
			return err
		},
	}
	set := cmd.Flags()
	set.SetInterspersed(!strings.HasPrefix(p.use, "run")) // what follows the command is the command's
	set.StringVar(&f.config, "config", "", "")
	set.BoolVar(&f.json, "json", false, "")
	for _, g := range p.groups {
		for _, w := range g.flags {
			f.define(set, w.name)
		}
	}
	a.describe(cmd, append(append([]flagGroup{}, p.groups...), alertCommonWords))
	return cmd
}

// define makes a flag, by its name.
func (f *alertFlags) define(set *pflag.FlagSet, name string) {
	texts := map[string]*string{
		"database": &f.database, "from": &f.from, "receiver": &f.receiver, "severity": &f.severity, "text": &f.text, "url": &f.url, "key": &f.key, "name": &f.name, "http": &f.http,
	}
	lists := map[string]*[]string{"to": &f.to, "server": &f.servers, "label": &f.labels}
	switches := map[string]*bool{"resolve": &f.resolve, "kill": &f.kill}
	times := map[string]*time.Duration{"for": &f.ends, "wait": &f.wait, "max": &f.most, "silent": &f.quiet, "every": &f.every}
	switch {
	case texts[name] != nil:
		set.StringVar(texts[name], name, "", "")
	case lists[name] != nil:
		set.StringArrayVar(lists[name], name, nil, "")
	case switches[name] != nil:
		set.BoolVar(switches[name], name, false, "")
	case times[name] != nil:
		set.DurationVar(times[name], name, 0, "")
	case name == "verbose":
		set.BoolVarP(&f.verbose, name, "v", false, "")
	}
}

// alertTitle is for commands that want a word or more.
func (a *app) alertTitle(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return &usageError{a.ui.say(wordDigestWhat)}
	}
	return nil
}

// alertFile is what is told by the file, or by flags where there is none.
func (u *ui) alertFile(f *alertFlags) (*alert.File, error) {
	if f.file != nil {
		return f.file, nil
	}
	path := cmp.Or(f.config, alertFileName)
	file, err := alert.ReadFile(path)
	switch {
	case err == nil && len(f.to) > 0:
		return nil, &usageError{u.say(wordAlertToldTwice, path)}
	case errors.Is(err, fs.ErrNotExist) && f.config == "" && len(f.to) > 0:
		file, err = u.alertWithoutFile(f)
	case errors.Is(err, fs.ErrNotExist) && f.config == "" && f.database != "":
		file, err = &alert.File{Config: alert.Config{From: mail.Address{Address: "nobody@localhost"}, Receivers: []alert.Receiver{{Name: "ops", To: mail.To("nobody@localhost")}}}}, nil // it is only looked at
	case errors.Is(err, fs.ErrNotExist):
		return nil, &usageError{u.say(wordAlertNoFile, path)}
	}
	if err != nil {
		return nil, u.alertFileError(err)
	}
	if info, err := os.Stat(path); err == nil && file.HasSecrets && runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 {
		u.warn(wordAlertOpenToAll, path, info.Mode().Perm())
	}
	if f.database != "" {
		file.Database = f.database
	}
	if file.Database == "" {
		return nil, &usageError{u.say(wordAlertNoDatabase, path)}
	}
	f.file = file
	return file, nil
}

// alertWithoutFile is for scripts: who is told stands in flags, and each call is mailed.
func (u *ui) alertWithoutFile(f *alertFlags) (*alert.File, error) {
	var to []mail.Address
	for _, text := range f.to {
		a, err := mail.ParseAddress(text)
		if err != nil {
			return nil, &usageError{"--to: " + err.Error()}
		}
		to = append(to, a)
	}
	from := to[0]
	if f.from != "" {
		var err error
		if from, err = mail.ParseAddress(f.from); err != nil {
			return nil, &usageError{"--from: " + err.Error()}
		}
	}
	lang := diagnose.English
	if u.lang == chinese {
		lang = diagnose.Chinese
	}
	return &alert.File{
		Database: "sqlite:" + alertDatabaseName, Send: true,
		Config: alert.Config{From: from, Lang: lang, Receivers: []alert.Receiver{{Name: "ops", To: to, GroupInterval: -1}}},
	}, nil
}

const (
	alertFileName     = "alert.toml"
	alertDatabaseName = "alert.db" // without a file
)

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// openAlerts opens the alerts. To send it must know by whom.
func (u *ui) openAlerts(ctx context.Context, f *alertFlags, sends bool) (*alert.Alerts, *alert.File, error) {
	ofScripts := !sends && f.config == "" && f.database == "" && !isThere(alertFileName) && isThere(alertDatabaseName)
	if ofScripts {
		f.database = "sqlite:" + alertDatabaseName // they say who is told by flags
	}
	file, err := u.alertFile(f)
	if err != nil {
		return nil, nil, err
	}
	file.Send = file.Send || ofScripts
	c := file.Config
	c.Log = u.quietLog()
	var router *route.Router
	if sends && (file.Send || len(f.servers) > 0) {
		c.Log = u.jobLog(f.verbose, f.json)
		if router, err = u.alertRouter(ctx, f, file); err != nil {
			return nil, nil, err
		}
		c.Worker = alert.Worker(router)
	}
	a, err := alert.Open(ctx, file.Database, c)
	if err != nil {
		if router != nil {
			router.Close() //nolint:errcheck // the first error tells
		}
		return nil, nil, u.alertFileError(u.opened(file.Database, err))
	}
	return a, file, nil
}

// alertRouter knows the servers that take the mails, and leaves one soon that does not answer. One session with each: the first that fails tells
// that the server cannot be had.
func (u *ui) alertRouter(ctx context.Context, f *alertFlags, file *alert.File) (*route.Router, error) {
	names := file.Servers
	if len(f.servers) > 0 {
		names = f.servers
	}
	return u.jobRouter(ctx, names, "--server", func(i int, s *server) route.Server {
		alert.Impatient(s.client)
		return route.Server{Name: laneName(i, s), Limits: route.Limits{Sessions: 1}}
	})
}

// alertFileError has each thing that is wrong with a file on a line of its own.
func (u *ui) alertFileError(err error) error {
	if errors.As(err, new(*usageError)) {
		return err
	}
	return u.jobFileError("alert", err)
}

// alertError is what went wrong, for a person, and the exit code.
func (u *ui) alertError(err error) (int, error) {
	if e, ok := errors.AsType[*adviceError](err); ok {
		u.advise(e)
		return e.exit, nil
	}
	switch {
	case errors.As(err, new(*usageError)):
		return 0, err
	case errors.Is(err, context.Canceled):
		return exitLater, nil
	case errors.Is(err, os.ErrPermission), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist):
		return 0, &usageError{err.Error()}
	}
	u.tell(strings.TrimPrefix(err.Error(), "alert: "))
	return exitRefused, nil
}
