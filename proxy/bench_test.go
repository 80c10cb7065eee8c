package proxy_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// BenchmarkSend is a mail of a megabyte, straight to the server and through a proxy: the
// ratio of the two is what counts.
func BenchmarkSend(b *testing.B) {
	server := (&smtptest.Server{Security: smtp.Plaintext}).Start(b)
	content := append([]byte("Subject: x\r\n\r\n"), bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\r\n"), 13000)...)
	p := &proxy.Proxy{To: &smtp.Client{Addr: server.Addr(), Security: smtp.Plaintext}, Without: nil}
	l := listen(b)
	go p.Serve(l)
	defer p.Close()
	for _, way := range []struct{ name, addr string }{{"straight", server.Addr()}, {"through", l.Addr().String()}} {
		for _, size := range []int{200, len(content)} {
			b.Run(fmt.Sprintf("%s/%d", way.name, size), func(b *testing.B) {
				c := &smtp.Client{Addr: way.addr, Security: smtp.Plaintext, Hello: "localhost"}
				defer c.Close()
				b.SetBytes(int64(size))
				m := raw(content[:size])
				for b.Loop() {
					if _, err := c.Send(b.Context(), m); err != nil {
						b.Fatal(err)
					}
					server.Forget()
				}
			})
		}
	}
}
