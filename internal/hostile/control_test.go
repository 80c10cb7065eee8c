package hostile_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"unicode"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/smtp"
)

// controls are what would move a reader's cursor, clear his screen, retitle his
// window, or turn a line around.
var controls = []string{
	"\x1b[2J", "\x1b[1;31mred", "\x1b]8;;http://evil.test\x07link\x1b]8;;\x07", "\x1b]0;title\x07", "\x1bPq#\x1b\\", "\x07", "\x08\x08\x08", "\rover", "\x0b", "\x0c", "\x00", "\x7f",
	"\u009b2J", "\u0085", "\u009d0;title\u009c", "\x9b2J", "\x1b[200~paste\x1b[201~", "\u202egnp.exe", "\u2066\u2067", "\u2028", "\u2029", "\x1b\x1b\x1b", "\x1b[6n",
}

// unfit gives the first character that no terminal should get; line ends are fit
// where there are lines.
func unfit(text string, lines bool) string {
	for i, r := range text {
		switch {
		case r == '\n' && lines:
		case r == '\t' && lines:
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == 0x2028, r == 0x2029:
			return fmt.Sprintf("%q in %q", r, text[max(0, i-30):min(len(text), i+30)])
		case r == unicode.ReplacementChar && text[i] != 0xef:
			return fmt.Sprintf("an octet that is no UTF-8 in %q", text[max(0, i-30):min(len(text), i+30)])
		}
	}
	return ""
}

// unfitIn looks through what a person reads of a run. What is made by %#v, %q and
// the like is quoted, and JSON is for programs.
func unfitIn(s shown) (wrong []string) {
	for name, text := range s {
		lines := strings.HasPrefix(name, "transcript") || strings.HasPrefix(name, "Transcript") || strings.HasPrefix(name, "slog")
		switch {
		case strings.HasSuffix(name, "%d"), strings.HasPrefix(name, "event"), strings.HasPrefix(name, "what was said"), strings.HasPrefix(name, "reply"):
			continue // as it was on the wire, says Event.Line
		case strings.Contains(name, "JSON"):
			if bad := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' }); bad >= 0 {
				wrong = append(wrong, fmt.Sprintf("%s: %q", name, text[max(0, bad-20):min(len(text), bad+20)]))
			}
			continue
		}
		if bad := unfit(text, lines); bad != "" {
			wrong = append(wrong, name+": "+bad)
		}
	}
	return wrong
}

// What a server says cannot make a terminal do anything: whatever stands in its
// replies, none of it is in an error's text, nor in what is printed.
func TestControlCharactersReachNoTerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("little runs side by side here: make race has no use for it")
	}
	runs := 0
	for _, p := range points {
		for _, control := range controls {
			for _, reply := range []string{"550 a" + control + "b", "550-5.7.1 a" + control + "\r\n550 5.7.1 b" + control, control + "550 no", "250" + control + "ok", p.code + " a" + control + "b", p.code + "-" + control + "\r\n" + p.code + " " + control} {
				runs++
				synctest.Test(t, func(t *testing.T) {
					for _, wrong := range speakOddly(p.line, reply) {
						t.Errorf("%s: %q: %s", p.stage, reply, wrong)
					}
				})
			}
		}
	}
	t.Logf("%d conversations", runs)
}

func speakOddly(line, reply string) (wrong []string) {
	var l listener
	k := newTalk(line)
	k.client.Trace = l.trace()
	k.server.Instead = func(said string) (string, bool) {
		return reply, said == line || line != "" && strings.HasPrefix(said, line)
	}
	err := k.say(context.Background())
	return unfitIn(l.all(k.client, nil, unjoined(err)))
}

// unjoined gives the first of errors that were joined.
func unjoined(err error) error {
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		return e
	}
	return err
}

// The same for what a server says within AUTH, and for what is in a certificate.
func TestControlCharactersWithinAUTH(t *testing.T) {
	for _, control := range controls {
		for mechanism := range mechanisms {
			for _, challenge := range []string{control, `{"status":"` + control + `","schemes":"bearer"}`, fmt.Sprintf(`{"status":%q}`, control), "r=" + control + ",s=QUJD,i=4096", "e=" + control, "v=" + control} {
				synctest.Test(t, func(t *testing.T) {
					var l listener
					var over sync.WaitGroup
					server := &hostile.Server{Offers: []string{"AUTH " + mechanism}, Auth: func(_ string, _ []byte, ask func([]byte) ([]byte, error)) string {
						for range 3 {
							if _, err := ask([]byte(challenge)); err != nil {
								break
							}
						}
						return "535 " + base64.StdEncoding.EncodeToString([]byte(challenge))
					}}
					client := &smtp.Client{Addr: "mx.test:25", Hello: "client.test", Security: smtp.Plaintext, Auth: mechanisms[mechanism], Trace: l.trace()}
					client.DialContext = func(context.Context, string, string) (net.Conn, error) {
						c, s := hostile.Pipe(hostile.Fault{})
						over.Go(func() { server.Serve(s) })
						return c, nil
					}
					_, err := client.Send(context.Background(), plain())
					client.Close()
					over.Wait()
					if _, ok := errors.AsType[*smtp.Error](err); !ok {
						t.Errorf("%s, %q: %v", mechanism, challenge, err)
					}
					for _, wrong := range unfitIn(l.all(client, nil, err)) {
						if !strings.HasPrefix(wrong, "error 1") && !strings.HasPrefix(wrong, "error text 1") {
							t.Errorf("%s, %q: %s", mechanism, challenge, wrong)
						}
					}
				})
			}
		}
	}
}
