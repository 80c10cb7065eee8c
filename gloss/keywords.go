package gloss

import (
	"strconv"
	"strings"

	"github.com/parleymail/parley/diagnose"
)

// keywords are the extensions that servers offer.
var keywords = map[string]diagnose.Words{
	"PIPELINING":          {En: "Commands may follow one another without waiting for each reply.", Zh: "命令可以连着发，不必逐条等回复。"},
	"8BITMIME":            {En: "Text beyond ASCII may go as it is.", Zh: "非 ASCII 文本可以原样传送。"},
	"SMTPUTF8":            {En: "Addresses and headers may be in any language.", Zh: "地址和邮件头可以用任何语言。"},
	"DSN":                 {En: "The client may ask to be told what became of a mail.", Zh: "可以要求通知投递结果。"},
	"CHUNKING":            {En: "The content may come in counted pieces: BDAT.", Zh: "内容可以按字节数分块传送：BDAT。"},
	"BINARYMIME":          {En: "Attachments may go without base64, by BDAT.", Zh: "附件可以不经 base64，用 BDAT 传送。"},
	"ENHANCEDSTATUSCODES": {En: "Replies bear a finer code too, such as 2.1.5.", Zh: "回复中另带更细的状态码，如 2.1.5。"},
	"STARTTLS":            {En: "It can go on encrypted.", Zh: "可以改用加密。"},
	"AUTH":                {En: "The ways to log in.", Zh: "可用的登录方式。"},
	"HELP":                {En: "It answers HELP.", Zh: "它回答 HELP。"},
	"VRFY":                {En: "It answers VRFY, if not truthfully.", Zh: "它回答 VRFY，但未必说真话。"},
	"EXPN":                {En: "It answers EXPN.", Zh: "它回答 EXPN。"},
	"ETRN":                {En: "It can be asked to send what it keeps for a domain.", Zh: "可以要求它发出为某个域名存放的邮件。"},
	"LIMITS":              {En: "How many recipients or mails it takes in a session.", Zh: "一次会话最多多少收件人或邮件。"},
	"REQUIRETLS":          {En: "A mail may demand TLS of every server on its way.", Zh: "可以要求邮件途中每一跳都用 TLS。"},
	"DELIVERBY":           {En: "A mail may say by when it must be there.", Zh: "可以限定送达时间。"},
	"FUTURERELEASE":       {En: "A mail may be held until a time that the client names.", Zh: "可以指定邮件何时放行。"},
	"MT-PRIORITY":         {En: "A mail may have a priority.", Zh: "邮件可以带优先级。"},
	"XCLIENT":             {En: "A proxy may say for whom it speaks.", Zh: "代理可以说明它代表谁。"},
	"XFORWARD":            {En: "A proxy may say where a mail came from.", Zh: "代理可以说明邮件来自哪里。"},
	"BURL":                {En: "The content may be fetched from an IMAP server.", Zh: "内容可以从 IMAP 服务器取。"},
	"NO-SOLICITING":       {En: "It wants no advertisements.", Zh: "它不要广告。"},
	"RRVS":                {En: "A mail may demand that the mailbox has not changed hands.", Zh: "可以要求邮箱没有易主。"},
	"X-EXPS":              {En: "Exchange: logins among its own servers.", Zh: "Exchange：自家服务器之间的登录。"},
	"XEXCH50":             {En: "Exchange: something among its own servers.", Zh: "Exchange：自家服务器之间的事。"},
	"XRDST":               {En: "Exchange: something among its own servers.", Zh: "Exchange：自家服务器之间的事。"},
	"TURN":                {En: "The two sides may change places; forbidden since 2001.", Zh: "双方可以互换角色；2001 年起已禁用。"},
}

// What is said of extensions that say more than their name does.
var (
	wordSize      = diagnose.Words{En: "A mail may have %s octets. A larger one is not even begun.", Zh: "邮件最大 %s 字节；超过的根本不会开始发。"}
	wordNoLimit   = diagnose.Words{En: "No limit on a mail's size is told.", Zh: "未说明邮件大小的上限。"}
	wordNoKeyword = diagnose.Words{En: "An extension that Parley knows nothing of.", Zh: "Parley 不了解的扩展。"}
)

// keywordRemark is what is said of a line of the reply to EHLO.
//
// QUIRK: old servers write AUTH=LOGIN for AUTH LOGIN.
func keywordRemark(line string) remark {
	keyword, params, _ := strings.Cut(strings.TrimSpace(line), " ")
	keyword, _, _ = strings.Cut(strings.ToUpper(keyword), "=")
	if keyword == "SIZE" {
		if n, err := strconv.ParseInt(strings.TrimSpace(params), 10, 64); err == nil && n > 0 {
			return remark{says: wordSize, value: thousands(n)}
		}
		return remark{says: wordNoLimit}
	}
	if w, ok := keywords[keyword]; ok {
		return remark{says: w}
	}
	return remark{says: wordNoKeyword}
}

// thousands is a number with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
