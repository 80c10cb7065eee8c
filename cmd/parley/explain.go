package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/smtp"
)

// explainFlags are the values of all that "parley explain" can be told.
type explainFlags struct {
	stage, server, data string
	json, batch, lines  bool
}

// explainCommand is "parley explain": what a pasted reply or error means.
func (a *app) explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain [TEXT...]",
		Short: a.ui.say(wordExplainShort),
		Long:  a.ui.say(wordExplainLong),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.ui.explainTexts(&f, args)
		},
	}
	set := cmd.Flags()
	set.StringVar(&f.stage, "stage", "", "")
	set.StringVar(&f.server, "server", "", "")
	set.StringVar(&f.data, "data", "", "")
	set.BoolVar(&f.json, "json", false, "")
	set.BoolVar(&f.batch, "batch", false, "")
	set.BoolVar(&f.lines, "lines", false, "")
	a.describe(cmd, explainWords)
	return cmd
}

func (u *ui) explainTexts(f *explainFlags, args []string) error {
	facts, err := u.facts(f.data)
	if err != nil {
		return err
	}
	if f.batch {
		if len(args) > 0 || f.lines {
			return &usageError{u.say(wordBatchAlone)}
		}
		return u.explainBatch(facts, u.in)
	}
	hint := diagnose.Hint{Server: f.server, Provider: f.server}
	if _, known := facts.Provider(f.server); f.server != "" && !known && !strings.ContainsAny(f.server, ".:@") {
		return &usageError{u.say(wordNoProviderNamed, f.server)} // else another's words would be taken for its
	}
	if f.stage != "" {
		stages, ok := diagnose.ParsePhase(f.stage)
		if !ok {
			return &usageError{u.say(wordNoStage, f.stage)}
		}
		if len(stages) > 0 {
			hint.Stage = stages[0]
		}
	}
	n := 0
	for text, err := range u.texts(f, args) {
		if err != nil {
			return err
		}
		d := facts.Text(text, hint)
		switch {
		case f.json:
			u.printJSON(u.explained(&d))
		default:
			if n > 0 {
				u.print("")
			}
			u.printDiagnosis(&d)
		}
		n++
	}
	if n == 0 {
		return &usageError{u.say(wordNoText)}
	}
	return nil
}

// facts are those of the binary, with those of a file over them.
func (u *ui) facts(file string) (*diagnose.Facts, error) {
	facts := diagnose.Default()
	if file == "" {
		return facts, nil
	}
	r, err := os.Open(file)
	if err != nil {
		return nil, &usageError{"--data: " + err.Error()}
	}
	defer r.Close()
	if facts, err = facts.Read(r); err != nil {
		return nil, &usageError{"--data " + file + ": " + err.Error()}
	}
	return facts, nil
}

// texts are the arguments, or else standard input: as one, or each of its lines as it comes.
func (u *ui) texts(f *explainFlags, args []string) iter.Seq2[string, error] {
	switch {
	case len(args) > 0:
		return func(yield func(string, error) bool) {
			for _, text := range args {
				if !yield(text, nil) {
					return
				}
			}
		}
	case f.lines:
		return u.inputLines
	}
	return func(yield func(string, error) bool) {
		const most = 1 << 20
		data, err := io.ReadAll(io.LimitReader(u.in, most+1))
		switch {
		case err != nil:
			yield("", &usageError{err.Error()})
		case len(data) > most:
			yield("", &usageError{u.say(wordTextTooLong)})
		case len(bytes.TrimSpace(data)) > 0:
			yield(string(data), nil)
		}
	}
}

// inputLines are the lines of standard input that are not blank.
func (u *ui) inputLines(yield func(string, error) bool) {
	r := bufio.NewReaderSize(u.in, 1<<16)
	for {
		line, err := r.ReadString('\n')
		if strings.TrimSpace(line) != "" && !yield(line, nil) {
			return
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				yield("", &usageError{err.Error()})
			}
			return
		}
	}
}

