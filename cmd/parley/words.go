package main

import "strings"

// A lang is a language that the command speaks.
type lang uint8

const (
	english lang = iota
	chinese
)

// A text is a sentence, or a form for fmt.Sprintf, in each of the languages. A
// test walks them all: none is empty, and both forms want the same values.
type text struct{ en, zh string }

func (t text) in(l lang) string {
	if l == chinese {
		return t.zh
	}
	return t.en
}

// parseLang reads the value of --lang.
func parseLang(s string) (lang, bool) {
	switch strings.ToLower(s) {
	case "en":
		return english, true
	case "zh":
		return chinese, true
	}
	return english, false
}

// chooseLang is the language asked for, or that of the locale. It is settled
// before the flags are read, since what is said of those depends on it.
func chooseLang(args []string, env func(string) string) lang {
	asked := ""
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--lang="); ok {
			asked = value
		} else if arg == "--lang" && i+1 < len(args) {
			asked = args[i+1]
		}
	}
	if l, ok := parseLang(asked); ok {
		return l
	}
	// POSIX: the first of these that is set, and not empty, counts.
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := env(name); locale != "" {
			if strings.HasPrefix(strings.ToLower(locale), "zh") {
				return chinese
			}
			return english
		}
	}
	return english
}
