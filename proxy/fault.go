package proxy

import (
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// A Side is who did something.
type Side uint8

const (
	Program  Side = iota + 1 // who connects to the proxy
	Provider                 // whom the proxy connects to
)

// String is one word: "program".
func (s Side) String() string {
	switch s {
	case Program:
		return "program"
	case Provider:
		return "provider"
	}
	return "none"
}

// A Finding is something that goes wrong, with its cause and its fix.
type Finding struct {
	At      time.Time
	Session uint64
	Stage   smtp.Stage
	Side    Side  // whose fault it is, as far as it can be told
	Fault   Fault // empty where the diagnosis is of what the provider said

	Diagnosis diagnose.Diagnosis
}

// A Fault is one of the things that the proxy finds itself. The words stay as they
// are.
type Fault string

const (
	TLSOnPlainPort Fault = "tls-on-plain-port"
	PlainOnTLSPort Fault = "plain-on-tls-port"
	HTTPRequest    Fault = "http-request"
	Distrusted     Fault = "certificate-not-trusted" // the proxy's, by the program
	BadHandshake   Fault = "tls-handshake"           // with the program
	LoginInClear   Fault = "auth-before-starttls"
	LoginTwice     Fault = "auth-not-needed"
	TLSTwice       Fault = "starttls-not-needed"
	EarlyTalk      Fault = "spoke-before-greeting"
	NotAsked       Fault = "pipelining-not-offered"
	BehindSTARTTLS Fault = "octets-behind-starttls"
	BareLFCommand  Fault = "bare-lf-in-command"
	BareLF         Fault = "bare-lf-in-content"
	BareCR         Fault = "bare-cr-in-content"
	LongLine       Fault = "line-too-long"
	SingleDot      Fault = "dot-not-doubled"
	EightBit       Fault = "eight-bit-not-declared"
	NoQuit         Fault = "no-quit"
	NotOffered     Fault = "went-after-ehlo"
	NotAWord       Fault = "nothing-said"
	GaveUp         Fault = "hung-up-midway"
	CutContent     Fault = "hung-up-in-content"
	Unheard        Fault = "hung-up-before-verdict"
	SilentProgram  Fault = "program-silent"

	NoProvider     Fault = "provider-not-reached"
	SilentProvider Fault = "provider-silent"
	ProviderGone   Fault = "provider-hung-up"
	NoVerdict      Fault = "provider-hung-up-before-verdict"
	NotSMTP        Fault = "provider-not-smtp"
	LooseEnd       Fault = "content-ended-loosely"
)

// A faultFact is what is known of a fault.
type faultFact struct {
	fault      Fault
	side       Side
	kind       diagnose.Kind
	note       string // for the transcript
	cause, fix diagnose.Words
}

// faultFacts has a row for each fault. A test walks them all.
var faultFacts = [...]faultFact{
	{TLSOnPlainPort, Program, "wrong-port-or-tls-mode",
		"the program speaks TLS from its first octet, and plain text is spoken here",
		diagnose.Words{En: "the program speaks TLS from the first octet (SSL/TLS, implicit TLS), and this port of the proxy speaks plain text", Zh: "程序一连上就讲 TLS（SSL/TLS，隐式 TLS），而代理的这个端口讲明文"},
		diagnose.Words{En: "switch SSL off in the program (no encryption between it and the proxy), or give the proxy --implicit", Zh: "在程序中关闭 SSL（它与代理之间不加密），或给代理加上 --implicit"}},
	{PlainOnTLSPort, Program, "wrong-port-or-tls-mode",
		"the program speaks plain text, and TLS is spoken here from the first octet",
		diagnose.Words{En: "the program speaks plain text, or waits for a greeting, and this port of the proxy speaks TLS from the first octet", Zh: "程序讲明文（或在等服务器先开口），而代理的这个端口从第一个字节起就讲 TLS"},
		diagnose.Words{En: "set the program to SSL/TLS (implicit), not to STARTTLS or none; or start the proxy without --implicit", Zh: "在程序中选 SSL/TLS（隐式），而不是 STARTTLS 或不加密；或启动代理时去掉 --implicit"}},
	{HTTPRequest, Program, "wrong-port-or-tls-mode",
		"what the program says is an HTTP request: it is not shown",
		diagnose.Words{En: "a browser, or a health check, speaks HTTP to this port, which speaks SMTP", Zh: "浏览器或健康检查在向这个 SMTP 端口讲 HTTP"},
		diagnose.Words{En: "point the program's SMTP settings here, and nothing that speaks HTTP", Zh: "这里只应由程序的 SMTP 设置指向，不要让 HTTP 客户端连接"}},
	{Distrusted, Program, "certificate",
		"the program does not trust the certificate of the proxy",
		diagnose.Words{En: "the program ended the TLS handshake because it does not trust the proxy's certificate", Zh: "程序不信任代理的证书，中止了 TLS 握手"},
		diagnose.Words{En: "write the certificate to a file (--save-cert FILE) and give it to the program as a CA, use --cert and --key with one that it trusts, or let it speak plain text to the proxy", Zh: "用 --save-cert FILE 存下证书并作为 CA 交给程序，或用 --cert、--key 换成它信任的证书，或让程序对代理讲明文"}},
	{BadHandshake, Program, "tls-handshake",
		"TLS with the program came to nothing",
		diagnose.Words{En: "the program and the proxy could not agree on TLS", Zh: "程序与代理未能建立 TLS"},
		diagnose.Words{En: "TLS 1.2 or better is wanted; the line above says what went wrong", Zh: "双方须支持 TLS 1.2 以上；原因见上一行"}},
	{LoginInClear, Program, "tls-required",
		"the program logs in before STARTTLS, which the provider offers",
		diagnose.Words{En: "the program says its password in clear text, though the provider offers STARTTLS", Zh: "服务商提供了 STARTTLS，程序却以明文发送密码"},
		diagnose.Words{En: "switch STARTTLS on in the program (PHPMailer: SMTPSecure = 'tls'; Python: starttls() before login(); nodemailer: requireTLS), or let the proxy speak TLS: --to smtp://... without ?tls=none", Zh: "在程序中开启 STARTTLS（PHPMailer：SMTPSecure = 'tls'；Python：login() 之前调用 starttls()；nodemailer：requireTLS），或让代理讲 TLS：--to smtp://…，去掉 ?tls=none"}},
	{LoginTwice, Program, "auth-mechanism",
		"the program logs in, and the proxy has logged in for it",
		diagnose.Words{En: "the program logs in, but the proxy has done so already and offers no AUTH", Zh: "代理已经代为登录，不再提供 AUTH，而程序仍要登录"},
		diagnose.Words{En: "switch the login off in the program, or start the proxy with --accept-login (any password will do), or with --no-login (the program's own counts)", Zh: "在程序中关闭登录；或给代理加上 --accept-login（任何密码都行），或 --no-login（用程序自己的）"}},
	{TLSTwice, Program, "starttls-unavailable",
		"the program asks for STARTTLS, and it is not offered here: the proxy speaks TLS with the provider",
		diagnose.Words{En: "the program insists on STARTTLS; the proxy speaks TLS with the provider itself, and plain text with the program", Zh: "程序坚持要 STARTTLS；而代理自己与服务商讲 TLS，与程序讲明文"},
		diagnose.Words{En: "switch STARTTLS off in the program, or start the proxy with --starttls", Zh: "在程序中关闭 STARTTLS，或给代理加上 --starttls"}},
	{EarlyTalk, Program, "protocol-error",
		"the program spoke before it was greeted",
		diagnose.Words{En: "the program speaks before the server has greeted it; many servers take that for spam and hang up", Zh: "服务器还没问候，程序就先开口；许多服务器会当作垃圾邮件而断开"},
		diagnose.Words{En: "wait for the line that begins with 220 before EHLO: RFC 5321 §3.1", Zh: "等到以 220 开头的那一行再发 EHLO：RFC 5321 §3.1"}},
	{NotAsked, Program, "protocol-error",
		"the program does not wait for replies, and the provider offers no PIPELINING",
		diagnose.Words{En: "the program sends the next command before the last one is answered, though the provider does not offer PIPELINING", Zh: "服务商没有提供 PIPELINING，程序却不等回复就发下一条命令"},
		diagnose.Words{En: "read the whole reply to each command, all of its lines, before the next is said", Zh: "每条命令都要读完整个回复（包括多行）再发下一条"}},
	{BehindSTARTTLS, Program, "protocol-error",
		"octets follow STARTTLS in clear text",
		diagnose.Words{En: "more follows STARTTLS in clear text: somebody on the way adds commands, or the program does not wait for the reply", Zh: "STARTTLS 之后还有明文：途中有人插入命令，或程序没有等回复"},
		diagnose.Words{En: "the program must say nothing between STARTTLS and the TLS handshake: RFC 3207 §4", Zh: "STARTTLS 与 TLS 握手之间程序不得发送任何内容：RFC 3207 §4"}},
	{BareLFCommand, Program, "bare-lf",
		"the program ends a command by LF alone, not by CRLF",
		diagnose.Words{En: "the program ends its commands by LF alone; some servers wait for CRLF for ever, others refuse", Zh: "程序的命令只以 LF 结尾；有的服务器会一直等 CRLF，有的会拒绝"},
		diagnose.Words{En: "end each line by CRLF (\\r\\n): RFC 5321 §2.3.8", Zh: "每行以 CRLF（\\r\\n）结尾：RFC 5321 §2.3.8"}},
	{BareLF, Program, "bare-lf",
		"a line of the content ends by LF alone, not by CRLF",
		diagnose.Words{En: "the content has line ends that are LF alone; servers that guard against SMTP smuggling refuse it", Zh: "邮件内容中有只以 LF 结尾的行；防范 SMTP 走私的服务器会拒收"},
		diagnose.Words{En: "make every line end of the content CRLF (\\r\\n) before it is sent; in PHP watch for \\n in headers and for files read as they are", Zh: "发送前把内容的每个换行都改成 CRLF（\\r\\n）；PHP 中留意邮件头里的 \\n 和直接读入的文件"}},
	{BareCR, Program, "malformed-message",
		"the content has a CR without LF",
		diagnose.Words{En: "the content has a CR that no LF follows; servers refuse it, or change it", Zh: "邮件内容中有后面不跟 LF 的 CR；服务器会拒收或改动"},
		diagnose.Words{En: "make every line end of the content CRLF (\\r\\n); encode what is not text as base64", Zh: "把内容的换行都改成 CRLF（\\r\\n）；非文本内容用 base64 编码"}},
	{LongLine, Program, "line-too-long",
		"a line is longer than 1,000 octets",
		diagnose.Words{En: "a line has more than 998 octets before its CRLF; servers refuse it, or break it and spoil signatures and attachments", Zh: "有一行在 CRLF 之前超过 998 字节；服务器会拒收，或把它折断而损坏签名和附件"},
		diagnose.Words{En: "encode the part as quoted-printable or base64, and fold long header fields: RFC 5321 §4.5.3.1.6", Zh: "该部分用 quoted-printable 或 base64 编码，过长的邮件头要折行：RFC 5321 §4.5.3.1.6"}},
	{SingleDot, Program, "malformed-message",
		"a line of the content begins with a dot that is not doubled",
		diagnose.Words{En: "a line of the content begins with one dot: the server takes it off, and the text arrives without it", Zh: "内容有一行以单个点开头：服务器会去掉这个点，收到的文本就少了它"},
		diagnose.Words{En: "double the dot at the begin of each line of the content: RFC 5321 §4.5.2", Zh: "内容每行开头的点都要写成两个：RFC 5321 §4.5.2"}},
	{EightBit, Program, "encoding-unsupported",
		"the content has octets over 127, and the program did not say BODY=8BITMIME",
		diagnose.Words{En: "the content is not plain ASCII, and MAIL did not say BODY=8BITMIME; strict servers refuse it or clear the eighth bit", Zh: "内容不是纯 ASCII，而 MAIL 命令没有声明 BODY=8BITMIME；严格的服务器会拒收或清掉第八位"},
		diagnose.Words{En: "say BODY=8BITMIME where the server offers 8BITMIME, or encode as quoted-printable or base64", Zh: "服务器提供 8BITMIME 时声明 BODY=8BITMIME，否则用 quoted-printable 或 base64 编码"}},
	{NoQuit, Program, "connection-lost",
		"the program hung up without QUIT",
		diagnose.Words{En: "the program closed the connection without QUIT; what was taken before stays taken", Zh: "程序没有发 QUIT 就断开；此前已接收的邮件不受影响"},
		diagnose.Words{En: "say QUIT and read the 221; where it hung up after a reply of 4yz or 5yz, that reply is what to look at", Zh: "先发 QUIT 并读到 221；若它是在 4xx 或 5xx 回复后断开，问题在那条回复"}},
	{NotOffered, Program, "auth-mechanism",
		"the program went away when it had read the reply to EHLO",
		diagnose.Words{En: "the program goes when it has read what is offered: it may insist on a login or on STARTTLS, and find none", Zh: "程序读完所提供的扩展就走了：它可能坚持要登录或 STARTTLS，而这里没有提供"},
		diagnose.Words{En: "switch login and encryption off in the program where the proxy does that for it; or start the proxy with --accept-login or --starttls, or with ?tls=none and --no-login, so that the provider's own offer counts", Zh: "若由代理代劳，在程序中关闭登录和加密；或给代理加上 --accept-login 或 --starttls；或用 ?tls=none 和 --no-login，以服务商自己提供的为准"}},
	{NotAWord, Program, "connection-lost",
		"the program hung up without a word",
		diagnose.Words{En: "the program, or a check whether the port is open, connected and said nothing", Zh: "程序（或端口检测）连上后一句话没说就断开了"},
		diagnose.Words{En: "nothing to do, if it was a check; otherwise see what the program says of the greeting above", Zh: "若是端口检测，无需处理；否则看程序如何对待上面的问候"}},
	{GaveUp, Program, "connection-lost",
		"the program hung up before its command was answered",
		diagnose.Words{En: "the program hung up while the provider still had a reply to give: its timeout is too short, or it ended", Zh: "服务商还没回复，程序就断开了：它的超时太短，或它已退出"},
		diagnose.Words{En: "give the program more time: RFC 5321 §4.5.3.2 wants 5 minutes for a command", Zh: "放宽程序的超时：RFC 5321 §4.5.3.2 要求每条命令等 5 分钟"}},
	{CutContent, Program, "connection-lost",
		"the program hung up in the midst of the content",
		diagnose.Words{En: "the program hung up in the midst of the content: the mail was not sent", Zh: "程序在发送内容中途断开：邮件没有发出"},
		diagnose.Words{En: "see why it stopped: its own timeout or memory limit, an attachment that could not be read, or the dot that ends the content was left out", Zh: "查它为何停下：自身的超时或内存限制、附件读取失败，或漏了结束内容的那个点"}},
	{Unheard, Program, "connection-lost",
		"the program hung up before it heard whether the mail was taken",
		diagnose.Words{En: "the program did not wait for the verdict on its mail, which may have been taken: sent again, it may arrive twice", Zh: "程序没有等到对邮件的最后回复；邮件可能已被接收，重发可能会收到两封"},
		diagnose.Words{En: "wait 10 minutes for the reply to the final dot: RFC 5321 §4.5.3.2.6", Zh: "最后那个点的回复要等 10 分钟：RFC 5321 §4.5.3.2.6"}},
	{SilentProgram, Program, "timeout",
		"the program says nothing",
		diagnose.Words{En: "it is the program's turn, and it says nothing", Zh: "轮到程序说话，而它一直沉默"},
		diagnose.Words{En: "see what the program waits for; it may not take the last reply for a whole one", Zh: "看程序在等什么；它可能没把最后的回复当作完整的"}},

	{NoProvider, Provider, "connection-lost",
		"the program is turned away, for there is no provider to speak to",
		diagnose.Words{En: "the provider could not be reached", Zh: "连不上服务商"},
		diagnose.Words{En: "see parley check", Zh: "用 parley check 检查"}},
	{SilentProvider, Provider, "timeout",
		"it is the provider's turn, and it says nothing",
		diagnose.Words{En: "it is the provider's turn, and it says nothing: it is slow on purpose, overloaded, or speaks TLS from the first octet on this port", Zh: "轮到服务商说话，而它一直沉默：它有意拖延、过载，或这个端口从第一个字节起就讲 TLS"},
		diagnose.Words{En: "before the greeting: try smtps:// with port 465; later on: wait, RFC 5321 gives it 5 minutes", Zh: "若还没有问候：试试 smtps:// 和 465 端口；若在之后：再等等，RFC 5321 允许 5 分钟"}},
	{ProviderGone, Provider, "connection-lost",
		"the provider hung up",
		diagnose.Words{En: "the provider closed the connection without a word", Zh: "服务商没有说明就断开了连接"},
		diagnose.Words{En: "try again; if it breaks at the same step each time, take that step as refused", Zh: "重试；若总断在同一步，就当那一步被拒绝"}},
	{NoVerdict, Provider, "connection-lost",
		"the provider hung up before it said whether it takes the mail",
		diagnose.Words{En: "the provider closed the connection during the content, or behind it without a verdict; if all of it was sent, the mail may have been taken", Zh: "服务商在传送内容时或内容之后断开，没有给出最后回复；若内容已全部发出，邮件可能已被接收"},
		diagnose.Words{En: "look whether it arrived before it is sent again; where it breaks during the content each time, the mail may be too large for the provider", Zh: "重发前先看是否已收到；若总在传送内容时断开，可能是邮件超过了服务商的大小限制"}},
	{NotSMTP, Provider, "wrong-port-or-tls-mode",
		"what the provider says is not SMTP",
		diagnose.Words{En: "what answers at the provider's address does not speak SMTP: another service, or TLS where plain text was expected", Zh: "服务商地址上应答的不是 SMTP：是别的服务，或在期望明文处讲了 TLS"},
		diagnose.Words{En: "use the provider's submission port: smtps://host:465 or smtp://host:587", Zh: "使用服务商的提交端口：smtps://host:465 或 smtp://host:587"}},
	{LooseEnd, Provider, "bare-lf",
		"the provider ended the content at a dot whose lines do not end by CRLF",
		diagnose.Words{En: "the program ended the content by a dot without CRLF on both sides, and the provider took that for the end; another server would wait for ever, or take more for the mail than it is", Zh: "程序结束内容的那个点前后不都是 CRLF，服务商仍当作结束；换一台服务器可能会一直等下去，或把后面的也当作邮件内容"},
		diagnose.Words{En: "end the content by CRLF . CRLF, and make all its line ends CRLF: RFC 5321 §4.1.1.4", Zh: "以 CRLF . CRLF 结束内容，所有换行都用 CRLF：RFC 5321 §4.1.1.4"}},
}

// factsOf is the row of a fault.
func factsOf(f Fault) *faultFact {
	for i := range faultFacts {
		if faultFacts[i].fault == f {
			return &faultFacts[i]
		}
	}
	return &faultFact{fault: f}
}

// diagnosis is what is said of a fault.
func (f *faultFact) diagnosis(stage smtp.Stage) diagnose.Diagnosis {
	return diagnose.Diagnosis{Kind: f.kind, Cause: f.cause, Fix: f.fix, Confidence: 0.9, Stage: stage, Text: f.note}
}
