package hostile_test

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleymail/parley/internal/hostile"
)

// TestOutcomeIsRightWhereverTheLineFails on real sockets, with what only a kernel
// does: buffers that take what nobody will read, and resets that overtake. Fewer
// octets are tried; a stall costs real time, and is tried at few.
func TestOutcomeIsRightOnRealSockets(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about sockets")
	}
	few := []string{"plain", "pipelined-two-recipients", "partial", "bdat-whole", "pooled", "pooled-bdat", "all-pipelined", "all-bdat-mixed"}
	for _, s := range scenes() {
		if !slices.Contains(few, s.name) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			up, down := s.lengths(t)
			runs := 0
			var stalls sync.WaitGroup
			defer stalls.Wait()
			for _, kind := range []hostile.Break{hostile.Cut, hostile.Reset, hostile.HalfClose, hostile.Stall} {
				for to, length := range map[hostile.Side]int64{hostile.ToServer: up, hostile.ToClient: down} {
					step := max(length/30, 3)
					if kind == hostile.Stall {
						step = max(length/4, 3)
					}
					// The last octets are where it is decided whether a mail was taken.
					for at := int64(0); at <= length; at++ {
						if at%step != 0 && (at < length-8 || kind == hostile.Stall) {
							continue
						}
						runs++
						f := hostile.Fault{Kind: kind, To: to, At: at}
						if kind == hostile.Stall {
							stalls.Go(func() { s.onSockets(t, f) })
						} else {
							s.onSockets(t, f)
						}
					}
				}
			}
			t.Logf("%d sessions", runs)
		})
	}
}

func (s scene) onSockets(t *testing.T, f hostile.Fault) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return
	}
	p := &play{scene: s, timeout: 200 * time.Millisecond}
	p.serves.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.serves.Go(func() { p.server.Serve(c) })
		}
	})
	relay, err := hostile.NewRelay(l.Addr().String(), f)
	if err != nil {
		t.Error(err)
		return
	}
	p.addr = relay.Addr()
	p.hangUp = func() {
		relay.Close()
		l.Close()
	}
	wrong := p.run(f)
	if len(wrong) > 0 {
		t.Errorf("%v: %s\n%q", f, strings.Join(wrong, "; "), p.server.Said())
	}
}
