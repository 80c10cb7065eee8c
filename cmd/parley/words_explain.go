package main

var (
	wordExplainShort = text{"say what a server's reply or a program's error means, and what to do", "说明服务器回复或程序报错的含义，以及该怎么办"}
	wordExplainLong  = text{
		`Say what a server's reply or a program's error means, and what to do.
Give the text as an argument, or paste it on standard input: a reply, a line of a log, an error of any language's mail library, a bounce. What other programs put around the reply is taken off.

  parley explain '535 Login Fail. Please enter your authorization code to login.'
  parley explain --server smtp.office365.com < error.txt
  journalctl -u postfix | grep status= | parley explain --lines --json`,
		`说明服务器的回复或程序的报错是什么意思，以及该怎么办。
把文字作为参数给出，或粘贴到标准输入：一条回复、一行日志、任何语言的邮件库的报错、一封退信。其他程序包在回复外面的内容会被去掉。

  parley explain '535 Login Fail. Please enter your authorization code to login.'
  parley explain --server smtp.office365.com < error.txt
  journalctl -u postfix | grep status= | parley explain --lines --json`,
	}

	wordNoText          = text{"there is nothing to explain: give a text as an argument or on standard input", "没有要说明的内容：请把文字作为参数或标准输入给出"}
	wordTextTooLong     = text{"standard input has more than 1 MiB, which is no one text: give its end, or use --lines, where each line is a text", "标准输入超过 1 MiB，不会是一段文字：请只给出末尾部分，或用 --lines 把每一行当作一段文字"}
	wordNoProviderNamed = text{"--server: no provider is known by the name %q; give its host, as in smtp.example.com", "--server：没有叫 %q 的服务商；请写主机名，如 smtp.example.com"}
	wordNoStage         = text{"--stage: %q is none of connect, greeting, ehlo, tls, auth, mail, rcpt, data, end-of-data, quit", "--stage：%q 不是 connect、greeting、ehlo、tls、auth、mail、rcpt、data、end-of-data、quit 之一"}
	wordBatchAlone      = text{"--batch reads standard input, and goes neither with TEXT nor with --lines", "--batch 读取标准输入，不能与 TEXT 或 --lines 同用"}

	wordPartialHelps = text{"; --partial sends to the others", "；--partial 可发给其余收件人"}

	wordForGood   = text{"for good: the same again fares no better", "永久：原样重试无用"}
	wordForNow    = text{"for now: the same may fare better later", "暂时：稍后重试可能成功"}
	wordNoFailure = text{"no failure", "不是故障"}
	wordSure      = text{"%s%% sure", "把握 %s%%"}
	wordByRule    = text{"by rule %s", "依据规则 %s"}
)

var explainWords = []flagGroup{
	{text{"What is known besides the text", "文字以外的已知情况"}, []flagWord{
		{"stage", "STAGE", text{"where it failed: connect, greeting, ehlo, tls, auth, mail, rcpt, data, end-of-data, quit", "失败的阶段：connect、greeting、ehlo、tls、auth、mail、rcpt、data、end-of-data、quit"}},
		{"server", "HOST", text{"who said it: a host, or a provider as in smtp.qq.com, qq, gmail", "是谁说的：主机或服务商，如 smtp.qq.com、qq、gmail"}},
		{"data", "FILE", text{"newer facts, put over those in the binary; the folder diagnose/facts has the form", "更新的资料，覆盖程序内置的；格式见 diagnose/facts"}},
	}},
	{text{"What is read and printed", "输入和输出"}, []flagWord{
		{"lines", "", text{"each line of standard input is a text of its own", "标准输入的每一行各是一段文字"}},
		{"json", "", text{"print an object for each text, on a line of its own", "每段文字打印一行 JSON"}},
		{"batch", "", text{"standard input has provider, phase and text on each line, parted by tabs (* is not known, \\n a line break); print an object for each, in order", "标准输入每行是以制表符分隔的服务商、阶段、文字（* 表示未知，\\n 表示换行）；按顺序每行打印一个 JSON"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}},
}
