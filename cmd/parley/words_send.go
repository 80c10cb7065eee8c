package main

// sendWords is what "parley send --help" says of its flags. A test holds it
// against those that there are.
var sendWords = []flagGroup{
	{text{"What the message says", "邮件内容"}, []flagWord{
		{"from", "ADDRESS", text{"who wrote it: kim@example.net or \"Kim <kim@example.net>\"; if left out, the user of the server's URL", "作者：kim@example.net 或 \"Kim <kim@example.net>\"；省略时用服务器 URL 中的用户"}},
		{"sender", "ADDRESS", text{"who sent it, where that is another than who wrote it", "实际发件人（与作者不同时）"}},
		{"to", "ADDRESS", text{"who gets it; may be given again, and hold several with commas between", "收件人；可多次给出，也可用逗号分隔多个"}},
		{"cc", "ADDRESS", text{"who gets a copy; as --to", "抄送；同 --to"}},
		{"bcc", "ADDRESS", text{"who gets it without anybody seeing; as --to", "密送，他人看不到；同 --to"}},
		{"reply-to", "ADDRESS", text{"where answers go, if not to --from; as --to", "回复地址（若不是 --from）；同 --to"}},
		{"subject", "TEXT", text{"the subject, in any language", "主题，任何语言"}},
		{"text", "TEXT", text{"the text; @FILE is a file's, - is standard input's, @@ stands for an @ at its begin", "正文；@FILE 取自文件，- 取自标准输入，@@ 表示开头的 @"}},
		{"html", "HTML", text{"the same in HTML; as --text", "HTML 正文；同 --text"}},
		{"attach", "FILE", text{"a file that goes with it; may be given again; FILE;name=NAME;type=TYPE shows it by another name and type, and - is standard input", "附件；可多次给出；FILE;name=名字;type=类型 可改名字和类型，- 为标准输入"}},
		{"inline", "FILE", text{"an image that --html shows by <img src=\"cid:FILE\">; FILE;cid=ID calls it otherwise; may be given again", "内嵌图片，--html 用 <img src=\"cid:FILE\"> 引用；FILE;cid=ID 可另取名；可多次给出"}},
		{"invite", "FILE", text{"a calendar invitation (.ics)", "日历邀请（.ics）"}},
		{"header", "NAME: VALUE", text{"a further field of the header; may be given again", "其他邮件头字段；可多次给出"}},
		{"priority", "high|normal|low", text{"what readers show as importance", "重要程度"}},
		{"date", "DATE", text{"its date, as 2026-03-31T09:00:00+08:00 or as a header has it; if left out, now", "日期，如 2026-03-31T09:00:00+08:00 或邮件头格式；省略时为现在"}},
		{"message-id", "ID", text{"its identifier; if left out, a new one", "邮件标识；省略时新生成"}},
		{"in-reply-to", "ID", text{"the identifier of what it answers", "所回复邮件的标识"}},
		{"references", "ID", text{"the identifiers of the thread, oldest first; may be given again", "会话中各邮件的标识，由旧到新；可多次给出"}},
		{"unsubscribe", "URL", text{"how to leave the list: an https or a mailto URL; may be given once of each", "退订方式：https 或 mailto 链接，各可给一次"}},
		{"one-click", "", text{"the https URL of --unsubscribe takes a POST and asks nothing (RFC 8058)", "--unsubscribe 的 https 链接接受 POST 且不再询问（RFC 8058）"}},
		{"auto-submitted", "KEYWORD", text{"auto-generated or auto-replied: nobody's holiday answer comes back", "auto-generated 或 auto-replied：不会招来休假自动回复"}},
	}},
	{text{"A message that exists already", "已有的邮件"}, []flagWord{
		{"eml", "FILE", text{"send this file as it is (- is standard input), but for its Bcc; to RECIPIENTs, or else to those in its header", "原样发送该文件（- 为标准输入），仅去掉 Bcc；发给 RECIPIENT，未给则发给邮件头中的收件人"}},
		{"json-message", "FILE", text{"the message as JSON, with the field names of Go's mail.Message (- is standard input); other flags change or add to it", "JSON 格式的邮件，字段名同 Go 的 mail.Message（- 为标准输入）；其他选项可修改或补充"}},
	}},
	{text{"What the server is told", "信封"}, []flagWord{
		{"envelope-from", "ADDRESS", text{"where bounces go, <> for nowhere; if left out, --sender, else --from", "退信地址，<> 表示不要退信；省略时为 --sender 或 --from"}},
		{"notify", "WHEN", text{"when to be told what became of it: never, or of success,failure,delay", "何时通知结果：never，或 success,failure,delay 中的若干"}},
		{"return", "full|headers", text{"how much of it a bounce brings back", "退信带回多少内容"}},
		{"envelope-id", "ID", text{"what a bounce calls it by", "退信中引用的标识"}},
		{"require-tls", "", text{"every server on its way must use TLS, or it comes back (RFC 8689)", "途中每一跳都须用 TLS，否则退回（RFC 8689）"}},
		{"partial", "", text{"send to those who are taken though others are refused; without it, to all or to nobody", "部分收件人被拒时仍发给其余的人；否则要么全发要么不发"}},
	}},
	{text{"The server", "服务器"}, []flagWord{
		{"server", "SERVER", text{"a name that parley config shows, smtps://user@host, smtp://user@host:587, lmtp://host:port, host:port, or a mail address; if left out, SMTP_URL from the environment, or else the default of parley config", "parley config 中的名字、smtps://user@host、smtp://user@host:587、lmtp://host:port、主机:端口或邮箱地址；省略时用环境变量 SMTP_URL，再则用 parley config 的默认服务器"}},
		{"password-file", "FILE", text{"the password is the first line of this file (- is standard input)", "密码是该文件的第一行（- 为标准输入）"}},
		{"password-command", "COMMAND", text{"the password is the first line that this command of the shell prints", "密码是该 shell 命令输出的第一行"}},
		{"timeout", "TIME", text{"give up after this long, as in 30s; if left out, each step has the time that RFC 5321 gives it", "超过这段时间就放弃，如 30s；省略时各步按 RFC 5321 的时限"}},
	}},
	{text{"What is shown", "输出"}, []flagWord{
		{"verbose", "", text{"print the conversation to standard error; a password is never in it", "在标准错误上打印会话；其中不会有密码"}},
		{"json", "", text{"print events to standard output, an object a line; the last one has the result", "在标准输出上每行打印一个 JSON 事件；最后一行带结果"}},
		{"dry-run", "", text{"check the message, print it to standard output and its envelope to standard error, and connect to nobody", "检查邮件，把它打印到标准输出、信封打印到标准错误，不连接任何服务器"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}},
	{text{"As sendmail: the message is on standard input", "代替 sendmail：邮件在标准输入"}, []flagWord{
		{"recipients-from-header", "", text{"send to those in To, Cc and Bcc, and to RECIPIENTs too", "发给 To、Cc、Bcc 中的人，以及 RECIPIENT"}},
		{"ignore-dots", "", text{"a line with nothing but a dot does not end the message", "只有一个点的行不结束邮件"}},
		{"full-name", "NAME", text{"the name in From, where the message has no From", "邮件没有 From 时，其中的名字"}},
		{"sendmail-option", "OPTION", text{"as in -oi, which is -i; all others (-oem, -odb) are taken and not heeded", "如 -oi 即 -i；其余（-oem、-odb）接受但不起作用"}},
		{"sendmail-mode", "MODE", text{"as in -bm, which is what is done anyway; no other mode is known", "如 -bm，本来就如此；不支持其他模式"}},
		{"gateway", "", text{"taken and not heeded", "接受但不起作用"}},
	}},
}
