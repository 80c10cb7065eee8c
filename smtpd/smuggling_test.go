package smtpd_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// every calls f with all strings of length 1 to n over what the end of a content is
// made of, and what looks like it.
func every(n int, f func(string)) {
	const alphabet = "\r\n.x\x00 "
	var grow func(s string)
	grow = func(s string) {
		if s != "" {
			f(s)
		}
		if len(s) < n {
			for i := range len(alphabet) {
				grow(s + alphabet[i:i+1])
			}
		}
	}
	grow("")
}

// split is a content as the server must take it: where its end is, and whether it
// may be kept. It looks at octet after octet.
func split(stream string) (content, rest string, good bool) {
	text, rest, _ := strings.Cut("\r\n"+stream, "\r\n.\r\n")
	content = strings.ReplaceAll(text+"\r\n", "\r\n.", "\r\n")[2:]
	return content, rest, clean(content)
}

func clean(content string) bool {
	return !strings.ContainsAny(strings.ReplaceAll(content, "\r\n", ""), "\r\n\x00")
}

// TestEveryEndOfData says all strings of length 1 to 4 to a whole server, in three
// contexts, with a second mail behind each. What package wire reads of up to 7
// octets, this takes through the session: one reply for one end, nothing kept that
// has a bare CR, LF or NUL, and not a word to what stands behind such a content.
func TestEveryEndOfData(t *testing.T) {
	longest := 4
	if testing.Short() {
		longest = 3
	}
	for _, before := range []string{"a\r\n", "x", ""} {
		every(longest, func(s string) {
			stream := before + s + "\r\n.\r\nMAIL FROM:<b@example.com>\r\nRSET\r\n"
			content, rest, good := split(stream)
			srv, kept := newServer(t)
			c := hello(t, srv)
			c.startMail(t)
			c.say(stream)
			checkTaken(t, stream, c, kept, content, good, rest)

			stream = before + s
			srv, kept = newServer(t)
			c = hello(t, srv)
			c.say("MAIL FROM:<a@example.com>\r\nRCPT TO:<kim@example.net>\r\n")
			c.want(t, "250")
			c.want(t, "250")
			c.say("BDAT " + strconv.Itoa(len(stream)) + " LAST\r\n" + stream + "RSET\r\nRSET\r\n")
			checkTaken(t, "BDAT "+stream, c, kept, stream, clean(stream), "RSET\r\nRSET\r\n")
		})
	}
}

// checkTaken fails the test unless a content had its one verdict, and each of the
// commands behind it its reply; or, if it is bad, none of them.
func checkTaken(t *testing.T, stream string, c *client, kept *keeper, content string, good bool, behind string) {
	t.Helper()
	verdict := c.hear()
	if !good {
		if !strings.HasPrefix(verdict, "554 5.6.0 ") {
			t.Fatalf("%q: the server said %q", stream, verdict)
		}
		if reply := c.hear(); reply != "" {
			t.Fatalf("%q: the server went on: %q", stream, reply)
		}
		if _, ok := kept.last(); ok {
			t.Fatalf("%q was kept", stream)
		}
		return
	}
	if !strings.HasPrefix(verdict, "250 ") {
		t.Fatalf("%q: the server said %q", stream, verdict)
	}
	open := true
	for line := range strings.Lines(behind) {
		reply := c.hear()
		if open = strings.HasSuffix(line, "\r\n") && clean(line); !open {
			// What is no line is the last that is listened to.
			if !strings.HasPrefix(reply, "500 5.5.2") {
				t.Fatalf("%q: the server said %q to %q", stream, reply, line)
			}
			break
		}
		if reply == "" {
			t.Fatalf("%q: the server closed before %q", stream, line)
		}
	}
	if open {
		c.say("QUIT\r\n")
		c.want(t, "221")
	}
	c.closed(t)
	<-c.why
	if got, ok := kept.last(); !ok || got != content || len(kept.contents) != 1 {
		t.Fatalf("%q: kept %q", stream, kept.contents)
	}
}

// TestInjectionBehindSTARTTLS puts from 1 octet to 64 KiB of commands behind
// STARTTLS, cut at all kinds of places between what comes in one read with it and
// what comes once the server waits for TLS: 1,000 sessions. Each of them is closed
// for a reason with a name, and none of what was injected is run.
func TestInjectionBehindSTARTTLS(t *testing.T) {
	const commands = "EHLO evil.example\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<kim@example.net>\r\nDATA\r\nstolen: "
	sizes := []int{1, 2, 3, 5, 11, 19, 47, 83, 200, 512, 1000, 4085, 4086, 4087, 4096, 8192, 16384, 40000, 65535, 65536}
	reasons := map[string]int{}
	const cuts = 50
	for _, size := range sizes {
		payload := strings.Repeat(commands, size/len(commands)+1)[:size]
		for cut := range cuts {
			at := size * cut / (cuts - 1)
			why := inject(t, payload[:at], payload[at:])
			if why == nil {
				t.Fatalf("%d octets, cut at %d: closed without a reason", size, at)
			}
			reasons[why.Error()]++
		}
	}
	for reason := range reasons {
		if reason != smtpd.ErrInjected.Error() && !strings.HasPrefix(reason, "the TLS handshake: ") {
			t.Errorf("closed because %s", reason)
		}
	}
	t.Log(reasons)
}

// inject says STARTTLS, with some octets directly behind it and some later.
func inject(t *testing.T, at, later string) error {
	t.Helper()
	srv, kept := newServer(t, "tls")
	srv.Mail = func(*smtpd.Transaction) smtp.Reply {
		t.Error("what was injected was run")
		return smtp.Reply{}
	}
	c := hello(t, srv)
	c.say("STARTTLS\r\n" + at)
	reply := c.hear()
	if at == "" {
		if !strings.HasPrefix(reply, "220") {
			t.Fatalf("the server said %q", reply)
		}
		c.say(later)
		if len(later) < 5 {
			c.Close() // less than a TLS record's head, for which it would wait
		}
	} else if !strings.HasPrefix(reply, "554 5.7.0") {
		t.Fatalf("the server said %q to %d octets behind STARTTLS", reply, len(at))
	} else {
		c.say(later)
	}
	why := <-c.why
	if _, ok := kept.last(); ok {
		t.Fatal("what was injected was run")
	}
	return why
}
