package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/statement"
)

// statementFlags are the values of all that "parley statement" and its commands can be told.
type statementFlags struct {
	state   string
	json    bool
	verbose bool

	statementSettings
	encoding, delimiter, sheet string

	servers               []string
	relay                 string
	sample, window        int
	testTo, at, only      string
	rate                  int
	changed, skip, leave  bool
	again, resumes        bool
	http, output, results string
}

// statementSettings are what a mailing was prepared with: it is sent with the same. They stand in its state, and hold no secret.
type statementSettings struct {
	Table    string   `json:"table"`
	Query    string   `json:"query,omitempty"`
	Template string   `json:"template"`
	Locale   string   `json:"locale,omitempty"`
	Column   string   `json:"locale_column,omitempty"`
	Name     string   `json:"name,omitempty"`
	Key      string   `json:"key"`
	To       string   `json:"to,omitempty"`
	ToName   string   `json:"to_name,omitempty"`
	From     string   `json:"from"`
	ReplyTo  string   `json:"reply_to,omitempty"`
	Files    string   `json:"files,omitempty"`
	Attach   []string `json:"attach,omitempty"`
	FileName string   `json:"file_name,omitempty"`
	PDF      string   `json:"pdf,omitempty"`
	Password string   `json:"password_column,omitempty"`
	ZIP      bool     `json:"zip,omitempty"`
	Doubles  bool     `json:"doubles,omitempty"`
	Rate     int      `json:"rate,omitempty"` // of the last send, for who resumes it
	MaxSize  int64    `json:"max_size,omitempty"`
}

// A statementPart is one of its commands.
type statementPart struct {
	use    string
	short  text
	groups []flagGroup
	run    func(u *ui, ctx context.Context, f *statementFlags) (int, error)
}

// statementCommand is "parley statement".
func (a *app) statementCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "statement COMMAND", Short: a.ui.say(wordStatementShort), Long: a.ui.say(wordStatementLong),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.noCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	for _, p := range []statementPart{
		{"prepare", wordStatementPrepareShort, []flagGroup{statementTableWords, statementMailWords, statementFileWords}, (*ui).statementPrepare},
		{"preview", wordStatementPreviewShort, []flagGroup{statementPreviewWords}, (*ui).statementPreview},
		{"send", wordStatementSendShort, []flagGroup{statementChooseWords, statementServerWords}, (*ui).statementSend},
		{"resume", wordStatementResumeShort, []flagGroup{statementServerWords}, (*ui).statementResume},
		{"pause", wordStatementPauseShort, nil, (*ui).statementPause},
		{"status", wordStatementStatusShort, nil, (*ui).statementStatus},
		{"failures", wordStatementFailuresShort, []flagGroup{statementFailuresWords}, (*ui).statementFailures},
	} {
		cmd.AddCommand(a.statementPart(p))
	}
	a.describe(cmd, nil)
	return cmd
}

func (a *app) statementPart(p statementPart) *cobra.Command {
	f := &statementFlags{sample: noSample}
	cmd := &cobra.Command{
		Use: p.use + " [FLAG...]", Short: a.ui.say(p.short), Long: a.ui.say(p.short), Args: a.noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			a.exit, err = p.run(a.ui, cmd.Context(), f)
			if err != nil {
				a.exit, err = a.ui.statementError(err)
			}
			return err
		},
	}
	set := cmd.Flags()
	set.StringVar(&f.state, "state", "statement.db", "")
	set.BoolVar(&f.json, "json", false, "")
	set.BoolVarP(&f.verbose, "verbose", "v", false, "")
	for _, g := range p.groups {
		for _, w := range g.flags {
			f.define(set, w.name)
		}
	}
	a.describe(cmd, append(append([]flagGroup{}, p.groups...), statementCommonWords))
	return cmd
}

