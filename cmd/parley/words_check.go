package main

// What "parley check" says. What it finds, package check says.
var (
	wordCheckShort = text{"walk the way to a server, and say where it ends and what to do", "逐步检查到服务器的路，指出断在哪里、该怎么办"}
	wordCheckLong  = text{
		`Walk the way to a server, and say where it ends and what to do.
Name, connection, greeting, TLS, certificate, EHLO, login, envelope: a line each, with its time. Nothing is sent, but with --send.
SERVER is a name in the file of servers, a URL as send takes it, a host, host:port, or a mail address, whose provider is looked for; if left out, SMTP_URL or the file's default. A password comes from --password-file, --password-command or PARLEY_PASSWORD; without one nobody logs in.

  parley check smtps://kim@example.net@smtp.example.com
  parley check kim@qq.com --password-file code.txt
  parley check mail.example.com --all
  parley check --compare yesterday.json mail.example.com`,
		`逐步检查到服务器的路，指出断在哪里、该怎么办。
域名、连接、问候、TLS、证书、EHLO、登录、信封：每步一行并带用时。除非给出 --send，不会发出任何邮件。
SERVER 可以是配置文件中的名字、send 所用的 URL、主机、主机:端口，或邮箱地址（会查找其服务商）；省略时用 SMTP_URL 或配置文件的默认服务器。密码来自 --password-file、--password-command 或 PARLEY_PASSWORD；没有密码就不登录。

  parley check smtps://kim@example.net@smtp.example.com
  parley check kim@qq.com --password-file code.txt
  parley check mail.example.com --all
  parley check --compare yesterday.json mail.example.com`}

	wordUserInURL          = text{"--user goes with a host: SERVER has a user already", "--user 用于主机：SERVER 已经带有用户"}
	wordPasswordInArgument = text{"the password in SERVER can be seen by everybody on this machine; SMTP_URL, PARLEY_PASSWORD, --password-file and --password-command hide it", "本机所有用户都能看到 SERVER 中的密码；SMTP_URL、PARLEY_PASSWORD、--password-file、--password-command 不会暴露它"}
	wordSocketURL          = text{"a socket is written as a URL, as in lmtp:///path/of/the/socket", "套接字要写成 URL，如 lmtp:///path/of/the/socket"}
	wordCompareTwo         = text{"--compare wants two: servers, or files that --keep wrote", "--compare 需要两个参数：服务器，或 --keep 保存的文件"}
	wordMaskAlone          = text{"--mask is for --report", "--mask 须与 --report 同用"}

	wordMarkGood    = text{"ok", "正常"}
	wordMarkWarning = text{"warn", "注意"}
	wordMarkFailed  = text{"FAIL", "失败"}
	wordMarkSkipped = text{"skip", "跳过"}
	wordComma       = text{", ", "、"}
	wordColon       = text{": ", "："}
	wordNotReached  = text{"not reached: %s", "未进行到：%s"}

	wordMarkNone = text{"-", "-"}

	wordModeClear         = text{"clear text", "明文"}
	wordModeOpportunistic = text{"opportunistic", "机会性 TLS"}
	wordWayTaken          = text{"%s by %s", "%s，%s"}

	wordReportTitle    = text{"Check of %s", "检查 %s"}
	wordReportMode     = text{"server: %s by %s", "服务器：%s，%s"}
	wordReportProvider = text{"provider: %s", "服务商：%s"}
	wordReportLogin    = text{"credentials given: %s", "给出了用户名和密码：%s"}
	wordReportStep     = text{"step", "步骤"}
	wordReportTime     = text{"time", "用时"}
	wordReportFound    = text{"found", "结果"}
	wordReportTalk     = text{"Conversation", "会话"}
	wordYes            = text{"yes", "是"}
	wordNo             = text{"no", "否"}

	wordKeptBad       = text{"%s is no file that --keep wrote: %v", "%s 不是 --keep 保存的文件：%v"}
	wordTimeOf        = text{"time %s", "用时 %s"}
	wordReplyOf       = text{"reply %s", "回复 %s"}
	wordCompareSame   = text{"Both are the same.", "两者相同。"}
	wordCompareDiffer = text{"%d of these differ.", "有 %d 项不同。"}

	wordCheckWell     = text{"All is well: mail can go by %s. Nothing was sent.", "一切正常：可以通过 %s 发信。没有发出任何邮件。"}
	wordPasswordIs    = text{"The password of %s: %s.", "%s 的密码：%s。"}
	wordPasswordWhere = text{" It is made here: %s.", "获取位置：%s。"}
	wordCheckWarned   = text{"Mail can go by %s; look at what is marked with an exclamation mark. Nothing was sent.", "可以通过 %s 发信，但请留意标有叹号的问题。没有发出任何邮件。"}
	wordSendFrom      = text{"--send wants --from, or a user who is a mail address and logs in", "--send 需要 --from，或以邮箱地址登录"}
	wordCheckSent     = text{"All is well: %s has taken the mail.", "一切正常：%s 已接收邮件。"}
	wordCheckNoLogin  = text{"The way to %s is open. Nobody logged in, for no user and password were given; nothing was sent.", "到 %s 的路是通的。未给出用户名和密码，所以没有登录；也没有发出任何邮件。"}
)

