package talk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// A history is what was typed before, oldest first, in a file with a line each. What may
// be secret never comes into it: see kept.
type history struct {
	file   string // empty: none
	lines  []string
	hidden bool // what is typed now is not of the sort that is kept here
	wary   bool // a login was said, and no command since: what is none may be a secret
}

// mostHistory is how many lines are read from the file.
const mostHistory = 1000

func openHistory(file string) *history {
	h := &history{file: file}
	data, err := os.ReadFile(file)
	if err != nil {
		return h // there is none yet, or none that we may read
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			h.lines = append(h.lines, line)
		}
	}
	if extra := len(h.lines) - mostHistory; extra > 0 {
		h.lines = h.lines[extra:]
		if extra > mostHistory {
			h.rewrite()
		}
	}
	return h
}

// kept is what is kept of a line; empty, where nothing is.
func kept(line string) string {
	line = strings.TrimSpace(line)
	if word, rest, _ := strings.Cut(line, " "); strings.HasPrefix(word, "/") {
		if o, ok := findOwn(word); !ok || !o.keep || o.name == "/raw" && obscure(rest) {
			return ""
		}
	}
	if strings.ContainsAny(line, "\r\n\x00") {
		return ""
	}
	return Shown(line)
}

// obscure reports whether there may be a login in octets for /raw which Shown does not
// find there: behind another line, or behind a blank that is written as \x20.
func obscure(raw string) bool {
	octets, err := Unescape(raw)
	if err != nil {
		return true // nothing of it was sent
	}
	said := strings.TrimRight(strings.ToUpper(string(octets)), "\r\n")
	words := strings.Fields(raw)
	switch {
	case !strings.Contains(said, "AUTH"):
		return false
	case strings.Contains(said, "\n"), !strings.EqualFold(strings.TrimSuffix(words[0], `\r\n`), "AUTH"):
		return true
	}
	return len(words) > 1 && strings.Contains(strings.TrimSuffix(words[1], `\r\n`), `\`)
}

// beginsLogin reports whether what comes behind a line may be what a login asks for.
func beginsLogin(line string) bool {
	word, rest, _ := strings.Cut(strings.TrimSpace(strings.ToUpper(line)), " ")
	return word == "AUTH" || word == "/AUTH" || word == "/RAW" && strings.Contains(rest, "AUTH")
}

// isCommand reports whether a line begins with a command, SMTP's or ours.
func isCommand(line string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	_, ours := findOwn(word)
	return ours && !strings.EqualFold(word, "/raw") || find(ask(line).verb) != nil
}

// add keeps what was typed. A file that cannot be written is no reason to stop.
func (h *history) add(typed string) {
	wary := h.wary
	for line := range strings.SplitSeq(typed, "\n") {
		login := beginsLogin(line)
		if wary = wary && !login && !isCommand(line); wary {
			continue
		}
		wary = login
		line = kept(line)
		if line == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
			continue
		}
		h.lines = append(h.lines, line)
		if h.file != "" {
			h.append(line)
		}
	}
}

func (h *history) append(line string) {
	if err := os.MkdirAll(filepath.Dir(h.file), 0o700); err != nil {
		return
	}
	f, err := os.OpenFile(h.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	f.WriteString(line + "\n")
}

func (h *history) rewrite() {
	next := h.file + ".new"
	if err := os.WriteFile(next, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600); err == nil {
		os.Rename(next, h.file)
	}
}

// What the line editor asks of a history. It is not the one who writes it.

func (h *history) Write(string) (int, error) { return len(h.lines), nil }
func (h *history) Dump() any                 { return nil }

func (h *history) Len() int {
	if h.hidden {
		return 0
	}
	return len(h.lines)
}

func (h *history) GetLine(i int) (string, error) {
	if i < 0 || i >= len(h.lines) {
		return "", errors.New("there is no such line")
	}
	return h.lines[i], nil
}
