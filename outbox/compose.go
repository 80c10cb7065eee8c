package outbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/parleymail/parley/internal/wire"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/mail/entity"
)

// compose has the content written, and gives those pieces away that do not stand in the message's row.
func (p *letter) compose(give func(n int64, piece []byte) error) error {
	// Seven bits go everywhere. What has more, as it was handed over, needs a server that takes it.
	form, err := p.content.Fit(mail.Offer{})
	if err != nil {
		if form, err = p.content.Fit(mail.Offer{EightBit: true}); err != nil {
			form, err = p.content.Fit(mail.Offer{EightBit: true, UTF8: true})
		}
	}
	if err != nil {
		return err
	}
	if form.Size > p.b.o.MaxSize {
		return fmt.Errorf("%w: it has %d octets, and %d are the most", ErrTooLarge, form.Size, p.b.o.MaxSize)
	}
	s := &spool{p: p, give: give}
	if form.Size > 0 && form.Size <= inlineSize {
		s.buf = make([]byte, 0, form.Size)
	}
	into := io.Writer(s)
	if !p.ours {
		into = &wire.ContentWriter{W: s, Chunked: true, Size: math.MaxInt64}
	}
	if _, err := p.content.WriteTo(into); err != nil {
		return err
	}
	if s.size > 0 && s.end != [2]byte{'\r', '\n'} {
		return errors.New("the content's last line is not ended")
	}
	return s.close(form)
}

// A spool takes a content, and parts it. It looks at what it takes, for a content that comes over a line is known when it
// is over and not before.
type spool struct {
	p     *letter
	give  func(n int64, piece []byte) error
	buf   []byte
	size  int64
	sums  uint32 // of the sums of the pieces that were given away
	begin []byte // of the content, for its header
	end   [2]byte
	eight bool
}

const mostBegin = 16 << 10 // octets of a header that are looked at for what is shown of it

func (s *spool) Write(b []byte) (int, error) {
	if s.size += int64(len(b)); s.size > s.p.b.o.MaxSize {
		return 0, fmt.Errorf("%w: %d octets are the most", ErrTooLarge, s.p.b.o.MaxSize)
	}
	s.eight = s.eight || eightBit(b)
	if n := len(b); n > 1 {
		s.end = [2]byte(b[n-2:])
	} else if n == 1 {
		s.end = [2]byte{s.end[1], b[0]}
	}
	s.buf = append(s.buf, b...)
	for len(s.buf) > pieceSize {
		if err := s.part(s.buf[:pieceSize]); err != nil {
			return 0, err
		}
		s.buf = append(s.buf[:0], s.buf[pieceSize:]...)
	}
	return len(b), nil
}

// eightBit reports whether there is an octet over 127. It looks at eight of them at a time: of a large attachment, all of which is
// ASCII, one by one took a tenth of what it costs to keep.
func eightBit(b []byte) bool {
	const high = 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&high != 0 {
			return true
		}
	}
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

func (s *spool) part(piece []byte) error {
	p := s.p
	if p.pieces == 0 {
		s.begin = bytes.Clone(piece[:min(len(piece), mostBegin)])
	}
	if err := s.give(p.pieces, piece); err != nil {
		return err
	}
	s.sums = addSum(s.sums, pieceSum(p.ID, p.pieces, piece))
	p.pieces++
	return nil
}

func (s *spool) close(form mail.Form) error {
	p := s.p
	if s.size > inlineSize {
		if len(s.buf) > 0 {
			if err := s.part(s.buf); err != nil {
				return err
			}
		}
		p.contentSum = s.sums
	} else {
		p.stored.content = s.buf
		if s.buf == nil {
			p.stored.content = []byte{}
		}
		s.begin = s.buf[:min(len(s.buf), mostBegin)]
		p.contentSum = crc32.Checksum(s.buf, castagnoli)
	}
	header, _, _ := bytes.Cut(s.begin, []byte("\r\n\r\n"))
	p.Form = mail.Form{Size: s.size, EightBit: s.eight || form.EightBit, UTF8: form.UTF8}
	p.Form.UTF8 = p.Form.UTF8 || s.eight && eightBit(header)
	head := entity.Summary(header)
	p.Sender, p.Subject, p.MessageID = shown(head.From), shown(head.Subject), shown(head.MessageID)
	return nil
}

// shown is a header's value as lists show it.
func shown(s string) string { return cut(s, 400) }

// putPiece writes a piece of a content. Its message does not stand there yet.
func (p *letter) putPiece(ctx context.Context, t Querier, n int64, piece []byte) error {
	_, err := t.Exec(ctx, "INSERT INTO parley_pieces (message, n, data, sum) VALUES (?, ?, ?, ?)", int64(p.ID), n, piece, pieceSum(p.ID, n, piece))
	if err != nil {
		return fmt.Errorf("outbox: writing the content: %w", err)
	}
	return nil
}

