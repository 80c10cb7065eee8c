package transcript

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/parleymail/parley/smtp"
)

// JSON gives a function for [smtp.Client.Trace] that writes each event to w as it
// happens, an object a line, one Write each. It may be called by many goroutines.
//
// The names of its fields stay as they are: at (RFC 3339, nanoseconds), session,
// stage, did (connected, tls, command, answer, content, note, closed), line,
// octets (the line in base64, where it is not UTF-8 and line holds it escaped),
// hidden, size, took_ms, tls (version, cipher, server_name, protocol, resumed,
// certificate), error. A field that has nothing to tell is left out.
func JSON(w io.Writer) func(smtp.Event) {
	var mu sync.Mutex
	return func(e smtp.Event) {
		line := append(encode(e), '\n')
		mu.Lock()
		defer mu.Unlock()
		w.Write(line)
	}
}

// MarshalJSON makes an array of the objects that [JSON] writes.
func (t Transcript) MarshalJSON() ([]byte, error) {
	b := []byte("[")
	for i, e := range t {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, encode(e)...)
	}
	return append(b, ']'), nil
}

// UnmarshalJSON reads what MarshalJSON makes.
func (t *Transcript) UnmarshalJSON(data []byte) error {
	var objects []record
	if err := json.Unmarshal(data, &objects); err != nil {
		return fmt.Errorf("transcript: %w", err)
	}
	*t = make(Transcript, 0, len(objects))
	for i, o := range objects {
		e, err := o.event()
		if err != nil {
			return fmt.Errorf("transcript: event %d: %w", i+1, err)
		}
		*t = append(*t, e)
	}
	return nil
}

// parseJSON reads an object a line, or one object, or an array of events. An object that is no event is looked at for
// those it brings along, as a step of parley check does, and passed over where there are none.
func parseJSON(data []byte) (Transcript, error) {
	begin := bytes.TrimSpace(data)
	if bytes.HasPrefix(begin, []byte("[")) {
		var t Transcript
		err := t.UnmarshalJSON(begin)
		return t, err
	}
	if first, _, many := bytes.Cut(begin, []byte("\n")); many && !json.Valid(first) && json.Valid(data) {
		var b bytes.Buffer // one object, on several lines
		if err := json.Compact(&b, data); err == nil {
			data = b.Bytes()
		}
	}
	var t Transcript
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var o bearer
		err := json.Unmarshal(line, &o)
		if err == nil {
			t, err = o.add(t)
		}
		if err != nil {
			return nil, fmt.Errorf("transcript: line %d: %w", n, err)
		}
	}
	return t, nil
}

// A bearer is an event, or an object that brings some along: a step of parley check, or all of its steps.
type bearer struct {
	record
	Said  Transcript `json:"said"`
	Steps []struct {
		Said Transcript `json:"said"`
	} `json:"steps"`
}

func (o *bearer) add(t Transcript) (Transcript, error) {
	if o.Did != "" {
		e, err := o.event()
		return append(t, e), err
	}
	t = append(t, o.Said...)
	for _, step := range o.Steps {
		t = append(t, step.Said...)
	}
	return t, nil
}

// A record is an event as JSON has it.
type record struct {
	At      *time.Time `json:"at,omitempty"`
	Session uint64     `json:"session,omitempty"`
	Stage   string     `json:"stage,omitempty"`
	Did     string     `json:"did"`
	Line    string     `json:"line,omitempty"`
	Octets  []byte     `json:"octets,omitempty"`
	Hidden  bool       `json:"hidden,omitempty"`
	Size    *int64     `json:"size,omitempty"`
	TookMS  float64    `json:"took_ms,omitempty"`
	TLS     *tlsRecord `json:"tls,omitempty"`
	Error   *string    `json:"error,omitempty"`
}

type tlsRecord struct {
	Version     string             `json:"version"`
	Cipher      string             `json:"cipher"`
	ServerName  string             `json:"server_name,omitempty"`
	Protocol    string             `json:"protocol,omitempty"`
	Resumed     bool               `json:"resumed,omitempty"`
	Certificate *certificateRecord `json:"certificate,omitempty"`
}

// A certificateRecord is for those who look. It is not read back.
type certificateRecord struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	Names    []string  `json:"names,omitempty"`
	NotAfter time.Time `json:"not_after"`
	SHA256   string    `json:"sha256"`
}

