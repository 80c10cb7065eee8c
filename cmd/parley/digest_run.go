package main

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/digest"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/web"
)

// digestRun is "parley digest run".
func (u *ui) digestRun(ctx context.Context, f *digestFlags, _ []string) (int, error) {
	d, file, err := u.openDigest(ctx, f, true)
	if err != nil {
		return 0, err
	}
	defer d.Close() //nolint:errcheck // all is written
	before, err := d.Status(ctx)
	if err != nil {
		return 0, err
	}
	if f.now {
		if err := d.LookAgain(ctx); err != nil {
			return 0, err
		}
	}
	r, err := d.Once(ctx)
	if err != nil {
		return 0, err
	}
	s, err := d.Status(ctx)
	if err != nil {
		return 0, err
	}
	done := map[outbox.State]int{}
	for _, state := range []outbox.State{outbox.Sent, outbox.Bounced, outbox.Expired} {
		done[state] = s.Mails[state] - before.Mails[state]
	}
	waits := max(s.Mails[outbox.Deferred]+s.Mails[outbox.Queued]+s.Mails[outbox.Sending], len(s.Waiting))
	if f.json {
		u.printJSON(struct {
			Event string `json:"event"`
			digest.Report
			Sent    int `json:"sent"`
			Waiting int `json:"waiting"`
			GivenUp int `json:"given_up"`
			Unknown int `json:"unknown"`
		}{"round", r, done[outbox.Sent], waits, done[outbox.Bounced] + done[outbox.Expired], s.Mails[outbox.Unknown]})
	} else {
		u.print(u.say(wordDigestRound, r.Feeds, r.Failed, r.Articles, r.Held, r.Mails))
		u.print(u.say(wordDigestSent, done[outbox.Sent], waits, done[outbox.Bounced]+done[outbox.Expired], s.Mails[outbox.Unknown]))
	}
	u.digestDoubts(s, file)
	if waits > 0 && file.Send {
		return exitLater, nil
	}
	return exitTaken, nil
}

// digestTry is "parley digest try".
func (u *ui) digestTry(ctx context.Context, f *digestFlags, args []string) (int, error) {
	d, file, err := u.openDigest(ctx, f, true)
	if err != nil {
		return 0, err
	}
	defer d.Close() //nolint:errcheck // all is written
	lang, err := u.digestLanguage(f, file.Config.Lang)
	if err != nil {
		return 0, err
	}
	id, articles, err := d.Try(ctx, args[0], lang)
	if err == nil {
		err = d.SendWaiting(ctx)
	}
	if err != nil {
		return 0, err
	}
	shown, err := d.Box().Show(ctx, id)
	if err != nil {
		return 0, err
	}
	now := shown.Recipients[0]
	if f.json {
		u.printJSON(struct {
			Event    string       `json:"event"`
			To       string       `json:"to"`
			Articles int          `json:"articles"`
			State    outbox.State `json:"state"`
			Reply    string       `json:"reply,omitempty"`
		}{"tried", args[0], articles, now.State, now.Reply})
	} else {
		became := u.say(stateWords[now.State])
		if now.Reply != "" {
			became = u.say(wordDigestBecame, became, now.Reply)
		}
		if now.State == outbox.Queued && !file.Send && len(f.servers) == 0 {
			became = u.say(wordDigestTriedOther)
		}
		u.print(smtp.Printable(u.say(wordDigestTried, args[0], articles, became)))
	}
	if s, err := d.Status(ctx); err == nil && !now.State.Final() {
		u.digestDoubts(s, file)
	}
	switch {
	case now.State == outbox.Sent, now.State == outbox.Queued && !file.Send:
		return exitTaken, nil
	case now.State.Final():
		return exitRefused, nil
	}
	return exitLater, nil
}

