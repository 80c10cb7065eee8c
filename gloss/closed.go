package gloss

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// What is said of what was done.
var (
	wordConnected = diagnose.Words{En: "The line is open. The server speaks first.", Zh: "连接已建立，由服务器先开口。"}
	wordFrom      = diagnose.Words{En: "A client has connected. The server speaks first.", Zh: "有客户端连接，由服务器先开口。"}

	wordTLSGood   = diagnose.Words{En: "The certificate is good. From here on nobody between can read or change anything.", Zh: "证书有效。从这里起，途中无人能读或改。"}
	wordTLS       = diagnose.Words{En: "Encrypted from here on: nobody between can read or change anything.", Zh: "从这里起已加密，途中无人能读或改。"}
	wordTLSOld    = diagnose.Words{En: "Encrypted from here on, by a version that is no longer held to be safe.", Zh: "从这里起已加密，但所用版本已不再安全。"}
	wordTLSBeyond = diagnose.Words{En: "The proxy and the provider speak TLS; the program does not see it.", Zh: "代理与服务商之间用 TLS；程序对此并不知情。"}

	wordClosed     = diagnose.Words{En: "The line is closed.", Zh: "连接已关闭。"}
	wordNoGoodbye  = diagnose.Words{En: "The line is closed, without QUIT.", Zh: "没有 QUIT 就关闭了连接。"}
	wordUnanswered = diagnose.Words{En: "The line is closed, and %s was never answered.", Zh: "连接已关闭，%s 始终没有得到回复。"}
	wordPerhaps    = diagnose.Words{En: "The line broke after all of the content had gone, and before the verdict: nobody can say whether the mail was taken.", Zh: "内容已全部传完，还没等到结果连接就断了：无法判断邮件是否已被接收。"}
	wordBroke      = diagnose.Words{En: "The line broke where the reply to %s was owed.", Zh: "正等待对 %s 的回复时连接中断。"}
	wordBrokeIdle  = diagnose.Words{En: "The line broke where nothing was owed.", Zh: "没有待回复的命令时连接中断。"}
	wordBrokeFirst = diagnose.Words{En: "The line broke before the server said anything.", Zh: "服务器还没开口连接就断了。"}
	wordBrokeBody  = diagnose.Words{En: "The line ended in the midst of the content: the mail was not taken.", Zh: "内容传到一半连接就断了：邮件没有被接收。"}
	wordPoliteEnd  = diagnose.Words{En: "The server had said that it would hang up.", Zh: "服务器先说明了要断开，然后断开。"}
)

// ends are what a server's own word on the end of a session means; the first whose mark is in it counts.
var ends = []struct {
	mark string
	says diagnose.Words
}{
	{"silent, or too slow", diagnose.Words{En: "The client said nothing for too long, and the server hung up.", Zh: "客户端太久没有说话，服务器断开了连接。"}},
	{"hung up midway", diagnose.Words{En: "The client hung up without QUIT.", Zh: "客户端没有 QUIT 就断开了连接。"}},
	{"the TLS handshake", diagnose.Words{En: "The handshake failed: most often the client does not trust the certificate.", Zh: "TLS 握手失败：多半是客户端不信任证书。"}},
	{"began with TLS", diagnose.Words{En: "The client began with TLS, and this port begins in clear text: one of the two ports is meant.", Zh: "客户端一上来就用 TLS，而此端口先讲明文：端口或加密方式选错了。"}},
	{"speaks HTTP", diagnose.Words{En: "This was HTTP and no SMTP; the server hears no more of it.", Zh: "这是 HTTP 而不是 SMTP，服务器不再听下去。"}},
	{"too many errors", diagnose.Words{En: "The client was wrong too often, and the server hung up.", Zh: "客户端出错太多，服务器断开了连接。"}},
	{"did not wait", diagnose.Words{En: "The client ran ahead where it has to wait for the reply.", Zh: "客户端在必须等待回复的地方抢先发了后面的内容。"}},
	{"bare CR", diagnose.Words{En: "A line did not end as lines do, by which mails are smuggled; the server hears no more.", Zh: "有一行没有以 CRLF 正确结束，可被用来夹带邮件；服务器不再听下去。"}},
	{"behind STARTTLS", diagnose.Words{En: "Clear text stood behind STARTTLS: somebody between may have put it there.", Zh: "STARTTLS 之后还跟着明文：可能是途中有人塞进来的。"}},
	{"on purpose", diagnose.Words{En: "The server was told to do so: this is a fault on purpose.", Zh: "这是有意安排的故障：服务器奉命如此。"}},
	{"shutting down", diagnose.Words{En: "The server is being stopped.", Zh: "服务器正在停止。"}},
}

