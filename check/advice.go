package check

import (
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
)

// Causes and fixes by what was tried: where a probe has shown what it is, nothing is
// left to be guessed from words.

func causeNoName(host string) diagnose.Words {
	return say("there is no host %s", "主机 %s 不存在", host)
}

func fixNoName(host, likely string) diagnose.Words {
	if likely != "" {
		return say("the server of this provider is %s; or check the spelling of %s", "该服务商的发信服务器是 %s；或检查 %s 的拼写", likely, host)
	}
	return say("check the spelling of %s; inside a company's network, whether this machine asks its DNS", "检查 %s 的拼写；若是公司内网域名，检查本机是否使用内网 DNS", host)
}

func causeWellKnown(host, provider string) diagnose.Words {
	return say("this machine's DNS knows no host %s, which %s has had for long", "本机的 DNS 查不到 %s，而它是 %s 长期使用的服务器", host, provider)
}

func causeNoDNS(err error) diagnose.Words {
	return say("the name could not be looked up: the resolver failed, which says nothing of the server (%v)", "域名解析失败：是 DNS 解析器的问题，与邮件服务器无关（%v）", err)
}

func fixNoDNS(host string) diagnose.Words {
	return say("see whether this machine's DNS works (nslookup %s, /etc/resolv.conf); in a container, its network", "检查本机 DNS（nslookup %s、/etc/resolv.conf）；在容器中则检查容器网络", host)
}

func causeOnlyMX(host string, mx []string) diagnose.Words {
	return say("%s is a mail domain and no server: it has MX records (%s) and no address", "%s 是邮件域而非服务器：只有 MX 记录（%s），没有地址", host, first(mx))
}

func (w *walk) fixOnlyMX(mx []string) diagnose.Words {
	if p, ok := w.mxProvider(mx); ok {
		return say("to send through %s use %s", "通过 %s 发信请用 %s", p.Name, p.Hosts[0].Name)
	}
	return say("give the server for submission that your provider names, often smtp.%s or mail.%[1]s", "请填写服务商给出的发信服务器，常见为 smtp.%s 或 mail.%[1]s", w.host)
}

func causeContainer(addr string) diagnose.Words {
	return say("nothing listens at %s: inside a container localhost is the container itself, and not the machine it runs on", "%s 上没有服务：容器里的 localhost 是容器自己，不是宿主机", addr)
}

func fixContainer(port int) diagnose.Words {
	return say("use the name of the mail server's service in the compose file, or host.docker.internal:%d for the machine outside", "请用 compose 中邮件服务的名字；要连宿主机则用 host.docker.internal:%d", port)
}

func causeRefused(addr string) diagnose.Words {
	return say("the host answers, and nothing listens at %s: wrong port, the server is not running, or a firewall rejects", "主机有应答，但 %s 上没有服务：端口不对、服务未启动，或被防火墙拒绝", addr)
}

func fixRefused(port int) diagnose.Words {
	return say("see whether the server runs and listens on port %d, and on this address", "确认服务已启动，且监听在 %d 端口和这个地址上", port)
}

func causeSilent(addr string, port int) diagnose.Words {
	if port == 25 {
		return say("no answer at all from %s: clouds and home networks block port 25 outwards", "%s 毫无应答：云厂商和家庭宽带大多封锁出站 25 端口", addr)
	}
	return say("no answer at all from %s: a firewall on the way drops it, or the host is down; credentials have nothing to do with it", "%s 毫无应答：途中防火墙丢包，或主机不在线；与账号密码无关", addr)
}

func fixSilent(port int) diagnose.Words {
	if port == 25 {
		return say("send by port 465 or 587 of your provider, or have port 25 unblocked", "改用服务商的 465 或 587 端口，或申请解封 25 端口")
	}
	return say("have port %d opened outwards (security group, firewall), or try from another network", "放行出站 %d 端口（安全组、防火墙），或换一个网络再试", port)
}

func causeUnreachable(addr string) diagnose.Words {
	return say("this machine has no way to %s", "本机没有到 %s 的路由", addr)
}

func fixUnreachable() diagnose.Words {
	return say("see whether this machine is online; if only IPv6 has no way, use IPv4", "检查本机网络；若只是 IPv6 不通，请改用 IPv4")
}

