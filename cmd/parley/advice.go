package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/smtp"
)

// advise gives what a failure most likely comes of, and what to do about it, in
// the reader's language: by the first row of advices that matches. The last
// matches everything.
func advise(e *smtp.Error, server string, l lang) (cause, fix string) {
	who := text{"the recipient", "收件人"}.in(l)
	if !e.Path.IsNull() {
		who = strings.Trim(e.Path.String(), "<>")
	}
	fill := strings.NewReplacer("{server}", server, "{who}", who)
	for i := range advices {
		if a := &advices[i]; a.when(e) {
			return smtp.Printable(fill.Replace(a.cause.in(l))), smtp.Printable(fill.Replace(a.fix.in(l)))
		}
	}
	return "", ""
}

// An advice is a row of the table. Its texts may hold {server} and {who}.
type advice struct {
	when       when
	cause, fix text
}

// A when tells whether a row is for an error.
type when func(*smtp.Error) bool

func all(list ...when) when {
	return func(e *smtp.Error) bool {
		return !slices.ContainsFunc(list, func(w when) bool { return !w(e) })
	}
}

func either(list ...when) when {
	return func(e *smtp.Error) bool {
		return slices.ContainsFunc(list, func(w when) bool { return w(e) })
	}
}

func not(w when) when { return func(e *smtp.Error) bool { return !w(e) } }

func kind(k smtp.Kind) when { return func(e *smtp.Error) bool { return e.Kind == k } }

func stage(list ...smtp.Stage) when {
	return func(e *smtp.Error) bool { return slices.Contains(list, e.Stage) }
}

func code(list ...int) when {
	return func(e *smtp.Error) bool { return slices.Contains(list, e.Reply.Code) }
}

// status is an enhanced code without its class: the same thing may be said for good
// and for now.
func status(subject, detail int) when {
	return func(e *smtp.Error) bool {
		c := e.Reply.Enhanced
		return c.Class != 0 && c.Subject == subject && c.Detail == detail
	}
}

// says looks for words in the reply, in lower case.
func says(words ...string) when {
	return func(e *smtp.Error) bool {
		reply := strings.ToLower(e.Reply.Text())
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(reply, w) })
	}
}

func noReply(e *smtp.Error) bool { return e.Reply.Code == 0 }

func temporary(e *smtp.Error) bool { return e.Temporary() }

func always(*smtp.Error) bool { return true }

// is is for a cause that is one certain error, as for one that is of a type.
func is(target error) when { return func(e *smtp.Error) bool { return errors.Is(e.Err, target) } }

func typed[E error](e *smtp.Error) bool {
	_, ok := errors.AsType[E](e.Err)
	return ok
}

func timeout(e *smtp.Error) bool {
	n, ok := errors.AsType[net.Error](e.Err)
	return ok && n.Timeout() || errors.Is(e.Err, os.ErrDeadlineExceeded)
}

func hungUp(e *smtp.Error) bool {
	return errors.Is(e.Err, io.EOF) || errors.Is(e.Err, io.ErrUnexpectedEOF) || errors.Is(e.Err, syscall.ECONNRESET)
}

func expired(e *smtp.Error) bool {
	c, ok := errors.AsType[x509.CertificateInvalidError](e.Err)
	return ok && c.Reason == x509.Expired
}

// asked reports whether a command was said in the conversation.
func asked(verb string) when {
	return func(e *smtp.Error) bool {
		return slices.ContainsFunc(e.Said, func(said smtp.Event) bool {
			return said.Did == smtp.Command && strings.HasPrefix(said.Line, verb)
		})
	}
}

