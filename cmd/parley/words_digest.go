package main

import (
	"github.com/parleymail/parley/digest"
	"github.com/parleymail/parley/outbox"
)

var (
	wordDigestShort = text{"mail the articles of feeds to subscribers", "把订阅源的文章用邮件发给订阅者"}
	wordDigestLong  = text{
		`Mail the articles of RSS, Atom and JSON feeds to those who have subscribed: at once, every day or every week.

  parley digest init --name "Kim's notes" --from news@example.com --url https://news.example.com
  parley digest add https://example.com/feed.xml
  parley digest subscribe kim@example.net
  parley digest serve

Exit code: 0 well; 64 a mistake in the command or the file, 65 there is no such feed or subscriber, 69 it went wrong, 75 some mail is to be tried again.`,
		`把 RSS、Atom、JSON 订阅源的文章用邮件发给订阅者：立即、每天或每周。

  parley digest init --name "Kim 的笔记" --from news@example.com --url https://news.example.com
  parley digest add https://example.com/feed.xml
  parley digest subscribe kim@example.net
  parley digest serve

退出码：0 正常；64 命令或配置文件有误，65 没有这个订阅源或订阅者，69 出错，75 有邮件稍后重试。`,
	}
	wordDigestInitShort        = text{"write a digest.toml to begin with", "生成一个初始的 digest.toml"}
	wordDigestAddShort         = text{"look at a feed from now on", "添加订阅源"}
	wordDigestRemoveShort      = text{"look at a feed no more", "移除订阅源"}
	wordDigestSubscribeShort   = text{"mail somebody a link to say yes", "给某人发送确认订阅的链接"}
	wordDigestUnsubscribeShort = text{"send nothing more to somebody, not even what is waiting", "不再向某人发送，正在等待的也取消"}
	wordDigestForgetShort      = text{"take somebody out of the list with all that is known of them", "从名单中彻底删除某人及其全部记录"}
	wordDigestImportShort      = text{"take subscribers from a CSV file, or feeds from an OPML file", "从 CSV 导入订阅者，或从 OPML 导入订阅源"}
	wordDigestExportShort      = text{"write the subscribers as CSV, or the feeds as OPML", "把订阅者导出为 CSV，或把订阅源导出为 OPML"}
	wordDigestTryShort         = text{"mail the newest articles to one address, to be looked at; nobody else gets anything", "把最新文章发给一个地址以供查看；其他人什么也不会收到"}
	wordDigestRunShort         = text{"do what is due, send it, and end: for cron", "处理到期的事、发送，然后结束：适合 cron"}
	wordDigestServeShort       = text{"do what is due as time goes on, and serve the pages to subscribe and leave by", "持续处理到期的事，并提供订阅和退订页面"}
	wordDigestStatusShort      = text{"show feeds, subscribers, and what became of their mail", "显示订阅源、订阅者和邮件的情况"}

	wordDigestWhat         = text{"say which: --help has an example", "请指明对象：--help 中有示例"}
	wordDigestNoFile       = text{"there is no %s: parley digest init writes one, and --config names another", "没有 %s：可用 parley digest init 生成，或用 --config 指定"}
	wordDigestFileThere    = text{"--output: %s is there already, and is not written over: name another, or take it away", "--output：%s 已存在，不会覆盖：请换一个名字，或先移走它"}
	wordDigestThere        = text{"%s is there already", "%s 已经存在"}
	wordDigestNoDatabase   = text{"%s does not say where all is kept: database = \"sqlite:digest.db\"", "%s 没有写明保存位置：database = \"sqlite:digest.db\""}
	wordDigestInitWants    = text{"--name, --from and --url are wanted", "需要 --name、--from 和 --url"}
	wordDigestWritten      = text{"%s is written. Next: parley digest subscribe ADDRESS, and parley digest add URL: who subscribes gets what comes after", "已写入 %s。下一步：parley digest subscribe ADDRESS，再 parley digest add URL：订阅者收到此后的文章"}
	wordDigestNoFeed       = text{"there is no such feed: parley digest status names them", "没有这个订阅源：parley digest status 会列出"}
	wordDigestNoSubscriber = text{"there is no such subscriber", "没有这个订阅者"}
	wordDigestStayedOut    = text{"%s: %s; whoever has gone subscribes again by themselves, on the page", "%s：%s；已离开的人只能自己在页面上重新订阅"}
	wordDigestAdded        = text{"feed %d: %s", "订阅源 %d：%s"}
	wordDigestAddedBad     = text{"feed %d: %s: %s; it is kept, and looked at again: parley digest remove %d takes it out", "订阅源 %d：%s：%s；已保留，之后会再次查看：parley digest remove %d 可移除"}
	wordDigestAddedGood    = text{"feed %d: %s, %d articles to send", "订阅源 %d：%s，%d 篇待发送"}
	wordDigestToNobody     = text{"Nobody is subscribed yet: what is there now goes to nobody, and who subscribes gets what comes after", "还没有人订阅：现有文章不会发给任何人，订阅者收到此后的文章"}
	wordDigestRemoved      = text{"%s is no longer looked at", "不再查看 %s"}
	wordDigestAsked        = text{"%s will be mailed a link to say yes", "将向 %s 发送确认链接"}
	wordDigestSubscribed   = text{"%s is subscribed, from the next article on", "%s 已订阅，从下一篇文章开始"}
	wordDigestLeft         = text{"nothing more goes to %s", "不再向 %s 发送"}
	wordDigestForgotten    = text{"%s is forgotten", "%s 已删除"}
	wordDigestBadFlag      = text{"--%s: %s", "--%s：%s"}
	wordDigestEvery        = text{"--every: %q is no time such as 30m or 6h, 5m at least", "--every：%q 不是 30m 或 6h 这样的时间，至少 5m"}
	wordDigestExportWhich  = text{"say which: subscribers or feeds", "请指明：subscribers 或 feeds"}
	wordDigestImported     = text{"subscribed: %d; mailed a link to say yes: %d; there already: %d; stay out, for they have left or their mail came back: %d; rows with a mistake: %d", "已订阅：%d；已发送确认链接：%d；原已订阅：%d；保持退出（已退订或退信）：%d；有误的行：%d"}
	wordDigestBadRow       = text{"line %d: %s", "第 %d 行：%s"}
	wordDigestImportFeeds  = text{"feeds: %d; there already: %d; passed over: %d", "订阅源：%d；原已存在：%d；跳过：%d"}

	wordDigestNoArticles = text{"there is no article yet: parley digest add URL, and it looks at the feed", "还没有文章：parley digest add URL 会添加并查看订阅源"}
	wordDigestTried      = text{"to %s, articles: %d: %s", "发给 %s，文章：%d：%s"}
	wordDigestBecame     = text{"%s: %s", "%s：%s"}
	wordDigestTriedOther = text{"it waits for the program that sends, over the same database", "等待使用同一数据库的发送程序"}
	wordDigestRound      = text{"feeds looked at: %d, failed: %d; articles to send: %d, kept back: %d; mails written: %d", "查看订阅源：%d，失败：%d；待发送文章：%d，暂扣：%d；写好邮件：%d"}
	wordDigestSent       = text{"sent: %d; to be tried again: %d; given up: %d; may have been taken: %d", "已发送：%d；待重试：%d；已放弃：%d；可能已被收下：%d"}
	wordDigestUnsent     = text{"a mail to %s is kept, and tried again: %s", "发给 %s 的邮件已保留，将会重试：%s"}
	wordDigestWaits      = text{"a mail to %s %s", "发给 %s 的邮件%s"}
	wordDigestUnknown    = text{"of %d mails nobody knows whether they were taken, and they are not sent again by themselves: parley queue list --state unknown --database %s", "有 %d 封邮件不知对方是否已收下，不会自动重发：parley queue list --state unknown --database %s"}
	wordDigestTitle      = text{"Parley digest is at work.", "Parley digest 正在运行。"}
	wordDigestPages      = text{"pages", "页面"}
	wordDigestReached    = text{"reached as", "对外地址"}
	wordDigestKept       = text{"kept in", "保存于"}
	wordDigestSends      = text{"sent by", "发送者"}
	wordDigestOther      = text{"another program over the same database", "使用同一数据库的其他程序"}
	wordDigestNoClick    = text{"mails cannot be left with one click, since url is not https", "url 不是 https，邮件无法一键退订"}
	wordDigestRunning    = text{"Ctrl-C ends it.", "按 Ctrl-C 结束。"}
	wordDigestStopped    = text{"Ended. Mails that wait: %d", "已结束。等待中的邮件：%d"}
	wordDigestOpen       = text{"--http %s: other machines can reach it, and addresses would come in clear text: give it a certificate ([tls]), or say behind_proxy = true where a proxy before it speaks TLS", "--http %s：其他机器可以访问，地址会以明文传输：请配置证书（[tls]），或在前面有 TLS 代理时写 behind_proxy = true"}

	wordDigestFeeds    = text{"Feeds", "订阅源"}
	wordDigestNoFeeds  = text{"There is none: parley digest add URL", "没有订阅源：parley digest add URL"}
	wordDigestPeople   = text{"Subscribers", "订阅者"}
	wordDigestMails    = text{"Mails of the last weeks", "近几周的邮件"}
	wordDigestNext     = text{"next look: %s", "下次查看：%s"}
	wordDigestRemains  = text{"%s; %s", "%s；%s"}
	wordDigestNever    = text{"not looked at yet", "尚未查看"}
	wordDigestGone     = text{"gone: its server says that it is no more", "已停止：服务器说它已不存在"}
	wordDigestFailing  = text{"failed %d times: %s", "失败 %d 次：%s"}
	wordDigestHeld     = text{"kept back: %d", "暂扣：%d"}
	wordDigestMoved    = text{"it has moved to %s", "已迁移到 %s"}
	wordDigestPending  = text{"requests that wait to be answered: %d", "等待答复的请求：%d"}
	wordDigestNextMail = text{"next mails: %s", "下一批邮件：%s"}
	wordDigestNobody   = text{"nobody yet", "还没有人"}
	wordDigestCount    = text{"%s %d", "%s %d"}
	wordListComma      = text{", ", "，"}
)

