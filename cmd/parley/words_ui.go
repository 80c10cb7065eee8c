package main

// What is said by more than one command, and by send.
var (
	wordWarning  = text{"warning: ", "警告："}
	wordFlags    = text{"Flags", "选项"}
	wordUsage    = text{"Usage", "用法"}
	wordCommands = text{"Commands", "命令"}

	wordRootShort = text{"send mail, and see what was said", "发送邮件，并看清会话中说了什么"}
	wordRootLong  = text{
		"Parley sends mail, and lets a person see what was said.\n\nparley demo shows the whole of it with nothing to set up. parley send sends one message.",
		"Parley 发送邮件，并让人看清会话中说了什么。\n\nparley demo 无需任何配置即可演示全过程。parley send 发送一封邮件。"}
	wordVersionShort    = text{"print the version", "打印版本"}
	wordHelpShort       = text{"print what a command does and takes", "打印某个命令的说明"}
	wordCompletionShort = text{"print what makes a shell complete commands and flags", "打印让 shell 自动补全的脚本"}
	wordCompletionLong  = text{
		"Print what makes a shell complete commands and flags.\n\n  bash        source <(parley completion bash)\n  zsh         parley completion zsh > \"${fpath[1]}/_parley\"\n  fish        parley completion fish | source\n  powershell  parley completion powershell | Out-String | Invoke-Expression",
		"打印让 shell 自动补全命令和选项的脚本。\n\n  bash        source <(parley completion bash)\n  zsh         parley completion zsh > \"${fpath[1]}/_parley\"\n  fish        parley completion fish | source\n  powershell  parley completion powershell | Out-String | Invoke-Expression"}
	wordManShort = text{"write the manual pages into a folder", "把手册页写入目录"}
	wordManLong  = text{
		"Write the manual pages, one for each command, into a folder.\n\n  parley man /usr/local/share/man/man1",
		"把每个命令的手册页写入目录。\n\n  parley man /usr/local/share/man/man1"}

	wordMeantCommand = text{"there is no command %q; did you mean %q?", "没有命令 %q；是不是 %q？"}
	wordEmptyMail    = text{"the mail has neither a subject nor a text", "邮件既没有主题也没有正文"}
	wordNoCommand    = text{"there is no command %q; parley --help names them", "没有命令 %q；parley --help 列出所有命令"}
	wordNoFlag       = text{"there is no flag %s; --help names them", "没有选项 %s；--help 列出所有选项"}
	wordWantsValue   = text{"%s wants a value", "%s 需要一个值"}
	wordBadValue     = text{"%s: %q is no value for it: %v", "%s：%q 不是有效值：%v"}
	wordStrayWord    = text{"%q stands where nothing is expected", "多余的参数 %q"}
	wordWhichShell   = text{"name one shell: bash, zsh, fish or powershell", "请指明一种 shell：bash、zsh、fish 或 powershell"}
	wordWhichFolder  = text{"name the folder that the pages go to", "请指明手册页写入的目录"}
)

