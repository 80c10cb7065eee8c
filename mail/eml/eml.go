// Package eml reads an .eml file, which is a mail as it was sent (RFC 5322), into a
// [mail.Message]: as a draft to be changed and sent again, a template, a test's
// input.
//
//	m, err := eml.Read(file)
//	m.To = mail.To("kim@example.net")
//	receipt, err := client.Send(ctx, m)
//
// It is a package of its own because of what it needs: the tables of all the
// charsets that mails come in. Whoever only writes mail does not link them.
//
// What it does not do: keep the bytes. A signature does not survive, nor does a
// tree of parts that is not the one Message makes. To send a mail as it is there
// is [mail.Raw].
package eml

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	_ "github.com/emersion/go-message/charset" // reads GBK, ISO-2022-JP, windows-1252 and their like
	"github.com/emersion/go-message/textproto"
	"github.com/parleymail/parley/mail"
)

// What a mail may have. No honest one comes near; without limits one could take all
// memory, or all day.
const (
	maxHeader = 256 << 10
	maxFields = 1000 // in the header, and in that of each part
	maxDepth  = 32
	maxParts  = 10_000
)

// A Reader reads mails. Its zero value is ready.
type Reader struct {
	// MaxSize is the most octets a mail may have. All of it is held in memory, its
	// attachments decoded. Zero: 64 MiB.
	MaxSize int64
}

// Read reads one mail, as the zero Reader does.
func Read(r io.Reader) (*mail.Message, error) { return Reader{}.Read(r) }

// Read reads one mail.
//
// The first text/plain that is no attachment becomes Text, with others after it,
// and the first text/html HTML; their line ends become LF. A text/calendar beside
// them becomes Invite. What HTML may show, a part with a Content-ID, becomes Inline
// if there is HTML, and all else Attach, mails within the mail too. Text in any
// charset becomes UTF-8; files are left as they are. File names are made fit to be
// sent: folders, controls and characters that turn the line around are left out.
//
// All further fields become Header, but for those that told of another sending:
// Received, Return-Path, Delivered-To, DKIM-Signature, ARC-, Authentication-Results
// and Resent- fields. Where From names several, the first is taken.
//
// A mail that is cut off, or cannot be decoded, is an error. So is one with more
// than a header of 256 KiB, 1,000 fields, 10,000 parts, or parts 32 deep. Whether
// the message can be sent is seen by its Check.
func (l Reader) Read(r io.Reader) (*mail.Message, error) {
	if l.MaxSize == 0 {
		l.MaxSize = 64 << 20
	}
	src := &capped{r: r, left: maxHeader, err: errors.New("it is longer than 256 KiB")}
	in := bufio.NewReader(src)
	err := skipMboxLine(in)
	var h textproto.Header
	if err == nil {
		h, err = textproto.ReadHeader(in)
	}
	if atEnd(err) && h.Len() > 0 {
		err = nil // all header, which is a mail too
	}
	if err == nil && h.Len() == 0 {
		err = errors.New("it has none")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the mail's header: %w", noEOF(err))
	}
	src.left += l.MaxSize - maxHeader
	src.err = fmt.Errorf("it is larger than %d octets", l.MaxSize)
	d := &draft{m: new(mail.Message), calendars: make(map[int]string)}
	if err := fields(h, d.field); err != nil {
		return nil, err
	}
	if err := d.part(h, in, 0); err != nil {
		return nil, fmt.Errorf("reading the mail's part %d: %w", d.parts, noEOF(err))
	}
	d.settle()
	return d.m, nil
}

// atEnd: only io.EOF itself says that there is no more, not one within another
// error.
func atEnd(err error) bool { return err == io.EOF } //nolint:errorlint // for that reason

// noEOF: the end is not where it may be.
func noEOF(err error) error {
	if atEnd(err) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// skipMboxLine drops the line that a mailbox file has before each mail.
//
// QUIRK: Thunderbird and others export single mails with it.
func skipMboxLine(r *bufio.Reader) error {
	begin, err := r.Peek(5)
	if string(begin) != "From " {
		if len(begin) > 0 || err == io.EOF {
			err = nil
		}
		return err
	}
	for {
		if c, err := r.ReadByte(); err != nil || c == '\n' {
			return err
		}
	}
}

// capped is an io.LimitedReader whose end is an error: a mail that is too large
// must not be taken for one that is cut off.
type capped struct {
	r    io.Reader
	left int64
	err  error
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		// There may just be no more.
		var one [1]byte
		n, err := c.r.Read(one[:])
		if n > 0 {
			err = c.err
		}
		return 0, err
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.r.Read(p)
	c.left -= int64(n)
	return n, err
}
