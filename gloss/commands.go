package gloss

import (
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// commands are what is said of a command, by its verb.
var commands = map[string]diagnose.Words{
	"EHLO":     {En: "The client says who it is, and asks what the server can do.", Zh: "客户端报上名字，并询问服务器会什么。"},
	"LHLO":     {En: "The same as EHLO over LMTP, in which each recipient gets a verdict of its own.", Zh: "LMTP 中的 EHLO；LMTP 对每个收件人分别回复结果。"},
	"HELO":     {En: "The client says who it is, as before 1995: without asking what the server can do.", Zh: "客户端只报上名字，不问服务器会什么：1995 年以前的做法。"},
	"STARTTLS": {En: "The client asks to go on encrypted.", Zh: "客户端要求改用加密。"},
	"MAIL":     {En: "The envelope begins: where a bounce would go.", Zh: "信封开始：退信寄往何处。"},
	"RCPT":     {En: "Who it is for. It goes where the envelope says, whatever To says to the reader.", Zh: "收件人。邮件按信封投递，不看邮件头的 To。"},
	"DATA":     {En: "May the content come?", Zh: "可以传内容了吗？"},
	"BDAT":     {En: "The content comes now, with its size told beforehand; LAST says that nothing follows.", Zh: "接着传内容，并先说明字节数；LAST 表示后面没有了。"},
	".":        {En: "The dot: that was all of it.", Zh: "一个点：内容到此为止。"},
	"RSET":     {En: "Forget the mail that was begun.", Zh: "放弃刚开始的邮件。"},
	"NOOP":     {En: "Nothing is asked: the client wants to know whether the server still listens.", Zh: "什么也不做，只看服务器是否还在。"},
	"VRFY":     {En: "Does this address exist?", Zh: "这个地址存在吗？"},
	"EXPN":     {En: "Who is on this list?", Zh: "这个列表里有谁？"},
	"HELP":     {En: "What does the server know?", Zh: "服务器会什么？"},
	"ETRN":     {En: "Send what is kept for this domain.", Zh: "请发出为这个域名存放的邮件。"},
	"QUIT":     {En: "The client has said all.", Zh: "客户端说完了。"},
	"XCLIENT":  {En: "A proxy says for whom it speaks.", Zh: "代理说明它代表谁。"},
	"XFORWARD": {En: "A proxy says where the mail came from.", Zh: "代理说明邮件来自哪里。"},

	transcript.Response: {En: "What the server asked for.", Zh: "回答服务器的提问。"},
}

// What is said of commands that say more than their verb does.
var (
	wordAgain      = diagnose.Words{En: "Once more: what was said in clear text counts no longer, for anybody could have changed it.", Zh: "重新问一遍：先前的明文可能被人改过，全部作废。"}
	wordMailSize   = diagnose.Words{En: "The envelope begins: where a bounce would go, and how large the mail is.", Zh: "信封开始：退信寄往何处，以及邮件有多大。"}
	wordMailNull   = diagnose.Words{En: "The envelope begins, without a sender: this is a bounce or a notice, and nothing may come back for it.", Zh: "信封开始，发件人为空：这是退信或通知，不会再为它退信。"}
	wordScram      = diagnose.Words{En: "A login. By SCRAM the password itself never goes over the line. What could give it away is printed as (secret).", Zh: "登录。SCRAM 从不传送密码本身；可能泄露密码的内容一律显示为 (secret)。"}
	wordCram       = diagnose.Words{En: "A login. By CRAM-MD5 the password itself does not go over the line. What could give it away is printed as (secret).", Zh: "登录。CRAM-MD5 不传送密码本身；可能泄露密码的内容一律显示为 (secret)。"}
	wordToken      = diagnose.Words{En: "A login by an OAuth token in place of a password. It is printed as (secret).", Zh: "登录：用 OAuth 令牌代替密码。令牌显示为 (secret)。"}
	wordExternal   = diagnose.Words{En: "A login by the client's certificate.", Zh: "用客户端证书登录。"}
	wordAuth       = diagnose.Words{En: "A login. What could give the password away is printed as (secret).", Zh: "登录。可能泄露密码的内容一律显示为 (secret)。"}
	wordAuthClear  = diagnose.Words{En: "A login in clear text: whoever sits between can read the password. It is printed as (secret).", Zh: "明文登录：途中任何人都能读到密码。这里显示为 (secret)。"}
	wordTakesBack  = diagnose.Words{En: "The client takes the login back.", Zh: "客户端取消登录。"}
	wordSpeaksHTTP = diagnose.Words{En: "This is HTTP and no SMTP: a browser, or a program with a wrong port.", Zh: "这是 HTTP 而不是 SMTP：来的是浏览器，或端口填错的程序。"}
	wordSpeaksTLS  = diagnose.Words{En: "These are octets of TLS: the client begins encrypted, and the server speaks clear text first here.", Zh: "这是 TLS 的字节：客户端一上来就加密，而服务器在此先讲明文。"}
	wordContent    = diagnose.Words{En: "Header, text and attachments: what the reader gets.", Zh: "邮件头、正文和附件：读者看到的一切。"}
)

// commandRemark is what is said of a command.
func (s *session) commandRemark(e smtp.Event, p transcript.Place) remark {
	upper := strings.ToUpper(e.Line)
	switch p.Verb {
	case "EHLO", "LHLO":
		if p.TLS && s.inClear {
			return remark{says: wordAgain}
		}
		s.inClear = !p.TLS
	case "AUTH":
		return authRemark(upper, p.TLS)
	case transcript.Response:
		if e.Line == "*" {
			return remark{says: wordTakesBack}
		}
	case "MAIL":
		switch {
		case strings.Contains(upper, "<>"):
			return remark{says: wordMailNull}
		case strings.Contains(upper, " SIZE="):
			return remark{says: wordMailSize}
		}
	case "GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT":
		if strings.Contains(upper, " HTTP/") || strings.HasPrefix(upper, "GET /") || strings.HasPrefix(upper, "POST /") {
			return remark{says: wordSpeaksHTTP}
		}
	}
	if strings.HasPrefix(e.Line, "\x16\x03") {
		return remark{says: wordSpeaksTLS}
	}
	return remark{says: commands[p.Verb]}
}

// authRemark is what is said of a login.
func authRemark(upper string, tls bool) remark {
	mechanism := ""
	if words := strings.Fields(upper); len(words) > 1 {
		mechanism = words[1]
	}
	switch {
	case strings.HasPrefix(mechanism, "SCRAM-"):
		return remark{says: wordScram}
	case mechanism == "CRAM-MD5":
		return remark{says: wordCram}
	case mechanism == "XOAUTH2", mechanism == "OAUTHBEARER":
		return remark{says: wordToken}
	case mechanism == "EXTERNAL":
		return remark{says: wordExternal}
	case !tls && (mechanism == "PLAIN" || mechanism == "LOGIN"):
		return remark{says: wordAuthClear}
	}
	return remark{says: wordAuth}
}
