package config

import "github.com/parleymail/parley/diagnose"

// What is said of a file. A test walks them all: both languages want the same values.
var (
	wordIsFolder = diagnose.Words{En: "this is a folder, and a file is wanted", Zh: "这是一个目录，应为文件"}
	wordTooLong  = diagnose.Words{En: "it is longer than %d octets", Zh: "超过 %d 字节"}
	wordNoTOML   = diagnose.Words{En: "this is no TOML: %v", Zh: "不是合法的 TOML：%v"}

	wordOpenToAll = diagnose.Words{
		En: "everybody on this machine can read it (%04o), and a password stands in it: chmod 600, or keep the password elsewhere by parley config set-password NAME",
		Zh: "本机所有用户都能读取它（%04o），而其中写有密码：请 chmod 600，或用 parley config set-password NAME 把密码存到别处"}

	wordServerIsTable = diagnose.Words{En: "server is no table: servers are named as in [server.work]", Zh: "server 不是表：服务器写作 [server.work]"}
	wordServerKey     = diagnose.Words{En: "%q stands where the name of a server should: its keys go below [server.NAME]", Zh: "%q 处应为服务器的名字：键要写在 [server.NAME] 之下"}
	wordServersKey    = diagnose.Words{En: "%q belongs to a server: it goes below [server.NAME]", Zh: "%q 是服务器的键：应写在 [server.NAME] 之下"}
	wordPort          = diagnose.Words{En: "port is a number from 1 to 65535, without quotes", Zh: "port 是 1 到 65535 的数，不加引号"}
	wordText          = diagnose.Words{En: "%s wants text in quotes", Zh: "%s 的值应是加引号的文本"}
	wordUnknown       = diagnose.Words{En: "there is no key %q; there are %s", Zh: "没有键 %q；可用的有 %s"}
	wordUnknownNear   = diagnose.Words{En: "there is no key %q: did you mean %q?", Zh: "没有键 %q：是不是 %q？"}

	wordNoDefault = diagnose.Words{En: "default is %q, and there is no such server: %v", Zh: "default 是 %q，但没有这个服务器：%v"}
	wordMeant     = diagnose.Words{En: "did you mean %q?", Zh: "是不是 %q？"}
	wordThereIs   = diagnose.Words{En: "known: %s", Zh: "现有：%s"}
	wordNoneThere = diagnose.Words{En: "there is none at all", Zh: "一个都没有"}

	wordBadName    = diagnose.Words{En: "a name of a server is made of letters, digits, - and _", Zh: "服务器的名字只能由字母、数字、- 和 _ 组成"}
	wordNoWhere    = diagnose.Words{En: "neither url nor host says where it is", Zh: "url 和 host 都没有，不知道服务器在哪里"}
	wordURLAnd     = diagnose.Words{En: "url says where it is, and so does %s: one of the two is enough", Zh: "url 已经说明，%s 又说了一次：只需其一"}
	wordHostPort   = diagnose.Words{En: "host is a name or an address alone: the port goes to port, a user to user", Zh: "host 只写主机名或地址：端口写在 port，用户写在 user"}
	wordTLS        = diagnose.Words{En: "tls is %q, and none of implicit, starttls, opportunistic, none", Zh: "tls 是 %q，应为 implicit、starttls、opportunistic、none 之一"}
	wordNotTwice   = diagnose.Words{En: "the secret is named twice, by %s and by %s: one is enough", Zh: "密码给了两次：%s 和 %s，只需其一"}
	wordEmpty      = diagnose.Words{En: "%s is empty", Zh: "%s 是空的"}
	wordNoUser     = diagnose.Words{En: "%s is there, and no user: whose is it?", Zh: "有 %s 却没有 user：是谁的？"}
	wordTokenAuth  = diagnose.Words{En: "auth is %q, which takes no token: xoauth2 or oauthbearer do", Zh: "auth 是 %q，它不用令牌：用令牌的是 xoauth2 和 oauthbearer"}
	wordBadFrom    = diagnose.Words{En: "from is no mail address: %v", Zh: "from 不是邮件地址：%v"}
	wordInClear    = diagnose.Words{En: "the password stands in clear in this file: parley config set-password %s keeps it elsewhere", Zh: "密码以明文写在此文件中：parley config set-password %s 可把它存到别处"}
	wordProxyClear = diagnose.Words{En: "the proxy's password stands in clear in this file", Zh: "代理的密码以明文写在此文件中"}
)

// What is said of a secret that cannot be had.
var (
	wordNoSecret     = diagnose.Words{En: "it has the user %q, and says nowhere what the password is: parley config set-password %s", Zh: "它有用户 %q，但没有说密码在哪里：parley config set-password %s"}
	wordNoEnv        = diagnose.Words{En: "%s: this variable of the environment is not set, or empty", Zh: "%s：环境变量没有设置，或者是空的"}
	wordKey          = diagnose.Words{En: "%s", Zh: "%s"}
	wordEmptyLine    = diagnose.Words{En: "%s: its first line is empty", Zh: "%s：第一行是空的"}
	wordSecretNUL    = diagnose.Words{En: "%s: it holds an octet 0, and is no password", Zh: "%s：其中有字节 0，不是密码"}
	wordNotInKeyring = diagnose.Words{En: "%s: the keyring has nothing of this name: parley config set-password %s", Zh: "%s：密钥环中没有这一项：parley config set-password %s"}
	wordNoKeyring    = diagnose.Words{En: "%s: there is no keyring here that can be asked", Zh: "%s：这里没有可用的密钥环"}
	wordNoCredential = diagnose.Words{En: "%s: CREDENTIALS_DIRECTORY is not set: systemd sets it for a service with LoadCredential=", Zh: "%s：没有设置 CREDENTIALS_DIRECTORY：systemd 会为带 LoadCredential= 的服务设置它"}
	wordSecretOpen   = diagnose.Words{En: "%s can be read by everybody on this machine (%04o): chmod 600", Zh: "本机所有用户都能读取 %s（%04o）：请 chmod 600"}
)

// What is said of a change.
var (
	wordTaken       = diagnose.Words{En: "there is a server of this name already", Zh: "已经有这个名字的服务器"}
	wordNoServer    = diagnose.Words{En: "there is no server %q: %v", Zh: "没有服务器 %q：%v"}
	wordByHand      = diagnose.Words{En: "it is written in a form that only a person should change: edit the file", Zh: "它的写法只适合由人来改：请直接编辑文件"}
	wordChanged     = diagnose.Words{En: "it was changed by somebody else meanwhile: nothing is written, try again", Zh: "文件期间被他人改动：没有写入，请重试"}
	wordNothingIsIt = diagnose.Words{En: "nothing says where the file is: set PARLEY_CONFIG or HOME", Zh: "不知道文件在哪里：请设置 PARLEY_CONFIG 或 HOME"}
)