// advices is in the order in which it is looked through: from what is known for
// certain to what is only likely.
var advices = [...]advice{
	{(*smtp.Error).Uncertain,
		text{"the connection was lost after the last line of the mail was sent and before {server} answered: it may have been taken", "邮件的最后一行已经发出，{server} 还没有答复，连接就断了：邮件可能已被接收"},
		text{"look whether it has arrived before you send it again; to send it again may deliver it twice", "先确认对方是否已收到，再决定是否重发；重发可能使对方收到两封"}},
	{all(stage(smtp.StageDial), noHost),
		text{"there is no host of the name that {server} begins with", "{server} 中的主机名不存在"},
		text{"look at how the server's name is spelled; at most providers it begins with smtp.", "检查服务器名的拼写；多数服务商的名字以 smtp. 开头"}},
	{all(stage(smtp.StageDial), typed[*net.DNSError]),
		text{"the name of the server could not be looked up", "无法解析服务器名"},
		text{"see that this machine reaches its DNS server, and try again", "确认本机能连上 DNS 服务器，然后重试"}},
	{all(stage(smtp.StageDial), is(syscall.ECONNREFUSED)),
		text{"nothing listens at {server}", "{server} 上没有程序在监听"},
		text{"check host and port (465 for smtps://, 587 for smtp://), and that the server runs", "检查主机和端口（smtps:// 用 465，smtp:// 用 587），并确认服务器在运行"}},
	{all(stage(smtp.StageDial), either(is(syscall.ENETUNREACH), is(syscall.EHOSTUNREACH))),
		text{"there is no way from this machine to {server}", "本机没有到 {server} 的路由"},
		text{"check this machine's network; where the name has IPv6 addresses, whether IPv6 works here", "检查本机网络；若该名字有 IPv6 地址，检查本机 IPv6 是否可用"}},
	{all(stage(smtp.StageDial), is(os.ErrNotExist)),
		text{"there is no socket {server}", "套接字 {server} 不存在"},
		text{"check the path, and that the server runs", "检查路径，并确认服务器在运行"}},
	{all(stage(smtp.StageDial), timeout, not(func(e *smtp.Error) bool { return interrupted(e) && e.Kind == smtp.Interrupted })),
		text{"no answer came from {server}: most likely a firewall drops what is sent there", "{server} 没有回应：很可能被防火墙丢弃"},
		text{"many networks block port 25: use 465 or 587, or ask whoever runs this network", "许多网络封锁 25 端口：改用 465 或 587，或询问网络管理员"}},
	{all(kind(smtp.Interrupted), timeout),
		text{"the time given by --timeout was over", "--timeout 给定的时间已到"},
		text{"give it more time, or see with -v where it waits", "给更长的时间，或用 -v 看它在哪一步等待"}},
	{kind(smtp.Interrupted),
		text{"it was interrupted; nothing was sent", "操作被中断；没有发出任何邮件"},
		text{"run it again", "重新运行"}},
	{all(stage(smtp.StageDial), kind(smtp.Invalid)),
		text{"the server's address cannot be used", "服务器地址不能使用"},
		text{"give it as smtps://user@host or smtp://user@host:587", "写成 smtps://user@host 或 smtp://user@host:587"}},
	{stage(smtp.StageDial),
		text{"no connection to {server} could be made", "无法连接到 {server}"},
		text{"check host, port and this machine's network", "检查主机、端口和本机网络"}},

	{all(stage(smtp.StageGreeting), noReply, either(timeout, hungUp)),
		text{"{server} said nothing: a server that wants TLS from the first byte waits for the client to begin", "{server} 一言不发：要求一开始就用 TLS 的服务器会等客户端先说话"},
		text{"use smtps:// if this is port 465; if the scheme is right already, the server does not want this client", "若是 465 端口请用 smtps://；若协议已对，则是服务器不接受这个客户端"}},
	{all(stage(smtp.StageGreeting), kind(smtp.Garbled)),
		text{"what answers at {server} is not an SMTP server", "{server} 上应答的不是 SMTP 服务器"},
		text{"check host and port: 465 for smtps://, 587 for smtp://", "检查主机和端口：smtps:// 用 465，smtp:// 用 587"}},
	{all(stage(smtp.StageGreeting, smtp.StageHello), temporary, not(noReply)),
		text{"the server takes no mail from us now", "服务器暂时不接收我们的邮件"},
		text{"try again later, and with fewer connections", "稍后重试，并减少连接数"}},
	{all(stage(smtp.StageGreeting), kind(smtp.Refused)),
		text{"the server does not want to speak with this machine", "服务器拒绝与本机通信"},
		text{"read its reply: often the address of this machine is on a block list; a provider's submission port (465, 587) asks for a login instead", "看它的答复：常因本机地址在黑名单中；服务商的提交端口（465、587）只要求登录"}},
	{all(stage(smtp.StageHello), kind(smtp.Refused)),
		text{"the server does not like the name that we gave in EHLO", "服务器不接受我们在 EHLO 中给出的名字"},
		text{"give the full name of this machine as ?hello=NAME in the server's URL", "在服务器 URL 中用 ?hello=NAME 给出本机的完整域名"}},
	{all(stage(smtp.StageHello), kind(smtp.Invalid)),
		text{"the name that we go by is none", "我们自称的名字无效"},
		text{"give a host name as ?hello=NAME in the server's URL", "在服务器 URL 中用 ?hello=NAME 给出主机名"}},

	{all(stage(smtp.StageTLS), typed[tls.RecordHeaderError]),
		text{"{server} speaks plain text first, and we began with TLS", "{server} 先说明文，而我们一开始就用了 TLS"},
		text{"use smtp:// (STARTTLS) on this port, or smtps:// on port 465", "此端口用 smtp://（STARTTLS），或在 465 端口用 smtps://"}},
	{all(stage(smtp.StageTLS), expired),
		text{"the server's certificate is not valid now: it is over, or not yet begun", "服务器证书此刻无效：已过期或尚未生效"},
		text{"check the clock of this machine; if it is right, the server's operator must renew the certificate", "检查本机时钟；若时钟正确，须由服务器管理员更新证书"}},
	{all(stage(smtp.StageTLS), typed[x509.HostnameError]),
		text{"the server's certificate is for another name than the one we asked for", "服务器证书上的名字不是我们要找的名字"},
		text{"use one of the names in the certificate as the host", "主机改用证书中列出的名字"}},
	{all(stage(smtp.StageTLS), typed[x509.UnknownAuthorityError]),
		text{"the server's certificate was not issued by anybody whom this machine trusts", "服务器证书的签发者不受本机信任"},
		text{"for a CA of your own add ?ca=FILE to the server's URL, for this one certificate ?fingerprint=SHA256", "若是自己的 CA，在服务器 URL 加 ?ca=FILE；若只信这张证书，加 ?fingerprint=SHA256"}},
	{all(stage(smtp.StageTLS), kind(smtp.Invalid)),
		text{"the fingerprint that was given is none", "给出的指纹无效"},
		text{"give the SHA-256 of the certificate in 64 hex digits", "给出证书 SHA-256 的 64 位十六进制数"}},
	{all(stage(smtp.StageTLS), noReply, not(asked("STARTTLS")), asked("EHLO")),
		text{"the server offers no STARTTLS here, and without TLS nothing is sent", "服务器在此不提供 STARTTLS，而没有 TLS 就不发送"},
		text{"use smtps:// on port 465 if it has that; ?tls=none only where nobody can listen", "若它有 465 端口请用 smtps://；只有在无人能窃听处才用 ?tls=none"}},
	{all(stage(smtp.StageTLS), not(noReply)),
		text{"the server offers STARTTLS and refused it", "服务器声称支持 STARTTLS 却拒绝了它"},
		text{"try again later, or smtps:// on port 465", "稍后重试，或在 465 端口用 smtps://"}},
	{all(stage(smtp.StageTLS), either(hungUp, timeout)),
		text{"the server did not answer to TLS", "服务器对 TLS 握手没有回应"},
		text{"use smtp:// (STARTTLS) if this is port 587 or 25, smtps:// on 465", "587 或 25 端口用 smtp://（STARTTLS），465 端口用 smtps://"}},
	{stage(smtp.StageTLS),
		text{"TLS could not be agreed upon with the server", "未能与服务器建立 TLS"},
		text{"the line above says why; TLS 1.2 or better is wanted on both sides", "原因见上一行；双方都须支持 TLS 1.2 以上"}},

	{all(stage(smtp.StageAuth), typed[*sasl.OfferError]),
		text{"the server offers no way to log in that goes with what was given", "服务器提供的登录方式与给出的凭据不符"},
		text{"the line above names what it offers; where that is OAuth alone, give a token with ?auth=xoauth2", "上一行列出了它提供的方式；若只有 OAuth，用 ?auth=xoauth2 给出令牌"}},
	{all(stage(smtp.StageAuth), kind(smtp.Unsupported)),
		text{"a user was given, and the server asks nobody for one here", "给出了用户名，而服务器在此不提供登录"},
		text{"leave out ?tls=none, if it stands there: many servers offer a login only within TLS; use the provider's submission port, 465 or 587; or leave user and password out", "若写了 ?tls=none，请去掉：许多服务器只在 TLS 内提供登录；使用服务商的提交端口 465 或 587；或去掉用户名和密码"}},
	{all(stage(smtp.StageAuth), kind(smtp.Insecure)),
		text{"the server could not be trusted with the password, or did not prove that it knows it", "服务器不可信而不能交出密码，或它未能证明自己知道密码"},
		text{"use smtps:// or smtp:// with a good certificate", "使用证书有效的 smtps:// 或 smtp://"}},
	{all(stage(smtp.StageAuth), temporary),
		text{"the server cannot check the password now", "服务器暂时无法核对密码"},
		text{"try again later; too many logins in a short time have this effect too", "稍后重试；短时间内登录过多也会如此"}},
	{all(stage(smtp.StageAuth), code(534)),
		text{"the server wants a stronger login than a password", "服务器要求比密码更强的登录方式"},
		text{"make an app password (authorization code) in the mailbox's settings, or use ?auth=xoauth2", "在邮箱设置中生成授权码（应用专用密码），或用 ?auth=xoauth2"}},
	{all(stage(smtp.StageAuth), kind(smtp.Unauthorized)),
		text{"user or password is wrong, or the account may not send by SMTP", "用户名或密码错误，或该账户未开启 SMTP"},
		text{"most providers want an app password (authorization code) in place of the mailbox's own, and SMTP switched on in its settings", "多数服务商要求用授权码代替邮箱密码，并在设置中开启 SMTP 服务"}},

	{func(e *smtp.Error) bool { return wantsTLS(e.Reply) },
		text{"the server wants TLS first", "服务器要求先使用 TLS"},
		text{"use smtps://, or smtp:// without ?tls=none", "用 smtps://，或去掉 ?tls=none 的 smtp://"}},
	{either(func(e *smtp.Error) bool { return wantsAuth(e.Reply) }, all(stage(smtp.StageMail, smtp.StageRcpt), says("authentication required", "relay access denied", "relaying denied", "relay not permitted"))),
		text{"the server takes mail for others only from those who log in", "服务器只为已登录的用户转发邮件"},
		text{"give user and password: smtps://user@host and a password", "给出用户名和密码：smtps://user@host 加密码"}},
	{kind(smtp.Unsupported),
		text{"this server does not offer what the mail needs", "这台服务器不提供该邮件所需的功能"},
		text{"the line above says what it is: send less, or without it, or through another server", "上一行说明了缺什么：减小邮件、去掉该要求，或换一台服务器"}},
	{kind(smtp.Invalid),
		text{"the message cannot be sent as it is", "邮件本身无法发送"},
		text{"mend what is named above; nothing was sent", "修正上面指出的问题；没有发出任何邮件"}},
	{all(stage(smtp.StageRcpt), status(1, 1)),
		text{"there is no mailbox {who}", "邮箱 {who} 不存在"},
		text{"check the address with whom it belongs to; --partial sends to the others", "向收件人核对地址；--partial 可发给其余收件人"}},
	{all(stage(smtp.StageRcpt), either(status(2, 2), code(452, 552), says("quota", "mailbox full", "mailbox is full"))),
		text{"the mailbox of {who} takes no more", "{who} 的邮箱已满"},
		text{"try later, or tell them another way; --partial sends to the others", "稍后重试，或用别的方式通知；--partial 可发给其余收件人"}},
	{all(stage(smtp.StageRcpt), either(status(1, 2), status(4, 4))),
		text{"the domain of {who} takes no mail", "{who} 的域不接收邮件"},
		text{"check what stands after the @", "检查 @ 之后的部分"}},
	{all(stage(smtp.StageRcpt), temporary, says("grey", "gray", "try again", "try later")),
		text{"the server wants to see whether we come again: greylisting", "服务器在看我们是否会再来：灰名单"},
		text{"send it again in a few minutes", "几分钟后重新发送"}},
	{all(stage(smtp.StageRcpt), temporary),
		text{"{who} cannot be taken now", "暂时不能接收 {who}"},
		text{"try again later; --partial sends to the others", "稍后重试；--partial 可发给其余收件人"}},
	{stage(smtp.StageRcpt),
		text{"the server refused {who}", "服务器拒绝了 {who}"},
		text{"its reply above says why; --partial sends to the others", "原因见上面的答复；--partial 可发给其余收件人"}},
	{all(stage(smtp.StageMail), kind(smtp.Refused), not(temporary)),
		text{"the server does not let us send from this address", "服务器不允许用这个地址发件"},
		text{"with most providers --from and --envelope-from must be the address that you log in with", "多数服务商要求 --from 和 --envelope-from 与登录地址一致"}},
	{all(stage(smtp.StageData, smtp.StageContent, smtp.StageEnd), either(code(552), status(3, 4))),
		text{"the mail is too large for this server", "邮件超过了这台服务器的大小上限"},
		text{"send fewer or smaller attachments", "减少或压缩附件"}},
	{all(stage(smtp.StageData, smtp.StageContent, smtp.StageEnd), kind(smtp.Refused), not(temporary)),
		text{"the server read the mail and does not want it: its content, or who it says it is from", "服务器看过邮件后拒收：内容，或所称的发件人"},
		text{"its reply above says why; look at From, links and attachments", "原因见上面的答复；检查发件人、链接和附件"}},

	{kind(smtp.Garbled),
		text{"what the server said is not SMTP", "服务器说的不是 SMTP"},
		text{"see with -v what it said; something between may change it", "用 -v 看它说了什么；中间可能有设备改动了内容"}},
	{kind(smtp.Unreachable),
		text{"the connection to {server} was lost in the midst of it; the mail was not taken", "与 {server} 的连接中途断开；邮件未被接收"},
		text{"try again; if it breaks at the same step each time, see with -v what was said last", "重试；若总断在同一步，用 -v 看最后说了什么"}},
	{temporary,
		text{"the server cannot take the mail now", "服务器暂时不能接收邮件"},
		text{"try again later", "稍后重试"}},
	{always,
		text{"the server refused the mail", "服务器拒绝了邮件"},
		text{"its reply above says why", "原因见上面的答复"}},
}
