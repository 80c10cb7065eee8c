package main

// What is said of servers, wherever a command takes one.
var (
	wordNoServer        = text{"no server: give --server URL, or set SMTP_URL in the environment, or have parley init set one up", "没有服务器：用 --server URL，或设置环境变量 SMTP_URL，或用 parley init 引导设置"}
	wordNoDefaultServer = text{"no server: %s has several and no default: name one of %s by --server, or set one by parley config default NAME", "没有服务器：%s 中有多个而没有默认：用 --server 指定 %s 之一，或用 parley config default NAME 设置默认"}
	wordNoSuchServer    = text{"there is no server %q in %s: did you mean %q?", "没有服务器 %q（%s）：是不是 %q？"}
	wordServerForms     = text{"this is none of a name, URL, host, host:port and mail address", "这不是名字、URL、主机、主机:端口或邮箱地址"}
	wordNoProviderOf    = text{"it is not known who carries mail of %s: parley init %s looks for a server, or give its URL", "不知道 %s 的邮件由谁承接：parley init %s 可以查找服务器，或直接给出 URL"}
)
