package main

import (
	"context"
	"errors"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/spf13/cobra"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/internal/config"
	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/smtp"
)

// configFlags are the values of all that "parley config" and what is below it can be
// told.
type configFlags struct {
	check, json, file, keepSecret bool
	passwordFile                  string
}

// configCommand is "parley config".
func (a *app) configCommand() *cobra.Command {
	f := new(configFlags)
	cmd := &cobra.Command{
		Use:   "config [COMMAND]",
		Short: a.ui.say(wordConfigShort),
		Long:  a.ui.say(wordConfigLong),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{a.ui.say(wordNoConfigCommand, args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a.exit, err = a.ui.showConfig(cmd.Context(), f, "")
			return err
		},
	}
	cmd.Flags().BoolVar(&f.check, "check", false, "")
	cmd.Flags().BoolVar(&f.json, "json", false, "")
	a.describe(cmd, configWords)
	cmd.AddCommand(
		a.below(f, "path", wordConfigPath, 0, 0, func(context.Context, []string) error { return a.ui.showPath(f) }),
		a.below(f, "show [NAME]", wordConfigShow, 0, 1, func(ctx context.Context, args []string) (err error) {
			a.exit, err = a.ui.showConfig(ctx, f, strings.Join(args, ""))
			return err
		}, "check"),
		a.below(f, "set-password NAME", wordConfigSet, 1, 1, func(ctx context.Context, args []string) error {
			return a.ui.setPassword(ctx, f, args[0])
		}, "file", "password-file"),
		a.below(f, "default NAME", wordConfigDefault, 1, 1, func(_ context.Context, args []string) error {
			return a.ui.setDefault(f, args[0])
		}),
		a.below(f, "remove NAME", wordConfigRemove, 1, 1, func(ctx context.Context, args []string) error {
			return a.ui.removeServer(ctx, f, args[0])
		}, "keep-secret"),
	)
	return cmd
}

// below is a command of config.
func (a *app) below(f *configFlags, use string, short text, least, most int, run func(context.Context, []string) error, flags ...string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: a.ui.say(short), Long: a.ui.say(short),
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) < least:
				return &usageError{a.ui.say(wordWhichServer)}
			case len(args) > most:
				return &usageError{a.ui.say(wordStrayWord, args[most])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd.Context(), args) },
	}
	set := cmd.Flags()
	for _, name := range append(flags, "json") {
		switch name {
		case "check":
			set.BoolVar(&f.check, name, false, "")
		case "file":
			set.BoolVar(&f.file, name, false, "")
		case "keep-secret":
			set.BoolVar(&f.keepSecret, name, false, "")
		case "password-file":
			set.StringVar(&f.passwordFile, name, "", "")
		case "json":
			set.BoolVar(&f.json, name, false, "")
		}
	}
	a.describe(cmd, configWords)
	return cmd
}

// A configRecord is the file for programs. Its names stay as they are.
type configRecord struct {
	Path    string          `json:"path"`
	Exists  bool            `json:"exists"`
	Default string          `json:"default,omitempty"`
	Servers []*serverRecord `json:"servers"`
	Did     string          `json:"did,omitempty"` // of a change
}

type serverRecord struct {
	Name      string         `json:"name"`
	Default   bool           `json:"default,omitempty"`
	URL       string         `json:"url"`
	User      string         `json:"user,omitempty"`
	From      string         `json:"from,omitempty"`
	Secret    *config.Secret `json:"secret,omitempty"`
	Available *bool          `json:"available,omitempty"` // with --check
	Problems  []string       `json:"problems,omitempty"`
}

// showPath prints where the file is, or would be.
func (u *ui) showPath(f *configFlags) error {
	path, exists := config.Find(u.env)
	switch {
	case path == "":
		return &usageError{u.say(wordNoConfigPath)}
	case f.json:
		u.printJSON(&configRecord{Path: path, Exists: exists, Servers: []*serverRecord{}})
	default:
		u.print(smtp.Printable(path))
	}
	return nil
}

