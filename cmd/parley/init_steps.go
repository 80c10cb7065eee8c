package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/parleymail/parley/diagnose"
)

// explain tells the person what was found, and how to get what the server takes for a
// password.
func (s *setup) explain(context.Context) error {
	u, p := s.u, s.provider
	if p != nil && strings.HasPrefix(p.Password.En, "OAuth2 only") && s.f.tokenCommand == "" {
		return &usageError{u.say(wordOnlyOAuth, p.Name)}
	}
	if !s.ask.person() {
		return nil
	}
	lang := diagnose.Lang(u.lang)
	title := s.domain()
	if p != nil {
		title = p.Name
	}
	u.print(u.styles.title.Render(title))
	u.entry("  "+u.say(wordLabelServer)+" ", s.ways[0])
	if p == nil {
		u.print("")
		return nil
	}
	for _, row := range []struct {
		label text
		words diagnose.Words
	}{{wordLabelSecret, p.Password}, {wordLabelSender, p.Sender}} {
		if words := row.words.In(lang); words != "" {
			u.entry("  "+u.say(row.label)+" ", withoutGrade(words))
		}
	}
	u.print("")
	if s.f.passwordFile+s.f.passwordEnv+s.f.passwordCommand+s.f.tokenCommand == "" {
		u.steps(p)
	}
	return nil
}

// steps print how to get the password, a line each.
func (u *ui) steps(p *diagnose.Provider) {
	list, notes := stepsOf(p.Where.In(diagnose.Lang(u.lang)))
	if len(list) == 0 {
		return
	}
	u.print(u.say(wordHowToGetIt))
	for i, step := range list {
		if i == 0 && isHost(step) {
			step = u.say(wordOpenAndLogIn, step)
		}
		u.entry("  "+strconv.Itoa(i+1)+". ", step)
	}
	for _, note := range notes {
		u.entry("  · ", note)
	}
	u.print("")
}

// stepsOf takes apart how the facts say where something is to be found: menus with > between
// them, and remarks behind semicolons.
func stepsOf(where string) (steps, notes []string) {
	where = withoutGrade(strings.ReplaceAll(where, "；", ";"))
	path, rest, _ := strings.Cut(where, ";")
	for step := range strings.SplitSeq(path, ">") {
		if step = strings.TrimSpace(step); step != "" {
			steps = append(steps, step)
		}
	}
	for note := range strings.SplitSeq(rest, ";") {
		if note = strings.TrimSpace(note); note != "" {
			notes = append(notes, note)
		}
	}
	return steps, notes
}

// withoutGrade leaves out the mark of what the facts have from general knowledge.
func withoutGrade(s string) string {
	return strings.TrimSpace(strings.NewReplacer(" (K)", "", "（K）", "").Replace(s))
}

// isHost reports whether a step is a site and no more.
func isHost(s string) bool {
	return strings.Contains(s, ".") && !strings.ContainsAny(s, " （(") && s == strings.ToLower(s)
}
