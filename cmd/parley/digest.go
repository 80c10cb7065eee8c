package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	_ "time/tzdata" // parley digest: time zones where the system has none

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parleymail/parley/digest"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
)

// digestFlags are the values of all that "parley digest" and its commands can be told.
type digestFlags struct {
	config  string
	json    bool
	servers []string
	http    string
	verbose bool

	name, every, images string // of a feed

	now bool // all feeds are looked at

	confirmed        bool
	frequency, feeds string
	language         string
	why              string
	complaint        bool
	output           string

	from, url string // of a new file
}

// digestCommand is "parley digest".
func (a *app) digestCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "digest COMMAND", Short: a.ui.say(wordDigestShort), Long: a.ui.say(wordDigestLong),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.noCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	for _, p := range []digestPart{
		{"init", wordDigestInitShort, a.noArguments, []flagGroup{digestInitWords}, (*ui).digestInit},
		{"add URL...", wordDigestAddShort, a.digestWords, []flagGroup{digestFeedWords}, (*ui).digestAdd},
		{"remove URL...", wordDigestRemoveShort, a.digestWords, nil, (*ui).digestRemove},
		{"subscribe ADDRESS...", wordDigestSubscribeShort, a.digestWords, []flagGroup{digestSubscribeWords}, (*ui).digestSubscribe},
		{"unsubscribe ADDRESS...", wordDigestUnsubscribeShort, a.digestWords, []flagGroup{digestUnsubscribeWords}, (*ui).digestUnsubscribe},
		{"forget ADDRESS...", wordDigestForgetShort, a.digestWords, nil, (*ui).digestForget},
		{"import FILE", wordDigestImportShort, a.digestWords, []flagGroup{digestImportWords}, (*ui).digestImport},
		{"export subscribers|feeds", wordDigestExportShort, a.digestWords, []flagGroup{digestExportWords}, (*ui).digestExport},
		{"try ADDRESS", wordDigestTryShort, a.digestWord, []flagGroup{digestTryWords, digestRunWords}, (*ui).digestTry},
		{"run", wordDigestRunShort, a.noArguments, []flagGroup{digestNowWords, digestRunWords}, (*ui).digestRun},
		{"serve", wordDigestServeShort, a.noArguments, []flagGroup{digestRunWords, digestServeWords}, (*ui).digestServe},
		{"status", wordDigestStatusShort, a.noArguments, nil, (*ui).digestStatus},
	} {
		cmd.AddCommand(a.digestPart(p))
	}
	a.describe(cmd, nil)
	return cmd
}

// A digestPart is one of its commands.
type digestPart struct {
	use    string
	short  text
	args   cobra.PositionalArgs
	groups []flagGroup
	run    func(u *ui, ctx context.Context, f *digestFlags, args []string) (int, error)
}

func (a *app) digestPart(p digestPart) *cobra.Command {
	f := new(digestFlags)
	cmd := &cobra.Command{
		Use: p.use + " [FLAG...]", Short: a.ui.say(p.short), Long: a.ui.say(p.short), Args: p.args,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			a.exit, err = p.run(a.ui, cmd.Context(), f, args)
			if err != nil {
				a.exit, err = a.ui.digestError(err)
			}
			return err
		},
	}
	set := cmd.Flags()
	set.StringVar(&f.config, "config", "digest.toml", "")
	set.BoolVar(&f.json, "json", false, "")
	for _, g := range p.groups {
		for _, w := range g.flags {
			f.define(set, w.name)
		}
	}
	a.describe(cmd, append(append([]flagGroup{}, p.groups...), digestCommonWords))
	return cmd
}

