package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// What was found, in words. What a server said is in many of them: it is made fit for a
// terminal here, once.
func say(en, zh string, args ...any) diagnose.Words {
	if len(args) == 0 {
		return diagnose.Words{En: en, Zh: zh}
	}
	return diagnose.Words{En: smtp.Printable(fmt.Sprintf(en, args...)), Zh: smtp.Printable(fmt.Sprintf(zh, args...))}
}

// sentence is the words as package diagnose has its causes and fixes: with a capital, and ended.
// An address at the begin stays as it is, and nothing is set behind a URL that may be copied.
func sentence(w diagnose.Words) diagnose.Words {
	begin, _, _ := strings.Cut(w.En, " ")
	if r := []rune(w.En); len(r) > 0 && !strings.ContainsAny(begin, ".:/") {
		r[0] = unicode.ToUpper(r[0])
		w.En = string(r)
	}
	if end := w.En[strings.LastIndexByte(w.En, ' ')+1:]; strings.ContainsAny(end, "/=") || len(end) > 40 {
		return w
	}
	return diagnose.Words{En: w.En + ".", Zh: w.Zh + "。"}
}

// inChinese is the words with other values in Chinese.
func inChinese(w diagnose.Words, zh string, args ...any) diagnose.Words {
	w.Zh = smtp.Printable(fmt.Sprintf(zh, args...))
	return w
}

// same is what needs no translation, being a server's.
func same(s string) diagnose.Words { return diagnose.Words{En: smtp.Printable(s)} }

func foundNotReached() diagnose.Words { return say("not reached", "未进行到这一步") }

func foundError(e *smtp.Error) diagnose.Words {
	switch {
	case e.Reply.Code != 0:
		return same(e.Reply.String())
	case e.Err != nil:
		return same(e.Err.Error())
	}
	return same(e.Kind.String())
}

func foundSocket(path string) diagnose.Words {
	return say("%s is a socket on this machine", "%s 是本机上的套接字", path)
}

func foundNotOurs(host string) diagnose.Words {
	return say("%s is looked up by whoever makes the connection", "%s 由负责连接的一方解析", host)
}

func foundLiteral(host string) diagnose.Words {
	return say("%s is an address, and needs no lookup", "%s 本身就是地址，无需解析", host)
}

func foundProxy() diagnose.Words {
	return say("left out: the way goes through a proxy", "经由代理，略过")
}

func foundNoAuth() diagnose.Words { return say("it offers no AUTH", "不提供 AUTH") }

func foundNoName(host string) diagnose.Words {
	return say("there is no host %s", "主机 %s 不存在", host)
}

func foundAddresses(host string, ips []netip.Addr) diagnose.Words {
	list := make([]string, len(ips))
	for i, ip := range ips {
		list[i] = ip.String()
	}
	return say("%s is %s", "%s 的地址是 %s", host, strings.Join(list, ", "))
}

func remarkLookup(err error) Remark {
	return Remark{"lookup-failed", say("half of the lookup failed (%v): IPv4 and IPv6 are asked for apart", "有一半解析失败（%v）：IPv4 与 IPv6 是分开查询的", err)}
}

func (w *walk) remarkMX(mx []string) Remark {
	text := say("the name has MX records (%s): that is a mail domain, where others deliver to; programs send through their provider's own server",
		"该域名有 MX 记录（%s）：它是邮件域，供别人投递；程序发信应连接服务商的发信服务器", first(mx))
	if p, ok := w.mxProvider(mx); ok {
		text = say("the name has MX records (%s): that is a mail domain; to send, %s has %s", "该域名有 MX 记录（%s）：它是邮件域；要发信，%s 用 %s", first(mx), p.Name, p.Hosts[0].Name)
	}
	return Remark{"mx", text}
}

func first(mx []string) string {
	const most = 2
	if len(mx) > most {
		return strings.Join(mx[:most], ", ") + ", ..."
	}
	return strings.Join(mx, ", ")
}

// ResultWords is the result of a connection in words: see [Address].
func ResultWords(result string) diagnose.Words {
	switch result {
	case resultConnected:
		return diagnose.Words{En: "connected", Zh: "已连接"}
	case resultRefused:
		return diagnose.Words{En: "refused", Zh: "被拒绝"}
	case resultSilent:
		return diagnose.Words{En: "no answer", Zh: "无应答"}
	case resultUnreachable:
		return diagnose.Words{En: "no route", Zh: "无路由"}
	}
	return diagnose.Words{En: "failed", Zh: "失败"}
}

