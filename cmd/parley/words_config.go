package main

// What is said of servers, wherever a command takes one.
var (
	wordNoServer        = text{"no server: give --server URL, or set SMTP_URL in the environment, or have parley init set one up", "没有服务器：用 --server URL，或设置环境变量 SMTP_URL，或用 parley init 引导设置"}
	wordNoDefaultServer = text{"no server: %s has several and no default: name one of %s by --server, or set one by parley config default NAME", "没有服务器：%s 中有多个而没有默认：用 --server 指定 %s 之一，或用 parley config default NAME 设置默认"}
	wordNoSuchServer    = text{"there is no server %q in %s: did you mean %q?", "没有服务器 %q（%s）：是不是 %q？"}
	wordServerForms     = text{"this is none of a name, URL, host, host:port and mail address", "这不是名字、URL、主机、主机:端口或邮箱地址"}
	wordNoProviderOf    = text{"it is not known who carries mail of %s: parley init %s looks for a server, or give its URL", "不知道 %s 的邮件由谁承接：parley init %s 可以查找服务器，或直接给出 URL"}
)

// What config says.
var (
	wordConfigShort = text{"servers that have names: where they are, and where their passwords are", "有名字的服务器：在哪里，密码放在哪里"}
	wordConfigLong  = text{
		`Servers that have names: where they are, and where their passwords are.

  parley init kim@example.com          sets one up
  parley config                        shows all of them
  parley config --check                can each password be had?
  parley config set-password work      keeps its password in the system's keyring
  parley send --server work ...        uses it

They stand in one file, which people may edit: docs/config.md describes it. It is the file that PARLEY_CONFIG names, or else parley/config.toml below XDG_CONFIG_HOME (or ~/.config), or else /etc/parley/config.toml. No password is ever printed.`,
		`有名字的服务器：在哪里，密码放在哪里。

  parley init kim@example.com          引导设置一个
  parley config                        列出所有服务器
  parley config --check                每个密码是否取得到？
  parley config set-password work      把它的密码存入系统密钥环
  parley send --server work ...        使用它

它们写在一个文件里，可以手工编辑，格式见 docs/config.md。文件由 PARLEY_CONFIG 指定，否则是 XDG_CONFIG_HOME（或 ~/.config）下的 parley/config.toml，再否则是 /etc/parley/config.toml。任何情况下都不会打印密码。`}
	wordConfigPath    = text{"print where the file is, or would be", "打印文件的位置（尚不存在时为将要写入的位置）"}
	wordConfigShow    = text{"show all servers, or one", "显示所有服务器，或其中一个"}
	wordConfigSet     = text{"keep a server's password in the keyring, or in a file of its own; it is typed without being shown, or read from standard input", "把服务器的密码存入密钥环或单独的文件；输入时不显示，也可从标准输入读取"}
	wordConfigDefault = text{"set which server is taken where none is named", "设置未指明时使用的服务器"}
	wordConfigRemove  = text{"take a server out of the file, and its password out of the keyring", "从文件中删除服务器，并从密钥环中删除其密码"}

	wordNoConfigCommand = text{"%q is no command of config: path, show, set-password, default, remove", "config 没有命令 %q：可用 path、show、set-password、default、remove"}
	wordWhichServer     = text{"name a server: parley config shows those that there are", "请指明服务器：parley config 可列出所有服务器"}
	wordNoEntry         = text{"there is no server %q in %s: parley config shows those that there are", "没有服务器 %q（%s）：parley config 可列出所有服务器"}
	wordNoConfigPath    = text{"nothing says where the file is: set HOME or PARLEY_CONFIG", "不知道文件在哪里：请设置 HOME 或 PARLEY_CONFIG"}
	wordNotThereYet     = text{"%s (not there yet)", "%s（尚不存在）"}
	wordNoServersYet    = text{"It has no servers. parley init sets one up.", "其中没有服务器。parley init 可引导设置。"}
	wordIsDefault       = text{"default", "默认"}
	wordLabelServer     = text{"server  ", "服务器"}
	wordLabelFrom       = text{"from    ", "发件人"}
	wordLabelSecret     = text{"password", "密码  "}
	wordNobodyLogsIn    = text{"none: nobody logs in", "无：不登录"}
	wordNotNamed        = text{"nothing says where it is", "没有说明在哪里"}
	wordNoneNeeded      = text{"none is needed", "不需要"}
	wordCanBeHad        = text{"can be had", "取得到"}
	wordCannotBeHad     = text{"cannot be had", "取不到"}
	wordInClearHere     = text{"in this file, in clear", "明文写在此文件中"}

	wordAskPassword       = text{"password of %s at %s (not shown):", "%s 在 %s 的密码（不显示）："}
	wordNoPasswordRead    = text{"no password was given: type it, or give it on standard input or by --password-file", "没有得到密码：请键入，或从标准输入、--password-file 给出"}
	wordServerWithoutUser = text{"%s has no user, and so no password", "%s 没有用户，也就没有密码"}
	wordNoKeyringHere     = text{"there is no keyring here that can keep it: --file keeps it in a file that you alone can read: %v", "这里没有可用的密钥环：用 --file 存入仅本人可读的文件：%v"}
	wordPasswordSet       = text{"%s: the password is %s", "%s：密码%s"}
	wordInFile            = text{"in %s, which you alone can read", "已存入 %s，仅本人可读"}
	wordInKeyring         = text{"in the keyring", "已存入密钥环"}
	wordDefaultSet        = text{"%s is taken where no server is named", "未指明服务器时使用 %s"}
	wordRemoved           = text{"%s is removed", "%s 已删除"}
	wordRemovedBoth       = text{"%s is removed, and its password too", "%s 及其密码已删除"}
	wordSecretLeft        = text{"the secret is left where it is: %s: %v", "密码仍留在原处：%s：%v"}
)

// configWords is what "parley config --help" says of flags, and that of the commands
// below it.
var configWords = []flagGroup{{wordFlags, []flagWord{
	{"check", "", text{"ask for each password, and say whether it can be had", "逐一取密码，说明是否取得到"}},
	{"file", "", text{"keep the password in a file beside the file of servers, which you alone can read, and not in the keyring", "把密码存入配置文件旁仅本人可读的文件，而不是密钥环"}},
	{"password-file", "FILE", text{"the password is the first line of this file (- is standard input)", "密码是该文件的第一行（- 为标准输入）"}},
	{"keep-secret", "", text{"leave the password where it is kept", "保留已存的密码"}},
	{"json", "", text{"print one JSON object", "打印一个 JSON 对象"}},
	{"lang", "en|zh", text{"the language of what is printed; if left out, that of the locale", "输出语言；省略时按系统区域设置"}},
	{"help", "", text{"print this", "打印本说明"}},
}}}
