package main

var (
	wordAlertShort = text{"mail people when a service misbehaves, and when it is well again", "服务异常时发邮件告警，恢复后再通知"}
	wordAlertLong  = text{
		`Mail people when a service misbehaves, and when it is well again: from scripts, from Alertmanager, Grafana and others, and by looking itself.

  parley alert send --to ops@example.com --server work "The backup has failed"
  parley alert run --to ops@example.com --server work --max 1h -- backup.sh
  parley alert init --to ops@example.com --server work
  parley alert serve

Exit code: 0 well; 64 a mistake in the command or the file, 69 a mail came back, or it went wrong, 75 some mail could not leave yet. parley alert run ends as its command does.`,
		`服务异常时发邮件告警，恢复后再通知：来自脚本，来自 Alertmanager、Grafana 等，也可自行监测。

  parley alert send --to ops@example.com --server work "备份失败"
  parley alert run --to ops@example.com --server work --max 1h -- backup.sh
  parley alert init --to ops@example.com --server work
  parley alert serve

退出码：0 正常；64 命令或配置文件有误，69 邮件被退回或出错，75 有邮件暂时发不出去。parley alert run 的退出码与所运行的命令相同。`,
	}
	wordAlertInitShort   = text{"write an alert.toml to begin with", "生成一个初始的 alert.toml"}
	wordAlertSendShort   = text{"tell of an alert, from a script or a pipe", "发出一条告警，供脚本或管道使用"}
	wordAlertRunShort    = text{"run a command, and tell when it fails, takes too long or is silent; for cron", "运行命令，失败、超时或无输出时告警；适合 cron"}
	wordAlertServeShort  = text{"take webhooks, watch targets, and tell of alerts as time goes on", "接收 webhook，监测目标，持续告警"}
	wordAlertStatusShort = text{"show what fires, what is held and what could not be mailed", "显示正在告警、暂缓和未能寄出的内容"}
	wordAlertTestShort   = text{"mail a test to each receiver", "给每个接收组发一封测试邮件"}
	wordAlertForgetShort = text{"wait no more for signs of life of a job", "不再等待某个任务的心跳"}

	wordAlertNoFile     = text{"there is no %s: parley alert init writes one, --config names another, and --to tells who is told without one", "没有 %s：可用 parley alert init 生成，用 --config 指定，或用 --to 直接写明收件人"}
	wordAlertToldTwice  = text{"--to: %s says who is told", "--to：%s 已写明收件人"}
	wordAlertOpenToAll  = text{"%s: everybody on this machine can read it (%04o), and so forge alerts by its secrets: chmod 600, or secret_file, or secret_env", "%s：本机所有用户都能读取它（%04o），从而可用其中的密钥伪造告警：请 chmod 600，或用 secret_file、secret_env"}
	wordAlertNoDatabase = text{"%s does not say where all is kept: database = \"sqlite:alert.db\"", "%s 没有写明保存位置：database = \"sqlite:alert.db\""}
	wordAlertWantsKey   = text{"--resolve and --for want --key: what the alert is known again by", "--resolve 和 --for 需要 --key：用来识别是哪一条告警"}
	wordAlertBadLabel   = text{"--label: %q is not NAME=VALUE", "--label：%q 不是 NAME=VALUE"}
	wordAlertInitWants  = text{"--to is wanted: who is told", "需要 --to：收件人"}
	wordAlertWritten    = text{"%s is written. Next: parley alert test", "已写入 %s。下一步：parley alert test"}
	wordAlertSent       = text{"mails sent: %d", "已发送邮件：%d"}
	wordAlertLeft       = text{"mails left for another program to send: %d", "已留给其他程序发送的邮件：%d"}
	wordAlertUnmailed   = text{"a mail to %s could not be delivered, and is kept: %s", "发给 %s 的邮件未能送达，已保留：%s"}
	wordAlertNoReply    = text{"no server has taken it yet", "还没有服务器收下"}
	wordAlertWaits      = text{"%d of %s wait: %s", "%d 条（%s）等待中：%s"}
	wordAlertHeldSoon   = text{"told at %s, by parley alert serve or the next command", "将于 %s 由 parley alert serve 或下一次命令发出"}
	wordAlertHeldQuiet  = text{"quiet hours, until %s", "免打扰时段，至 %s"}
	wordAlertHeldRate   = text{"too many mails went out; the next summary is at %s", "发出的邮件过多；下一封汇总于 %s"}
	wordAlertHeldStall  = text{"no mail can leave; they are written into one at %s", "邮件发不出去；将于 %s 合并为一封"}
	wordAlertTestTitle  = text{"A test of Parley", "Parley 测试告警"}
	wordAlertTestText   = text{"Nothing is wrong. Alerts for %s arrive here.", "一切正常。发给 %s 的告警会到这里。"}
	wordAlertNoJob      = text{"there is no job %s that gives signs of life", "没有名为 %s 的心跳任务"}
	wordAlertForgotten  = text{"nobody waits for %s any more", "不再等待 %s"}
	wordAlertTooLong    = text{"%s runs for longer than %v", "%s 运行超过 %v"}
	wordAlertSilent     = text{"%s has said nothing for %v", "%s 已有 %v 没有输出"}
	wordAlertFailed     = text{"%s has failed with exit code %d", "%s 失败，退出码 %d"}
	wordAlertWell       = text{"%s: well", "%s：正常"}
	wordAlertIll        = text{"%s: failed %d times: %s", "%s：连续失败 %d 次：%s"}
	wordAlertNotKept    = text{"THE ALERT COULD NOT BE KEPT: %s", "告警未能保存：%s"}
	wordAlertOpen       = text{"--http %s: other machines can reach it, and secrets would come in clear text: give it a certificate ([tls]), or say behind_proxy = true where a proxy before it speaks TLS", "--http %s：其他机器可以访问，密钥会以明文传输：请配置证书（[tls]），或在前面有 TLS 代理时写 behind_proxy = true"}
	wordAlertTitle      = text{"Parley alert is at work.", "Parley alert 正在运行。"}
	wordAlertHook       = text{"webhook", "webhook"}
	wordAlertWatch      = text{"watches", "监测"}

	wordAlertFiring     = text{"Firing: %d", "正在告警：%d"}
	wordAlertNothing    = text{"Nothing.", "没有。"}
	wordAlertGroup      = text{"%s: %s", "%s：%s"}
	wordAlertMore       = text{"and %d more", "另有 %d 条"}
	wordAlertIsFiring   = text{"%s, since %s", "%s，始于 %s"}
	wordAlertIsResolved = text{"%s, resolved; it began at %s", "%s，已恢复；始于 %s"}
	wordAlertIsOnce     = text{"%s, at %s", "%s，时间 %s"}
	wordAlertWatches    = text{"Watched", "监测"}
	wordAlertBeats      = text{"%s: last sign of life at %s", "%s：最近一次心跳 %s"}
	wordAlertNoBeat     = text{"%s: NO SIGN OF LIFE since %s", "%s：自 %s 起没有心跳"}
	wordAlertAgain      = text{"it is sent by the next parley alert command, or by parley alert serve", "将由下一次 parley alert 命令或 parley alert serve 发出"}
	wordAlertQueue      = text{"each of them: parley queue list --database %s", "逐封查看：parley queue list --database %s"}
)

