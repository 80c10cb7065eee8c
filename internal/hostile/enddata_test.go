package hostile_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// longest is the length up to which all strings are tried.
func longest() int {
	if testing.Short() {
		return 5
	}
	return 7
}

// contexts are what stands before a string in a content.
var contexts = map[string]string{"after CRLF": "x\r\n", "after x": "x", "at the start": ""}

// One writer stands between every content and every server. Whatever it is given,
// and however that is parted, it lets through what is clean, with one end; of all
// else it lets nothing through that a server could take for an end.
func TestEveryShortContentThroughTheWriter(t *testing.T) {
	for name, before := range contexts {
		for _, chunked := range []bool{false, true} {
			t.Run(name+map[bool]string{false: ", DATA", true: ", BDAT"}[chunked], func(t *testing.T) {
				t.Parallel()
				count := 0
				var w wire.ContentWriter
				var out bytes.Buffer
				for s := range hostile.Strings(1, longest()) {
					content := append([]byte(before), s...)
					write(t, &w, &out, chunked, content, len(content))
					count++
					for split := 0; split < len(content) && len(s) <= 5; split++ {
						write(t, &w, &out, chunked, content, split)
						count++
					}
					if t.Failed() {
						t.FailNow()
					}
				}
				t.Logf("%d contents", count)
			})
		}
	}
}

// write writes a content in two parts, and looks at what came out.
func write(t *testing.T, w *wire.ContentWriter, out *bytes.Buffer, chunked bool, content []byte, split int) {
	out.Reset()
	w.Reset(out, chunked, int64(len(content)))
	_, err := w.Write(content[:split])
	if err == nil && split < len(content) {
		_, err = w.Write(content[split:])
	}
	endErr := w.End()
	clean := hostile.Unclean(content) == ""
	switch {
	case clean != (err == nil && endErr == nil):
		t.Errorf("%q parted at %d: %v, %v", content, split, err, endErr)
	case err != nil && endErr == nil:
		t.Errorf("%q parted at %d: refused, and ended all the same", content, split)
	case !clean:
		refused(t, content, split, out.Bytes(), chunked)
		return
	}
	want := content
	if !chunked {
		want = append(hostile.Stuffed(hostile.Normal(content)), ".\r\n"...)
		if w.N != int64(len(hostile.Normal(content))) {
			t.Errorf("%q: counted as %d", content, w.N)
		}
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%q parted at %d became %q", content, split, out.Bytes())
	}
}

// refused looks at what went out of a content that was then refused: no end, and
// nothing unclean but a CR that is the very last octet, before the line is dropped.
func refused(t *testing.T, content []byte, split int, out []byte, chunked bool) {
	if what := hostile.Unclean(bytes.TrimSuffix(out, []byte("\r"))); what != "" {
		t.Errorf("%q parted at %d: %s went out", content, split, what)
	}
	if !chunked && (bytes.HasPrefix(out, []byte(".\r\n")) || bytes.Contains(out, []byte("\r\n.\r\n"))) {
		t.Errorf("%q parted at %d: refused, and ended: %q", content, split, out)
	}
}

// A pouch sends contents over a Sink, on one session for as long as it lasts.
type pouch struct {
	t       *testing.T
	client  *smtp.Client
	session *smtp.Session
	sink    *hostile.Sink
	got     []byte
	taken   int
	opened  int
	keep    bool // the commands, in sink.Lines
}

const replyDATA, replyBDAT, replyBoth = "250 sink\r\n", "250-sink\r\n250 CHUNKING\r\n", "250-sink\r\n250-PIPELINING\r\n250 CHUNKING\r\n"

func newPouch(t *testing.T, offers string) *pouch {
	p := &pouch{t: t, client: &smtp.Client{Addr: "sink.test:25", Hello: "client.test", Security: smtp.Plaintext}}
	p.client.DialContext = func(context.Context, string, string) (net.Conn, error) {
		p.sink = &hostile.Sink{Offers: offers, Keep: p.keep, Content: func(c []byte) {
			p.taken++
			p.got = append(p.got[:0], c...)
		}}
		return p.sink, nil
	}
	return p
}

