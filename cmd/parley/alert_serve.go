package main

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"github.com/parleymail/parley/alert"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/web"
)

// alertServe is "parley alert serve".
func (u *ui) alertServe(ctx context.Context, f *alertFlags, _ []string) (int, error) {
	a, file, err := u.openAlerts(ctx, f, true)
	if err != nil {
		return 0, err
	}
	defer a.Close() //nolint:errcheck // all is written
	port := jobPort{cmp.Or(f.http, file.HTTP, "127.0.0.1:8028"), file.Proxied, file.Certificate, file.Key, wordAlertOpen}
	l, scheme, err := port.listen(u)
	if err != nil {
		return 0, err
	}
	server := web.HTTPServer(a.Handler())
	server.ErrorLog = slog.NewLogLogger(u.quietLog().Handler(), slog.LevelInfo)
	err = serveBeside(l, server, httpPatience, func() error {
		u.alertStarted(f, file, scheme+reachableBy(l))
		return a.Run(ctx)
	})
	if err != nil {
		return 0, err
	}
	late, stop := context.WithTimeout(context.Background(), httpPatience)
	defer stop()
	waits := 0
	if s, err := a.Status(late); err == nil {
		for _, state := range []outbox.State{outbox.Queued, outbox.Deferred, outbox.Sending} {
			waits += s.Mails[state]
		}
	}
	if f.json {
		u.printJSON(stoppedLine{"stopped", waits})
	} else {
		u.print(u.say(wordDigestStopped, waits))
	}
	return exitTaken, nil
}

func (u *ui) alertStarted(f *alertFlags, file *alert.File, page string) {
	if f.json {
		u.printJSON(struct {
			Event    string `json:"event"`
			HTTP     string `json:"http"`
			Database string `json:"database"`
			Version  string `json:"version"`
		}{"listening", page, withoutPassword(file.Database), version()})
		return
	}
	by := u.say(wordDigestOther)
	if file.Send || len(f.servers) > 0 {
		by = strings.Join(shownServers(f.servers, file.Servers), ", ")
	}
	u.print(u.styles.title.Render(u.say(wordAlertTitle)))
	rows := [][2]string{{u.say(wordDigestKept), withoutPassword(file.Database)}, {u.say(wordDigestSends), by}}
	for _, h := range file.Config.Hooks {
		rows = append(rows, [2]string{u.say(wordAlertHook), strings.TrimSuffix(page, "/") + "/hook/" + h.Name})
	}
	for _, w := range file.Config.Watches {
		rows = append(rows, [2]string{u.say(wordAlertWatch), w.Name})
	}
	for _, r := range rows {
		u.print("  " + pad(r[0], 12) + smtp.Printable(r[1]))
	}
	u.print(u.say(wordDigestRunning))
}

// alertStatus is "parley alert status".
func (u *ui) alertStatus(ctx context.Context, f *alertFlags, _ []string) (int, error) {
	a, file, err := u.openAlerts(ctx, f, false)
	if err != nil {
		return 0, err
	}
	defer a.Close() //nolint:errcheck // nothing was written
	s, err := a.Status(ctx)
	if err != nil {
		return 0, err
	}
	exit := exitTaken
	if len(s.Unmailed) > 0 {
		exit = exitLater
	}
	for _, m := range s.Unmailed {
		if m.Lost {
			exit = exitRefused
		}
	}
	if f.json {
		u.printJSON(s)
		return exit, nil
	}
	u.heading(u.say(wordAlertFiring, s.Firing))
	for i := range s.Groups {
		u.alertGroup(&s.Groups[i])
	}
	if len(s.Groups) == 0 {
		u.print("  " + u.say(wordAlertNothing))
	}
	u.alertWatched(s)
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
	u.alertUnmailed(s, file)
	return exit, nil
}

const mostAlertsShown = 20 // of one group

func (u *ui) alertGroup(g *alert.Group) {
	u.indentedLines(u.say(wordAlertGroup, g.Receiver, g.Name))
	note := func(s string) {
		for _, part := range wrap(s, u.width-5, 0) {
			u.print("    " + u.styles.note.Render(smtp.Printable(part)))
		}
	}
	for i := range g.Alerts {
		if i == mostAlertsShown {
			note(u.say(wordAlertMore, len(g.Alerts)-i))
			break
		}
		x := &g.Alerts[i]
		word := wordAlertIsFiring
		switch x.State {
		case alert.Resolved:
			word = wordAlertIsResolved
		case alert.Once:
			word = wordAlertIsOnce
		case alert.Firing:
		}
		note(u.say(word, x.Title, x.Starts.Local().Format("2006-01-02 15:04:05")))
	}
	if g.Waits > 0 {
		note(u.say(wordAlertWaits, g.Waits, g.Name, u.alertWhy(g)))
	}
}

func (u *ui) alertWatched(s *alert.Status) {
	if len(s.Watches)+len(s.Beats) == 0 {
		return
	}
	u.heading(u.say(wordAlertWatches))
	for _, w := range s.Watches {
		line := u.say(wordAlertWell, w.Name)
		if w.Failures > 0 {
			first, _, _ := strings.Cut(w.Error, "\n")
			line = u.say(wordAlertIll, w.Name, w.Failures, first)
		}
		u.indentedLines(line)
	}
	for _, b := range s.Beats {
		word := wordAlertBeats
		if b.Firing {
			word = wordAlertNoBeat
		}
		u.indentedLines(u.say(word, b.Name, b.Last.Local().Format("2006-01-02 15:04:05")))
	}
}
