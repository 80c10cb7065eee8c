package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// An app is one run of the command.
type app struct {
	ui     *ui
	exit   int
	groups map[*cobra.Command][]flagGroup // what --help and the manual say of each command's flags
}

// run is main without the process around it: it gives the exit code.
func run(args []string, s system) int {
	name := "parley"
	if calledSendmail(args[0]) {
		name = "sendmail"
	}
	u := newUI(s, name, chooseLang(args[1:], s.env))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first Ctrl-C ends what goes on in good order; a second one, everything.
	context.AfterFunc(ctx, stop)

	a := &app{ui: u}
	root := a.rootCommand()
	root.SetArgs(args[1:])
	if name == "sendmail" {
		root.SetArgs(append([]string{"sendmail"}, args[1:]...))
	}
	if err := root.ExecuteContext(ctx); err != nil {
		asJSON := name == "parley" && slices.Contains(args, "--json")
		return u.finish(new(result), a.usage(err), "", asJSON)
	}
	return a.exit
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "parley COMMAND",
		Short:         a.ui.say(wordRootShort),
		Long:          a.ui.say(wordRootLong),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.noCommand(cmd, args[0])
			}
			if asked, _ := cmd.Flags().GetBool("version"); asked {
				a.ui.print("parley " + version())
				return nil
			}
			return cmd.Help()
		},
	}
	root.Flags().Bool("version", false, "") // as everybody tries first; "parley version" is the same
	root.SetOut(a.ui.out)
	root.SetErr(a.ui.err)
	root.PersistentFlags().String("lang", "", "")
	root.CompletionOptions.DisableDefaultCmd = true // ours speaks two languages
	root.SetHelpCommand(a.helpCommand())
	root.AddCommand(a.demoCommand(), a.sendCommand(), a.sendmailCommand(), a.proxyCommand(), a.talkCommand(), a.explainCommand(), a.checkCommand(), a.configCommand(), a.initCommand(), a.catchCommand(), a.serveCommand(), a.queueCommand(), a.statementCommand(), a.alertCommand(), a.digestCommand(), a.replayCommand(), a.diffCommand(), a.versionCommand(), a.completionCommand(), a.manCommand())
	a.describe(root, nil)
	return root
}

// noCommand names the command that was most likely meant.
func (a *app) noCommand(root *cobra.Command, name string) error {
	root.SuggestionsMinimumDistance = 2
	if near := root.SuggestionsFor(name); len(near) > 0 {
		return &usageError{a.ui.say(wordMeantCommand, name, near[0])}
	}
	return &usageError{a.ui.say(wordNoCommand, name)}
}

// usage words what pflag found wrong with the flags.
func (a *app) usage(err error) error {
	u := a.ui
	name := func(long, shorts string) string {
		if shorts != "" {
			return "-" + long // one of the letters, in fact
		}
		return "--" + long
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return &usageError{u.say(wordNoFlag, name(e.GetSpecifiedName(), e.GetSpecifiedShortnames()))}
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return &usageError{u.say(wordWantsValue, name(e.GetSpecifiedName(), e.GetSpecifiedShortnames()))}
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return &usageError{u.say(wordBadValue, "--"+e.GetFlag().Name, e.GetValue(), errors.Unwrap(e))}
	}
	return err
}

// versionCommand is "parley version".
func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: a.ui.say(wordVersionShort),
		Long:  a.ui.say(wordVersionShort),
		Args:  a.noArguments,
		RunE: func(*cobra.Command, []string) error {
			a.ui.print("parley " + version())
			return nil
		},
	}
	a.describe(cmd, nil)
	return cmd
}

// noArguments is for commands that take none.
func (a *app) noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{a.ui.say(wordStrayWord, args[0])}
	}
	return nil
}

// completionCommand prints what makes a shell complete our flags.
func (a *app) completionCommand() *cobra.Command {
	shells := map[string]func(root *cobra.Command) error{
		"bash":       func(root *cobra.Command) error { return root.GenBashCompletionV2(a.ui.out, true) },
		"zsh":        func(root *cobra.Command) error { return root.GenZshCompletion(a.ui.out) },
		"fish":       func(root *cobra.Command) error { return root.GenFishCompletion(a.ui.out, true) },
		"powershell": func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(a.ui.out) },
	}
	cmd := &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     a.ui.say(wordCompletionShort),
		Long:      a.ui.say(wordCompletionLong),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || shells[args[0]] == nil {
				return &usageError{a.ui.say(wordWhichShell)}
			}
			return shells[args[0]](cmd.Root())
		},
	}
	a.describe(cmd, nil)
	return cmd
}

// helpCommand is "parley help COMMAND".
func (a *app) helpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "help [COMMAND]",
		Short: a.ui.say(wordHelpShort),
		Long:  a.ui.say(wordHelpShort),
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return a.noCommand(cmd.Root(), args[len(args)-1])
			}
			return about.Help()
		},
	}
	a.describe(cmd, nil)
	return cmd
}
