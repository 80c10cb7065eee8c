package config

import (
	"bytes"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// An index says where in a text the tables and keys stand, so that faults have lines
// and changes leave the rest as it is.
type index struct {
	text  []byte
	parts []part
}

// A part is a header of a table, or a key with its value.
type part struct {
	path       []string
	header     bool // [path], or [[path]]
	begin, end int  // from the begin of its first line to the end of its last, with the line end
	value      span // of a key's value, as it is written; empty for inline tables and arrays
}

type span struct{ begin, end int }

func parseIndex(text []byte) (*index, error) {
	x := &index{text: text}
	var p unstable.Parser
	p.Reset(text)
	var table []string
	for p.NextExpression() {
		e := p.Expression()
		var part part
		first := -1
		var last unstable.Range
		for it := e.Key(); it.Next(); {
			n := it.Node()
			if first < 0 {
				first = int(n.Raw.Offset)
			}
			last = n.Raw
			part.path = append(part.path, string(n.Data))
		}
		part.begin = lineBegin(text, first)
		switch e.Kind {
		case unstable.KeyValue:
			part.path = append(append([]string(nil), table...), part.path...)
			part.end = lineEnd(text, int(e.Raw.Offset+e.Raw.Length))
			if raw := e.Value().Raw; raw.Length > 0 {
				part.value = span{int(raw.Offset), int(raw.Offset + raw.Length)}
			}
		default:
			table, part.header = part.path, true
			part.end = lineEnd(text, int(last.Offset+last.Length))
		}
		x.parts = append(x.parts, part)
	}
	return x, p.Error()
}

func lineBegin(text []byte, at int) int { return bytes.LastIndexByte(text[:at], '\n') + 1 }

func lineEnd(text []byte, at int) int {
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

// find is the part of a path, and of a header before that of what stands in it.
func (x *index) find(path ...string) (part, bool) {
	key := strings.Join(path, "\x00")
	for _, p := range x.parts {
		if strings.Join(p.path, "\x00") == key {
			return p, true
		}
	}
	return part{}, false
}

// line is where a path stands; 0 if it has no line of its own.
func (x *index) line(path ...string) int {
	for n := len(path); n > 0; n-- { // what stands in an inline table has the line of that
		if p, ok := x.find(path[:n]...); ok {
			return 1 + bytes.Count(x.text[:p.begin], []byte("\n"))
		}
	}
	return 0
}
