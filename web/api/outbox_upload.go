package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	largeBody = 1 << 20          // octets
	mostLarge = 4                // bodies over it that are read at a time, where they are held whole
	eachLarge = mostLarge / 2    // of them by one user, who may be slow
	largeWait = 10 * time.Second // that another waits for its turn
	slack     = 1 << 20          // octets of a JSON body, besides its mail in base64
	slowest   = 16 << 10         // octets a second that a client must send, once the first minute is over
)

var errLarge = &failed{status: http.StatusServiceUnavailable, Code: "busy", Message: "too many large mails are being read: come again in a moment"}

// An upload is a body that is read as it comes: as much as it may be, not slower than it may be, and of those that are held whole
// not too many at a time.
type upload struct {
	r       io.Reader
	control *http.ResponseController
	ctx     context.Context //nolint:containedctx // the request's
	turns   []chan struct{} // the user's own, and those of all
	free    int64           // octets before it is a large one
	n       int64
	begun   time.Time
	until   time.Time // when the connection is given up
	large   bool
	held    int   // of turns
	err     error // what reading it gave, but for its end
}

func (o *Outbox) upload(w http.ResponseWriter, r *http.Request, free, most int64) *upload {
	who, _ := AccountOf(r.Context())
	u := &upload{control: http.NewResponseController(w), ctx: r.Context(), turns: o.turns(who.Name), free: free, begun: time.Now()}
	u.r = http.MaxBytesReader(w, r.Body, most)
	if r.ContentLength > most {
		u.err = &http.MaxBytesError{Limit: most}
	}
	return u
}

func (u *upload) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	if u.n > u.free && !u.large {
		if u.err = u.turn(); u.err != nil {
			return 0, u.err
		}
	}
	const often = 5 * time.Second
	if until := u.begun.Add(time.Minute + time.Duration(u.n/slowest)*time.Second); until.Sub(u.until) > often {
		u.until = until
		u.control.SetReadDeadline(until) //nolint:errcheck // where there is no connection there is no deadline
	}
	n, err := u.r.Read(p)
	u.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		u.err = err
	}
	return n, err
}

// turn waits until this body may be held.
func (u *upload) turn() error {
	late := time.NewTimer(largeWait)
	defer late.Stop()
	for _, turns := range u.turns {
		select {
		case turns <- struct{}{}:
			u.held++
		case <-u.ctx.Done():
			return u.ctx.Err()
		case <-late.C:
			f := *errLarge
			f.again = time.Now().Add(largeWait)
			return &f
		}
	}
	u.large = true
	return nil
}

func (u *upload) done() {
	for _, turns := range u.turns[:u.held] {
		<-turns
	}
}

// turns are what a large body of a user waits for.
func (o *Outbox) turns(name string) []chan struct{} {
	if name == "" {
		return []chan struct{}{o.large}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	own := o.own[name]
	if own == nil {
		own = make(chan struct{}, eachLarge)
		o.own[name] = own
	}
	return []chan struct{}{own, o.large}
}

// or is what reading the body gave, or else an error that came of what was read.
func (u *upload) or(err error) error {
	switch {
	case u.err == nil:
		return err
	case errors.As(u.err, new(*http.MaxBytesError)), errors.As(u.err, new(*failed)):
		return u.err
	}
	return &failure{http.StatusBadRequest, "body", "the request broke off"}
}
