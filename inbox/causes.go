package inbox

import "github.com/parleymail/parley/diagnose"

// What is known of a session that failed, by the words of package smtpd and of crypto/tls,
// which the tests hold. The first that fits counts.

// endings tell more than any refusal.
var endings = []known{
	{
		words: "first record does not look like a TLS handshake", kind: "wrong-port-or-tls-mode",
		cause: diagnose.Words{En: "the client spoke plain text on a port that begins with TLS", Zh: "客户端在一开始就要求 TLS 的端口上说了明文"},
		fix: diagnose.Words{En: "turn on implicit TLS (often named SSL) in the client for this port, or have it use the port with STARTTLS",
			Zh: "请在客户端为此端口开启隐式 TLS（常标作 SSL），或改用支持 STARTTLS 的端口"},
	}, {
		words: "began with TLS, and this port begins in clear text", kind: "wrong-port-or-tls-mode",
		cause: diagnose.Words{En: "the client began with TLS on a port that begins in clear text", Zh: "客户端在以明文开始的端口上直接发起了 TLS 握手"},
		fix: diagnose.Words{En: "set the client to STARTTLS for this port (or to no encryption, for a test), or have it use the port for implicit TLS",
			Zh: "请把客户端在此端口的加密方式改为 STARTTLS（测试时也可不加密），或改用隐式 TLS 的端口"},
	}, {
		words: "the client speaks HTTP", kind: "protocol-error",
		cause: diagnose.Words{En: "what connected speaks HTTP: a browser, a health check or a program with the wrong URL", Zh: "连上来的一方说的是 HTTP：可能是浏览器、健康检查，或填错了 URL 的程序"},
		fix:   diagnose.Words{En: "this port is for mail; the page and the API have an address of their own", Zh: "此端口只收发邮件；网页和 API 另有地址"},
	}, {
		words: "unknown certificate authority", kind: "certificate",
		cause: diagnose.Words{En: "the client does not know who issued this server's certificate, and broke TLS off", Zh: "客户端不认识本服务器证书的签发者，中断了 TLS 握手"},
		fix:   untrusted.fix,
	}, {
		words: "expired certificate", kind: "certificate",
		cause: diagnose.Words{En: "the client finds this server's certificate expired, or its clock is wrong", Zh: "客户端认为本服务器的证书已过期，或它的时钟不准"},
		fix:   diagnose.Words{En: "give the server a certificate that is valid now, and look at both clocks", Zh: "请为服务器换上在有效期内的证书，并核对双方的时钟"},
	}, {
		words: "certificate required", kind: "tls-handshake",
		cause: diagnose.Words{En: "TLS was broken off for want of a client certificate", Zh: "因缺少客户端证书，TLS 握手中断"},
		fix:   diagnose.Words{En: "give the client a certificate", Zh: "请为客户端配置证书"},
	}, {
		words: "remote error: tls: bad certificate", kind: "certificate", cause: untrusted.cause, fix: untrusted.fix,
	}, {
		words: "remote error: tls: unknown certificate", kind: "certificate", cause: untrusted.cause, fix: untrusted.fix,
	}, {
		words: "remote error: tls: unsupported certificate", kind: "certificate", cause: untrusted.cause, fix: untrusted.fix,
	}, {
		words: "protocol version", kind: "tls-handshake", cause: oldTLS.cause, fix: oldTLS.fix,
	}, {
		words: "client offered only unsupported versions", kind: "tls-handshake", cause: oldTLS.cause, fix: oldTLS.fix,
	}, {
		words: "no cipher suite supported by both", kind: "tls-handshake",
		cause: diagnose.Words{En: "client and server share no cipher suite", Zh: "客户端与服务器没有共同的加密套件"},
		fix:   diagnose.Words{En: "bring the client's TLS library up to date, or turn its restrictions off", Zh: "请升级客户端的 TLS 库，或放宽其加密套件限制"},
	}, {
		words: "the TLS handshake: remote error", kind: "tls-handshake",
		cause: diagnose.Words{En: "the client broke the TLS handshake off: most likely it does not trust the certificate; its own log says", Zh: "客户端中断了 TLS 握手：多半是不信任证书，具体请看客户端日志"},
		fix:   untrusted.fix,
	}, {
		words: "the TLS handshake: the client was silent", kind: "timeout", temporary: true,
		cause: diagnose.Words{En: "the client connected to a port for TLS and said nothing: most likely it waits for the greeting of a port in clear text", Zh: "客户端连上 TLS 端口后什么也没说：它多半在等明文端口的问候语"},
		fix:   diagnose.Words{En: "turn on implicit TLS (often named SSL) in the client for this port, or have it use the port with STARTTLS", Zh: "请在客户端为此端口开启隐式 TLS（常标作 SSL），或改用支持 STARTTLS 的端口"},
	}, {
		words: "the TLS handshake", kind: "tls-handshake",
		cause: diagnose.Words{En: "the TLS handshake came to nothing: most likely the client hung up because it does not trust the certificate", Zh: "TLS 握手没有完成：多半是客户端不信任证书而断开了连接"},
		fix:   untrusted.fix,
	}, {
		words: "clear text stood behind STARTTLS", kind: "protocol-error",
		cause: diagnose.Words{En: "the client sent commands behind STARTTLS without waiting for TLS, or somebody between put them there", Zh: "客户端在 STARTTLS 之后没等 TLS 建立就发了命令，或有人在中间插入了命令"},
		fix:   diagnose.Words{En: "this is a mistake of the client's library: after STARTTLS it must wait for 220 and for TLS", Zh: "这是客户端库的错误：发出 STARTTLS 后必须等到 220 和 TLS 握手完成"},
	},
}

