package gloss

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// replies are what a reply to a command means. The first that fits counts: a code, or its begin.
var replies = map[string][]struct {
	code string
	says diagnose.Words
}{
	transcript.Greeting: {
		{"220", diagnose.Words{En: "The server speaks first: its name, and 220, which means ready.", Zh: "服务器先开口：报上名字，220 表示就绪。"}}},
	"EHLO": {
		{"250", diagnose.Words{En: "Yes. Below its name stands what it can do, a line each.", Zh: "可以。名字之后逐行列出它会的扩展。"}}},
	"LHLO": {
		{"250", diagnose.Words{En: "Yes. Below its name stands what it can do, a line each.", Zh: "可以。名字之后逐行列出它会的扩展。"}}},
	"HELO": {
		{"250", diagnose.Words{En: "Yes. After HELO there are no extensions: no TLS, no login.", Zh: "可以。HELO 之后没有扩展：不能用 TLS，也不能登录。"}}},
	"STARTTLS": {
		{"220", diagnose.Words{En: "TLS begins with the next octet. What was learnt so far counts no longer.", Zh: "从下一个字节起就是 TLS。之前得知的一切作废。"}}},
	"AUTH": {
		{"235", diagnose.Words{En: "Logged in.", Zh: "登录成功。"}},
		{"334", diagnose.Words{En: "A challenge. Only who knows the password can answer.", Zh: "服务器出题，只有知道密码的人能答。"}}},
	transcript.Response: {
		{"235", diagnose.Words{En: "Logged in.", Zh: "登录成功。"}},
		{"334", diagnose.Words{En: "A challenge. Only who knows the password can answer.", Zh: "服务器出题，只有知道密码的人能答。"}}},
	"MAIL": {
		{"2", diagnose.Words{En: "The sender is taken.", Zh: "接受发件人。"}}},
	"RCPT": {
		{"251", diagnose.Words{En: "Taken, though not for a mailbox here: the server sends it on.", Zh: "接受，但邮箱不在本机：服务器会转发。"}},
		{"252", diagnose.Words{En: "Taken, without a promise that the mailbox exists.", Zh: "接受，但不保证该邮箱存在。"}},
		{"2", diagnose.Words{En: "The recipient is taken.", Zh: "接受收件人。"}}},
	"DATA": {
		{"354", diagnose.Words{En: "Yes: header, an empty line and the text, up to a line with nothing but a dot.", Zh: "可以：邮件头、一个空行、正文，直到只有一个点的一行为止。"}}},
	"BDAT": {
		{"2", diagnose.Words{En: "The chunk is taken.", Zh: "这一块已接收。"}}},
	".": {
		{"2", diagnose.Words{En: "Taken. From this reply on the server answers for the mail. Keep its number: it finds the mail in the server's log.", Zh: "已接收。从这一句起由服务器负责。记下编号，可据此在其日志中查找。"}}},
	"RSET": {
		{"2", diagnose.Words{En: "Forgotten: sender and recipients are gone, the login stays.", Zh: "已放弃：发件人和收件人清空，登录仍有效。"}}},
	"NOOP": {
		{"2", diagnose.Words{En: "It is still there.", Zh: "它还在。"}}},
	"VRFY": {
		{"252", diagnose.Words{En: "It does not say, and would take mail for it.", Zh: "它不肯说，但会接收发往该地址的邮件。"}},
		{"2", diagnose.Words{En: "The address exists.", Zh: "地址存在。"}}},
	"EXPN": {
		{"2", diagnose.Words{En: "Those are on it.", Zh: "这些是其成员。"}}},
	"HELP": {
		{"2", diagnose.Words{En: "What the server says of itself.", Zh: "服务器的自述。"}}},
	"QUIT": {
		{"221", diagnose.Words{En: "Goodbye: the server hangs up.", Zh: "再见：服务器断开连接。"}}},
}

