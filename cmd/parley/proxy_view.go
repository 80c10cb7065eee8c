package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/proxy"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A proxyView shows what goes through a proxy, as it goes.
type proxyView struct {
	u     *ui
	flags *proxyFlags
	proxy *proxy.Proxy
	user  string // whom it logs in as

	mu    sync.Mutex
	open  map[uint64]*proxySession
	count int // sessions so far
}

// A proxySession is what must be known of a session to show it.
type proxySession struct {
	label string // before its lines, where others went on when it began
	file  *proxyFile
}

// title says how a program is pointed here.
func (v *proxyView) title(addr net.Addr) {
	u, p := v.u, v.proxy
	if v.flags.json {
		// Programs read where it listens from the first line.
		transcript.JSON(u.out)(smtp.Event{At: time.Now(), Did: smtp.Note, Line: "listening on " + addr.String()})
		return
	}
	host, port, _ := net.SplitHostPort(addr.String())
	provider := hostOf(p.To.Addr)
	u.print(u.styles.title.Render("Parley proxy"))
	u.print("")
	u.paragraph(smtp.Printable(u.say(wordProxyBetween, addr, p.To.Addr, u.say(v.securityWord()))))
	u.heading(u.say(wordProxyPoint))
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = u.say(wordProxyThisHost)
	}
	v.row(wordProxyHost, host)
	v.row(wordProxyPort, port)
	v.row(wordProxyTLS, v.tlsWord(provider))
	v.row(wordProxyLogin, v.loginWord())
	if v.flags.implicit || v.flags.starttls || p.To.Security == smtp.Plaintext && !v.flags.blind {
		v.row(wordProxyCert, v.certificate())
	}
	if !v.flags.implicit || v.flags.saveCert != "" {
		u.heading(u.say(wordProxyTry))
		u.print("  " + ourCommand() + " send --server " + quoteShell(v.tryURL(addr.String())) + " --from me@example.com --to you@example.com --text hi")
	}
	u.print("")
	u.paragraph(u.say(wordProxyNotation))
}

// row is a line of the table.
func (v *proxyView) row(name text, value string) {
	const left = 14
	for i, l := range wrap(smtp.Printable(value), v.u.width-left-3, 0) {
		if i == 0 {
			v.u.print("  " + pad(v.u.say(name), left) + l)
		} else {
			v.u.print(strings.Repeat(" ", left+2) + l)
		}
	}
}

// securityWord is how the provider is spoken to.
func (v *proxyView) securityWord() text {
	switch c := v.proxy.To; {
	case c.Security == smtp.Plaintext:
		return wordProxyOutPlain
	case c.Security == smtp.ImplicitTLS, c.Security == smtp.Automatic && strings.HasSuffix(c.Addr, ":465"):
		return wordProxyOutTLS
	case c.Security == smtp.Opportunistic:
		return wordProxyOutMaybe
	}
	return wordProxyOutSTARTTLS
}

// tlsWord is what encryption the program is to be set to.
func (v *proxyView) tlsWord(provider string) string {
	switch u := v.u; {
	case v.flags.implicit:
		return u.say(wordProxyInTLS)
	case v.flags.starttls:
		return u.say(wordProxyInSTARTTLS)
	case v.proxy.To.Security == smtp.Plaintext && v.flags.blind:
		return u.say(wordProxyInBlind, provider)
	case v.proxy.To.Security == smtp.Plaintext:
		return u.say(wordProxyInAsked, provider)
	default:
		return u.say(wordProxyInPlain, provider)
	}
}

func (v *proxyView) loginWord() string {
	switch u := v.u; {
	case v.proxy.To.Auth == nil:
		return u.say(wordProxyLoginOwn)
	case v.flags.acceptLogin:
		return u.say(wordProxyLoginAny, v.user)
	default:
		return u.say(wordProxyLoginNone, v.user)
	}
}

// certificate is what a program that checks certificates must trust.
func (v *proxyView) certificate() string {
	cert, err := v.proxy.Certificate()
	if err != nil {
		return err.Error()
	}
	sum := sha256.Sum256(cert.Raw)
	switch {
	case v.flags.cert != "":
		return v.u.say(wordProxyCertGiven, v.flags.cert)
	case v.flags.saveCert != "":
		return v.u.say(wordProxyCertSaved, v.flags.saveCert)
	}
	return v.u.say(wordProxyCertOwn, hex.EncodeToString(sum[:8]))
}

