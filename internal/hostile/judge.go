package hostile

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"os/exec"
	"slices"
	"strings"
)

// A Reading is what a parser makes of a content.
type Reading struct {
	Tree      Tree                `json:"tree"`
	Addresses map[string][]string `json:"addresses"` // by field, in lower case
	Problem   string              `json:"problem"`   // why it made nothing of it
}

// A Tree is a content or a part of one.
type Tree struct {
	Type  string   `json:"type"`
	Names []string `json:"names"` // of the header fields, in lower case
	File  string   `json:"file"`
	Parts []Tree   `json:"parts"`
	Body  string   `json:"body"` // decoded, of what has no parts
}

// Shape is a tree in one line: what no field may change.
func (t *Tree) Shape() string {
	names := slices.Sorted(slices.Values(t.Names))
	s := "[" + strings.Join(names, " ") + "]"
	if len(t.Parts) > 0 {
		s += t.Type + "("
		for i := range t.Parts {
			s += t.Parts[i].Shape()
		}
		s += ")"
	}
	return s
}

// Walk calls f with the tree and all its parts.
func (t *Tree) Walk(f func(*Tree)) {
	f(t)
	for i := range t.Parts {
		t.Parts[i].Walk(f)
	}
}

//go:embed testdata/judge.py
var judgeScript string

// A Python is a running interpreter that reads contents with the email package.
type Python struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// StartPython starts one; its error is exec.ErrNotFound where there is no Python.
func StartPython() (*Python, error) {
	path, err := exec.LookPath("python3")
	if err != nil {
		return nil, err
	}
	p := &Python{cmd: exec.Command(path, "-c", judgeScript)}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.cmd.Start()
}

// Read reads a content.
func (p *Python) Read(content []byte) (r Reading, err error) {
	size := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	if _, err := p.in.Write(append(size, content...)); err != nil {
		return r, err
	}
	if _, err := io.ReadFull(p.out, size[:4]); err != nil {
		return r, err
	}
	answer := make([]byte, binary.BigEndian.Uint32(size))
	if _, err := io.ReadFull(p.out, answer); err != nil {
		return r, err
	}
	err = json.Unmarshal(answer, &r)
	return r, err
}

// Close ends the interpreter.
func (p *Python) Close() error {
	p.in.Close()
	return p.cmd.Wait()
}

// ReadGo reads a content with the standard library's net/mail and mime/multipart.
func ReadGo(content []byte) Reading {
	m, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		return Reading{Problem: err.Error()}
	}
	r := Reading{Addresses: map[string][]string{}}
	for _, name := range []string{"From", "Sender", "Reply-To", "To", "Cc", "Bcc"} {
		if m.Header.Get(name) == "" {
			continue
		}
		list, err := m.Header.AddressList(name)
		if err != nil {
			return Reading{Problem: fmt.Sprintf("%s: %v", name, err)}
		}
		for _, a := range list {
			r.Addresses[strings.ToLower(name)] = append(r.Addresses[strings.ToLower(name)], a.Address)
		}
	}
	if r.Tree, err = goTree(textproto.MIMEHeader(m.Header), m.Body); err != nil {
		return Reading{Problem: err.Error()}
	}
	return r
}

func goTree(header textproto.MIMEHeader, body io.Reader) (t Tree, err error) {
	for name, values := range maps.All(header) {
		for range values {
			t.Names = append(t.Names, strings.ToLower(name))
		}
	}
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return t, err
	}
	t.Type = kind
	if _, params, err := mime.ParseMediaType(header.Get("Content-Disposition")); err == nil {
		t.File = params["filename"]
	}
	if !strings.HasPrefix(kind, "multipart/") {
		b, err := io.ReadAll(body)
		t.Body = string(b)
		return t, err
	}
	r := multipart.NewReader(body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return t, err
		}
		part, err := goTree(p.Header, p)
		if err != nil {
			return t, err
		}
		t.Parts = append(t.Parts, part)
	}
}
