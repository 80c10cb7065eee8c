package hostile

import (
	"bytes"
	"io"
	"strings"
	"time"
)

// Flood is how much is said where there is to be no end: far more than anybody
// should listen to.
const Flood = 256 << 20

// Endless are forms of a reply without end, by name. Each is given the code that
// the client waits for, and gives what begins the reply and what then goes on.
var Endless = map[string]func(code string) (head, again string){
	"continuation lines":       func(code string) (string, string) { return "", code + "-" + strings.Repeat("X", 70) + "\r\n" },
	"one line":                 func(code string) (string, string) { return code + " ", strings.Repeat("A", 100) },
	"empty continuation lines": func(code string) (string, string) { return "", code + "-\r\n" },
	"lines that end in LF":     func(code string) (string, string) { return "", code + "-x\n" },
	"a continued line":         func(code string) (string, string) { return code + "-", "\x1b[2J\xff\x00" },
	"NUL":                      func(string) (string, string) { return "", "\x00" },
	"CR":                       func(code string) (string, string) { return code + " ok", "\r" },
	"enhanced codes": func(code string) (string, string) {
		return "", code + "-" + code[:1] + ".1.1 " + strings.Repeat("é", 30) + "\r\n"
	},
	"the longest honest line": func(code string) (string, string) { return "", code + "-" + strings.Repeat("y", 506) + "\r\n" },
	"base64":                  func(code string) (string, string) { return code + " ", "QUJD" },
}

// Say gives a Server.Babble: head, and then again up to Flood octets in all.
func Say(head, again string) func(io.Writer) error {
	return func(w io.Writer) error {
		if _, err := io.WriteString(w, head); err != nil {
			return err
		}
		p := bytes.Repeat([]byte(again), max(1, 4096/len(again)))
		for n := 0; n < Flood; n += len(p) {
			if _, err := w.Write(p); err != nil {
				return err
			}
		}
		return nil
	}
}

// Slowly says what say has to say, an octet a second.
func Slowly(w io.Writer, say func(io.Writer) error) error { return say(slow{w}) }

type slow struct{ w io.Writer }

func (s slow) Write(p []byte) (int, error) {
	for i := range p {
		time.Sleep(time.Second)
		if _, err := s.w.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}
