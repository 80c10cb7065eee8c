package inbox_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/parleymail/parley/inbox"
	"github.com/parleymail/parley/mail"
)

// pieceSize is what a piece of a content has in the store.
const pieceSize = 256 << 10

// The octets that are kept are those that were sent, whatever they are.
func TestContentIsWhatWasSent(t *testing.T) {
	line := strings.Repeat("x", 998) + "\r\n"
	eight := make([]byte, 300)
	for i := range eight {
		eight[i] = byte(i*7) | 0x80
	}
	contents := map[string]string{
		"a word":              "x\r\n",
		"an empty line":       "\r\n",
		"dots":                "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n",
		"Bcc and Return-Path": "Return-Path: <x@y>\r\nBcc: hidden@example.net\r\nX: 1\r\n\r\nx\r\n",
		"no header":           " begins with a blank\r\n\r\n",
		"eight bits":          "Subject: \xff\r\n\r\n" + string(eight) + "\r\n",
		"long lines":          "Subject: x\r\n\r\n" + strings.Repeat(line, 10),
		"a piece less one":    strings.Repeat("y", pieceSize-3) + "\r\n",
		"a piece":             strings.Repeat("y", pieceSize-2) + "\r\n",
		"a piece and one":     strings.Repeat("y", pieceSize-1) + "\r\n",
		"three pieces":        strings.Repeat(line, 3*pieceSize/1000) + "\r\n",
		"no line end":         "Subject: x\r\n\r\nno end",
		"mbox":                "From x@example.com Mon Nov 23\r\nFrom: a\r\n\r\nFrom b\r\n",
	}
	stores(t, func(t *testing.T, o inbox.Options) {
		store := open(t, o)
		addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example"})
		for name, content := range contents {
			t.Run(name, func(t *testing.T) {
				for _, how := range []string{"BDAT", "DATA"} {
					if how == "DATA" && !strings.HasSuffix(content, "\r\n") {
						continue // it cannot end so
					}
					sendRaw(t, addr, how, content)
					page, err := store.Messages(t.Context(), inbox.Query{Limit: 1})
					if err != nil || len(page.Items) != 1 {
						t.Fatalf("%+v, %v", page, err)
					}
					m := page.Items[0]
					got, err := store.Content(t.Context(), m.ID)
					if err != nil || string(got) != content || m.Size != int64(len(content)) {
						t.Errorf("%s: %v, %d octets of %d, size %d", how, err, len(got), len(content), m.Size)
					}
					readSome(t, store, m.ID, content)
				}
			})
		}
	})
}

// sendRaw says a mail octet for octet.
func sendRaw(t *testing.T, addr, how, content string) {
	t.Helper()
	texts := []string{"EHLO client.example\r\n", "MAIL FROM:<a@example.com>\r\n", "RCPT TO:<b@example.net>\r\n"}
	if how == "BDAT" {
		half := len(content) / 2
		texts = append(texts, "BDAT "+strconv.Itoa(half)+"\r\n"+content[:half], "BDAT "+strconv.Itoa(len(content)-half)+" LAST\r\n"+content[half:])
	} else {
		texts = append(texts, "DATA\r\n", strings.TrimPrefix(strings.ReplaceAll("\r\n"+content, "\r\n.", "\r\n.."), "\r\n")+".\r\n")
	}
	say(t, addr, append(texts, "QUIT\r\n")...)
}

// readSome reads here and there.
func readSome(t *testing.T, store *inbox.Store, id int64, content string) {
	t.Helper()
	r, err := store.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 10 {
		from := rand.IntN(len(content))
		n := min(1+rand.IntN(2*pieceSize), len(content)-from)
		if at, err := r.Seek(int64(from), io.SeekStart); err != nil || at != int64(from) {
			t.Fatal(at, err)
		}
		b := make([]byte, n)
		if _, err = io.ReadFull(r, b); err != nil || string(b) != content[from:from+n] {
			t.Fatalf("%d octets from %d: %v", n, from, err)
		}
	}
	if at, err := r.Seek(-1, io.SeekEnd); err != nil || at != int64(len(content)-1) {
		t.Error(at, err)
	}
	if rest, err := io.ReadAll(r); err != nil || len(rest) != 1 {
		t.Errorf("%q, %v", rest, err)
	}
	if _, err = r.Seek(-1, io.SeekStart); err == nil {
		t.Error("it seeks before the begin")
	}
}

