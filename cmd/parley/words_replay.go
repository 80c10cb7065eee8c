package main

// What parley diff says.
var (
	wordDiffShort = text{"lay two conversations side by side, and name what first differs", "并排比较两个会话，指出第一处不同"}
	wordDiffLong  = text{
		`Lay two conversations side by side, and name the first thing in which they differ.

A and B are transcripts: what send, check, talk and proxy keep with --transcript, what -v printed, lines of --json, a report of check. One of them may be -, which is standard input.

Turns are laid beside their like: by connection, and by what was asked. Dates, ids, host names, ports, numbers and the order of extensions are no differences; --all shows them too. In the middle, ≠ marks what differs, and · what every conversation has of its own.

  parley diff worked.txt failed.txt

Exit code: 0 if they say the same, 1 if they differ, 64 for trouble.`,
		`并排比较两个会话，指出第一处不同。

A 和 B 是会话记录：send、check、talk、proxy 用 --transcript 存下的，-v 打印的，--json 的输出行，或 check 的报告。其中之一可以是 -，即标准输入。

按连接、按所问的事逐项对齐。日期、编号、主机名、端口、数字和扩展的顺序不算不同；--all 也显示这些。中间的 ≠ 表示不同，· 表示每个会话各自的内容。

  parley diff worked.txt failed.txt

退出码：说的相同为 0，不同为 1，出错为 64。`}
	wordDiffTwo     = text{"diff wants two transcripts, A and B", "diff 需要两个会话记录：A 和 B"}
	wordDiffStdin   = text{"only one of the two can be standard input", "两者中只有一个可以是标准输入"}
	wordNoTurns     = text{"%s has no line of a conversation: such lines begin with C:, S: or --", "%s 中没有会话的行：这样的行以 C:、S: 或 -- 开头"}
	wordSameTurns   = text{"%d lines are the same", "%d 行相同"}
	wordSayTheSame  = text{"They say the same.", "两者说的相同。"}
	wordOwnThings   = text{"They say the same. Places where each has something of its own, as a date or an id (--all shows them): %d", "两者说的相同。各自的内容，如日期或编号（--all 可显示）：%d 处"}
	wordFirstDiffer = text{"first difference: %s", "第一处不同：%s"}
	wordTurning     = text{"where they part: %s", "分道之处：%s"}
	wordMoreDiffer  = text{"%d more below it", "其后还有 %d 处"}
	wordConnection  = text{"connection %d", "第 %d 个连接"}
	wordTimeTook    = text{"(%s)", "（%s）"}
)