// stepNames are what a person calls the steps; programs know them by the names in package check.
var stepNames = map[string]text{
	"dns":         {"DNS", "域名解析"},
	"tcp":         {"TCP", "TCP 连接"},
	"greeting":    {"greeting", "问候"},
	"hello-clear": {"EHLO clear", "EHLO 明文"},
	"tls":         {"TLS", "TLS"},
	"certificate": {"certificate", "证书"},
	"hello":       {"EHLO", "EHLO"},
	"auth":        {"AUTH", "登录"},
	"mail":        {"MAIL", "发件人"},
	"rcpt":        {"RCPT", "收件人"},
	"reset":       {"RSET", "撤回"},
	"send":        {"content", "内容"},
	"quit":        {"QUIT", "道别"},
	"versions":    {"TLS versions", "TLS 版本"},
}

// comparedNames are what a person calls the rows of --compare.
var comparedNames = map[string]text{
	"server":              {"server", "服务器"},
	"verdict":             {"verdict", "结论"},
	"addresses":           {"addresses", "地址"},
	"mx":                  {"MX", "MX"},
	"connections":         {"connections", "连接"},
	"banner":              {"greeting", "问候"},
	"speaks":              {"speaks", "协议"},
	"clear-keywords":      {"EHLO clear", "EHLO 明文"},
	"tls":                 {"TLS", "TLS"},
	"cipher":              {"cipher", "加密套件"},
	"versions":            {"TLS versions", "TLS 版本"},
	"certificate-names":   {"certificate for", "证书名字"},
	"certificate-issuer":  {"certificate by", "证书签发者"},
	"certificate-until":   {"certificate until", "证书有效至"},
	"certificate-sha256":  {"certificate sha256", "证书 sha256"},
	"certificate-problem": {"certificate, wrong", "证书问题"},
	"keywords":            {"EHLO", "EHLO"},
	"mechanisms":          {"AUTH", "登录方式"},
	"size":                {"size", "大小上限"},
	"cause":               {"cause", "原因"},
}

// checkWords is what "parley check --help" says of its flags.
var checkWords = []flagGroup{
	{text{"Who", "身份"}, []flagWord{
		{"user", "NAME", text{"who logs in, where SERVER is a host", "登录用户名（SERVER 为主机时）"}},
		{"password-file", "FILE", text{"the password is the first line of this file (- is standard input)", "密码是该文件的第一行（- 为标准输入）"}},
		{"password-command", "COMMAND", text{"the password is the first line that this command of the shell prints", "密码是该 shell 命令输出的第一行"}},
		{"from", "ADDRESS", text{"ask for this reverse-path, <> for none; if left out, the user where that is an address and logs in", "要询问的发件人，<> 表示空；省略时为登录用户（若是地址）"}},
		{"to", "ADDRESS", text{"ask for this recipient; if left out, --from", "要询问的收件人；省略时同 --from"}},
		{"send", "", text{"send a short mail, in place of taking the question back", "真的发一封简短的邮件，而不是问完就撤回"}},
	}},
	{text{"What is looked at", "检查范围"}, []flagWord{
		{"all", "", text{"try the ports 25, 465, 587 and 2525, each by TLS, STARTTLS and in clear text, and print the settings that work", "逐一尝试 25、465、587、2525 端口的 TLS、STARTTLS 和明文，并打印可用的配置"}},
		{"compare", "", text{"lay two side by side: servers, or files that --keep wrote", "并排对比两个：服务器，或 --keep 保存的文件"}},
		{"timeout", "TIME", text{"no step waits longer than this, as in 30s; if left out, 10s", "每步最多等这么久，如 30s；省略时为 10s"}},
	}},
	{text{"What is shown", "输出"}, []flagWord{
		{"verbose", "", text{"print the conversation above each step; a password is never in it", "在每步上方打印会话；其中不会有密码"}},
		{"json", "", text{"print an object for each step, a line each; the last one has the result", "每步打印一行 JSON；最后一行是结果"}},
		{"report", "FILE", text{"write a report in Markdown that is safe to paste: no password is in it", "写一份可放心粘贴的 Markdown 报告：其中没有密码"}},
		{"mask", "", text{"leave addresses, and names of hosts that are no provider's, out of the report too", "报告中连邮箱地址和非公共服务商的主机名也隐去"}},
		{"keep", "FILE", text{"keep the run as JSON, for --compare", "把本次结果保存为 JSON，供 --compare 使用"}},
		{"transcript", "FILE", text{"write the conversation into a file", "把会话写入文件"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}},
}
