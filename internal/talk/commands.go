package talk

import (
	"strings"
)

// A command is what is known of one command of SMTP.
type command struct {
	verb   string
	begin  string // as far as completion types it
	syntax string // without what extensions add
	needs  string // the extension without which it is not there

	// fits reports whether it makes sense now; next, whether it is what comes next.
	// The first of the table that is next is the one suggested. Nil: never.
	fits, next func(*State) bool

	why    words   // what it is for
	params []param // what extensions add to it
}

// A param is what an extension lets stand behind a path.
type param struct {
	keyword string // of the extension
	begin   string
	why     words
}

func always(*State) bool     { return true }
func hasHello(s *State) bool { return s.Hello != "" }

// commands is in the order of a session. What a session must not forget comes before
// what it may do.
var commands = [...]command{
	{verb: "LHLO", begin: "LHLO ", syntax: "LHLO name",
		fits: func(s *State) bool { return s.LMTP },
		next: func(s *State) bool { return s.LMTP && s.Hello == "" },
		why:  words{"say who you are, and hear what the server can do, over LMTP", "报上名字，并问服务器会什么（LMTP）"}},
	{verb: "EHLO", begin: "EHLO ", syntax: "EHLO name",
		fits: func(s *State) bool { return !s.LMTP },
		next: func(s *State) bool { return !s.LMTP && s.Hello == "" },
		why:  words{"say who you are, and hear what the server can do", "报上名字，并问服务器会什么"}},
	{verb: "HELO", begin: "HELO ", syntax: "HELO name",
		fits: func(s *State) bool { return !s.LMTP && s.Hello == "" },
		why:  words{"the same for servers of before 1995: without extensions", "同上，用于 1995 年以前的服务器：没有扩展"}},
	{verb: "STARTTLS", begin: "STARTTLS", syntax: "STARTTLS", needs: "STARTTLS",
		fits: func(s *State) bool { return s.Hello != "" && !s.TLS && !s.Mail },
		next: func(s *State) bool { return s.Hello != "" && !s.TLS && !s.Mail },
		why:  words{"go on encrypted; Parley makes the handshake", "改用加密；握手由 Parley 完成"}},
	{verb: "AUTH", begin: "AUTH ", syntax: "AUTH mechanism", needs: "AUTH",
		fits: func(s *State) bool { return s.Hello != "" && !s.User && !s.Mail },
		next: func(s *State) bool { return s.Hello != "" && !s.User && !s.Mail },
		why:  words{"log in; Parley asks for user and password, and does the base64", "登录；Parley 会问用户名和密码，并代做 base64"}},
	{verb: "MAIL", begin: "MAIL FROM:<", syntax: "MAIL FROM:<address>",
		fits: func(s *State) bool { return s.Hello != "" && !s.Mail },
		next: func(s *State) bool { return s.Hello != "" && !s.Mail },
		why:  words{"begin a mail: where a bounce would go", "开始一封邮件：退信寄往哪个地址"},
		params: []param{
			{"SIZE", "SIZE=", words{"how many octets the content has", "内容的字节数"}},
			{"8BITMIME", "BODY=8BITMIME", words{"the text has more than ASCII", "正文不只有 ASCII"}},
			{"SMTPUTF8", "SMTPUTF8", words{"addresses or header are in UTF-8", "地址或邮件头用 UTF-8"}},
			{"DSN", "RET=HDRS", words{"a bounce brings the header back, and no more (or FULL)", "退信只带回邮件头（或 FULL 全文）"}},
			{"DSN", "ENVID=", words{"a name of your own, which a bounce repeats", "自定的编号，退信中会重复它"}},
			{"REQUIRETLS", "REQUIRETLS", words{"TLS on all of its way, or no mail", "全程必须用 TLS，否则不投递"}}}},
	{verb: "RCPT", begin: "RCPT TO:<", syntax: "RCPT TO:<address>",
		fits: func(s *State) bool { return s.Mail },
		next: func(s *State) bool { return s.Mail && s.Rcpt == 0 },
		why:  words{"who gets it; once for each", "收件人；每人一条"},
		params: []param{
			{"DSN", "NOTIFY=SUCCESS,FAILURE", words{"when you want to be told (or DELAY, NEVER)", "何时通知你（还有 DELAY、NEVER）"}},
			{"DSN", "ORCPT=rfc822;", words{"the address as it was at first", "最初的收件地址"}}}},
	{verb: "DATA", begin: "DATA", syntax: "DATA",
		fits: func(s *State) bool { return s.Rcpt > 0 },
		next: func(s *State) bool { return s.Rcpt > 0 },
		why:  words{"send the content; /data FILE sends one from a file", "发送内容；/data FILE 发送文件中的内容"}},
	{verb: "BDAT", begin: "BDAT ", syntax: "BDAT octets [LAST]", needs: "CHUNKING",
		fits: func(s *State) bool { return s.Rcpt > 0 },
		why:  words{"send a counted piece of the content; its octets follow, by /raw", "按字节数发送一块内容；随后用 /raw 发出这些字节"}},
	{verb: "RSET", begin: "RSET", syntax: "RSET",
		fits: func(s *State) bool { return s.Mail },
		why:  words{"forget the mail that was begun", "放弃刚开始的邮件"}},
	{verb: "NOOP", begin: "NOOP", syntax: "NOOP", fits: always,
		why: words{"do nothing, and see whether the server still listens", "什么也不做，看服务器是否还在"}},
	{verb: "VRFY", begin: "VRFY ", syntax: "VRFY address", fits: hasHello,
		why: words{"ask whether an address exists; most servers won't say", "询问地址是否存在；多数服务器不肯说"}},
	{verb: "EXPN", begin: "EXPN ", syntax: "EXPN list", fits: hasHello,
		why: words{"ask who is on a list; most servers won't say", "询问列表成员；多数服务器不肯说"}},
	{verb: "HELP", begin: "HELP", syntax: "HELP [command]", fits: always,
		why: words{"ask the server what it knows", "问服务器会什么"}},
	{verb: "QUIT", begin: "QUIT", syntax: "QUIT", fits: always,
		next: func(s *State) bool { return s.LastTo == "." && s.Last.Positive() },
		why:  words{"say goodbye; the server hangs up", "道别；服务器随后断开"}},
}

// find gives what is known of a command.
func find(verb string) *command {
	for i := range commands {
		if commands[i].verb == strings.ToUpper(verb) {
			return &commands[i]
		}
	}
	return nil
}

// sensible reports whether a command is there, and makes sense now.
func (c *command) sensible(s *State) bool {
	return (c.needs == "" || s.Offers(c.needs)) && c.fits != nil && c.fits(s)
}

// next is the command to suggest; nil, where there is none.
func next(s *State) *command {
	if !s.Greeted || s.Closed {
		return nil
	}
	// After a mail that was taken there is another, or none: the latter is the end
	// of most sessions by hand.
	if quit := find("QUIT"); quit.next(s) {
		return quit
	}
	for i := range commands {
		if c := &commands[i]; c.next != nil && c.sensible(s) && c.next(s) {
			return c
		}
	}
	return nil
}

// written is the syntax of a command, with what this server's extensions add.
func (c *command) written(s *State) string {
	text := c.syntax
	if c.verb == "AUTH" && len(s.Mechanisms) > 0 {
		text = "AUTH " + strings.Join(s.Mechanisms, "|")
	}
	for _, p := range c.params {
		if s.Offers(p.keyword) {
			text += " [" + p.begin + "]"
		}
	}
	return text
}