// secured is what is said of TLS.
func secured(e smtp.Event) remark {
	switch state := e.TLS; {
	case strings.Contains(e.Line, "with the provider"):
		return remark{says: wordTLSBeyond}
	case strings.HasPrefix(e.Line, "TLS 1.0"), strings.HasPrefix(e.Line, "TLS 1.1"), state != nil && state.Version != 0 && state.Version < tls.VersionTLS12:
		return remark{says: wordTLSOld}
	case state != nil && len(state.VerifiedChains) > 0:
		return remark{says: wordTLSGood}
	}
	return remark{says: wordTLS}
}

// closed is what the end of a connection means.
func (s *session) closed(e smtp.Event, p transcript.Place) (remark, *diagnose.Diagnosis) {
	if s.told && e.Err != nil {
		for _, end := range ends {
			if strings.Contains(e.Err.Error(), end.mark) {
				return remark{says: end.says}, nil
			}
		}
	}
	switch {
	case s.quit && p.Over: // whatever the client tells of: it has been told where it was
		return remark{says: wordClosed}, nil
	case e.Err != nil && s.last.Code == 421:
		return remark{says: wordPoliteEnd}, nil
	case e.Err != nil && (s.told || s.refused):
		return s.broken(p), nil
	case e.Err != nil:
		return s.broken(p), s.lost(e)
	case s.midway(p):
		return remark{says: wordBrokeBody}, nil
	case p.Over && !s.quit && s.last.Code != 421:
		return remark{says: wordNoGoodbye}, nil
	case !p.Over && s.owed.Verb != "" && s.owed.Verb != "QUIT":
		return remark{says: wordUnanswered, value: said(s.owed.Verb)}, nil
	}
	return remark{says: wordClosed}, nil
}

// broken is what is said of a line that broke, by where it did.
func (s *session) broken(p transcript.Place) remark {
	switch {
	case !p.Over && s.owed.Verb == "":
		return remark{says: wordBrokeFirst}
	case s.midway(p):
		return remark{says: wordBrokeBody}
	case p.Over:
		return remark{says: wordBrokeIdle}
	case s.owed.Stage == smtp.StageEnd, s.owed.Verb == "BDAT":
		return remark{says: wordPerhaps}
	}
	return remark{says: wordBroke, value: said(s.owed.Verb)}
}

// midway reports whether a content was asked for by 354, and not ended.
func (s *session) midway(p transcript.Place) bool {
	return p.Over && s.last.Code == 354 || s.last.Verb == transcript.Body && s.owed.Verb == "DATA"
}

// said is a command as it is spoken of.
func said(verb string) string {
	switch verb {
	case ".":
		return "\".\""
	case transcript.Response:
		return "AUTH"
	}
	return smtp.Printable(verb)
}

// lost is what a connection that was lost means, as the client sees it.
func (s *session) lost(e smtp.Event) *diagnose.Diagnosis {
	err, ok := errors.AsType[*smtp.Error](e.Err)
	if !ok {
		err = &smtp.Error{Kind: smtp.Unreachable, Stage: s.owed.Stage, Err: revived{e.Err}, Said: s.said}
		if s.owed.Stage == 0 {
			err.Stage = smtp.StageGreeting
		}
	}
	d := diagnose.Default().Explain(err, diagnose.Hint{Server: s.server, Stage: err.Stage})
	return &d
}

// A revived error is one that was read from a file: it has its text alone, and is again what it was when it was kept.
type revived struct{ error }

// Unwrap gives the cause that stands at the end of the text.
func (r revived) Unwrap() error {
	for _, cause := range [...]error{io.EOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNREFUSED, os.ErrDeadlineExceeded, context.Canceled} {
		if strings.HasSuffix(r.Error(), cause.Error()) {
			return cause
		}
	}
	return r.error
}
