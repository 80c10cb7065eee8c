package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parleymail/parley/outbox"
)

// queueFlags are the values of all that "parley queue" and its commands can be told.
type queueFlags struct {
	database, config, http string
	user, passwordFile     string
	json                   bool

	states                                      []string
	lane, class, topic, origin, from, recipient string
	messageID, since, until                     string
	limit                                       int
	yes                                         bool
	why, output                                 string
	filters                                     []string // those that were given
}

const (
	queuePage  = 1000 // asked for at a time
	queueLimit = 50   // shown, if nobody says how many
)

// queueCommand is "parley queue": alone it lists.
func (a *app) queueCommand() *cobra.Command {
	cmd := a.queuePart("queue [FLAG...]", wordQueueShort, wordQueueLong, true, a.noArguments, (*ui).queueList)
	cmd.AddCommand(
		a.queuePart("list [FLAG...]", wordQueueListShort, wordQueueListShort, true, a.noArguments, (*ui).queueList),
		a.queuePart("show ID", wordQueueShowShort, wordQueueShowShort, false, a.oneID, (*ui).queueShow),
		a.queuePart("why ID[/N]", wordQueueWhyShort, wordQueueWhyShort, false, a.oneID, (*ui).queueWhy),
		a.queuePart("lanes", wordQueueLanesShort, wordQueueLanesShort, false, a.noArguments, (*ui).queueLanes),
		a.queuePart("export ID", wordQueueExportShort, wordQueueExportShort, false, a.oneID, (*ui).queueExport),
		a.queuePart("suppressed", wordQueueSuppressedShort, wordQueueSuppressedShort, false, a.noArguments, (*ui).queueSuppressed),
		a.queuePart("suppress ADDRESS...", wordQueueSuppressShort, wordQueueSuppressShort, false, a.someWords, (*ui).queueSuppress),
		a.queuePart("unsuppress ADDRESS...", wordQueueUnsuppressShort, wordQueueUnsuppressShort, false, a.someWords, (*ui).queueUnsuppress),
	)
	for _, what := range []struct {
		name  string
		short text
	}{{"retry", wordQueueRetryShort}, {"hold", wordQueueHoldShort}, {"release", wordQueueReleaseShort}, {"cancel", wordQueueCancelShort}, {"purge", wordQueuePurgeShort}} {
		cmd.AddCommand(a.queuePart(what.name+" [ID[/N]...] [FLAG...]", what.short, what.short, true, nil, func(u *ui, ctx context.Context, s queueStore, f *queueFlags, args []string) error {
			return u.queueAct(ctx, s, f, what.name, args)
		}))
	}
	return cmd
}

// queuePart is one of its commands, with a store that is open while it runs.
func (a *app) queuePart(use string, short, long text, filters bool, args cobra.PositionalArgs, run func(u *ui, ctx context.Context, s queueStore, f *queueFlags, args []string) error) *cobra.Command {
	f := new(queueFlags)
	cmd := &cobra.Command{
		Use: use, Short: a.ui.say(short), Long: a.ui.say(long), Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			cmd.Flags().Visit(func(flag *pflag.Flag) {
				if slices.Contains(queueFilters, flag.Name) {
					f.filters = append(f.filters, flag.Name)
				}
			})
			s, err := a.ui.openQueue(cmd.Context(), f)
			if err == nil {
				err = run(a.ui, cmd.Context(), s, f, args)
				s.Close()
			}
			a.exit, err = a.ui.queueError(err)
			return err
		},
	}
	set := cmd.Flags()
	set.StringVar(&f.database, "database", "", "")
	set.StringVar(&f.config, "config", "", "")
	set.StringVar(&f.http, "http", "", "")
	set.StringVar(&f.user, "user", "", "")
	set.StringVar(&f.passwordFile, "password-file", "", "")
	set.BoolVar(&f.json, "json", false, "")
	groups := []flagGroup{queueWhereWords}
	name, _, _ := strings.Cut(use, " ")
	if filters {
		f.defineFilters(set)
		groups = append(groups, queueFilterWords)
	}
	switch name {
	case "queue", "list":
		set.IntVar(&f.limit, "limit", queueLimit, "")
		groups = append(groups, queueLimitWords)
	case "retry", "hold", "release", "cancel", "purge":
		set.BoolVar(&f.yes, "yes", false, "")
		set.StringVar(&f.why, "why", "", "")
		groups = append(groups, queueActWords)
	case "suppress":
		set.StringVar(&f.why, "why", "", "")
		groups = append(groups, queueSuppressWords)
	case "export":
		set.StringVarP(&f.output, "output", "o", "", "")
		groups = append(groups, queueExportWords)
	}
	a.describe(cmd, append(groups, queueOtherWords))
	return cmd
}

