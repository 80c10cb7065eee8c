package outbox_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// A call is a system call by which a child changed a file, or had it written down, or said something.
type call struct {
	name     string
	path     string // of the file; for rename, of what it is called before
	to       string // rename
	data     []byte // write
	at       int64  // write: where; ftruncate: the size
	creates  bool   // open
	ended    bool   // its end is in the log
	failed   bool   // and it came to nothing
	injected bool
}

// A moment is one at which a call began, or ended. Whatever lies between the two may have been done, or done in part.
type moment struct {
	*call
	begins bool
}

// readLog reads what strace -f -y -xx wrote.
func readLog(name string) ([]moment, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var log []moment
	under := make(map[string]*call) // thread: what it is at
	for r := bufio.NewReaderSize(f, 1<<20); ; {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			return log, nil
		}
		if err != nil {
			return nil, err
		}
		thread, rest, _ := bytes.Cut(line, []byte(" "))
		rest = bytes.TrimSpace(rest)
		c := under[string(thread)]
		switch {
		case bytes.HasPrefix(rest, []byte("---")), bytes.HasPrefix(rest, []byte("+++")), bytes.Contains(rest, []byte("( <unfinished ...>")):
			continue // a signal, an end, or a call that did not come to begin before the end
		case bytes.HasPrefix(rest, []byte("<... ")):
			if c == nil {
				return nil, fmt.Errorf("a call ends that never began: %.200s", line)
			}
		default:
			if c, err = parseCall(string(rest)); err != nil {
				return nil, fmt.Errorf("%w: %.200s", err, line)
			}
			log = append(log, moment{c, true})
			if bytes.HasSuffix(rest, []byte("<unfinished ...>")) {
				under[string(thread)] = c
				continue
			}
		}
		delete(under, string(thread))
		if err := c.end(string(rest)); err != nil {
			return nil, fmt.Errorf("%w: %.200s", err, line)
		}
		log = append(log, moment{c, false})
	}
}

// end reads what a call gave.
func (c *call) end(text string) error {
	i := strings.LastIndex(text, "= ")
	if i < 0 {
		return errors.New("it gave nothing")
	}
	gave := text[i+2:]
	gave, _, _ = strings.Cut(gave, " ")
	gave, _, _ = strings.Cut(gave, "<")
	if gave == "?" {
		return nil // it was killed in the midst of it
	}
	n, err := strconv.Atoi(gave)
	if err != nil {
		return err
	}
	c.ended, c.failed, c.injected = true, n < 0, strings.HasSuffix(text, "(INJECTED)")
	if c.data != nil && !c.failed && n != len(c.data) {
		return fmt.Errorf("%d of %d octets were written", n, len(c.data))
	}
	return nil
}

// parseCall reads what a call was asked for.
func parseCall(text string) (c *call, err error) {
	name, args, ok := strings.Cut(text, "(")
	if !ok {
		return nil, errors.New("this is no call")
	}
	c = &call{name: name}
	if name != "open" && name != "openat" && name != "unlink" && name != "unlinkat" && name != "rename" {
		var fd string
		if fd, args, ok = strings.Cut(args, ">"); !ok {
			return nil, errors.New("there is no file")
		}
		_, fd, _ = strings.Cut(fd, "<")
		c.path = unhex(fd)
	}
	var texts []string
	var plain strings.Builder
	for i, part := range strings.Split(args, `"`) {
		if i%2 == 1 {
			texts = append(texts, unhex(part))
		} else {
			plain.WriteString(part)
		}
	}
	if strings.HasPrefix(plain.String(), "...") || strings.Contains(plain.String(), ", ...") {
		return nil, errors.New("the log is cut")
	}
	switch name {
	case "open", "openat":
		c.path, c.creates = texts[0], strings.Contains(args, "O_CREAT")
		if strings.Contains(args, "O_TRUNC") {
			return nil, errors.New("nobody thought of O_TRUNC")
		}
	case "unlink", "unlinkat":
		c.path = texts[0]
	case "rename":
		c.path, c.to = texts[0], texts[1]
	case "write", "pwrite64":
		c.data = []byte(texts[0])
		if name == "pwrite64" {
			_, err = fmt.Sscanf(plain.String(), ", , %d, %d", new(int), &c.at)
		}
	case "ftruncate":
		_, err = fmt.Sscanf(plain.String(), ", %d", &c.at)
	case "fsync", "fdatasync":
	default:
		err = errors.New("nobody thought of this call")
	}
	return c, err
}

// unhex reads "\x2f\x74".
func unhex(s string) string {
	b := make([]byte, len(s)/4)
	for i := range b {
		n, err := strconv.ParseUint(s[4*i+2:4*i+4], 16, 8)
		if err != nil || s[4*i:4*i+2] != `\x` {
			panic("not in hex: " + s)
		}
		b[i] = byte(n)
	}
	return string(b)
}
