package relay

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtp"
)

// A router asks the table that holds now, and has mail signed on its way.
type router struct{ server *Server }

func (r router) Lanes(ctx context.Context, rec outbox.Recipient) ([]string, error) {
	return r.server.state.Load().routes.Lanes(ctx, rec)
}

// Warm is for [outbox.Warmer].
func (r router) Warm(ctx context.Context, recs []outbox.Recipient) {
	r.server.state.Load().routes.Warm(ctx, recs)
}

func (r router) Lane(ctx context.Context, name string) (*outbox.Lane, error) {
	st := r.server.state.Load()
	lane, err := st.routes.Lane(ctx, name)
	if err != nil {
		return nil, err
	}
	out := *lane
	t := &transport{first: lane, server: r.server, verp: st.config.Bounces.marks(name)}
	out.Transport, out.Judge = t, t.judge
	if t.verp {
		out.Limits.Recipients = 1 // each has a reverse-path of its own
	}
	return &out, nil
}

// A transport signs, and marks the reverse-path.
type transport struct {
	first  *outbox.Lane // as it was when the outbox asked for it
	server *Server
	verp   bool
}

// lane is that of the table that holds now: the outbox asks for lanes once a minute, and a password that was mended is not to be tried
// by the old one for so long.
func (t *transport) lane(ctx context.Context, st *state) *outbox.Lane {
	if now, err := st.routes.Lane(ctx, t.first.Name); err == nil {
		return now
	}
	return t.first
}

func (t *transport) judge(e *smtp.Error) (v outbox.Verdict) {
	if lane := t.lane(context.Background(), t.server.state.Load()); lane.Judge != nil {
		v = lane.Judge(e)
	}
	return v
}

func (t *transport) Send(ctx context.Context, object mail.Object) (*smtp.Receipt, error) {
	st := t.server.state.Load()
	next := t.lane(ctx, st).Transport
	env, err := object.Envelope()
	if err != nil {
		return next.Send(ctx, object) // it meets the same, and says so
	}
	if t.verp {
		t.mark(ctx, st.config.Bounces, &env)
	}
	fields, err := st.keys.sign(object)
	if err != nil {
		// Where the content cannot be read, who sends it meets that too. A key that fails is no reason to keep a mail.
		st.log().Error("relay: a mail goes unsigned", "message", messageOf(ctx), "error", err)
	}
	return next.Send(ctx, &outgoing{object, env, fields})
}

// mark gives the envelope a reverse-path that its bounces are known by.
func (t *transport) mark(ctx context.Context, b *Bounces, env *mail.Envelope) {
	id := messageOf(ctx)
	if b == nil || id == 0 || env.ReversePath.IsNull() || len(env.Recipients) != 1 {
		return
	}
	path, err := b.signer().Path(b.Mailbox, tokenOf(id, env.Recipients[0].Path))
	if err != nil {
		t.server.log().Error("relay: a mail goes without a reverse-path of ours", "message", id, "error", err)
		return
	}
	env.ReversePath = path
	if s := path.String(); env.ID == "" && len(s) <= mostEnvelopeID+2 {
		env.ID = s[1 : len(s)-1] // for who reports to another address
	}
}

const mostEnvelopeID = 100 // RFC 3461 §4.4

type messageKey struct{}

// messageOf is the message that is being sent; 0: nobody said.
func messageOf(ctx context.Context) outbox.ID {
	id, _ := ctx.Value(messageKey{}).(outbox.ID)
	return id
}

// around tells those below which message it is.
func (s *Server) around(ctx context.Context, message outbox.ID, lane, trace string) (context.Context, func([]outbox.Event)) {
	ctx = context.WithValue(ctx, messageKey{}, message)
	if s.worker.Around != nil {
		return s.worker.Around(ctx, message, lane, trace)
	}
	return ctx, func([]outbox.Event) {}
}

// marks reports whether mail of a lane gets a reverse-path of ours.
func (b *Bounces) marks(lane string) bool {
	if b == nil {
		return false
	}
	server, _, _ := strings.Cut(lane, "/")
	return slices.Contains(b.Servers, server)
}

// oldRoutes is how long the lanes of a table that holds no more may still be used: the outbox asks for each once a minute.
const oldRoutes = 2 * time.Minute

// retire closes a table's sessions once nobody uses it any more.
func (s *Server) retire(old *route.Router) {
	t := time.AfterFunc(oldRoutes, func() { old.Close() })
	s.ending.add(func() {
		if t.Stop() {
			old.Close()
		}
	})
}

// introduce has us go by our name at servers too, where nothing else was said: RFC 5321 §4.1.4. A name that is no full one says less
// than the address that package smtp gives.
func (c *Config) introduce() {
	if _, err := mail.ParsePath("<x@" + c.Hostname + ">"); err != nil || !strings.Contains(c.Hostname, ".") || !isASCII([]byte(c.Hostname)) {
		return
	}
	c.Routes.MX.Hello = cmp.Or(c.Routes.MX.Hello, c.Hostname)
	for _, s := range c.Routes.Servers {
		if s.Client != nil {
			s.Client.Hello = cmp.Or(s.Client.Hello, c.Hostname)
		}
	}
}
