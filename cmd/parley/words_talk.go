package main

// What talk says of itself.
var (
	wordTalkShort = text{"speak to a server by hand, over TLS too", "手工与服务器对话，也可用 TLS"}
	wordTalkLong  = text{
		`Speak to a server by hand, over TLS too.

  parley talk smtps://smtp.example.com
  parley talk smtp.example.com:587
  parley talk kim@example.com --transcript talk.txt
  parley talk --plain --timeout 10s mx.example.net:25 < script.txt

What is typed goes over as it is, and each reply is shown and explained as it comes; so is what the server says unasked. Tab completes the commands that make sense now, with their syntax and what this server offers. Lines pasted together go over together where the server allows it.

SERVER is smtps://host (TLS at once), smtp://host (plain text first; STARTTLS is yours to say), host, host:port, a mail address, whose provider is looked up, or a name of parley config. If left out it is SMTP_URL, or else the default server.

AUTH LOGIN, AUTH PLAIN and their like, typed without more, are done for you: user and password are asked for, sent in base64 (what is base64 already goes over as it is), and shown nowhere. After STARTTLS the handshake is made and the certificate told. After DATA, lines are content up to a dot alone.

What begins with a slash is done by Parley: /auth, /starttls, /data FILE, /base64 TEXT, /unbase64 TEXT, /raw BYTES, /wait SECONDS, /expect REPLY, /save FILE, /connect, /quit; /help explains them.

Where standard input is no terminal it is a script: the same lines, each waiting for its reply. Lines that begin with # are remarks. After AUTH LOGIN and its like the next two lines are user and password, unless the server's URL and PARLEY_PASSWORD have them. "/expect 250" ends the script if the last reply was another.

Exit code: 0 if it went to its end; 64 usage; 65 the content cannot be sent; 68 no such host; 69 refused where /expect wanted otherwise; 75 try later, or the line was lost; 76 not SMTP, trouble with TLS, or a reply other than expected; 77 credentials.`,
		`手工与服务器对话，也可用 TLS。

  parley talk smtps://smtp.example.com
  parley talk smtp.example.com:587
  parley talk kim@example.com --transcript talk.txt
  parley talk --plain --timeout 10s mx.example.net:25 < script.txt

输入的内容原样发送，每条回复到达即显示并解释，服务器主动说的话也一样。Tab 补全此刻合适的命令，连同语法和该服务器支持的参数。一起粘贴的多行，在服务器允许时一起发出。

SERVER 是 smtps://host（一开始就用 TLS）、smtp://host（先明文，STARTTLS 由您自己输入）、host、host:port、邮件地址（据此查出服务商），或 parley config 中的名字。省略时取 SMTP_URL，再取默认服务器。

只输入 AUTH LOGIN、AUTH PLAIN 等，登录由 Parley 代做：询问用户名和密码，编成 base64 发送（已是 base64 的原样发送），不在任何地方显示。STARTTLS 之后由 Parley 完成握手，并说明证书。DATA 之后的各行是邮件内容，直到单独一个点的一行。

斜杠开头的由 Parley 执行：/auth、/starttls、/data FILE、/base64 TEXT、/unbase64 TEXT、/raw BYTES、/wait SECONDS、/expect REPLY、/save FILE、/connect、/quit；/help 有说明。

标准输入不是终端时即为脚本：写法相同，每行都等到回复。# 开头的行是注释。AUTH LOGIN 等之后的两行是用户名和密码，除非服务器 URL 和 PARLEY_PASSWORD 已给出。“/expect 250”在上一条回复不符时结束脚本。

退出码：0 正常结束；64 用法错误；65 内容无法发送；68 主机不存在；69 被拒，与 /expect 不符；75 稍后重试，或连接中断；76 对方不是 SMTP、TLS 有问题，或回复与期望不符；77 凭据问题。`}
)

// talkWords is what "parley talk --help" says of its flags.
var talkWords = []flagGroup{{wordFlags, []flagWord{
	{"tls", "", text{"begin with TLS, whatever URL and port say", "一开始就用 TLS，不论 URL 和端口"}},
	{"plain", "", text{"begin in plain text, whatever URL and port say", "先用明文，不论 URL 和端口"}},
	{"insecure", "", text{"go on where the certificate is not good; it is told of all the same", "证书无效也继续；仍会说明"}},
	{"no-explain", "", text{"show what is said, and not what it means", "只显示会话，不解释"}},
	{"transcript", "FILE", text{"write the conversation into a file as it happens, without secrets", "把会话实时写入文件，不含密码"}},
	{"password-file", "FILE", text{"take the password from the first line of a file", "从文件第一行读取密码"}},
	{"password-command", "CMD", text{"take the password from the first line that a command prints", "取命令输出的第一行作为密码"}},
	{"timeout", "TIME", text{"the longest to wait for a reply; if left out, a person waits as long as they like, and a script 5m", "等待回复的最长时间；省略时，手工会话不限，脚本为 5m"}},
	{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
	{"help", "", text{"print this", "打印本说明"}},
}}}
