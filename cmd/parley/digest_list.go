package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/digest"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// digestAdd is "parley digest add": each feed is looked at once, so that a mistake is seen at once.
func (u *ui) digestAdd(ctx context.Context, f *digestFlags, args []string) (int, error) {
	one := digest.Feed{Name: f.name}
	if f.every != "" {
		every, err := time.ParseDuration(f.every)
		if err != nil || every < 5*time.Minute {
			return 0, &usageError{u.say(wordDigestEvery, f.every)}
		}
		one.Every = every
	}
	if f.images != "" {
		if err := one.Images.UnmarshalText([]byte(f.images)); err != nil {
			return 0, &usageError{u.say(wordDigestBadFlag, "images", err.Error())}
		}
	}
	d, _, err := u.openDigest(ctx, f, false)
	if err != nil {
		return 0, err
	}
	defer d.Close() //nolint:errcheck // all is written
	added := make(map[int64]bool)
	for _, arg := range args {
		one.URL = arg
		got, err := d.AddFeed(ctx, one)
		if err != nil {
			return exitMessage, err
		}
		added[got.ID] = true
	}
	looked, err := d.Look(ctx)
	if err != nil {
		return 0, err
	}
	list, err := d.Feeds(ctx)
	exit := exitTaken
	for _, feed := range list {
		switch {
		case !added[feed.ID]:
		case f.json:
			u.printJSON(feed)
		case feed.Error != "":
			u.tell(u.say(wordDigestAddedBad, feed.ID, withoutPassword(feed.URL), feed.Error, feed.ID))
			if cause, fix := feed.Why(); cause.En != "" {
				u.tellPlain("cause: " + cause.In(diagnose.Lang(u.lang)))
				u.tellPlain("fix: " + fix.In(diagnose.Lang(u.lang)))
			}
			exit = exitRefused
		case len(added) == 1:
			u.print(smtp.Printable(u.say(wordDigestAddedGood, feed.ID, shownFeed(&feed), looked.Articles)))
		default:
			u.print(smtp.Printable(u.say(wordDigestAdded, feed.ID, shownFeed(&feed))))
		}
	}
	if s, e := d.Status(ctx); e == nil && s.Subscribers[digest.Subscribed] == 0 && looked.Articles > 0 && !f.json {
		u.tell(u.say(wordDigestToNobody))
	}
	return exit, err
}

// shownFeed is what a feed is called in a list.
func shownFeed(f *digest.Feed) string { return f.Shown() }

func (u *ui) digestRemove(ctx context.Context, f *digestFlags, args []string) (int, error) {
	return u.digestEach(ctx, f, args, func(d *digest.Digest, arg string) (text, error) {
		return wordDigestRemoved, d.RemoveFeed(ctx, arg)
	})
}

// digestEach does something for each of what was named.
func (u *ui) digestEach(ctx context.Context, f *digestFlags, args []string, do func(d *digest.Digest, arg string) (text, error)) (int, error) {
	d, _, err := u.openDigest(ctx, f, false)
	if err != nil {
		return 0, err
	}
	defer d.Close() //nolint:errcheck // all is written
	for _, arg := range args {
		said, err := do(d, arg)
		if err != nil {
			return 0, err
		}
		if !f.json {
			u.print(smtp.Printable(u.say(said, arg)))
		}
	}
	return exitTaken, nil
}

func (u *ui) digestSubscribe(ctx context.Context, f *digestFlags, args []string) (int, error) {
	file, err := digest.ReadFile(f.config)
	if err != nil {
		_, _, err = u.openDigest(ctx, f, false) // it words that
		return 0, err
	}
	s := digest.Subscriber{Lang: file.Config.Lang, Choice: digest.Choice{Frequency: file.Config.Frequency, All: true}}
	if f.frequency != "" {
		if s.Frequency, err = digest.ParseFrequency(f.frequency); err != nil {
			return 0, &usageError{u.say(wordDigestBadFlag, "frequency", err.Error())}
		}
	}
	if s.Lang, err = u.digestLanguage(f, s.Lang); err != nil {
		return 0, err
	}
	if f.feeds != "" {
		if s.Feeds = digest.ParseFeeds(f.feeds); len(s.Feeds) == 0 {
			return 0, &usageError{u.say(wordDigestBadFlag, "feeds", f.feeds)}
		}
		s.All = false
	}
	return u.digestEach(ctx, f, args, func(d *digest.Digest, arg string) (text, error) {
		s.Address = arg
		if f.confirmed {
			_, err := d.Subscribe(ctx, s, false)
			return wordDigestSubscribed, err
		}
		if had, err := d.Subscriber(ctx, arg); err == nil && had.State == digest.Complained {
			return wordDigestAsked, &digest.StayedOut{Address: had.Address, State: had.State}
		}
		return wordDigestAsked, d.Ask(ctx, s)
	})
}

