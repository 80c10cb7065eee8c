package main

import (
	"cmp"

	"github.com/parleymail/parley/alert"
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// alertDoubts tells of what is kept and was not mailed.
func (u *ui) alertDoubts(s *alert.Status, file *alert.File) {
	u.alertUnmailed(s, file)
	for i := range s.Groups {
		if g := &s.Groups[i]; g.Waits > 0 {
			u.tell(u.say(wordAlertWaits, g.Waits, g.Name, u.alertWhy(g)))
		}
	}
}

// alertWhy is why a group's alerts wait.
func (u *ui) alertWhy(g *alert.Group) string {
	why := wordAlertHeldSoon
	switch g.Held {
	case "quiet":
		why = wordAlertHeldQuiet
	case "rate":
		why = wordAlertHeldRate
	case "stall":
		why = wordAlertHeldStall
	}
	return u.say(why, g.Due.Local().Format("2006-01-02 15:04:05"))
}

// alertUnmailed tells of mails that did not arrive, of the cause and the fix once for all that fail alike, and of what becomes of them.
func (u *ui) alertUnmailed(s *alert.Status, file *alert.File) {
	const most = 20
	lang, told := diagnose.Lang(u.lang), map[string]bool{}
	for i, m := range s.Unmailed {
		if i == most {
			u.tell(u.say(wordAlertMore, len(s.Unmailed)-most))
			break
		}
		u.tell(u.say(wordAlertUnmailed, m.Receiver, cmp.Or(m.Reply, u.say(wordAlertNoReply))))
		if m.Reply == "" || told[m.Reply] {
			continue
		}
		told[m.Reply] = true
		if d := diagnose.Default().Text(m.Reply, diagnose.Hint{}); d.Cause.En != "" {
			u.tellPlain("cause: " + smtp.Printable(d.Cause.In(lang)))
			u.tellPlain("fix: " + smtp.Printable(d.Fix.In(lang)))
		}
	}
	if len(s.Unmailed) > 0 {
		if file.Send {
			u.tell(u.say(wordAlertAgain))
		}
		u.tell(u.say(wordAlertQueue, withoutPassword(file.Database)))
	}
}
