package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/parleymail/parley/alert"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// alertPatience is how long a command waits for a server to take its mail. What was not taken by then is kept.
const alertPatience = 20 * time.Second

// alertSend is "parley alert send".
func (u *ui) alertSend(ctx context.Context, f *alertFlags, args []string) (int, error) {
	if (f.resolve || f.ends > 0) && f.key == "" {
		return 0, &usageError{u.say(wordAlertWantsKey)}
	}
	one := alert.Alert{Receiver: f.receiver, State: alert.Once, Severity: f.severity, Title: strings.Join(args, " "), Text: f.text, URL: f.url, Labels: map[string]string{}}
	if f.text == "-" {
		b, err := io.ReadAll(io.LimitReader(u.in, 1<<20))
		if err != nil {
			return 0, &usageError{"--text: " + err.Error()}
		}
		var end alert.Tail
		end.Write(b)
		one.Text = end.String()
	}
	for _, l := range f.labels {
		name, value, ok := strings.Cut(l, "=")
		if !ok || name == "" {
			return 0, &usageError{u.say(wordAlertBadLabel, l)}
		}
		one.Labels[name] = value
	}
	if f.key != "" {
		one.Fingerprint, one.Group, one.State = "key/"+f.key, "key/"+f.key, alert.Firing
		if f.ends > 0 {
			one.Ends = time.Now().Add(f.ends)
		}
		if f.resolve {
			one.State = alert.Resolved
		}
	}
	a, file, err := u.openAlerts(ctx, f, true)
	if err != nil {
		return 0, err
	}
	defer a.Close() //nolint:errcheck // all is written
	if err := a.Take(ctx, one); err != nil {
		return 0, err
	}
	return u.alertFlush(ctx, f, a, file)
}

// alertFlush sends what waits, and tells what could not be.
func (u *ui) alertFlush(ctx context.Context, f *alertFlags, a *alert.Alerts, file *alert.File) (int, error) {
	within, stop := context.WithTimeout(ctx, cmp.Or(f.wait, alertPatience))
	defer stop()
	r, err := a.Flush(within)
	if err != nil {
		return 0, err
	}
	s, err := a.Status(context.WithoutCancel(ctx))
	if err != nil {
		return 0, err
	}
	sends := file.Send || len(f.servers) > 0
	exit := exitTaken
	if len(s.Unmailed) > 0 && sends || s.Waits > 0 {
		exit = exitLater
	}
	if f.json {
		u.printJSON(struct {
			Event string `json:"event"`
			alert.Report
			Unmailed int `json:"unmailed"`
			Waits    int `json:"waits"`
		}{"alert", r, len(s.Unmailed), s.Waits})
		return exit, nil
	}
	switch {
	case !sends:
		u.print(u.say(wordAlertLeft, r.Mails))
	case exit == exitTaken:
		u.print(u.say(wordAlertSent, r.Mails))
	}
	u.alertDoubts(s, file)
	return exit, nil
}

// alertTest is "parley alert test".
func (u *ui) alertTest(ctx context.Context, f *alertFlags, _ []string) (int, error) {
	a, file, err := u.openAlerts(ctx, f, true)
	if err != nil {
		return 0, err
	}
	defer a.Close() //nolint:errcheck // all is written
	for _, r := range file.Config.Receivers {
		if f.receiver != "" && f.receiver != r.Name {
			continue
		}
		one := alert.Alert{Receiver: r.Name, State: alert.Once, Title: u.say(wordAlertTestTitle), Text: u.say(wordAlertTestText, r.Name), Fingerprint: "test/" + rand.Text(), Group: "test/" + rand.Text()}
		if err := a.Take(ctx, one); err != nil {
			return 0, err
		}
	}
	return u.alertFlush(ctx, f, a, file)
}

// alertForget is "parley alert forget".
func (u *ui) alertForget(ctx context.Context, f *alertFlags, args []string) (int, error) {
	a, _, err := u.openAlerts(ctx, f, false)
	if err != nil {
		return 0, err
	}
	defer a.Close() //nolint:errcheck // all is written
	for _, name := range args {
		if err := a.StopBeats(ctx, name); err != nil {
			u.tell(u.say(wordAlertNoJob, name))
			return exitMessage, nil //nolint:nilerr // it is told
		}
		u.print(smtp.Printable(u.say(wordAlertForgotten, name)))
	}
	return exitTaken, nil
}

// alertInit is "parley alert init".
func (u *ui) alertInit(_ context.Context, f *alertFlags, _ []string) (int, error) {
	if len(f.to) == 0 {
		return 0, &usageError{u.say(wordAlertInitWants)}
	}
	for _, text := range append([]string{cmp.Or(f.from, f.to[0])}, f.to...) {
		if _, err := mail.ParseAddress(text); err != nil {
			return 0, &usageError{text + ": " + err.Error()}
		}
	}
	lang := "en"
	if u.lang == chinese {
		lang = "zh"
	}
	zone := cmp.Or(u.env("TZ"), localZone())
	if _, err := time.LoadLocation(zone); err != nil || strings.HasPrefix(zone, "/") {
		zone = localZone()
	}
	content, err := alert.NewFile(cmp.Or(f.from, f.to[0]), f.to, f.servers, lang, zone, rand.Text())
	if err != nil {
		return 0, u.alertFileError(err)
	}
	path := cmp.Or(f.config, "alert.toml")
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return 0, &usageError{u.say(wordDigestThere, path)}
	}
	if err != nil {
		return 0, &usageError{err.Error()}
	}
	_, err = file.Write(content)
	if e := file.Close(); err == nil {
		err = e
	}
	if err == nil {
		u.print(u.say(wordAlertWritten, path))
	}
	return exitTaken, err
}
