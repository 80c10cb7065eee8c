package talk

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// promptClient is what stands before what is said, as in a transcript.
const promptClient = "C: "

// An ownCommand is one of ours. They begin with a slash, with which no command of SMTP
// begins.
type ownCommand struct {
	name, syntax string
	why          words
	keep         bool // it may stand in the history
	do           func(t *Talk, ctx context.Context, rest, line string) error
}

// ownCommands is a function, since /help is among them and prints them.
func ownCommands() []ownCommand {
	return []ownCommand{
		{"/help", "/help", words{"what can be typed here, and what makes sense now", "可以输入什么，此刻什么合适"}, true, (*Talk).help},
		{"/auth", "/auth [mechanism] [user]", words{"log in; without a mechanism by the best on offer", "登录；不指明机制时用服务器提供的最强的"}, true, (*Talk).ownAuth},
		{"/starttls", "/starttls", words{"STARTTLS, and the handshake", "STARTTLS 及握手"}, true, (*Talk).ownStartTLS},
		{"/data", "/data FILE", words{"DATA and a content from a file: line ends made CRLF, dots doubled, the dot at its end", "DATA 并发送文件内容：换行改为 CRLF，行首的点加倍，末尾加点"}, true, (*Talk).ownData},
		{"/base64", "/base64 TEXT", words{"TEXT in base64", "把 TEXT 编成 base64"}, false, (*Talk).ownBase64},
		{"/unbase64", "/unbase64 TEXT", words{"what TEXT is in base64", "把 base64 的 TEXT 解码"}, false, (*Talk).ownUnbase64},
		{"/raw", `/raw BYTES`, words{`send these octets and no others: \r \n \t \0 \\ \xNN; no CRLF is added`, `原样发送这些字节：\r \n \t \0 \\ \xNN；不会加 CRLF`}, true, (*Talk).ownRaw},
		{"/wait", "/wait SECONDS", words{"hear what the server says meanwhile", "等待，期间听服务器说什么"}, true, (*Talk).ownWait},
		{"/expect", "/expect REPLY", words{"see that the last reply begins so, as in /expect 250; a script ends where it does not", "检查上一条回复是否这样开头，如 /expect 250；脚本中不符即结束"}, true, (*Talk).ownExpect},
		{"/save", "/save FILE", words{"keep the transcript in a file, without secrets", "把会话记录存入文件，不含密码"}, true, (*Talk).ownSave},
		{"/connect", "/connect", words{"begin again, when the line is closed", "连接断开后重新开始"}, true, (*Talk).ownConnect},
		{"/quit", "/quit", words{"QUIT, and leave; Ctrl-C and Ctrl-D do the same", "QUIT 并离开；Ctrl-C、Ctrl-D 亦可"}, true, (*Talk).ownQuit},
	}
}

func findOwn(name string) (ownCommand, bool) {
	for _, o := range ownCommands() {
		if strings.EqualFold(o.name, name) {
			return o, true
		}
	}
	return ownCommand{}, false
}

// own does one of our own commands.
func (t *Talk) own(ctx context.Context, word, rest, line string) error {
	o, ok := findOwn(word)
	if !ok {
		return t.complain(wordNoOwn, word)
	}
	return o.do(t, ctx, rest, line)
}

// complain tells a person what is wrong with what was typed; it ends a script.
func (t *Talk) complain(w words, args ...string) error {
	text := w.in(t.Lang)
	for _, arg := range args {
		text = strings.Replace(text, "%s", smtp.Printable(arg), 1)
	}
	if t.In.Live() {
		t.Print.Say(text)
		return nil
	}
	return errors.New(text)
}

func (t *Talk) help(_ context.Context, _, _ string) error {
	state := t.c.State()
	t.Print.Say(wordHelpSMTP.in(t.Lang))
	for i := range commands {
		if c := &commands[i]; c.sensible(&state) {
			t.Print.Say("  " + c.written(&state) + "\n      " + c.why.in(t.Lang))
		}
	}
	t.Print.Say(wordHelpOwn.in(t.Lang))
	for _, o := range ownCommands() {
		t.Print.Say("  " + o.syntax + "\n      " + o.why.in(t.Lang))
	}
	t.Print.Say(wordHelpMore.in(t.Lang))
	return nil
}

