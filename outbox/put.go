package outbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"

	"github.com/parleymail/parley/mail"
)

// Bounds of what a [Mail] says of itself, in octets, and of its recipients.
const (
	MaxKey        = 200
	MaxPrint      = 64
	MaxTopic      = 200
	MaxOrigin     = 200
	MaxTrace      = 200
	MaxRecipients = 10_000
)

// ErrTooLarge is the error for a content of more than Options.MaxSize.
var ErrTooLarge = errors.New("outbox: the content is larger than this box takes")

const (
	inlineSize = 32 << 10  // contents up to this stand in their message's row
	pieceSize  = 256 << 10 // and larger ones in pieces of this
)

// Put takes a mail over: what it says, and who it is for. The mail goes out when the transaction is
// committed. With a nil tx Put writes it in one of its own, together with what others put at the same time, and it
// is on stable storage when Put returns.
//
// The content is composed now, in seven bits where that can be, and attachments are read now.
//
// A [Mail] says more than an object; of one with a Key that the box knows nothing is written, and Put gives the ID of the
// first. An error of type [mail.Problems] tells what is wrong with the mail; [ErrTooLarge] and [ErrKeyReused] are
// as they say; any other is of the database or of an attachment. In all cases nothing was written.
//
// With SQLite some room on the disk is kept for sending what is there, 64 MiB or a quarter of a small disk, and
// Put takes no mail into it: its error is then syscall.ENOSPC.
func (b *Box) Put(ctx context.Context, tx *sql.Tx, object mail.Object) (ID, error) {
	if tx != nil {
		return b.PutIn(ctx, b.of(tx), object)
	}
	return b.putAlone(ctx, object)
}

// putAlone puts in transactions of our own. The pieces of a large content go down one by one, so that it neither stands in
// memory nor holds others up; nobody sees them before the message is there.
func (b *Box) putAlone(ctx context.Context, object mail.Object) (ID, error) {
	if err := b.checkRoom(ctx); err != nil {
		return 0, err
	}
	p, err := b.prepare(ctx, object)
	if err != nil {
		return 0, err
	}
	defer p.content.Close()
	if p.key != "" {
		if first, err := p.known(ctx, b.reader()); first != 0 || err != nil {
			return first, err
		}
	}
	err = p.compose(func(n int64, piece []byte) error {
		return b.write(ctx, func(ctx context.Context, t *tx) error { return p.putPiece(ctx, t, n, piece) })
	})
	id := p.ID
	switch {
	case err != nil:
	case p.pieces == 0:
		err = b.do(ctx, job{put: p})
		id = p.first
	default:
		err = b.write(ctx, func(ctx context.Context, t *tx) (err error) {
			if err = p.lockPieces(ctx, t); err == nil {
				id, err = p.put(ctx, t)
			}
			return err
		})
	}
	if err != nil && p.wasPut(ctx, err) {
		id, err = p.ID, nil
	}
	if p.pieces > 0 && (err != nil || id != p.ID) {
		b.unstage(p.ID)
	}
	if err != nil {
		return 0, err
	}
	if p.NotBefore <= b.now() {
		b.wakeFor(p.Class)
	}
	return id, nil
}

// PutIn is [Box.Put] in a transaction that is no *sql.Tx. Package outbox/postgres has one for pgx.
func (b *Box) PutIn(ctx context.Context, t Querier, object mail.Object) (ID, error) {
	if err := b.checkRoom(ctx); err != nil {
		return 0, err
	}
	p, err := b.prepare(ctx, object)
	if err != nil {
		return 0, err
	}
	defer p.content.Close()
	if p.key != "" {
		if first, err := p.known(ctx, t); first != 0 || err != nil {
			return first, err
		}
	}
	if err := p.compose(func(n int64, piece []byte) error { return p.putPiece(ctx, t, n, piece) }); err != nil {
		return 0, err
	}
	return p.put(ctx, t)
}

// of is the application's transaction as one of ours.
func (b *Box) of(t *sql.Tx) *tx { return &tx{conn: t, b: b} }

// A letter is a message on its way in.
type letter struct {
	stored
	b          *Box
	ours       bool // package mail has made it, and keeps its own rules
	key        string
	print      []byte
	recipients []mail.Recipient
	content    mail.Content
	first      ID // that was put with the key; its own where it is new
}

