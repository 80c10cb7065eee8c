package main

import (
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commonWords are of the flags that every command has.
var commonWords = []flagGroup{{wordFlags, []flagWord{
	{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
	{"help", "", text{"print this", "打印本说明"}},
}}}

// describe gives a command its --help, and its flags the words of the table.
func (a *app) describe(cmd *cobra.Command, groups []flagGroup) {
	if groups == nil {
		groups = commonWords
	}
	if a.groups == nil {
		a.groups = map[*cobra.Command][]flagGroup{}
	}
	a.groups[cmd] = groups
	cmd.DisableFlagsInUseLine = true // Use has them
	cmd.Flags().BoolP("help", "h", false, "")
	for _, g := range groups {
		for _, w := range g.flags {
			if f := cmd.Flags().Lookup(w.name); f != nil {
				f.Usage = a.ui.say(w.usage) // for completions
			}
		}
	}
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) { a.ui.help(cmd, groups) })
}

// help prints what a command does and takes, as wide as the terminal is.
func (u *ui) help(cmd *cobra.Command, groups []flagGroup) {
	for i, part := range strings.Split(cmd.Long, "\n") {
		switch {
		case part == "":
			u.print("")
		case strings.HasPrefix(part, "  "):
			u.print(part) // an example, or a table: it stays as it is
		case i == 0:
			for _, l := range wrap(part, u.width-1, 0) {
				u.print(u.styles.title.Render(l))
			}
		default:
			u.paragraph(part)
		}
	}
	u.heading(u.say(wordUsage))
	u.print("  " + cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		u.print("  " + cmd.CommandPath() + " COMMAND --help")
		u.heading(u.say(wordCommands))
		for _, sub := range cmd.Commands() {
			if !sub.Hidden {
				u.item(sub.Name(), sub.Short, 14)
			}
		}
	}
	for _, g := range groups {
		u.heading(u.say(g.title))
		for _, w := range g.flags {
			if f := lookup(cmd, w.name); f != nil {
				u.item(flagTitle(f, w.value), u.say(w.usage), 34)
			}
		}
	}
}

func lookup(cmd *cobra.Command, name string) *pflag.Flag {
	if f := cmd.Flags().Lookup(name); f != nil {
		return f
	}
	return cmd.Root().PersistentFlags().Lookup(name)
}

func flagTitle(f *pflag.Flag, value string) string {
	s := "    --" + f.Name
	if f.Shorthand != "" {
		s = "-" + f.Shorthand + ", --" + f.Name
	}
	if value != "" {
		s += " " + value
	}
	return s
}

func (u *ui) heading(s string) {
	u.print("")
	u.print(u.styles.title.Render(s))
}

// item prints a name and what it means, beside it where there is room.
func (u *ui) item(name, meaning string, left int) {
	width := u.width - 1
	if u.width < twoColumns {
		u.print("  " + name)
		for _, l := range wrap(meaning, width-8, 0) {
			u.print("        " + l)
		}
		return
	}
	for i, l := range wrap(meaning, width-left-2, 0) {
		switch {
		case i > 0:
			u.print(strings.Repeat(" ", left+2) + l)
		case len(name) >= left:
			u.print("  " + name)
			u.print(strings.Repeat(" ", left+2) + l)
		default:
			u.print("  " + pad(name, left) + l)
		}
	}
}

// version is that of the module we were built from, and of the Go that did it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	return v + " " + info.GoVersion
}