// What send says of flags and of what it was given.
var (
	wordPasswordInFlag      = text{"the password in --server can be seen by everybody on this machine; SMTP_URL, --password-file and --password-command hide it", "本机所有用户都能看到 --server 中的密码；SMTP_URL、--password-file、--password-command 不会暴露它"}
	wordPasswordInClear     = text{"the password goes to %s in clear text: whoever sits between can read it", "密码将以明文发往 %s：途中任何人都能读到"}
	wordTwoPasswords        = text{"a password is given twice: in the URL, by --password-file or by --password-command, one is enough", "密码给了两次：URL、--password-file、--password-command 只需其一"}
	wordPasswordWithoutUser = text{"a password is given, and the URL has no user: smtps://user@host", "给了密码，但 URL 中没有用户：smtps://user@host"}
	wordEmptyPassword       = text{"its first line is empty, where the password should be", "第一行为空，应为密码"}

	wordNoneOf            = text{"%q is none of %s", "%q 不是 %s 之一"}
	wordNeverAlone        = text{"never stands alone", "never 只能单独使用"}
	wordNoDate            = text{"%q is no date such as 2026-03-31T09:00:00+08:00 or Tue, 31 Mar 2026 09:00:00 +0800", "%q 不是日期，应如 2026-03-31T09:00:00+08:00 或 Tue, 31 Mar 2026 09:00:00 +0800"}
	wordNoHeader          = text{"%q has no colon: a field is \"Name: value\"", "%q 没有冒号：字段应写成 \"Name: value\""}
	wordNoFile            = text{"%s is no regular file", "%s 不是普通文件"}
	wordStdinWantsName    = text{"what comes from standard input wants a name: -;name=report.csv", "来自标准输入的附件需要名字：-;name=report.csv"}
	wordOneOfEach         = text{"is given twice: one https and one mailto URL are taken", "给了两次：https 和 mailto 各限一个"}
	wordRecipient         = text{"RECIPIENT", "RECIPIENT"}
	wordMessage           = text{"the message", "邮件"}
	wordHeaderNamesNobody = text{"the header names nobody in To, Cc and Bcc", "邮件头的 To、Cc、Bcc 中没有收件人"}
	wordNobody            = text{"nobody to send to: name RECIPIENTs, or take them from the header by -t", "没有收件人：给出 RECIPIENT，或用 -t 从邮件头取得"}
	wordNothingToSend     = text{"nothing to send: give --to and --text, or --eml, or --json-message, or -t with a message on standard input", "没有可发送的内容：用 --to 和 --text，或 --eml，或 --json-message，或 -t 加标准输入中的邮件"}
	wordNotTogether       = text{"%s does not go with %s", "%s 不能与 %s 同用"}
	wordStrayArgument     = text{"%q stands where nothing is expected: who gets the message is said by --to, --cc and --bcc", "多余的参数 %q：收件人用 --to、--cc、--bcc 给出"}
	wordNoTime            = text{"--timeout: %v is no time to wait", "--timeout：%v 不是可等待的时间"}
	wordNoMode            = text{"-b%s: only -bm is known here: there is no queue, no daemon and no list of aliases", "-b%s：此处只支持 -bm：没有队列、守护进程和别名表"}
)

