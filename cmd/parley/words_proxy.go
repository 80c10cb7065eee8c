package main

// What "parley proxy" says.
var (
	wordProxyShort = text{"stand between a program and its provider, and show what they say", "站在程序与服务商之间，显示双方的会话"}
	wordProxyLong  = text{
		`Stand between a program and its provider, pass the conversation on byte for byte, and show it as it happens.

Point the program at 127.0.0.1:2525 in place of its provider. Everything it says goes on to the provider, and back; where something goes wrong, on either side, what it comes of and what to do is printed below the line.

  parley proxy --to smtps://smtp.example.com
      speaks TLS with the provider; the program speaks plain text here, and logs in itself
  parley proxy --to smtps://user@smtp.example.com --password-file F
      logs in, too: the program needs neither TLS nor a password
  parley proxy --to 'smtp://smtp.example.com?tls=none'
      changes nothing; where the program says STARTTLS, TLS is spoken on both sides
  parley proxy --to smtps://smtp.example.com --implicit --save-cert ca.pem
      TLS on both sides, with a certificate of its own for the program

Nothing is changed but what the flags ask for, and a note in the conversation says so. Passwords are never shown, nor kept. Without an address, --listen takes connections from this machine alone.

Exit code: 0 once it was told to end (Ctrl-C), 64 if it cannot start.`,
		`站在程序与服务商之间，逐字节转发会话，并实时显示。

让程序连接 127.0.0.1:2525，代替它的服务商。它说的一切都会转给服务商，回复也原样传回；任何一方出了问题，下一行就会给出原因和解决办法。

  parley proxy --to smtps://smtp.example.com
      与服务商讲 TLS；程序在此讲明文，并自己登录
  parley proxy --to smtps://user@smtp.example.com --password-file F
      还代为登录：程序既不需要 TLS，也不需要密码
  parley proxy --to 'smtp://smtp.example.com?tls=none'
      什么都不改；程序要 STARTTLS 时，两边都讲 TLS
  parley proxy --to smtps://smtp.example.com --implicit --save-cert ca.pem
      两边都讲 TLS，对程序用自制的证书

除选项要求的之外什么都不改，改了的地方会在会话中注明。密码从不显示，也不保存。--listen 不写地址时只接受本机的连接。

退出码：按要求结束（Ctrl-C）为 0，无法启动为 64。`}

	wordProxyNoServer       = text{"no provider: give --to SERVER, or set SMTP_URL in the environment, as in smtps://smtp.example.com", "没有服务商：用 --to SERVER，或设置环境变量 SMTP_URL，如 smtps://smtp.example.com"}
	wordProxyPasswordInFlag = text{"the password in --to can be seen by everybody on this machine; SMTP_URL, --password-file and --password-command hide it", "本机所有用户都能看到 --to 中的密码；SMTP_URL、--password-file、--password-command 不会暴露它"}
	wordProxyBoth           = text{"%s and %s exclude each other", "%s 与 %s 不能同时使用"}
	wordProxyAcceptAlone    = text{"--accept-login wants a user in --to to log in as, or nobody would be logged in: smtps://user@host", "--accept-login 需要 --to 中有用户（smtps://user@host），否则没有人真正登录"}
	wordProxyCertAndKey     = text{"--cert and --key go together", "--cert 与 --key 须同时给出"}
	wordProxyOpenRelay      = text{"--listen: %s can be reached by other machines, and whoever connects could send mail in your name; leave the address out, or say --allow-network if that is meant", "--listen：其他机器能连到 %s，任何人都能以您的名义发信；请去掉地址，确有此意则加 --allow-network"}
	wordProxyNetwork        = text{"%s can be reached by other machines: what programs say to it in clear text can be read on the way", "其他机器能连到 %s：程序对它讲的明文可能在途中被读取"}
	wordProxyNoFile         = text{"this session's transcript is not kept: %v", "这个会话未能存档：%v"}

	wordProxyBetween     = text{"Between %s and %s, %s.", "位于 %s 与 %s 之间，%s。"}
	wordProxyOutPlain    = text{"in plain text until the program asks for TLS", "明文，直到程序要求 TLS"}
	wordProxyOutTLS      = text{"over TLS", "使用 TLS"}
	wordProxyOutSTARTTLS = text{"over TLS (STARTTLS)", "使用 TLS（STARTTLS）"}
	wordProxyOutMaybe    = text{"over TLS where it is offered", "对方提供时使用 TLS"}

	wordProxyPoint      = text{"Point the program here", "让程序指向这里"}
	wordProxyHost       = text{"host", "主机"}
	wordProxyThisHost   = text{"any address of this machine", "本机的任一地址"}
	wordProxyPort       = text{"port", "端口"}
	wordProxyTLS        = text{"encryption", "加密方式"}
	wordProxyLogin      = text{"login", "登录"}
	wordProxyCert       = text{"certificate", "证书"}
	wordProxyInPlain    = text{"none (Parley speaks TLS with %s)", "无（Parley 与 %s 之间用 TLS）"}
	wordProxyInTLS      = text{"SSL/TLS, from the first octet", "SSL/TLS，从第一个字节起"}
	wordProxyInSTARTTLS = text{"none, or STARTTLS", "无，或 STARTTLS"}
	wordProxyInAsked    = text{"none, or STARTTLS where %s offers it", "无，或 STARTTLS（若 %s 提供）"}
	wordProxyInBlind    = text{"none, or STARTTLS where %s offers it: it is then not seen what is said", "无，或 STARTTLS（若 %s 提供）；之后的内容看不到"}
	wordProxyLoginOwn   = text{"the program's own, as with the provider", "程序自己的账号，与直连服务商时相同"}
	wordProxyLoginNone  = text{"none (Parley logs in as %s)", "无（Parley 以 %s 登录）"}
	wordProxyLoginAny   = text{"any, every password is taken (Parley logs in as %s)", "任意，任何密码都接受（Parley 以 %s 登录）"}
	wordProxyCertOwn    = text{"made just now, nobody trusts it (sha256 %s...); --save-cert FILE writes it for the program", "刚刚自制，无人信任（sha256 %s…）；--save-cert FILE 可存下来交给程序"}
	wordProxyCertSaved  = text{"made just now; give %s to the program as a CA", "刚刚自制；把 %s 作为 CA 交给程序"}
	wordProxyCertGiven  = text{"from %s", "来自 %s"}
	wordProxyTry        = text{"Or try it", "或者试一下"}
	wordProxyNotation   = text{"C: is what the program says, S: what the provider says, -- what is done. Ctrl-C ends it.", "C: 是程序说的，S: 是服务商说的，-- 是发生的事。按 Ctrl-C 结束。"}
	wordProxySession    = text{"Session %d, %s, from %s", "会话 %d，%s，来自 %s"}
	wordProxyOver       = text{"The proxy is over. Sessions: %d", "代理已结束。会话数：%d"}
)

