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

	why    words     // what it is for
	params []param   // what extensions add to it
	means  []meaning // of its replies
}

// A param is what an extension lets stand behind a path.
type param struct {
	keyword string // of the extension
	begin   string
	why     words
}

// A meaning is what a reply means, by its first digits.
type meaning struct {
	code string
	says words
}

func always(*State) bool     { return true }
func hasHello(s *State) bool { return s.Hello != "" }

// commands is in the order of a session. What a session must not forget comes before
// what it may do.
var commands = [...]command{
	{verb: "LHLO", begin: "LHLO ", syntax: "LHLO name",
		fits: func(s *State) bool { return s.LMTP },
		next: func(s *State) bool { return s.LMTP && s.Hello == "" },
		why:  words{"say who you are, and hear what the server can do, over LMTP", "报上名字，并问服务器会什么（LMTP）"},
		means: []meaning{
			{"250", words{"It takes you. A line each: what it can do.", "接受。以下逐行列出它会的扩展。"}}}},
	{verb: "EHLO", begin: "EHLO ", syntax: "EHLO name",
		fits: func(s *State) bool { return !s.LMTP },
		next: func(s *State) bool { return !s.LMTP && s.Hello == "" },
		why:  words{"say who you are, and hear what the server can do", "报上名字，并问服务器会什么"},
		means: []meaning{
			{"250", words{"It takes you. A line each: what it can do.", "接受。以下逐行列出它会的扩展。"}}}},
	{verb: "HELO", begin: "HELO ", syntax: "HELO name",
		fits: func(s *State) bool { return !s.LMTP && s.Hello == "" },
		why:  words{"the same for servers of before 1995: without extensions", "同上，用于 1995 年以前的服务器：没有扩展"},
		means: []meaning{
			{"250", words{"It takes you. After HELO there are no extensions: no TLS, no login.", "接受。HELO 之后没有扩展：不能用 TLS，也不能登录。"}}}},
	{verb: "STARTTLS", begin: "STARTTLS", syntax: "STARTTLS", needs: "STARTTLS",
		fits: func(s *State) bool { return s.Hello != "" && !s.TLS && !s.Mail },
		next: func(s *State) bool { return s.Hello != "" && !s.TLS && !s.Mail },
		why:  words{"go on encrypted; Parley makes the handshake", "改用加密；握手由 Parley 完成"},
		means: []meaning{
			{"220", words{"TLS begins with the next octet. What was learnt so far counts no longer: say EHLO again.", "从下一个字节起就是 TLS。之前得知的一切作废：请重新 EHLO。"}}}},
	{verb: "AUTH", begin: "AUTH ", syntax: "AUTH mechanism", needs: "AUTH",
		fits: func(s *State) bool { return s.Hello != "" && !s.User && !s.Mail },
		next: func(s *State) bool { return s.Hello != "" && !s.User && !s.Mail },
		why:  words{"log in; Parley asks for user and password, and does the base64", "登录；Parley 会问用户名和密码，并代做 base64"},
		means: []meaning{
			{"235", words{"You are logged in.", "登录成功。"}},
			{"334", words{"It waits for an answer, in base64.", "它在等 base64 编码的回答。"}}}},
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
			{"REQUIRETLS", "REQUIRETLS", words{"TLS on all of its way, or no mail", "全程必须用 TLS，否则不投递"}}},
		means: []meaning{
			{"2", words{"The sender is taken: now the recipients.", "接受发件人：接下来给出收件人。"}}}},
	{verb: "RCPT", begin: "RCPT TO:<", syntax: "RCPT TO:<address>",
		fits: func(s *State) bool { return s.Mail },
		next: func(s *State) bool { return s.Mail && s.Rcpt == 0 },
		why:  words{"who gets it; once for each", "收件人；每人一条"},
		params: []param{
			{"DSN", "NOTIFY=SUCCESS,FAILURE", words{"when you want to be told (or DELAY, NEVER)", "何时通知你（还有 DELAY、NEVER）"}},
			{"DSN", "ORCPT=rfc822;", words{"the address as it was at first", "最初的收件地址"}}},
		means: []meaning{
			{"251", words{"Taken, though not for a mailbox here: the server sends it on.", "接受，但邮箱不在本机：服务器会转发。"}},
			{"252", words{"Taken, without a promise that the mailbox exists.", "接受，但不保证该邮箱存在。"}},
			{"2", words{"The recipient is taken: one more, or DATA.", "接受收件人：可再加，或用 DATA。"}}}},
	{verb: "DATA", begin: "DATA", syntax: "DATA",
		fits: func(s *State) bool { return s.Rcpt > 0 },
		next: func(s *State) bool { return s.Rcpt > 0 },
		why:  words{"send the content; /data FILE sends one from a file", "发送内容；/data FILE 发送文件中的内容"},
		means: []meaning{
			{"354", words{"Go on: header, an empty line, text. A line with nothing but a dot ends it.", "请继续：邮件头、一个空行、正文。单独一个点的一行表示结束。"}}}},
	{verb: "BDAT", begin: "BDAT ", syntax: "BDAT octets [LAST]", needs: "CHUNKING",
		fits: func(s *State) bool { return s.Rcpt > 0 },
		why:  words{"send a counted piece of the content; its octets follow, by /raw", "按字节数发送一块内容；随后用 /raw 发出这些字节"},
		means: []meaning{
			{"2", words{"The chunk is taken.", "这一块已接收。"}}}},
	{verb: "RSET", begin: "RSET", syntax: "RSET",
		fits: func(s *State) bool { return s.Mail },
		why:  words{"forget the mail that was begun", "放弃刚开始的邮件"},
		means: []meaning{
			{"2", words{"Forgotten: sender and recipients are gone, the login stays.", "已放弃：发件人和收件人清空，登录仍有效。"}}}},
	{verb: "NOOP", begin: "NOOP", syntax: "NOOP", fits: always,
		why: words{"do nothing, and see whether the server still listens", "什么也不做，看服务器是否还在"},
		means: []meaning{
			{"2", words{"It is still there.", "它还在。"}}}},
	{verb: "VRFY", begin: "VRFY ", syntax: "VRFY address", fits: hasHello,
		why: words{"ask whether an address exists; most servers won't say", "询问地址是否存在；多数服务器不肯说"},
		means: []meaning{
			{"252", words{"It does not say, and would take mail for it.", "它不肯说，但会接收发往该地址的邮件。"}},
			{"2", words{"The address exists.", "地址存在。"}}}},
	{verb: "EXPN", begin: "EXPN ", syntax: "EXPN list", fits: hasHello,
		why: words{"ask who is on a list; most servers won't say", "询问列表成员；多数服务器不肯说"},
		means: []meaning{
			{"2", words{"Those are on it.", "这些是其成员。"}}}},
	{verb: "HELP", begin: "HELP", syntax: "HELP [command]", fits: always,
		why: words{"ask the server what it knows", "问服务器会什么"},
		means: []meaning{
			{"2", words{"What the server says of itself.", "服务器的自述。"}}}},
	{verb: "QUIT", begin: "QUIT", syntax: "QUIT", fits: always,
		next: func(s *State) bool { return s.LastTo == "." && s.Last.Positive() },
		why:  words{"say goodbye; the server hangs up", "道别；服务器随后断开"},
		means: []meaning{
			{"221", words{"Goodbye: the server hangs up.", "再见：服务器断开连接。"}}}},
}

// notTyped are the meanings of replies to what has no verb.
var notTyped = map[string][]meaning{
	greeting: {
		{"220", words{"The server speaks first: its name, and 220, which means ready.", "服务器先开口：报上名字，220 表示就绪。"}}},
	response: {
		{"235", words{"You are logged in.", "登录成功。"}},
		{"334", words{"It waits for an answer, in base64.", "它在等 base64 编码的回答。"}}},
	".": {
		{"2", words{"Taken. From here on the server answers for the mail; its number finds it in the server's log.", "已接收。从这一句起由服务器负责；凭编号可在其日志中查找。"}}},
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
