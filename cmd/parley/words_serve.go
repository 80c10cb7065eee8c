package main

// What "parley serve" says.
var (
	wordServeShort = text{"take mail from programs, keep it until a server has taken it, and try again until then", "接收程序交来的邮件，保存到服务器收下为止，未成功则重试"}
	wordServeLong  = text{
		`Take mail from programs, keep it until a server has taken it, and try again until then.

A program hands its mail over at once, and goes on: whether the provider is slow, limits what may be sent, or is away for an hour is no matter of its own any more. What is answered 250 is on disk, and is delivered, or its sender learns why not.

  parley serve --to smtps://59419979@qq.com@smtp.qq.com --database sqlite:outbox.db --password-file code.txt
      takes mail from programs of this machine at 127.0.0.1:2525, and sends it by one account
  parley serve --to work --database sqlite:outbox.db --http 127.0.0.1:8026
      sends it by the server that is called work (see parley init), and takes mail by HTTP too
  parley serve --config serve.toml
      many servers and rules, users and their limits, TLS, DKIM, bounces and webhooks: docs/serve.md
  parley serve --config serve.toml --check-config
      looks the file through, with all that it names, and ends
  parley serve user shop --sender '*@shop.example'
      prints a user for the file, with the hash of a password that is asked for

It is never open to anybody: without users it listens for this machine alone, and what other machines reach wants TLS and a login.

A mail may say of itself X-Parley-Class (alert, normal, bulk), X-Parley-Topic, X-Parley-Key (put twice, sent once) and X-Parley-Not-Before; these fields do not go out.

SIGHUP has the file read anew, without dropping a session or a mail. SIGTERM and Ctrl-C end it: what was begun is finished, and the rest waits in the database. By HTTP programs hand mail over too, and the queue is looked at and moved; /healthz, /readyz and /metrics are there.

Exit code: 0 once it was told to end, 64 if it cannot start, or if --check-config found something.`,
		`接收程序交来的邮件，保存到服务器收下为止，未成功则重试。

程序交出邮件后即可继续：服务商变慢、限制发送量或中断一小时，都不再是程序自己的事。回复 250 时邮件已经写入磁盘，它要么送达，要么发件人会得知原因。

  parley serve --to smtps://59419979@qq.com@smtp.qq.com --database sqlite:outbox.db --password-file code.txt
      在 127.0.0.1:2525 接收本机程序的邮件，用一个账号发出
  parley serve --to work --database sqlite:outbox.db --http 127.0.0.1:8026
      用名为 work 的服务器发出（见 parley init），同时以 HTTP 接收邮件
  parley serve --config serve.toml
      多个服务器和规则、用户及其限额、TLS、DKIM、退信与 webhook：见 docs/serve.md
  parley serve --config serve.toml --check-config
      检查文件及其引用的一切，然后结束
  parley serve user shop --sender '*@shop.example'
      询问密码，打印可写入文件的用户及密码散列

它绝不会对所有人开放：没有设置用户时只供本机使用；其他机器能连到的地址必须有 TLS 和登录。

邮件可以自带 X-Parley-Class（alert、normal、bulk）、X-Parley-Topic、X-Parley-Key（交两次只发一次）和 X-Parley-Not-Before；这些字段不会发出去。

SIGHUP 重新读取文件，不断开会话，也不丢邮件。SIGTERM 和 Ctrl-C 结束：已开始的会做完，其余的留在数据库中。HTTP 同样可以交付邮件、查看和操作队列，并提供 /healthz、/readyz 和 /metrics。

退出码：按要求结束为 0；无法启动，或 --check-config 发现问题，为 64。`}

	wordServeTitle       = text{"Mail that programs hand over here is kept until a server has taken it.", "程序交到这里的邮件会一直保存，直到有服务器收下。"}
	wordServeSMTP        = text{"SMTP", "SMTP"}
	wordServeHTTP        = text{"HTTP", "HTTP"}
	wordServeKept        = text{"kept in", "保存在"}
	wordServeRunning     = text{"Ctrl-C ends it; what is not sent by then waits for the next start.", "按 Ctrl-C 结束；届时未发出的邮件等下次启动再发。"}
	wordServeStopped     = text{"Ended; recipients that wait in the database: %d", "已结束；数据库中还有 %d 个收件人等待发送"}
	wordServeReloaded    = text{"The configuration was read anew.", "已重新读取配置。"}
	wordServeNotReloaded = text{"the configuration is not taken, and all stays as it was", "配置未采用，一切保持原样"}
	wordServeGood        = text{"%s is good: listeners %d, users %d, servers %d", "%s 没有问题：监听地址 %d 个，用户 %d 个，服务器 %d 个"}

	wordServeTwice      = text{"%s: the file of --config says that", "%s：这由 --config 的文件决定"}
	wordServeCheckWhat  = text{"--check-config wants --config FILE", "--check-config 需要 --config FILE"}
	wordServeNowhere    = text{"say where mail goes, by --to SERVER, or by --config FILE", "请用 --to SERVER 或 --config FILE 指明邮件发往哪里"}
	wordServeOTLP       = text{"OTEL_EXPORTER_OTLP_ENDPOINT: %s is no URL such as http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_ENDPOINT：%s 不是 http://127.0.0.1:4318 这样的 URL"}
	wordServeNoDatabase = text{"say where mail is kept: --database sqlite:outbox.db, or postgres://user@host/name", "请指明邮件保存在哪里：--database sqlite:outbox.db 或 postgres://user@host/name"}

	wordServeNoFolder = text{"the database %s: there is no folder %s: make it, or name another", "数据库 %s：没有目录 %s，请创建该目录或改用其他位置"}

	wordServeDoubt     = text{"the server %s cannot be had now: %s", "服务器 %s 目前无法使用：%s"}
	wordServeDoubtKept = text{"Mail is taken all the same, and waits for it.", "邮件照常接收，等它恢复后再发送。"}

	wordDatabaseAway      = text{"the database %s cannot be had: %s", "数据库 %s 无法使用：%s"}
	wordDatabaseDown      = text{"Nothing answers there as PostgreSQL does: it does not run, or listens elsewhere, or something between shuts the way.", "那里没有 PostgreSQL 应答：它没有运行、监听在别处，或被中间设备拦住了。"}
	wordDatabaseDownFix   = text{"Start it, or correct the host and port; then start this again.", "启动数据库，或改正主机和端口，然后重新启动本程序。"}
	wordDatabaseHost      = text{"There is no host of that name.", "没有这个名字的主机。"}
	wordDatabaseHostFix   = text{"Correct the name, or the machine's DNS.", "改正主机名，或检查本机的 DNS。"}
	wordDatabaseLogin     = text{"PostgreSQL does not let this user in: the name or the password is wrong, or pg_hba.conf does not allow it from here.", "PostgreSQL 拒绝该用户登录：用户名或密码不对，或 pg_hba.conf 不允许从这里登录。"}
	wordDatabaseLoginFix  = text{"Correct the user and password in the URL, or add a line to pg_hba.conf.", "改正 URL 中的用户名和密码，或在 pg_hba.conf 中加一行。"}
	wordDatabaseNone      = text{"There is no database of that name.", "没有这个名字的数据库。"}
	wordDatabaseNoneFix   = text{"Make it (createdb), or name another.", "先创建（createdb），或改用其他数据库。"}
	wordDatabaseBusy      = text{"PostgreSQL is starting or ending, or has no connection left.", "PostgreSQL 正在启动或关闭，或连接数已用完。"}
	wordDatabaseBusyFix   = text{"Try again in a moment; if it stays so, look at its log and at max_connections.", "稍后再试；如果一直如此，请查看其日志和 max_connections。"}
	wordDatabaseRights    = text{"The user may not make or use the tables.", "该用户无权创建或使用这些表。"}
	wordDatabaseRightsFix = text{"Make the user the owner of the database, or grant CREATE on its schema.", "让该用户成为数据库的所有者，或授予其 schema 的 CREATE 权限。"}

	wordServeUserShort = text{"print a user for the configuration file, with the hash of a password", "打印可写入配置文件的用户，附密码散列"}
	wordServeUserLong  = text{
		`Print a user for the configuration file, with the hash of a password.

The password is asked for, and not shown; where there is no terminal it is the first line of standard input. The hash is of SCRAM-SHA-256, so that a client can log in without telling the password to anybody.

  parley serve user shop --sender '*@shop.example' >> serve.toml`,
		`打印可写入配置文件的用户，附密码散列。

会询问密码，输入时不显示；没有终端时取标准输入的第一行。散列为 SCRAM-SHA-256，客户端登录时不必把密码告诉任何人。

  parley serve user shop --sender '*@shop.example' >> serve.toml`}
	wordServeUserAsk     = text{"Password for user %s:", "用户 %s 的密码："}
	wordServeUserAgain   = text{"The same again:", "再输入一次："}
	wordServeUserDiffer  = text{"the two are not the same", "两次输入不一致"}
	wordServeUserName    = text{"say the user's name", "请给出用户名"}
	wordServeUserSenders = text{"add who it may send as: senders = [\"*@example.net\"]", "请补上可以用哪些地址发信：senders = [\"*@example.net\"]"}
)

