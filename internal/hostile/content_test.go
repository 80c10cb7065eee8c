package hostile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// A fraud is a content that is not what it said it would be.
type fraud struct {
	says  int64 // its size, as Form has it
	text  []byte
	err   error // what WriteTo gives in the end
	step  int   // octets per Write; 0: all at once
	whole bool  // by WriteLines, where there is one
}

func (f *fraud) Envelope() (mail.Envelope, error) {
	return mail.Envelope{ReversePath: mail.Path{Local: "fraud", Domain: "a.test"}, Recipients: []mail.Recipient{{Path: mail.Path{Local: "kim", Domain: "b.test"}}}}, nil
}
func (f *fraud) Open() (mail.Content, error)       { return f, nil }
func (f *fraud) Fit(mail.Offer) (mail.Form, error) { return mail.Form{Size: f.says}, nil }
func (f *fraud) Close() error                      { return nil }
func (f *fraud) WriteTo(w io.Writer) (n int64, err error) {
	write := w.Write
	if l, ok := w.(interface{ WriteLines([]byte) (int, error) }); ok && f.whole {
		write = l.WriteLines
	}
	step := f.step
	if step == 0 {
		step = len(f.text)
	}
	for p := range slices.Chunk(f.text, step) {
		m, err := write(p)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, f.err
}

// A content that is larger or smaller than it said, that fails at its very end, or
// that ends in what no content may hold, is never taken by a server, and never
// spills into the commands.
func TestFraudulentContentIsNeverTaken(t *testing.T) {
	evil := "\r\nRSET\r\nMAIL FROM:<evil@a.test>\r\nRCPT TO:<victim@b.test>\r\nBDAT 5 LAST\r\nevil\nQUIT\r\n"
	failed := errors.New("the disk is on fire")
	line := strings.Repeat("z", 62) + "\r\n"
	for _, size := range []int{1, 8, 500, 520, 1 << 10, 1100, 2 << 10} { // lines of 64 octets
		text := strings.Repeat(line, size)
		n := int64(len(text))
		frauds := map[string]*fraud{
			"larger":                 {says: n - 3, text: []byte(text)},
			"much larger":            {says: 64, text: []byte(line + text)},
			"larger by a mail":       {says: n, text: []byte(text + evil)},
			"smaller":                {says: n + 3, text: []byte(text)},
			"failing at the end":     {says: n, text: []byte(text), err: failed},
			"failing before the end": {says: n + 64, text: []byte(text), err: failed},
			"bare CR at the end":     {says: n - 1, text: []byte(text[:n-1])},
			"bare LF at the end":     {says: n + 1, text: []byte(text + "\n")},
			"NUL at the end":         {says: n + 1, text: []byte(text + "\x00")},
		}
		for name, f := range frauds {
			for _, offers := range [][]string{nil, pipelining, chunking, both} {
				for _, step := range []int{0, 64, 4096, 60000} {
					for _, lines := range []bool{false, true} {
						if lines && strings.Contains(name, "at the end") && f.err == nil {
							continue // it is promised that such lines keep the rules
						}
						f := *f
						f.step, f.whole = step, lines
						what := fmt.Sprintf("%d octets, %s, in steps of %d, lines %v, to %q", n, name, step, lines, offers)
						synctest.Test(t, func(t *testing.T) {
							for _, wrong := range defraud(&f, offers) {
								t.Errorf("%s: %s", what, wrong)
							}
						})
					}
				}
			}
		}
	}
}

func defraud(f *fraud, offers []string) (wrong []string) {
	server := &hostile.Server{Offers: offers}
	client := &smtp.Client{Addr: "mx.test:25", Security: smtp.Plaintext, Hello: "client.test"}
	client.DialContext = func(context.Context, string, string) (net.Conn, error) {
		c, s := hostile.Pipe(hostile.Fault{})
		go server.Serve(s)
		return c, nil
	}
	before, after := &letter{id: 1, to: []string{"kim"}, size: true}, &letter{id: 2, to: []string{"kim"}, size: true}
	errs := make([]error, 3)
	for r := range client.SendAll(context.Background(), slices.Values([]mail.Object{before, f, after})) {
		errs[r.Index] = r.Err
	}
	_, err := client.Send(context.Background(), f)
	errs = append(errs, err)
	client.Close()
	synctest.Wait()
	if errs[0] != nil || errs[1] == nil || errs[2] != nil || errs[3] == nil {
		wrong = append(wrong, fmt.Sprint(errs))
	}
	for _, m := range server.Taken() {
		if m.From[0:5] != "<from" || !bytes.Contains(m.Content, []byte("end-of-mail")) {
			wrong = append(wrong, fmt.Sprintf("the server took %q from %s", m.Content[:min(80, len(m.Content))], m.From))
		}
	}
	for _, s := range server.Said() {
		for _, c := range s {
			if strings.Contains(c, "evil") || strings.Contains(c, "zzz") {
				wrong = append(wrong, fmt.Sprintf("the content was heard as a command: %.80q", c))
			}
		}
	}
	return wrong
}
