package digest

import (
	"fmt"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
)

type words = diagnose.Words

// What mails say.
var (
	wordUntitled    = words{En: "(no title)", Zh: "（无标题）"}
	wordSubjectMore = words{En: "%s: %s, and %d more", Zh: "%s：%s，另有 %d 篇"}

	wordMailMore      = words{En: "And %d more, for which there was no room here:", Zh: "另有 %d 篇，本邮件只列出标题："}
	wordMailReadOn    = words{En: "Read on", Zh: "阅读全文"}
	wordMailOriginal  = words{En: "Read it where it was published", Zh: "阅读原文"}
	wordMailWhy       = words{En: "You get this because you have subscribed to %s.", Zh: "您收到此邮件，是因为您订阅了“%s”。"}
	wordMailChoose    = words{En: "Change what you get", Zh: "更改订阅设置"}
	wordMailLeave     = words{En: "Unsubscribe", Zh: "退订"}
	wordMailColon     = words{En: ": ", Zh: "："}
	wordMailInThis    = words{En: "In this mail", Zh: "本期内容"}
	wordConfirmTopic  = words{En: "Please confirm your subscription: %s", Zh: "请确认订阅：%s"}
	wordConfirmText   = words{En: "Somebody, most likely you, has asked for %s to be sent to this address.\n\nTo say yes, open this page and press the button there:\n\n%s\n\nThe link is good until %s. If you do not want it, do nothing: you will get nothing.\n", Zh: "有人（很可能是您本人）申请把“%s”发送到这个地址。\n\n如果同意，请打开下面的页面并点击其中的按钮：\n\n%s\n\n链接有效期至 %s。如果不想订阅，无需任何操作，您不会再收到邮件。\n"}
	wordAlreadyTopic  = words{En: "You are already subscribed: %s", Zh: "您已订阅：%s"}
	wordAlreadyText   = words{En: "Somebody, most likely you, has asked for %s to be sent to this address. You are subscribed already.\n\nHere you can change what you get, or unsubscribe:\n\n%s\n", Zh: "有人（很可能是您本人）申请把“%s”发送到这个地址。您已经订阅了。\n\n您可以在这里更改设置或退订：\n\n%s\n"}
	wordFrequencyName = [...]words{{En: "every day", Zh: "每天"}, {En: "every week", Zh: "每周"}, {En: "at once", Zh: "立即"}}
)

// mailWords are those of a mail's template.
type mailWords struct{ Why, Choose, Leave, ReadOn, Original, More, InThis, Colon string }

func (d *Digest) mailWords(lang diagnose.Lang, more int) mailWords {
	return mailWords{
		Why: fmt.Sprintf(wordMailWhy.In(lang), d.c.Name), Choose: wordMailChoose.In(lang), Leave: wordMailLeave.In(lang), ReadOn: wordMailReadOn.In(lang),
		Original: wordMailOriginal.In(lang), More: fmt.Sprintf(wordMailMore.In(lang), more), InThis: wordMailInThis.In(lang), Colon: wordMailColon.In(lang),
	}
}

func langTag(lang diagnose.Lang) string {
	if lang == diagnose.Chinese {
		return "zh-CN"
	}
	return "en"
}

func dateIn(t time.Time, lang diagnose.Lang) string {
	if lang == diagnose.Chinese {
		return t.Format("2006年1月2日")
	}
	return t.Format("2 January 2006")
}

func timeIn(t time.Time, lang diagnose.Lang) string {
	if lang == diagnose.Chinese {
		return t.Format("2006年1月2日 15:04 MST")
	}
	return t.Format("2 January 2006, 15:04 MST")
}

// phrase is a name as it stands before <list-id>: RFC 2919 §2. One that is not ASCII is left out, for a mail's further fields are encoded whole, and no
// program would find the brackets in that.
func phrase(name string) string {
	switch {
	case strings.ContainsFunc(name, func(r rune) bool { return r > '~' }):
		return ""
	case !strings.ContainsAny(name, `()<>[]:;@\,."`):
		return name + " "
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `" `
}
