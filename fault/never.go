package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What can be written and can never be met is found here, so that no test waits for it.

// checkIdle: idleness is looked for wherever a command is waited for, and ends the session.
func (r *Rule) checkIdle() error {
	if r.Idle == 0 {
		return nil
	}
	only := Rule{ID: r.ID, Note: r.Note, Stage: "greeting", User: r.User, Mailbox: r.Mailbox, Session: r.Session, Reply: r.Reply, Idle: r.Idle, Met: r.Met, Hit: r.Hit}
	switch {
	case r.Stage != "greeting":
		return fmt.Errorf("idle: it is met wherever a command is waited for, and not at %q", r.Stage)
	case strings.Contains(r.Reply, "\n"):
		return errors.New("idle: its reply is one line")
	case *r != only:
		return errors.New("idle: with it there can be only reply, user, mailbox, session, id and note")
	}
	return nil
}

// checkWhere: nobody is named before he is.
func (r *Rule) checkWhere() error {
	before := func(stages ...string) bool { return slices.Contains(stages, r.Stage) }
	switch {
	case r.Match != "" && before("greeting"):
		return errors.New("match: no command was said yet at the stage greeting")
	case r.User != "" && r.Idle == 0 && before("greeting", "tls", "auth"):
		return fmt.Errorf("user: nobody is authenticated yet at the stage %s", r.Stage)
	case r.Sender != "" && before("greeting", "hello", "tls", "auth"):
		return fmt.Errorf("sender: none is named yet at the stage %s", r.Stage)
	case r.Recipient != "" && before("greeting", "hello", "tls", "auth", "mail"):
		return fmt.Errorf("recipient: none is named yet at the stage %s", r.Stage)
	}
	return nil
}

// checkTogether: one keeps the other from being met.
func (r *Rule) checkTogether() error {
	no := r.Reply != "" && (r.Reply[0] == '4' || r.Reply[0] == '5')
	switch {
	case r.Endless && r.Mute:
		return errors.New("endless, mute: only one of them can be")
	case r.Greylist > 0 && r.Limit != Limit{}:
		return errors.New("greylist, limit: only one of them can be")
	case r.Limit != Limit{} && !slices.Contains([]string{"mail", "data", "end"}, r.Stage):
		return errors.New("limit: mails are counted at the stages mail, data and end alone")
	case r.TLS != "" && r.TLS != "refused" && (no || r.Garbage != "" || r.Endless || r.Mute || r.Then != ""):
		return fmt.Errorf("tls: it does not come to a handshake that is %s behind reply, garbage, endless, mute or then", r.TLS)
	}
	return nil
}
