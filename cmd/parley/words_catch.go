package main

// What "parley catch" says.
var (
	wordCatchShort = text{"keep what programs send, deliver nothing, and show every conversation", "接住程序发出的邮件，一封也不投递，并显示每个会话"}
	wordCatchLong  = text{
		`Keep what programs send, deliver nothing, and show every conversation.

Point a program at 127.0.0.1:1025, by plain SMTP, with any name and password or none. What it sends is kept with its true envelope and every line that was said, and so are the sessions that failed. http://127.0.0.1:8025 shows them, with what each line means, where the time went and what went wrong.

  parley catch
      keeps all in memory, and forgets it when it ends (Ctrl-C)
  parley catch --data mail.db
      keeps it in a file
  parley catch -- npm test
      runs a command with SMTP_URL, SMTP_HOST and SMTP_PORT set, on ports of its own, and reports what it sent
  parley catch wait --to kim@example.net --timeout 10s
      waits for a mail, prints its links and one-time codes, and ends; see its --help for "parley catch last", which keeps older mails from counting
  parley catch --persona gmail-no-app-password
      says what Gmail says to a wrong password
  parley catch --fault 'rcpt recipient=kim@* times=2 reply="451 4.7.1 come back later"'
      refuses the first two, and takes the third

Faults can also be set on the page, by the API, and by the address of a recipient: rcpt+451-greylist@example.com. docs/faults.md lists them all.

Exit code: 0 once it was told to end (Ctrl-C), that of the command behind -- (128 and the signal's number where one ended it), 69 if --expect was not met, 64 if it cannot start.`,
		`接住程序发出的邮件，一封也不投递，并显示每个会话。

让程序连接 127.0.0.1:1025，不加密，用户名密码随意，也可以不登录。发来的邮件连同真实信封和说过的每一行都会保存，失败的会话也一样。打开 http://127.0.0.1:8025 就能看到它们：每一行的含义、时间花在哪里、哪里出了错。

  parley catch
      全部放在内存里，结束（Ctrl-C）即忘
  parley catch --data mail.db
      保存在文件里
  parley catch -- npm test
      用独立的端口运行一条命令，设好 SMTP_URL、SMTP_HOST、SMTP_PORT，然后报告它发了什么
  parley catch wait --to kim@example.net --timeout 10s
      等一封邮件，打印其中的链接和验证码，然后结束；如何用 parley catch last 排除旧邮件，见它的 --help
  parley catch --persona gmail-no-app-password
      像 Gmail 对待错误密码那样回复
  parley catch --fault 'rcpt recipient=kim@* times=2 reply="451 4.7.1 come back later"'
      前两次拒绝，第三次接受

故障也可以在页面上、通过 API，或用收件人地址来设置：rcpt+451-greylist@example.com。完整列表见 docs/faults.md。

退出码：按要求结束（Ctrl-C）为 0；有 -- 时为该命令的退出码（被信号终止时为 128 加信号编号）；--expect 不符为 69；无法启动为 64。`}

	wordCatchIntro        = text{"What programs send here is kept, with all that was said, and delivered to nobody.", "程序发到这里的邮件连同整个会话都会保存，不会投递给任何人。"}
	wordCatchIntroRelease = text{"What programs send here is kept, with all that was said, and goes nowhere unless somebody sends it on from the page.", "程序发到这里的邮件连同整个会话都会保存，除非有人在页面上放行，否则不会发往任何地方。"}
	wordCatchIntroForward = text{"What programs send here is kept, with all that was said. What --forward fits is really sent on, the rest goes nowhere.", "程序发到这里的邮件连同整个会话都会保存。符合 --forward 的会真正转发出去，其余不会发往任何地方。"}

	wordCatchSMTP         = text{"SMTP", "SMTP"}
	wordCatchSMTPS        = text{"SMTP over TLS", "SMTP（TLS）"}
	wordCatchPage         = text{"page", "页面"}
	wordCatchCertificate  = text{"certificate", "证书"}
	wordCatchToTrust      = text{"%s, for programs to trust", "%s，供程序信任"}
	wordCatchBoxes        = text{"mailboxes", "邮箱"}
	wordCatchBoxesBy      = text{"one by %s", "按 %s 划分"}
	wordCatchRelease      = text{"release", "放行"}
	wordCatchForward      = text{"forward", "转发"}
	wordCatchReleaseBy    = text{"by %s", "经由 %s"}
	wordCatchWebhook      = text{"webhook", "webhook"}
	wordCatchPasswordOf   = text{"the password of %s", "%s 的密码"}
	wordCatchKept         = text{"kept", "保存"}
	wordCatchFault        = text{"fault", "故障"}
	wordCatchClear        = text{"encryption: none (--starttls offers it)", "不加密（要 STARTTLS 请加 --starttls）"}
	wordCatchOnlySTARTTLS = text{"STARTTLS, and no mail without it", "STARTTLS，否则不收邮件"}
	wordCatchLoginAny     = text{"any, or none: every password is taken", "随意，也可以不登录：任何密码都接受"}
	wordCatchLoginAnyMust = text{"any, but there must be one: every password is taken", "随意，但必须登录：任何密码都接受"}
	wordCatchLoginSome    = text{"the users of --users, or none", "--users 中的用户，也可以不登录"}
	wordCatchLoginUsers   = text{"the users of --users", "--users 中的用户"}
	wordCatchInMemory     = text{"in memory, until this ends", "在内存里，结束即忘"}
	wordCatchInFile       = text{"in %s (%d messages, %d sessions)", "在 %s 中（%d 封邮件，%d 个会话）"}
	wordCatchWaiting      = text{"Mails are shown as they come. Ctrl-C ends it.", "收到的邮件会显示在下面。按 Ctrl-C 结束。"}

	wordCatchCame         = text{"#%d from %s to %s, %s octets", "#%d 发自 %s，收件人 %s，%s 字节"}
	wordCatchNoSubject    = text{"(no subject)", "（无主题）"}
	wordCatchMore         = text{"and %d more, which the page has", "另有 %d 项，见页面"}
	wordCatchBrokeOff     = text{"it broke off", "会话中断"}
	wordCatchFailed       = text{"session %d from %s: %s", "会话 %d，来自 %s：%s"}
	wordCatchEnded        = text{"it ended so (--verbose shows all of it, --data FILE keeps it):", "会话的结尾（--verbose 显示全部，--data FILE 保存下来）："}
	wordCatchByRule       = text{"on purpose, by rule %s: %s", "故意的，由规则 %s 触发：%s"}
	wordCatchByAddress    = text{"on purpose, by the recipient's address: %s", "故意的，由收件人地址触发：%s"}
	wordCatchWereItReal   = text{"a server that says so of itself means:", "如果是真实服务器这样回复，则说明："}
	wordCatchCause        = text{"cause: ", "原因："}
	wordCatchFix          = text{"fix:   ", "解决："}
	wordCatchForwarded    = text{"#%d was passed on by %s", "#%d 已经由 %s 转发"}
	wordCatchForwardedTo  = text{"#%d was passed on by %s to %s: %s", "#%d 已经由 %s 转发给 %s：%s"}
	wordCatchNotForwarded = text{"#%d was not passed on: %v", "#%d 未能转发：%v"}
	wordCatchForwardWaits = text{"nothing is passed on until the store can be read and written again: %v", "存储恢复可读写之前暂停转发：%v"}
	wordCatchSent         = text{"Messages caught: %d; sessions that went wrong: %d", "接住 %d 封邮件；%d 个会话出了问题"}
	wordCatchExpected     = text{"--expect: %d expected, %d came", "--expect：应收到 %d 封，实际收到 %d 封"}

	wordCatchExpectAlone  = text{"--expect wants a command behind --", "--expect 需要在 -- 后面给出命令"}
	wordCatchForwardAlone = text{"--forward wants --release SERVER to send them by", "--forward 需要用 --release SERVER 指定发信服务器"}
	wordCatchMailboxes    = text{"--mailboxes: %q is none of one, login, recipient, token", "--mailboxes：%q 不是 one、login、recipient、token 之一"}
	wordCatchUserLine     = text{"--users: %s, line %d is not NAME:PASSWORD", "--users：%s 第 %d 行不是 NAME:PASSWORD"}
	wordCatchNoUsers      = text{"--users: %s names nobody", "--users：%s 中没有用户"}
	wordCatchPortTaken    = text{"perhaps a parley catch runs already; %s %s takes another port", "可能已有一个 parley catch 在运行；可用 %s %s 换一个端口"}
	wordCatchOpenDoor     = text{"--http %s: other machines can reach it, and nobody would have to say who they are: give --web-users, or an address of this machine alone such as 127.0.0.1:8025", "--http %s：其他机器能连到这里，而谁都不必登录：请给出 --web-users，或换成仅限本机的地址，例如 127.0.0.1:8025"}
	wordCatchClearDoor    = text{"--http %s: other machines can reach it, and passwords and mail would come and go in clear text: add --https, or --behind-proxy where a proxy before it speaks TLS", "--http %s：其他机器能连到这里，密码和邮件会以明文传输：请加上 --https；如果前面的代理负责 TLS，请加上 --behind-proxy"}
	wordCatchNoPort       = text{"there is neither --smtp nor --smtps: no mail can come", "--smtp 和 --smtps 都没有：收不到邮件"}
	wordCatchNetwork      = text{"%s can be reached by other machines, and takes mail from anybody", "其他机器能连到 %s，任何人都能往这里发信"}

	wordWaitShort = text{"wait for a mail that parley catch keeps", "等待 parley catch 接住一封邮件"}
	wordWaitLong  = text{
		`Wait for a mail that parley catch keeps, print it, and end: for tests, in place of a sleep and a loop.

Of the mails that fit, the oldest is printed, and those that are there already count: where a test asks for a second code, take a mark first, then act, then wait for what came after the mark.

  mark=$(parley catch last)
  curl -d to=kim@example.net http://localhost:3000/login
  code=$(parley catch wait --after $mark --to kim@example.net --print code)

An address must be the same, in whatever letters: kim@example.net is not akim@example.net.

Exit code: 0 it came; 75 it did not come in time; 69 parley catch cannot be reached or refused; 65 it came and has no such link or code; 64 flags.`,
		`等待 parley catch 接住一封邮件，打印后结束：供测试使用，代替 sleep 和循环。

符合条件的邮件中打印最旧的一封，已经收到的也算。要等第二个验证码时，请先记下编号，再触发发信，然后只等该编号之后的邮件：

  mark=$(parley catch last)
  curl -d to=kim@example.net http://localhost:3000/login
  code=$(parley catch wait --after $mark --to kim@example.net --print code)

地址必须完全一致（不分大小写）：kim@example.net 不是 akim@example.net。

退出码：等到为 0；超时为 75；连不上 parley catch 或被它拒绝为 69；等到了但没有链接或验证码为 65；选项有误为 64。`}

	wordLastShort = text{"print the number of the newest mail that parley catch keeps", "打印 parley catch 中最新一封邮件的编号"}
	wordLastLong  = text{
		`Print the number of the newest mail that parley catch keeps, 0 if there is none: a mark for "parley catch wait --after", to be taken before a test does what has the mail sent.

Exit code: 0; 69 parley catch cannot be reached or refused; 64 flags.`,
		`打印 parley catch 中最新一封邮件的编号，没有则为 0。在测试触发发信之前记下它，供 parley catch wait --after 使用。

退出码：成功为 0；连不上 parley catch 或被它拒绝为 69；选项有误为 64。`}

	wordWaitNone    = text{"no such mail came within %v", "%v 内没有等到这样的邮件"}
	wordWaitNobody  = text{"parley catch cannot be reached at %s: %v", "连不上 %s 的 parley catch：%v"}
	wordWaitRefused = text{"%s refused: %s", "%s 拒绝了请求：%s"}
	wordWaitNoLink  = text{"message %d came, and there is no link in it", "邮件 %d 已收到，但其中没有链接"}
	wordWaitNoCode  = text{"message %d came, and there is no one-time code in it", "邮件 %d 已收到，但其中没有验证码"}
	wordWaitPrint   = text{"--print: %q is none of id, code, link, text, json", "--print：%q 不是 id、code、link、text、json 之一"}
	wordWaitFrom    = text{"from", "发件人"}
	wordWaitTo      = text{"to", "收件人"}
	wordWaitSubject = text{"subject", "主题"}
	wordWaitLink    = text{"link", "链接"}
	wordWaitCode    = text{"code", "验证码"}
)

