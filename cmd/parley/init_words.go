package main

// What init says.
var (
	wordInitShort = text{"set up a server for a mail address, and try it", "为邮箱地址设置服务器并试用"}
	wordInitLong  = text{
		`Set up a server for a mail address, and try it.

  parley init kim@qq.com
  parley init --server smtps://mail.example.com kim@example.com
  pass show mail/work | parley init --name work kim@example.com

It finds who carries the address's mail, says what the server takes for a password and how to get it, asks for it without showing it, logs in to see that it is right, and writes the server into the file that parley config shows. The password goes into the system's keyring; where there is none, into a file that you alone can read. What else is in the file stays as it is. Nothing is sent unless --send is given, and nothing is written if the try fails.

Where there is no terminal nothing is asked: ADDRESS must be given, and the password is the first line of standard input, if no flag says where it is.

Exit code: as parley send's; 64 too where no server was found.`,
		`为邮箱地址设置服务器并试用。

  parley init kim@qq.com
  parley init --server smtps://mail.example.com kim@example.com
  pass show mail/work | parley init --name work kim@example.com

它会找出由谁承接该地址的邮件，说明服务器把什么当作密码、如何取得，不回显地读入，登录一次确认无误，然后把服务器写入 parley config 所示的文件。密码存入系统密钥环；没有密钥环时存入仅本人可读的文件。文件中的其他内容保持不变。除非给出 --send，否则不发送任何邮件；试用失败则什么都不写。

没有终端时不会询问：必须给出 ADDRESS；若没有选项说明密码在哪里，则取标准输入的第一行。

退出码同 parley send；找不到服务器时也是 64。`}

	wordAskAddress    = text{"your mail address:", "您的邮箱地址："}
	wordWhichAddress  = text{"name a mail address: parley init kim@example.com", "请给出邮箱地址：parley init kim@example.com"}
	wordNoAddress     = text{"%q is no mail address: %v", "%q 不是邮箱地址：%v"}
	wordBadServerName = text{"--name: %q is no name: letters, digits, - and _ are", "--name：%q 不能作名字：只能用字母、数字、- 和 _"}
	wordNameTaken     = text{"there is a server %q in %s already: give another by --name, or remove that one by parley config remove", "已有服务器 %q（%s）：用 --name 另取名字，或用 parley config remove 删除它"}
	wordUserThere     = text{"%s logs in to a server already: %s. parley config set-password changes its password; --name sets up another", "%s 已有服务器：%s。parley config set-password 可修改密码；--name 可另设一个"}

	wordLookingFor      = text{"no provider is known for %s: looking for a server", "没有 %s 的服务商资料：正在查找服务器"}
	wordFoundByMX       = text{"mail for %s is taken by %s, which belongs to %s", "%s 的邮件由 %s 接收，它属于 %s"}
	wordMXUnknown       = text{"mail for %s is taken by %s, and whose that is is not known", "%s 的邮件由 %s 接收，不清楚它属于谁"}
	wordTried           = text{"tried %s: %s", "试过 %s：%s"}
	wordTriedGood       = text{"tried %s: it answers, with TLS and a certificate in order", "试过 %s：有应答，TLS 和证书正常"}
	wordNothingFound    = text{"no server was found for %s: ask who runs its mail for the name of the SMTP server, and give it by parley init --server smtps://HOST %s", "没有找到 %s 的服务器：请向其邮箱管理员询问 SMTP 服务器的名字，再用 parley init --server smtps://主机 %s 给出"}
	wordAskRight        = text{"take %s? [Y/n]", "使用 %s？[Y/n]"}
	wordGiveServer      = text{"give the server then: parley init --server smtps://HOST %s", "请给出服务器：parley init --server smtps://主机 %s"}
	wordPasswordNotHere = text{"leave the password out of the URL: it is asked for, or read from standard input", "URL 中不要写密码：会另外询问，或从标准输入读取"}

	wordOnlyOAuth    = text{"%s takes no password at all, only tokens of OAuth 2.0: give a command that prints one by --token-command", "%s 完全不接受密码，只接受 OAuth 2.0 令牌：用 --token-command 给出能打印令牌的命令"}
	wordLabelSender  = text{"sender  ", "发件人"}
	wordHowToGetIt   = text{"How to get it:", "取得办法："}
	wordOpenAndLogIn = text{"open %s in a browser, and log in", "用浏览器打开 %s 并登录"}
	wordAskCode      = text{"password or code of %s (not shown):", "%s 的密码或授权码（不显示）："}
	wordTwoSources   = text{"the password is given twice: one of --password-file, --password-env, --password-command and --token-command is enough", "密码给了两次：--password-file、--password-env、--password-command、--token-command 只需其一"}

	wordTrying         = text{"logging in to %s", "正在登录 %s"}
	wordTryGood        = text{"%s is logged in", "%s 登录成功"}
	wordTryOther       = text{"%s; trying %s", "%s；改试 %s"}
	wordTryAgain       = text{"try again, or give up by an empty line", "请重试；直接回车则放弃"}
	wordAskOnceMore    = text{"Enter tries once more, q gives up:", "回车再试一次，q 放弃："}
	wordNothingWritten = text{"nothing was written", "没有写入任何内容"}
	wordGaveUp         = text{"given up: nothing was written", "已放弃：没有写入任何内容"}
	wordTestSubject    = text{"A test by parley init", "parley init 测试邮件"}
	wordTestText       = text{"It works.\n", "发送成功。\n"}

	wordInitWritten = text{"%s is written to %s", "%s 已写入 %s"}
	wordInitSubject = text{"Hello", "你好"}
	wordInitText    = text{"'It works.'", "'发送成功。'"}
)