// showConfig prints the servers of the file, or one of them, and gives the exit code.
func (u *ui) showConfig(ctx context.Context, f *configFlags, name string) (int, error) {
	path, exists := config.Find(u.env)
	file, err := u.config()
	if err != nil {
		return 0, u.serverError("", err)
	}
	record := &configRecord{Path: path, Exists: exists, Servers: []*serverRecord{}}
	list := file.Servers
	if name != "" {
		one, ok := file.Server(name)
		if !ok {
			return 0, u.noEntry(file, name)
		}
		list = []*config.Server{one}
	}
	chosen, _ := file.Chosen()
	for _, s := range list {
		record.Servers = append(record.Servers, u.recordServer(ctx, f, file, s, s == chosen))
	}
	if chosen != nil {
		record.Default = chosen.Name
	}
	if f.json {
		u.printJSON(record)
	} else {
		u.printConfig(record, name == "")
	}
	for _, s := range record.Servers {
		if s.Available != nil && !*s.Available {
			return exitCredentials, nil
		}
	}
	return 0, nil
}

// noEntry is that the file has no server of a name.
func (u *ui) noEntry(file *config.File, name string) error {
	if near := plain.Nearest(name, file.Names()); near != "" {
		return &usageError{u.say(wordNoSuchServer, name, file.Path, near)}
	}
	return &usageError{u.say(wordNoEntry, name, file.Path)}
}

func (u *ui) recordServer(ctx context.Context, f *configFlags, file *config.File, s *config.Server, isDefault bool) *serverRecord {
	r := &serverRecord{Name: s.Name, Default: isDefault, URL: s.URL(), User: s.User, From: s.From}
	if s.Secret.Source != config.Nowhere {
		r.Secret = &s.Secret
	}
	for _, w := range file.Warnings {
		if w.Server == s.Name {
			r.Problems = append(r.Problems, w.Words.In(diagnose.Lang(u.lang)))
		}
	}
	if !f.check {
		return r
	}
	_, err := s.Client(ctx, u.vault())
	available := err == nil
	r.Available = &available
	if err != nil {
		r.Problems = append(r.Problems, u.fault(err))
	}
	if w := u.vault().Exposed(s); w != nil {
		r.Problems = append(r.Problems, w.Words.In(diagnose.Lang(u.lang)))
	}
	return r
}

// fault is an error of the file without where it is, for where that is said already.
func (u *ui) fault(err error) string {
	if f, ok := errors.AsType[*config.Fault](err); ok {
		return f.What(diagnose.Lang(u.lang))
	}
	return err.Error()
}

// printConfig prints the file to a person.
func (u *ui) printConfig(r *configRecord, withPath bool) {
	if withPath {
		where := r.Path
		if !r.Exists {
			where = u.say(wordNotThereYet, r.Path)
		}
		u.print(smtp.Printable(where))
	}
	if len(r.Servers) == 0 {
		u.paragraph(u.say(wordNoServersYet))
	}
	for i, s := range r.Servers {
		if i > 0 || withPath {
			u.print("")
		}
		title := u.styles.title.Render(s.Name)
		if s.Default {
			title += u.styles.note.Render(" · " + u.say(wordIsDefault))
		}
		u.print(title)
		u.entry("  "+u.say(wordLabelServer)+" ", s.URL)
		if s.From != "" {
			u.entry("  "+u.say(wordLabelFrom)+" ", s.From)
		}
		u.entry("  "+u.say(wordLabelSecret)+" ", u.secretWords(s))
		for _, p := range s.Problems {
			u.entry("  ! ", p)
		}
	}
}

// secretWords say where a secret is, and with --check whether it can be had.
func (u *ui) secretWords(s *serverRecord) string {
	where := ""
	if s.Secret != nil {
		where = s.Secret.String()
		if s.Secret.Source == config.Clear {
			where = u.say(wordInClearHere)
		}
	}
	switch {
	case s.Secret == nil && s.User == "":
		return u.say(wordNobodyLogsIn)
	case s.Secret == nil && s.Available == nil, s.Secret == nil && !*s.Available:
		return u.say(wordNotNamed)
	case s.Secret == nil:
		return u.say(wordNoneNeeded)
	case s.Available == nil:
		return where
	case *s.Available:
		return where + " · " + u.say(wordCanBeHad)
	}
	return where + " · " + u.say(wordCannotBeHad)
}

// entry prints a text behind its label, and under itself where it is long.
func (u *ui) entry(label, s string) {
	left := lipgloss.Width(label)
	for i, line := range wrap(smtp.Printable(s), u.width-1-left, 0) {
		if i > 0 {
			label = strings.Repeat(" ", left)
		}
		u.print(label + line)
	}
}
