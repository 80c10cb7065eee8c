package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parleymail/parley/relay"
)

// serveUserCommand is "parley serve user": a user as the configuration file has it.
func (a *app) serveUserCommand() *cobra.Command {
	var senders []string
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "user [FLAG...] NAME",
		Short: a.ui.say(wordServeUserShort),
		Long:  a.ui.say(wordServeUserLong),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{a.ui.say(wordServeUserName)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.ui.serveUser(cmd.Context(), args[0], senders, file, asJSON)
		},
	}
	cmd.Flags().StringArrayVar(&senders, "sender", nil, "")
	cmd.Flags().StringVar(&file, "password-file", "", "")
	cmd.Flags().BoolVar(&asJSON, "json", false, "")
	a.describe(cmd, serveUserWords)
	return cmd
}

func (u *ui) serveUser(ctx context.Context, name string, senders []string, file string, asJSON bool) error {
	asker := u.asker()
	password, err := asker.password(ctx, file, u.say(wordServeUserAsk, name))
	if err != nil {
		return err
	}
	if asker.person() && file == "" {
		again, err := asker.secret(ctx, u.say(wordServeUserAgain))
		if err != nil {
			return err
		}
		if again != password {
			return &usageError{u.say(wordServeUserDiffer)}
		}
	}
	hash, err := relay.HashPassword(password)
	if err != nil {
		return &usageError{err.Error()} // it does not repeat it
	}
	if asJSON {
		u.printJSON(struct {
			Event    string   `json:"event"`
			Name     string   `json:"name"`
			Password string   `json:"password"` // the hash
			Senders  []string `json:"senders,omitempty"`
		}{"user", name, hash, senders})
		return nil
	}
	u.print("[user." + tomlKey(name) + "]")
	u.print("password = " + tomlText(hash))
	if len(senders) > 0 {
		for i := range senders {
			senders[i] = tomlText(senders[i])
		}
		u.print("senders = [" + strings.Join(senders, ", ") + "]")
	} else if !strings.Contains(name, "@") {
		u.tell(u.say(wordServeUserSenders))
	}
	return nil
}

// tomlKey is a name as TOML has it.
func tomlKey(s string) string {
	bare := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || r == '-' || r == '_')
	})
	if bare {
		return s
	}
	return tomlText(s)
}

// tomlText is a text in quotes: of what Go escapes, all but \x and \a is TOML's too, and control characters are none of a
// name's.
func tomlText(s string) string {
	return strconv.Quote(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s))
}
