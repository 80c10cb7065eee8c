package main

import "github.com/parleymail/parley/smtp"

// remarks are the words beside a conversation: the first that fits an event.
var remarks = [...]remark{
	{did: smtp.Connected, text: text{"The line is open. Nothing has been said yet.", "连接已建立，双方还没有说话。"}},

	{did: smtp.Answer, stage: smtp.StageGreeting, code: "2", text: text{"The server speaks first: its name, and 220, which means ready.", "服务器先开口：报上名字，220 表示就绪。"}},
	{did: smtp.Command, stage: smtp.StageHello, begins: "EHLO", tls: true, text: text{"Once more: what was said in clear text counts no longer, for anybody could have changed it.", "重新问一遍：先前的明文可能被人改过，全部作废。"}},
	{did: smtp.Command, stage: smtp.StageHello, begins: "EHLO", text: text{"We say who we are, and ask what the server can do.", "我们报上名字，并询问服务器会什么。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "PIPELINING", text: text{"Commands may follow one another without waiting for each reply.", "命令可以连着发，不必逐条等答复。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "SIZE", text: text{"The most octets that a mail may have. A larger one is not even begun.", "邮件的最大字节数；超过的根本不会开始发。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "8BITMIME", text: text{"Text beyond ASCII may go as it is.", "非 ASCII 文本可以原样传送。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "SMTPUTF8", text: text{"Addresses may be in any language.", "地址可以用任何语言。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "DSN", text: text{"We may ask to be told what became of a mail.", "可以要求通知投递结果。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "CHUNKING", text: text{"The content may come in counted pieces: BDAT.", "内容可以按字节数分块传送：BDAT。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "ENHANCEDSTATUSCODES", text: text{"Replies bear a finer code too, such as 2.1.5.", "答复中另带更细的状态码，如 2.1.5。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "LIMITS", text: text{"How many recipients it takes.", "它最多接收多少收件人。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "STARTTLS", text: text{"It can speak TLS. If it could not, we would go.", "它会 TLS。若不会，我们就走。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "REQUIRETLS", text: text{"A mail may demand TLS of every server on its way.", "可以要求邮件途中每一跳都用 TLS。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "AUTH", text: text{"The ways to log in. We take the strongest.", "可用的登录方式，我们选最强的。"}},
	{did: smtp.Answer, stage: smtp.StageHello, begins: "HELP", text: text{"It answers questions too.", "它也回答 HELP。"}},
	{did: smtp.Answer, stage: smtp.StageHello, code: "2", text: text{"Yes. Below its name stands what it can do, a line each.", "可以。名字之后逐行列出它会的扩展。"}},

	{did: smtp.Command, stage: smtp.StageTLS, begins: "STARTTLS", text: text{"We ask to go on encrypted.", "我们要求改用加密。"}},
	{did: smtp.Answer, stage: smtp.StageTLS, code: "2", text: text{"TLS begins with the next octet.", "从下一个字节起就是 TLS。"}},
	{did: smtp.StartedTLS, text: text{"The certificate is good. From here on nobody between can read or change anything.", "证书有效。从这里起，途中无人能读或改。"}},

	{did: smtp.Command, stage: smtp.StageAuth, begins: "AUTH SCRAM", text: text{"We log in. By SCRAM the password itself never goes over the line. What could give it away is printed as (secret).", "我们登录。SCRAM 从不传送密码本身；可能泄露密码的内容一律显示为 (secret)。"}},
	{did: smtp.Command, stage: smtp.StageAuth, begins: "AUTH", text: text{"A login. What could give the password away is printed as (secret).", "登录。可能泄露密码的内容一律显示为 (secret)。"}},
	{did: smtp.Answer, stage: smtp.StageAuth, code: "334", text: text{"A challenge. Only who knows the password can answer.", "服务器出题，只有知道密码的人能答。"}},
	{did: smtp.Command, stage: smtp.StageAuth, text: text{"The answer.", "作答。"}},
	{did: smtp.Answer, stage: smtp.StageAuth, code: "235", text: text{"Logged in.", "登录成功。"}},
	{did: smtp.Answer, stage: smtp.StageAuth, code: "5", text: text{"No: user or password is wrong. It does not say which, lest it helps one who guesses.", "失败：用户名或密码错误。不说是哪个，以免帮了猜密码的人。"}},

	{did: smtp.Command, stage: smtp.StageMail, text: text{"The envelope begins: where a bounce would go, and how large the mail is.", "信封开始：退信寄往何处，以及邮件有多大。"}},
	{did: smtp.Answer, stage: smtp.StageMail, code: "2", text: text{"The sender is taken.", "接受发件人。"}},
	{did: smtp.Command, stage: smtp.StageRcpt, text: text{"Who it is for. It goes where the envelope says, whatever To says to the reader.", "收件人。邮件按信封投递，不看邮件头的 To。"}},
	{did: smtp.Answer, stage: smtp.StageRcpt, code: "2", text: text{"The recipient is taken.", "接受收件人。"}},
	{did: smtp.Command, stage: smtp.StageData, text: text{"May the content come?", "可以传内容了吗？"}},
	{did: smtp.Answer, stage: smtp.StageData, code: "354", text: text{"Yes: up to a line with nothing but a dot.", "可以，直到只有一个点的一行为止。"}},
	{did: smtp.Content, text: text{"Header, text, HTML, image and attachments: what the reader gets.", "邮件头、正文、HTML、图片、附件：读者看到的一切。"}},
	{did: smtp.Command, stage: smtp.StageEnd, begins: ".", text: text{"The dot: that was all of it.", "一个点：内容到此为止。"}},
	{did: smtp.Command, stage: smtp.StageEnd, begins: "BDAT", text: text{"The content, with its size; LAST says that nothing follows.", "内容及其字节数；LAST 表示后面没有了。"}},
	{did: smtp.Answer, stage: smtp.StageEnd, code: "2", text: text{"Taken. From this reply on the server answers for the mail. Keep its number: it finds the mail in the server's log.", "已接收。从这一句起由服务器负责。记下编号，可据此在其日志中查找。"}},

	{did: smtp.Command, begins: "RSET", text: text{"Forget the mail that was begun.", "放弃刚开始的邮件。"}},
	{did: smtp.Command, begins: "QUIT", text: text{"We have said all.", "说完了。"}},
	{did: smtp.Answer, stage: smtp.StageQuit, code: "221", text: text{"Goodbye.", "再见。"}},
	{did: smtp.Closed, text: text{"The line is closed.", "连接已关闭。"}},

	{did: smtp.Answer, code: "530", text: text{"Not before TLS, or before AUTH.", "须先 TLS 或先登录。"}},
	{did: smtp.Answer, code: "4", text: text{"Not now: 4 means that it may go later.", "现在不行：4 开头表示稍后或许可以。"}},
	{did: smtp.Answer, code: "5", text: text{"No: 5 means that trying again changes nothing.", "不行：5 开头表示再试也一样。"}},
}

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
