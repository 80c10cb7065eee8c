package main

import "github.com/parleymail/parley/outbox"

var (
	wordQueueShort = text{"look at the mail that waits, see why, and move it", "查看等待中的邮件、弄清原因并处理"}
	wordQueueLong  = text{
		`Look at the mail of a parley serve, or of any outbox, see why it waits, and move it.

It reads the database itself, with a parley serve at work on it or not, or asks a parley serve by HTTP.

  parley queue --config serve.toml
  parley queue why ID --config serve.toml
  parley queue retry --lane qq/59419979 --config serve.toml

Exit code: 0 well; 64 a mistake in the command, 65 there is no such mail, 69 it cannot be had, 75 it is being sent just now, 77 not allowed.`,
		`查看 parley serve 或任何发件箱中的邮件，弄清它为什么在等，并处理它。

可直接读数据库（parley serve 是否在运行都可以），也可通过 HTTP 询问 parley serve。

  parley queue --config serve.toml
  parley queue why ID --config serve.toml
  parley queue retry --lane qq/59419979 --config serve.toml

退出码：0 正常；64 命令有误，65 没有这封邮件，69 无法取得，75 正在发送，77 没有权限。`,
	}
	wordQueueListShort       = text{"list mail, that was put last first", "列出邮件，新的在前"}
	wordQueueShowShort       = text{"show a mail, its history and each conversation", "显示一封邮件、它的历史和每次会话"}
	wordQueueWhyShort        = text{"say why a mail is where it is, and what to do", "说明邮件为什么在这个状态，以及怎么办"}
	wordQueueLanesShort      = text{"show how many wait where, and what each lane's server bears", "显示各通道有多少邮件在等，以及服务器的承受情况"}
	wordQueueExportShort     = text{"write a mail as it was handed over", "按交来时的原样写出一封邮件"}
	wordQueueSuppressedShort = text{"list the addresses that nothing is sent to", "列出不再发送的地址"}
	wordQueueSuppressShort   = text{"send nothing to an address any more", "不再向某地址发送"}
	wordQueueUnsuppressShort = text{"send to an address again", "恢复向某地址发送"}
	wordQueueRetryShort      = text{"try mail now that waits, and once more what was given up", "立即重试等待中的邮件，已放弃的也再试一次"}
	wordQueueHoldShort       = text{"keep mail from being sent", "扣留邮件，暂不发送"}
	wordQueueReleaseShort    = text{"send what was held, or may have been taken", "放行被扣留的，或可能已被收下的邮件"}
	wordQueueCancelShort     = text{"give mail up; its sender is not told", "取消邮件，不通知发件人"}
	wordQueuePurgeShort      = text{"forget mail with all that is known of it", "彻底删除邮件及其全部记录"}

	wordQueueWhere      = text{"say where the mail is: --config serve.toml, --database sqlite:outbox.db, or --http http://127.0.0.1:8026", "请指明邮件在哪里：--config serve.toml、--database sqlite:outbox.db 或 --http http://127.0.0.1:8026"}
	wordQueueTwice      = text{"one of --config, --database and --http is enough", "--config、--database、--http 只需给出一个"}
	wordQueueLogin      = text{"--user and --password-file are for --http", "--user 和 --password-file 只用于 --http"}
	wordQueueURL        = text{"--http wants a URL such as https://relay.example.net:8026, without a user in it: --user says who", "--http 需要 https://relay.example.net:8026 这样的 URL，其中不写用户；用户由 --user 给出"}
	wordQueueAsk        = text{"Password of %s:", "%s 的密码："}
	wordQueueNone       = text{"there is no such mail, recipient or address, or not any more", "没有这封邮件、这个收件人或地址，或已被删除"}
	wordQueueBusy       = text{"it is being sent just now: try again in a moment", "正在发送，请稍后再试"}
	wordQueueGone       = text{"its content is no longer kept: it cannot be sent again", "内容已不再保存，无法再次发送"}
	wordQueueTime       = text{"--%s: %q is no time such as 2026-03-01, 2026-03-01 15:04, or 2h for two hours ago", "--%s：%q 不是 2026-03-01、2026-03-01 15:04 或 2h（两小时前）这样的时间"}
	wordQueueOneID      = text{"say which mail: one ID, as parley queue prints it", "请指明哪封邮件：一个 ID，即 parley queue 打印的编号"}
	wordQueueAddress    = text{"say which address", "请给出地址"}
	wordQueueBadID      = text{"%q is no ID as parley queue prints it, nor ID/N for one of its recipients", "%q 不是 parley queue 打印的 ID，也不是表示某个收件人的 ID/N"}
	wordQueueWhich      = text{"say which mails: by ID, or by flags such as --lane or --state; parley queue %s --help tells them", "请指明哪些邮件：用 ID，或用 --lane、--state 等参数；见 parley queue %s --help"}
	wordQueueEither     = text{"name mails by ID or by flags, not both", "请用 ID 或参数指明邮件，不要同时用"}
	wordQueuePurgeWhole = text{"a mail is forgotten with all its recipients: give its ID alone", "邮件只能连同所有收件人一起删除：请只给出 ID"}
	wordQueueYes        = text{"this may change many mails: add --yes", "这可能会改动许多邮件：请加上 --yes"}
	wordQueueSure       = text{"%s all mails that %s means? [yes/no]", "执行 %s：对象是 %s 所指的全部邮件？[yes/no]"}
	wordQueueNothing    = text{"nothing was done", "什么也没有做"}
	wordQueueLimit      = text{"--limit is at least 1", "--limit 至少为 1"}
	wordQueueEmpty      = text{"There is none.", "没有。"}
	wordQueueMore       = text{"These are the first %d; --limit shows more.", "这是前 %d 个；用 --limit 可显示更多。"}

	wordQueueItem        = text{"%s  %s  %s  %s", "%s  %s  %s  %s"}
	wordQueueFrom        = text{"from", "发件人"}
	wordQueueSender      = text{"bounces to", "退信地址"}
	wordQueueSubject     = text{"subject", "主题"}
	wordQueueSize        = text{"size", "大小"}
	wordQueueOctets      = text{"%s octets", "%s 字节"}
	wordQueuePut         = text{"put", "交来时间"}
	wordQueueExpires     = text{"tried until", "尝试到"}
	wordQueueClass       = text{"class", "类别"}
	wordQueueTopic       = text{"topic", "主题归类"}
	wordQueueOrigin      = text{"user", "用户"}
	wordQueueKey         = text{"key", "键"}
	wordQueueRecipients  = text{"Recipients", "收件人"}
	wordQueueHistory     = text{"History", "历史"}
	wordQueueAll         = text{"in all", "总计"}
	wordQueueWorkers     = text{"workers", "工作进程"}
	wordQueueNoLane      = text{"(no lane yet)", "（尚未分配通道）"}
	wordQueueLane        = text{"%s: %s wait, %s are being sent", "%s：%s 个等待，%s 个正在发送"}
	wordQueueTried       = text{"tried in the last minute %d, hour %d, day %d", "最近一分钟尝试 %d 个，一小时 %d 个，一天 %d 个"}
	wordQueueSuspended   = text{"suspended until %s: %s", "暂停到 %s：%s"}
	wordQueueSlowed      = text{"no more than %s a minute until %s: %s", "每分钟最多 %s 个，直到 %s：%s"}
	wordQueueSuppression = text{"%s  %s, %s", "%s  %s，%s"}
	wordQueueForGood     = text{"for good", "永久"}
	wordQueueChanged     = text{"Changed: %d", "已处理：%d"}
	wordQueueUnchanged   = text{"%s is %s: %s is for mail that is %s", "%s 的状态是%s：%s 只用于状态为%s的邮件"}
	wordQueueNoneFits    = text{"no mail was found that this can be done to: %s is for mail that is %s", "没有找到可以处理的邮件：%s 只用于状态为%s的邮件"}
	wordQueueChangedSome = text{"Changed: %d; left as they are, for they are being sent or their content is gone: %d", "已处理：%d；未处理（正在发送或内容已不在）：%d"}
)