func foundConnected(list []Address, addr string) diagnose.Words {
	if len(list) == 1 && !list[0].IP.IsValid() {
		return say("connected to %s", "已连接 %s", addr)
	}
	return each(list)
}

func foundNotConnected(list []Address, addr string, err error) diagnose.Words {
	if len(list) == 1 {
		if list[0].Result == resultFailed {
			return say("%s: %v", "%s：%v", addr, err)
		}
		result := ResultWords(list[0].Result)
		return diagnose.Words{En: smtp.Printable(addr) + ": " + result.En, Zh: smtp.Printable(addr) + "：" + result.Zh}
	}
	return each(list)
}

// each is what became of each address, beside one another.
func each(list []Address) diagnose.Words {
	var en, zh []string
	for _, a := range list {
		took := ""
		if a.Result == resultConnected && len(list) > 1 {
			took = " " + a.Took.Round(time.Millisecond/10).String()
		}
		result := ResultWords(a.Result)
		en = append(en, a.IP.String()+" "+result.En+took)
		zh = append(zh, a.IP.String()+" "+result.Zh+took)
	}
	return inChinese(same(strings.Join(en, ", ")), "%s", strings.Join(zh, "，"))
}

func foundOnlyTLS() diagnose.Words {
	return say("nothing in clear text, and an answer in TLS", "明文没有回应，TLS 有回应")
}

func foundOnlyPlain(banner string) diagnose.Words {
	return say("no TLS: it says %q in clear text", "不是 TLS：它以明文说 %q", banner)
}

func foundSilence(waited time.Duration) diagnose.Words {
	return say("nothing was said for %v", "%v 内没有任何回应", waited)
}

func foundSaid(s string) diagnose.Words { return same(s) }

func foundAuth(mech, reply string) diagnose.Words {
	return say("%s: %s", "%s：%s", mech, reply)
}

func foundSent(reply string) diagnose.Words {
	return say("the server has taken it: %s", "服务器已接收：%s", reply)
}

// foundKeywords is what was offered, the short of it.
func foundKeywords(keywords []string) diagnose.Words {
	var list []string
	for _, k := range keywords {
		word, rest, _ := strings.Cut(k, " ")
		switch upper := strings.ToUpper(word); {
		case strings.HasPrefix(upper, "AUTH"), upper == "SIZE" && rest != "":
			list = append(list, k)
		default:
			list = append(list, word)
		}
	}
	if len(list) == 0 {
		return say("it offers no extension", "未提供任何扩展")
	}
	return same(strings.Join(list, ", "))
}

// foundWithin is what is offered within TLS, by what is new there: the rest was told before.
func foundWithin(clear, keywords []string) diagnose.Words {
	var more, gone []string
	for _, k := range keywords {
		if !slices.Contains(clear, k) {
			more = append(more, k)
		}
	}
	for _, k := range clear {
		if !slices.Contains(keywords, k) && !strings.EqualFold(k, "STARTTLS") {
			gone = append(gone, k)
		}
	}
	w := say("the same as in clear text", "与明文时相同")
	switch {
	case len(more) > 0 && len(gone) > 0:
		w = say("new within TLS: %s; no more: %s", "TLS 内新增：%s；不再提供：%s", strings.Join(more, ", "), strings.Join(gone, ", "))
	case len(more) > 0:
		w = say("new within TLS: %s", "TLS 内新增：%s", strings.Join(more, ", "))
	case len(gone) > 0:
		w = say("no more within TLS: %s", "TLS 内不再提供：%s", strings.Join(gone, ", "))
	}
	return w
}

func foundTLS(version, cipher string) diagnose.Words { return same(version + ", " + cipher) }

func foundVersions(versions []string) diagnose.Words {
	return say("it takes %s", "支持 %s", strings.Join(versions, ", "))
}

func nameOf(c *Certificate) string {
	if len(c.Names) > 0 {
		return strings.Join(c.Names[:min(len(c.Names), 3)], ", ")
	}
	return c.Subject
}

