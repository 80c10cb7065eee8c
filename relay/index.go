package relay

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// An index says where in a file the tables and keys stand. Those of arrays of tables are counted: "listen.0.address".
type index struct {
	text  []byte
	parts []part
}

// A part is a header of a table, or a key with its value, whole lines of the text.
type part struct {
	path       []string
	header     bool
	begin, end int
}

func parseIndex(text []byte) (*index, error) {
	x := &index{text: text}
	var p unstable.Parser
	p.Reset(text)
	count := make(map[string]int)
	var table []string
	for p.NextExpression() {
		e := p.Expression()
		var one part
		first, last := -1, 0
		for it := e.Key(); it.Next(); {
			n := it.Node()
			if first < 0 {
				first = int(n.Raw.Offset)
			}
			last = int(n.Raw.Offset + n.Raw.Length)
			one.path = append(one.path, string(n.Data))
		}
		one.begin = bytes.LastIndexByte(text[:max(first, 0)], '\n') + 1
		switch e.Kind {
		case unstable.KeyValue:
			one.path = append(slices.Clone(table), one.path...)
			last = int(e.Raw.Offset + e.Raw.Length)
		case unstable.ArrayTable:
			name := strings.Join(one.path, ".")
			one.path = append(one.path, strconv.Itoa(count[name]))
			count[name]++
			fallthrough
		default:
			table, one.header = one.path, true
		}
		one.end = len(text)
		if i := bytes.IndexByte(text[last:], '\n'); i >= 0 {
			one.end = last + i + 1
		}
		x.parts = append(x.parts, one)
	}
	return x, p.Error()
}

// line is where something stands, or what it is in; 0: nowhere. A name may have dots in it.
func (x *index) line(at string) int {
	for at != "" {
		for _, p := range x.parts {
			if strings.Join(p.path, ".") == at {
				return 1 + bytes.Count(x.text[:p.begin], []byte("\n"))
			}
		}
		at = at[:max(strings.LastIndexByte(at, '.'), 0)]
	}
	return 0
}

// has reports whether a key is said.
func (x *index) has(at string) bool {
	return slices.ContainsFunc(x.parts, func(p part) bool { return !p.header && strings.Join(p.path, ".") == at })
}

// split parts a file in two, each with the lines of the other empty: what stands below [server.NAME] and is a key of a server, as package
// config has them, and all else. ours are the keys there that are not.
func (x *index) split(ours []string) (rest, servers []byte) {
	rest, servers = bytes.Clone(x.text), blank(x.text, 0, len(x.text))
	said := make(map[string]bool) // servers of which more is said than what is ours
	for _, p := range x.parts {
		if !p.header && p.path[0] == "server" && (len(p.path) < 3 || !slices.Contains(ours, p.path[2])) {
			said[serverOf(p.path)] = true
			copy(servers[p.begin:p.end], x.text[p.begin:p.end])
			copy(rest[p.begin:p.end], blank(x.text, p.begin, p.end))
		}
	}
	for _, p := range x.parts {
		if p.header && p.path[0] == "server" && said[serverOf(p.path)] {
			copy(servers[p.begin:p.end], x.text[p.begin:p.end])
		}
	}
	return rest, servers
}

// without is the text with the key that stands at a line taken out; nil: there is none, or it was taken out before.
func (x *index) without(text []byte, line int) []byte {
	for _, p := range x.parts {
		first := 1 + bytes.Count(x.text[:p.begin], []byte("\n"))
		if p.header || line < first || line >= first+max(bytes.Count(x.text[p.begin:p.end], []byte("\n")), 1) {
			continue
		}
		if len(bytes.TrimSpace(text[p.begin:p.end])) == 0 {
			return nil
		}
		rest := bytes.Clone(text)
		copy(rest[p.begin:p.end], blank(text, p.begin, p.end))
		return rest
	}
	return nil
}

func serverOf(path []string) string {
	if len(path) < 2 {
		return ""
	}
	return path[1]
}

// blank is a stretch of a text with all but its line ends taken out.
func blank(text []byte, begin, end int) []byte {
	out := bytes.Repeat([]byte{' '}, end-begin)
	for i := range out {
		if text[begin+i] == '\n' {
			out[i] = '\n'
		}
	}
	return out
}