// queueFilters are the flags that say which mails are meant.
var queueFilters = []string{"state", "lane", "class", "topic", "origin", "from", "to", "message-id", "since", "until"}

func (f *queueFlags) defineFilters(set *pflag.FlagSet) {
	set.StringSliceVar(&f.states, "state", nil, "")
	set.StringVar(&f.lane, "lane", "", "")
	set.StringVar(&f.class, "class", "", "")
	set.StringVar(&f.topic, "topic", "", "")
	set.StringVar(&f.origin, "origin", "", "")
	set.StringVar(&f.from, "from", "", "")
	set.StringVar(&f.recipient, "to", "", "")
	set.StringVar(&f.messageID, "message-id", "", "")
	set.StringVar(&f.since, "since", "", "")
	set.StringVar(&f.until, "until", "", "")
}

// query is what the filters say.
func (u *ui) queueQuery(f *queueFlags) (q outbox.Query, err error) {
	q = outbox.Query{Lane: f.lane, Class: f.class, Topic: f.topic, Origin: f.origin, Sender: f.from, Recipient: f.recipient, MessageID: f.messageID}
	for _, name := range f.states {
		s, err := outbox.ParseState(strings.TrimSpace(name))
		if err != nil {
			return q, &usageError{"--state: " + err.Error()}
		}
		q.States = append(q.States, s)
	}
	if f.class != "" {
		if _, err := outbox.ParseClass(f.class); err != nil {
			return q, &usageError{"--class: " + err.Error()}
		}
	}
	for name, at := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		text := map[string]string{"since": f.since, "until": f.until}[name]
		if text == "" {
			continue
		}
		if *at, err = queueTime(text, time.Now()); err != nil {
			return q, &usageError{u.say(wordQueueTime, name, text)}
		}
	}
	return q, nil
}

// queueTime reads a time, a day, or how long ago it was.
func queueTime(text string, now time.Time) (time.Time, error) {
	for _, form := range []string{time.DateOnly, "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return at, nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Parse(time.RFC3339, text)
}

// oneID and someWords are what commands want behind their names.
func (a *app) oneID(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &usageError{a.ui.say(wordQueueOneID)}
	}
	return nil
}

func (a *app) someWords(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return &usageError{a.ui.say(wordQueueAddress)}
	}
	return nil
}

// queueRef reads ID or ID/N.
func (u *ui) queueRef(text string) (outbox.Ref, error) {
	id, place, one := strings.Cut(text, "/")
	message, err := outbox.ParseID(id)
	ref := outbox.All(message)
	if err == nil && one {
		ref.Recipient, err = strconv.Atoi(place)
	}
	if err != nil || one && ref.Recipient < 0 {
		return ref, &usageError{u.say(wordQueueBadID, text)}
	}
	return ref, nil
}

// queueAct does something to mails: those that are named, or all that the filters fit.
func (u *ui) queueAct(ctx context.Context, s queueStore, f *queueFlags, what string, args []string) error {
	switch {
	case len(args) == 0 && len(f.filters) == 0:
		return &usageError{u.say(wordQueueWhich, what)}
	case len(args) > 0 && len(f.filters) > 0:
		return &usageError{u.say(wordQueueEither)}
	}
	if len(args) == 0 {
		return u.queueActOnAll(ctx, s, f, what)
	}
	refs := make([]outbox.Ref, len(args))
	for i, arg := range args {
		ref, err := u.queueRef(arg)
		if err != nil {
			return err
		}
		if what == "purge" && ref.Recipient >= 0 {
			return &usageError{u.say(wordQueuePurgeWhole)}
		}
		refs[i] = ref
	}
	changed := 0
	for _, ref := range refs {
		c, err := s.act(ctx, what, f.why, ref)
		if err != nil {
			return err
		}
		if c.Changed == 0 && !f.json {
			if err := u.queueUnchanged(ctx, s, what, ref); err != nil {
				return err
			}
		}
		changed += c.Changed
	}
	u.queueDone(f, changed, 0)
	return nil
}