// diffWords is what "parley diff --help" says of its flags.
var diffWords = []flagGroup{{wordFlags, []flagWord{
	{"all", "", text{"show every line, and what each has of its own", "显示每一行，包括各自的内容"}},
	{"times", "", text{"a reply that took more than twice as long, and 100 ms more, differs too", "回复慢了一倍以上且超过 100 毫秒，也算不同"}},
	{"json", "", text{"print an object for each difference, and one with the result", "每处不同打印一行 JSON，最后一行是结果"}},
	{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
	{"help", "", text{"print this", "打印本说明"}},
}}}

// What parley replay says.
var (
	wordReplayShort = text{"play a recorded conversation as a server", "把录下的会话当作服务器来回放"}
	wordReplayLong  = text{
		`Play a recorded conversation as a server: it says what the real one said, to any program.

FILE is a transcript: what send, check, talk and proxy keep with --transcript, what -v printed, lines of --json, a report of check, a script of package smtptest; - is standard input. The program may say another name, other addresses, sizes and passwords: to each command it gets what the real server said to the same command there, and what it says otherwise is told. An address that is in the recording gets its own reply. TLS begins where it did, with a certificate made on the spot, and where the server hung up or fell silent it does so again. The n-th connection plays the n-th session; after the last they begin anew.

With a command after -- that is run with SMTP_URL, SMTP_HOST and SMTP_PORT set, and the exit code is its own, or 128 and the signal's number where one ended it.

  parley replay failed.txt
  parley replay failed.txt -- ./manage.py sendtestemail kim@example.net

Logins end as that of the recording did, whoever logs in. By SCRAM a server must prove that it knows the password: that succeeds for the user replay with the password replay, which SMTP_URL has.

Exit code: 0, or the command's own; 1 where --strict is set and a client departed; 64 for trouble.`,
		`把录下的会话当作服务器来回放：对任何程序，都说真实服务器说过的话。

FILE 是会话记录：send、check、talk、proxy 用 --transcript 存下的，-v 打印的，--json 的输出行，check 的报告，或 smtptest 的脚本；- 表示标准输入。程序报的名字、地址、大小和密码可以不同：每条命令得到真实服务器在该处对同样命令的回复，说得不同的地方会指出来。录制中出现过的地址得到它自己的回复。TLS 在原来的位置开始，证书现场生成；服务器当时断开或沉默，回放时也一样。第 n 个连接回放第 n 个会话，放完后从头开始。

-- 之后若有命令，就设好 SMTP_URL、SMTP_HOST、SMTP_PORT 运行它，退出码即它的退出码；被信号终止时为 128 加信号编号。

  parley replay failed.txt
  parley replay failed.txt -- ./manage.py sendtestemail kim@example.net

无论谁登录，登录的结果都与录制时相同。SCRAM 要求服务器证明自己知道密码：只有用户 replay、密码 replay（SMTP_URL 中已带）才能成功。

退出码：0，或命令自己的退出码；设了 --strict 且客户端说得不同为 1；出错为 64。`}
	wordReplayFile     = text{"replay wants the file of a recorded conversation", "replay 需要一个会话记录文件"}
	wordReplayNothing  = text{"%s has nothing that a server said", "%s 中没有服务器说的话"}
	wordReplayPlays    = text{"Plays %s: %d sessions, %d lines.", "回放 %s：%d 个会话，%d 行。"}
	wordReplayPlaysOne = text{"Plays %s: a session of %d lines.", "回放 %s：1 个会话，%d 行。"}
	wordReplayPoint    = text{"Point the program here", "让程序连接这里"}
	wordReplayHost     = text{"host", "主机"}
	wordReplayPort     = text{"port", "端口"}
	wordReplaySecurity = text{"encryption", "加密"}
	wordReplayLogin    = text{"login", "登录"}
	wordReplayCert     = text{"certificate", "证书"}
	wordReplayTLS      = text{"TLS from the first octet", "一开始就用 TLS"}
	wordReplaySTARTTLS = text{"STARTTLS", "STARTTLS"}
	wordReplayPlain    = text{"none", "不加密"}
	wordReplayAny      = text{"any name and password", "任意用户名和密码"}
	wordReplayNoLogin  = text{"none in the recording", "录制中没有登录"}
	wordReplayMade     = text{"made just now, SHA-256 %s", "刚刚生成，SHA-256 为 %s"}
	wordReplaySaved    = text{"made just now, its CA is in %s", "刚刚生成，其 CA 在 %s 中"}
	wordReplayNotes    = text{"What is not played as it was", "与录制不同之处"}
	wordReplayNote     = text{"session %d: %s", "会话 %d：%s"}
	wordReplayWaits    = text{"Waiting for connections; Ctrl-C ends it.", "等待连接；按 Ctrl-C 结束。"}
	wordReplaySession  = text{"Connection %d, %s, from %s", "第 %d 个连接，%s，来自 %s"}
	wordReplayNumber   = text{", plays session %d of %d", "，回放第 %d 个会话（共 %d 个）"}
	wordReplayOver     = text{"The replay is over. Connections: %d, departures: %d", "回放结束。连接数：%d，说得不同之处：%d"}
	wordReplayBoth     = text{"--tls and --plain exclude each other", "--tls 与 --plain 不能同用"}
)

// replayWords is what "parley replay --help" says of its flags.
var replayWords = []flagGroup{
	{text{"How it is played", "如何回放"}, []flagWord{
		{"strict", "", text{"hang up, with 554, where the program says anything but what the recording has", "程序说的与录制不同时，以 554 断开"}},
		{"times", "", text{"take as long for each reply as the real server did, where the recording has it", "每条回复所用时间与真实服务器相同（若录制中有）"}},
		{"once", "", text{"end when each session was played once", "每个会话回放一次后结束"}},
		{"tls", "", text{"speak TLS from the first octet, whatever the recording has", "无论录制如何，一开始就用 TLS"}},
		{"plain", "", text{"speak no TLS, whatever the recording has", "无论录制如何，都不用 TLS"}},
	}},
	{text{"Where it listens, and what it prints", "监听与输出"}, []flagWord{
		{"listen", "ADDR", text{"where to listen; if left out, 127.0.0.1 and a free port", "监听地址；省略时为 127.0.0.1 和一个空闲端口"}},
		{"save-cert", "FILE", text{"write the CA of the certificate into a file, for programs that check it", "把证书的 CA 写入文件，供校验证书的程序使用"}},
		{"json", "", text{"print events, an object a line; the first has the URL", "每行打印一个 JSON 事件；第一行带 URL"}},
		{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
		{"help", "", text{"print this", "打印本说明"}},
	}},
}
