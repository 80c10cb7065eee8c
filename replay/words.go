package replay

import (
	"strings"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// What is said of recordings that cannot be played as they were.
var (
	noteRefused     = diagnose.Words{En: "nobody listened in the recording; here the connection is made, and cut at once", Zh: "录制时无人监听；回放时会建立连接并立即切断"}
	noteRaw         = diagnose.Words{En: "octets without a line's end (-- raw) are not played", Zh: "不回放没有行尾的字节（-- raw）"}
	noteCertificate = diagnose.Words{En: "the recording ends at the certificate, and what was wrong with it is not played: the certificate here is made on the spot", Zh: "录制终止于证书问题，而证书的问题不回放：这里的证书是现场生成的"}
	noteCut         = diagnose.Words{En: "the recording ends before the server's last reply; there the server hangs up", Zh: "录制在服务器最后一条回复之前就结束了；回放到此处会断开连接"}
	noteBegin       = diagnose.Words{En: "the recording has no greeting; one is made up", Zh: "录制中没有问候语，这里补上一句"}
	noteSecret      = diagnose.Words{En: "a reply has (secret) in it, and is said so", Zh: "有一条回复含有 (secret)，照原样说出"}
)

// A Kind is what a client did otherwise. Its String is a word that stays as it is.
type Kind uint8

// What there is to do otherwise.
const (
	Other     Kind = iota + 1 // the same command, and not the same words
	More                      // the same command more often
	Unknown                   // a command that the recording has not
	Order                     // another command came first in the recording; told only if Strict
	Unsaid                    // the client went before it had said all
	Mechanism                 // a login by another mechanism
	Unproved                  // a login that cannot be played: the server would have to prove that it knows the password
	Clear                     // in clear text where the recording had TLS, or the other way round
)

var kinds = [...]string{"", "other", "more", "unknown", "order", "unsaid", "mechanism", "unproved", "clear"}

// String is one word: "unsaid".
func (k Kind) String() string {
	if int(k) >= len(kinds) {
		return "none"
	}
	return kinds[k]
}

// A Departure is something that a client said otherwise than the recording.
type Departure struct {
	Session    uint64 // as in the events of Server.Trace
	Connection int    // of the recording that was played, counted from 1
	Stage      smtp.Stage
	Kind       Kind
	Said       string // by the client; without secrets, and empty where it said nothing
	Recorded   string // in its place; empty where there was nothing
	Words      diagnose.Words
}

// departures are what is said of each kind: the first value is what the client said, the second what was recorded.
var departures = map[Kind]diagnose.Words{
	Other:     {En: "the client says %s, and in the recording %r", Zh: "客户端说 %s，录制中是 %r"},
	More:      {En: "the recording has no more replies to %s: its last is said again", Zh: "录制中没有更多对 %s 的回复：重复最后一条"},
	Unknown:   {En: "the recording has no reply to %s", Zh: "录制中没有对 %s 的回复"},
	Order:     {En: "the client says %s, and in the recording %r came first", Zh: "客户端说 %s，而录制中先说的是 %r"},
	Unsaid:    {En: "the client left, and in the recording it went on with %r", Zh: "客户端离开了，而录制中接下来是 %r"},
	Mechanism: {En: "the client logs in by %s, and in the recording by %r", Zh: "客户端用 %s 登录，录制中用的是 %r"},
	Unproved:  {En: "by %s the server must prove that it knows the password, and it does not: the login fails here, though it did not in the recording", Zh: "%s 要求服务器证明自己知道密码，而回放不知道：登录在此失败，录制中则没有"},
	Clear:     {En: "the client says %s, and in the recording that was on the other side of TLS", Zh: "客户端说 %s，而录制中这是在 TLS 的另一侧说的"},
}

// wording is a departure in words.
func wording(kind Kind, said, recorded string) diagnose.Words {
	values := strings.NewReplacer("%s", `"`+smtp.Printable(said)+`"`, "%r", `"`+smtp.Printable(recorded)+`"`)
	w := departures[kind]
	return diagnose.Words{En: values.Replace(w.En), Zh: values.Replace(w.Zh)}
}
