package main

// What the demo says before and after the conversation.
var (
	wordDemoShort = text{"see a mail sent: a local server, a conversation, a word beside each step", "看一封邮件如何发送：本地服务器、会话、逐步讲解"}
	wordDemoLong  = text{
		`See a mail sent, with nothing to set up.

It starts a server on this machine, with TLS and a login; sends it a statement in Chinese with a PDF, HTML and an image; prints what both sides say, with a word beside each step; and compares what arrived with what was sent, octet for octet. Nothing leaves this machine.

The server then goes on until Ctrl-C, so that you can send to it yourself, and prints each mail that comes.

Exit code: 0 if what arrived is what was sent, 69 if not.`,
		`看一封邮件如何发送，无需任何配置。

它在本机启动一台带 TLS 和登录的服务器，发给它一封带 PDF、HTML 和图片的中文对账单，打印双方说的每句话并逐步讲解，再逐字节比较收到的与发出的。一切都不离开本机。

之后服务器继续运行直到 Ctrl-C，您可以自己发邮件给它；它会打印收到的每一封。

退出码：收到的与发出的相同为 0，不同为 69。`}
	wordDemoServer = text{"A server runs at %s, with a certificate made just now and one user.", "服务器运行在 %s，证书刚刚生成，有一个用户。"}
	wordDemoMail   = text{"It is sent a statement (对账单) in Chinese: text, HTML with an image, and a PDF of %s octets.", "发给它一封中文对账单：正文、带图片的 HTML，和 %s 字节的 PDF。"}
	wordDemoNote   = text{"C: is what the client says, S: what the server says, -- what is done.", "C: 是客户端说的，S: 是服务器说的，-- 是发生的事。"}
	wordDemoChecks = text{"What arrived, against what was sent", "收到的与发出的相比"}
	wordSame       = text{"same", "相同"}
	wordDiffers    = text{"DIFFERS", "不同"}
	wordAllSame    = text{"All %d are the same, octet for octet.", "%d 项全部相同，逐字节一致。"}
	wordSomeDiffer = text{"%d of %d differ.", "%d 项不同（共 %d 项）。"}
	wordOctets     = text{"%s octets", "%s 字节"}
	wordSent       = text{"sent    ", "发出 "}
	wordArrived    = text{"arrived ", "收到 "}
	wordContent    = text{"the whole content", "全部内容"}
	wordReadBack   = text{"%s, read back", "%s，读回"}
	wordLookNext   = text{"Where to look next", "接下来"}
	wordStillRuns  = text{"The server runs until Ctrl-C. In another terminal:", "服务器会一直运行到 Ctrl-C。在另一个终端中："}
	wordSendHelp   = text{"All that it can send:", "它能发送的一切："}
	wordRunAgain   = text{"Without --once the server stays, and takes mail that you send it yourself:", "不加 --once，服务器会留下来接收您自己发的邮件："}
	wordMailCame   = text{"Mail %d: from %s for %s, %s octets", "第 %d 封：%s 发给 %s，%s 字节"}
	wordMailShown  = text{"Subject: %s", "Subject: %s"}
	wordWaiting    = text{"Waiting for mail; Ctrl-C ends it.", "等待邮件；按 Ctrl-C 结束。"}
	wordDemoOver   = text{"The demo is over.", "演示结束。"}
	wordHelloYou   = text{"Hello", "你好"}
	wordHelloText  = text{"From my own terminal.", "来自我自己的终端。"}
)

// demoWords is what "parley demo --help" says of its flags.
var demoWords = []flagGroup{{wordFlags, []flagWord{
	{"once", "", text{"end when the demo's own mail has been compared", "演示邮件比较完就结束"}},
	{"json", "", text{"print events, an object a line; the one after the demo's own mail has the result", "每行打印一个 JSON 事件；演示邮件之后的那行带结果"}},
	{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
	{"help", "", text{"print this", "打印本说明"}},
}}}
