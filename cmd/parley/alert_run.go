package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/parleymail/parley/alert"
)

// A job is a command that is watched.
type job struct {
	u     *ui
	f     *alertFlags
	args  []string
	name  string
	begun time.Time
	out   alert.Tail
	told  map[string]bool // what was told of while it ran
}

// alertRun is "parley alert run": it ends as the command does, whatever becomes of the mail.
func (u *ui) alertRun(ctx context.Context, f *alertFlags, args []string) (int, error) {
	if _, err := u.alertFile(f); err != nil {
		return 0, err
	}
	if _, err := exec.LookPath(args[0]); err != nil && !errors.Is(err, exec.ErrDot) {
		u.tell(err.Error()) // that it cannot be started is told by mail too
	}
	j := &job{u: u, f: f, args: args, name: cmp.Or(f.name, filepath.Base(args[0])), begun: time.Now(), told: make(map[string]bool)}
	return j.run(ctx), nil
}

// run runs it, and gives its exit code.
func (j *job) run(ctx context.Context) int {
	inner, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	cmd := exec.CommandContext(inner, j.args[0], j.args[1:]...) //nolint:gosec // it is what the person asked for
	cmd.Stdin, cmd.Stdout, cmd.Stderr = j.u.in, io.MultiWriter(j.u.out, &j.out), io.MultiWriter(j.u.err, &j.out)
	cmd.WaitDelay = 5 * time.Second
	ended := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		ended <- err
	} else {
		go func() { ended <- cmd.Wait() }()
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	asked := ctx.Done()
	for {
		select {
		case err := <-ended:
			return j.ended(context.WithoutCancel(ctx), cmd, err)
		case <-asked:
			asked = nil
			if cmd.Process != nil {
				cmd.Process.Signal(os.Interrupt) //nolint:errcheck // it may have ended
			}
		case <-tick.C:
			j.look(ctx, kill)
		}
	}
}

// look tells of what takes too long while it still runs.
func (j *job) look(ctx context.Context, kill func()) {
	now := time.Now()
	last := j.out.Last()
	if last.IsZero() {
		last = j.begun
	}
	switch {
	case j.f.most > 0 && now.Sub(j.begun) > j.f.most && !j.told["long"]:
		j.told["long"] = true
		if j.f.kill {
			kill()
		}
		j.tell(ctx, j.alert("long", alert.Firing, wordAlertTooLong, j.name, j.f.most))
	case j.f.quiet > 0 && now.Sub(last) > j.f.quiet && !j.told["silent"]:
		j.told["silent"] = true
		j.tell(ctx, j.alert("silent", alert.Firing, wordAlertSilent, j.name, j.f.quiet))
	}
}

// alert is one of the three that a job may have.
func (j *job) alert(kind string, state alert.State, title text, args ...any) alert.Alert {
	host, _ := os.Hostname()
	one := alert.Alert{
		Receiver: j.f.receiver, Fingerprint: "run/" + host + "/" + j.name + "/" + kind, Group: "run/" + host + "/" + j.name, State: state, Severity: cmp.Or(j.f.severity, "critical"),
		Title: j.u.say(title, args...), Labels: map[string]string{"job": j.name, "host": host, "took": time.Since(j.begun).Round(time.Millisecond).String()},
	}
	if state == alert.Firing {
		one.Text = j.out.String()
	}
	return one
}

// ended tells of the end, and gives the exit code.
func (j *job) ended(ctx context.Context, cmd *exec.Cmd, err error) int {
	code := 0
	var exited *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exited):
		if code = exited.ExitCode(); code < 0 {
			code = 128 + signalOf(exited.ProcessState)
		}
	case cmd.Process == nil:
		code = 127 // as shells have it
	default:
		code = 126
	}
	var list []alert.Alert
	if code != 0 {
		one := j.alert("failed", alert.Firing, wordAlertFailed, j.name, code)
		if exited == nil {
			one.Text = strings.TrimSpace(one.Text + "\n" + err.Error())
		}
		list = append(list, one)
	} else {
		list = append(list, j.alert("failed", alert.Resolved, wordAlertWell, j.name))
	}
	for _, kind := range []string{"long", "silent"} {
		if code == 0 && !j.told[kind] || j.told[kind] {
			list = append(list, j.alert(kind, alert.Resolved, wordAlertWell, j.name))
		}
	}
	j.tell(ctx, list...)
	return code
}

// tell takes alerts and sends them. What goes wrong is told on standard error alone: the command's end counts.
func (j *job) tell(ctx context.Context, list ...alert.Alert) {
	a, file, err := j.u.openAlerts(ctx, j.f, true)
	if err == nil {
		err = a.Take(ctx, list...)
		if j.f.every > 0 {
			err = errors.Join(err, a.Beat(ctx, j.name, j.f.receiver, j.f.every))
		}
		if err == nil {
			within, stop := context.WithTimeout(ctx, cmp.Or(j.f.wait, alertPatience))
			_, err = a.Flush(within)
			stop()
		}
		if s, e := a.Status(ctx); e == nil {
			j.u.alertDoubts(s, file)
		}
		err = errors.Join(err, a.Close())
	}
	if err != nil {
		j.u.tell(j.u.say(wordAlertNotKept, strings.ReplaceAll(err.Error(), "\n", "; ")))
	}
}