var untrusted = known{
	cause: diagnose.Words{En: "the client does not trust this server's certificate, and broke TLS off", Zh: "客户端不信任本服务器的证书，中断了 TLS 握手"},
	fix: diagnose.Words{En: "start parley catch without --starttls, so that the client does not ask for TLS; or with --save-cert FILE, and have the client trust FILE and connect by a name that stands in the certificate: localhost",
		Zh: "启动 parley catch 时不加 --starttls，客户端就不会要求 TLS；或加 --save-cert FILE，让客户端信任 FILE，并用证书中的名称 localhost 连接"},
}

var oldTLS = known{
	cause: diagnose.Words{En: "client and server share no version of TLS: one of them takes only old ones", Zh: "客户端与服务器没有共同的 TLS 版本：其中一方只支持旧版本"},
	fix:   diagnose.Words{En: "have the client speak TLS 1.2 or later", Zh: "请让客户端使用 TLS 1.2 或更高版本"},
}

// breaks are ends that a refusal just before explains better.
var breaks = []known{
	{
		words: "a fault on purpose", kind: "connection-lost", temporary: true,
		cause: diagnose.Words{En: "a rule of the fault plan ended the session on purpose", Zh: "故障计划中的一条规则有意结束了会话"},
		fix:   diagnose.Words{En: "nothing is wrong with the server: see whether the client tries again, or tells of it", Zh: "服务器并无问题；请看客户端是否重试或报告了此事"},
	}, {
		words: "was silent, or too slow", kind: "timeout", temporary: true,
		cause: diagnose.Words{En: "the client was silent for too long, or sent too slowly", Zh: "客户端太久没有说话，或发送得太慢"},
		fix:   diagnose.Words{En: "see in its last line what it waited for; a client that is stopped in a debugger looks like this too", Zh: "请看最后一行，弄清它在等什么；停在调试器里的客户端也是这样"},
	}, {
		words: "hung up midway", kind: "connection-lost", temporary: true,
		cause: diagnose.Words{En: "the client closed the connection in the midst of a mail or a login", Zh: "客户端在一封邮件或一次登录的中途关闭了连接"},
		fix:   diagnose.Words{En: "the client's own log says why: a timeout of its own, an error while it made the content, or its process ended", Zh: "原因请看客户端日志：它自己超时、生成内容时出错，或进程已退出"},
	}, {
		words: "connection reset by peer", kind: "connection-lost", temporary: true,
		cause: diagnose.Words{En: "the client cut the connection", Zh: "客户端切断了连接"},
		fix:   diagnose.Words{En: "most likely its process ended, or it gave up with replies still unread", Zh: "多半是它的进程已退出，或没读完回复就放弃了"},
	}, {
		words: "the server is closed", kind: "connection-lost", temporary: true,
		cause: diagnose.Words{En: "the server was stopped while the session went on", Zh: "会话进行时服务器被停止"},
		fix:   diagnose.Words{En: "send again once it runs", Zh: "服务器恢复后重新发送"},
	}, {
		words: cutShort, kind: "connection-lost", temporary: true,
		cause: diagnose.Words{En: "the server's process ended while the session went on", Zh: "会话进行时服务器进程退出"},
		fix:   diagnose.Words{En: "what was answered with 250 is kept; send the rest again", Zh: "已用 250 回复的邮件都已保存；其余请重新发送"},
	}, {
		words: "did not wait where it has to", kind: "protocol-error",
		cause: diagnose.Words{En: "the client ran ahead: it sent a content before 354, or a command behind a content without PIPELINING", Zh: "客户端抢跑：没等到 354 就发送内容，或未协商 PIPELINING 就在内容之后发命令"},
		fix:   diagnose.Words{En: "have the client wait for each reply, or use PIPELINING as EHLO's reply offers it", Zh: "请让客户端等待每个回复，或在 EHLO 回复提供 PIPELINING 时按规则使用"},
	}, {
		words: "a line did not end with CRLF", kind: "bare-lf",
		cause: diagnose.Words{En: "a command ended with a bare LF, or had a bare CR or a NUL in it", Zh: "命令以单独的 LF 结尾，或其中含有单独的 CR 或 NUL"},
		fix:   diagnose.Words{En: "end each line with CRLF", Zh: "每行请以 CRLF 结尾"},
	},
}

