package statement

import (
	"context"
	"time"

	"github.com/parleymail/parley/outbox"
)

// begins notes when mails may go out, which whoever resumes keeps to. Who sends without a time means now: what waits for one in the outbox goes out as well.
func (j *Job) begins(ctx context.Context, start time.Time) error {
	was, err := j.s.reader().number(ctx, "start")
	if err != nil {
		return err
	}
	now := j.now()
	if start.UnixMilli() > now {
		return j.s.reader().setNumber(ctx, "start", start.UnixMilli())
	}
	if was > now {
		if err := j.eachRef(ctx, []outbox.State{outbox.Queued}, func(refs []outbox.Ref) error {
			_, err := j.box.Retry(ctx, refs...)
			return err
		}); err != nil {
			return err
		}
	}
	return j.s.reader().setNumber(ctx, "start", 0)
}

// start is when mails may go out; zero: now.
func (j *Job) start(ctx context.Context) (time.Time, error) {
	n, err := j.s.reader().number(ctx, "start")
	if err != nil || n <= j.now() {
		return time.Time{}, err
	}
	return timeOf(n), nil
}