// define makes a flag, by its name.
func (f *statementFlags) define(set *pflag.FlagSet, name string) {
	texts := map[string]*string{
		"table": &f.Table, "query": &f.Query, "sheet": &f.sheet, "encoding": &f.encoding, "delimiter": &f.delimiter, "template": &f.Template, "locale": &f.Locale,
		"locale-column": &f.Column, "name": &f.Name, "key": &f.Key, "to": &f.To, "to-name": &f.ToName, "from": &f.From, "reply-to": &f.ReplyTo, "files": &f.Files,
		"file-name": &f.FileName, "pdf": &f.PDF, "password-column": &f.Password, "relay": &f.relay, "test-to": &f.testTo, "at": &f.at, "only": &f.only, "http": &f.http,
	}
	switches := map[string]*bool{"zip": &f.ZIP, "doubles": &f.Doubles, "changed": &f.changed, "skip-bad": &f.skip, "hand-over": &f.leave, "send-unknown": &f.again}
	numbers := map[string]*int{"rate": &f.rate, "window": &f.window}
	switch {
	case name == "attach":
		set.StringArrayVar(&f.Attach, name, nil, "")
	case name == "server":
		set.StringArrayVar(&f.servers, name, nil, "")
	case name == "max-size":
		set.Int64Var(&f.MaxSize, name, 0, "")
	case name == "output":
		set.StringVarP(&f.output, name, "o", "", "")
	case name == "all":
		set.BoolVar(new(bool), name, false, "")
	case switches[name] != nil:
		set.BoolVar(switches[name], name, false, "")
	case name == "sample":
		set.IntVar(&f.sample, name, noSample, "") // 0 is a mistake, and not all of them
	case numbers[name] != nil:
		set.IntVar(numbers[name], name, 0, "")
	default:
		set.StringVar(texts[name], name, "", "")
	}
}

// database is where the mailing stands: a file, or a URL.
func (f *statementFlags) database() string {
	if strings.HasPrefix(f.state, "sqlite:") || strings.Contains(f.state, "://") {
		return f.state
	}
	return "sqlite:" + f.state
}

// there reports whether there is a mailing to be looked at: looking makes none.
func (f *statementFlags) there() bool {
	path, ok := strings.CutPrefix(f.database(), "sqlite:")
	if !ok {
		return true
	}
	_, err := os.Stat(path)
	return err == nil
}

// config is the mailing that the settings describe.
func (s *statementSettings) config() (statement.Config, error) {
	c := statement.Config{
		Name: s.Name, Key: s.Key, To: s.To, ToName: s.ToName, Files: s.Files, Attach: s.Attach, FileName: s.FileName, PDF: s.PDF, Password: s.Password, Doubles: s.Doubles, MaxSize: s.MaxSize,
	}
	if s.ZIP {
		c.Lock = statement.LockZIP
	}
	var err error
	if c.From, err = mail.ParseAddress(s.From); err != nil {
		return c, &usageError{"--from: " + err.Error()}
	}
	if s.ReplyTo != "" {
		if c.ReplyTo, err = mail.ParseAddresses(s.ReplyTo); err != nil {
			return c, &usageError{"--reply-to: " + err.Error()}
		}
	}
	c.Template, err = statement.LoadTemplate(s.Template, statement.TemplateOptions{Locale: s.Locale, Column: s.Column})
	return c, err
}

// openStatement opens a mailing that was prepared. To send it must know by whom.
func (u *ui) openStatement(ctx context.Context, f *statementFlags, sends bool) (*statement.Job, func(), error) {
	if !f.there() {
		return nil, nil, &usageError{u.say(wordStatementNoState, f.state)}
	}
	// What it was prepared with stands in it.
	j, err := statement.Open(ctx, f.database(), statement.Config{Log: u.quietLog()})
	if err != nil {
		return nil, nil, u.opened(f.database(), err)
	}
	text, err := j.Settings(ctx)
	j.Close() //nolint:errcheck // nothing was written
	if err != nil {
		return nil, nil, err
	}
	if text == "" {
		return nil, nil, statement.ErrNotPrepared
	}
	if err := json.Unmarshal([]byte(text), &f.statementSettings); err != nil {
		return nil, nil, errors.New("reading the settings: " + err.Error())
	}
	if f.resumes && f.rate == 0 {
		f.rate = f.Rate
	}
	if !sends {
		j, err := statement.Open(ctx, f.database(), statement.Config{Log: u.quietLog(), Name: f.Name})
		return j, func() { j.Close() }, u.opened(f.database(), err) //nolint:errcheck // all is written
	}
	return u.openSender(ctx, f)
}