var digestStateWords = map[digest.State]text{
	digest.Asked: {"asked, and has not said yes", "待确认"}, digest.Subscribed: {"subscribed", "已订阅"}, digest.Unsubscribed: {"unsubscribed", "已退订"},
	digest.Bounced: {"mail comes back", "退信"}, digest.Complained: {"has complained", "已投诉"},
}

var digestFrequencyWords = map[digest.Frequency]text{digest.AtOnce: {"at once", "立即"}, digest.EveryDay: {"every day", "每天"}, digest.EveryWeek: {"every week", "每周"}}

// digestMailStates are those that status tells of, in their order.
var digestMailStates = []outbox.State{outbox.Queued, outbox.Deferred, outbox.Sending, outbox.Held, outbox.Unknown, outbox.Sent, outbox.Bounced, outbox.Expired, outbox.Cancelled}

// What "parley digest ... --help" says of flags.
var (
	digestCommonWords = flagGroup{text{"All", "通用"}, []flagWord{
		{"config", "FILE", text{"the file of the digest: docs/digest.md", "digest 的配置文件：docs/digest.md"}},
		{"json", "", text{"print objects for programs, a line each", "每行打印一个 JSON 对象，供程序使用"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}}
	digestInitWords = flagGroup{text{"The list", "列表"}, []flagWord{
		{"name", "NAME", text{"what readers know it by", "读者看到的名称"}},
		{"from", "ADDRESS", text{"whom its mails are from", "发件人"}},
		{"url", "URL", text{"where readers reach the pages of parley digest serve", "读者访问 parley digest serve 页面的地址"}},
		{"server", "SERVER", text{"who takes the mails: a name (parley init), a URL, a host; again for when that cannot be had", "发信服务器：名字（parley init）、URL 或主机；可重复给出备用的"}},
	}}
	digestFeedWords = flagGroup{text{"The feed", "订阅源"}, []flagWord{
		{"name", "NAME", text{"what readers know it by; if left out, its own title", "读者看到的名称；省略时用它自己的标题"}},
		{"every", "TIME", text{"how often it is looked at: 30m, 6h", "查看间隔：30m、6h"}},
		{"images", "WAY", text{"reference, embed or none", "reference（引用）、embed（内嵌）或 none（不要）"}},
	}}
	digestSubscribeWords = flagGroup{text{"The subscriber", "订阅者"}, []flagWord{
		{"confirmed", "", text{"they have said yes elsewhere, which you can prove: no link is mailed", "对方已在别处同意且可证明：不再发送确认链接"}},
		{"frequency", "WHEN", text{"daily, weekly or 'at once'", "daily（每天）、weekly（每周）或 at once（立即）"}},
		{"feeds", "N,...", text{"numbers of feeds; if left out, all", "订阅源编号；省略为全部"}},
		{"language", "en|zh", text{"of their mails", "对方邮件的语言"}},
	}}
	digestTryWords = flagGroup{text{"The mail", "邮件"}, []flagWord{
		{"language", "en|zh", text{"of its words; if left out, that of the file", "邮件用语；省略时按配置文件"}},
	}}
	digestUnsubscribeWords = flagGroup{text{"Why", "原因"}, []flagWord{
		{"why", "WORDS", text{"to be noted", "记录下来的原因"}},
		{"complaint", "", text{"they have called it junk: they are not even mailed a link again", "对方投诉为垃圾邮件：连确认链接也不再发送"}},
	}}
	digestImportWords = flagGroup{text{"Subscribers", "订阅者"}, []flagWord{
		{"confirmed", "", text{"all of them have said yes elsewhere, which you can prove: no links are mailed", "名单中的人都已在别处同意且可证明：不发送确认链接"}},
	}}
	digestExportWords = flagGroup{text{"Where", "位置"}, []flagWord{
		{"output", "FILE", text{"a new file; if left out, standard output", "新文件；省略为标准输出"}},
	}}
	digestNowWords = flagGroup{text{"Looking", "查看"}, []flagWord{
		{"now", "", text{"look at all feeds, also those that are not due", "查看所有订阅源，包括未到期的"}},
	}}
	digestRunWords = flagGroup{text{"Sending", "发送"}, []flagWord{
		{"server", "SERVER", text{"in place of those of the file", "代替配置文件中的服务器"}},
		{"verbose", "", text{"tell on standard error what goes on", "在标准错误上说明过程"}},
	}}
	digestServeWords = flagGroup{text{"Pages", "页面"}, []flagWord{
		{"http", "ADDRESS", text{"where they are served; if left out, as the file has it, or 127.0.0.1:8027", "提供页面的地址；省略时按配置文件，或 127.0.0.1:8027"}},
	}}
)
