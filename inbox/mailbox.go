package inbox

import (
	"strings"

	"github.com/parleymail/parley/mail"
)

// MailboxBy says how mails get their mailbox.
type MailboxBy uint8

const (
	OneMailbox  MailboxBy = iota // all in one, which has no name
	ByLogin                      // the name of the user of AUTH
	ByRecipient                  // the address of each recipient: a mail to three is in three
	ByToken                      // the word behind the last "+" of a login's name or recipient's local part
)

// MailboxName is the name of a mailbox as it is kept: names do not differ by case.
func MailboxName(name string) string { return strings.ToLower(strings.Trim(name, "<>")) }

// boxes are the mailboxes of a mail.
func (by MailboxBy) boxes(user string, rcpts []mail.Recipient) []string {
	if box := by.sessionBox(user); box != "" || by == OneMailbox || by == ByLogin {
		return []string{box}
	}
	return each(rcpts, by.box)
}

// sessionBox is the mailbox of all that a session brings; empty where its recipients have
// them.
func (by MailboxBy) sessionBox(user string) string {
	switch by {
	case ByLogin:
		return MailboxName(user)
	case ByToken:
		return token(user)
	default:
		return ""
	}
}

func (by MailboxBy) box(p mail.Path) string {
	if by == ByRecipient {
		return MailboxName(bare(p))
	}
	return token(p.Local)
}

// each is the mailbox of each recipient, no mailbox twice.
func each(rcpts []mail.Recipient, box func(mail.Path) string) []string {
	list := make([]string, 0, len(rcpts))
	seen := make(map[string]bool, len(rcpts))
	for _, r := range rcpts {
		if name := box(r.Path); !seen[name] {
			seen[name] = true
			list = append(list, name)
		}
	}
	return list
}

// token is the word behind the last "+" of a name or a local part; a name may be an
// address.
func token(name string) string {
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		name = name[:i]
	}
	if i := strings.LastIndexByte(name, '+'); i >= 0 {
		return MailboxName(name[i+1:])
	}
	return ""
}
