package talk

// What a Talk says of its own.
var (
	wordOver        = words{"The line is closed: /connect begins again, /save FILE keeps what was said, /quit leaves.", "连接已关闭：/connect 重新开始，/save FILE 保存记录，/quit 离开。"}
	wordDropped     = words{"The content was not ended: the connection is dropped, and with it the mail.", "内容没有结束：断开连接，这封邮件作废。"}
	wordStillOpen   = words{"The line is still open: QUIT first.", "连接仍在：请先 QUIT。"}
	wordNoOwn       = words{"there is no command %s of Parley's; /help names them", "Parley 没有命令 %s；/help 列出所有命令"}
	wordWantsFile   = words{"%s wants the name of a file", "%s 需要一个文件名"}
	wordWantsReply  = words{"/expect wants the begin of a reply, as in /expect 250", "/expect 需要回复的开头，如 /expect 250"}
	wordNotExpected = words{"%s was expected, and this came: %s", "期望 %s，而收到的是：%s"}
	wordNoSeconds   = words{"%s is no number of seconds from 0 to 86400", "%s 不是 0 到 86400 之间的秒数"}
	wordNoBase64    = words{"that is no base64", "这不是 base64"}
	wordBadRaw      = words{"/raw: %s", "/raw：%s"}
	wordFileError   = words{"%s; nothing was sent", "%s；没有发送任何内容"}
	wordSaved       = words{"kept in %s", "已存入 %s"}
	wordSkipped     = words{"DATA was not taken. Lines of the content that were passed over, and not sent as commands: %d", "DATA 未被接受。跳过的内容行（没有当作命令发送）：%d"}
	wordLineRefused = words{"not sent: %s", "未发送：%s"}
	wordDoubled     = words{"    the dot was doubled, lest it ends the content; the server takes it off again", "    行首的点已加倍，以免被当作结束；服务器会去掉它"}

	wordNotKept     = words{"the secret was not kept: type AUTH and the mechanism alone, and Parley asks for it", "密码没有保存：只输入 AUTH 和机制名，Parley 会再问"}
	wordNoMechanism = words{"Parley does not know how %s goes: type its lines by hand, as in /raw AUTH %s\\r\\n", "Parley 不会 %s：请手工输入，如 /raw AUTH %s\\r\\n"}
	wordNoAuth      = words{"the server offers no login here: say EHLO first, or STARTTLS, or name a mechanism, as in /auth login", "服务器在此不提供登录：先 EHLO 或 STARTTLS，或指明机制，如 /auth login"}
	wordCannot      = words{"the login cannot go on: %s", "登录无法继续：%s"}
	wordNoLogin     = words{"    the login was taken back; nothing of it was sent", "    已取消登录；没有发送任何内容"}
	wordAs          = words{"    as %s, with the password that is known", "    以 %s 的身份，用已知的密码"}
	wordInClear     = words{"    Nothing is encrypted yet: whoever sits between can read the password. Ctrl-C takes the login back.", "    还没有加密：途中任何人都能读到密码。Ctrl-C 取消登录。"}
	wordBase64      = words{"    that is base64 already: it goes over as it is", "    这已经是 base64：原样发送"}
	wordAskUser     = words{"user name: ", "用户名："}
	wordAskPass     = words{"password: ", "密码："}
	wordAskToken    = words{"token: ", "令牌："}
	wordHintUser    = words{"in plain text; Parley makes base64 of it, and keeps it nowhere", "输入明文即可；Parley 会编成 base64，不留在任何地方"}
	wordHintPass    = words{"it is not shown, and kept nowhere; many providers want an authorization code or app password here", "不显示，也不留在任何地方；许多服务商在此要求授权码或应用专用密码"}
	wordHintToken   = words{"the OAuth access token; it is not shown, and kept nowhere", "OAuth 访问令牌；不显示，也不留在任何地方"}

	wordHintContent  = words{"header, an empty line, text; a line with nothing but a dot ends it", "邮件头、一个空行、正文；单独一个点的一行表示结束"}
	wordHintExchange = words{"base64, as it is to go over; it is not shown. * takes the login back", "输入要发送的 base64，不显示；* 取消登录"}
	wordHintOver     = words{"the line is closed: /connect, /save FILE, /quit", "连接已关闭：/connect、/save FILE、/quit"}
	wordHintWaiting  = words{"waiting for the reply to %s", "等待对 %s 的回复"}
	wordHintSilent   = words{"waiting for the greeting; a server that wants TLS at once says nothing before: see --tls", "等待问候语；要求一开始就用 TLS 的服务器不会先开口：见 --tls"}
	wordHintNext     = words{"next: %s: %s", "接下来：%s：%s"}
	wordHintTab      = words{"Tab completes", "Tab 补全"}

	wordHelpSMTP = words{"What you type goes over as it is, with CRLF. Now these make sense:", "输入的内容原样发送，末尾加 CRLF。此刻合适的命令："}
	wordHelpOwn  = words{"What begins with a slash is done by Parley:", "斜杠开头的由 Parley 执行："}
	wordHelpMore = words{"AUTH LOGIN, AUTH PLAIN and their like, typed without more, are done for you. What is secret is shown, kept and remembered as (secret).", "只输入 AUTH LOGIN、AUTH PLAIN 等，登录由 Parley 代做。密码一律显示、保存为 (secret)。"}
)