// issuerOf is the name that people know an issuer by, or all of it.
func issuerOf(c *Certificate) string {
	for _, part := range strings.Split(c.Issuer, ",") {
		if cn, ok := strings.CutPrefix(part, "CN="); ok && !strings.HasSuffix(cn, `\`) {
			return cn
		}
	}
	return c.Issuer
}

func foundCertificate(c *Certificate) diagnose.Words {
	by := "by " + issuerOf(c)
	byZh := "签发者 " + issuerOf(c)
	if c.SelfSigned {
		by, byZh = "self-signed", "自签名"
	}
	until := c.NotAfter.UTC().Format(time.DateOnly)
	if c.DaysLeft < 0 {
		return inChinese(same(fmt.Sprintf("for %s, %s, expired on %s", nameOf(c), by, until)), "%s，%s，已于 %s 过期", nameOf(c), byZh, until)
	}
	days := "days"
	if c.DaysLeft == 1 {
		days = "day"
	}
	return inChinese(same(fmt.Sprintf("for %s, %s, until %s: %d %s", nameOf(c), by, until, c.DaysLeft, days)), "%s，%s，有效至 %s：还有 %d 天", nameOf(c), byZh, until, c.DaysLeft)
}

func foundPinned(c *Certificate) diagnose.Words {
	return say("for %s, judged by its fingerprint alone", "%s，仅以指纹验证", nameOf(c))
}

func remarkDead(code, dead, alive string) Remark {
	return Remark{code, say("%s is dead and %s answers: programs that try %[1]s first wait for it, or fail; use %[2]s, or have the record or the route mended",
		"%s 不通而 %s 可用：先试 %[1]s 的程序会空等甚至失败；请改用 %[2]s，或修复解析记录或路由", dead, alive)}
}

func remarkAuthInClear() Remark {
	return Remark{"auth-in-clear", say("it offers AUTH in clear text, before STARTTLS: a program that does not start TLS gives its password to everybody on the way",
		"STARTTLS 之前就以明文提供 AUTH：不启用 TLS 的程序会把密码暴露给途中所有人")}
}

func remarkClearText() Remark {
	return Remark{"clear-text", say("all of this goes in clear text: whoever sits between can read and change it", "全程明文：途中任何人都能读取和篡改")}
}

func remarkOnlyOAuth(mechs []string) Remark {
	return Remark{"only-oauth", say("it offers nothing but OAuth (%s): no password will do", "只支持 OAuth（%s）：用密码无法登录", strings.Join(mechs, " "))}
}

func remarkSizeSmall(size int64) Remark {
	most := fmt.Sprintf("%.1f MB", float64(size)/1e6)
	if size < 1e5 {
		most = fmt.Sprintf("%.1f kB", float64(size)/1e3)
	}
	return Remark{"size-small", say("a mail may have no more than %s, encoded attachments included (a third more than the files)",
		"单封邮件不得超过 %s，附件编码后会比原文件大三分之一", most)}
}

func remarkNotJudged(problem string) Remark {
	return Remark{"not-judged", say("the certificate is not good (%s), and nobody was to judge it", "证书有问题（%s），但设置为不验证", problem)}
}

func remarkExpires(days int) Remark {
	if days < 1 {
		return Remark{"expires-soon", say("the certificate ends within a day: renew it", "证书一天内到期：请续期")}
	}
	if days == 1 {
		return Remark{"expires-soon", say("the certificate ends in a day: renew it", "证书还有 1 天到期：请续期")}
	}
	return Remark{"expires-soon", say("the certificate ends in %d days: renew it", "证书还有 %d 天到期：请续期", days)}
}

func remarkOldTLS(versions []string) Remark {
	old := versions[:1]
	if len(versions) > 1 && oldTLS(versions[1]) {
		old = versions[:2]
	}
	return Remark{"old-tls", diagnose.Words{
		En: fmt.Sprintf("it still takes %s, given up since 2021 (RFC 8996)", strings.Join(old, " and ")),
		Zh: fmt.Sprintf("仍支持 2021 年已废止的 %s（RFC 8996）", strings.Join(old, "、")),
	}}
}

// urlAt is how a program is told of a port.
func (w *walk) urlAt(port int, security smtp.Security) string { return urlOf(w.host, port, security) }

func urlOf(host string, port int, security smtp.Security) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	switch {
	case security == smtp.ImplicitTLS && port == 465:
		return "smtps://" + host
	case security == smtp.ImplicitTLS:
		return "smtps://" + host + ":" + strconv.Itoa(port)
	case security == smtp.StartTLS && port == 587:
		return "smtp://" + host
	case security == smtp.StartTLS:
		return "smtp://" + host + ":" + strconv.Itoa(port)
	}
	return "smtp://" + host + ":" + strconv.Itoa(port) + "?tls=none"
}

// working are the ports of a server that mail could go by, as URLs: those with TLS, or else
// those without.
func (w *walk) working(ports []Port) (urls []string) {
	for _, plain := range []bool{false, true} {
		for _, p := range ports {
			if (p.Speaks == SMTP || p.Speaks == SMTPS) && (p.Security == smtp.Plaintext) == plain {
				urls = append(urls, w.urlAt(p.Number, p.Security))
			}
		}
		if len(urls) > 0 {
			break
		}
	}
	return slices.Compact(urls)
}