// encode is an event as one object, on one line and fit for a terminal.
func encode(e smtp.Event) []byte {
	o := record{Session: e.Session, Did: e.Did.String(), Line: e.Line, Hidden: e.Hidden}
	if _, err := parseDid(o.Did); err != nil {
		o.Did = smtp.Note.String()
	}
	if !e.At.IsZero() {
		o.At = &e.At
	}
	if e.Stage != 0 {
		o.Stage = e.Stage.String()
	}
	if !utf8.ValidString(e.Line) {
		o.Line, o.Octets = smtp.Printable(e.Line), []byte(e.Line)
	}
	if e.Did == smtp.Content {
		o.Size = &e.Size
	}
	o.TookMS = float64(e.Took) / float64(time.Millisecond)
	if e.TLS != nil {
		o.TLS = recordTLS(e.TLS)
	}
	if e.Err != nil {
		text := e.Err.Error()
		if !utf8.ValidString(text) {
			text = smtp.Printable(text)
		}
		o.Error = &text
	}
	b, err := marshal(o)
	if err != nil && o.At != nil {
		// All of the fields are of kinds that cannot fail, but for a year that RFC
		// 3339 has no digits for.
		o.At = nil
		b, _ = marshal(o)
	}
	return b
}

func marshal(o record) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // <kim@example.net> is to be read by people too
	if err := enc.Encode(o); err != nil {
		return nil, err
	}
	return printable(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// printable writes what encoding/json lets through and a terminal obeys (DEL, C1
// controls, bidirectional overrides) as escapes of JSON. Such characters stand in
// strings alone.
func printable(b []byte) []byte {
	if s := string(b); smtp.Printable(s) == s {
		return b
	}
	var out []byte
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if c := string(b[:n]); smtp.Printable(c) != c {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, c...)
		}
		b = b[n:]
	}
	return out
}

func recordTLS(s *tls.ConnectionState) *tlsRecord {
	t := &tlsRecord{
		Version: tls.VersionName(s.Version), Cipher: tls.CipherSuiteName(s.CipherSuite),
		ServerName: s.ServerName, Protocol: s.NegotiatedProtocol, Resumed: s.DidResume,
	}
	if len(s.PeerCertificates) > 0 {
		c := s.PeerCertificates[0]
		sum := sha256.Sum256(c.Raw)
		t.Certificate = &certificateRecord{
			Subject: c.Subject.String(), Issuer: c.Issuer.String(), Names: c.DNSNames,
			NotAfter: c.NotAfter, SHA256: hex.EncodeToString(sum[:]),
		}
	}
	return t
}

// event is the record undone.
func (o record) event() (smtp.Event, error) {
	e := smtp.Event{Session: o.Session, Line: o.Line, Hidden: o.Hidden}
	var err error
	if e.Did, err = parseDid(o.Did); err != nil {
		return e, err
	}
	if e.Stage, err = parseStage(o.Stage); err != nil {
		return e, err
	}
	if o.At != nil {
		e.At = *o.At
	}
	if o.Octets != nil {
		e.Line = string(o.Octets)
	}
	if o.Size != nil && e.Did == smtp.Content {
		e.Size = *o.Size
	}
	const most = float64(math.MaxInt64 / time.Millisecond)
	if o.TookMS > most || o.TookMS < -most {
		return e, fmt.Errorf("took_ms is %g, which is too long", o.TookMS)
	}
	e.Took = time.Duration(math.Round(o.TookMS * float64(time.Millisecond)))
	if o.TLS != nil {
		e.TLS = o.TLS.state()
	}
	if o.Error != nil {
		e.Err = errors.New(*o.Error)
	}
	return e, nil
}

func parseDid(name string) (smtp.Did, error) {
	for did := smtp.Connected; did <= smtp.Closed; did++ {
		if did.String() == name {
			return did, nil
		}
	}
	return 0, fmt.Errorf("did is %q, which is nothing that is done in a conversation", name)
}

func parseStage(name string) (smtp.Stage, error) {
	if name == "" {
		return 0, nil
	}
	none := smtp.Stage(0).String()
	for s := smtp.Stage(1); s.String() != none; s++ {
		if s.String() == name {
			return s, nil
		}
	}
	if name == none {
		return 0, nil
	}
	return 0, fmt.Errorf("stage is %q, which is no stage of a conversation", name)
}

func (t *tlsRecord) state() *tls.ConnectionState {
	s := &tls.ConnectionState{
		ServerName: t.ServerName, NegotiatedProtocol: t.Protocol, DidResume: t.Resumed, HandshakeComplete: true,
	}
	for v := uint16(tls.VersionTLS10); v <= tls.VersionTLS13; v++ {
		if tls.VersionName(v) == t.Version {
			s.Version = v
		}
	}
	for _, suites := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, c := range suites {
			if c.Name == t.Cipher {
				s.CipherSuite = c.ID
			}
		}
	}
	return s
}
