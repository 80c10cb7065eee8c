package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/parleymail/parley/inbox"
)

// catchLastCommand is "parley catch last": the mark that a test takes before it acts, so that no older mail is taken for
// the one that it waits for.
func (a *app) catchLastCommand() *cobra.Command {
	var at, mailbox string
	cmd := &cobra.Command{
		Use:   "last [FLAG...]",
		Short: a.ui.say(wordLastShort),
		Long:  a.ui.say(wordLastLong),
		Args:  a.noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a.exit, err = a.ui.last(cmd.Context(), at, mailbox)
			return err
		},
	}
	cmd.Flags().StringVar(&at, "http", "", "")
	cmd.Flags().StringVar(&mailbox, "mailbox", "", "")
	a.describe(cmd, lastWords)
	return cmd
}

// last prints the ID of the newest message, 0 where there is none.
func (u *ui) last(ctx context.Context, at, mailbox string) (int, error) {
	base, err := u.catchURL(at)
	if err != nil {
		return 0, err
	}
	query := url.Values{"limit": {"1"}}
	if mailbox != "" {
		query.Set("mailbox", mailbox)
	}
	body, status, err := u.askCatch(ctx, 0, base, "/messages", query)
	if err != nil {
		u.tell(u.say(wordWaitNobody, base.Redacted(), unwrapURL(err)))
		return exitRefused, nil
	}
	var page inbox.Page[struct {
		ID int64 `json:"id"`
	}]
	if err = json.Unmarshal(body, &page); status != http.StatusOK || err != nil {
		u.tell(u.say(wordWaitRefused, base.Redacted(), strconv.Itoa(status)+" "+apiError(body)))
		return exitRefused, nil
	}
	newest := int64(0)
	if len(page.Items) > 0 {
		newest = page.Items[0].ID
	}
	u.print(strconv.FormatInt(newest, 10))
	return exitTaken, nil
}
