package check

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// A Check is a look at the way to a server. Client must be set; the zero value of all
// else is safe. It may be run many times, by several goroutines at once.
type Check struct {
	// Client is how mail is to be sent. It is not used itself, but one like it: its
	// sessions, if it has any, are left alone. Its Trace is told of all that is said.
	// With an Addr that has no port the name's MX records are looked up too.
	Client *smtp.Client

	From string // the reverse-path to ask for, which may be "<>"; empty: MAIL and RCPT are not asked
	To   string // the recipient to ask for; empty: From
	Send bool   // send a short mail, in place of taking the envelope back

	// Timeout is the longest that any step waits; zero: the Client's, or else 10 seconds. Some servers let
	// strangers wait longer than that for their greeting.
	Timeout time.Duration

	Resolver Resolver        // nil: net.DefaultResolver
	Facts    *diagnose.Facts // what failures are explained by; nil: diagnose.Default

	brief bool  // nothing more is learnt of what failed
	root  fs.FS // of the files that tell whether this is a container; nil: the system's
}

// A Resolver looks names up. A *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
}

const defaultTimeout = 10 * time.Second

// Run walks, and gives each step as it is done. To stop listening ends the walk. The steps that
// a failure made pointless come after it, skipped.
func (c *Check) Run(ctx context.Context) iter.Seq[Step] {
	return func(yield func(Step) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		w := &walk{check: c, ctx: ctx, cancel: cancel, yield: yield, timeout: c.timeout(), at: time.Now()}
		w.run()
	}
}

// Report walks, and gathers the steps.
func (c *Check) Report(ctx context.Context) *Report {
	r := &Report{At: time.Now()}
	if c.Client != nil {
		r.Server = c.Client.Addr
	}
	for step := range c.Run(ctx) {
		r.Add(step)
	}
	return r
}

func (c *Check) timeout() time.Duration {
	if c.Timeout > 0 {
		return c.Timeout
	}
	if c.Client != nil && c.Client.Timeout > 0 {
		return c.Client.Timeout
	}
	return defaultTimeout
}

func (c *Check) resolver() Resolver {
	if c.Resolver != nil {
		return c.Resolver
	}
	return net.DefaultResolver
}

func (c *Check) facts() *diagnose.Facts {
	if c.Facts != nil {
		return c.Facts
	}
	return diagnose.Default()
}

func (c *Check) files() fs.FS {
	if c.root != nil {
		return c.root
	}
	return os.DirFS("/")
}

var errNoClient = errors.New("Check.Client is not set")
