package route

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// errorOf is the error that a client makes of a line.
func errorOf(stage smtp.Stage, line string) *smtp.Error {
	if len(line) > 3 && line[3] == '-' {
		line = line[:3] + " " + line[4:]
	}
	code, rest, _ := strings.Cut(line, " ")
	n, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 {
		return &smtp.Error{Kind: smtp.Insecure, Stage: stage, Err: errors.New(line)}
	}
	e := &smtp.Error{Kind: smtp.Refused, Stage: stage, Reply: smtp.Reply{Code: n, Lines: []string{rest}}}
	if stage == smtp.StageAuth {
		e.Kind = smtp.Unauthorized
	}
	word, after, _ := strings.Cut(rest, " ")
	if p := strings.Split(word, "."); len(p) == 3 && (p[0] == "4" || p[0] == "5") {
		a, err1 := strconv.Atoi(p[1])
		b, err2 := strconv.Atoi(p[2])
		if err1 == nil && err2 == nil {
			e.Reply.Enhanced = smtp.EnhancedCode{Class: int(p[0][0] - '0'), Subject: a, Detail: b}
			e.Reply.Lines = []string{after}
		}
	}
	return e
}

func factOf(j *judge, e *smtp.Error) *replyFact {
	kind := j.facts.Explain(e, diagnose.Hint{Provider: j.provider}).Kind
	for _, f := range j.rules {
		if f.fits(e, j.place, j.names(), strings.ToLower(e.Reply.String()), kind) {
			return f
		}
	}
	return nil
}

func TestEveryReplyFactIsMeantByItsExample(t *testing.T) {
	list, err := readReplies(embedded)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 70 {
		t.Errorf("%d facts: files are missing", len(list))
	}
	for _, f := range list {
		j := &judge{facts: diagnose.Default(), rules: list, place: f.Place}
		if j.place == "" {
			j.place = mailHosts
		}
		if len(f.Providers) > 0 {
			j.provider = ofGroup(t, f.Providers[0])
		}
		stage := smtp.StageMail
		if len(f.stages) > 0 {
			stage = f.stages[0]
		}
		e := errorOf(stage, f.Example)
		got := factOf(j, e)
		if got != f {
			id := "none"
			if got != nil {
				id = got.ID
			}
			t.Errorf("%s: its example %q fits %s (kind %s)", f.ID, f.Example, id, j.facts.Explain(e, diagnose.Hint{Provider: j.provider}).Kind)
			continue
		}
		v := j.judge(e)
		if f.Nothing != (v.Suspend == 0 && v.Slow == 0) {
			t.Errorf("%s: the verdict is %+v", f.ID, v)
		}
		if !f.Nothing && v.Why == "" {
			t.Errorf("%s: nobody is told why", f.ID)
		}
	}
}

// ofGroup finds a provider that has a group of rules.
func ofGroup(t *testing.T, group string) string {
	t.Helper()
	for _, p := range diagnose.Default().Providers() {
		if p.ID == group || slices.Contains(p.Groups, group) {
			return p.ID
		}
	}
	t.Fatalf("nobody has the group %s", group)
	return ""
}
