package main

import (
	"context"
	"errors"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
)

// doubtTime is how long a server may take to be had at the start.
const doubtTime = 20 * time.Second

// doubt looks at the start whether the servers can be had, logs in where that is asked for, and tells where it is not so. Mail is taken all the same: a server may be down for now,
// and a name mistyped is better known before the first mail waits for it.
func (s *serving) doubt(ctx context.Context, servers []route.Server) {
	for i := range servers {
		one := &servers[i]
		within, stop := context.WithTimeout(ctx, doubtTime)
		session, err := one.Client.Open(within)
		stop()
		if err == nil {
			session.Close() //nolint:errcheck // it was had
			continue
		}
		if e, ok := errors.AsType[*smtp.Error](err); ok && ctx.Err() == nil {
			s.doubts(one, e)
		}
	}
}

func (s *serving) doubts(one *route.Server, e *smtp.Error) {
	u := s.u
	d := diagnose.Default().Explain(e, diagnose.Hint{Server: one.Client.Addr})
	lang := diagnose.Lang(u.lang)
	said := smtp.Printable(wordsOf(e))
	if s.flags.json {
		s.log().Warn("the server cannot be had now", "server", one.Name, "address", one.Client.Addr, "error", said, "cause", d.Cause.In(lang), "fix", d.Fix.In(lang))
		return
	}
	name := one.Name + " (" + one.Client.Addr + ")"
	if s.flags.config == "" {
		name = one.Client.Addr
	}
	u.tell(u.say(wordServeDoubt, name, said))
	u.advice(&failure{Cause: smtp.Printable(d.Cause.In(lang)), Fix: smtp.Printable(d.Fix.In(lang))})
	u.tell(u.say(wordServeDoubtKept))
}
