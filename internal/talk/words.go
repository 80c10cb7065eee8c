package talk

import "github.com/parleymail/parley/diagnose"

// Lang is a language that a person is told things in.
type Lang = diagnose.Lang

// A words is a sentence in each language. A test walks them all.
type words struct{ en, zh string }

func (w words) in(l Lang) string {
	if l == diagnose.Chinese {
		return w.zh
	}
	return w.en
}

func (w words) empty() bool { return w.en == "" }