func (u *ui) queueActOnAll(ctx context.Context, s queueStore, f *queueFlags, what string) error {
	q, err := u.queueQuery(f)
	if err != nil {
		return err
	}
	if asker := u.asker(); !f.yes && !asker.person() {
		return &usageError{u.say(wordQueueYes)}
	} else if !f.yes {
		line, err := asker.line(ctx, u.say(wordQueueSure, what, "--"+strings.Join(f.filters, ", --")))
		if err != nil {
			return err
		}
		if answer := strings.ToLower(line); answer != "yes" && answer != "y" && answer != "是" {
			u.tell(u.say(wordQueueNothing))
			return nil
		}
	}
	c, err := s.actOnAll(ctx, what, f.why, q)
	if err != nil {
		return err
	}
	u.queueDone(f, c.Changed, c.Skipped)
	if c.Changed == 0 && c.Skipped == 0 && !f.json && queueFor[what] != nil {
		u.tell(u.say(wordQueueNoneFits, what, u.queueStates(what)))
	}
	return nil
}

// queueFor are the states that something can be done to a mail in.
var queueFor = map[string][]outbox.State{
	"retry": {outbox.Queued, outbox.Deferred, outbox.Bounced, outbox.Expired}, "hold": {outbox.Queued, outbox.Deferred}, "release": {outbox.Held, outbox.Unknown},
	"cancel": {outbox.Queued, outbox.Deferred, outbox.Held, outbox.Unknown},
}

func (u *ui) queueStates(what string) string {
	var words []string
	for _, state := range queueFor[what] {
		words = append(words, u.say(stateWords[state]))
	}
	return strings.Join(words, u.say(wordListComma))
}

// queueUnchanged says why nothing was done to a mail.
func (u *ui) queueUnchanged(ctx context.Context, s queueStore, what string, ref outbox.Ref) error {
	m, err := s.show(ctx, ref.Message)
	if err != nil || queueFor[what] == nil {
		return err
	}
	var are []string
	for i := range m.Recipients {
		if ref.Recipient < 0 || ref.Recipient == m.Recipients[i].Recipient {
			if word := u.say(stateWords[m.Recipients[i].State]); !slices.Contains(are, word) {
				are = append(are, word)
			}
		}
	}
	u.tell(u.say(wordQueueUnchanged, ref.Message, strings.Join(are, u.say(wordListComma)), what, u.queueStates(what)))
	return nil
}

// queueExport writes a mail as it was handed over.
func (u *ui) queueExport(ctx context.Context, s queueStore, f *queueFlags, args []string) error {
	ref, err := u.queueRef(args[0])
	if err != nil {
		return err
	}
	content, err := s.content(ctx, ref.Message)
	if err != nil {
		return err
	}
	defer content.Close()
	if f.output == "" || f.output == "-" {
		_, err = io.Copy(u.out, content)
		return err
	}
	file, err := os.OpenFile(f.output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &usageError{"--output: " + err.Error()}
	}
	if _, err = io.Copy(file, content); err == nil {
		err = file.Close()
	} else {
		file.Close()
	}
	if err != nil {
		os.Remove(f.output) //nolint:errcheck // a part of a mail is not to look like all of it
	}
	return err
}

// queueSuppress and queueUnsuppress change the list of addresses that nothing is sent to.
func (u *ui) queueSuppress(ctx context.Context, s queueStore, f *queueFlags, args []string) error {
	for _, address := range args {
		if err := s.suppress(ctx, outbox.Suppression{Address: address, Reason: "manual", Detail: f.why}); err != nil {
			return err
		}
	}
	u.queueDone(f, len(args), 0)
	return nil
}

func (u *ui) queueUnsuppress(ctx context.Context, s queueStore, f *queueFlags, args []string) error {
	for _, address := range args {
		if err := s.unsuppress(ctx, address); err != nil {
			return err
		}
	}
	u.queueDone(f, len(args), 0)
	return nil
}

// quietLog has what goes on in the background of a box told to nobody: what we ask for we hear of.
func (*ui) quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