// serveWords is what "parley serve --help" says of its flags.
var serveWords = []flagGroup{
	{text{"All to one server", "全部交给一个服务器"}, []flagWord{
		{"to", "SERVER", text{"the server that mail is sent by: a name (parley init), a URL, a host, or a mail address", "发信用的服务器：名字（parley init）、URL、主机或邮件地址"}},
		{"smtp", "ADDRESS", text{"where programs connect; this machine alone can", "程序连接的地址；仅限本机"}},
		{"password-file", "FILE", text{"the password is the first line of FILE", "密码是 FILE 的第一行"}},
		{"password-command", "COMMAND", text{"the password is the first line that COMMAND prints", "密码是 COMMAND 输出的第一行"}},
	}},
	{text{"By a file", "用配置文件"}, []flagWord{
		{"config", "FILE", text{"listeners, users, servers, rules and all else: docs/serve.md", "监听地址、用户、服务器、规则等：docs/serve.md"}},
		{"check-config", "", text{"look FILE through, and end", "检查 FILE，然后结束"}},
	}},
	{text{"Both", "通用"}, []flagWord{
		{"database", "URL", text{"where mail is kept: sqlite:FILE, postgres://user@host/name", "邮件保存在哪里：sqlite:FILE、postgres://user@host/name"}},
		{"http", "ADDRESS", text{"where mail is handed over by HTTP, and where the queue, health and metrics are; if left out, nowhere", "以 HTTP 交付邮件、查看队列、健康状态和指标的地址；省略则没有"}},
		{"verbose", "", text{"print the conversations with programs on standard error", "把与程序的会话打印到标准错误"}},
		{"json", "", text{"print an object a line: where it listens, each mail, and what becomes of it", "每行打印一个 JSON 对象：监听地址、每封邮件及其结果"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}},
}

// serveUserWords is what "parley serve user --help" says of its flags.
var serveUserWords = []flagGroup{
	{wordFlags, []flagWord{
		{"sender", "PATTERN", text{"who the user may send as: an address, *@example.net, or *; may be repeated", "用户可以用哪些地址发信：地址、*@example.net 或 *；可重复"}},
		{"password-file", "FILE", text{"the password is the first line of FILE", "密码是 FILE 的第一行"}},
		{"json", "", text{"print an object", "打印一个 JSON 对象"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}},
}
