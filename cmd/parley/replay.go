package main

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/parleymail/parley/replay"
	"github.com/parleymail/parley/smtp"
)

// replayFlags are the values of all that "parley replay" can be told.
type replayFlags struct {
	listen, saveCert                        string
	strict, times, once, tls, plain, asJSON bool
}

// Whom a recording knows the password of, for logins in which it has to prove that it does.
const (
	replayUser     = "replay"
	replayPassword = "replay"
)

// replayCommand is "parley replay": a recorded conversation, played as a server.
func (a *app) replayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay [FLAG...] FILE [-- COMMAND...]",
		Short: a.ui.say(wordReplayShort),
		Long:  a.ui.say(wordReplayLong),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, command := args, []string(nil)
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				files, command = args[:dash], args[dash:]
			}
			if len(files) != 1 {
				return &usageError{a.ui.say(wordReplayFile)}
			}
			code, err := a.ui.replay(cmd.Context(), &f, files[0], command)
			a.exit = code
			return err
		},
	}
	set := cmd.Flags()
	set.StringVar(&f.listen, "listen", "127.0.0.1:0", "")
	set.StringVar(&f.saveCert, "save-cert", "", "")
	set.BoolVar(&f.strict, "strict", false, "")
	set.BoolVar(&f.times, "times", false, "")
	set.BoolVar(&f.once, "once", false, "")
	set.BoolVar(&f.tls, "tls", false, "")
	set.BoolVar(&f.plain, "plain", false, "")
	set.BoolVar(&f.asJSON, "json", false, "")
	a.describe(cmd, replayWords)
	return cmd
}

// replay plays a file until it is told to end, or while a command runs.
func (u *ui) replay(ctx context.Context, f *replayFlags, file string, command []string) (int, error) {
	if f.tls && f.plain {
		return 0, &usageError{u.say(wordReplayBoth)}
	}
	recorded, err := u.readTranscript(file)
	if err != nil {
		return 0, err
	}
	v := newReplayView(u, f, file, len(command) > 0)
	v.server = &replay.Server{
		Transcript: recorded, Users: map[string]string{replayUser: replayPassword},
		Strict: f.strict, Times: f.times, Once: f.once, Trace: v.trace, Departed: v.departed,
	}
	switch {
	case f.tls:
		v.server.Security = smtp.ImplicitTLS
	case f.plain:
		v.server.Security = smtp.Plaintext
	}
	if err := v.server.Check(); errors.Is(err, replay.ErrNothing) {
		return 0, &usageError{u.say(wordReplayNothing, file)}
	} else if err != nil {
		return 0, &usageError{err.Error()}
	}
	if f.saveCert != "" {
		if err := os.WriteFile(f.saveCert, v.server.PEM(), 0o644); err != nil {
			return 0, &usageError{"--save-cert: " + err.Error()}
		}
	}
	return v.run(ctx, command)
}

// run plays.
func (v *replayView) run(ctx context.Context, command []string) (int, error) {
	l, err := net.Listen("tcp", v.flags.listen)
	if err != nil {
		return 0, &usageError{"--listen: " + err.Error()}
	}
	v.url = v.smtpURL(l.Addr())
	v.title(l.Addr())
	served := make(chan error, 1)
	go func() { served <- v.server.Serve(l) }()
	code := 0
	if len(command) > 0 {
		code, err = v.around(ctx, command, l.Addr())
	} else {
		select {
		case <-ctx.Done():
		case err = <-served:
			served <- nil
		}
	}
	v.server.Close()
	<-served
	if err != nil && !errors.Is(err, replay.ErrClosed) {
		return 0, err
	}
	v.over()
	if code == 0 && v.flags.strict && v.departures > 0 {
		code = exitDiffer
	}
	return code, nil
}

// around runs a command while the recording plays, and gives its exit code.
func (v *replayView) around(ctx context.Context, command []string, addr net.Addr) (int, error) {
	return v.command.runCommand(ctx, command, v.command.out, addr, "SMTP_URL="+v.url)
}

// smtpURL is how the recording is reached, as smtp.ParseURL reads it.
func (v *replayView) smtpURL(addr net.Addr) string {
	host, port := reachable(addr)
	u := url.URL{Scheme: "smtp", Host: net.JoinHostPort(host, port)}
	query := url.Values{}
	switch security := v.server.Speaks(); {
	case v.server.LMTP():
		u.Scheme = "lmtp"
		if security == smtp.Plaintext {
			query.Set("tls", "none")
		}
	case security == smtp.ImplicitTLS:
		u.Scheme = "smtps"
	case security == smtp.Plaintext:
		query.Set("tls", "none")
	}
	if v.server.Speaks() != smtp.Plaintext {
		query.Set("fingerprint", v.server.Fingerprint())
	}
	if v.server.LogsIn() {
		u.User = url.UserPassword(replayUser, replayPassword)
	}
	u.RawQuery = query.Encode()
	return u.String()
}
