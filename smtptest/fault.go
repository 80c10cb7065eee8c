package smtptest

import (
	"fmt"
	"sync"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtpd"
)

// A Fault is something that a [Server] does otherwise than it should. The zero
// value of each field leaves that as it is.
type Fault struct {
	// Stage is where: StageGreeting, StageHello, StageTLS, StageAuth, StageMail,
	// StageRcpt, StageData, StageContent, StageEnd, StageReset or StageQuit.
	Stage smtp.Stage

	Match string // only where the command is like this, "*" standing for any text; at StageContent and StageEnd that is MAIL. Empty: any
	Skip  int    // so many go well before
	Times int    // so many are hit; zero: all

	Wait  time.Duration // before anything is said
	Say   string        // in place of the reply, without CRLF; one of 4yz or 5yz also keeps the command from being obeyed
	Mute  bool          // no reply is said; the command is obeyed all the same
	Pause time.Duration // after the reply, before what follows
	More  string        // said after that, though nobody asked: "421 4.4.2 idle for too long"
	Then  Then          // how it goes on

	Lose   bool  // at StageEnd: the mail is not kept, whatever is said
	Octets int64 // at StageContent: so many of the content are heard before; SMTP's dot is not among them
}

// Then says how a conversation goes on after a [Fault].
type Then uint8

const (
	GoOn   Then = iota // as if nothing had been
	HangUp             // the server closes the connection
	Reset              // the connection is cut, and what is on its way lost
	Fall               // into silence: the server hears, and says nothing more
)

// done is the fault as smtpd does it.
func (f *Fault) done() *smtpd.Fault {
	if f == nil {
		return nil
	}
	return &smtpd.Fault{
		Wait: f.Wait, Say: f.Say, Mute: f.Mute, Pause: f.Pause, More: f.More, Then: f.Then.done(), Lose: f.Lose, Octets: f.Octets,
	}
}

func (t Then) done() smtpd.Then {
	return [...]smtpd.Then{GoOn: smtpd.GoOn, HangUp: smtpd.HangUp, Reset: smtpd.Reset, Fall: smtpd.Fall}[t]
}

// check tells of a fault that can never be.
func (f *Fault) check() error {
	switch {
	case f.Stage < smtp.StageGreeting || f.Stage > smtp.StageQuit:
		return fmt.Errorf("a Fault at stage %v is none that a server can have", f.Stage)
	case f.Say != "" && f.Mute:
		return fmt.Errorf("a Fault says %q and is Mute", f.Say)
	case f.Then > Fall:
		return fmt.Errorf("a Fault's Then is %d, which is nothing", f.Then)
	}
	return nil
}

// faults are those of a server, with their counts.
type faults struct {
	mu   sync.Mutex
	list []*counted
}

type counted struct {
	Fault
	met int // how often the conversation came by
}

func (fs *faults) add(f Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = append(fs.list, &counted{Fault: f})
}

func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = nil
}

// at gives the fault that is due; nil for none. Each in turn counts what comes by
// it, until one is hit: those after it have not seen it.
func (fs *faults) at(stage smtp.Stage, line string) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, c := range fs.list {
		if c.Stage != stage || c.Match != "" && !matches(c.Match, line) {
			continue
		}
		c.met++
		if c.met > c.Skip && (c.Times == 0 || c.met <= c.Skip+c.Times) {
			return &c.Fault
		}
	}
	return nil
}