// What is said of replies that are not in the table.
var (
	wordYes       = diagnose.Words{En: "Yes.", Zh: "可以。"}
	wordGoOn      = diagnose.Words{En: "Go on.", Zh: "请继续。"}
	wordAsksUser  = diagnose.Words{En: "Base64 for %s: it asks for the user name.", Zh: "base64，即 %s：它问用户名。"}
	wordAsksPass  = diagnose.Words{En: "Base64 for %s: it asks for the password.", Zh: "base64，即 %s：它问密码。"}
	wordDecoded   = diagnose.Words{En: "Base64 for %s.", Zh: "base64，即 %s。"}
	wordAsksAll   = diagnose.Words{En: "It waits for what proves who the client is, in base64.", Zh: "它在等客户端的身份证明，用 base64。"}
	wordUnasked   = diagnose.Words{En: "Nobody asked: the server says this of its own accord.", Zh: "没人问它：这是服务器主动说的。"}
	wordHangsUp   = diagnose.Words{En: "Nobody asked: the server is about to hang up, most often since nothing was said for too long.", Zh: "没人问它：服务器要断开了，多半是因为太久没人说话。"}
	wordNoReply   = diagnose.Words{En: "This is no SMTP reply: what answers here is another kind of server.", Zh: "这不是 SMTP 回复：对方是别的服务器。"}
	wordNotNow    = diagnose.Words{En: "Not now: 4 means that it may go later.", Zh: "现在不行：4 开头表示稍后或许可以。"}
	wordNever     = diagnose.Words{En: "No: 5 means that trying again changes nothing.", Zh: "不行：5 开头表示再试也一样。"}
	wordBadLogin  = diagnose.Words{En: "The login is refused.", Zh: "登录被拒绝。"}
	wordNotBefore = diagnose.Words{En: "Not before TLS, or before AUTH.", Zh: "须先 TLS 或先登录。"}
)

// answerRemark is what is said of a line of a reply that says yes.
func answerRemark(e smtp.Event, p transcript.Place) remark {
	text := e.Line[min(4, len(e.Line)):]
	switch {
	case p.Verb == transcript.Unasked && p.First:
		return remark{says: wordUnasked}
	case (p.Verb == "EHLO" || p.Verb == "LHLO") && !p.First:
		return keywordRemark(text)
	case p.Code == 334:
		return challengeRemark(p.Verb, text)
	case !p.First:
		return remark{}
	case p.Verb == "BDAT" && p.Stage == smtp.StageEnd:
		return means(".", p.Code)
	}
	return means(p.Verb, p.Code)
}

// refusal is what is said of a reply that says no, beside its diagnosis.
func refusal(p transcript.Place) remark {
	switch {
	case p.Verb == transcript.Unasked:
		return remark{says: wordHangsUp}
	case p.Code == 530:
		return remark{says: wordNotBefore}
	case p.Code == 535:
		return remark{says: wordBadLogin}
	case p.Code/100 == 4:
		return remark{says: wordNotNow}
	}
	return remark{says: wordNever}
}

// means is what a reply to a command means.
func means(verb string, code int) remark {
	for _, m := range replies[verb] {
		if strings.HasPrefix(strconv.Itoa(code), m.code) {
			return remark{says: m.says}
		}
	}
	switch code / 100 {
	case 2:
		return remark{says: wordYes}
	case 3:
		return remark{says: wordGoOn}
	}
	return remark{}
}

// challengeRemark is what a 334 says when its base64 is undone, where that is text.
func challengeRemark(verb, text string) remark {
	text = strings.TrimSpace(text)
	if text == "" {
		return remark{says: wordAsksAll} // of PLAIN and of tokens: RFC 4954 §4
	}
	plain, err := base64.StdEncoding.DecodeString(text)
	const most = 120
	if err != nil || len(plain) == 0 || len(plain) > most || !utf8.Valid(plain) {
		return means(verb, 334)
	}
	asks, lower := wordDecoded, strings.ToLower(string(plain))
	switch {
	case strings.Contains(lower, "user"), strings.Contains(lower, "login"), strings.Contains(lower, "name"):
		asks = wordAsksUser
	case strings.Contains(lower, "pass"):
		asks = wordAsksPass
	}
	return remark{says: asks, value: strconv.Quote(smtp.Printable(string(plain)))}
}
