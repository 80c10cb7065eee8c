package talk

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parleymail/parley/smtp"
)

// keywords are the extensions that servers offer, with a few words on each.
var keywords = map[string]words{
	"PIPELINING":          {"Commands may follow one another without waiting for replies.", "命令可以连着发，不必逐条等答复。"},
	"SIZE":                {"The most octets that a mail may have.", "邮件的最大字节数。"},
	"8BITMIME":            {"Text beyond ASCII may go as it is.", "非 ASCII 文本可以原样传送。"},
	"SMTPUTF8":            {"Addresses and headers may be in any language.", "地址和邮件头可以用任何语言。"},
	"DSN":                 {"You may ask to be told what became of a mail.", "可以要求通知投递结果。"},
	"CHUNKING":            {"The content may come in counted pieces: BDAT.", "内容可以按字节数分块传送：BDAT。"},
	"BINARYMIME":          {"Attachments may go without base64, by BDAT.", "附件可以不经 base64，用 BDAT 传送。"},
	"ENHANCEDSTATUSCODES": {"Replies bear a finer code too, such as 5.1.1.", "答复中另带更细的状态码，如 5.1.1。"},
	"STARTTLS":            {"It can go on encrypted.", "可以改用加密。"},
	"AUTH":                {"The ways to log in.", "可用的登录方式。"},
	"HELP":                {"It answers HELP.", "它回答 HELP。"},
	"VRFY":                {"It answers VRFY, if not truthfully.", "它回答 VRFY，但未必说真话。"},
	"EXPN":                {"It answers EXPN.", "它回答 EXPN。"},
	"ETRN":                {"It can be asked to send what it keeps for a domain.", "可以要求它发出为某个域名存放的邮件。"},
	"LIMITS":              {"How many recipients or mails it takes in a session.", "一次会话最多多少收件人或邮件。"},
	"REQUIRETLS":          {"A mail may demand TLS of every server on its way.", "可以要求邮件途中每一跳都用 TLS。"},
	"DELIVERBY":           {"A mail may say by when it must be there.", "可以限定送达时间。"},
	"FUTURERELEASE":       {"A mail may be held until a time of yours.", "可以指定邮件何时放行。"},
	"MT-PRIORITY":         {"A mail may have a priority.", "邮件可以带优先级。"},
	"XCLIENT":             {"A proxy may say for whom it speaks.", "代理可以说明它代表谁。"},
	"XFORWARD":            {"A proxy may say where a mail came from.", "代理可以说明邮件来自哪里。"},
	"BURL":                {"The content may be fetched from an IMAP server.", "内容可以从 IMAP 服务器取。"},
	"NO-SOLICITING":       {"It wants no advertisements.", "它不要广告。"},
	"RRVS":                {"A mail may demand that the mailbox has not changed hands.", "可以要求邮箱没有易主。"},
	"X-EXPS":              {"Exchange: logins among its own servers.", "Exchange：自家服务器之间的登录。"},
	"XEXCH50":             {"Exchange: something among its own servers.", "Exchange：自家服务器之间的事。"},
	"XRDST":               {"Exchange: something among its own servers.", "Exchange：自家服务器之间的事。"},
	"TURN":                {"The two sides may change places; forbidden since 2001.", "双方可以互换角色；2001 年起已禁用。"},
}

// What is said of turns that are no reply to a command.
var (
	wordSize      = words{"A mail may have %s octets.", "邮件最大 %s 字节。"}
	wordNoLimit   = words{"No limit is told.", "未说明上限。"}
	wordAsksUser  = words{"Base64 for %q: it asks for the user name.", "base64，即 %q：它问用户名。"}
	wordAsksPass  = words{"Base64 for %q: it asks for the password.", "base64，即 %q：它问密码。"}
	wordDecoded   = words{"Base64 for %q.", "base64，即 %q。"}
	wordUnasked   = words{"Nobody asked: the server says this of its own accord.", "没人问它：这是服务器主动说的。"}
	wordHangsUp   = words{"Nobody asked: the server is about to hang up, most often since nothing was said for too long.", "没人问它：服务器要断开了，多半是因为太久没人说话。"}
	wordNoReply   = words{"This is no SMTP reply: what answers here is another kind of server.", "这不是 SMTP 答复：对方是别的服务器。"}
	wordConnected = words{"The line is open. The server speaks first.", "连接已建立，由服务器先开口。"}
	wordEncrypted = words{"From here on nobody between can read or change anything.", "从这里起，途中无人能读或改。"}
	wordHeSaidBye = words{"The line is closed.", "连接已关闭。"}
	wordLineBroke = words{"The line broke.", "连接断了。"}
	wordYes       = words{"Yes.", "可以。"}
	wordGoOn      = words{"Go on.", "请继续。"}
	wordNoExt     = words{"An extension that Parley knows nothing of.", "Parley 不了解的扩展。"}
)

// Remark is what a turn means, in a few words; empty, where there is nothing to say, as of
// a refusal, which is more than a few words can tell.
func Remark(t Turn, l Lang) string {
	switch t.Did {
	case smtp.Connected:
		return wordConnected.in(l)
	case smtp.StartedTLS:
		return wordEncrypted.in(l)
	case smtp.Closed:
		if t.Err != nil {
			return wordLineBroke.in(l)
		}
		return wordHeSaidBye.in(l)
	case smtp.Answer:
		return answerRemark(t, l)
	default:
		return ""
	}
}

func answerRemark(t Turn, l Lang) string {
	code, text, _ := parseLine(t.Line)
	switch {
	case code == 0:
		return wordNoReply.in(l)
	case t.Unasked && t.First && code == 421:
		return wordHangsUp.in(l)
	case t.Unasked && t.First:
		return wordUnasked.in(l)
	case code >= 400:
		return ""
	case (t.To == "EHLO" || t.To == "LHLO") && !t.First:
		return keywordRemark(text, l)
	case code == 334:
		return challengeRemark(text, l)
	case !t.First:
		return ""
	}
	return means(t.To, code).in(l)
}

// means is what a reply to a command means, by the first row that fits.
func means(verb string, code int) words {
	list := notTyped[verb]
	if c := find(verb); c != nil {
		list = c.means
	}
	for _, m := range list {
		if strings.HasPrefix(strconv.Itoa(code), m.code) {
			return m.says
		}
	}
	switch code / 100 {
	case 2:
		return wordYes
	case 3:
		return wordGoOn
	}
	return words{}
}

func keywordRemark(line string, l Lang) string {
	keyword, params := cutKeyword(line)
	if keyword == "SIZE" {
		if n, err := strconv.ParseInt(params, 10, 64); err == nil && n > 0 {
			return strings.Replace(wordSize.in(l), "%s", thousands(n), 1)
		}
		return wordNoLimit.in(l)
	}
	if w, ok := keywords[keyword]; ok {
		return w.in(l)
	}
	return wordNoExt.in(l)
}

// challengeRemark is what a 334 says when its base64 is undone, where that is text.
func challengeRemark(text string, l Lang) string {
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	const most = 120
	if err != nil || len(plain) == 0 || len(plain) > most || !utf8.Valid(plain) {
		return means("AUTH", 334).in(l)
	}
	asks := wordDecoded
	switch {
	case asksUser(text):
		asks = wordAsksUser
	case strings.Contains(strings.ToLower(string(plain)), "pass"):
		asks = wordAsksPass
	}
	return strings.Replace(asks.in(l), "%q", strconv.Quote(string(plain)), 1)
}

// thousands is a number with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
