package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// An Entry is a server to be added to a file.
type Entry struct {
	Name    string
	Comment string // above it; empty: none
	URL     string // without the password
	From    string // empty: none
	Secret  Secret // of Source Nowhere: none
}

// Add gives the text of a file with a server more, at its end. If the file has no
// default, what was taken without a name before is so still; if there was nothing, it
// is the new one.
func Add(path string, text []byte, e Entry) ([]byte, error) {
	f, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	if _, ok := f.Server(e.Name); ok {
		return nil, &Fault{Path: path, Server: e.Name, Words: wordTaken}
	}
	var b bytes.Buffer
	if len(bytes.TrimSpace(f.text)) > 0 {
		b.Write(f.text)
		if !bytes.HasSuffix(f.text, []byte("\n")) {
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	}
	for line := range strings.Lines(e.Comment) {
		b.WriteString("# " + strings.TrimRight(line, "\r\n") + "\n")
	}
	fmt.Fprintf(&b, "[server.%s]\nurl = %s\n", e.Name, quote(e.URL))
	if e.From != "" {
		fmt.Fprintf(&b, "from = %s\n", quote(e.From))
	}
	b.WriteString(secretLine(e.Secret))
	out := b.Bytes()
	if f.Default == "" {
		chosen := e.Name
		if s, ok := f.Chosen(); ok {
			chosen = s.Name
		}
		if len(f.Servers) < 2 { // with more and no default somebody wants none
			out = withDefault(out, chosen)
		}
	}
	return checked(path, f, out, e.Name, func(is *Server) bool { return is != nil && is.Secret == e.Secret })
}

// Remove gives the text of a file without a server: its tables, and the comment right
// above each. If it is the default, there is none any more.
func Remove(path string, text []byte, name string) ([]byte, error) {
	f, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	if _, ok := f.Server(name); !ok {
		return nil, &Fault{Path: path, Words: fill(wordNoServer, name, f.choice(name))}
	}
	x, err := parseIndex(f.text)
	if err != nil {
		return nil, &Fault{Path: path, Words: fill(wordNoTOML, err)}
	}
	var cuts []span
	for i, p := range x.parts {
		if len(p.path) < 2 || p.path[0] != "server" || p.path[1] != name || !p.header {
			continue
		}
		end := len(f.text)
		for _, next := range x.parts[i+1:] {
			if next.header {
				end = commentBegin(f.text, next.begin)
				break
			}
		}
		cuts = append(cuts, span{commentBegin(f.text, p.begin), end})
	}
	if p, ok := x.find("default"); ok && f.Default == name {
		cuts = append(cuts, span{p.begin, p.end})
	}
	return checked(path, f, cut(f.text, cuts), name, func(is *Server) bool { return is == nil })
}

// SetSecret gives the text of a file in which a server's secret is somewhere else.
func SetSecret(path string, text []byte, name string, secret Secret) ([]byte, error) {
	f, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	s, ok := f.Server(name)
	if !ok {
		return nil, &Fault{Path: path, Words: fill(wordNoServer, name, f.choice(name))}
	}
	x, err := parseIndex(f.text)
	if err != nil {
		return nil, &Fault{Path: path, Words: fill(wordNoTOML, err)}
	}
	header, ok := x.find("server", name)
	if !ok || !header.header {
		return nil, &Fault{Path: path, Line: s.line, Server: name, Words: wordByHand}
	}
	out, at := slices.Clone(f.text), header.end
	var spans []span
	for _, p := range x.parts {
		if p.header || len(p.path) != 3 || p.path[0] != "server" || p.path[1] != name {
			continue
		}
		at = p.end
		if isSecretKey(p.path[2]) {
			spans = append(spans, span{p.begin, p.end})
		}
	}
	out = slices.Concat(out[:at], []byte(onOwnLine(out[:at], secretLine(secret))), out[at:])
	for _, s := range slices.Backward(spans) {
		out = slices.Delete(out, s.begin, s.end)
	}
	if p, ok := x.find("server", name, "url"); ok && p.value.end > 0 && s.inURL {
		out = slices.Concat(out[:p.value.begin], []byte(quote(s.url)), out[p.value.end:])
	}
	return checked(path, f, out, name, func(is *Server) bool {
		return is != nil && is.url == s.url && is.From == s.From && is.Secret == secret
	})
}

// onOwnLine is a line as it goes behind a text whose last line may have no end.
func onOwnLine(before []byte, line string) string {
	if len(before) > 0 && before[len(before)-1] != '\n' {
		return "\n" + line
	}
	return line
}

// SetDefault gives the text of a file with another default.
func SetDefault(path string, text []byte, name string) ([]byte, error) {
	f, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	if _, ok := f.Server(name); !ok {
		return nil, &Fault{Path: path, Words: fill(wordNoServer, name, f.choice(name))}
	}
	return checked(path, f, withDefault(f.text, name), name, func(is *Server) bool { return is != nil })
}

// withDefault writes the default: in its place, or behind the comment that a file
// begins with.
func withDefault(text []byte, name string) []byte {
	x, err := parseIndex(text)
	if err != nil {
		return text // it is told of when the outcome is looked through
	}
	line := "default = " + quote(name)
	if p, ok := x.find("default"); ok {
		return slices.Concat(text[:p.value.begin], []byte(quote(name)), text[p.value.end:])
	}
	at := 0
	for rest := text; bytes.HasPrefix(rest, []byte("#")); rest = text[at:] {
		at = lineEnd(text, at)
	}
	if at > 0 && (at == len(text) || text[at] != '\n') {
		at = 0 // the comment is about what follows it
	}
	if at > 0 {
		at++
	}
	return slices.Concat(text[:at], []byte(line+"\n\n"), text[at:])
}

// commentBegin is where the comment begins that stands right above a line.
func commentBegin(text []byte, line int) int {
	for line > 0 {
		before := lineBegin(text, line-1)
		if !bytes.HasPrefix(bytes.TrimLeft(text[before:line], " \t"), []byte("#")) {
			break
		}
		line = before
	}
	return line
}

// cut takes spans out of a text, and of the blank lines on both sides those that would
// be left double.
func cut(text []byte, spans []span) []byte {
	slices.SortFunc(spans, func(a, b span) int { return a.begin - b.begin })
	var out []byte
	at := 0
	for _, s := range spans {
		out = append(out, text[at:max(at, s.begin)]...)
		at = max(at, s.end)
		for (len(out) == 0 || bytes.HasSuffix(out, []byte("\n\n"))) && bytes.HasPrefix(text[at:], []byte("\n")) {
			at++
		}
	}
	out = append(out, text[at:]...)
	if at == len(text) || len(bytes.TrimSpace(text[at:])) == 0 {
		out = append(bytes.TrimRight(out, "\n"), '\n')
	}
	if len(bytes.TrimSpace(out)) == 0 {
		return nil
	}
	return out
}

// secretLine is how a file says where a secret is.
func secretLine(s Secret) string {
	switch s.Source {
	case Nowhere:
		return ""
	case Clear:
		return s.key() + " = " + quote(s.value) + "\n"
	default:
		return s.key() + " = " + quote(s.Name) + "\n"
	}
}

// checked looks a changed text through. It must be a file; of the server that it is
// about it must say what is wanted; all others must be as they were.
func checked(path string, was *File, text []byte, name string, wanted func(is *Server) bool) ([]byte, error) {
	is, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	s, _ := is.Server(name)
	if !wanted(s) || !slices.EqualFunc(was.but(name), is.but(name), sameServer) {
		return nil, &Fault{Path: path, Server: name, Words: wordByHand}
	}
	return text, nil
}

// but is all servers but one.
func (f *File) but(name string) []*Server {
	return slices.DeleteFunc(slices.Clone(f.Servers), func(s *Server) bool { return s.Name == name })
}

func sameServer(a, b *Server) bool {
	x, y := *a, *b
	x.line, y.line = 0, 0
	return x == y
}

// quote writes a text as a TOML string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// PasswordFile is where the password of a server is kept beside the file: its name as
// the file has it, and whole.
func PasswordFile(path, name string) (written, whole string) {
	written = name + ".password"
	return written, filepath.Join(filepath.Dir(path), written)
}
