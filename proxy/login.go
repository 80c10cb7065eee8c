package proxy

import (
	"encoding/base64"

	"github.com/parleymail/parley/smtp"
)

// A local is a command that the proxy answers in the provider's place.
type local struct {
	verb      string // STARTTLS, AUTH
	mechanism string
	initial   bool // an initial response was said with AUTH
	step      int  // challenges that were given
	cancelled bool // the response was "*"
}

// challenges are what any password is asked for by, one a response. A login that is
// accepted, whatever it says, must still look like one to the program.
func challenges(mechanism string) (list []string, ok bool) {
	switch mechanism {
	case "PLAIN":
		return []string{""}, true
	case "LOGIN":
		return []string{"Username:", "Password:"}, true
	case "CRAM-MD5":
		return []string{"<parley.proxy@localhost>"}, true // RFC 2195: any msg-id will do, for nothing is checked
	case "XOAUTH2", "OAUTHBEARER":
		return []string{""}, true
	}
	return nil, false
}

// answer is what the proxy says to the command in t.local.
func (t *tap) answer() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &t.local
	reply := ""
	if l.verb == "STARTTLS" {
		reply, t.stage = "220 2.0.0 ready to start TLS", smtp.StageTLS
		if t.behind {
			reply = "554 5.5.1 octets follow STARTTLS in clear text"
		}
		t.local = local{}
	} else {
		reply, t.stage = t.answerLogin(), smtp.StageAuth
	}
	t.note("answered by the proxy:")
	t.tell(smtp.Event{Did: smtp.Answer, Line: reply})
	return reply
}

// answerLogin takes any login.
func (t *tap) answerLogin() string {
	l := &t.local
	list, known := challenges(l.mechanism)
	if l.step == 0 && l.initial {
		l.step++
	}
	switch {
	case l.cancelled:
		t.state, t.local = atCommand, local{}
		return "501 5.7.0 authentication cancelled" // RFC 4954 §4
	case !known:
		t.state, t.local = atCommand, local{}
		return "504 5.5.4 mechanism not known here"
	case l.step < len(list):
		challenge := list[l.step]
		l.step++
		return "334 " + base64.StdEncoding.EncodeToString([]byte(challenge))
	}
	t.state, t.local = atCommand, local{}
	return "235 2.7.0 whatever you say"
}