func (u *ui) openSender(ctx context.Context, f *statementFlags) (*statement.Job, func(), error) {
	c, err := f.config()
	if err != nil {
		return nil, nil, err
	}
	c.Log, c.Window, c.Again = u.statementLog(f), f.window, f.again
	done := u.withRenderer(&c)
	var router *route.Router
	if !f.leave {
		if router, err = u.statementRouter(ctx, f); err != nil {
			done()
			return nil, nil, err
		}
		c.Worker = outbox.Worker{Router: router, Bounces: outbox.Bounces{None: true}}
	}
	j, err := statement.Open(ctx, f.database(), c)
	close := func() {
		if j != nil {
			j.Close() //nolint:errcheck // all is written
		}
		if router != nil {
			router.Close() //nolint:errcheck // all is written
		}
		done()
	}
	if err != nil {
		close()
		return nil, nil, u.opened(f.database(), err)
	}
	return j, close, nil
}

func (u *ui) statementLog(f *statementFlags) *slog.Logger {
	if !f.verbose {
		return u.quietLog()
	}
	return slog.New(slog.NewTextHandler(u.err, nil))
}

// statementRouter knows the servers that take the mails: the first, and those for when it cannot be had.
func (u *ui) statementRouter(ctx context.Context, f *statementFlags) (*route.Router, error) {
	names, flag := f.servers, "--server"
	if f.relay != "" {
		if len(names) > 0 {
			return nil, &usageError{u.say(wordStatementServerOrRelay)}
		}
		names, flag = []string{f.relay}, "--relay"
	}
	return u.jobRouter(ctx, names, flag, func(i int, s *server) route.Server {
		called := s.name
		if called == "" {
			called = "server" + strings.Repeat("-next", i)
		}
		return route.Server{Name: called, Limits: route.Limits{PerMinute: f.rate}}
	})
}

// statementError is what went wrong, for a person, and the exit code.
func (u *ui) statementError(err error) (int, error) {
	if e, ok := errors.AsType[*adviceError](err); ok {
		u.advise(e)
		return e.exit, nil
	}
	if columns, ok := errors.AsType[*statement.ColumnsError](err); ok {
		u.tell(u.say(wordStatementColumns, strings.Join(columns.Missing, ", "), strings.Join(columns.Has, ", ")))
		return exitMessage, nil
	}
	switch {
	case errors.As(err, new(*usageError)):
		return 0, err
	case errors.Is(err, statement.ErrLocale):
		return 0, &usageError{"--locale: " + strings.TrimPrefix(err.Error(), "statement: the locale: ")}
	case errors.Is(err, statement.ErrNotPrepared):
		return 0, &usageError{u.say(wordStatementNotPrepared)}
	case errors.Is(err, statement.ErrBadRows):
		u.tell(u.say(wordStatementBadRows))
		return exitMessage, nil
	case errors.Is(err, os.ErrPermission), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist):
		return 0, &usageError{strings.TrimPrefix(err.Error(), "statement: ")}
	case errors.Is(err, statement.ErrNoRow), errors.Is(err, statement.ErrTemplate):
		u.tell(strings.TrimPrefix(err.Error(), "statement: "))
		return exitMessage, nil
	case errors.Is(err, statement.ErrPaused):
		u.tell(u.say(wordStatementPaused))
		return exitLater, nil
	case errors.Is(err, context.Canceled):
		u.tell(u.say(wordStatementStopped))
		return exitLater, nil
	}
	lines := strings.Split(strings.ReplaceAll(err.Error(), "statement: ", ""), "\n")
	for _, l := range lines[:len(lines)-1] {
		u.tell(l)
	}
	u.tell(lines[len(lines)-1])
	return exitRefused, nil
}

// whole makes a path whole: the mailing may be sent from another folder.
func whole(path *string) {
	if *path == "" {
		return
	}
	if p, err := filepath.Abs(*path); err == nil {
		*path = p
	}
}
