package dsn

import (
	"strings"
)

// readAutoReply knows an automatic answer by its header: RFC 3834 §5, and what was used before it.
func readAutoReply(l *incoming, n *Notice) bool {
	auto := strings.ToLower(firstWord(strings.ReplaceAll(l.root.Get("Auto-Submitted"), ";", " ")))
	switch {
	case auto == "auto-replied":
		n.Confidence = 1
	case l.has("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply-From", "X-Mail-Autoreply"):
		n.Confidence = 0.9
	case strings.EqualFold(l.root.Get("Precedence"), "auto_reply"):
		n.Confidence = 0.9
	case holiday(l.root.Get("Subject")):
		n.Confidence = 0.7
	default:
		return false
	}
	n.Kind, n.Form = AutoReply, "rfc3834"
	if n.Original.MessageID == "" {
		n.Original.MessageID = answered(l.root)
	}
	return true
}

func (l *incoming) has(names ...string) bool {
	for f := range l.root.Fields() {
		for _, name := range names {
			if strings.EqualFold(f.Name, name) {
				return true
			}
		}
	}
	return false
}

// holiday knows the subjects with which mail programs begin their answers.
func holiday(subject string) bool {
	s := strings.ToLower(strings.TrimSpace(subject))
	for _, begin := range []string{
		"automatic reply:", "auto reply", "auto-reply", "autoreply:", "auto:", "out of office", "out of the office", "vacation reply",
		"automatische antwort:", "abwesenheitsnotiz", "réponse automatique", "respuesta automática", "自动回复", "自動回覆", "自动答复", "自動返信", "外出自动回复",
	} {
		if strings.HasPrefix(s, begin) {
			return true
		}
	}
	return false
}