// initWords is what "parley init --help" says of its flags.
var initWords = []flagGroup{
	{text{"The server", "服务器"}, []flagWord{
		{"server", "URL", text{"where it is, if it is not to be found out: smtps://host, smtp://host:587 or host:port", "服务器位置（不自动查找时）：smtps://host、smtp://host:587 或 host:port"}},
		{"user", "NAME", text{"who logs in; if left out, what the provider wants, which is mostly the address", "登录名；省略时按服务商要求，通常就是邮箱地址"}},
		{"name", "NAME", text{"what the server is called in the file; if left out, after the domain: qq for kim@qq.com", "服务器在文件中的名字；省略时取自域名：kim@qq.com 为 qq"}},
		{"default", "", text{"take it where no server is named; the first one is the default anyway", "设为默认服务器；第一个服务器本来就是默认"}},
	}},
	{text{"The password", "密码"}, []flagWord{
		{"password-file", "FILE", text{"it is the first line of this file (- is standard input)", "密码是该文件的第一行（- 为标准输入）"}},
		{"file", "", text{"keep it in a file beside the file of servers, which you alone can read, and not in the keyring", "存入配置文件旁仅本人可读的文件，而不是密钥环"}},
		{"password-env", "NAME", text{"do not keep it: it is in this variable of the environment whenever it is wanted", "不保存：需要时取自该环境变量"}},
		{"password-command", "COMMAND", text{"do not keep it: this command of the shell prints it whenever it is wanted", "不保存：需要时由该 shell 命令打印"}},
		{"token-command", "COMMAND", text{"the same for a token of OAuth 2.0", "同上，用于 OAuth 2.0 令牌"}},
	}},
	{text{"How it is done", "过程"}, []flagWord{
		{"no-try", "", text{"write it without logging in", "不登录，直接写入"}},
		{"send", "", text{"send a short mail to ADDRESS too", "并向 ADDRESS 发一封简短的邮件"}},
		{"yes", "", text{"take what is found without asking", "不询问，直接采用找到的服务器"}},
		{"verbose", "", text{"print the conversation to standard error; a password is never in it", "在标准错误上打印会话；其中不会有密码"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}},
}
