package smtpd_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

func TestReply(t *testing.T) {
	tests := []struct {
		line string
		want smtp.Reply
	}{
		{"550 5.1.1 no such user", smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{Class: 5, Subject: 1, Detail: 1}, Lines: []string{"no such user"}}},
		{"250 ok", smtp.Reply{Code: 250, Lines: []string{"ok"}}},
		{"250", smtp.Reply{Code: 250}},
		{"250 ", smtp.Reply{Code: 250}},
		{"250 2.0.0", smtp.Reply{Code: 250, Enhanced: smtp.EnhancedCode{Class: 2}}},
		{"250 5.0.0 no", smtp.Reply{Code: 250, Lines: []string{"5.0.0 no"}}}, // two classes: it is text
		{"250 1.2 miles", smtp.Reply{Code: 250, Lines: []string{"1.2 miles"}}},
		{"250 2.0.x", smtp.Reply{Code: 250, Lines: []string{"2.0.x"}}},
		{"250 2..0 x", smtp.Reply{Code: 250, Lines: []string{"2..0 x"}}},
		{"421 4.7.0 a\nb", smtp.Reply{Code: 421, Enhanced: smtp.EnhancedCode{Class: 4, Subject: 7}, Lines: []string{"a", "b"}}},
		{"", smtp.Reply{Code: 451, Enhanced: smtp.EnhancedCode{Class: 4, Subject: 3}, Lines: []string{""}}},
		{"no", smtp.Reply{Code: 451, Enhanced: smtp.EnhancedCode{Class: 4, Subject: 3}, Lines: []string{"no"}}},
		{"2500 x", smtp.Reply{Code: 451, Enhanced: smtp.EnhancedCode{Class: 4, Subject: 3}, Lines: []string{"2500 x"}}},
		{"25x", smtp.Reply{Code: 451, Enhanced: smtp.EnhancedCode{Class: 4, Subject: 3}, Lines: []string{"25x"}}},
	}
	for _, test := range tests {
		if got := smtpd.Reply(test.line); fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", test.want) {
			t.Errorf("%q: %#v, want %#v", test.line, got, test.want)
		}
	}
}

// TestRepliesOfHooks: whatever a function of ours gives, what goes out is one reply.
func TestRepliesOfHooks(t *testing.T) {
	long := strings.Repeat("word ", 250)
	tests := []struct {
		reply smtp.Reply
		want  string
	}{
		{smtp.Reply{}, "250 2.1.0 ok\r\n"},
		{smtp.Reply{Lines: []string{"as you say"}}, "250 2.1.0 as you say\r\n"},
		{smtp.Reply{Code: 251}, "251 2.1.0 ok\r\n"},
		{smtp.Reply{Code: 550}, "550 5.0.0 refused\r\n"},
		{smtp.Reply{Code: 450}, "450 4.0.0 not now, try again later\r\n"},
		{smtpd.Reply("550 no"), "550 5.0.0 no\r\n"},
		{smtp.Reply{Code: 550, Enhanced: smtp.EnhancedCode{Class: 2, Subject: 1}, Lines: []string{"no"}}, "550 5.0.0 no\r\n"},
		{smtp.Reply{Code: 354}, "451 4.3.0 a fault of this server's, not of yours\r\n"},
		{smtp.Reply{Code: 1}, "451 4.3.0 a fault of this server's, not of yours\r\n"},
		{smtp.Reply{Code: 600}, "451 4.3.0 a fault of this server's, not of yours\r\n"},
		{smtpd.Reply("550 5.1.1 a\nb"), "550-5.1.1 a\r\n550 5.1.1 b\r\n"},
		{smtp.Reply{Code: 550, Lines: []string{"a\r\n250 2.0.0 ok\x00\x1b[31m\x7f"}}, "550 5.0.0 a  250 2.0.0 ok  [31m \r\n"},
		{smtp.Reply{Code: 550, Lines: []string{long}}, "550-5.0.0 " + long[:485] + "\r\n550-5.0.0 " + long[485:970] + "\r\n550 5.0.0 " + long[970:] + "\r\n"},
		{smtp.Reply{Code: 550, Lines: []string{strings.Repeat("x", 500)}}, "550-5.0.0 " + strings.Repeat("x", 488) + "\r\n550 5.0.0 " + strings.Repeat("x", 12) + "\r\n"},
		{smtp.Reply{Code: 550, Lines: make([]string, 200)}, strings.Repeat("550-5.0.0 \r\n", 99) + "550 5.0.0 \r\n"},
	}
	for _, test := range tests {
		srv := &smtpd.Server{Mail: func(*smtpd.Transaction) smtp.Reply { return test.reply }}
		c := hello(t, srv)
		c.say("MAIL FROM:<a@example.com>\r\n")
		if got := c.hear(); got != test.want {
			t.Errorf("%#v: the server said %q, want %q", test.reply, got, test.want)
		}
		for line := range strings.Lines(test.want) {
			if len(line) > 512 {
				t.Errorf("%#v: a line has %d octets", test.reply, len(line))
			}
		}
		c.say("NOOP\r\n")
		c.want(t, "250")
	}
}

// TestHook421: a function of ours may send a client away.
func TestHook421(t *testing.T) {
	srv := &smtpd.Server{Mail: func(*smtpd.Transaction) smtp.Reply { return smtpd.Reply("421 4.7.0 enough") }}
	c := hello(t, srv)
	c.say("MAIL FROM:<a@example.com>\r\n")
	c.want(t, "421 4.7.0 enough")
	c.closed(t)
}
