package main

import "github.com/parleymail/parley/statement"

var (
	wordStatementShort = text{"send each row of a table a mail of its own, with its own file", "按表格每行发送一封邮件，各带各的附件"}
	wordStatementLong  = text{
		`Send each row of a table a mail of its own, with its own file, and no row twice: whatever dies when, "resume" goes on where it was.

  parley statement prepare --table customers.csv --template march/ --key account --from "Bank <bank@example.com>" --attach "{{.account}}.pdf"
  parley statement preview
  parley statement send --test-to me@example.com
  parley statement send
  parley statement failures -o failures.csv

Exit code: 0 well; 64 a mistake in the command, 65 there are rows with mistakes, 69 some mails failed, 75 some are to be tried again, or it is paused.`,
		`按表格每行发送一封邮件，各带各的附件，绝不重复：无论何时中断，resume 都会接着发。

  parley statement prepare --table customers.csv --template march/ --key account --from "银行 <bank@example.com>" --attach "{{.account}}.pdf"
  parley statement preview
  parley statement send --test-to me@example.com
  parley statement send
  parley statement failures -o failures.csv

退出码：0 正常；64 命令有误，65 有错误的行，69 有邮件失败，75 有邮件稍后重试，或已暂停。`,
	}
	wordStatementPrepareShort  = text{"look through all rows before the first mail, and say what is wrong", "发送前检查所有行，指出错误"}
	wordStatementPreviewShort  = text{"show some mails in the browser, as a phone and a desktop do", "在浏览器中预览若干邮件的手机版和桌面版"}
	wordStatementSendShort     = text{"send what was prepared", "发送检查过的邮件"}
	wordStatementResumeShort   = text{"go on with what was begun, or paused", "继续已开始或已暂停的发送"}
	wordStatementPauseShort    = text{"keep what is not yet sent where it is", "暂停发送，未发的留在原处"}
	wordStatementStatusShort   = text{"count what became of the rows", "统计各行的发送情况"}
	wordStatementFailuresShort = text{"write a table of rows that did not arrive: why, and what to do", "导出未送达的行：原因和处理办法"}

	wordStatementWants         = text{"--%s is wanted: --help has an example", "需要 --%s：--help 中有示例"}
	wordStatementNoState       = text{"there is no %s: parley statement prepare makes it, and --state names another", "没有 %s：用 parley statement prepare 生成，或用 --state 指定"}
	wordStatementNotPrepared   = text{"no table was looked through to its end: parley statement prepare", "还没有完整检查过表格：请先运行 parley statement prepare"}
	wordStatementBadRows       = text{"there are rows with mistakes: mend them and prepare again, or send the others with --skip-bad", "有错误的行：请改正后重新检查，或用 --skip-bad 只发送其余的行"}
	wordStatementColumns       = text{"the table has no column %s; it has %s", "表格没有列 %s；现有的列：%s"}
	wordStatementPaused        = text{"It is paused: parley statement resume goes on.", "已暂停：用 parley statement resume 继续。"}
	wordStatementStopped       = text{"stopped; parley statement resume goes on", "已停止；用 parley statement resume 继续"}
	wordStatementServerOrRelay = text{"give --server or --relay", "--server 和 --relay 只能给一种"}
	wordStatementSample        = text{"--sample: how many rows, 1 at least", "--sample：行数，至少为 1"}
	wordStatementNegative      = text{"a number must not be below zero", "数字不能小于零"}
	wordStatementAt            = text{"--at: %q is no time such as 18:30 or 2026-03-31 18:30", "--at：%q 不是 18:30 或 2026-03-31 18:30 这样的时间"}
	wordStatementProblems      = text{"What is wrong", "有误之处"}
	wordStatementLine          = text{"line %d", "第 %d 行"}
	wordStatementMore          = text{"and %d more: --json prints all", "还有 %d 处：--json 打印全部"}
	wordStatementReport        = text{"rows: %d; ready: %d; with mistakes: %d; sent before: %d, failed: %d, changed since: %d; no longer in the table: %d", "行数：%d；可发送：%d；有误：%d；已发送过：%d，失败：%d，此后有变化：%d；已不在表中：%d"}
	wordStatementOctets        = text{"all in all %.1f MB", "总大小 %.1f MB"}
	wordStatementNext          = text{"Nothing was sent yet. Next: parley statement preview --state %s, then send", "尚未发送任何邮件。下一步：parley statement preview --state %s，然后 send"}
	wordStatementNextReady     = text{"Next: parley statement send --state %s sends those that are ready", "下一步：用 parley statement send --state %s 发送可发送的行"}
	wordStatementNextFailed    = text{"Those that failed: parley statement failures --state %s -o failures.csv, then send --only failures.csv", "失败的行：先 parley statement failures --state %s -o failures.csv，再 send --only failures.csv"}
	wordStatementNoPDFs        = text{"PDFs are made as the mails are sent: how large all is, nobody knows before", "PDF 在发送时生成，总大小事先无法得知"}
	wordStatementNoPause       = text{"Nothing is on its way: there is nothing to pause.", "没有正在发送的邮件：无需暂停。"}
	wordStatementTested        = text{"sent to %s as a test: nothing is noted, and each row that is ready is so still", "已测试发送给 %s：不作记录，待发送的行仍待发送"}
	wordStatementWentBad       = text{"Rows with mistakes were not sent: parley statement failures --state %s has them; mend them, prepare again, and send again.", "有误的行没有发送：用 parley statement failures --state %s 查看；改正后重新检查（prepare）并再次发送。"}
	wordStatementStart         = text{"Nothing goes out before %s; parley statement send without --at does not wait.", "%s 之前不会发送；不带 --at 的 parley statement send 会立即发送。"}
	wordStatementBegins        = text{"waits until %s", "等到 %s"}
	wordStatementNothing       = text{"Nothing was left to send.", "没有要发送的了。"}
	wordStatementLater         = text{"Not all has been sent: parley statement resume --state %s goes on.", "尚未全部发完：用 parley statement resume --state %s 继续。"}
	wordStatementSeeFailures   = text{"Some mails failed: parley statement failures --state %s says why.", "有邮件失败：用 parley statement failures --state %s 查看原因。"}
	wordStatementChanged       = text{"rows that have changed since they were sent, or failed: %d; send --changed sends them again", "发送或失败后有变化的行：%d；用 send --changed 重新发送"}
	wordStatementWritten       = text{"rows: %d; written to %s", "行数：%d；已写入 %s"}
	wordStatementLooking       = text{"looking at rows", "正在检查各行"}
	wordStatementLeft          = text{"%s left", "剩余 %s"}
	wordStatementFailed        = text{"%d failed", "失败 %d"}
	wordStatementSuspended     = text{"%s waits until %s", "%s 暂停到 %s"}
	wordStatementPreviewing    = text{"The preview is at %s, for this machine alone. Ctrl-C ends it.", "预览地址：%s，仅限本机访问。按 Ctrl-C 结束。"}
)