// stateWords are states for people.
var stateWords = map[outbox.State]text{
	outbox.Queued: {"queued", "排队中"}, outbox.Deferred: {"deferred", "待重试"}, outbox.Sending: {"sending", "发送中"}, outbox.Held: {"held", "已扣留"}, outbox.Unknown: {"unknown", "结果未知"},
	outbox.Sent: {"sent", "已发送"}, outbox.Bounced: {"bounced", "已退回"}, outbox.Expired: {"expired", "已过期"}, outbox.Cancelled: {"cancelled", "已取消"},
}

// whatWords are events for people.
var whatWords = map[outbox.What]text{
	outbox.WasPut: {"handed over", "交来"}, outbox.WasDeferred: {"not taken for now", "暂未收下"}, outbox.WasSent: {"sent", "已发送"}, outbox.WasBounced: {"given up", "已放弃"},
	outbox.WasReturned: {"came back", "被退回"}, outbox.WasExpired: {"its time was over", "已过期"}, outbox.WasUnknown: {"may have been taken", "可能已被收下"}, outbox.WasHeld: {"held", "扣留"},
	outbox.WasReleased: {"released", "放行"}, outbox.WasRetried: {"to be tried now", "要求立即重试"}, outbox.WasCancelled: {"cancelled", "取消"}, outbox.WasDelivered: {"delivered, says its server", "服务器报告已送达"},
	outbox.WasDelayed: {"delayed, says its server", "服务器报告延迟"}, outbox.WasSuppressed: {"its address is on the suppression list", "地址在不发送名单上"}, outbox.WasMoved: {"to another lane", "改走其他通道"},
	outbox.WasAsked: {"asked for while it was being sent", "发送期间提出的要求"}, outbox.WasWarned: {"its sender was told of the delay", "已通知发件人延迟"},
}

