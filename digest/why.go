package digest

import (
	"net/netip"
	"net/url"
	"strings"
)

// A reason is what an error of a feed means, by what stands in it. A %s in the fix is the host that the feed is on, or its address.
type reason struct {
	has        []string // one of them
	cause, fix words
}

// reasons are what goes wrong with feeds, the first that fits. What stands in them are our own errors, those of package net, and answers of servers.
var reasons = []reason{
	{
		[]string{"is on a private network"},
		words{En: "Its host is on a private network, and nothing there is asked for on anybody's behalf unless that is allowed.", Zh: "该主机位于内部网络；未经允许，不会访问内部地址。"},
		words{En: `Where it is yours, allow its address in the file: allow = ["%s"].`, Zh: `如果是您自己的主机，请在配置文件中允许其地址：allow = ["%s"]。`},
	}, {
		[]string{"it is a web page"},
		words{En: "The address is that of a web page, and no feed.", Zh: "这个地址是网页，不是订阅源。"},
		words{En: "Look on the page for its feed, a link that says RSS or Atom, and add that.", Zh: "请在该网页上找到 RSS 或 Atom 链接，并添加那个地址。"},
	}, {
		[]string{"it is neither RSS nor Atom", "it cannot be read", "the parser has lost its way", "stand more than", "entities of its own", "too many elements"},
		words{En: "What is there is no feed, or one that is broken.", Zh: "该地址的内容不是订阅源，或已损坏。"},
		words{En: "Open the address in a browser, and see what is there. It is looked at again by itself: tell who publishes it.", Zh: "请在浏览器中打开该地址查看内容。系统会自动再次查看；也可以告知发布者。"},
	}, {
		[]string{"answers 404", "answers 410"},
		words{En: "Nothing is at this address any more.", Zh: "该地址已没有内容。"},
		words{En: "Look on its site for where the feed is now; add that, and remove this one.", Zh: "请到其网站查找新的订阅源地址，添加新的并移除这个。"},
	}, {
		[]string{"answers 401", "answers 403", "answers 407"},
		words{En: "Its server lets nobody in without a login, or no programs.", Zh: "该服务器要求登录，或不允许程序访问。"},
		words{En: "Where you have a login, add https://USER:PASSWORD@HOST/...; else ask who publishes it whether programs may read it.", Zh: "如有账号，请添加 https://USER:PASSWORD@HOST/...；否则请询问发布者是否允许程序读取。"},
	}, {
		[]string{"answers 429", "answers 5"},
		words{En: "Its server has too much to do, or is broken at this time.", Zh: "该服务器过于繁忙，或暂时出了故障。"},
		words{En: "Nothing needs to be done: it is looked at again by itself.", Zh: "无需处理：系统会自动再次查看。"},
	}, {
		[]string{"does not answer in time", "connection reset", "EOF", "network is unreachable", "no route to host"},
		words{En: "Its server does not answer, or the way there is broken.", Zh: "该服务器没有回应，或网络不通。"},
		words{En: "It is looked at again by itself. Where that goes on, try: curl https://%s/", Zh: "系统会自动再次查看。如果一直这样，请试试：curl https://%s/"},
	}, {
		[]string{"no such host", "lookup "},
		words{En: "The name of its host cannot be found.", Zh: "找不到该主机名。"},
		words{En: "See whether it is spelt right, and whether this machine finds any name: getent hosts %s", Zh: "请检查拼写，并确认本机能解析域名：getent hosts %s"},
	}, {
		[]string{"connection refused"},
		words{En: "Nothing listens at its address and port.", Zh: "该地址和端口没有服务在监听。"},
		words{En: "See whether the port is right, and whether its server runs.", Zh: "请检查端口是否正确，以及其服务是否在运行。"},
	}, {
		[]string{"x509", "tls: ", "certificate"},
		words{En: "Its server cannot prove who it is: its certificate is not valid.", Zh: "该服务器的证书无效，无法证明其身份。"},
		words{En: "Tell who runs it. Nothing is read from it until then.", Zh: "请告知其管理者；在此之前不会读取其内容。"},
	}, {
		[]string{"which is too much"},
		words{En: "It is larger than feeds may be.", Zh: "内容超过了订阅源允许的大小。"},
		words{En: "Ask who publishes it for a shorter one, with the newest articles alone.", Zh: "请向发布者索取只含最新文章的较短订阅源。"},
	}, {
		[]string{"leads on too often"},
		words{En: "It leads from one address to the next without end.", Zh: "该地址不断跳转。"},
		words{En: "Open it in a browser, and add the address that it ends at.", Zh: "请在浏览器中打开，并添加最终的地址。"},
	},
}

// Why tells what a feed's Error means, and what to do; both are empty where it has none, or that is not known.
func (f *Feed) Why() (cause, fix words) {
	for _, r := range reasons {
		for _, has := range r.has {
			if !strings.Contains(f.Error, has) {
				continue
			}
			host := f.URL
			if u, err := url.Parse(f.URL); err == nil {
				host = u.Hostname()
			}
			if at, _, ok := strings.Cut(f.Error, " is on a private"); ok {
				if addr, err := netip.ParseAddr(at); err == nil {
					host = netip.PrefixFrom(addr, addr.BitLen()).String()
				}
			}
			return r.cause, words{En: strings.ReplaceAll(r.fix.En, "%s", host), Zh: strings.ReplaceAll(r.fix.Zh, "%s", host)}
		}
	}
	return words{}, words{}
}