var statementStateWords = map[statement.State]text{
	statement.Ready: {"ready", "待发送"}, statement.Bad: {"with mistakes", "有误"}, statement.Waiting: {"waiting", "排队中"}, statement.Deferred: {"tried again", "待重试"},
	statement.Sent: {"sent", "已发送"}, statement.Failed: {"failed", "失败"}, statement.Unknown: {"unknown", "结果未知"}, statement.Held: {"held", "暂停中"},
	statement.Gone: {"gone", "已不在表中"}, statement.Ended: {"ended by hand", "人工了结"},
}

// What "parley statement ... --help" says of flags.
var (
	statementCommonWords = flagGroup{text{"All", "通用"}, []flagWord{
		{"state", "FILE", text{"what is known of this mailing, and its outbox: a file, or postgres://...; if left out, statement.db. A new month wants a new one", "本次发送的状态和发件箱：文件，或 postgres://...；省略为 statement.db。每次新的发送用新的文件"}},
		{"json", "", text{"print objects for programs, a line each", "每行打印一个 JSON 对象，供程序使用"}},
		{"verbose", "", text{"tell on standard error what goes on", "在标准错误上说明过程"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}}
	statementTableWords = flagGroup{text{"The table", "表格"}, []flagWord{
		{"table", "TABLE", text{"a file: .csv, .tsv, .xlsx, .jsonl; or a database: sqlite:FILE, postgres://..., mysql://...", "文件：.csv、.tsv、.xlsx、.jsonl；或数据库：sqlite:FILE、postgres://...、mysql://..."}},
		{"query", "SQL", text{"what a database is asked; it can write nothing", "数据库查询语句；只读"}},
		{"sheet", "NAME", text{"of a workbook; if left out, its first", "工作表名；省略为第一个"}},
		{"encoding", "NAME", text{"utf-8, utf-16 or gb18030; if left out, found out", "utf-8、utf-16 或 gb18030；省略时自动识别"}},
		{"delimiter", "CHARACTER", text{"between cells; if left out, found out", "分隔符；省略时自动识别"}},
		{"key", "COLUMN", text{"by which rows are told apart: a customer's number", "用来区分各行的列，例如客户编号"}},
		{"to", "COLUMN", text{"of addresses; if left out, email", "邮箱地址所在的列；省略为 email"}},
		{"to-name", "COLUMN", text{"of names beside them", "收件人姓名所在的列"}},
		{"doubles", "", text{"several rows may have one address", "允许多行使用同一地址"}},
	}}
	statementMailWords = flagGroup{text{"The mail", "邮件"}, []flagWord{
		{"template", "FOLDER", text{"with subject.txt, text.txt, body.html or body.md, and more: docs/statement.md", "模板文件夹，含 subject.txt、text.txt、body.html 或 body.md 等：docs/statement.md"}},
		{"locale", "LOCALE", text{"how numbers, money and dates are written: zh-CN; if left out, en", "数字、金额和日期的写法：zh-CN；省略为 en"}},
		{"locale-column", "COLUMN", text{"of locales, where rows have their own", "各行自己的区域设置所在的列"}},
		{"from", "ADDRESS", text{"whom the mails are from", "发件人"}},
		{"reply-to", "ADDRESS", text{"where answers go", "回复地址"}},
		{"name", "NAME", text{"of the mailing, in parley queue; if left out, that of the state's file", "本次发送的名称，用于 parley queue；省略为状态文件名"}},
		{"max-size", "OCTETS", text{"of a mail; if left out, 20 MiB", "单封邮件大小上限；省略为 20 MiB"}},
	}}
	statementFileWords = flagGroup{text{"Files", "附件"}, []flagWord{
		{"files", "FOLDER", text{"that they are in; nothing outside of it is read", "附件所在的文件夹；不会读取其外的任何文件"}},
		{"attach", "PATTERN", text{"a file for each row: {{.account}}.pdf; again for more", "每行的附件：{{.account}}.pdf；可重复"}},
		{"file-name", "PATTERN", text{"what the first one is called in the mail", "第一个附件在邮件中的名称"}},
		{"pdf", "PATTERN", text{"what the PDF of pdf.html is called", "由 pdf.html 生成的 PDF 的名称"}},
		{"password-column", "COLUMN", text{"of passwords that files are locked by", "附件密码所在的列"}},
		{"zip", "", text{"lock them all in one ZIP, PDFs too", "全部锁进一个 ZIP，包括 PDF"}},
	}}
	statementChooseWords = flagGroup{text{"What is sent", "发送范围"}, []flagWord{
		{"sample", "N", text{"only so many, from all over the table", "只发送若干行，取自全表各处"}},
		{"test-to", "ADDRESS", text{"to this address, and note nothing", "发到这个地址，不作记录"}},
		{"only", "FILE", text{"only what has failed, of a table that failures wrote", "只重发失败的行，取自 failures 导出的表"}},
		{"changed", "", text{"also what has changed since it was sent, once more", "也重新发送发出后有变化的行"}},
		{"skip-bad", "", text{"send the good rows, though there are bad ones", "有错误的行时，仍发送其余的行"}},
		{"at", "TIME", text{"not before: 18:30, or 2026-03-31 18:30", "开始时间：18:30，或 2026-03-31 18:30"}},
	}}
	statementServerWords = flagGroup{text{"How", "发送方式"}, []flagWord{
		{"server", "SERVER", text{"who takes the mails: a name (parley init), a URL, a host; again for when that cannot be had", "发信服务器：名字（parley init）、URL 或主机；可重复给出备用的"}},
		{"relay", "URL", text{"hand them to a parley serve, by SMTP: sent is then what it has taken", "用 SMTP 交给 parley serve：被它收下即为已发送"}},
		{"hand-over", "", text{"put them into the outbox, and leave sending to a parley serve over the same database", "只放入发件箱，由使用同一数据库的 parley serve 发送"}},
		{"rate", "N", text{"mails a minute at most, evenly; resume keeps to it", "每分钟最多发送多少封，均匀发送；resume 沿用"}},
		{"window", "N", text{"mails that wait in the outbox at most; if left out, 2000", "发件箱中最多等待多少封；省略为 2000"}},
		{"send-unknown", "", text{"send again what may have been taken: it may come twice", "结果未知的也重发：可能重复"}},
	}}
	statementPreviewWords = flagGroup{text{"The page", "页面"}, []flagWord{
		{"sample", "N", text{"so many rows; if left out, 12", "预览行数；省略为 12"}},
		{"http", "ADDRESS", text{"where it is served; if left out, 127.0.0.1:8028", "页面地址；省略为 127.0.0.1:8028"}},
	}}
	statementFailuresWords = flagGroup{text{"Where", "位置"}, []flagWord{
		{"output", "FILE", text{"the file; if left out, standard output", "输出文件；省略为标准输出"}},
	}}
)
