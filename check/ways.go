package check

import (
	"cmp"
	"context"
	"iter"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// A Way is a port and a mode of TLS by which mail may be brought to a server.
type Way struct {
	Host     string
	Port     int
	Security smtp.Security // ImplicitTLS, StartTLS or Plaintext
	Works    bool          // a session was had, and where the Client has credentials, AUTH is offered
	Step     string        // where it ended; "quit" where it did not
	Found    diagnose.Words
	Facts    Facts // of that step, or of EHLO where it works
	Took     time.Duration
}

// URL is the way as smtp.ParseURL reads it, without user and password.
func (w Way) URL() string { return urlOf(w.Host, w.Port, w.Security) }

// Ways tries the ports 25, 465, 587 and 2525, and the Client's own, each by TLS from the first octet, by
// STARTTLS and in clear text. Nobody logs in, for some providers lock out who does
// so too often: run a Check by the [Best] of them.
func (c *Check) Ways(ctx context.Context) iter.Seq[Way] {
	return func(yield func(Way) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		if c.Client == nil {
			return
		}
		host, own := c.Client.Addr, 0
		if h, p, err := net.SplitHostPort(c.Client.Addr); err == nil {
			host = h
			own, _ = strconv.Atoi(p)
		}
		host = strings.Trim(host, "[]")
		ports := []int{25, 465, 587, 2525}
		if own > 0 && !slices.Contains(ports, own) {
			ports = append(ports, own)
		}
		// The ports at once, the modes of each one after the other; told in their order.
		results := make([]chan Way, len(ports))
		for i, port := range ports {
			results[i] = make(chan Way, 3)
			go func() {
				defer close(results[i])
				c.waysOf(ctx, host, port, results[i])
			}()
		}
		for _, ch := range results {
			for way := range ch {
				if !yield(way) {
					return
				}
			}
		}
	}
}

// waysOf tries one port.
func (c *Check) waysOf(ctx context.Context, host string, port int, results chan<- Way) {
	const longest = 5 * time.Second // for each step: most of what is tried is not there
	for _, security := range []smtp.Security{smtp.ImplicitTLS, smtp.StartTLS, smtp.Plaintext} {
		client := like(c.Client, net.JoinHostPort(host, strconv.Itoa(port)))
		client.Security, client.Auth = security, nil
		one := &Check{Client: client, Timeout: min(c.timeout(), longest), Resolver: c.Resolver, Facts: c.Facts, root: c.root, brief: true}
		way := Way{Host: host, Port: port, Security: security, Works: true, Step: "quit"}
		began := time.Now()
		dead := false
		for s := range one.Run(ctx) {
			switch {
			case s.Verdict == Failed:
				way.Works, way.Step, way.Found, way.Facts = false, s.Name, s.Found, s.Facts
				dead = s.Name == "dns" || s.Name == "tcp"
			case s.Name == "hello" && way.Works:
				way.Found, way.Facts = s.Found, s.Facts
			}
		}
		way.Took = time.Since(began)
		if way.Works && c.Client.Auth != nil && len(way.Facts.Mechanisms) == 0 {
			way.Works, way.Step, way.Found = false, "auth", foundNoAuth()
		}
		if ctx.Err() != nil {
			return
		}
		results <- way
		if dead {
			return // no mode of TLS will change that
		}
	}
}

// Best is the way to take of those that work: TLS before clear text, TLS from the
// first octet before STARTTLS (RFC 8314 §3), and of the ports the one that is meant for it.
func Best(ways []Way) (Way, bool) {
	works := slices.DeleteFunc(slices.Clone(ways), func(w Way) bool { return !w.Works })
	if len(works) == 0 {
		return Way{}, false
	}
	return slices.MinFunc(works, func(a, b Way) int {
		return cmp.Or(cmp.Compare(rank(a.Security), rank(b.Security)), cmp.Compare(portRank(a), portRank(b)))
	}), true
}

func rank(s smtp.Security) int {
	return slices.Index([]smtp.Security{smtp.ImplicitTLS, smtp.StartTLS, smtp.Plaintext}, s)
}

// portRank: a server's odd port before port 25, which is for other servers.
func portRank(w Way) int {
	usual := 587
	if w.Security == smtp.ImplicitTLS {
		usual = 465
	}
	switch w.Port {
	case usual:
		return 0
	case 25:
		return 2
	}
	return 1
}
