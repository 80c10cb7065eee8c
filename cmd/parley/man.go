package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// manCommand writes the manual pages. They are made of the same words as --help.
// cobra's own writer goes by way of Markdown, in which a flag such as -t or a name
// such as SMTP_URL is not what it was, and needs three modules more.
func (a *app) manCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "man FOLDER",
		Short: a.ui.say(wordManShort),
		Long:  a.ui.say(wordManLong),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{a.ui.say(wordWhichFolder)}
			}
			return a.writeMan(cmd.Root(), args[0])
		},
	}
	a.describe(cmd, nil)
	return cmd
}

// writeMan writes a page for a command and for each below it.
func (a *app) writeMan(cmd *cobra.Command, folder string) error {
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	if err := os.WriteFile(filepath.Join(folder, name+".1"), []byte(a.man(cmd, name)), 0o644); err != nil {
		return &usageError{err.Error()}
	}
	for _, sub := range cmd.Commands() {
		if sub.Hidden {
			continue
		}
		if err := a.writeMan(sub, folder); err != nil {
			return err
		}
	}
	return nil
}

// man is a page in the man(7) macros.
func (a *app) man(cmd *cobra.Command, name string) string {
	u := a.ui
	var b strings.Builder
	line := func(macro, s string) { b.WriteString(macro + roff(s) + "\n") }
	line(".TH ", strings.ToUpper(name)+" 1 \"\" parley")
	line(".SH ", "NAME")
	line("", name+" - "+cmd.Short)
	line(".SH ", "SYNOPSIS")
	line(".B ", cmd.UseLine())
	line(".SH ", "DESCRIPTION")
	example := false
	for part := range strings.SplitSeq(cmd.Long, "\n") {
		if is := strings.HasPrefix(part, "  "); is != example {
			b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[is])
			example = is
		}
		if part == "" {
			b.WriteString(".PP\n")
		} else {
			line("", part)
		}
	}
	if example {
		b.WriteString(".fi\n")
	}
	for _, g := range a.groups[cmd] {
		line(".SH ", strings.ToUpper(u.say(g.title)))
		for _, w := range g.flags {
			if f := lookup(cmd, w.name); f != nil {
				b.WriteString(".TP\n")
				line(".B ", strings.TrimLeft(flagTitle(f, w.value), " "))
				line("", u.say(w.usage))
			}
		}
	}
	if related := u.related(cmd); related != "" {
		line(".SH ", "SEE ALSO")
		line("", related)
	}
	return b.String()
}

func (u *ui) related(cmd *cobra.Command) string {
	var list []string
	for _, other := range cmd.Root().Commands() {
		if other != cmd && !other.Hidden && other.Name() != "help" {
			list = append(list, "parley-"+other.Name()+"(1)")
		}
	}
	if cmd.HasParent() {
		list = append([]string{"parley(1)"}, list...)
	}
	return strings.Join(list, ", ")
}

// roff is a line of text as roff wants it: hyphens that can be copied, no line that
// is taken for a request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
