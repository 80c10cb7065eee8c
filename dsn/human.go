package dsn

import (
	"strings"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// wording is what the part for people says of each action.
var wording = [...]struct{ subject, told diagnose.Words }{
	Failed: {
		diagnose.Words{En: "Not delivered: ", Zh: "邮件未送达："},
		diagnose.Words{En: "Your mail could not be delivered, and we have given up trying. It was for:", Zh: "您的邮件未能送达，系统已停止尝试。收件人："},
	},
	Delayed: {
		diagnose.Words{En: "Not yet delivered: ", Zh: "邮件尚未送达："},
		diagnose.Words{En: "Your mail has not been delivered yet, and we keep trying. You need not send it again. It is for:", Zh: "您的邮件尚未送达，系统会继续尝试，无需重新发送。收件人："},
	},
	Delivered: {
		diagnose.Words{En: "Delivered: ", Zh: "邮件已送达："},
		diagnose.Words{En: "Your mail was delivered to:", Zh: "您的邮件已送达以下收件人："},
	},
	Relayed: {
		diagnose.Words{En: "Passed on: ", Zh: "邮件已转交："},
		diagnose.Words{En: "Your mail was passed on to a server that may not tell whether it is delivered. It is for:", Zh: "您的邮件已转交给下一台服务器，该服务器可能不会告知是否送达。收件人："},
	},
	Expanded: {
		diagnose.Words{En: "Passed on: ", Zh: "邮件已转发："},
		diagnose.Words{En: "Your mail was delivered to an address that passes it on to several others:", Zh: "您的邮件已送达以下地址，并由此转发给多位收件人："},
	},
}

// labels of the part for people.
var (
	wordsHere     = diagnose.Words{En: "This is the mail system at ", Zh: "这里是邮件系统 "}
	wordsStop     = diagnose.Words{En: ".", Zh: "。"}
	wordsMail     = diagnose.Words{En: "It is about this mail:", Zh: "相关邮件："}
	wordsSubject  = diagnose.Words{En: "Subject: ", Zh: "主题："}
	wordsTo       = diagnose.Words{En: "To: ", Zh: "收件人："}
	wordsDate     = diagnose.Words{En: "Date: ", Zh: "日期："}
	wordsSaid     = diagnose.Words{En: " said: ", Zh: " 的回复："}
	wordsServer   = diagnose.Words{En: "The server", Zh: "服务器"}
	wordsKnown    = diagnose.Words{En: "What happened: ", Zh: "情况："}
	wordsCause    = diagnose.Words{En: "Cause: ", Zh: "原因："}
	wordsFix      = diagnose.Words{En: "Fix: ", Zh: "解决办法："}
	wordsUntil    = diagnose.Words{En: "It will be tried until ", Zh: "系统将继续尝试，直到 "}
	wordsWhole    = diagnose.Words{En: "The mail is attached.", Zh: "原邮件见附件。"}
	wordsHeader   = diagnose.Words{En: "The header of the mail is attached.", Zh: "原邮件的邮件头见附件。"}
	wordsMore     = diagnose.Words{En: "Further recipients are named in the report that is attached.", Zh: "其余收件人见所附的投递报告。"}
	wordsSeveral  = diagnose.Words{En: " recipients", Zh: " 位收件人"}
	languageOrder = [...][2]diagnose.Lang{diagnose.English: {diagnose.English, diagnose.Chinese}, diagnose.Chinese: {diagnose.Chinese, diagnose.English}}
)

// mostTold is how many recipients are told of to people; programs are told of all.
const mostTold = 50

// subject tells what happened, and to whom.
func (l *Letter) subject() string {
	first := l.worst()
	who, ok := spec(first.Address())
	if !ok {
		who = first.Address().String()
	}
	n := 0
	for i := range l.Recipients {
		if l.Recipients[i].Action == first.Action {
			n++
		}
	}
	if n > 1 {
		who = itoa(n) + wordsSeveral.In(l.Lang)
	}
	return smtp.Printable(strings.ToValidUTF8(wording[first.Action].subject.In(l.Lang)+strings.Trim(who, "<>"), "?"))
}

// worst is the recipient of whom the sender must know first.
func (l *Letter) worst() *Recipient {
	worst := &l.Recipients[0]
	for i := range l.Recipients {
		if l.Recipients[i].Action < worst.Action {
			worst = &l.Recipients[i]
		}
	}
	return worst
}

// human is the part for people: one text, in both languages.
func (l *Letter) human(whole bool) string {
	var b strings.Builder
	for i, lang := range languageOrder[min(l.Lang, diagnose.Chinese)] {
		if i > 0 {
			b.WriteString("\n----------------------------------------\n\n")
		}
		l.tell(&b, lang, whole)
	}
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

func (l *Letter) tell(b *strings.Builder, lang diagnose.Lang, whole bool) {
	line := func(indent string, label diagnose.Words, text string) {
		if text = oneLine(text); text != "" {
			b.WriteString(indent + label.In(lang) + text + "\n")
		}
	}
	line("", wordsHere, l.ReportingMTA+wordsStop.In(lang))
	for a := Failed; a <= Expanded; a++ {
		told := false
		for i := range l.Recipients[:min(len(l.Recipients), mostTold)] {
			r := &l.Recipients[i]
			if r.Action != a {
				continue
			}
			if !told {
				b.WriteString("\n" + wording[a].told.In(lang) + "\n")
				told = true
			}
			b.WriteString("\n")
			l.tellOne(line, r, lang)
		}
	}
	if len(l.Recipients) > mostTold {
		b.WriteString("\n" + wordsMore.In(lang) + "\n")
	}
	if o := l.Original; o.Subject+o.To+o.Date != "" {
		b.WriteString("\n" + wordsMail.In(lang) + "\n\n")
		line("    ", wordsSubject, o.Subject)
		line("    ", wordsTo, o.To)
		line("    ", wordsDate, o.Date)
	}
	switch {
	case whole:
		b.WriteString("\n" + wordsWhole.In(lang) + "\n")
	case l.Content != nil:
		b.WriteString("\n" + wordsHeader.In(lang) + "\n")
	}
}

// tellOne tells of one recipient.
func (l *Letter) tellOne(line func(indent string, label diagnose.Words, text string), r *Recipient, lang diagnose.Lang) {
	line("    ", diagnose.Words{}, strings.Trim(r.Address().String(), "<>"))
	if r.Address() != r.Final {
		line("      -> ", diagnose.Words{}, strings.Trim(r.Final.String(), "<>"))
	}
	if r.Reply.Code != 0 {
		who := r.RemoteMTA
		if who == "" {
			who = wordsServer.In(lang)
		}
		said := oneLine(spoken(r).String())
		line("      ", diagnose.Words{}, who+wordsSaid.In(lang)+said)
	} else {
		line("      ", wordsKnown, r.Diagnostic)
	}
	line("      ", wordsCause, r.Why.Cause.In(lang))
	line("      ", wordsFix, r.Why.Fix.In(lang))
	if r.Action == Delayed && !r.WillRetryUntil.IsZero() {
		line("      ", wordsUntil, r.WillRetryUntil.Format(time.RFC1123Z))
	}
}

// oneLine is a text of others, made fit to stand on a line of ours. A very long one is cut.
func oneLine(s string) string {
	const most = 2000
	s = strings.Join(strings.Fields(smtp.Printable(strings.Map(noLine, s))), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + " ..."
	}
	return s
}