// printDiagnosis tells a person what a text means.
func (u *ui) printDiagnosis(d *diagnose.Diagnosis) {
	said := d.Text
	if d.Reply.Code != 0 {
		said = d.Reply.String()
	}
	const most = 300
	if r := []rune(said); len(r) > most {
		said = string(r[:most]) + "…"
	}
	for _, line := range wrap(smtp.Printable(said), u.width-1, 2) {
		u.print(u.styles.server.Render(line))
	}
	lang := diagnose.Lang(u.lang)
	term := u.say(wordForGood)
	if d.Temporary {
		term = u.say(wordForNow)
	}
	if d.Kind == "ok" {
		term = u.say(wordNoFailure)
	}
	facts := []string{string(d.Kind), term, u.say(wordSure, strconv.Itoa(int(d.Confidence*100+0.5)))}
	if d.Provider != "" {
		facts = append(facts, d.Provider)
	}
	if len(d.Evidence) > 0 && d.Evidence[0].Rule != "" {
		facts = append(facts, u.say(wordByRule, d.Evidence[0].Rule))
	}
	u.print(u.styles.note.Render("kind:  " + strings.Join(facts, " · ")))
	u.labelled("cause: ", d.Cause.In(lang))
	u.labelled("fix:   ", d.Fix.In(lang))
	u.print(u.styles.note.Render("see:   " + d.Kind.Page()))
}

// labelled prints a sentence behind its label, wrapped under itself.
func (u *ui) labelled(label, s string) {
	for i, line := range wrap(smtp.Printable(s), u.width-1-len(label), 0) {
		if i > 0 {
			u.print(strings.Repeat(" ", len(label)) + line)
			continue
		}
		u.print(u.styles.title.Render(label) + line)
	}
}

// An explanation is a diagnosis for programs. Its names stay as they are.
type explanation struct {
	Kind       diagnose.Kind `json:"kind"`
	Temporary  bool          `json:"temporary"`
	Cause      string        `json:"cause"`
	Fix        string        `json:"fix"`
	Confidence float64       `json:"confidence"`
	Provider   string        `json:"provider,omitempty"`
	Stage      string        `json:"stage,omitempty"`
	Reply      *replyRecord  `json:"reply,omitempty"`
	Rule       string        `json:"rule,omitempty"`
	Words      string        `json:"words,omitempty"`
	Source     string        `json:"source,omitempty"`
	Page       string        `json:"page,omitempty"`
}

func (u *ui) explained(d *diagnose.Diagnosis) *explanation {
	lang := diagnose.Lang(u.lang)
	x := &explanation{
		Kind: d.Kind, Temporary: d.Temporary, Cause: d.Cause.In(lang), Fix: d.Fix.In(lang),
		Confidence: float64(int(d.Confidence*100+0.5)) / 100, Provider: d.Provider, Reply: recordReply(d.Reply), Page: d.Kind.Page(),
	}
	if d.Stage != 0 {
		x.Stage = d.Stage.String()
	}
	if len(d.Evidence) > 0 {
		x.Rule, x.Words, x.Source = d.Evidence[0].Rule, d.Evidence[0].Words, d.Evidence[0].Source
	}
	return x
}

// explainBatch reads lines of provider, phase and text, parted by tabs, and prints an
// object for each, in their order. A line that is not so is a text alone: whoever
// sends a million lines wants as many answers; and whoever sends one, and waits for its
// answer before the next, gets it.
func (u *ui) explainBatch(facts *diagnose.Facts, in io.Reader) error {
	out := bufio.NewWriter(u.out)
	defer out.Flush()
	r := bufio.NewReaderSize(in, 1<<16)
	waits := func() bool {
		here, _ := r.Peek(r.Buffered())
		return bytes.IndexByte(here, '\n') < 0
	}
	return inOrder(
		func() (string, bool, error) {
			if waits() {
				if err := out.Flush(); err != nil {
					return "", false, err
				}
			}
			line, err := r.ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return "", false, fmt.Errorf("reading standard input: %w", err)
			}
			return strings.TrimRight(line, "\r\n"), line != "", nil
		},
		waits,
		func(line string) []byte {
			d := batchLine(facts, line)
			return u.encodeJSON(u.explained(&d))
		},
		func(object []byte) error {
			_, err := out.Write(object)
			return err
		})
}

// batchLine explains one line of --batch. In its text \n stands for a line break.
func batchLine(facts *diagnose.Facts, line string) diagnose.Diagnosis {
	var h diagnose.Hint
	column := strings.SplitN(line, "\t", 3)
	text := column[len(column)-1]
	if len(column) == 3 {
		h.Provider = column[0]
		if stages, ok := diagnose.ParsePhase(column[1]); ok && len(stages) > 0 {
			h.Stage = stages[0]
		}
	}
	return facts.Text(strings.ReplaceAll(text, `\n`, "\n"), h)
}
