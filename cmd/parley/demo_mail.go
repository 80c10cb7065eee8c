package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"

	"github.com/parleymail/parley/mail"
)

const (
	demoSubject = "三月对账单"
	demoFile    = "对账单.pdf"
	demoChart   = "chart.png"
	demoText    = "金敏，您好：\n\n三月对账单见附件。\n\n财务部\n"
	demoHTML    = "<p>金敏，您好：</p>\n<p>三月对账单见附件，每日支出如下：</p>\n" +
		"<p><img src=\"cid:chart.png\" alt=\"每日支出\"></p>\n<p>财务部</p>\n"
)

// A demoStatement is the demo's mail, and what is in it.
type demoStatement struct {
	message    *mail.Message
	pdf, chart []byte
}

func newStatement() *demoStatement {
	s := &demoStatement{pdf: statementPDF(), chart: chartPNG()}
	s.message = &mail.Message{
		From:    mail.Address{Name: "财务部", Address: "billing@example.com"},
		To:      []mail.Address{{Name: "金敏", Address: "kim@example.net"}},
		Subject: demoSubject,
		Text:    demoText,
		HTML:    demoHTML,
		Inline:  []mail.Part{mail.Bytes(demoChart, s.chart)},
		Attach:  []mail.Part{mail.Bytes(demoFile, s.pdf)},
	}
	return s
}

// A tapped mail is one whose content is looked at on its way to the server.
type tapped struct {
	mail.Object
	sum  hash.Hash
	size int64
}

func (t *tapped) Open() (mail.Content, error) {
	t.sum, t.size = sha256.New(), 0
	c, err := t.Object.Open()
	if err != nil {
		return nil, err
	}
	return &tappedContent{c, t}, nil
}

type tappedContent struct {
	mail.Content
	tap *tapped
}

func (c *tappedContent) WriteTo(w io.Writer) (int64, error) {
	return c.Content.WriteTo(io.MultiWriter(w, c.tap))
}

func (t *tapped) Write(p []byte) (int, error) {
	t.size += int64(len(p))
	return t.sum.Write(p)
}

// A comparison is one thing that was compared.
type comparison struct {
	What    string `json:"what"`
	Octets  int    `json:"octets,omitempty"` // of what arrived
	Sent    string `json:"sent"`             // its SHA-256 in hex; a text, if that is short
	Arrived string `json:"arrived"`
	Same    bool   `json:"same"`
	text    bool
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// checks compares what arrived with what was sent. It is read back by the standard
// library, which shares no code with what wrote it: two faults that are one
// another's reverse would not be seen otherwise.
func (s *demoStatement) checks(t *tapped, arrived []byte) []comparison {
	list := []comparison{{What: "content", Octets: len(arrived), Sent: hex.EncodeToString(t.sum.Sum(nil)), Arrived: sumOf(arrived)}}
	list[0].Same = list[0].Sent == list[0].Arrived && t.size == int64(len(arrived))
	got := readBack(arrived)
	file := func(what string, sent, arrived []byte) {
		list = append(list, comparison{What: what, Octets: len(arrived), Sent: sumOf(sent), Arrived: sumOf(arrived), Same: bytes.Equal(sent, arrived)})
	}
	words := func(what, sent, arrived string) {
		list = append(list, comparison{What: what, Sent: sent, Arrived: arrived, Same: sent == arrived, text: true})
	}
	file(demoFile, s.pdf, got.files[demoFile])
	file(demoChart, s.chart, got.files[demoChart])
	file("text", crlf(demoText), crlf(got.text))
	file("HTML", crlf(demoHTML), crlf(got.html))
	words("Subject", demoSubject, got.subject)
	words("From", s.message.From.String(), got.from)
	words("To", s.message.To[0].String(), got.to)
	return list
}

// crlf is a text with the line ends that it has on its way.
func crlf(s string) []byte {
	return []byte(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n"))
}

// A readMail is a mail as a reader's program sees it.
type readMail struct {
	from, to, subject, text, html string
	files                         map[string][]byte // by the name of the file
}

// readBack reads a mail; what cannot be read is not in what it gives.
func readBack(content []byte) *readMail {
	r := &readMail{files: make(map[string][]byte)}
	m, err := netmail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		return r
	}
	r.subject, _ = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	r.from, r.to = readAddress(m.Header, "From"), readAddress(m.Header, "To")
	r.part(m.Header.Get, m.Body, 0)
	return r
}

func readAddress(h netmail.Header, name string) string {
	list, err := h.AddressList(name)
	if err != nil || len(list) != 1 {
		return h.Get(name)
	}
	return mail.Address(*list[0]).String()
}

// part reads a part, and those within it.
func (r *readMail) part(header func(string) string, body io.Reader, depth int) {
	const deepest = 10
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") {
		for in := multipart.NewReader(body, params["boundary"]); depth < deepest; {
			p, err := in.NextRawPart()
			if err != nil {
				return
			}
			r.part(p.Header.Get, p, depth+1)
		}
		return
	}
	switch strings.ToLower(header("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return
	}
	_, disposition, _ := mime.ParseMediaType(header("Content-Disposition"))
	switch name := disposition["filename"]; {
	case name != "":
		r.files[name] = data
	case kind == "text/html":
		r.html = string(data)
	case kind == "text/plain":
		r.text = string(data)
	}
}
