package route

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A zone is what a name server of ours knows, by names with a dot at their end: "mx 10 host", "a 127.0.0.2",
// "aaaa ::1", "cname host". A name that is not there does not exist; "servfail" and "silence" are trouble.
type zone struct {
	mu    sync.Mutex
	names map[string][]string
	asked atomic.Int64
	wait  time.Duration // before each answer
}

func newZone(records map[string]string) *zone {
	z := &zone{names: map[string][]string{}}
	for name, text := range records {
		z.set(name, text)
	}
	return z
}

// set gives a name its records, parted by semicolons; "" takes it away.
func (z *zone) set(name, text string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(z.names, name+".")
	if text != "" {
		z.names[name+"."] = strings.Split(text, ";")
	}
}

func (z *zone) get(name string) ([]string, bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	records, ok := z.names[strings.ToLower(name)]
	return records, ok
}

// resolver is Go's own, which asks the zone over UDP.
func (z *zone) resolver(t testing.TB) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		var buf [1500]byte
		for {
			n, from, err := conn.ReadFrom(buf[:])
			if err != nil {
				return
			}
			if answer := z.answer(buf[:n]); answer != nil {
				z.asked.Add(1)
				if z.wait == 0 {
					conn.WriteTo(answer, from)
					continue
				}
				time.AfterFunc(z.wait, func() { conn.WriteTo(answer, from) })
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (z *zone) answer(question []byte) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(question)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	h.Response, h.RecursionAvailable, h.Authoritative = true, true, true
	records, ok := z.get(q.Name.String())
	switch {
	case ok && records[0] == "silence":
		return nil
	case ok && records[0] == "servfail":
		h.RCode = dnsmessage.RCodeServerFailure
	case !ok:
		h.RCode = dnsmessage.RCodeNameError
	}
	b := dnsmessage.NewBuilder(nil, h)
	b.StartQuestions()
	b.Question(q)
	b.StartAnswers()
	z.add(&b, q.Name, q.Type, records)
	answer, err := b.Finish()
	if err != nil {
		return nil
	}
	return answer
}

func (z *zone) add(b *dnsmessage.Builder, name dnsmessage.Name, kind dnsmessage.Type, records []string) {
	h := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 60}
	for _, r := range records {
		f := strings.Fields(r)
		switch {
		case f[0] == "cname":
			target := dnsmessage.MustNewName(f[1] + ".")
			b.CNAMEResource(h, dnsmessage.CNAMEResource{CNAME: target})
			if more, ok := z.get(f[1] + "."); ok {
				z.add(b, target, kind, more)
			}
		case f[0] == "mx" && kind == dnsmessage.TypeMX:
			pref := 0
			for _, c := range f[1] {
				pref = pref*10 + int(c-'0')
			}
			b.MXResource(h, dnsmessage.MXResource{Pref: uint16(pref), MX: dnsmessage.MustNewName(strings.TrimSuffix(f[2], ".") + ".")})
		case f[0] == "a" && kind == dnsmessage.TypeA:
			b.AResource(h, dnsmessage.AResource{A: netip.MustParseAddr(f[1]).As4()})
		case f[0] == "aaaa" && kind == dnsmessage.TypeAAAA:
			b.AAAAResource(h, dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(f[1]).As16()})
		}
	}
}