// What "parley queue --help" says of its flags.
var (
	queueWhereWords = flagGroup{text{"Where", "位置"}, []flagWord{
		{"config", "FILE", text{"that of parley serve: its database", "parley serve 的配置文件：用其中的数据库"}},
		{"database", "sqlite:FILE|postgres://...", text{"the database itself", "直接给出数据库"}},
		{"http", "URL", text{"a parley serve that has --http", "开了 --http 的 parley serve"}},
		{"user", "NAME", text{"who asks by HTTP; one with operator = true sees all mail", "通过 HTTP 询问的用户；operator = true 的用户能看到全部邮件"}},
		{"password-file", "FILE", text{"the password is the first line of FILE; if left out, it is asked for", "密码是 FILE 的第一行；省略时会询问"}},
	}}
	queueFilterWords = flagGroup{text{"Which", "范围"}, []flagWord{
		{"state", "STATE,...", text{"queued, deferred, sending, held, unknown, sent, bounced, expired, cancelled", "queued、deferred、sending、held、unknown、sent、bounced、expired、cancelled"}},
		{"lane", "LANE", text{"as parley queue lanes names it", "parley queue lanes 显示的通道名"}},
		{"class", "CLASS", text{"alert, normal or bulk", "alert、normal 或 bulk"}},
		{"topic", "TOPIC", text{"what the mail belongs to", "邮件所属的主题归类"}},
		{"origin", "USER", text{"who handed it over", "由谁交来"}},
		{"from", "ADDRESS", text{"where its bounces go", "退信地址"}},
		{"to", "ADDRESS", text{"a recipient; @example.net for all of a domain", "收件人；@example.net 表示整个域"}},
		{"message-id", "ID", text{"that of its header", "邮件头中的 Message-ID"}},
		{"since", "TIME", text{"put then or later: 2026-03-01, 2026-03-01 15:04, or 2h ago as 2h", "此时或之后交来：2026-03-01、2026-03-01 15:04，或 2h 表示两小时前"}},
		{"until", "TIME", text{"put before", "此前交来"}},
	}}
	queueLimitWords = flagGroup{text{"How much", "数量"}, []flagWord{
		{"limit", "N", text{"how many recipients at most; if left out, 50", "最多显示多少个收件人；省略时为 50"}},
	}}
	queueActWords = flagGroup{text{"How", "方式"}, []flagWord{
		{"why", "TEXT", text{"kept in the history", "原因，记入历史"}},
		{"yes", "", text{"do not ask", "不再询问"}},
	}}
	queueSuppressWords = flagGroup{text{"How", "方式"}, []flagWord{{"why", "TEXT", text{"kept beside the address", "原因，与地址一起保存"}}}}
	queueExportWords   = flagGroup{text{"Where to", "输出"}, []flagWord{{"output", "FILE", text{"a new file; if left out, standard output", "写入新文件；省略时写到标准输出"}}}}
	queueOtherWords    = flagGroup{wordFlags, []flagWord{
		{"json", "", text{"print the JSON that the API has", "打印与 API 相同的 JSON"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}}
)