// catchWords is what "parley catch --help" says of its flags.
var catchWords = []flagGroup{
	{text{"Where", "地址"}, []flagWord{
		{"smtp", "ADDRESS", text{"where programs connect in clear text; without a host this machine alone can; \"\" for none", "程序用明文连接的地址；不写主机则仅限本机；\"\" 为不开"}},
		{"smtps", "ADDRESS", text{"where programs connect with TLS from the first octet", "程序从第一个字节起用 TLS 连接的地址"}},
		{"http", "ADDRESS", text{"where the pages and the API are; \"\" for none", "页面和 API 的地址；\"\" 为不开"}},
		{"data", "FILE", text{"keep all in FILE; if left out, in memory", "全部保存在 FILE 中；省略时放在内存里"}},
		{"host", "NAME", text{"a name by which browsers may reach the pages, besides localhost; may be repeated", "除 localhost 外，浏览器可用来访问页面的主机名；可重复"}},
		{"web-users", "FILE", text{"who may see the pages: lines of NAME:HASH as htpasswd -B writes them", "谁可以看页面：htpasswd -B 写出的 NAME:HASH，每行一个"}},
		{"https", "", text{"the pages and the API over TLS, with the certificate of --cert, or one that is made, and that --save-cert keeps for who is to trust it", "页面和 API 走 TLS：用 --cert 的证书；没有则自动生成，--save-cert 可把它存下来供客户端信任"}},
		{"behind-proxy", "", text{"a proxy before it speaks TLS: other machines reach the pages without --https", "前面的代理负责 TLS：其他机器可以不经 --https 访问页面"}},
	}},
	{text{"Programs", "程序"}, []flagWord{
		{"users", "FILE", text{"who may log in: lines of NAME:PASSWORD; if left out, anybody by any password", "谁可以登录：每行一个 NAME:PASSWORD；省略时任何人、任何密码都可以"}},
		{"require-login", "", text{"take no mail without a login", "不登录就不收邮件"}},
		{"starttls", "", text{"offer STARTTLS; so do --require-tls, --cert, --save-cert and faults of TLS. Many libraries use it wherever it is offered, and must then trust the certificate", "提供 STARTTLS；--require-tls、--cert、--save-cert 和 TLS 故障也会提供。许多库一见 STARTTLS 就用，此时它们必须信任证书"}},
		{"require-tls", "", text{"take no mail in clear text", "不收明文传来的邮件"}},
		{"cert", "FILE", text{"certificate (PEM); without it one is made", "证书（PEM）；省略则自制"}},
		{"key", "FILE", text{"its key (PEM)", "证书的私钥（PEM）"}},
		{"save-cert", "FILE", text{"write the certificate that was made to FILE, for programs to trust", "把自制的证书写入 FILE，供程序信任"}},
		{"mailboxes", "HOW", text{"part the mails by login, by recipient, or by token (the word behind the last + of either); one: all together", "邮箱划分方式：login（登录名）、recipient（收件人）、token（二者中最后一个 + 之后的词）；one 为不分"}},
		{"max-message", "MIB", text{"the most that one mail may have; zero: 100", "单封邮件的上限；零为 100"}},
	}},
	{text{"How much is kept", "保存多少"}, []flagWord{
		{"keep", "N", text{"messages, the oldest go first; zero: 10,000, negative: all", "邮件数，先删最旧的；零为 10,000，负数为不限"}},
		{"max-age", "DURATION", text{"how long; zero: for ever", "保存时长；零为一直保存"}},
		{"max-size", "MIB", text{"of contents in all; zero: 1,024", "内容总量；零为 1,024"}},
	}},
	{text{"What goes wrong on purpose", "故意的故障"}, []flagWord{
		{"fault", "RULE", text{"one fault: 'rcpt reply=\"450 4.2.1 later\" times=2'; may be repeated", "一条故障：'rcpt reply=\"450 4.2.1 later\" times=2'；可重复"}},
		{"persona", "NAME", text{"what a provider really says: qq-wrong-code, gmail-no-app-password; may be repeated", "服务商的真实回复：qq-wrong-code、gmail-no-app-password；可重复"}},
		{"faults", "FILE", text{"a plan of faults, as docs/faults.md has it", "故障计划文件，格式见 docs/faults.md"}},
		{"no-magic", "", text{"recipients such as rcpt+451@example.com have no meaning of their own", "rcpt+451@example.com 这类收件人不再有特殊含义"}},
	}},
	{text{"Onward", "转出"}, []flagWord{
		{"release", "SERVER", text{"the server by which a mail is sent on, when somebody asks for it on the page", "在页面上要求放行邮件时所用的服务器"}},
		{"forward", "QUERY", text{"send on every mail that QUERY fits, by --release: 'to:kim@example.net'; may be repeated", "符合 QUERY 的邮件都经 --release 转发：'to:kim@example.net'；可重复"}},
		{"webhook", "URL", text{"tell URL of every mail (JSON); may be repeated", "每收到一封邮件就通知 URL（JSON）；可重复"}},
	}},
	{text{"What is shown", "显示"}, []flagWord{
		{"verbose", "", text{"show every conversation as it happens, explained", "实时显示每个会话，并加以解释"}},
		{"expect", "N", text{"with a command: it is to send N mails, or the exit code is 69", "与命令一起用：它应发出 N 封邮件，否则退出码为 69"}},
		{"json", "", text{"print an object a line: where it listens, each mail, each session", "每行打印一个 JSON 对象：监听地址、每封邮件、每个会话"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}},
}

// lastWords is what "parley catch last --help" says of its flags.
var lastWords = []flagGroup{
	{text{"Where", "地址"}, []flagWord{
		{"http", "URL", text{"where parley catch is; if left out, PARLEY_CATCH", "parley catch 的地址；省略时用 PARLEY_CATCH"}},
		{"mailbox", "NAME", text{"of this mailbox alone", "仅限此邮箱"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}},
}

// waitWords is what "parley catch wait --help" says of its flags.
var waitWords = []flagGroup{
	{text{"Which mail", "哪封邮件"}, []flagWord{
		{"to", "ADDRESS", text{"a recipient of its envelope", "信封收件人"}},
		{"from", "ADDRESS", text{"its sender", "发件人"}},
		{"subject", "TEXT", text{"its subject has TEXT in it", "主题包含 TEXT"}},
		{"query", "QUERY", text{"as in the page's search: has:attachment larger:10k", "与页面搜索相同：has:attachment larger:10k"}},
		{"mailbox", "NAME", text{"of this mailbox alone", "仅限此邮箱"}},
		{"after", "ID", text{"only after the message of this number", "仅限此编号之后的邮件"}},
		{"since", "TIME", text{"only since then: 2026-01-02T15:04:05Z, or so long ago: 5m", "仅限此时之后：2026-01-02T15:04:05Z，或多久以来：5m"}},
		{"timeout", "DURATION", text{"how long to wait", "等待多久"}},
	}},
	{text{"Where, and what is printed", "地址与输出"}, []flagWord{
		{"http", "URL", text{"where parley catch is; if left out, PARLEY_CATCH", "parley catch 的地址；省略时用 PARLEY_CATCH"}},
		{"print", "WHAT", text{"id, code, link, text or json alone; if left out, a summary", "只打印 id、code、link、text 或 json；省略时打印摘要"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}},
}