// prepare looks a mail through, and opens its content. Nothing is written.
func (b *Box) prepare(ctx context.Context, object mail.Object) (*letter, error) {
	var m Mail
	switch o := object.(type) {
	case *Mail:
		m = *o
	case nil:
		return nil, errors.New("outbox: there is no mail to be put")
	default:
		m.Object = object
	}
	if m.Object == nil {
		return nil, errors.New("outbox: there is no mail to be put")
	}
	env, err := m.Envelope()
	if err != nil {
		return nil, err
	}
	if err := m.check(env); err != nil {
		return nil, err
	}
	ours := false
	switch m.Object.(type) {
	case *mail.Message, *mail.Raw:
		ours = true
	default:
		if env, err = (&mail.Raw{Env: env}).Envelope(); err != nil {
			return nil, err
		}
	}
	p := &letter{b: b, ours: ours, key: m.Key, print: m.Print, recipients: env.Recipients}
	p.stored = stored{ID: b.newID(), Origin: m.Origin, Class: m.Class, Topic: m.Topic, Unknown: m.Unknown, Env: env, Trace: m.Trace}
	p.Env.Recipients = nil
	if p.key != "" && p.print == nil {
		p.print = envelopePrint(env)
	}
	p.NotBefore, p.Expires = at(m.NotBefore), at(m.Expires)
	if p.NotBefore == 0 {
		p.NotBefore = b.now()
	}
	if p.Expires == 0 {
		p.Expires = p.NotBefore + b.o.MaxAge.Milliseconds()
	}
	if p.Unknown == 0 {
		p.Unknown = b.o.Unknown[m.Class]
	}
	if p.Unknown == 0 {
		p.Unknown = Again
	}
	if p.content, err = m.Open(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		p.content.Close()
		return nil, err
	}
	return p, nil
}

// check tells all that is wrong with what a Mail says of itself.
func (m *Mail) check(env mail.Envelope) error {
	var p mail.Problems
	add := func(wrong bool, field, what string) {
		if wrong {
			p = append(p, mail.FieldError{Field: field, What: what})
		}
	}
	for _, f := range []struct {
		name, text string
		most       int
	}{{"Key", m.Key, MaxKey}, {"Topic", m.Topic, MaxTopic}, {"Origin", m.Origin, MaxOrigin}, {"Trace", m.Trace, MaxTrace}} {
		add(len(f.text) > f.most, f.name, fmt.Sprintf("has more than %d octets", f.most))
		add(cut(f.text, len(f.text)) != f.text, f.name, "holds what is no text")
	}
	add(len(m.Print) > MaxPrint, "Print", fmt.Sprintf("has more than %d octets", MaxPrint))
	add(m.Class > Bulk, "Class", "is none")
	add(m.Unknown > Hold, "Unknown", "is no policy")
	add(!m.Expires.IsZero() && !m.Expires.After(m.NotBefore), "Expires", "is not after NotBefore")
	add(len(env.Recipients) == 0, "Env.Recipients", "is empty: nobody would get the mail")
	add(len(env.Recipients) > MaxRecipients, "Env.Recipients", fmt.Sprintf("has more than %d recipients", MaxRecipients))
	if len(p) > 0 {
		return p
	}
	return nil
}

// envelopePrint tells whether two mails are from and for the same.
func envelopePrint(env mail.Envelope) []byte {
	var s summer
	s.text(pathText(env.ReversePath))
	for _, r := range env.Recipients {
		s.text(pathText(r.Path))
	}
	sum := sha256.Sum256(s.buf)
	return sum[:]
}

// known gives the ID of the message that was put with the key; 0 where there is none.
func (p *letter) known(ctx context.Context, t Querier) (first ID, err error) {
	var print []byte
	err = t.QueryRow(ctx, "SELECT id, print FROM parley_messages WHERE origin = ? AND key = ?", []any{p.Origin, p.key}, &first, &print)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("outbox: looking for the key: %w", err)
	case !bytes.Equal(print, p.print):
		return 0, fmt.Errorf("%w, message %v", ErrKeyReused, first)
	}
	return first, nil
}
