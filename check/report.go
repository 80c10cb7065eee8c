package check

import (
	"time"

	"github.com/parleymail/parley/diagnose"
)

// A Report is a whole walk.
type Report struct {
	Server string // as it was asked for
	At     time.Time
	Took   time.Duration
	Steps  []Step
}

// Add adds a step to those that there are.
func (r *Report) Add(s Step) {
	if r.At.IsZero() {
		r.At = s.At
	}
	r.Steps = append(r.Steps, s)
	if end := s.At.Add(s.Took).Sub(r.At); end > r.Took {
		r.Took = end
	}
}

// Step is the step of a name; nil where there is none.
func (r *Report) Step(name string) *Step {
	for i := range r.Steps {
		if r.Steps[i].Name == name {
			return &r.Steps[i]
		}
	}
	return nil
}

// Failure is the step that failed; nil where all went well.
func (r *Report) Failure() *Step {
	for i := range r.Steps {
		if r.Steps[i].Verdict == Failed {
			return &r.Steps[i]
		}
	}
	return nil
}

// Verdict is Failed where a step failed, Warning where one warned, else Good.
func (r *Report) Verdict() Verdict {
	worst := Good
	for i := range r.Steps {
		if v := r.Steps[i].Verdict; v != Skipped {
			worst = max(worst, v)
		}
	}
	return worst
}

// Diagnosis is what the failure means; nil where there is none.
func (r *Report) Diagnosis() *diagnose.Diagnosis {
	if f := r.Failure(); f != nil {
		return f.Diagnosis
	}
	return nil
}
