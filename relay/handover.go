package relay

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

// A Handing is a mail that is handed over otherwise than by SMTP.
type Handing struct {
	Account Account // who hands it over

	// Object is the mail. Or else Content is: a header and a body, of which lines may end with CRLF, LF or CR. It is read
	// once, as the outbox writes it down.
	Object  mail.Object
	Content io.Reader

	// Of a Content: who it is from and for. Without recipients it is for all that its header names. FromHeader has the reverse-path
	// be the header's Sender, or else the first of From. UTF8 says that its header may have octets over 127, and servers with SMTPUTF8
	// alone take it then.
	Envelope   mail.Envelope
	FromHeader bool
	UTF8       bool

	Wishes   Wishes
	Trace    string // W3C traceparent; what is none is left out
	Protocol string // as the trace field has it: "HTTP", "HTTPS"
	Remote   string // host:port of the client
}

// Wishes are what may be said of a mail beside it, as the fields X-Parley- of a header say it; empty: those count.
type Wishes struct{ Class, Topic, Key, NotBefore, Expires string }

// MaxSize is the most octets of a mail that is taken.
func (s *Server) MaxSize() int64 { return cmp.Or(s.state.Load().config.Limits.MaxSize, usualMaxSize) }

const (
	usualMaxSize       = 100 << 20 // as smtpd has them
	usualMaxRecipients = 1000
)

// HandOver takes a mail as a listener does, by the same rules: who the user may send as, limits, sizes, keys, what the mail says of
// itself. It is on stable storage when there is no error. An error is a [*Refusal].
func (s *Server) HandOver(ctx context.Context, h Handing) (outbox.ID, error) {
	k := &taking{env: h.Envelope, sender: h.FromHeader, utf8: h.UTF8, said: h.Wishes, trace: traceparent(h.Trace), remote: h.Remote}
	id, refused := s.handOver(ctx, k, &h)
	if refused != nil {
		s.refused(h.Account.Name, k.env.ReversePath, h.Remote, refused)
		return 0, refused
	}
	return id, nil
}

func (s *Server) handOver(ctx context.Context, k *taking, h *Handing) (_ outbox.ID, refused *Refusal) {
	if s.stopping.Load() {
		return 0, closing()
	}
	st := s.state.Load()
	if k.user, refused = s.userOf(ctx, st, h.Account.Name); refused != nil {
		return 0, refused
	}
	k.most = s.MaxSize()
	k.people = cmp.Or(max(st.config.Limits.MaxRecipients, 0), usualMaxRecipients)
	k.received = func(_ string, at time.Time) string { return received(st.config.Hostname, h, at) }
	if h.Object == nil {
		k.content = &lineEnds{r: h.Content}
	} else {
		content, err := k.open(h.Object)
		if err != nil {
			return 0, s.trouble(err)
		}
		defer content.Close()
		k.content = content
	}
	if full := k.user.usage.has(1, time.Now()); full != nil {
		return 0, noRoom("450 4.7.1", k.user, full)
	}
	return s.take(ctx, k)
}

// open has an object composed as it is read.
func (k *taking) open(object mail.Object) (io.ReadCloser, error) {
	var err error
	if k.env, err = object.Envelope(); err != nil {
		return nil, err
	}
	c, err := object.Open()
	if err != nil {
		return nil, err
	}
	form, err := fitAll(c)
	if err != nil {
		c.Close()
		return nil, err
	}
	k.utf8 = form.UTF8
	if u := k.user; form.Size > 0 {
		if refused := u.maySend(mail.Path{}, form.Size); refused != nil {
			c.Close()
			return nil, refused
		}
	}
	const small = 64 << 10
	if form.Size >= 0 && form.Size <= small {
		defer c.Close()
		var b bytes.Buffer
		_, err := c.WriteTo(&b)
		return io.NopCloser(&b), err
	}
	r, w := io.Pipe()
	go func() {
		defer c.Close()
		b := bufio.NewWriterSize(w, small)
		_, err := c.WriteTo(b)
		if err == nil {
			err = b.Flush()
		}
		w.CloseWithError(err)
	}()
	return r, nil
}

// fitAll has a content be in seven bits, where that can be: what has more needs servers that take it.
func fitAll(c mail.Content) (form mail.Form, err error) {
	for _, offer := range []mail.Offer{{}, {EightBit: true}, {EightBit: true, UTF8: true}} {
		if form, err = c.Fit(offer); err == nil {
			return form, nil
		}
	}
	return form, err
}

// received is the trace field: RFC 5321 §4.4.
func received(host string, h *Handing, at time.Time) string {
	from := "unknown"
	if addr, err := netip.ParseAddrPort(h.Remote); err == nil {
		from = literal(addr.Addr())
	} else if name, _, err := net.SplitHostPort(h.Remote); err == nil && fieldName([]byte(name+":")) != "" {
		from = name
	}
	return "Received: from " + from + "\r\n\tby " + host + " with " + cmp.Or(h.Protocol, "HTTP") + ";\r\n\t" + at.Format("Mon, 2 Jan 2006 15:04:05 -0700") + "\r\n"
}

// literal is an address literal: RFC 5321 §4.1.3.
func literal(ip netip.Addr) string {
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}

// traceparent is a W3C traceparent, or nothing.
func traceparent(s string) string {
	if len(s) != 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return ""
	}
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && c != '-' {
			return ""
		}
	}
	return s
}

// lineEnds makes CRLF of each line's end: a file from another system is meant so. By HTTP nothing ends with a line, so that nobody is
// led to find a second mail in one.
type lineEnds struct {
	r   io.Reader
	in  [32 << 10]byte
	out []byte // made, and not given yet
	buf []byte
	cr  bool // the last octet was a CR
	err error
}

func (l *lineEnds) Read(p []byte) (int, error) {
	for len(l.out) == 0 {
		if l.err != nil {
			return 0, l.err
		}
		n, err := l.r.Read(l.in[:])
		l.err = err
		if l.make(l.in[:n]); errors.Is(err, io.EOF) && l.cr {
			l.buf, l.cr = append(l.buf, '\n'), false
		}
		l.out = l.buf
	}
	n := copy(p, l.out)
	l.out = l.out[n:]
	return n, nil
}

func (l *lineEnds) make(in []byte) {
	out := l.buf[:0]
	for len(in) > 0 {
		if l.cr {
			out, l.cr = append(out, '\n'), false
			if in[0] == '\n' {
				in = in[1:]
				continue
			}
		}
		i := bytes.IndexAny(in, "\r\n")
		if i < 0 {
			out = append(out, in...)
			break
		}
		out = append(append(out, in[:i]...), '\r')
		if in[i] == '\r' {
			l.cr = true
		} else {
			out = append(out, '\n')
		}
		in = in[i+1:]
	}
	l.buf = out
}
