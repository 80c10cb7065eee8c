package config

import (
	"fmt"
	"strings"

	"github.com/parleymail/parley/diagnose"
)

// A Fault is one thing that is wrong with a file, or with what it leads to.
type Fault struct {
	Path   string
	Line   int            // 0: it is about no line
	Server string         // whose it is; empty: nobody's
	Words  diagnose.Words // what is wrong; never a secret
	Err    error          // what the system said, if it did
}

// In is the fault in one language: where it is, and what.
func (f *Fault) In(l diagnose.Lang) string {
	var b strings.Builder
	if f.Path != "" {
		b.WriteString(f.Path)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d", f.Line)
		}
		b.WriteString(": ")
	}
	if f.Server != "" {
		b.WriteString("[server." + f.Server + "]: ")
	}
	b.WriteString(f.What(l))
	return b.String()
}

// What is the fault in one language, without where it is.
func (f *Fault) What(l diagnose.Lang) string {
	if f.Err == nil {
		return f.Words.In(l)
	}
	colon := ": "
	if l == diagnose.Chinese {
		colon = "："
	}
	return f.Words.In(l) + colon + f.Err.Error()
}

func (f *Fault) Error() string { return f.In(diagnose.English) }

func (f *Fault) Unwrap() error { return f.Err }

// Faults are all that is wrong with a file.
type Faults []*Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "; ")
}

func (f Faults) Unwrap() []error {
	list := make([]error, len(f))
	for i, one := range f {
		list[i] = one
	}
	return list
}

// fill puts values into a sentence of both languages. A value that is a sentence of
// both itself goes in by its language.
func fill(w diagnose.Words, args ...any) diagnose.Words {
	in := func(form string, l diagnose.Lang) string {
		list := make([]any, len(args))
		for i, arg := range args {
			if words, ok := arg.(diagnose.Words); ok {
				arg = words.In(l)
			}
			list[i] = arg
		}
		return fmt.Sprintf(form, list...)
	}
	return diagnose.Words{En: in(w.En, diagnose.English), Zh: in(w.Zh, diagnose.Chinese)}
}