// digestDoubts tells of mails that wait for a server, of the cause and the fix once for all that fail alike, and of those that wait for a person's word.
func (u *ui) digestDoubts(s *digest.Status, file *digest.File) {
	lang, told := diagnose.Lang(u.lang), map[string]bool{}
	for i := range s.Waiting {
		item := &s.Waiting[i]
		reply := item.Reply
		if reply == "" { // it was not tried: its lane may be why
			if why := outbox.Why(*item, s.Lanes, time.Now()); why.Fix.En != "" && !told[item.Lane] {
				told[item.Lane] = true
				u.tell(smtp.Printable(u.say(wordDigestWaits, item.Path, why.Cause.In(lang))))
				u.tellPlain("fix: " + smtp.Printable(why.Fix.In(lang)))
			}
			continue
		}
		if told[reply] {
			continue
		}
		told[reply] = true
		u.tell(smtp.Printable(u.say(wordDigestUnsent, item.Path, reply)))
		if d := diagnose.Default().Text(reply, diagnose.Hint{}); d.Cause.En != "" {
			u.tellPlain("cause: " + smtp.Printable(d.Cause.In(lang)))
			u.tellPlain("fix: " + smtp.Printable(d.Fix.In(lang)))
		}
	}
	if len(told) > 0 {
		u.tell(u.say(wordAlertQueue, withoutPassword(file.Database)))
	}
	if n := s.Mails[outbox.Unknown]; n > 0 {
		u.tell(u.say(wordDigestUnknown, n, withoutPassword(file.Database)))
	}
}

// digestServe is "parley digest serve".
func (u *ui) digestServe(ctx context.Context, f *digestFlags, _ []string) (int, error) {
	d, file, err := u.openDigest(ctx, f, true)
	if err != nil {
		return 0, err
	}
	defer d.Close() //nolint:errcheck // all is written
	port := jobPort{cmp.Or(f.http, file.HTTP, "127.0.0.1:8027"), file.Config.Proxied, file.Certificate, file.Key, wordDigestOpen}
	l, scheme, err := port.listen(u)
	if err != nil {
		return 0, err
	}
	server := web.HTTPServer(d.Handler())
	server.ErrorLog = slog.NewLogLogger(u.jobLog(f.verbose, f.json).Handler(), slog.LevelInfo)
	err = serveBeside(l, server, httpPatience, func() error {
		u.digestStarted(f, file, scheme+reachableBy(l))
		return d.Run(ctx)
	})
	if err != nil {
		return 0, err
	}
	late, stop := context.WithTimeout(context.Background(), httpPatience)
	defer stop()
	u.digestStopped(late, f, d)
	return exitTaken, nil
}

func (u *ui) digestStarted(f *digestFlags, file *digest.File, page string) {
	if f.json {
		u.printJSON(struct {
			Event    string `json:"event"`
			HTTP     string `json:"http"`
			URL      string `json:"url"`
			Database string `json:"database"`
			Version  string `json:"version"`
		}{"listening", page, file.Config.URL, withoutPassword(file.Database), version()})
		return
	}
	by := u.say(wordDigestOther)
	if file.Send || len(f.servers) > 0 {
		by = strings.Join(shownServers(f.servers, file.Servers), ", ")
	}
	u.print(u.styles.title.Render(u.say(wordDigestTitle)))
	for _, row := range []struct {
		label text
		value string
	}{{wordDigestPages, page}, {wordDigestReached, file.Config.URL}, {wordDigestKept, withoutPassword(file.Database)}, {wordDigestSends, by}} {
		u.print("  " + pad(u.say(row.label), 12) + smtp.Printable(row.value))
	}
	if !strings.HasPrefix(file.Config.URL, "https://") {
		u.warn(wordDigestNoClick)
	}
	u.print(u.say(wordDigestRunning))
}

// shownServers are names of servers as they may be shown: a URL's password is not.
func shownServers(flags, file []string) (list []string) {
	if len(flags) > 0 {
		file = flags
	}
	for _, name := range file {
		if strings.Contains(name, "://") {
			before, info, after := splitURL(name)
			user, _, _ := strings.Cut(info, ":")
			if name = before + after; user != "" {
				name = before + user + "@" + after
			}
		}
		list = append(list, name)
	}
	if len(list) == 0 {
		list = []string{"SMTP_URL"}
	}
	return list
}

func (u *ui) digestStopped(ctx context.Context, f *digestFlags, d *digest.Digest) {
	waits := 0
	if s, err := d.Status(ctx); err == nil {
		for state, n := range s.Mails {
			if !state.Final() {
				waits += n
			}
		}
	}
	if f.json {
		u.printJSON(stoppedLine{"stopped", waits})
		return
	}
	u.print(u.say(wordDigestStopped, waits))
}
