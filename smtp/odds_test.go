package smtp_test

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/parleymail/parley/smtp"
)

// A variant is a way for a conversation to go well.
type variant struct {
	name       string
	extensions []string
	lmtp       bool
	tls, auth  bool
	stages     []smtp.Stage
	whole      bool // envelope and content go together
}

var (
	toData = []smtp.Stage{smtp.StageGreeting, smtp.StageHello, smtp.StageMail, smtp.StageRcpt, smtp.StageData, smtp.StageEnd, smtp.StageQuit}
	toBDAT = slices.DeleteFunc(slices.Clone(toData), func(s smtp.Stage) bool { return s == smtp.StageData })
)

var variants = []variant{
	{name: "plain", stages: toData},
	{name: "pipelined", extensions: []string{"PIPELINING"}, stages: toData},
	{name: "chunked", extensions: []string{"CHUNKING"}, stages: toBDAT},
	{name: "chunked and pipelined", extensions: []string{"CHUNKING", "PIPELINING"}, stages: toBDAT, whole: true},
	{name: "lmtp", lmtp: true, stages: toData},
	{name: "lmtp pipelined", lmtp: true, extensions: []string{"PIPELINING"}, stages: toData},
	{name: "lmtp chunked", lmtp: true, extensions: []string{"PIPELINING", "CHUNKING"}, stages: toBDAT},
	{name: "tls", tls: true, stages: append([]smtp.Stage{smtp.StageTLS}, toData...)},
	{name: "auth", auth: true, extensions: []string{"AUTH X-TEST"}, stages: append([]smtp.Stage{smtp.StageAuth}, toData...)},
	{
		name: "all", tls: true, auth: true, extensions: []string{"AUTH X-TEST", "PIPELINING", "CHUNKING", "SIZE", "8BITMIME"}, whole: true,
		stages: append([]smtp.Stage{smtp.StageTLS, smtp.StageAuth}, toBDAT...),
	},
}

// A verdict is what is to become of a mail whose server was odd.
type verdict struct {
	kind      smtp.Kind // 0: nothing, the mail is sent
	code      int       // of the error's reply
	enhanced  string
	silent    bool       // it takes the whole of the stage's patience
	elsewhere bool       // the error may come at another stage
	at        smtp.Stage // that the error names
	path      bool       // it names the recipient
}

// says is an oddity: a reply other than the one that is waited for.
func says(text string) oddity {
	return oddity{smtp.Printable(text), func(c *oddConn, _ string) bool {
		if strings.HasPrefix(text, "4") || strings.HasPrefix(text, "5") {
			c.refuse()
		}
		if !strings.HasPrefix(text, "354") {
			c.notData()
		}
		return c.say(text)
	}}
}

// refuse forgets what was just refused.
func (c *oddConn) refuse() {
	switch c.at {
	case smtp.StageMail:
		c.mail = false
	case smtp.StageRcpt:
		c.rcpts--
	}
}

// notData makes the server hear commands after DATA, since it did not say 354.
func (c *oddConn) notData() {
	if c.at == smtp.StageData {
		c.rcpts = -1
	}
}

func does(name string, f func(c *oddConn, good string) bool) oddity { return oddity{name, f} }

// hearOn hears what the client says until it goes, and says nothing.
func (c *oddConn) hearOn() bool {
	io.Copy(io.Discard, c.r)
	return false
}

const gbk = "\xd3\xc3\xbb\xa7\xb2\xbb\xb4\xe6\xd4\xda" // 用户不存在

const (
	isCut   = "is cut"
	oneMore = "one more reply"
)