// trace shows one event.
func (v *proxyView) trace(e smtp.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.session(e)
	if s.file != nil {
		s.file.line(transcript.Line(e))
	}
	if v.flags.json {
		transcript.JSON(v.u.out)(e)
	} else {
		v.lines(s.label+transcript.Line(e), v.style(e), len(s.label)+3, took(e))
	}
	if e.Did == smtp.Closed {
		s.file.close()
		delete(v.open, e.Session)
	}
}

// session is the one that an event belongs to. Its first event makes its header.
func (v *proxyView) session(e smtp.Event) *proxySession {
	s := v.open[e.Session]
	if s != nil {
		return s
	}
	s = new(proxySession)
	v.count++
	if len(v.open) > 0 {
		s.label = strconv.FormatUint(e.Session, 10) + " "
	}
	v.open[e.Session] = s
	if v.flags.transcript != "" {
		s.file = v.newFile(e)
	}
	if !v.flags.json {
		v.u.print("")
		v.u.print(v.u.styles.title.Render(smtp.Printable(v.u.say(wordProxySession, int(e.Session), e.At.Format(time.TimeOnly), strings.TrimPrefix(e.Line, "from ")))))
	}
	return s
}

// lines prints a line that may be longer than the terminal is wide.
func (v *proxyView) lines(line string, style lipgloss.Style, hang int, beside string) {
	for i, l := range wrap(line, v.u.width-1, hang) {
		l = style.Render(l)
		if i == 0 && beside != "" {
			l += v.u.styles.note.Render("  " + beside)
		}
		v.u.print(l)
	}
}

// took is how long an answer was waited for, where that is worth a word.
func took(e smtp.Event) string {
	if e.Took < 500*time.Millisecond {
		return ""
	}
	return fmt.Sprintf("(%.1f s)", e.Took.Seconds())
}

func (v *proxyView) style(e smtp.Event) lipgloss.Style {
	s := &v.u.styles
	switch e.Did {
	case smtp.Command, smtp.Content:
		return s.client
	case smtp.Answer:
		if len(e.Line) > 0 && e.Line[0] >= '4' {
			return s.bad
		}
		return s.server
	default:
		return s.done
	}
}

// A findingRecord is what --json tells of what goes wrong. Its names stay as they
// are.
type findingRecord struct {
	Side       string  `json:"side"` // whose fault it is: program, provider
	Fault      string  `json:"fault,omitempty"`
	Kind       string  `json:"kind"`
	Temporary  bool    `json:"temporary"`
	Cause      string  `json:"cause"`
	Fix        string  `json:"fix"`
	Confidence float64 `json:"confidence"`
}

// explain shows what goes wrong, and what to do about it.
func (v *proxyView) explain(f proxy.Finding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	lang := diagnose.English
	if v.u.lang == chinese {
		lang = diagnose.Chinese
	}
	d := &f.Diagnosis
	cause, fix := smtp.Printable(d.Cause.In(lang)), smtp.Printable(d.Fix.In(lang))
	s := v.open[f.Session]
	if s != nil && s.file != nil {
		s.file.line("   cause: " + cause)
		s.file.line("   fix: " + fix)
	}
	if v.flags.json {
		v.u.printJSON(struct {
			At      time.Time     `json:"at"`
			Session uint64        `json:"session"`
			Stage   string        `json:"stage"`
			Did     string        `json:"did"`
			Line    string        `json:"line"`
			Finding findingRecord `json:"finding"`
		}{f.At, f.Session, f.Stage.String(), smtp.Note.String(), "cause: " + cause, findingRecord{
			Side: f.Side.String(), Fault: string(f.Fault), Kind: string(d.Kind), Temporary: d.Temporary, Cause: cause, Fix: fix, Confidence: d.Confidence,
		}})
		return
	}
	label := "   "
	if s != nil && s.label != "" {
		label = s.label + "   "
	}
	v.lines(label+"cause: "+cause, v.u.styles.bad, len(label)+7, "")
	v.lines(label+"fix: "+fix, v.u.styles.good, len(label)+5, "")
}

// over says how it was.
func (v *proxyView) over() {
	if !v.flags.json {
		v.u.print("")
		v.u.print(v.u.say(wordProxyOver, v.count))
	}
}