// define makes a flag, by its name.
func (f *digestFlags) define(set *pflag.FlagSet, name string) {
	texts := map[string]*string{
		"http": &f.http, "name": &f.name, "every": &f.every, "images": &f.images, "frequency": &f.frequency, "feeds": &f.feeds, "language": &f.language, "why": &f.why,
		"from": &f.from, "url": &f.url,
	}
	switch name {
	case "server":
		set.StringArrayVar(&f.servers, name, nil, "")
	case "verbose":
		set.BoolVarP(&f.verbose, name, "v", false, "")
	case "now":
		set.BoolVar(&f.now, name, false, "")
	case "confirmed":
		set.BoolVar(&f.confirmed, name, false, "")
	case "complaint":
		set.BoolVar(&f.complaint, name, false, "")
	case "output":
		set.StringVarP(&f.output, name, "o", "", "")
	default:
		set.StringVar(texts[name], name, "", "")
	}
}

// digestWords is for commands that want one word or more.
func (a *app) digestWords(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return &usageError{a.ui.say(wordDigestWhat)}
	}
	return nil
}

// digestWord is for a command that wants one.
func (a *app) digestWord(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return a.noArguments(cmd, args[1:])
	}
	return a.digestWords(cmd, args)
}

// openDigest opens the digest of the file. To send it must know by whom.
func (u *ui) openDigest(ctx context.Context, f *digestFlags, sends bool) (*digest.Digest, *digest.File, error) {
	file, err := digest.ReadFile(f.config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, &usageError{u.say(wordDigestNoFile, f.config)}
	}
	if err != nil {
		return nil, nil, u.jobFileError("digest", err)
	}
	if file.Database == "" {
		return nil, nil, &usageError{u.say(wordDigestNoDatabase, f.config)}
	}
	file.Config.Log = u.quietLog()
	var router *route.Router
	if sends && (file.Send || len(f.servers) > 0) {
		file.Config.Log = u.jobLog(f.verbose, f.json)
		if router, err = u.digestRouter(ctx, f, file); err != nil {
			return nil, nil, err
		}
		file.Config.Worker = outbox.Worker{Router: router, Bounces: outbox.Bounces{None: true}}
	}
	d, err := digest.Open(ctx, file.Database, file.Config)
	if err != nil {
		if router != nil {
			router.Close() //nolint:errcheck // the first error tells
		}
		return nil, nil, u.jobFileError("digest", u.opened(file.Database, err))
	}
	return d, file, nil
}

// digestRouter knows the servers that take the mails.
func (u *ui) digestRouter(ctx context.Context, f *digestFlags, file *digest.File) (*route.Router, error) {
	names, where := file.Servers, "servers" // in the file
	if len(f.servers) > 0 {
		names, where = f.servers, "--server"
	}
	return u.jobRouter(ctx, names, where, func(i int, s *server) route.Server { return route.Server{Name: laneName(i, s)} })
}

// digestError is what went wrong, for a person, and the exit code.
func (u *ui) digestError(err error) (int, error) {
	switch {
	case errors.Is(err, digest.ErrNoFeed):
		u.tell(u.say(wordDigestNoFeed))
		return exitMessage, nil
	case errors.Is(err, digest.ErrNoArticles):
		u.tell(u.say(wordDigestNoArticles))
		return exitMessage, nil
	case errors.Is(err, digest.ErrNoSubscriber):
		u.tell(u.say(wordDigestNoSubscriber))
		return exitMessage, nil
	case errors.Is(err, digest.ErrAddress):
		return 0, &usageError{strings.TrimPrefix(err.Error(), "digest: ")}
	case errors.As(err, new(*usageError)):
		return 0, err
	case errors.Is(err, context.Canceled):
		return exitLater, nil
	case errors.Is(err, os.ErrPermission), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist):
		return 0, &usageError{err.Error()}
	}
	if e, ok := errors.AsType[*adviceError](err); ok {
		u.advise(e)
		return e.exit, nil
	}
	if e, ok := errors.AsType[*digest.StayedOut](err); ok {
		u.tell(u.say(wordDigestStayedOut, e.Address, u.say(digestStateWords[e.State])))
		return exitMessage, nil
	}
	u.tell(strings.TrimPrefix(err.Error(), "digest: "))
	return exitRefused, nil
}
