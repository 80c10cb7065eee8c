package dsn

import (
	"regexp"
	"strings"
	"sync"

	"github.com/parleymail/parley/mail"
)

// hearing are the expressions for what a bounce's text says that a server said.
type hearing struct {
	replies []*regexp.Regexp // group 1 is a reply, to the end of its paragraph
	status  *regexp.Regexp
	hosts   []*regexp.Regexp
}

var hearings = sync.OnceValue(func() hearing {
	return hearing{
		replies: []*regexp.Regexp{
			regexp.MustCompile(`(?i)(?:\bsaid|returned|replied|responded with|response(?: was)?|reason|error|error_code|answer|description|说明|的回复)\s*[:：]\s*["'(<]?([45][0-5]\d[-\s,:#])`),
			regexp.MustCompile(`(?m)^[ \t>]*(?:<<<|S:|smtp;)?[ \t]*#?([45][0-5]\d[- :#])`),
			regexp.MustCompile(`(?:^|[^\w.])([45][0-5]\d[-\s]['"#]?[45]\.\d{1,3}\.\d{1,3}\b)`),
			regexp.MustCompile(`(?:^|[\s:(#"'])([45][0-5]\d[-\s:] *['"]?[A-Za-z<\p{Han}])`),
		},
		status: regexp.MustCompile(`(?:^|[\s(#:\[])([45]\.\d{1,3}\.\d{1,3})\b`),
		hosts: []*regexp.Regexp{
			regexp.MustCompile(`(?i)\b(?:remote )?host:?\s+([\w-]+(?:\.[\w-]+)+)\.?(?: ?\[[\w.:]+\])?(?: said|:|,|\s)`),
			regexp.MustCompile(`(?i)while talking to ([\w.-]+[\w])`),
			regexp.MustCompile(`(?i)\bby ([\w-]+(?:\.[\w-]+)+)\.? \[[\w.:]+\]`),
			regexp.MustCompile(`(?m)^[ \t]*(?:Remote Server at )?([\w-]+(?:\.[\w-]+)+) (?:\[|\([\d.]+\)|gave this error|returned|rejected your|did not like)`),
		},
	}
})

// mostSaid is how much is looked through for what was said of one recipient.
const mostSaid = 4 << 10

// hear takes from a bounce's text what a server said, and which.
func (r *Recipient) hear(said string) {
	said = cut(strings.TrimSpace(said), mostSaid)
	said = strings.ReplaceAll(said, ", ERROR_CODE :", " ") // QUIRK: Zoho
	h := hearings()
	for _, e := range h.replies {
		at := e.FindStringSubmatchIndex(said)
		if at == nil {
			continue
		}
		text := paragraph(said[at[2]:])
		if i := at[2]; i > 0 && (said[i-1] == '\'' || said[i-1] == '"') {
			text = strings.TrimRight(text, "'\" \n")
		}
		if reply, ok := parseReply(text); ok {
			r.Reply, r.Diagnostic = reply, ""
			break
		}
	}
	r.Status = r.Reply.Enhanced
	if m := h.status.FindStringSubmatch(said); m != nil && r.Status.Class == 0 {
		r.Status, _, _ = cutStatus(m[1])
	}
	if r.Reply.Code == 0 {
		r.Diagnostic = cut(strings.Join(strings.Fields(paragraph(said)), " "), 1<<10)
	}
	r.RemoteMTA = hostIn(said)
}

// hostIn is the server that a text says it talked to.
func hostIn(said string) string {
	for _, e := range hearings().hosts {
		if m := e.FindStringSubmatch(said); m != nil {
			return m[1]
		}
	}
	return ""
}

// overhear takes from a text that is not about one recipient alone what can only be a reply.
func (r *Recipient) overhear(text string) {
	heard := Recipient{}
	if heard.hear(text); heard.Reply.Code != 0 {
		r.Reply, r.Diagnostic, r.RemoteMTA = heard.Reply, "", heard.RemoteMTA
	}
	if heard.Status.Class != 0 {
		r.Status = heard.Status
	}
}

// paragraph is a text up to its first empty line, or to what mail systems write behind a reply.
func paragraph(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		t := strings.TrimSpace(line)
		if t == "" || strings.HasPrefix(t, "Giving up on ") || strings.HasPrefix(t, "Remote system:") || strings.HasPrefix(t, "I'm not going to try again") {
			break
		}
		b.WriteString(line)
	}
	s = b.String()
	if i := strings.LastIndex(s, "(in reply to "); i >= 0 {
		s = s[:i] // QUIRK: Postfix says which command it was
	}
	return s
}

// listen takes from what a mail says to people what it does not say to programs.
func (n *Notice) listen(text string) {
	const most = 50 // recipients; a mail with more of them, and with no replies, is nobody's honest one
	for i := range n.Recipients[:min(len(n.Recipients), most)] {
		r := &n.Recipients[i]
		if r.Reply.Code/100 >= 4 || r.Action >= Delivered {
			continue
		}
		heard := Recipient{}
		if heard.hear(r.Diagnostic); heard.Reply.Code == 0 && len(r.Diagnostic) < 5 {
			heard.hear(n.about(r, text))
		}
		if heard.Reply.Code != 0 {
			r.Reply, r.Diagnostic = heard.Reply, ""
		} else if len(r.Diagnostic) < 5 {
			r.Diagnostic = heard.Diagnostic
		}
		if r.RemoteMTA == "" {
			r.RemoteMTA = heard.RemoteMTA
		}
		if r.Status.Class == 0 {
			r.Status = heard.Status
		}
	}
}

// about is what a text says of a recipient: what stands behind its address, up to another's.
func (n *Notice) about(r *Recipient, text string) string {
	const most = 50
	for _, p := range []mail.Path{r.Final, r.Address()} {
		addr := strings.Trim(p.String(), "<>")
		i := strings.Index(text, addr)
		if addr == "" || i < 0 {
			continue
		}
		said := cut(text[i+len(addr):], mostSaid)
		for j := range n.Recipients[:min(len(n.Recipients), most)] {
			if other := n.Recipients[j].Final; other != p && !other.IsNull() {
				said, _, _ = strings.Cut(said, strings.Trim(other.String(), "<>"))
			}
		}
		return said
	}
	return ""
}
