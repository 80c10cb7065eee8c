package alert

import (
	"fmt"
	"time"

	"github.com/parleymail/parley/diagnose"
)

type words = diagnose.Words

// What mails say.
var (
	wordFires     = words{En: "FIRING", Zh: "告警"}
	wordStill     = words{En: "STILL FIRING", Zh: "持续告警"}
	wordEscalated = words{En: "ESCALATED", Zh: "告警升级"}
	wordResolved  = words{En: "RESOLVED", Zh: "已恢复"}
	wordNote      = words{En: "NOTE", Zh: "通知"}
	wordSubject   = words{En: "[%s] %s", Zh: "【%s】%s"}
	wordAndMore   = words{En: "%s, and %d more", Zh: "%s，另有 %d 条"}
	wordSummary   = words{En: "[%s] %d alerts in %d groups: %s", Zh: "【%s】%d 条告警，分属 %d 组：%s"}

	wordPartNew      = words{En: "Firing", Zh: "正在告警"}
	wordPartStill    = words{En: "Firing still", Zh: "仍在告警"}
	wordPartResolved = words{En: "Resolved", Zh: "已恢复"}
	wordPartNote     = words{En: "Has happened", Zh: "已发生"}
	wordSince        = words{En: "since %s", Zh: "始于 %s"}
	wordFromTo       = words{En: "from %s to %s", Zh: "%s 至 %s"}
	wordAt           = words{En: "at %s", Zh: "时间 %s"}
	wordTimes        = words{En: "%d times", Zh: "%d 次"}
	wordMoreHere     = words{En: "%d more, for which there is no room here: parley alert status shows them.", Zh: "另有 %d 条未能列出：可用 parley alert status 查看。"}
	wordOpen         = words{En: "Open", Zh: "查看"}

	wordWhyStall    = words{En: "No mail could leave for a while. This one tells of all that came meanwhile.", Zh: "此前一段时间邮件无法发出。本邮件汇总了期间的全部告警。"}
	wordWhyQuiet    = words{En: "This came in quiet hours, and has waited for their end.", Zh: "这些告警产生于免打扰时段，现已结束，一并通知。"}
	wordWhyRate     = words{En: "So many mails went out that this one tells of all that came since.", Zh: "由于发出的邮件过多，本邮件汇总了此后的全部告警。"}
	wordWhyEscalate = words{En: "It fires for longer than %s, and further people are told now.", Zh: "告警已持续超过 %s，现通知更多人员。"}

	wordBeat      = words{En: "%s: no sign of life", Zh: "%s：没有收到心跳"}
	wordBeatSince = words{En: "None has come since %s.", Zh: "自 %s 起没有收到。"}

	wordChartGroup = words{En: "Alerts that fired in the last day: %d now, %d at most", Zh: "最近一天的告警数：当前 %d，最多 %d"}
	wordChartWatch = words{En: "The last day of what is watched: it was well %d times and ill %d times", Zh: "最近一天的监测情况：正常 %d 次，异常 %d 次"}
	wordFooter     = words{En: "Receiver %s. Written by Parley at %s.", Zh: "接收组 %s。由 Parley 于 %s 发出。"}
)

func timeIn(t time.Time, zone *time.Location, lang diagnose.Lang) string {
	if lang == diagnose.Chinese {
		return t.In(zone).Format("2006年1月2日 15:04:05 MST")
	}
	return t.In(zone).Format("2 January 2006, 15:04:05 MST")
}

func say(w words, lang diagnose.Lang, args ...any) string { return fmt.Sprintf(w.In(lang), args...) }

func langTag(lang diagnose.Lang) string {
	if lang == diagnose.Chinese {
		return "zh-CN"
	}
	return "en"
}