const (
	insertMessages = `INSERT INTO parley_messages (id, origin, key, print, class, topic, not_before, expires, unknown, reverse_path, options, sender, subject, message_id,
		trace, form, size, pieces, content, content_sum, sum) `
	insertMessage    = insertMessages + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
	insertRecipients = `INSERT INTO parley_recipients (message, n, path, notify, original, sum, state, class, lane, next_at, changed, attempts, unknowns, worker, reply) `
	insertRecipient  = insertRecipients + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

// row is the message's, as insertMessages has it.
func (p *letter) row(args []any) []any {
	var key any
	if p.key != "" {
		key = p.key
	}
	return append(args, int64(p.ID), p.Origin, key, p.print, p.Class.rank(), p.Topic, p.NotBefore, p.Expires, int64(p.Unknown), pathText(p.Env.ReversePath), p.options(),
		p.Sender, p.Subject, p.MessageID, p.Trace, p.form(), p.Form.Size, p.pieces, p.stored.content, int64(p.contentSum), p.sum())
}

// recipientRow is one of its recipients', as insertRecipients has it.
func (p *letter) recipientRow(args []any, n int, now int64) []any {
	r := &p.recipients[n]
	path := pathText(r.Path)
	return append(args, int64(p.ID), n, path, int64(r.Notify), r.Original, recipientSum(p.ID, n, path, r.Notify, r.Original),
		int64(Queued), p.Class.rank(), 0, p.NotBefore, now, 0, 0, 0, "")
}

// put writes the message and its recipients. It gives the ID of the first message where the key is known. It may be called again
// after its transaction came to nothing.
func (p *letter) put(ctx context.Context, t Querier) (ID, error) {
	n, err := t.Exec(ctx, insertMessage, p.row(nil)...)
	switch {
	case err != nil:
		return 0, fmt.Errorf("outbox: writing the message: %w", err)
	case n == 1:
		return p.ID, p.putRecipients(ctx, t)
	}
	if p.key != "" {
		if first, err := p.known(ctx, t); first != 0 || err != nil {
			return first, err
		}
	}
	return 0, fmt.Errorf("outbox: writing the message: its ID %v is taken", p.ID)
}

func (p *letter) putRecipients(ctx context.Context, t Querier) error {
	const columns = 15
	now := p.b.now()
	err := inChunks(len(p.recipients), func(from, to int) error {
		args := make([]any, 0, (to-from)*columns)
		for n := from; n < to; n++ {
			args = p.recipientRow(args, n, now)
		}
		query := insertRecipient
		if to-from > 1 {
			query = insertRecipients + "VALUES " + values(to-from, columns)
		}
		_, err := t.Exec(ctx, query, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("outbox: writing the recipients: %w", err)
	}
	return nil
}

// putTogether is put of several, by one statement where there are arrays. Where one of them is known it gives an error, and nothing
// is to be written: each is then put by itself.
func putTogether(ctx context.Context, t *tx, list []*letter) (err error) {
	if len(list) == 1 || t.b.d != Postgres {
		for _, p := range list {
			if p.first, err = p.put(ctx, t); err != nil {
				return err
			}
		}
		return nil
	}
	type one struct{ p, n int }
	var all []one
	for i, p := range list {
		p.first = p.ID
		for n := range p.recipients {
			all = append(all, one{i, n})
		}
	}
	now := t.b.now()
	ofMessages := []column{number, text, text, octets, number, text, number, number, number, text, text, text, text, text, text, number, number, number, octets, number, number}
	ofRecipients := []column{number, number, text, number, text, number, number, number, number, number, number, number, number, number, text}
	args := transposed(len(list), ofMessages, func(args []any, i int) []any { return list[i].row(args) })
	args = append(args, transposed(len(all), ofRecipients, func(args []any, i int) []any { return list[all[i].p].recipientRow(args, all[i].n, now) })...)
	n, err := t.Exec(ctx, "WITH m AS ("+insertMessages+"SELECT * FROM "+arrays(ofMessages)+" v ON CONFLICT DO NOTHING RETURNING id) "+
		insertRecipients+"SELECT v.* FROM "+arrays(ofRecipients)+" v JOIN m ON m.id = v.column1", args...)
	if err == nil && n != int64(len(all)) {
		err = errors.New("one of them is known")
	}
	if err != nil {
		return fmt.Errorf("outbox: writing messages: %w", err)
	}
	return nil
}

// lockPieces looks whether the pieces that were written before are all there: what took very long may have been swept away. Those
// who sweep wait then until the message is there.
func (p *letter) lockPieces(ctx context.Context, t *tx) error {
	if p.pieces == 0 {
		return nil
	}
	var there int64
	query := "SELECT count(*) FROM (SELECT 1 FROM parley_pieces WHERE message = ?" + t.b.d.locking("") + ") p"
	if err := t.QueryRow(ctx, query, []any{int64(p.ID)}, &there); err != nil {
		return fmt.Errorf("outbox: writing the message: %w", err)
	}
	if there != p.pieces {
		return fmt.Errorf("outbox: writing the message: of its content's %d pieces %d are left: it took too long", p.pieces, there)
	}
	return nil
}

// wasPut reports whether the message is there although the database's last word was an error: the connection was lost after
// what was said by it was done.
func (p *letter) wasPut(ctx context.Context, err error) (there bool) {
	if e, ok := errors.AsType[*databaseError](err); !ok || !e.uncertain {
		return false
	}
	err = p.b.reader().QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM parley_messages WHERE id = ?)", []any{int64(p.ID)}, &there)
	return err == nil && there
}

// unstage drops the pieces of a message that came to nothing. Where it cannot, the sweeper does it later.
func (b *Box) unstage(id ID) {
	if err := b.dropStaged(begun, id); err != nil {
		b.log.Warn("outbox: pieces of a content that came to nothing are left", "message", id, "error", err)
	}
}
