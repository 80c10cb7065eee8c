package talk

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/parleymail/parley/smtp"
)

// content reads the content, line by line, up to the dot. Nothing in it is a command, of
// SMTP or of ours.
func (t *Talk) content(ctx context.Context) error {
	hint := constant(wordHintContent.in(t.Lang))
	for {
		line, err := t.next(ctx, Ask{Prompt: promptClient, Hint: hint})
		if err != nil {
			return err
		}
		if t.c.State().Closed {
			return t.overAlready("DATA")
		}
		if line == "." {
			if err := t.c.EndContent(); err != nil {
				return t.settle(ctx, true)
			}
			return t.settle(ctx, true)
		}
		sent, err := t.c.SayContentLine(line)
		switch {
		case errors.Is(err, errClosed):
		case err != nil && sent == "":
			if err := t.complain(wordLineRefused, err.Error()); err != nil {
				return err
			}
		case sent != line && !t.NoExplain:
			t.Print.Say(wordDoubled.in(t.Lang))
		}
	}
}

// skipContent passes over a content that came along with a DATA which was refused: its
// lines must not be taken for commands.
func (t *Talk) skipContent(ctx context.Context) error {
	n := 0
	for !t.In.Live() || len(t.queue) > 0 {
		line, err := t.next(ctx, Ask{})
		if err != nil || line == "." {
			break
		}
		// A script that is ready for the refusal goes on with what it expects of it.
		if n == 0 && strings.HasPrefix(line, "/expect") {
			if err := t.do(ctx, line); err != nil {
				return err
			}
			continue
		}
		if n == 0 && find(ask(line).verb) != nil {
			t.queue = append([]string{line}, t.queue...)
			return nil
		}
		n++
	}
	if n > 0 {
		t.Print.Say(strings.Replace(wordSkipped.in(t.Lang), "%d", thousands(int64(n)), 1))
	}
	return nil
}

// dataFile is /data FILE: DATA, and the content from a file. The file is read through
// before anything is said.
func (t *Talk) dataFile(ctx context.Context, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return t.complain(wordFileError, err.Error())
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return t.complain(wordFileError, name)
	}
	if err := CheckContent(file); err != nil {
		return t.complain(wordFileError, name+": "+err.Error())
	}
	if _, err := file.Seek(0, 0); err != nil {
		return t.complain(wordFileError, err.Error())
	}
	if !t.c.State().Data {
		if err := t.c.Say("DATA"); err != nil {
			return t.settle(ctx, true)
		}
		if err := t.settle(ctx, true); err != nil {
			return err
		}
	}
	if !t.c.State().Data {
		return nil // refused, and told
	}
	if err := t.c.SayContent(file); err != nil && t.c.State().Closed {
		if e := t.c.Err(); e != nil && !t.In.Live() {
			return e
		}
	}
	return t.settle(ctx, true)
}

// saveTranscript is /save FILE.
func (t *Talk) saveTranscript(name string) error {
	if err := os.WriteFile(name, []byte(transcriptText(t.said.all())), 0o600); err != nil {
		return t.complain(wordFileError, err.Error())
	}
	t.Print.Say(strings.Replace(wordSaved.in(t.Lang), "%s", smtp.Printable(name), 1))
	return nil
}
