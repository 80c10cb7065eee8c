package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// calledSendmail reports whether the name that we were called by is sendmail's: a
// link of this name makes a program that knows only that send through us.
func calledSendmail(arg0 string) bool {
	name := filepath.Base(arg0)
	return strings.TrimSuffix(name, ".exe") == "sendmail"
}

// sendmailOptions is all that sendmail(8) and those who came after it take: for
// each letter whether a value goes with it, behind it or as the next argument.
const (
	withoutValue = "GImnstUvxi"
	withValue    = "ABCDFLNOQRVXbdfhopr"
)

// sendmailCommand is what a link called sendmail leads to. It takes sendmail's
// options and none of ours: programs such as PHP's mail() pass arguments on that
// strangers had a hand in, and no stranger may have a file attached or a command
// run (CVE-2016-10033 is of this sort). For the same reason -X, -oQ and -C, by
// which sendmail can be made to write and read files, do nothing here.
func (a *app) sendmailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:                "sendmail [-t] [-i] [-f ADDRESS] [-F NAME] [RECIPIENT...]",
		Short:              a.ui.say(wordSendmailShort),
		Long:               a.ui.say(wordSendmailLong),
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "--help" {
				return cmd.Help()
			}
			f := &sendFlags{asSendmail: true}
			set := pflag.NewFlagSet("sendmail", pflag.ContinueOnError)
			f.define(set)
			recipients, err := a.ui.parseSendmail(set, f, args)
			if err != nil {
				return err
			}
			a.exit = a.ui.send(cmd.Context(), f, set, recipients)
			return nil
		},
	}
	a.describe(cmd, []flagGroup{})
	return cmd
}

// parseSendmail reads the arguments as getopt(3) does for sendmail. Options may
// stand behind recipients, since callers who know only GNU's put them there.
func (u *ui) parseSendmail(set *pflag.FlagSet, f *sendFlags, args []string) (recipients []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(recipients, args...), nil
		case len(arg) < 2 || arg[0] != '-':
			recipients = append(recipients, arg)
		case arg[1] == '-':
			return nil, &usageError{u.say(wordNoSendmailOption, arg)}
		default:
			if args, err = u.parseLetters(set, f, arg[1:], args); err != nil {
				return nil, err
			}
		}
	}
	return recipients, nil
}

// parseLetters reads one argument of options: "ti", "fkim@example.net". It gives
// the arguments that are left.
func (u *ui) parseLetters(set *pflag.FlagSet, f *sendFlags, letters string, args []string) ([]string, error) {
	for i := range len(letters) {
		letter, value := letters[i:i+1], letters[i+1:]
		switch {
		case strings.Contains(withoutValue, letter):
			u.sendmailOption(set, f, letter, "")
			continue
		case !strings.Contains(withValue, letter):
			return nil, &usageError{u.say(wordNoSendmailOption, "-"+letter)}
		case value == "" && len(args) == 0:
			return nil, &usageError{u.say(wordWantsValue, "-"+letter)}
		case value == "":
			value, args = args[0], args[1:]
		}
		u.sendmailOption(set, f, letter, value)
		return args, nil
	}
	return args, nil
}

// sendmailOption heeds those options that mean something here.
func (u *ui) sendmailOption(set *pflag.FlagSet, f *sendFlags, letter, value string) {
	switch letter {
	case "t":
		f.readRecipients = true
	case "i":
		f.ignoreDots = true
	case "v":
		f.verbose = true
	case "F":
		f.fullName = value
	case "f", "r":
		set.Set("envelope-from", value)
	case "N":
		f.notify = value
	case "R":
		f.returned = value
	case "V":
		f.envelopeID = value
	case "b":
		f.modes = append(f.modes, value)
	case "o":
		f.options = append(f.options, value)
	}
}
