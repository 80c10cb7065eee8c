package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parleymail/parley/fault"
)

// catchFlags are the values of all that "parley catch" can be told.
type catchFlags struct {
	smtp, smtps, http string
	data              string

	users                    string
	requireLogin, requireTLS bool
	starttls                 bool
	cert, key, saveCert      string

	mailboxes   string
	keep        int
	maxAge      time.Duration
	maxSize     int64 // MiB of contents
	messageSize int64 // MiB of one

	faults   string
	fault    []string
	persona  []string
	noMagic  bool
	release  string
	forward  []string
	webhook  []string
	webUsers string
	host     []string

	https, behindProxy bool

	verbose, json bool
	expect        int
}

// catchCommand is "parley catch".
func (a *app) catchCommand() *cobra.Command {
	f := new(catchFlags)
	cmd := &cobra.Command{
		Use:   "catch [FLAG...] [-- COMMAND...]",
		Short: a.ui.say(wordCatchShort),
		Long:  a.ui.say(wordCatchLong),
		Args:  a.afterDashes,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.exit = a.ui.catch(cmd.Context(), f, cmd.Flags(), args)
			return nil
		},
	}
	f.define(cmd.Flags())
	cmd.AddCommand(a.catchLastCommand(), a.catchWaitCommand())
	a.describe(cmd, catchWords)
	return cmd
}

// catchesAt is where parley catch takes mail where nothing else is said; the pages of docs/ send there.
const catchesAt = "127.0.0.1:1025"

// define makes the flags. What is said of them stands in catchWords.
func (f *catchFlags) define(set *pflag.FlagSet) {
	set.StringVar(&f.smtp, "smtp", catchesAt, "")
	set.StringVar(&f.smtps, "smtps", "", "")
	set.StringVar(&f.http, "http", "127.0.0.1:8025", "")
	set.StringVar(&f.data, "data", "", "")
	set.StringVar(&f.users, "users", "", "")
	set.BoolVar(&f.requireLogin, "require-login", false, "")
	set.BoolVar(&f.starttls, "starttls", false, "")
	set.BoolVar(&f.requireTLS, "require-tls", false, "")
	set.StringVar(&f.cert, "cert", "", "")
	set.StringVar(&f.key, "key", "", "")
	set.StringVar(&f.saveCert, "save-cert", "", "")
	set.StringVar(&f.mailboxes, "mailboxes", "one", "")
	set.IntVar(&f.keep, "keep", 0, "")
	set.DurationVar(&f.maxAge, "max-age", 0, "")
	set.Int64Var(&f.maxSize, "max-size", 0, "")
	set.Int64Var(&f.messageSize, "max-message", 0, "")
	set.StringVar(&f.faults, "faults", "", "")
	set.StringArrayVar(&f.fault, "fault", nil, "")
	set.StringArrayVar(&f.persona, "persona", nil, "")
	set.BoolVar(&f.noMagic, "no-magic", false, "")
	set.StringVar(&f.release, "release", "", "")
	set.StringArrayVar(&f.forward, "forward", nil, "")
	set.StringArrayVar(&f.webhook, "webhook", nil, "")
	set.StringVar(&f.webUsers, "web-users", "", "")
	set.StringArrayVar(&f.host, "host", nil, "")
	set.BoolVar(&f.https, "https", false, "")
	set.BoolVar(&f.behindProxy, "behind-proxy", false, "")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "")
	set.BoolVar(&f.json, "json", false, "")
	set.IntVar(&f.expect, "expect", -1, "")
}

// afterDashes takes words behind "--" alone: the command to run.
func (a *app) afterDashes(cmd *cobra.Command, args []string) error {
	if n := cmd.ArgsLenAtDash(); len(args) > 0 && n != 0 {
		return &usageError{a.ui.say(wordStrayWord, args[0])}
	}
	return nil
}

// catch runs until it is told to end, or until the command that it was given has,
// and gives the exit code.
func (u *ui) catch(ctx context.Context, f *catchFlags, set *pflag.FlagSet, command []string) int {
	if len(command) > 0 {
		// Several tests may run at once: each has ports of its own, if none was named.
		if !set.Changed("smtp") {
			f.smtp = "127.0.0.1:0"
		}
		if !set.Changed("http") {
			f.http = "127.0.0.1:0"
		}
	} else if f.expect >= 0 {
		return u.finish(new(result), &usageError{u.say(wordCatchExpectAlone)}, "", f.json)
	}
	c := &catcher{u: u, flags: f, faults: new(fault.Plan)}
	defer c.close()
	if err := c.prepare(ctx); err != nil {
		return u.finish(new(result), err, "", f.json)
	}
	if len(command) > 0 {
		return c.around(ctx, command)
	}
	c.title()
	return u.finishCatch(c.serve(ctx), f)
}

// finishCatch is the end of a run that nobody meant to end otherwise.
func (u *ui) finishCatch(err error, f *catchFlags) int {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) {
		return exitTaken
	}
	return u.finish(new(result), err, "", f.json)
}