// What "parley alert ... --help" says of flags.
var (
	alertCommonWords = flagGroup{text{"All", "通用"}, []flagWord{
		{"config", "FILE", text{"the file: docs/alert.md; if left out alert.toml", "配置文件：docs/alert.md；省略为 alert.toml"}},
		{"json", "", text{"print objects for programs, a line each", "每行打印一个 JSON 对象，供程序使用"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}}
	alertDatabaseWords = flagGroup{text{"Where", "位置"}, []flagWord{
		{"database", "DATABASE", text{"where all is kept; if left out, as the file has it", "保存位置；省略时按配置文件"}},
	}}
	alertWithoutWords = flagGroup{text{"Without a file", "不用配置文件"}, []flagWord{
		{"to", "ADDRESS", text{"who is told; may be repeated", "收件人；可重复"}},
		{"from", "ADDRESS", text{"whom mails are from; if left out, the first of --to", "发件人；省略为第一个 --to"}},
		{"server", "SERVER", text{"who takes the mails: a name (parley init), a URL, a host; again for when that cannot be had", "发信服务器：名字（parley init）、URL 或主机；可重复给出备用的"}},
		{"database", "DATABASE", text{"where all is kept; if left out sqlite:alert.db", "保存位置；省略为 sqlite:alert.db"}},
		{"wait", "TIME", text{"how long to wait for a server to take the mail; 0: 20s. It is kept after that", "等待服务器收下邮件的时间；0 为 20 秒。之后仍会保留"}},
		{"verbose", "", text{"tell on standard error what goes on", "在标准错误上说明过程"}},
	}}
	alertInitWords = flagGroup{text{"The file", "配置文件"}, []flagWord{
		{"to", "ADDRESS", text{"who is told; may be repeated", "收件人；可重复"}},
		{"from", "ADDRESS", text{"whom mails are from; if left out, the first of --to", "发件人；省略为第一个 --to"}},
		{"server", "SERVER", text{"who takes the mails: a name (parley init), a URL, a host; again for when that cannot be had", "发信服务器：名字（parley init）、URL 或主机；可重复给出备用的"}},
	}}
	alertSendWords = flagGroup{text{"The alert", "告警"}, []flagWord{
		{"text", "TEXT", text{"more of it; - reads standard input, and keeps its end", "详细内容；- 表示读标准输入并保留末尾"}},
		{"severity", "WORD", text{"critical, warning, info, or another word", "critical、warning、info 或其他词"}},
		{"label", "NAME=VALUE", text{"what it is about; may be repeated", "标签；可重复"}},
		{"url", "URL", text{"where there is more to see", "更多信息的地址"}},
		{"key", "KEY", text{"it fires until --resolve with the same key; without it, it is told of once", "在用同一个 key 执行 --resolve 之前持续告警；省略则只通知一次"}},
		{"resolve", "", text{"it is well again", "已恢复"}},
		{"for", "TIME", text{"it is resolved by itself after that", "超过该时间自动恢复"}},
		{"receiver", "NAME", text{"who is told; if left out, the first of the file", "接收组；省略为配置文件中的第一个"}},
	}}
	alertRunWords = flagGroup{text{"The command", "命令"}, []flagWord{
		{"name", "NAME", text{"what it is called in mails; if left out, its program", "邮件中的名称；省略为程序名"}},
		{"max", "TIME", text{"tell when it runs for longer", "运行超过该时间时告警"}},
		{"kill", "", text{"and end it then", "并在此时结束它"}},
		{"silent", "TIME", text{"tell when it prints nothing for so long", "无输出超过该时间时告警"}},
		{"every", "TIME", text{"how often it runs: parley alert serve tells when it does not", "运行间隔：未按时运行时由 parley alert serve 告警"}},
		{"severity", "WORD", text{"if left out critical", "省略为 critical"}},
		{"receiver", "NAME", text{"who is told; if left out, the first of the file", "接收组；省略为配置文件中的第一个"}},
	}}
	alertServeWords = flagGroup{text{"Serving", "服务"}, []flagWord{
		{"http", "ADDRESS", text{"where webhooks are taken; if left out, as the file has it, or 127.0.0.1:8028", "接收 webhook 的地址；省略时按配置文件，或 127.0.0.1:8028"}},
		{"server", "SERVER", text{"in place of those of the file", "代替配置文件中的服务器"}},
		{"verbose", "", text{"tell on standard error what goes on", "在标准错误上说明过程"}},
	}}
	alertTestWords = flagGroup{text{"Whom", "对象"}, []flagWord{
		{"receiver", "NAME", text{"one of the file; if left out, all", "配置文件中的某一个；省略为全部"}},
	}}
)
