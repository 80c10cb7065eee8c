package relay

import "github.com/parleymail/parley/diagnose"

// What is said of a configuration. A test walks them all: both languages want the same values.
var (
	wordNoListener    = diagnose.Words{En: "there is nowhere to listen: [[listen]] with address = \"127.0.0.1:2525\"", Zh: "没有监听地址：请写 [[listen]] 和 address = \"127.0.0.1:2525\""}
	wordAddress       = diagnose.Words{En: "listen %q: this is no host:port, and no path of a socket", Zh: "监听地址 %q 既不是 主机:端口，也不是套接字路径"}
	wordNoCertificate = diagnose.Words{En: "listen %q speaks TLS, and there is no certificate: set certificate and key in [tls]", Zh: "监听地址 %q 要用 TLS，但没有证书：请在 [tls] 中设置 certificate 和 key"}
	wordOpen          = diagnose.Words{
		En: "listen %q can be reached by other machines, and there are no users: anybody could send through it. Add a [user.NAME], or listen at 127.0.0.1",
		Zh: "其他机器能连到监听地址 %q，而没有设置用户：任何人都能借它发信。请添加 [user.NAME]，或只监听 127.0.0.1"}
	wordOpenUser = diagnose.Words{
		En: "listen %q can be reached by other machines, and would take mail without a login as that of %s. Leave user out, or listen at 127.0.0.1",
		Zh: "其他机器能连到监听地址 %q，不登录就会以 %s 的身份收信。请去掉 user，或只监听 127.0.0.1"}
	wordClear = diagnose.Words{
		En: "listen %q can be reached by other machines, and there is no TLS: passwords could be read on the way. Set certificate and key in [tls], or listen at 127.0.0.1",
		Zh: "其他机器能连到监听地址 %q，而没有 TLS：密码会在途中被看到。请在 [tls] 中设置 certificate 和 key，或只监听 127.0.0.1"}
	wordListenTwice = diagnose.Words{En: "listen %q: there are two of them", Zh: "监听地址 %q 出现了两次"}
	wordNobody      = diagnose.Words{En: "listen %q wants a login, and no user has a password: say whose mail it is by user, or give a user a password", Zh: "监听地址 %q 要求登录，但没有用户设了密码：请用 user 指明算谁的邮件，或给用户设密码"}
	wordNoUser      = diagnose.Words{En: "listen %q: there is no user %q", Zh: "监听地址 %q：没有用户 %q"}
	wordNoBounces   = diagnose.Words{En: "listen %q is for bounces, and there is no [bounces] to say which", Zh: "监听地址 %q 用于接收退信，但没有 [bounces] 说明接收哪些"}
	wordBouncesUser = diagnose.Words{En: "listen %q is for bounces, which nobody hands over: leave user out", Zh: "监听地址 %q 用于接收退信，没有用户：请去掉 user"}

	wordUserName     = diagnose.Words{En: "user %q: this is no name of a user", Zh: "%q 不能用作用户名"}
	wordUserTwice    = diagnose.Words{En: "there are two users %q", Zh: "有两个用户都叫 %q"}
	wordUserPassword = diagnose.Words{En: "user %q has no password, and no listener is for it: make a hash by parley serve user NAME", Zh: "用户 %q 没有密码，也没有专用的监听地址：请用 parley serve user NAME 生成散列"}
	wordUserHash     = diagnose.Words{En: "the password of user %q cannot be read: make a hash by parley serve user NAME", Zh: "读不懂用户 %q 的密码：请用 parley serve user NAME 生成散列"}
	wordUserPattern  = diagnose.Words{En: "user %q: %q is no pattern of addresses such as *@example.net", Zh: "用户 %q：%q 不是 *@example.net 这样的地址模式"}
	wordUserSenders  = diagnose.Words{En: "user %q: say who it may send as: senders = [\"*@example.net\"], or [\"*\"] for anybody", Zh: "用户 %q：请写明可以用哪些地址发信：senders = [\"*@example.net\"]，不限则写 [\"*\"]"}
	wordUserClass    = diagnose.Words{En: "user %q: its class %v is not one of its classes", Zh: "用户 %q：class %v 不在 classes 之中"}

	wordKeyDomain  = diagnose.Words{En: "dkim: domain %q and selector %q: both must be names as the DNS has them", Zh: "dkim：domain %q 和 selector %q 必须是 DNS 中的名字"}
	wordKeyMissing = diagnose.Words{En: "dkim: the key of %s cannot be used: RSA of 1,024 bits at least, or Ed25519", Zh: "dkim：%s 的密钥不能用：应为至少 1,024 位的 RSA，或 Ed25519"}
	wordBounceKey  = diagnose.Words{En: "bounces: the key must have 16 octets at least", Zh: "bounces：密钥至少要有 16 字节"}
	wordBouncePath = diagnose.Words{En: "bounces: mailbox %q is no address that bounces can come to; its local part may have 26 letters", Zh: "bounces：mailbox %q 不能用来接收退信；@ 之前最多 26 个字符"}
	wordWebhookURL = diagnose.Words{En: "webhook %q: its url is none of http or https", Zh: "webhook %q：url 不是 http 或 https 地址"}
	wordReaderName = diagnose.Words{En: "webhook or log %q: a name of letters, digits, - and _ that no other has is wanted", Zh: "webhook 或 log %q：名字须由字母、数字、- 和 _ 组成，且不得重复"}
)