// What send says of how it ended.
var (
	wordTaken       = text{"taken by %s: %s", "%s 已接收：%s"}
	wordNothingSent = text{"nothing was sent", "没有发出任何邮件"}
	wordUncertain   = text{"it may have been taken: sending it again may send it twice", "邮件可能已被接收：重发可能使对方收到两封"}
	wordPartly      = text{"the others have it: send it again only to those named here", "其余的人已收到：只需重发给上面列出的人"}
	wordDryRun      = text{"%d octets, printed and not sent", "%d 字节，只打印，不发送"}
	wordNeedsUTF8   = text{"it needs a server with SMTPUTF8", "需要支持 SMTPUTF8 的服务器"}
	wordMoreLines   = text{"(%d more such lines)", "（还有 %d 行）"}

	wordSendShort = text{"send one message", "发送一封邮件"}
	wordSendLong  = text{
		`Send one message.

  export SMTP_URL=smtps://kim@smtp.example.com PARLEY_PASSWORD=...
  parley send --from kim@example.com --to lee@example.net --subject Hello --text 'See you at six.'
  parley send --to lee@example.net --subject Statement --text @letter.txt --html @letter.html --attach march.pdf
  parley send --eml letter.eml lee@example.net
  parley send -t -i < letter.eml

The whole message is looked through before anything is said to a server. If anything is wrong with it, all of that is told and nothing is sent.

Exit code: 0 taken; 64 usage; 65 bad message; 68 no such host; 69 refused, by some of the recipients too with --partial; 75 try later, or it may have been taken; 76 not SMTP, or trouble with TLS; 77 credentials. Whatever is not 0 is told on standard error; where a step of the conversation failed, with cause and fix.

The password: in SMTP_URL, by --password-file, by --password-command, or in PARLEY_PASSWORD. The URL's user and password write : / ? # % @ as %3A %2F %3F %23 %25 %40; an @ in the user may stay. Its parameters: tls=required|opportunistic|none, auth=MECHANISM, ca=FILE, cert=FILE&key=FILE, fingerprint=SHA256, hello=NAME, proxy=URL, timeout=TIME.`,
		`发送一封邮件。

  export SMTP_URL=smtps://kim@smtp.example.com PARLEY_PASSWORD=...
  parley send --from kim@example.com --to lee@example.net --subject 你好 --text '六点见。'
  parley send --to lee@example.net --subject 对账单 --text @letter.txt --html @letter.html --attach 三月.pdf
  parley send --eml letter.eml lee@example.net
  parley send -t -i < letter.eml

在与服务器说话之前先检查整封邮件。若有任何问题，会全部列出，且不发送。

退出码：0 已接收；64 用法错误；65 邮件有误；68 主机不存在；69 被拒（用 --partial 时部分收件人被拒亦同）；75 稍后重试，或邮件可能已被接收；76 对方不是 SMTP 或 TLS 有问题；77 凭据问题。凡不是 0，标准错误上都有原因（cause）和办法（fix）。

密码：写在 SMTP_URL 中，或用 --password-file、--password-command，或放在 PARLEY_PASSWORD 中。URL 的用户名和密码中 : / ? # % @ 写作 %3A %2F %3F %23 %25 %40；用户名中的 @ 可不转义。URL 参数：tls=required|opportunistic|none、auth=机制、ca=文件、cert=文件&key=文件、fingerprint=SHA256、hello=名字、proxy=URL、timeout=时间。`}

	wordSendmailShort = text{"send the message on standard input, as sendmail(8) does", "像 sendmail(8) 一样发送标准输入中的邮件"}
	wordSendmailLong  = text{
		`Send the message on standard input, as sendmail(8) does. A link called sendmail that leads to parley does the same.

  ln -s "$(command -v parley)" /usr/sbin/sendmail
  printf 'Subject: hello\n\nSee you at six.\n' | parley sendmail -i -f kim@example.com lee@example.net

The server is SMTP_URL in the environment, or else the default of parley config. For programs that pass no environment on (cron, PHP) keep it in the file that all on this machine share, where the password can be in a file that only those programs can read:

  # /etc/parley/config.toml
  [server.work]
  url = "smtps://kim@example.com@smtp.example.com"
  from = "kim@example.com"
  password-file = "work.password"

Of sendmail's options these mean something: -t (send to those in To, Cc and Bcc too), -i and -oi (a lone dot does not end the message), -f ADDRESS (where bounces go), -F NAME (the name in a From that is added), -N WHEN, -R full|hdrs and -V ID (notifications), -v (print the conversation). The others are taken and not heeded; of modes there is -bm alone. None of parley's own flags is taken here, since programs pass arguments on that strangers had a hand in.

It says nothing where all is well. Line ends may be of any sort. Bcc is left out. Date, Message-ID and From are added where they are missing, and this machine's name to addresses without a domain. Exit codes are those of parley send.`,
		`像 sendmail(8) 一样发送标准输入中的邮件。名为 sendmail、指向 parley 的链接作用相同。

  ln -s "$(command -v parley)" /usr/sbin/sendmail
  printf 'Subject: hello\n\nSee you at six.\n' | parley sendmail -i -f kim@example.com lee@example.net

服务器取自环境变量 SMTP_URL，没有则用 parley config 的默认服务器。有些程序（cron、PHP）不传递环境变量，可写在本机共用的文件里，密码则放在只有这些程序能读的文件中：

  # /etc/parley/config.toml
  [server.work]
  url = "smtps://kim@example.com@smtp.example.com"
  from = "kim@example.com"
  password-file = "work.password"

sendmail 的选项中起作用的有：-t（同时发给 To、Cc、Bcc 中的人）、-i 和 -oi（单独一个点不结束邮件）、-f ADDRESS（退信地址）、-F NAME（补上的 From 中的名字）、-N WHEN、-R full|hdrs、-V ID（通知）、-v（打印会话）。其余接受但不起作用；模式只有 -bm。这里不接受 parley 自己的选项，因为有些程序会把陌生人参与构造的参数传进来。

一切正常时不输出任何内容。换行可以是任何形式。Bcc 会被去掉。缺少 Date、Message-ID、From 时会补上，没有域名的地址会补上本机名。退出码同 parley send。`}
	wordNoSendmailOption = text{"%s: this is no option of sendmail's; parley help sendmail names those that are taken", "%s：不是 sendmail 的选项；parley help sendmail 列出可用的选项"}
)
