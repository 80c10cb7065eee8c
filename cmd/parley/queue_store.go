package main

import (
	"context"
	"errors"
	"io"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/web/api"
)

// A queueStore is where mail waits: its database, or a parley serve that is asked by HTTP.
type queueStore interface {
	list(ctx context.Context, q outbox.Query) ([]outbox.Item, error)
	show(ctx context.Context, id outbox.ID) (*outbox.Shown, error)
	tally(ctx context.Context) (*outbox.Tally, error)
	content(ctx context.Context, id outbox.ID) (io.ReadCloser, error)

	act(ctx context.Context, what, why string, ref outbox.Ref) (api.Changed, error)
	actOnAll(ctx context.Context, what, why string, q outbox.Query) (api.Changed, error)

	suppressions(ctx context.Context, after string) ([]outbox.Suppression, error)
	suppress(ctx context.Context, s outbox.Suppression) error
	unsuppress(ctx context.Context, address string) error
	Close() error
}

// openQueue opens the one that the flags name.
func (u *ui) openQueue(ctx context.Context, f *queueFlags) (queueStore, error) {
	n := 0
	for _, s := range []string{f.database, f.config, f.http} {
		if s != "" {
			n++
		}
	}
	switch {
	case n == 0:
		return nil, &usageError{u.say(wordQueueWhere)}
	case n > 1:
		return nil, &usageError{u.say(wordQueueTwice)}
	case f.http != "":
		return u.remoteQueue(ctx, f)
	case f.user != "" || f.passwordFile != "":
		return nil, &usageError{u.say(wordQueueLogin)}
	}
	database, o := f.database, outbox.Options{Log: u.quietLog()}
	if f.config != "" {
		file, err := relay.ReadFile(f.config)
		if err != nil {
			return nil, u.serveError(err)
		}
		if database = file.Database; database == "" {
			return nil, &usageError{u.say(wordServeNoDatabase)}
		}
		o = file.Options
		o.Log = u.quietLog()
	}
	o.MustExist = true // to look must not make one
	box, err := relay.Open(ctx, database, o)
	if err != nil {
		return nil, u.databaseError(database, err)
	}
	return boxQueue{box}, nil
}

// A boxQueue is a database of this machine, or one that is reached from it.
type boxQueue struct{ *outbox.Box }

func (b boxQueue) list(ctx context.Context, q outbox.Query) ([]outbox.Item, error) {
	return b.List(ctx, q)
}

func (b boxQueue) show(ctx context.Context, id outbox.ID) (*outbox.Shown, error) {
	return b.Show(ctx, id)
}

func (b boxQueue) tally(ctx context.Context) (*outbox.Tally, error) { return b.Tally(ctx) }

func (b boxQueue) content(ctx context.Context, id outbox.ID) (io.ReadCloser, error) {
	return b.Content(ctx, id)
}

func (b boxQueue) action(what, why string) func(context.Context, ...outbox.Ref) (int, error) {
	switch what {
	case "retry":
		return b.RetryNow
	case "release":
		return b.Release
	case "hold":
		return func(ctx context.Context, refs ...outbox.Ref) (int, error) { return b.Hold(ctx, why, refs...) }
	}
	return func(ctx context.Context, refs ...outbox.Ref) (int, error) { return b.Cancel(ctx, why, refs...) }
}

func (b boxQueue) act(ctx context.Context, what, why string, ref outbox.Ref) (c api.Changed, err error) {
	if what == "purge" {
		c.Changed, err = b.Purge(ctx, ref.Message)
		return c, err
	}
	c.Changed, err = b.action(what, why)(ctx, ref)
	return c, err
}

func (b boxQueue) actOnAll(ctx context.Context, what, why string, q outbox.Query) (c api.Changed, err error) {
	if what == "purge" {
		c.Changed, err = b.PurgeAll(ctx, q)
		return c, err
	}
	err = c.ActOnAll(ctx, b.Box, q, b.action(what, why))
	return c, err
}

func (b boxQueue) suppressions(ctx context.Context, after string) ([]outbox.Suppression, error) {
	return b.Suppressions(ctx, after, queuePage)
}

func (b boxQueue) suppress(ctx context.Context, s outbox.Suppression) error {
	return b.Suppress(ctx, s)
}

func (b boxQueue) unsuppress(ctx context.Context, address string) error {
	return b.Unsuppress(ctx, address)
}

// queueError is what went wrong, for a person, and the exit code.
func (u *ui) queueError(err error) (int, error) {
	var refused *queueRefusal
	var away *adviceError
	switch {
	case err == nil:
		return exitTaken, nil
	case errors.Is(err, outbox.ErrNotFound):
		u.tell(u.say(wordQueueNone))
		return exitMessage, nil
	case errors.Is(err, outbox.ErrBusy):
		u.tell(u.say(wordQueueBusy))
		return exitLater, nil
	case errors.Is(err, outbox.ErrGone):
		u.tell(u.say(wordQueueGone))
		return exitMessage, nil
	case errors.As(err, &away):
		u.advise(away)
		return away.exit, nil
	case errors.As(err, &refused):
		u.tell(refused.Error())
		return refused.exit(), nil
	case errors.As(err, new(*usageError)):
		return 0, err
	}
	u.tell(err.Error())
	return exitRefused, nil
}
