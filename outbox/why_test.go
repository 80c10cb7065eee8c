package outbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
)

// TestWhy: each state is told of in both languages, with what can be done where something can.
func TestWhy(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := now.Add(5 * time.Minute)
	before := now.Add(-time.Hour)
	busy := &outbox.Tally{Workers: 1, Lanes: []outbox.LaneTally{{Name: "qq/a", Waiting: 7, Sending: 2}}}
	shut := &outbox.Tally{Workers: 1, Lanes: []outbox.LaneTally{{Name: "qq/a", Waiting: 7, Open: at, Why: "550 Connection frequency limited"}}}
	slow := &outbox.Tally{Workers: 1, Lanes: []outbox.LaneTally{{Name: "qq/a", Waiting: 7, SlowTo: at, Rate: 30, Why: "450 4.2.1 too fast"}}}
	limited := &outbox.Tally{Workers: 1, Lanes: []outbox.LaneTally{{Name: "qq/a", Waiting: 7, Minute: 3, Hour: 9, Next: now.Add(20 * time.Second)}}}
	for _, test := range []struct {
		name   string
		item   outbox.Item
		tally  *outbox.Tally
		en, zh string
		fix    bool
	}{
		{"suspended", outbox.Item{Lane: "qq/a", Next: before}, shut, "waits: lane qq/a is suspended until 12:05:00 after 550 Connection frequency limited", "等待中：通道 qq/a 暂停到 12:05:00，原因：550 Connection frequency limited", true},
		{"not before", outbox.Item{Next: now.Add(48 * time.Hour)}, nil, "waits: it is not to be sent before 2026-11-25 12:00", "等待中：最早在 2026-11-25 12:00 发送", false},
		{"deferred", outbox.Item{State: outbox.Deferred, Lane: "qq/a", Next: at, Attempts: 2, Reply: "451 4.3.0 disk full"}, busy, "waits for attempt 3 at 12:05:00: 451 4.3.0 disk full", "等待 12:05:00 的第 3 次尝试：451 4.3.0 disk full", true},
		{"nobody", outbox.Item{Next: before}, new(outbox.Tally), "waits: nobody is at work", "等待中：没有进程在发送", true},
		{"not routed", outbox.Item{Next: before}, busy, "waits: it is not settled yet which server takes it", "等待中：还没有确定由哪个服务器发送", false},
		{"slowed", outbox.Item{Lane: "qq/a", Next: before}, slow, "waits its turn: lane qq/a is slowed down to 30 recipients a minute until 12:05:00, and 7 wait in it: 450 4.2.1 too fast", "排队中：通道 qq/a 降速到每分钟 30 个收件人，直到 12:05:00，共有 7 个在等：450 4.2.1 too fast", false},
		{"turn", outbox.Item{Lane: "qq/a", Next: before}, busy, "waits its turn: 7 wait in lane qq/a, and 2 are being sent", "排队中：共有 7 个在通道 qq/a 中等待，2 个正在发送", false},
		{"limited", outbox.Item{Lane: "qq/a", Next: before}, limited, "waits its turn: lane qq/a sends on at 12:00:20, as its limits allow; 3 were tried in the last minute, 9 in the last hour, and 7 wait", "排队中：通道 qq/a 受限额约束，将在 12:00:20 继续发送；过去一分钟尝试了 3 个，过去一小时 9 个，还有 7 个在等", false},
		{"no tally", outbox.Item{Lane: "qq/a", Next: before}, nil, "waits its turn in lane qq/a", "在通道 qq/a 中排队", false},
		{"sending", outbox.Item{State: outbox.Sending, Lane: "qq/a", Attempts: 1}, nil, "is being sent now, by qq/a: attempt 1", "正在经由 qq/a 发送：第 1 次尝试", false},
		{"held", outbox.Item{State: outbox.Held, Changed: before, Reply: "kim: wait for Monday"}, nil, "is held since 11:00:00: kim: wait for Monday", "自 11:00:00 起被扣留：kim: wait for Monday", true},
		{"unknown", outbox.Item{State: outbox.Unknown, Changed: before}, nil, "may have been taken: ", "可能已被收下：", true},
		{"sent", outbox.Item{State: outbox.Sent, Changed: before, Reply: "250 2.0.0 ok: queued as 7"}, nil, "was sent at 11:00:00: 250 2.0.0 ok: queued as 7", "已于 11:00:00 发送：250 2.0.0 ok: queued as 7", false},
		{"bounced", outbox.Item{State: outbox.Bounced, Changed: before, Reply: "550 5.1.1 <kim@example.net>: Recipient address rejected: User unknown"}, nil, "was given up at 11:00:00: 550 5.1.1 <kim@example.net>", "已于 11:00:00 放弃：550 5.1.1", true},
		{"bounced for no known reason", outbox.Item{State: outbox.Bounced, Changed: before, Reply: "the transport said no"}, nil, "was given up at 11:00:00: the transport said no", "已于 11:00:00 放弃：the transport said no", false},
		{"expired", outbox.Item{State: outbox.Expired, Changed: before}, nil, "was given up at 11:00:00, when its time was over", "到 11:00:00 已过期，不再尝试", false},
		{"cancelled", outbox.Item{State: outbox.Cancelled, Changed: before}, nil, "was cancelled at 11:00:00", "已于 11:00:00 取消", false},
		{"hostile", outbox.Item{State: outbox.Sent, Changed: before, Reply: "250 \x1b[31mred"}, nil, `was sent at 11:00:00: 250 \x1b[31mred`, `已于 11:00:00 发送：250 \x1b[31mred`, false},
	} {
		r := outbox.Why(test.item, test.tally, now)
		if !strings.HasPrefix(r.Cause.En, test.en) || !strings.HasPrefix(r.Cause.Zh, test.zh) {
			t.Errorf("%s: %q, %q", test.name, r.Cause.En, r.Cause.Zh)
		}
		if has := r.Fix.En != "" && r.Fix.Zh != ""; has != test.fix {
			t.Errorf("%s: what to do is %q, %q", test.name, r.Fix.En, r.Fix.Zh)
		}
	}
	for s := outbox.Queued; s <= outbox.Cancelled; s++ {
		if r := outbox.Why(outbox.Item{State: s}, nil, now); r.Cause.En == "" || r.Cause.Zh == "" {
			t.Errorf("nothing is said of %v", s)
		}
	}
}

// TestStuck: nothing can be sent where all that is queued waits for lanes that are suspended, and nothing is on its way.
func TestStuck(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	shut := outbox.LaneTally{Name: "a", Waiting: 3, Open: now.Add(time.Minute)}
	open := outbox.LaneTally{Name: "b", Waiting: 2, Open: now.Add(-time.Minute)}
	for _, test := range []struct {
		name            string
		queued, sending int
		lanes           []outbox.LaneTally
		stuck           bool
	}{
		{"nothing is there", 0, 0, nil, true},
		{"not settled yet which lane", 1, 0, nil, false},
		{"all wait for one that is suspended", 3, 0, []outbox.LaneTally{shut}, true},
		{"some can go", 5, 0, []outbox.LaneTally{shut, open}, false},
		{"the last is on its way", 3, 1, []outbox.LaneTally{shut}, false},
	} {
		tally := &outbox.Tally{States: map[outbox.State]int{outbox.Queued: test.queued, outbox.Sending: test.sending}, Lanes: test.lanes}
		if stuck := tally.Stuck(now); stuck != test.stuck {
			t.Errorf("%s: %v", test.name, stuck)
		}
	}
}
