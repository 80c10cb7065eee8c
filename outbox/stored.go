package outbox

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/parleymail/parley/mail"
)

// A stored message is what does not change of one.
type stored struct {
	ID        ID
	Origin    string
	Class     Class
	Topic     string
	NotBefore int64
	Expires   int64
	Unknown   Policy
	Env       mail.Envelope // without recipients
	Sender    string        // From, Subject and Message-ID of its header, as people read them
	Subject   string
	MessageID string
	Trace     string
	Form      mail.Form

	pieces     int64
	content    []byte // where pieces is 0
	contentSum uint32
}

// envelopeOptions are what an envelope asks for beyond its paths, as they are stored.
type envelopeOptions struct {
	Return     mail.Return `json:"ret,omitempty"`
	ID         string      `json:"envid,omitempty"`
	RequireTLS bool        `json:"tls,omitempty"`
}

// castagnoli is CRC-32C, which processors have an instruction for. It is there for what disks, memory and hands do to
// a file, and finds any error of up to 32 bits in a row; it proves nothing against somebody who means to deceive.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A summer adds up values so that no two lists of values are one to it.
type summer struct{ buf []byte }

func (s *summer) text(values ...string) *summer {
	for _, v := range values {
		s.buf = binary.AppendUvarint(s.buf, uint64(len(v)))
		s.buf = append(s.buf, v...)
	}
	return s
}

func (s *summer) number(values ...int64) *summer {
	for _, v := range values {
		s.buf = binary.AppendVarint(s.buf, v)
	}
	return s
}

func (s *summer) sum() int64 { return int64(crc32.Checksum(s.buf, castagnoli)) }

const (
	formEightBit = 1
	formUTF8     = 2
)

// form is how the content's form stands in the tables.
func (m *stored) form() (bits int64) {
	if m.Form.EightBit {
		bits |= formEightBit
	}
	if m.Form.UTF8 {
		bits |= formUTF8
	}
	return bits
}

func (m *stored) options() string {
	o := envelopeOptions{m.Env.Return, m.Env.ID, m.Env.RequireTLS}
	if o == (envelopeOptions{}) {
		return ""
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // cannot be: text and numbers
	}
	return string(b)
}

// pathText is a path as it stands in the tables: without <>, so that people can look for it.
func pathText(p mail.Path) string {
	s := p.String()
	return s[1 : len(s)-1]
}

func parsePath(s string) (mail.Path, error) { return mail.ParsePath("<" + s + ">") }

// sum is of what must not change between Put and the last attempt, so that no mail goes to another than
// was meant, or in another's name.
func (m *stored) sum() int64 {
	var s summer
	s.number(int64(m.ID), m.Class.rank(), m.NotBefore, m.Expires, int64(m.Unknown), m.form(), m.Form.Size, m.pieces, int64(m.contentSum))
	return s.text(m.Origin, pathText(m.Env.ReversePath), m.options()).sum()
}

// recipientSum is the same of a recipient.
func recipientSum(message ID, n int, path string, notify mail.Notify, original string) int64 {
	var s summer
	return s.number(int64(message), int64(n), int64(notify)).text(path, original).sum()
}

// pieceSum is the same of a piece of a content: also of which one it is.
func pieceSum(message ID, n int64, data []byte) int64 {
	var place [16]byte
	binary.BigEndian.PutUint64(place[:8], uint64(message))
	binary.BigEndian.PutUint64(place[8:], uint64(n))
	return int64(crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, data))
}

const storedColumns = `m.id, m.origin, m.class, m.topic, m.not_before, m.expires, m.unknown, m.reverse_path, m.options,
	m.sender, m.subject, m.message_id, m.trace, m.form, m.size, m.pieces, m.content_sum, m.sum`

// scan reads a row of storedColumns, and whatever stands behind them.
func (m *stored) scan(scan func(...any) error, more ...any) error {
	var rank, form, contentSum, sum int64
	var reverse, options string
	err := scan(append([]any{&m.ID, &m.Origin, &rank, &m.Topic, &m.NotBefore, &m.Expires, &m.Unknown, &reverse, &options,
		&m.Sender, &m.Subject, &m.MessageID, &m.Trace, &form, &m.Form.Size, &m.pieces, &contentSum, &sum}, more...)...)
	if err != nil {
		return err
	}
	m.Class, m.contentSum = classOf(rank), uint32(contentSum)
	m.Form.EightBit, m.Form.UTF8 = form&formEightBit != 0, form&formUTF8 != 0
	if m.Env.ReversePath, err = parsePath(reverse); err != nil {
		return corrupt(m.ID, "its reverse-path is none: %v", err)
	}
	if options != "" {
		var o envelopeOptions
		if err := json.Unmarshal([]byte(options), &o); err != nil {
			return corrupt(m.ID, "what its envelope asks for cannot be read: %v", err)
		}
		m.Env.Return, m.Env.ID, m.Env.RequireTLS = o.Return, o.ID, o.RequireTLS
	}
	if rank < 0 || rank > 2 || m.sum() != sum {
		return corrupt(m.ID, "its row is not what was written")
	}
	return nil
}

// corrupt is the error for a message that is not what was put.
func corrupt(id ID, format string, args ...any) error {
	return fmt.Errorf("%w: message %v: %s", ErrCorrupt, id, fmt.Sprintf(format, args...))
}

// load reads a message as it was put, with a content that is kept in its row. [ErrNotFound] where there is none,
// [ErrCorrupt] where it is not what was put.
func (t *tx) load(ctx context.Context, id ID) (*stored, error) {
	var m stored
	err := m.scan(func(into ...any) error {
		return t.QueryRow(ctx, "SELECT "+storedColumns+", m.content FROM parley_messages m WHERE m.id = ?", []any{id}, into...)
	}, &m.content)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	return &m, err
}