// digestLanguage is that of --language, or another where it is left out.
func (u *ui) digestLanguage(f *digestFlags, other diagnose.Lang) (diagnose.Lang, error) {
	switch f.language {
	case "":
		return other, nil
	case "en":
		return diagnose.English, nil
	case "zh":
		return diagnose.Chinese, nil
	}
	return other, &usageError{"--language: " + u.say(wordNoneOf, f.language, "en, zh")}
}

func (u *ui) digestUnsubscribe(ctx context.Context, f *digestFlags, args []string) (int, error) {
	state := digest.Unsubscribed
	if f.complaint {
		state = digest.Complained
	}
	return u.digestEach(ctx, f, args, func(d *digest.Digest, arg string) (text, error) {
		return wordDigestLeft, d.Leave(ctx, arg, state, f.why)
	})
}

func (u *ui) digestForget(ctx context.Context, f *digestFlags, args []string) (int, error) {
	return u.digestEach(ctx, f, args, func(d *digest.Digest, arg string) (text, error) {
		return wordDigestForgotten, d.Forget(ctx, arg)
	})
}

// digestImport is "parley digest import": what is in a file its first letters tell.
func (u *ui) digestImport(ctx context.Context, f *digestFlags, args []string) (int, error) {
	d, _, err := u.openDigest(ctx, f, false)
	if err != nil {
		return 0, err
	}
	defer d.Close() //nolint:errcheck // all is written
	exit := exitTaken
	for _, name := range args {
		file, err := os.Open(name)
		if err != nil {
			return 0, &usageError{err.Error()}
		}
		begin := make([]byte, 512)
		n, _ := io.ReadFull(file, begin) // a short file is one too
		whole := io.MultiReader(bytes.NewReader(begin[:n]), file)
		var bad bool
		if bytes.HasPrefix(bytes.TrimLeft(begin[:n], "\xef\xbb\xbf \t\r\n"), []byte("<")) {
			bad, err = u.importFeeds(ctx, d, f, whole)
		} else {
			bad, err = u.importPeople(ctx, d, f, whole)
		}
		file.Close()
		if err != nil {
			return 0, err
		}
		if bad {
			exit = exitMessage
		}
	}
	return exit, nil
}

func (u *ui) importFeeds(ctx context.Context, d *digest.Digest, f *digestFlags, r io.Reader) (bad bool, err error) {
	got, err := d.ImportOPML(ctx, r)
	for _, e := range got.Bad {
		u.tell(strings.TrimPrefix(e.Error(), "digest: "))
	}
	if err != nil {
		return true, err
	}
	if f.json {
		u.printJSON(struct {
			Feeds int `json:"feeds"`
			There int `json:"there,omitempty"`
			Bad   int `json:"bad,omitempty"`
		}{len(got.Added), got.There, len(got.Bad)})
	} else {
		u.print(u.say(wordDigestImportFeeds, len(got.Added), got.There, len(got.Bad)))
	}
	return len(got.Bad) > 0, nil
}

func (u *ui) importPeople(ctx context.Context, d *digest.Digest, f *digestFlags, r io.Reader) (bad bool, err error) {
	got, err := d.ImportCSV(ctx, r, f.confirmed)
	for _, b := range got.Bad {
		u.tell(u.say(wordDigestBadRow, b.Line, b.Why))
	}
	if err != nil {
		return true, err
	}
	if f.json {
		u.printJSON(got)
	} else {
		u.print(u.say(wordDigestImported, got.Subscribed, got.Asked, got.There, got.Out, len(got.Bad)))
	}
	return len(got.Bad) > 0, nil
}

func (u *ui) digestExport(ctx context.Context, f *digestFlags, args []string) (int, error) {
	if len(args) != 1 || args[0] != "subscribers" && args[0] != "feeds" {
		return 0, &usageError{u.say(wordDigestExportWhich)}
	}
	d, _, err := u.openDigest(ctx, f, false)
	if err != nil {
		return 0, err
	}
	defer d.Close() //nolint:errcheck // all is written
	out, finish := u.out, func() error { return nil }
	if f.output != "" && f.output != "-" {
		file, err := os.OpenFile(f.output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			return 0, &usageError{u.say(wordDigestFileThere, f.output)}
		}
		if err != nil {
			return 0, &usageError{"--output: " + err.Error()}
		}
		out, finish = file, file.Close
	}
	if args[0] == "feeds" {
		err = d.ExportOPML(ctx, out)
	} else {
		err = d.ExportCSV(ctx, out)
	}
	if e := finish(); err == nil {
		err = e
	}
	return exitTaken, err
}