// What is said of a file.
var (
	wordFileLong    = diagnose.Words{En: "it is longer than %d octets", Zh: "超过 %d 字节"}
	wordFileOpen    = diagnose.Words{En: "everybody on this machine can read it (%s), and hashes of passwords or a password stand in it: chmod 640, with the group that the server runs as", Zh: "本机所有用户都能读取它（%s），而其中写有密码或密码的散列：请 chmod 640，属组设为运行服务的组"}
	wordNoTOML      = diagnose.Words{En: "this is no TOML: %v", Zh: "不是合法的 TOML：%v"}
	wordValueType   = diagnose.Words{En: "the value of %s is of another sort: it is to be %s", Zh: "%s 的值类型不对：应为%s"}
	wordSortText    = diagnose.Words{En: "text, in quotes", Zh: "加引号的文本"}
	wordSortNumber  = diagnose.Words{En: "a whole number, without quotes", Zh: "不加引号的整数"}
	wordSortBool    = diagnose.Words{En: "true or false, without quotes", Zh: "不加引号的 true 或 false"}
	wordSortList    = diagnose.Words{En: "a list, in brackets: [\"a\", \"b\"]", Zh: "方括号括起的列表：[\"a\", \"b\"]"}
	wordSortTable   = diagnose.Words{En: "a table: [%s]", Zh: "表：[%s]"}
	wordSortTables  = diagnose.Words{En: "tables: [[%s]]", Zh: "表的列表：[[%s]]"}
	wordValue       = diagnose.Words{En: "%s: %v", Zh: "%s：%v"}
	wordKey         = diagnose.Words{En: "there is no key %q", Zh: "没有键 %q"}
	wordKeyNear     = diagnose.Words{En: "there is no key %q: did you mean %q?", Zh: "没有键 %q：是不是 %q？"}
	wordKeyKnown    = diagnose.Words{En: "there is no key %q; there are %s", Zh: "没有键 %q；可用的有 %s"}
	wordNotForever  = diagnose.Words{En: "a mail is not tried for ever: max_age is a time such as 5d", Zh: "邮件不能永远重试：max_age 应为 5d 这样的时长"}
	wordOneOf       = diagnose.Words{En: "%s is %q, and none of %s", Zh: "%s 是 %q，应为 %s 之一"}
	wordCertificate = diagnose.Words{En: "the certificate cannot be used", Zh: "证书不能用"}
	wordKeyFile     = diagnose.Words{En: "the key cannot be used", Zh: "密钥不能用"}
	wordKeyNone     = diagnose.Words{En: "dkim: there is no key: say the file that it stands in (PEM), key = \"rsa.pem\"", Zh: "dkim：没有密钥：请写明密钥文件（PEM），如 key = \"rsa.pem\""}
	wordBounceNoKey = diagnose.Words{En: "bounces: there is no secret to sign with: say where it is, secret-file = \"bounces.key\", made by openssl rand -hex 16", Zh: "bounces：没有用来签名的密钥：请写明位置，如 secret-file = \"bounces.key\"，用 openssl rand -hex 16 生成"}
	wordTooSmall    = diagnose.Words{En: "%s is %d: it must be %d at least; leave it out for what is usual", Zh: "%s 是 %d：至少应为 %d；省略则用默认值"}
	wordPort        = diagnose.Words{En: "%q: there is no port %s: ports go up to 65535", Zh: "%q：没有端口 %s：端口最大为 65535"}
	wordSecretEnv   = diagnose.Words{En: "the variable %s of the environment is not set, or empty", Zh: "环境变量 %s 没有设置，或者是空的"}
	wordSecret      = diagnose.Words{En: "the secret cannot be had, or its first line is empty", Zh: "取不到密钥，或者其第一行是空的"}
	wordLogPath     = diagnose.Words{En: "a log wants a path", Zh: "log 需要 path"}
	wordNoAddress   = diagnose.Words{En: "%s: %q is no mail address", Zh: "%s：%q 不是邮件地址"}
	wordNoServer    = diagnose.Words{En: "there is no server %q: say where it is below [server.NAME], or in the file of servers (parley init)", Zh: "没有服务器 %q：请写在 [server.NAME] 之下，或写入服务器配置文件（parley init）"}
	wordServer      = diagnose.Words{En: "server %q cannot be used", Zh: "服务器 %q 不能用"}
	wordOrdinary    = diagnose.Words{En: "the file of servers %s cannot be read", Zh: "读不了服务器配置文件 %s"}
)