// The envelope is kept as it was said, and not read from the header.
func TestEnvelope(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		store := open(t, o)
		addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example"})
		c := client(t, addr)
		env := mail.Envelope{
			ReversePath: mail.Path{Local: "bounces+1", Domain: "example.com"},
			Recipients: []mail.Recipient{
				{Path: mail.Path{Local: "kim", Domain: "example.net"}, Notify: mail.NotifySuccess | mail.NotifyFailure, Original: "rfc822;Kim@example.net"},
				{Path: mail.Path{Local: "hidden one", Domain: "example.net"}},
			},
			Return: mail.ReturnHeader, ID: "batch 7",
		}
		content := "From: x@example.org\r\nTo: y@example.org\r\nBcc: z@example.org\r\n\r\nx\r\n"
		send(t, c, &mail.Raw{Env: env, Data: []byte(content), KeepBcc: true})
		page, err := store.Messages(t.Context(), inbox.Query{Text: `rcpt:"hidden one"`})
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		m := page.Items[0]
		if m.ReversePath != "bounces+1@example.com" || len(m.Recipients) != 2 || m.Recipients[1] != `"hidden one"@example.net` || m.From != "x@example.org" {
			t.Errorf("%+v", m)
		}
		got, err := store.Envelope(t.Context(), m.ID)
		if err != nil || got.ReversePath != env.ReversePath || got.ID != env.ID || got.Return != env.Return || len(got.Recipients) != 2 || got.Recipients[0] != env.Recipients[0] || got.Recipients[1] != env.Recipients[1] {
			t.Errorf("%+v, %v", got, err)
		}
		if kept, err := store.Content(t.Context(), m.ID); err != nil || string(kept) != content {
			t.Errorf("%q, %v", kept, err)
		}
	})
}

// A mail that breaks off, or is bad, leaves nothing behind, however large.
func TestNothingIsLeftOfWhatWasNotTaken(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		store := open(t, o)
		addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example"})
		much := strings.Repeat(strings.Repeat("z", 76)+"\r\n", 4*pieceSize/78)
		envelope := []string{"EHLO client.example", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>"}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, strings.Join(envelope, "\r\n")+"\r\nBDAT 900000\r\n"+much[:800_000])
		c.Close()
		talk(t, addr, append(envelope, "DATA", much+"bare\nLF\r\n.")...)
		ended(t, store, 2)
		if st, err := store.Stats(t.Context()); err != nil || st.Messages != 0 || st.Bytes != 0 || st.Failed != 2 {
			t.Errorf("%+v, %v", st, err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if o.Path == "" {
			return
		}
		// The file has free pages with these octets, and no row.
		again := open(t, o)
		if n := rowsOf(t, again, "pieces"); n != 0 {
			t.Errorf("%d pieces are left", n)
		}
	})
}

func TestCopiesShareTheirContent(t *testing.T) {
	stores(t, func(t *testing.T, o inbox.Options) {
		ctx := t.Context()
		store := open(t, o)
		addr := serve(t, &inbox.Server{Store: store, Hostname: "mx.example", MailboxBy: inbox.ByRecipient})
		talk(t, addr, "EHLO client.example", "MAIL FROM:<a@example.com>", "RCPT TO:<Kim@example.net>", "RCPT TO:<kim@example.NET>", "RCPT TO:<lee@example.net>", "RCPT TO:<x@example.net>",
			"DATA", "Subject: x\r\n\r\n"+strings.Repeat("0123456789\r\n", 1000)+".", "QUIT")
		all, err := store.Messages(ctx, inbox.Query{})
		if err != nil || all.Total != 3 {
			t.Fatalf("%+v, %v", all, err)
		}
		first, err := store.Content(ctx, all.Items[2].ID)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range all.Items {
			if got, err := store.Content(ctx, m.ID); err != nil || !bytes.Equal(got, first) || len(m.Recipients) != 4 {
				t.Errorf("%+v, %v", m, err)
			}
			if err = store.DeleteMessage(ctx, m.ID); err != nil {
				t.Error(err)
			}
			st, err := store.Stats(ctx)
			if want := int64(len(first)); err != nil || i < 2 && st.Bytes != want || i == 2 && st.Bytes != 0 {
				t.Errorf("after %d: %+v, %v", i+1, st, err)
			}
		}
	})
}