// digestInit is "parley digest init".
func (u *ui) digestInit(_ context.Context, f *digestFlags, _ []string) (int, error) {
	if f.name == "" || f.from == "" || f.url == "" {
		return 0, &usageError{u.say(wordDigestInitWants)}
	}
	if _, err := mail.ParseAddress(f.from); err != nil {
		return 0, &usageError{u.say(wordDigestBadFlag, "from", err.Error())}
	}
	lang := "en"
	if u.lang == chinese {
		lang = "zh"
	}
	zone := u.env("TZ")
	if _, err := time.LoadLocation(zone); err != nil || zone == "" || strings.HasPrefix(zone, "/") {
		if zone = time.Local.String(); zone == "Local" {
			zone = localZone()
		}
	}
	content, err := digest.NewFile(f.name, f.from, f.url, lang, zone, f.servers)
	if err != nil {
		return 0, u.jobFileError("digest", err)
	}
	file, err := os.OpenFile(f.config, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return 0, &usageError{u.say(wordDigestThere, f.config)}
	}
	if err != nil {
		return 0, &usageError{err.Error()}
	}
	_, err = file.Write(content)
	if e := file.Close(); err == nil {
		err = e
	}
	if err == nil {
		u.print(u.say(wordDigestWritten, f.config))
	}
	return exitTaken, err
}

// localZone is this machine's time zone by its name, where that can be found.
func localZone() string {
	if at, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(filepath.ToSlash(at), "zoneinfo/"); ok {
			return name
		}
	}
	return "UTC"
}

// digestStatus is "parley digest status".
func (u *ui) digestStatus(ctx context.Context, f *digestFlags, _ []string) (int, error) {
	d, file, err := u.openDigest(ctx, f, false)
	if err != nil {
		return 0, err
	}
	defer d.Close() //nolint:errcheck // nothing was written
	s, err := d.Status(ctx)
	if err != nil {
		return 0, err
	}
	if f.json {
		u.printJSON(s)
		return exitTaken, nil
	}
	u.heading(u.say(wordDigestFeeds))
	for i := range s.Feeds {
		u.digestFeed(&s.Feeds[i])
	}
	if len(s.Feeds) == 0 {
		u.print("  " + u.say(wordDigestNoFeeds))
	}
	u.heading(u.say(wordDigestPeople))
	u.digestPeople(s)
	u.heading(u.say(wordDigestMails))
	var counts []string
	for _, state := range digestMailStates {
		if n := s.Mails[state]; n > 0 {
			counts = append(counts, u.say(wordDigestCount, u.say(stateWords[state]), n))
		}
	}
	if len(counts) == 0 {
		counts = []string{u.say(wordQueueEmpty)}
	}
	u.indentedLines(strings.Join(counts, u.say(wordListComma)))
	u.digestDoubts(s, file)
	return exitTaken, nil
}

// indentedLines prints a paragraph two columns in.
func (u *ui) indentedLines(s string) {
	for _, l := range wrap(s, u.width-3, 0) {
		u.print("  " + smtp.Printable(l))
	}
}

func (u *ui) digestFeed(f *digest.Feed) {
	u.indentedLines(u.say(wordDigestAdded, f.ID, f.Shown()))
	state, more := u.say(wordDigestNever), []string(nil)
	switch {
	case f.Gone:
		state = u.say(wordDigestGone)
	case f.Failures > 0:
		state = u.say(wordDigestFailing, f.Failures, f.Error)
		if cause, fix := f.Why(); cause.En != "" {
			more = append(more, cause.In(diagnose.Lang(u.lang)), fix.In(diagnose.Lang(u.lang)))
		}
		if !f.Next.IsZero() {
			state = u.say(wordDigestRemains, state, u.say(wordDigestNext, f.Next.Local().Format("2006-01-02 15:04")))
		}
	case !f.Good.IsZero() && !f.Next.IsZero():
		state = u.say(wordDigestNext, f.Next.Local().Format("2006-01-02 15:04"))
	}
	lines := append([]string{withoutPassword(f.URL), state}, more...)
	if f.Held > 0 {
		lines = append(lines, u.say(wordDigestHeld, f.Held))
	}
	if f.Moved != "" {
		lines = append(lines, u.say(wordDigestMoved, f.Moved))
	}
	for _, l := range lines {
		for _, part := range wrap(l, u.width-5, 0) {
			u.print("    " + u.styles.note.Render(smtp.Printable(part)))
		}
	}
}

func (u *ui) digestPeople(s *digest.Status) {
	var counts []string
	for state := digest.Asked; state <= digest.Complained; state++ {
		if n := s.Subscribers[state]; n > 0 {
			counts = append(counts, u.say(wordDigestCount, u.say(digestStateWords[state]), n))
		}
	}
	if len(counts) == 0 {
		counts = []string{u.say(wordDigestNobody)}
	}
	u.indentedLines(strings.Join(counts, u.say(wordListComma)))
	counts = nil
	for _, frequency := range []digest.Frequency{digest.AtOnce, digest.EveryDay, digest.EveryWeek} {
		if n := s.Frequencies[frequency]; n > 0 {
			counts = append(counts, u.say(wordDigestCount, u.say(digestFrequencyWords[frequency]), n))
		}
	}
	if len(counts) > 0 {
		u.indentedLines(strings.Join(counts, u.say(wordListComma)))
	}
	if !s.Next.IsZero() {
		u.indentedLines(u.say(wordDigestNextMail, s.Next.Local().Format("2006-01-02 15:04")))
	}
	if s.Requests > 0 {
		u.indentedLines(u.say(wordDigestPending, s.Requests))
	}
}