// fixPorts names what other ports answered, where any did.
func (w *walk) fixPorts(ports []Port, otherwise diagnose.Words) diagnose.Words {
	urls := w.working(ports)
	if len(urls) == 0 {
		return otherwise
	}
	return say("another port of it answers: use %s", "它的其他端口可用，请用 %s", strings.Join(urls, ", "))
}

func causeSpeaksTLS(addr string) diagnose.Words {
	return say("%s speaks TLS from the first octet, and was spoken to in clear text: each waits for the other", "%s 从第一个字节起就是 TLS，却用了明文去连：双方都在等对方", addr)
}

func fixSpeaksTLS(url string) diagnose.Words {
	return say("use %s (implicit TLS: secure: true, SSL, smtps)", "请用 %s（隐式 TLS，即 secure: true、SSL、smtps）", url)
}

func causeSpeaksPlain(addr string, starttls bool) diagnose.Words {
	if starttls {
		return say("%s begins in clear text and offers STARTTLS, and was spoken to in TLS", "%s 先讲明文再 STARTTLS，却一上来就用了 TLS", addr)
	}
	return say("%s speaks clear text and offers no TLS at all", "%s 只讲明文，不支持 TLS", addr)
}

func fixSpeaksPlain(url string, starttls bool) diagnose.Words {
	if starttls {
		return say("use %s (STARTTLS: secure: false, requireTLS)", "请用 %s（STARTTLS，即 secure: false、requireTLS）", url)
	}
	return say("have TLS switched on there; inside a trusted network alone: %s", "请让该服务器启用 TLS；仅在可信内网可用 %s", url)
}

var protocols = map[Protocol]string{
	HTTP: "HTTP", IMAP: "IMAP", POP3: "POP3", SSH: "SSH", FTP: "FTP", OtherTLS: "TLS", SMTPS: "SMTP in TLS",
}

func causeSpeaks(addr string, p Protocol) diagnose.Words {
	name, ok := protocols[p]
	if !ok {
		return say("%s is no mail server: what it says is not SMTP", "%s 不是邮件服务器：它说的不是 SMTP", addr)
	}
	return say("%s is no mail server: it speaks %s", "%s 不是 SMTP 服务器：它讲的是 %s", addr, name)
}

func fixOtherProtocol(p Protocol) diagnose.Words {
	if p == IMAP || p == POP3 {
		return say("that is where mail is read; to send, use the provider's SMTP server, mostly on port 465 or 587", "那是收信服务器；发信请用服务商的 SMTP 服务器，一般是 465 或 587 端口")
	}
	return say("check host and port; for mail it is mostly 465 or 587", "检查主机和端口；发信一般是 465 或 587")
}

func causeNoGreeting(addr string, waited time.Duration) diagnose.Words {
	return say("%s takes the connection and says nothing for %v, in clear text or in TLS", "%s 接受了连接，但 %v 内明文和 TLS 都没有任何回应", addr, waited)
}

func fixNoGreeting() diagnose.Words {
	return say("some servers let strangers wait: try a longer --timeout; else see whether a firewall or antivirus sits between, and whether the port is right", "有的服务器会让陌生客户端等待：用更长的 --timeout 再试；否则检查端口，以及途中是否有防火墙或杀毒软件")
}

func causeNoSTARTTLS(addr string) diagnose.Words {
	return say("%s offers no STARTTLS, and nothing is sent without TLS", "%s 不提供 STARTTLS，而没有 TLS 就不发送", addr)
}

func (w *walk) fixNoSTARTTLS() diagnose.Words {
	return say("have TLS switched on at the server; inside a trusted network alone: smtp://%s?tls=none", "请在服务器上启用 TLS；仅在可信内网可用 smtp://%s?tls=none", w.addr)
}

func causeOldTLS(addr string, versions []string) diagnose.Words {
	return say("%s takes nothing newer than %s, which clients of today refuse", "%s 最高只支持 %s，如今的客户端会拒绝", addr, versions[len(versions)-1])
}

func fixOldTLS() diagnose.Words {
	return say("upgrade the server to TLS 1.2 or better, or send through another one", "把服务器升级到 TLS 1.2 以上，或换一台服务器")
}

func causeHandshake(versions []string) diagnose.Words {
	return say("both sides speak TLS and did not agree; the server takes %s", "双方都会 TLS 但未能谈拢；服务器支持 %s", strings.Join(versions, ", "))
}