// odds are the ways of a server to be odd, and what the client is to make of
// each. They are the same at all stages, but where special says otherwise.
var odds = []struct {
	oddity
	verdict
}{
	{says("199 x"), verdict{kind: smtp.Garbled}},
	{says("600 x"), verdict{kind: smtp.Garbled}},
	{says("000 x"), verdict{kind: smtp.Garbled}},
	{says("299 x"), verdict{kind: smtp.Garbled, code: 299}},
	{says("354 x"), verdict{kind: smtp.Garbled, code: 354}},
	{says("399 x"), verdict{kind: smtp.Garbled, code: 399}},
	{says("421 4.7.0 closing"), verdict{kind: smtp.Refused, code: 421, enhanced: "4.7.0"}},
	{says("450 4.2.1 later"), verdict{kind: smtp.Refused, code: 450, enhanced: "4.2.1"}},
	{says("550 5.1.1 no"), verdict{kind: smtp.Refused, code: 550, enhanced: "5.1.1"}},
	{says("554-5.7.1 no\r\n554-5.7.1 and\r\n554 5.7.1 never"), verdict{kind: smtp.Refused, code: 554, enhanced: "5.7.1"}},
	{says("550 4.1.1 two minds"), verdict{kind: smtp.Refused, code: 550}},
	{says("550 5.1.1000 x"), verdict{kind: smtp.Refused, code: 550}},
	{says("550"), verdict{kind: smtp.Refused, code: 550}},
	{says("550 "), verdict{kind: smtp.Refused, code: 550}},
	{says("550 a\x00b\x1b[2J"), verdict{kind: smtp.Refused, code: 550}},
	{says("550 " + gbk), verdict{kind: smtp.Refused, code: 550}},
	{says("550-" + gbk + "\r\n550 \xff"), verdict{kind: smtp.Refused, code: 550}},
	{says("junk"), verdict{kind: smtp.Garbled}},
	{says(""), verdict{kind: smtp.Garbled}},
	{says("55"), verdict{kind: smtp.Garbled}},
	{says("550!no"), verdict{kind: smtp.Garbled}},
	{says("550\tno"), verdict{kind: smtp.Garbled}},
	{says(" 550 no"), verdict{kind: smtp.Garbled}},
	{says("\x00"), verdict{kind: smtp.Garbled}},
	{says("\xb2\xb5\xb1 no"), verdict{kind: smtp.Garbled}},
	{says("HTTP/1.1 400 Bad Request"), verdict{kind: smtp.Garbled}},
	{says("250-x\r\n550 y"), verdict{kind: smtp.Garbled}},
	{says("550-x\r\n250 y"), verdict{kind: smtp.Garbled}},
	{says("550-x\r\n"), verdict{kind: smtp.Garbled}},
	{does("a bare code", func(c *oddConn, good string) bool {
		return c.say(good[:len(good)-len(lastLine(good))+3])
	}), verdict{}},
	{does("many lines", func(c *oddConn, good string) bool { return c.say(good[:3] + "-one\r\n" + good) }), verdict{}},
	{does("a bare LF", func(c *oddConn, good string) bool {
		_, err := io.WriteString(c.Conn, strings.ReplaceAll(good, "\r\n", "\n")+"\n")
		return err == nil
	}), verdict{}},
	{does("octet by octet", drip(time.Second)), verdict{}},
	{does("too late, octet by octet", drip(time.Minute)), verdict{kind: smtp.Unreachable, silent: true}},
	{does("a refusal octet by octet", func(c *oddConn, _ string) bool {
		c.refuse()
		c.notData()
		return drip(time.Second)(c, "550 5.1.1 no")
	}), verdict{kind: smtp.Refused, code: 550, enhanced: "5.1.1"}},
	{does("silence", func(c *oddConn, _ string) bool { return c.hearOn() }), verdict{kind: smtp.Unreachable, silent: true}},
	{does("half a reply, then silence", func(c *oddConn, good string) bool {
		io.WriteString(c.Conn, good[:2])
		return c.hearOn()
	}), verdict{kind: smtp.Unreachable, silent: true}},
	{does("hangs up", func(c *oddConn, _ string) bool { return false }), verdict{kind: smtp.Unreachable}},
	{does("half a reply, then hangs up", func(c *oddConn, good string) bool {
		io.WriteString(c.Conn, good[:4])
		return false
	}), verdict{kind: smtp.Unreachable}},
	{does("half of many lines, then hangs up", func(c *oddConn, good string) bool {
		c.say(good[:3] + "-x")
		return false
	}), verdict{kind: smtp.Unreachable}},
	{does(isCut, func(c *oddConn, _ string) bool {
		c.raw.(interface{ Reset() }).Reset()
		return false
	}), verdict{kind: smtp.Unreachable}},
	{does("a line without end", func(c *oddConn, _ string) bool { return c.endless("550 ", "x") }), verdict{kind: smtp.Garbled}},
	{does("a reply without end", func(c *oddConn, good string) bool { return c.endless("", good[:3]+"-x\r\n") }), verdict{kind: smtp.Garbled}},
	{does(oneMore, func(c *oddConn, good string) bool { return c.say(good + "\r\n250 more") }), verdict{kind: smtp.Garbled}},
}

func lastLine(reply string) string { return reply[strings.LastIndexByte(reply, '\n')+1:] }

// drip says a reply, an octet at a time.
func drip(pause time.Duration) func(c *oddConn, good string) bool {
	return func(c *oddConn, good string) bool {
		for _, b := range []byte(good + "\r\n") {
			if _, err := c.Conn.Write([]byte{b}); err != nil {
				return false
			}
			time.Sleep(pause)
		}
		return true
	}
}

// endless speaks until nobody listens, and holds that to be soon.
func (c *oddConn) endless(begin, more string) bool {
	chunk := []byte(strings.Repeat(more, 4096/len(more)))
	n, _ := io.WriteString(c.Conn, begin)
	for {
		k, err := c.Conn.Write(chunk)
		if n += k; err != nil {
			break
		}
		if n > 1<<20 {
			c.t.Errorf("%d octets of a reply without end were listened to", n)
			break
		}
	}
	return false
}

// expected is the verdict on an oddity at a stage.
func expected(v verdict, way variant, at smtp.Stage, name string) verdict {
	v.at = at
	if way.whole && (at == smtp.StageMail || at == smtp.StageRcpt) && v.code < 400 {
		v.at = smtp.StageEnd // all of it was said, and nobody knows
	}
	switch {
	case at == smtp.StageQuit:
		return verdict{} // what a server says to QUIT changes nothing
	case v.code/100 == 2 && (at == smtp.StageMail || at == smtp.StageRcpt || at == smtp.StageEnd):
		return verdict{} // RFC 5321 §4.3.2: the first digit is what counts
	case v.code == 354 && at == smtp.StageData:
		return verdict{}
	case at == smtp.StageTLS && v.kind != smtp.Unreachable && v.kind != 0:
		v.kind = smtp.Insecure // it said something, and that was not yes
	case v.kind == smtp.Refused && at == smtp.StageAuth && v.code != 421:
		v.kind = smtp.Unauthorized
	case name == isCut && way.pipelines():
		v.elsewhere = true // the replies to what was said before may be lost with it
	case name == oneMore && (at == smtp.StageEnd || way.whole && (at == smtp.StageMail || at == smtp.StageRcpt)):
		return verdict{} // within a group nobody can tell which reply is one too many; the next mail finds out
	case name == oneMore && way.tls && at == smtp.StageHello:
		v.elsewhere, v.kind = true, smtp.Insecure // it is found where TLS was to begin
	case name == oneMore:
		v.elsewhere = true
	}
	v.path = v.at == smtp.StageRcpt || way.lmtp && at == smtp.StageEnd
	return v
}
