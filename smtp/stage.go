package smtp

import "time"

// A Stage is a point of the conversation at which it can go wrong.
type Stage uint8

const (
	StageDial     Stage = iota + 1 // a connection is made
	StageGreeting                  // the server speaks first
	StageHello                     // EHLO, LHLO, HELO
	StageTLS                       // STARTTLS, and the handshake of either kind of TLS
	StageAuth                      // AUTH
	StageMail                      // MAIL FROM: the reverse-path
	StageRcpt                      // RCPT TO: a forward-path
	StageData                      // DATA, up to 354
	StageContent                   // the content goes over
	StageEnd                       // the content is over, by the dot or by BDAT LAST; the verdict
	StageReset                     // RSET
	StageQuit                      // QUIT
	stageEnd
)

// stages is all that the client knows of each stage: the reply it must hear, how
// long it waits for it, and how it is worded. The order in which they come is
// told by Client.Open and by the engine in transact.go, and nowhere else.
var stages = [stageEnd]struct {
	want  int           // a reply code, or its first digit alone
	wait  time.Duration // RFC 5321 §4.5.3.2; where it is silent, our choice
	name  string
	doing string
}{
	StageDial:     {0, 30 * time.Second, "dial", "connecting"},
	StageGreeting: {220, 5 * time.Minute, "greeting", "waiting for the greeting"},
	StageHello:    {250, 5 * time.Minute, "hello", "saying EHLO"},
	StageTLS:      {220, 2 * time.Minute, "tls", "starting TLS"},
	StageAuth:     {235, 5 * time.Minute, "auth", "authenticating"},
	StageMail:     {2, 5 * time.Minute, "mail", "giving the reverse-path"},
	StageRcpt:     {2, 5 * time.Minute, "rcpt", "giving a forward-path"},
	StageData:     {354, 2 * time.Minute, "data", "asking to send the content"},
	StageContent:  {2, 3 * time.Minute, "content", "sending the content"},
	StageEnd:      {2, 10 * time.Minute, "end", "ending the content"},
	StageReset:    {2, 30 * time.Second, "reset", "resetting"},
	StageQuit:     {221, 10 * time.Second, "quit", "saying goodbye"},
}

// String is the stage's name, one word: "rcpt".
func (s Stage) String() string {
	if s == 0 || s >= stageEnd {
		return "none"
	}
	return stages[s].name
}

func (s Stage) accepts(code int) bool {
	w := stages[s].want
	return code == w || w < 10 && code/100 == w
}