func (t *Talk) ownAuth(ctx context.Context, rest, _ string) error {
	mechanism, user, _ := strings.Cut(rest, " ")
	return t.login(ctx, strings.ToUpper(mechanism), strings.TrimSpace(user))
}

func (t *Talk) ownStartTLS(ctx context.Context, _, _ string) error { return t.say(ctx, "STARTTLS") }

func (t *Talk) ownData(ctx context.Context, rest, _ string) error {
	if rest == "" {
		return t.complain(wordWantsFile, "/data")
	}
	if t.c.State().Closed {
		return t.overAlready("DATA")
	}
	return t.dataFile(ctx, rest)
}

func (t *Talk) ownBase64(_ context.Context, _, line string) error {
	_, text, _ := strings.Cut(line, " ") // blanks at its end are a part of it
	t.Print.Say(base64.StdEncoding.EncodeToString([]byte(text)))
	return nil
}

func (t *Talk) ownUnbase64(_ context.Context, rest, _ string) error {
	plain, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return t.complain(wordNoBase64)
	}
	t.Print.Say(smtp.Printable(string(plain)))
	return nil
}

func (t *Talk) ownRaw(ctx context.Context, _, line string) error {
	_, text, _ := strings.Cut(strings.TrimLeft(line, " \t"), " ")
	octets, err := Unescape(text)
	if err != nil {
		return t.complain(wordBadRaw, err.Error())
	}
	return t.raw(ctx, octets)
}

func (t *Talk) raw(ctx context.Context, octets []byte) error {
	if t.c.State().Closed {
		return t.overAlready("/raw")
	}
	if err := t.c.Raw(octets); err != nil {
		return t.settle(ctx, true)
	}
	if t.c.State().Waiting == 0 {
		return nil
	}
	return t.settle(ctx, t.c.wary()) // what may be typed next hangs on whether it is a secret
}

func (t *Talk) ownWait(ctx context.Context, rest, _ string) error {
	seconds, err := strconv.ParseFloat(rest, 64)
	if err != nil || seconds < 0 || seconds > 86400 {
		return t.complain(wordNoSeconds, rest)
	}
	waiting, cancel := context.WithTimeout(ctx, time.Duration(seconds*float64(time.Second)))
	defer cancel()
	t.c.Until(waiting, func(*State) bool { return false })
	return nil
}

// ownExpect looks at the last reply. One that is not as expected ends a script.
func (t *Talk) ownExpect(ctx context.Context, rest, line string) error {
	if rest == "" {
		return t.complain(wordWantsReply)
	}
	if t.c.State().Waiting > 0 { // else it was heard, and what came later changes nothing
		if err := t.settle(ctx, true); err != nil {
			return err
		}
	}
	state := t.c.State()
	if got := state.Last; got.Code > 0 && strings.HasPrefix(got.String(), rest) {
		return nil
	}
	if t.In.Live() {
		return t.complain(wordNotExpected, rest, state.Last.String())
	}
	kind := smtp.Refused
	switch {
	case state.Last.Positive() || state.Last.Code == 0:
		kind = smtp.Garbled // not what this script is for
	case state.Stage == smtp.StageAuth:
		kind = smtp.Unauthorized
	}
	e := &smtp.Error{Kind: kind, Stage: state.Stage, Reply: state.Last}
	return &Error{Line: line, Want: rest, Got: state.Last, Err: e}
}

func (t *Talk) ownSave(_ context.Context, rest, _ string) error {
	if rest == "" {
		return t.complain(wordWantsFile, "/save")
	}
	return t.saveTranscript(rest)
}

func (t *Talk) ownConnect(ctx context.Context, _, _ string) error {
	if !t.c.State().Closed {
		return t.complain(wordStillOpen)
	}
	old := t.c
	if err := t.connect(ctx); err != nil {
		t.c = old
		if e, ok := errors.AsType[*smtp.Error](err); ok && t.In.Live() {
			t.Print.Say(strings.TrimPrefix(e.Error(), "smtp: "))
			t.troubleOf(err)
			return nil
		}
		return err
	}
	return t.settle(ctx, false)
}

func (t *Talk) ownQuit(context.Context, string, string) error { return ErrInterrupted }

func transcriptText(events []smtp.Event) string { return transcript.Transcript(events).String() }