// send sends one mail, and reports how many contents the server took.
func (p *pouch) send(o mail.Object) (taken int, err error) {
	if p.session == nil {
		p.opened++
		if p.session, err = p.client.Open(context.Background()); err != nil {
			p.t.Fatal(err)
		}
	}
	before := p.taken
	_, err = p.session.Send(context.Background(), o)
	if p.sink.Odd != nil {
		p.t.Errorf("%q was said as a command", p.sink.Odd)
	}
	return p.taken - before, err
}

func (p *pouch) drop() {
	p.session.Close()
	p.session = nil
}

var (
	to       = []mail.Recipient{{Path: mail.Path{Local: "kim", Domain: "b.test"}}}
	envelope = mail.Envelope{ReversePath: mail.Path{Local: "lee", Domain: "a.test"}, Recipients: to}
)

// Every short content, as the body of a Raw through a real session: what arrives is
// the content with its line ends mended and nothing else, once; or a NUL was in it,
// and the server has heard nothing of it.
func TestEveryShortContentThroughASession(t *testing.T) {
	const header = "A: b\r\n\r\n"
	var count atomic.Int64
	t.Cleanup(func() { t.Logf("%d mails", count.Load()) })
	for name, before := range contexts {
		for offer, reply := range map[string]string{"DATA": replyDATA, "BDAT": replyBDAT, "BDAT, pipelined": replyBoth} {
			most := longest()
			if reply == replyBoth {
				most = min(most, 6)
			}
			t.Run(name+", "+offer, func(t *testing.T) {
				t.Parallel()
				p := newPouch(t, reply)
				for s := range hostile.Strings(1, most) {
					count.Add(1)
					content := append([]byte(header+before), s...)
					commands := 0
					if p.sink != nil {
						commands = p.sink.Commands
					}
					taken, err := p.send(&mail.Raw{Env: envelope, Data: content})
					if bytes.IndexByte(content, 0) >= 0 {
						if err == nil || taken > 0 || commands > 0 && p.sink.Commands != commands {
							t.Fatalf("%q: taken %d times, %v", content, taken, err)
						}
						continue
					}
					want := hostile.Normal(content)
					if reply == replyDATA {
						want = hostile.Stuffed(want)
					}
					if err != nil || taken != 1 || !bytes.Equal(p.got, want) || hostile.Unclean(p.got) != "" || !p.sink.Ended() {
						t.Fatalf("%q: taken %d times as %q, %v", content, taken, p.got, err)
					}
				}
				if p.opened > 1 {
					t.Errorf("%d sessions were needed", p.opened)
				}
			})
		}
	}
}

// A foreign is an Object of somebody else's make, that keeps no rule.
type foreign struct {
	content []byte
	split   int
}

func (f *foreign) Envelope() (mail.Envelope, error) { return envelope, nil }
func (f *foreign) Open() (mail.Content, error)      { return f, nil }
func (f *foreign) Fit(mail.Offer) (mail.Form, error) {
	return mail.Form{Size: int64(len(f.content))}, nil
}
func (f *foreign) Close() error { return nil }
func (f *foreign) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(f.content[:f.split])
	if err == nil {
		var m int
		m, err = w.Write(f.content[f.split:])
		n += m
	}
	return int64(n), err
}

// The same from an Object that does not mend anything: what is unclean is refused,
// the server takes nothing, and the session is over unless nothing had been said.
func TestEveryShortContentOfAForeignObject(t *testing.T) {
	for name, before := range contexts {
		for offer, reply := range map[string]string{"DATA": replyDATA, "BDAT": replyBDAT, "BDAT, pipelined": replyBoth} {
			t.Run(name+", "+offer, func(t *testing.T) {
				t.Parallel()
				p := newPouch(t, reply)
				for s := range hostile.Strings(1, min(longest(), 5)) {
					content := append([]byte(before), s...)
					clean := hostile.Unclean(content) == ""
					taken, err := p.send(&foreign{content, len(content) / 2})
					if clean != (err == nil) || clean != (taken == 1) || taken > 1 {
						t.Fatalf("%q: taken %d times, %v", content, taken, err)
					}
					if err != nil {
						p.drop()
					}
				}
			})
		}
	}
}