func fixHandshake() diagnose.Words {
	return say("see whether the server wants a client certificate (?cert=FILE&key=FILE), or whether something between ends the handshake", "检查服务器是否要求客户端证书（?cert=FILE&key=FILE），或途中是否有设备中断了握手")
}

func causeCertificate(c *Certificate, name string) diagnose.Words {
	until := c.NotAfter.UTC().Format(time.DateOnly)
	switch c.Problem {
	case problemExpired:
		return say("the server's certificate expired on %s", "服务器证书已于 %s 过期", until)
	case problemEarly:
		return say("the server's certificate is valid only from %s: this machine's clock may be wrong", "服务器证书从 %s 起才有效：本机时钟可能不准", c.NotBefore.UTC().Format(time.DateOnly))
	case problemName:
		return say("the certificate is for %s, and not for %s", "证书是给 %s 的，不是给 %s 的", nameOf(c), name)
	case problemSelfSigned:
		return say("the server's certificate is signed by itself, and nobody vouches for it", "服务器证书是自签名的，没有人为它担保")
	case problemIntermediate:
		return say("the server sends its own certificate alone, without the intermediate one by %s", "服务器只发送了自己的证书，缺少签发者 %s 的中间证书", issuerOf(c))
	case problemAuthority:
		return say("the certificate is by %s, whom this machine does not know: a company's own CA, or an antivirus that sits between", "证书由 %s 签发，本机不认识它：可能是公司自建 CA，或杀毒软件在中间", issuerOf(c))
	case problemPinned:
		return say("the certificate is not the one that was pinned: it was renewed, or somebody sits between", "证书与固定的指纹不符：服务器换了证书，或有人在中间")
	}
	return say("the server's certificate is not good", "服务器证书无效")
}

func fixCertificate(c *Certificate, name string) diagnose.Words {
	switch c.Problem {
	case problemExpired:
		return say("have it renewed; until then the password is better not sent", "让服务器续期证书；在此之前最好不要发送密码")
	case problemEarly:
		return say("set this machine's clock", "校准本机时钟")
	case problemName:
		if real := wanted(c); real != "" {
			return say("connect by a name that it bears: %s", "请用证书上的名字连接：%s", real)
		}
		return say("connect by a name that the certificate bears, or have %s put into it", "请用证书上的名字连接，或把 %s 加进证书", name)
	case problemIntermediate:
		return say("have the server send the whole chain (fullchain.pem)", "让服务器发送完整证书链（fullchain.pem）")
	case problemPinned:
		return say("ask its owner, and only then pin sha256 %s", "先向服务器管理者确认，再固定 sha256 %s", c.SHA256)
	case problemSelfSigned, problemAuthority:
		return say("if it is yours, trust its CA: ?ca=FILE; or pin it: ?fingerprint=%s", "若是自己的服务器，请信任其 CA：?ca=FILE；或固定指纹：?fingerprint=%s", c.SHA256)
	}
	return say("have it mended; do not switch verification off", "请修正证书；不要关闭验证")
}

// wanted is a name of a certificate that can be connected to.
func wanted(c *Certificate) string {
	for _, n := range c.Names {
		if !strings.HasPrefix(n, "*.") {
			return n
		}
	}
	return ""
}

func causeAuthAfterTLS(addr string) diagnose.Words {
	return say("%s lets nobody log in by clear text: AUTH is offered only after STARTTLS", "%s 不允许明文登录：STARTTLS 之后才提供 AUTH", addr)
}

func fixAuthAfterTLS(url string) diagnose.Words {
	return say("use STARTTLS: %s", "请启用 STARTTLS：%s", url)
}

func causeNoAuth(addr string) diagnose.Words {
	return say("%s lets nobody log in: it is a port for other servers, or one that knows clients by their address", "%s 不提供登录：它是给其他服务器用的端口，或按 IP 地址放行", addr)
}

func fixNoAuth() diagnose.Words {
	return say("use the port for submission, mostly 465 or 587, or leave user and password out", "请用发信端口（一般是 465 或 587），或去掉用户名和密码")
}

func causeOnlyOAuth(mechs []string) diagnose.Words {
	return say("the server takes no password: it offers %s alone", "服务器不接受密码：只提供 %s", strings.Join(mechs, ", "))
}

func fixOnlyOAuth() diagnose.Words {
	return say("get an OAuth2 token and use ?auth=xoauth2", "请获取 OAuth2 令牌，并使用 ?auth=xoauth2")
}
