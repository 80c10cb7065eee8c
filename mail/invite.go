package mail

import "strings"

// method is what the calendar is for: RFC 6047 §2.4 has it the same in the content
// type and in the calendar.
func (v *Invite) method() string {
	if v.Method != "" {
		return strings.ToUpper(v.Method)
	}
	return v.calendarMethod()
}

// calendarMethod is the METHOD of the calendar: RFC 5545 §3.7.2.
func (v *Invite) calendarMethod() string {
	for line := range strings.Lines(v.Calendar) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) > 7 && strings.EqualFold(line[:7], "METHOD:") {
			return strings.ToUpper(strings.TrimSpace(line[7:]))
		}
	}
	return ""
}

// check notes what is wrong with an invite.
func (v *Invite) check(p *Problems) {
	if v.Calendar == "" {
		p.add("Invite.Calendar", "is empty")
		return
	}
	if begin := "BEGIN:VCALENDAR"; len(v.Calendar) < len(begin) || !strings.EqualFold(v.Calendar[:len(begin)], begin) {
		p.add("Invite.Calendar", "does not begin with BEGIN:VCALENDAR")
	}
	if v.File != "" {
		p.add("Invite.File", badFileName(v.File))
	}
	own := v.calendarMethod()
	switch what := badToken(v.method()); {
	case v.Method == "" && own == "":
		p.add("Invite.Method", "is empty, and Calendar has no METHOD")
	case what != "":
		p.add("Invite.Method", what)
	case own != "" && own != v.method():
		p.add("Invite.Method", "is not the METHOD of Calendar, which is "+quote(own))
	}
}