// reader is a transaction for reading alone, each statement by itself.
func (b *Box) reader() *tx { return &tx{conn: b.db, b: b} }

// object is a message as a [Transport] sends it: to those of the envelope.
func (b *Box) object(m *stored, env mail.Envelope) mail.Object { return &kept{b, m, env} }

// A kept is a mail that stands in the box. It was looked through when it was put, and its sums tell whether it is that
// still; so it is read once, a piece at a time, and not looked through again.
type kept struct {
	b   *Box
	m   *stored
	env mail.Envelope
}

func (k *kept) Envelope() (mail.Envelope, error) { return k.env, nil }

func (k *kept) Open() (mail.Content, error) {
	if k.m.pieces == 0 {
		if err := k.m.checkInline(); err != nil {
			return nil, err
		}
	}
	return &keptContent{m: k.m, pieces: k.b.open(begun, k.m)}, nil
}

type keptContent struct {
	m      *stored
	pieces *pieces
}

var (
	errNeedsEightBit = errors.New("the content has octets over 127, and the server does not offer 8BITMIME")
	errNeedsUTF8     = errors.New("the header has UTF-8, and the server does not offer SMTPUTF8")
)

// Fit cannot change what was put, which is in seven bits wherever it could be.
func (c *keptContent) Fit(o mail.Offer) (mail.Form, error) {
	switch f := c.m.Form; {
	case f.UTF8 && !o.UTF8:
		return f, errNeedsUTF8
	case f.EightBit && !o.EightBit:
		return f, errNeedsEightBit
	}
	return c.m.Form, nil
}

func (c *keptContent) WriteTo(w io.Writer) (n int64, err error) {
	if c.m.pieces == 0 {
		written, err := w.Write(c.m.content)
		return int64(written), err
	}
	for c.pieces.next < c.m.pieces {
		if err := c.pieces.load(); err != nil {
			return n, err
		}
		written, err := w.Write(c.pieces.rest)
		n += int64(written)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (c *keptContent) Close() error { return c.pieces.Close() }

func (m *stored) checkInline() error {
	if int64(len(m.content)) != m.Form.Size || crc32.Checksum(m.content, castagnoli) != m.contentSum {
		return corrupt(m.ID, "its content is not what was put")
	}
	return nil
}

// open gives a content that is kept in pieces, one at a time. A piece is looked through before any of it is given.
func (b *Box) open(ctx context.Context, m *stored) *pieces {
	ctx, stop := context.WithCancel(ctx)
	return &pieces{ctx: ctx, stop: stop, b: b, m: m}
}

type pieces struct {
	ctx  context.Context
	stop context.CancelFunc
	b    *Box
	m    *stored
	next int64  // which piece comes next
	rest []byte // of the one before
	size int64
	sums uint32 // of the sums of those that were given
}

func (p *pieces) Read(into []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.next == p.m.pieces {
			return 0, io.EOF
		}
		if err := p.load(); err != nil {
			return 0, err
		}
	}
	n := copy(into, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// load reads the next piece. With the last one it also looks whether they are all that was put, so that a content that is
// not never comes to its end.
func (p *pieces) load() error {
	var data []byte
	var sum int64
	err := p.b.reader().QueryRow(p.ctx, "SELECT data, sum FROM parley_pieces WHERE message = ? AND n = ?", []any{p.m.ID, p.next}, &data, &sum)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return corrupt(p.m.ID, "piece %d of its content is missing", p.next)
	case err != nil:
		return fmt.Errorf("outbox: reading the content of message %v: %w", p.m.ID, err)
	case pieceSum(p.m.ID, p.next, data) != sum || len(data) == 0:
		return corrupt(p.m.ID, "piece %d of its content is not what was put", p.next)
	}
	p.sums = addSum(p.sums, sum)
	p.size += int64(len(data))
	if p.next++; p.next == p.m.pieces && (p.sums != p.m.contentSum || p.size != p.m.Form.Size) {
		return corrupt(p.m.ID, "its content is not what was put")
	}
	p.rest = data
	return nil
}

// addSum goes on with the sum of pieces' sums.
func addSum(sums uint32, sum int64) uint32 {
	return crc32.Update(sums, castagnoli, binary.BigEndian.AppendUint32(nil, uint32(sum)))
}

func (p *pieces) Close() error {
	p.stop()
	return nil
}

// Content opens the content of a message, as it was put: CRLF at each line's end. [ErrNotFound] where it is no longer kept,
// [ErrCorrupt], from Read too, where it is not what was put.
func (b *Box) Content(ctx context.Context, id ID) (io.ReadCloser, error) {
	m, err := b.reader().load(ctx, id)
	if err != nil {
		return nil, err
	}
	if gone, err := b.reader().isGone(ctx, m); gone || err != nil {
		return nil, cmp.Or(err, ErrNotFound)
	}
	if m.pieces > 0 {
		return b.open(ctx, m), nil
	}
	if err := m.checkInline(); err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(m.content)), nil
}

// isGone reports whether a message's content was let go of, since nobody waits for it any more.
func (t *tx) isGone(ctx context.Context, m *stored) (gone bool, err error) {
	if m.content != nil {
		return false, nil
	}
	err = t.QueryRow(ctx, "SELECT done > 0 AND NOT EXISTS (SELECT 1 FROM parley_pieces p WHERE p.message = m.id) FROM parley_messages m WHERE m.id = ?", []any{int64(m.ID)}, &gone)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		err = fmt.Errorf("outbox: reading message %v: %w", m.ID, err)
	}
	return gone, err
}

// at is a time as it stands in the tables; zero is 0.
func at(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// timeOf is the reverse.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