// refusals are those of package smtpd that say to us exactly what happened.
var refusals = []known{
	{
		words: "500 5.5.1 there is no such command", kind: "protocol-error",
		cause: diagnose.Words{En: "the client said a command that SMTP does not have: most likely a line of the content, or of another protocol", Zh: "客户端说了 SMTP 没有的命令：多半是内容里的一行，或别的协议"},
		fix:   diagnose.Words{En: "see the line before this reply", Zh: "请看此回复的前一行"},
	}, {
		words: "421 4.7.0 too many errors", kind: "protocol-error",
		cause: diagnose.Words{En: "the client was refused so often in one session that it was sent away", Zh: "客户端在一次会话中被拒绝太多次，连接被结束"},
		fix:   diagnose.Words{En: "see the refusals before this one", Zh: "请看此前的各次拒绝"},
	}, {
		words: "421 4.7.0 too many failed attempts to authenticate", kind: "auth-bad-credential",
		cause: diagnose.Words{En: "the client gave a wrong user or password again and again", Zh: "客户端一再给出错误的用户名或密码"},
		fix:   diagnose.Words{En: "check the user and the password that this server was given", Zh: "请核对本服务器设定的用户名和密码"},
	}, {
		words: "421 4.3.2 too many sessions here", kind: "rate-limited", temporary: true,
		cause: diagnose.Words{En: "there are as many sessions as this server takes at once", Zh: "会话数已达本服务器的上限"},
		fix:   diagnose.Words{En: "have the client open fewer connections, or close those it does not need", Zh: "请让客户端少开连接，或关闭不用的连接"},
	}, {
		words: "500 5.5.2 a line ends with CRLF", kind: "bare-lf",
		cause: diagnose.Words{En: "a command ended with a bare LF, or had a bare CR or a NUL in it", Zh: "命令以单独的 LF 结尾，或其中含有单独的 CR 或 NUL"},
		fix:   diagnose.Words{En: "end each line with CRLF", Zh: "每行请以 CRLF 结尾"},
	}, {
		words: "554 5.6.0 the content has a", kind: "bare-lf",
		cause: diagnose.Words{En: "the content has a bare LF, a bare CR or a NUL, which no mail may have and some servers take for an end", Zh: "内容含有单独的 LF、单独的 CR 或 NUL：邮件中不允许出现，有的服务器还会把它当作结尾"},
		fix:   diagnose.Words{En: "have the client end each line of the content with CRLF, and encode what is no text as base64", Zh: "请让客户端将内容的每行以 CRLF 结尾，非文本数据用 base64 编码"},
	}, {
		words: "530 5.7.0 authenticate first", kind: "auth-required",
		cause: diagnose.Words{En: "this server wants a login before mail, and the client did not log in", Zh: "本服务器要求先登录再发信，而客户端没有登录"},
		fix:   diagnose.Words{En: "give the client one of the users of this server", Zh: "请为客户端填写本服务器的用户名和密码"},
	}, {
		words: "535 5.7.8 authentication failed", kind: "auth-bad-credential",
		cause: diagnose.Words{En: "the user or the password is not one of those that this server was given", Zh: "用户名或密码与本服务器设定的不符"},
		fix:   diagnose.Words{En: "check both; a password from an environment variable often has a blank or a line end too many", Zh: "请核对两者；来自环境变量的密码常多出空格或换行"},
	}, {
		words: "452 4.3.1 the mail cannot be kept", kind: "temporary-server", temporary: true,
		cause: diagnose.Words{En: "the store of this server could not be written", Zh: "本服务器的存储无法写入"},
		fix:   diagnose.Words{En: "see whether the disk is full; the reply says what the system said", Zh: "请检查磁盘是否已满；回复中有系统给出的原因"},
	},
}
