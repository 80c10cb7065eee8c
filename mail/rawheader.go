package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxHeader is the most octets of a header that is looked at for an envelope.
const maxHeader = 256 << 10

// HeaderEnvelope is the envelope that the header of the content speaks of, as
// "sendmail -t" takes it: for all of To, Cc and Bcc, from Sender, or else the first
// of From. If there are Resent- fields (RFC 5322 §3.6.6), they say it instead; where
// they stand more than once it cannot be told which were meant, and that is an
// error. Env is not looked at and not changed.
func (r *Raw) HeaderEnvelope() (Envelope, error) {
	fields, err := r.header()
	if err != nil {
		return Envelope{}, err
	}
	resent := ""
	for name := range fields {
		if strings.HasPrefix(name, "resent-") {
			resent = "resent-"
		}
	}
	var e Envelope
	var set pathSet
	for _, name := range []string{"to", "cc", "bcc"} {
		values := fields[resent+name]
		if resent != "" && len(values) > 1 {
			return Envelope{}, fmt.Errorf("the header has more than one %s field; say who the mail is for", resent+name)
		}
		for _, value := range values {
			paths, err := fieldPaths(resent+name, value)
			if err != nil {
				return Envelope{}, err
			}
			for _, p := range paths {
				if p = forEnvelope(p); set.add(p, e.Recipients) {
					e.Recipients = append(e.Recipients, Recipient{Path: p})
				}
			}
		}
	}
	if len(e.Recipients) == 0 {
		return Envelope{}, errors.New("the header names nobody in To, Cc and Bcc")
	}
	e.ReversePath, err = reversePath(fields, resent)
	return e, err
}

func reversePath(fields map[string][]string, resent string) (Path, error) {
	for _, name := range []string{"sender", "from"} {
		values := fields[resent+name]
		if len(values) > 1 {
			return Path{}, fmt.Errorf("the header has more than one %s field", resent+name)
		}
		if len(values) == 0 {
			continue
		}
		paths, err := fieldPaths(resent+name, values[0])
		if err != nil {
			return Path{}, err
		}
		if len(paths) > 0 {
			return forEnvelope(paths[0]), nil
		}
	}
	return Path{}, errors.New("the header says neither in Sender nor in From who the mail is from")
}

func fieldPaths(name, value string) ([]Path, error) {
	list, err := ParseAddressField(value)
	if err != nil {
		return nil, fmt.Errorf("in the header's field %s %w", name, err)
	}
	paths := make([]Path, len(list))
	for i, a := range list {
		if paths[i], err = a.Path(); err != nil {
			return nil, fmt.Errorf("in the header's field %s %w", name, err)
		}
	}
	return paths, nil
}

// header is the fields of the content by their names in lower case, unfolded. It
// is read through a normalizer, so that it is the header that will be sent.
func (r *Raw) header() (map[string][]string, error) {
	src := io.ReadCloser(io.NopCloser(bytes.NewReader(r.Data)))
	if r.Data == nil && r.Source != nil {
		var err error
		if src, err = r.Source(); err != nil {
			return nil, err
		}
	}
	defer src.Close()
	n := normalizer{}
	in, out := make([]byte, 4<<10), []byte(nil)
	for !n.body {
		k, err := fill(src, in)
		if err != nil && !atEnd(err) {
			return nil, err
		}
		// What is wrong with the body that came along is told by Open.
		if out, err = n.next(out, in[:k], err); err != nil && !atEnd(err) && !n.body {
			return nil, err
		}
		if !n.body && len(out) > maxHeader {
			return nil, errors.New("the header is longer than 256 KiB")
		}
	}
	head, _, _ := strings.Cut(string(out), "\r\n\r\n")
	return fieldMap(head), nil
}

// fieldMap reads the fields of a header, unfolded. A field's lines are joined at
// once: one by one they would be copied again for each that follows.
func fieldMap(head string) map[string][]string {
	fields := make(map[string][]string)
	head = strings.TrimSuffix(head, "\r\n")
	for head != "" {
		end := fieldEnd(head)
		name, value, _ := strings.Cut(strings.ReplaceAll(head[:end], "\r\n", ""), ":")
		name = strings.ToLower(name)
		fields[name] = append(fields[name], value)
		head = strings.TrimPrefix(head[end:], "\r\n")
	}
	return fields
}

// fieldEnd is where the field that head begins with ends, its folded lines
// included.
func fieldEnd(head string) int {
	for at := 0; ; {
		i := strings.Index(head[at:], "\r\n")
		if i < 0 {
			return len(head)
		}
		at += i
		if next := head[at+2:]; next == "" || next[0] != ' ' && next[0] != '\t' {
			return at
		}
		at += 2
	}
}