// proxyWords is what "parley proxy --help" says of its flags.
var proxyWords = []flagGroup{
	{text{"The provider", "服务商"}, []flagWord{
		{"to", "SERVER", text{"the provider: a name from parley config, smtps://[user@]host[:465], smtp://[user@]host[:587] (STARTTLS), with ?tls=none for plain text; if left out, SMTP_URL", "服务商：parley config 中的名字，或 smtps://[user@]host[:465]、smtp://[user@]host[:587]（STARTTLS），?tls=none 为明文；省略时用 SMTP_URL"}},
		{"password-file", "FILE", text{"the password of the user in --to is the first line of FILE, - is standard input; if left out, PARLEY_PASSWORD", "--to 中用户的密码取自 FILE 的第一行，- 为标准输入；省略时用 PARLEY_PASSWORD"}},
		{"password-command", "COMMAND", text{"the password is the first line that COMMAND prints", "密码取自 COMMAND 输出的第一行"}},
		{"no-login", "", text{"do not log in, though --to has a user: the program does", "即使 --to 中有用户也不代为登录，由程序自己登录"}},
		{"timeout", "DURATION", text{"end a session in which neither side says anything for so long; zero: 11m", "双方沉默超过此时间则结束会话；零为 11m"}},
	}},
	{text{"The program", "程序"}, []flagWord{
		{"listen", "ADDRESS", text{"where programs connect; without a host this machine alone can: :2525", "程序连接的地址；不写主机则仅限本机：:2525"}},
		{"implicit", "", text{"speak TLS with the program from the first octet (SSL/TLS)", "与程序从第一个字节起讲 TLS（SSL/TLS）"}},
		{"starttls", "", text{"offer STARTTLS to the program, whatever the provider does", "向程序提供 STARTTLS，不论服务商如何"}},
		{"cert", "FILE", text{"certificate for the program (PEM); without it one is made", "对程序使用的证书（PEM）；省略则自制"}},
		{"key", "FILE", text{"its key (PEM)", "证书的私钥（PEM）"}},
		{"save-cert", "FILE", text{"write the certificate that was made to FILE, for the program to trust", "把自制的证书写入 FILE，供程序信任"}},
		{"accept-login", "", text{"where Parley logs in, offer the program a login too, and accept any password", "代为登录时也向程序提供登录，任何密码都接受"}},
		{"without", "KEYWORD,...", text{"leave service extensions out of what the provider offers: PIPELINING,CHUNKING", "从服务商提供的扩展中去掉这些：PIPELINING,CHUNKING"}},
		{"blind", "", text{"where the program says STARTTLS, pass TLS through unseen", "程序要 STARTTLS 时原样放行 TLS，不看内容"}},
		{"allow-network", "", text{"let other machines connect though Parley logs in: whoever does can send in your name", "代为登录时仍允许其他机器连接：任何人都能以您的名义发信"}},
		{"max-sessions", "N", text{"sessions at once; zero: 100", "同时的会话数；零为 100"}},
	}},
	{text{"What is shown", "显示"}, []flagWord{
		{"transcript", "FOLDER", text{"keep each session in a file of its own in FOLDER", "把每个会话存为 FOLDER 中的一个文件"}},
		{"json", "", text{"print events, an object a line; those with a finding say what goes wrong", "每行打印一个 JSON 事件；带 finding 的说明出了什么问题"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}},
}
