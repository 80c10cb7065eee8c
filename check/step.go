package check

import (
	"net/netip"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A Step is one thing that was looked at.
type Step struct {
	// Name is one of
	//
	//	dns          the addresses of the name
	//	tcp          a connection to each of them
	//	greeting     the server speaks first
	//	hello-clear  EHLO in clear text, before STARTTLS
	//	tls          the handshake
	//	certificate  whether it is believed
	//	hello        EHLO, as the rest of the session goes by it
	//	auth         the login
	//	mail, rcpt   the envelope
	//	reset        the envelope is taken back
	//	send         the content went, where Check.Send asks for it
	//	quit         goodbye
	//	versions     which versions of TLS the server takes
	//
	// and will stay so.
	Name string

	Verdict   Verdict
	At        time.Time
	Took      time.Duration
	Found     diagnose.Words        // what was found, in a line
	Facts     Facts                 // the same for programs
	Remarks   []Remark              // what a person should know of it, though the way goes on
	Diagnosis *diagnose.Diagnosis   // of a step that failed
	Err       *smtp.Error           // what failed
	Said      transcript.Transcript // the part of the conversation
}

// A Verdict is how a step ended.
type Verdict uint8

const (
	Good    Verdict = iota + 1
	Warning         // it went well, and something about it is not as it should be
	Failed
	Skipped // it was not tried: something before it failed, or there is nothing to try
)

var verdicts = [...]string{"", "good", "warning", "failed", "skipped"}

// String is one word: "good".
func (v Verdict) String() string {
	if int(v) >= len(verdicts) {
		return ""
	}
	return verdicts[v]
}

// A Remark is something that a person should know.
type Remark struct {
	// Code is one of lookup-failed, mx, ipv4-dead, ipv6-dead, auth-in-clear, clear-text,
	// only-oauth, size-small, expires-soon, not-judged, old-tls.
	Code string
	Text diagnose.Words
}

// Facts are what was found, as far as it can be put into fields. Most are zero in
// each step.
type Facts struct {
	Host        string       `json:"host,omitempty"`
	Port        int          `json:"port,omitempty"`
	Addresses   []Address    `json:"addresses,omitempty"` // dns, tcp
	MX          []string     `json:"mx,omitempty"`        // dns: the best first
	Speaks      Protocol     `json:"speaks,omitempty"`    // what the port speaks, where it was looked at
	Other       []Port       `json:"other_ports,omitempty"`
	Banner      string       `json:"banner,omitempty"`     // greeting
	Keywords    []string     `json:"keywords,omitempty"`   // hello, hello-clear: the lines after the first
	Mechanisms  []string     `json:"mechanisms,omitempty"` // of AUTH
	Size        int64        `json:"size,omitempty"`       // octets that a mail may have
	Mechanism   string       `json:"mechanism,omitempty"`  // auth: the one that was taken
	TLS         string       `json:"tls,omitempty"`        // "TLS 1.3"
	Cipher      string       `json:"cipher,omitempty"`
	Versions    []string     `json:"versions,omitempty"` // of TLS that the server takes, oldest first
	Certificate *Certificate `json:"certificate,omitempty"`
	Path        string       `json:"path,omitempty"`  // mail, rcpt
	Reply       string       `json:"reply,omitempty"` // on one line
}

// An Address is one of a server's.
type Address struct {
	IP     netip.Addr    `json:"ip"`
	Result string        `json:"result,omitempty"` // of tcp: connected, refused, silent, unreachable, failed
	Took   time.Duration `json:"-"`
	TookMS float64       `json:"took_ms,omitempty"`
}

// A Port is another port of the same server, and what answers there.
type Port struct {
	Number   int           `json:"port"`
	Speaks   Protocol      `json:"speaks,omitempty"`
	STARTTLS bool          `json:"starttls,omitempty"`
	Security smtp.Security `json:"-"` // how mail is sent there; meant only where it speaks SMTP
}
