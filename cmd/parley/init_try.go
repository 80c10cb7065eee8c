package main

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/config"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/smtp"
)

// password settles where the secret is: where the flags say, or with us, once it is read.
func (s *setup) password(ctx context.Context) error {
	f := s.f
	given := 0
	for _, c := range []config.Secret{
		{Source: config.Env, Name: f.passwordEnv}, {Source: config.Command, Name: f.passwordCommand},
		{Source: config.Command, Token: true, Name: f.tokenCommand},
	} {
		if c.Name != "" {
			s.secret = c
			given++
		}
	}
	if f.passwordFile != "" {
		given++
	}
	if given > 1 {
		return &usageError{s.u.say(wordTwoSources)}
	}
	if s.secret.Source != config.Nowhere {
		return nil
	}
	return s.read(ctx, f.passwordFile)
}

// read reads the secret that is for us to keep.
func (s *setup) read(ctx context.Context, file string) error {
	u := s.u
	value, err := s.ask.password(ctx, file, u.say(wordAskCode, s.user()))
	if err != nil {
		return err
	}
	if value = tidy(value); value == "" {
		return errGaveUp
	}
	s.value = value
	return nil
}

var inGroups = regexp.MustCompile(`^[a-z]{4}( [a-z]{4}){3}$`)

// tidy takes the blanks out of an app password that is shown in four groups, and those
// that came along when it was copied.
func tidy(secret string) string {
	secret = strings.Trim(secret, " \t\r\n")
	if inGroups.MatchString(secret) {
		secret = strings.ReplaceAll(secret, " ", "")
	}
	return secret
}

// try connects and logs in, by one way after the other while it is the way that fails,
// and asks again while the person likes.
func (s *setup) try(ctx context.Context) error {
	u := s.u
	if s.f.noTry {
		return nil
	}
	for {
		way, e := s.tryWays(ctx)
		if e == nil {
			s.ways = []string{way}
			u.tell(u.say(wordTryGood, s.user()))
			return nil
		}
		if failed, ok := errors.AsType[*smtp.Error](e); ok {
			u.tell(wordsOf(failed))
			u.advice(u.record(failed, s.hostOf(way)))
		} else {
			return e
		}
		if !s.ask.person() || s.value == "" || ctx.Err() != nil {
			return e
		}
		if err := s.again(ctx, e); err != nil {
			return err
		}
	}
}

// again asks for another password, where it may have been that, or else whether to try
// once more.
func (s *setup) again(ctx context.Context, e error) error {
	u := s.u
	if failed, ok := errors.AsType[*smtp.Error](e); ok && failed.Stage >= smtp.StageAuth {
		u.tell(u.say(wordTryAgain))
		return s.read(ctx, "")
	}
	answer, err := s.ask.line(ctx, u.say(wordAskOnceMore))
	if err == nil && answer != "" {
		err = errGaveUp
	}
	return err
}

// tryTime is how long any step may take: somebody waits.
const tryTime = 30 * time.Second

func (s *setup) hostOf(way string) string {
	if client, err := smtp.ParseURL(stripped(way)); err == nil {
		return client.Addr
	}
	return ""
}

// stripped is a URL without its user.
func stripped(way string) string {
	before, _, after := splitURL(way)
	return before + after
}

// tryWays gives the way that works, or the last one tried and what went wrong with it. A
// way that leads to a server which refuses us is the right one, and no other is tried.
func (s *setup) tryWays(ctx context.Context) (way string, err error) {
	for i, way := range s.ways {
		e := s.tryWay(ctx, way)
		if e == nil {
			return way, nil
		}
		failed, ok := errors.AsType[*smtp.Error](e)
		if !ok || failed.Stage >= smtp.StageAuth || noHost(failed) || i == len(s.ways)-1 || ctx.Err() != nil {
			return way, e
		}
		s.u.tell(s.u.say(wordTryOther, wordsOf(failed), stripped(s.ways[i+1])))
	}
	return "", nil
}

// tryWay logs in, as a client of the file would that is to be written.
func (s *setup) tryWay(ctx context.Context, way string) error {
	u := s.u
	text, err := config.Add(s.draft.path, s.draft.old, s.entry(way, s.secret))
	if err != nil {
		return err
	}
	file, err := config.Parse(s.draft.path, text)
	if err != nil {
		return err
	}
	entry, _ := file.Server(s.name)
	if s.value != "" {
		entry = entry.With(s.value)
	}
	client, err := entry.Client(ctx, u.vault())
	if err != nil {
		return err
	}
	u.tell(u.say(wordTrying, stripped(way)))
	client.Trace = u.trace(s.f.verbose, false)
	client.Timeout = cmp.Or(client.Timeout, tryTime)
	defer client.Close()
	session, err := s.dial(client, ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	if !s.f.send {
		return nil
	}
	receipt, err := session.Send(ctx, &mail.Message{
		From: s.address, To: []mail.Address{s.address}, Subject: u.say(wordTestSubject), Text: u.say(wordTestText),
	})
	if err != nil {
		return err
	}
	u.tell(u.say(wordTaken, client.Addr, recordReply(receipt.Reply)))
	return nil
}
