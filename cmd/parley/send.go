package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parleymail/parley/mail"
)

// sendCommand is "parley send".
func (a *app) sendCommand() *cobra.Command {
	f := new(sendFlags)
	cmd := &cobra.Command{
		Use:   "send [FLAG...] [RECIPIENT...]",
		Short: a.ui.say(wordSendShort),
		Long:  a.ui.say(wordSendLong),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.exit = a.ui.send(cmd.Context(), f, cmd.Flags(), args)
			return nil
		},
	}
	f.define(cmd.Flags())
	a.describe(cmd, sendWords)
	return cmd
}

// send sends one mail, or says why not, and gives the exit code.
func (u *ui) send(ctx context.Context, f *sendFlags, set *pflag.FlagSet, args []string) int {
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	r := new(result)
	addr, err := u.sendOne(ctx, r, f, set, args)
	return u.finish(r, err, addr, f.json)
}

// sendOne is the order in which it is done: the message is made and looked
// through before a server is spoken to.
func (u *ui) sendOne(ctx context.Context, r *result, f *sendFlags, set *pflag.FlagSet, args []string) (addr string, err error) {
	in := &stdin{r: u.in}
	how, err := u.form(f, set, args)
	if err != nil {
		return "", err
	}
	r.quiet = f.asSendmail
	to, err := u.server(ctx, f, in)
	if err != nil {
		return "", err
	}
	from := ""
	if to != nil {
		addr, from = to.client.Addr, cmp.Or(to.from, to.user)
		f.sentBy(set, to)
	}
	object, err := how(&compose{u: u, f: f, set: set, stdin: in}, from, args)
	if err != nil {
		return addr, err
	}
	if f.dryRun {
		return addr, u.show(r, object, f.json)
	}
	to.client.Partial = f.partial
	to.client.Trace = u.trace(f.verbose, f.json)
	defer to.client.Close()
	receipt, err := to.client.Send(ctx, object)
	if err != nil {
		return addr, err
	}
	r.Outcome, r.Octets = outcomeTaken, receipt.Size
	r.Reply, r.QueueID = recordReply(receipt.Reply), queueID(receipt.Reply)
	if len(receipt.Refused) > 0 {
		return addr, &partialError{receipt.Refused}
	}
	return addr, nil
}

// sentBy has a mail that a program hands to sendmail come from whom the file says, if
// the program does not. Without this it would be root at this machine's name, which no
// provider takes.
func (f *sendFlags) sentBy(set *pflag.FlagSet, to *server) {
	if !f.asSendmail || to.name == "" || to.from == "" || set.Changed("envelope-from") {
		return
	}
	if a, err := mail.ParseAddress(to.from); err == nil {
		set.Set("envelope-from", a.Address)
		f.fullName = cmp.Or(f.fullName, a.Name)
	}
}

// A form is how what to send is given.
type form func(c *compose, defaultFrom string, args []string) (mail.Object, error)

func composed(c *compose, defaultFrom string, _ []string) (mail.Object, error) {
	m, err := c.message(defaultFrom)
	if err != nil {
		return nil, err
	}
	return m, nil
}

func fromEML(c *compose, _ string, args []string) (mail.Object, error) { return rawObject(c.eml(args)) }

func fromStdin(c *compose, _ string, args []string) (mail.Object, error) {
	return rawObject(c.submitted(args))
}

func rawObject(r *mail.Raw, err error) (mail.Object, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// composing are the flags that say what a message is; a message that exists
// already says it itself.
func composing() (names []string) {
	for _, word := range sendWords[0].flags {
		names = append(names, word.name)
	}
	return append(names, "json-message")
}

// form finds out in which of the three forms the message is given, and refuses a
// mixture: what was said to no effect was meant to have one.
func (u *ui) form(f *sendFlags, set *pflag.FlagSet, args []string) (form, error) {
	made := ""
	for _, name := range composing() {
		if made == "" && set.Changed(name) {
			made = name
		}
	}
	for _, option := range f.options {
		if option == "i" {
			f.ignoreDots = true
		}
	}
	for _, mode := range f.modes {
		if mode != "m" {
			return nil, &usageError{u.say(wordNoMode, mode)}
		}
	}
	if set.Changed("timeout") && f.timeout <= 0 {
		return nil, &usageError{u.say(wordNoTime, f.timeout)}
	}
	asSendmail := f.asSendmail || f.readRecipients || f.ignoreDots || f.fullName != "" || f.gateway || len(f.options)+len(f.modes) > 0
	switch {
	case f.eml != "" && made != "":
		return nil, &usageError{u.say(wordNotTogether, "--eml", "--"+made)}
	case f.eml != "" && asSendmail:
		return nil, &usageError{u.say(wordNotTogether, "--eml", "-t, -i, -F, -o, -b, -G")}
	case f.eml != "":
		return fromEML, nil
	case asSendmail && made != "":
		return nil, &usageError{u.say(wordNotTogether, "-t, -i, -F, -o, -b, -G", "--"+made)}
	case made != "" && len(args) > 0:
		return nil, &usageError{u.say(wordStrayArgument, args[0])}
	case made != "":
		return composed, nil
	case asSendmail || len(args) > 0:
		if !f.readRecipients && len(args) == 0 {
			return nil, &usageError{u.say(wordNobody)}
		}
		f.asSendmail = true
		return fromStdin, nil
	}
	return nil, &usageError{u.say(wordNothingToSend)}
}

// fitted is what a content is like for a server as most are, or for the least of
// servers that can take it.
func fitted(content mail.Content) (mail.Form, error) {
	form, err := content.Fit(mail.Offer{EightBit: true})
	if err != nil {
		form, err = content.Fit(mail.Offer{EightBit: true, UTF8: true})
	}
	return form, err
}
