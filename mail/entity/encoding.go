package entity

import (
	"bytes"
	"io"
)

// Open gives the body with its transfer encoding taken off (RFC 2045 §6), as a stream. What is broken
// in it is passed over; it has no errors but io.EOF.
func (e *Entity) Open() io.Reader {
	raw := bytes.NewReader(e.RawBody())
	if e.IsMultipart() || len(e.Parts) > 0 {
		return raw
	}
	switch e.Encoding {
	case "base64":
		return &decoding{r: raw, d: new(base64Decoder)}
	case "quoted-printable":
		return &decoding{r: raw, d: new(qpDecoder)}
	}
	return raw
}

// Body gives at most max octets of what Open gives, and whether there is more.
func (e *Entity) Body(most int) (body []byte, cut bool) {
	most = max(most, 0)
	size := min(most, len(e.RawBody()))
	if e.Encoding == "base64" {
		size = min(most, len(e.RawBody())*3/4+3)
	}
	body = make([]byte, size)
	n, _ := io.ReadFull(e.Open(), body) // the end is no fault: what there is comes
	body = body[:n]
	if n < most {
		return body, false
	}
	return body, e.longer(most)
}

// longer says whether the body has more octets than so many.
func (e *Entity) longer(most int) bool {
	n, _ := io.CopyN(io.Discard, e.Open(), int64(most)+1) // the end is the answer
	return n > int64(most)
}

// A decoder takes pieces of an encoded body and appends what they mean. It keeps what it needs of one for the next.
type decoder interface {
	decode(to, from []byte) []byte
	end(to []byte) []byte
}

// decoding is a reader of an encoded body.
type decoding struct {
	r    io.Reader
	d    decoder
	in   [8 << 10]byte
	buf  []byte // what out is a part of
	out  []byte
	done bool
}

func (d *decoding) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.done {
			return 0, io.EOF
		}
		n, err := d.r.Read(d.in[:])
		d.buf = d.d.decode(d.buf[:0], d.in[:n])
		if err != nil {
			d.done = true
			d.buf = d.d.end(d.buf)
		}
		d.out = d.buf
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// base64Decoder takes what RFC 2045 §6.8 takes, which ignores all that is not of the
// alphabet; and what programs write besides: the alphabet for URLs, and several encodings one behind the other, each
// with its padding.
type base64Decoder struct {
	bits uint32
	have uint8
}

func (d *base64Decoder) decode(to, from []byte) []byte {
	for _, c := range from {
		v := base64Values[c]
		if v >= 64 {
			if c == '=' {
				to = d.end(to)
			}
			continue
		}
		d.bits = d.bits<<6 | uint32(v)
		if d.have++; d.have == 4 {
			to = append(to, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
			d.bits, d.have = 0, 0
		}
	}
	return to
}

// end appends what is whole of a group that is not.
func (d *base64Decoder) end(to []byte) []byte {
	switch d.have {
	case 2:
		to = append(to, byte(d.bits>>4))
	case 3:
		to = append(to, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.bits, d.have = 0, 0
	return to
}

var base64Values = func() (t [256]byte) {
	for i := range t {
		t[i] = 64
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	t['-'], t['_'] = 62, 63
	return t
}()

// qpDecoder: RFC 2045 §6.7. What is no encoding stays as it is. Blanks at the end of a line are
// the transport's and go, but never more than a thousand are waited for.
type qpDecoder struct {
	held []byte // "=", "=4", or blanks that may be a line's last
}

func (d *qpDecoder) decode(to, from []byte) []byte {
	for i := 0; i < len(from); i++ {
		if len(d.held) == 0 {
			n := i
			for n < len(from) && from[n] > ' ' && from[n] != '=' {
				n++
			}
			if to, i = append(to, from[i:n]...), n; i == len(from) {
				break
			}
		}
		to = d.octet(to, from[i])
	}
	return to
}

func (d *qpDecoder) octet(to []byte, c byte) []byte {
	switch {
	case len(d.held) == 0 && c != '=' && c != ' ' && c != '\t' && c != '\r':
		return append(to, c)
	case len(d.held) == 0:
		d.held = append(d.held, c)
		return to
	case d.held[0] == '=':
		return d.escape(to, c)
	case c == '\n': // a line's end: a CR that is held is part of it, blanks are not
		if d.held[len(d.held)-1] == '\r' {
			to = append(to, '\r')
		}
		d.held = d.held[:0]
		return append(to, '\n')
	case (c == ' ' || c == '\t' || c == '\r') && len(d.held) < 1000:
		d.held = append(d.held, c)
		return to
	}
	to = d.end(to)
	return d.octet(to, c)
}

// escape goes on from "=" and what followed it.
func (d *qpDecoder) escape(to []byte, c byte) []byte {
	last := d.held[len(d.held)-1]
	switch {
	case len(d.held) == 1 && isHex(c):
		d.held = append(d.held, c)
		return to
	case len(d.held) == 2 && isHex(last) && isHex(c):
		d.held = d.held[:0]
		return append(to, unhex(last)<<4|unhex(c))
	case !isHex(last) && c == '\n': // a soft line break, blanks before its end too
		d.held = d.held[:0]
		return to
	case !isHex(last) && (c == '\r' || c == ' ' || c == '\t') && len(d.held) < 1000:
		d.held = append(d.held, c)
		return to
	}
	to = append(to, d.held...)
	d.held = d.held[:0]
	return d.octet(to, c)
}

func (d *qpDecoder) end(to []byte) []byte {
	if len(d.held) > 0 && d.held[0] == '=' && len(bytes.Trim(d.held[1:], " \t\r")) == 0 {
		d.held = d.held[:0] // a soft break as the last thing
	}
	to = append(to, d.held...)
	d.held = d.held[:0]
	return to
}
