package main

import (
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/replay"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/transcript"
)

// A replayView shows a recording as it is played.
type replayView struct {
	u       *ui // where it is shown: on standard error, while a command has standard output
	command *ui // where a command's own output goes
	flags   *replayFlags
	file    string
	server  *replay.Server
	url     string

	mu         sync.Mutex
	open       map[uint64]string // sessions that go on: what stands before their lines
	count      int
	departures int
}

func newReplayView(u *ui, f *replayFlags, file string, around bool) *replayView {
	v := &replayView{u: u, command: u, flags: f, file: file, open: make(map[uint64]string)}
	if around {
		v.u = newUI(system{in: u.in, out: u.err, err: u.err, environ: u.environ}, u.name, u.lang)
	}
	return v
}

// title says how a program is pointed here, and what is not played as it was.
func (v *replayView) title(addr net.Addr) {
	u := v.u
	if v.flags.asJSON {
		// Programs read where it listens from the first line.
		u.printJSON(struct {
			At   time.Time `json:"at"`
			Did  string    `json:"did"`
			Line string    `json:"line"`
			URL  string    `json:"url"`
		}{time.Now(), smtp.Note.String(), "listening on " + addr.String(), v.url})
		return
	}
	host, port := reachable(addr)
	u.print(u.styles.title.Render("Parley replay"))
	u.print("")
	if n := v.server.Sessions(); n == 1 {
		u.paragraph(u.say(wordReplayPlaysOne, smtp.Printable(v.file), len(v.server.Transcript)))
	} else {
		u.paragraph(u.say(wordReplayPlays, smtp.Printable(v.file), n, len(v.server.Transcript)))
	}
	u.heading(u.say(wordReplayPoint))
	u.print("  export SMTP_URL='" + v.url + "'")
	v.row(wordReplayHost, host)
	v.row(wordReplayPort, port)
	v.row(wordReplaySecurity, u.say(v.security()))
	login := wordReplayNoLogin
	if v.server.LogsIn() {
		login = wordReplayAny
	}
	v.row(wordReplayLogin, u.say(login))
	switch {
	case v.server.Speaks() == smtp.Plaintext:
	case v.flags.saveCert != "":
		v.row(wordReplayCert, u.say(wordReplaySaved, smtp.Printable(v.flags.saveCert)))
	default:
		v.row(wordReplayCert, u.say(wordReplayMade, v.server.Fingerprint()[:16]+"…"))
	}
	if notes := v.server.Notes(); len(notes) > 0 {
		u.heading(u.say(wordReplayNotes))
		for _, n := range notes {
			v.indented("  ", u.say(wordReplayNote, n.Connection, n.Words.In(diagnose.Lang(u.lang))))
		}
	}
	if v.command == v.u {
		u.print("")
		u.print(u.say(wordReplayWaits))
	}
}

func (v *replayView) security() text {
	switch v.server.Speaks() {
	case smtp.ImplicitTLS:
		return wordReplayTLS
	case smtp.Plaintext:
		return wordReplayPlain
	default:
		return wordReplaySTARTTLS
	}
}

func (v *replayView) row(name text, value string) {
	const left = 14
	for i, l := range wrap(smtp.Printable(value), v.u.width-left-3, 0) {
		if i == 0 {
			v.u.print("  " + pad(v.u.say(name), left) + l)
		} else {
			v.u.print(strings.Repeat(" ", left+2) + l)
		}
	}
}

func (v *replayView) indented(head, s string) {
	for _, l := range wrap(s, v.u.width-1-len(head), 0) {
		v.u.print(head + l)
	}
}

// trace shows one event.
func (v *replayView) trace(e smtp.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	label := v.label(e)
	if v.flags.asJSON {
		transcript.JSON(v.u.out)(e)
	} else {
		style := v.u.styleOf(e)
		for _, l := range wrap(label+transcript.Line(e), v.u.width-1, len(label)+3) {
			v.u.print(style.Render(l))
		}
	}
	if e.Did == smtp.Closed {
		delete(v.open, e.Session)
	}
}

// label is what stands before the lines of a session. Its first event makes its header.
func (v *replayView) label(e smtp.Event) string {
	label, known := v.open[e.Session]
	if known {
		return label
	}
	v.count++
	if len(v.open) > 0 {
		label = strconv.FormatUint(e.Session, 10) + " "
	}
	v.open[e.Session] = label
	if v.flags.asJSON {
		return label
	}
	head := v.u.say(wordReplaySession, int(e.Session), e.At.Format(time.TimeOnly), strings.TrimPrefix(e.Line, "from "))
	if n := v.server.Sessions(); n > 1 {
		head += v.u.say(wordReplayNumber, (int(e.Session)-1)%n+1, n)
	}
	v.u.print("")
	v.u.print(v.u.styles.title.Render(smtp.Printable(head)))
	return label
}

// departed shows what a client said otherwise.
func (v *replayView) departed(d replay.Departure) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.departures++
	words := d.Words.In(diagnose.Lang(v.u.lang))
	if v.flags.asJSON {
		v.u.printJSON(struct {
			At        time.Time       `json:"at"`
			Session   uint64          `json:"session"`
			Stage     string          `json:"stage,omitempty"`
			Did       string          `json:"did"`
			Line      string          `json:"line"`
			Departure departureRecord `json:"departure"`
		}{time.Now(), d.Session, d.Stage.String(), smtp.Note.String(), words, departureRecord{d.Kind.String(), d.Connection, d.Said, d.Recorded}})
		return
	}
	head := v.open[d.Session] + "   ≠ "
	for i, l := range wrap(words, v.u.width-1-len("   ≠ "), 0) {
		if i > 0 {
			head = strings.Repeat(" ", len("     "))
		}
		v.u.print(v.u.styles.done.Render(head + l))
	}
}

// A departureRecord is what --json tells of one. Its names stay as they are.
type departureRecord struct {
	Kind       string `json:"kind"`
	Connection int    `json:"connection"` // of the recording
	Said       string `json:"said"`
	Recorded   string `json:"recorded"`
}

// over says how it was.
func (v *replayView) over() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.flags.asJSON {
		v.u.print("")
		v.u.print(v.u.say(wordReplayOver, v.count, v.departures))
	}
}
