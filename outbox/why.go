package outbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// A Reason is why a mail is where it is, and what can be done about it; a Fix is empty where nothing needs to be.
type Reason struct {
	Cause diagnose.Words `json:"cause"`
	Fix   diagnose.Words `json:"fix,omitzero"`
}

// Why tells why a mail is where it is: what it waits for, or what became of it. t is what is known of lanes; without it, nothing is said of
// them. Times are told in the location of now.
func Why(i Item, t *Tally, now time.Time) Reason {
	said := smtp.Printable(i.Reply)
	switch i.State {
	case Queued, Deferred:
		return waitsFor(i, t, now)
	case Sending:
		return reason("is being sent now, by %s: attempt %d", "正在经由 %s 发送：第 %d 次尝试", shownLane(i.Lane), i.Attempts)
	case Held:
		r := reason("is held since %s", "自 %s 起被扣留", clock(i.Changed, now))
		if strings.TrimLeft(said, "0123456789") == said { // a server's word is no reason to hold a mail
			r.because(said)
		}
		r.Fix = diagnose.Words{En: "Release it to have it sent, or cancel it.", Zh: "放行即可发送，也可以取消。"}
		return r
	case Unknown:
		r := reason("may have been taken: the line was cut behind its last octet at %s, and the server's word was not heard", "可能已被收下：%s 在内容的最后一个字节之后断线，没有听到服务器的回复", clock(i.Changed, now))
		r.because(said)
		r.Fix = diagnose.Words{
			En: "Ask whom it is for. Release it to have it sent again, and it may come twice; cancel it, and it may never have come.",
			Zh: "请先问收件人是否收到。放行会再发一次，可能重复；取消则可能从未送达。",
		}
		return r
	case Sent:
		r := reason("was sent at %s", "已于 %s 发送", clock(i.Changed, now))
		r.because(said)
		return r
	case Bounced:
		return meant(reason("was given up at %s", "已于 %s 放弃", clock(i.Changed, now)), said)
	case Expired:
		return meant(reason("was given up at %s, when its time was over", "到 %s 已过期，不再尝试", clock(i.Changed, now)), said)
	case Cancelled:
		r := reason("was cancelled at %s", "已于 %s 取消", clock(i.Changed, now))
		r.because(said)
		return r
	}
	return Reason{}
}

func reason(en, zh string, args ...any) Reason {
	return Reason{Cause: diagnose.Words{En: fmt.Sprintf(en, args...), Zh: fmt.Sprintf(zh, args...)}}
}

// because adds what was said last.
func (r *Reason) because(said string) {
	if said != "" {
		r.Cause.En += ": " + said
		r.Cause.Zh += "：" + said
	}
}

// meant adds what was said last, what that means, and what to do.
func meant(r Reason, said string) Reason {
	r.because(said)
	if d := diagnose.Text(said, diagnose.Hint{}); said != "" && d.Kind != "unclassified" {
		r.Fix = diagnose.Words{En: d.Cause.En + " " + d.Fix.En, Zh: d.Cause.Zh + d.Fix.Zh}
	}
	return r
}

// waitsFor is for a mail that is to be sent.
func waitsFor(i Item, t *Tally, now time.Time) Reason {
	lane := t.lane(i.Lane)
	switch {
	case lane != nil && lane.Open.After(now):
		r := reason("waits: lane %s is suspended until %s", "等待中：通道 %s 暂停到 %s", shownLane(i.Lane), clock(lane.Open, now))
		if why := smtp.Printable(lane.Why); why != "" {
			r.Cause.En += " after " + why
			r.Cause.Zh += "，原因：" + why
		}
		if d := diagnose.Text(lane.Why, diagnose.Hint{}); lane.Why != "" && d.Kind != "unclassified" {
			r.Fix = d.Fix
		}
		return r
	case i.Next.After(now) && i.Attempts == 0:
		return reason("waits: it is not to be sent before %s", "等待中：最早在 %s 发送", clock(i.Next, now))
	case i.Next.After(now):
		return meant(reason("waits for attempt %d at %s", "等待 %[2]s 的第 %[1]d 次尝试", i.Attempts+1, clock(i.Next, now)), smtp.Printable(i.Reply))
	case t != nil && t.Workers == 0:
		r := reason("waits: nobody is at work", "等待中：没有进程在发送")
		r.Fix = diagnose.Words{En: "Start parley serve, or the program that works this box off.", Zh: "请启动 parley serve，或负责发送这个信箱的程序。"}
		return r
	case i.Lane == "":
		return reason("waits: it is not settled yet which server takes it", "等待中：还没有确定由哪个服务器发送")
	case lane != nil && lane.SlowTo.After(now):
		r := reason("waits its turn: lane %s is slowed down to %s recipients a minute until %s, and %d wait in it", "排队中：通道 %s 降速到每分钟 %s 个收件人，直到 %s，共有 %d 个在等", shownLane(i.Lane), strconv.FormatFloat(lane.Rate, 'f', -1, 64), clock(lane.SlowTo, now), lane.Waiting)
		r.because(smtp.Printable(lane.Why))
		return r
	case lane != nil && lane.Next.After(now):
		return reason("waits its turn: lane %s sends on at %s, as its limits allow; %d were tried in the last minute, %d in the last hour, and %d wait",
			"排队中：通道 %s 受限额约束，将在 %s 继续发送；过去一分钟尝试了 %d 个，过去一小时 %d 个，还有 %d 个在等", shownLane(i.Lane), clock(lane.Next, now), lane.Minute, lane.Hour, lane.Waiting)
	case lane != nil:
		return reason("waits its turn: %d wait in lane %s, and %d are being sent", "排队中：共有 %d 个在通道 %s 中等待，%d 个正在发送", lane.Waiting, shownLane(i.Lane), lane.Sending)
	}
	return reason("waits its turn in lane %s", "在通道 %s 中排队", shownLane(i.Lane))
}

// lane is what is known of one; nil: nothing.
func (t *Tally) lane(name string) *LaneTally {
	if t == nil || name == "" {
		return nil
	}
	for i := range t.Lanes {
		if t.Lanes[i].Name == name {
			return &t.Lanes[i]
		}
	}
	return nil
}

func shownLane(name string) string {
	if name == "" {
		return "?"
	}
	return smtp.Printable(name)
}

// clock is a time of day, with the day where it is another.
func clock(t, now time.Time) string {
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format("2006-01-02 15:04")
}
