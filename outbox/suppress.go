package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
)

// A Suppression keeps an address from being sent to.
type Suppression struct {
	Address string    `json:"address"` // in lower case
	Reason  string    `json:"reason"`  // "bounce", "complaint", "unsubscribed", "manual"
	Detail  string    `json:"detail,omitempty"`
	Message ID        `json:"message,omitzero"` // that it came of
	At      time.Time `json:"at"`
	Until   time.Time `json:"until,omitzero"` // zero: for good
}

// addressKey is an address as the list has it: no two mailboxes differ by case alone, though RFC 5321 §2.4 would let them.
func addressKey(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// Suppress puts an address on the list, in place of what stood there.
func (b *Box) Suppress(ctx context.Context, s Suppression) error {
	if _, err := mail.ParsePath("<" + s.Address + ">"); err != nil {
		return fmt.Errorf("outbox: %s is no address: %w", plain.Quoted(s.Address), err)
	}
	return b.write(ctx, func(ctx context.Context, t *tx) error { return b.suppress(ctx, t, s) })
}

func (b *Box) suppress(ctx context.Context, t *tx, s Suppression) error {
	noted := at(s.At)
	if noted == 0 {
		noted = b.now()
	}
	_, err := t.Exec(ctx, `INSERT INTO parley_suppressed (address, reason, detail, message, at, until) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (address) DO UPDATE SET reason = excluded.reason, detail = excluded.detail, message = excluded.message, at = excluded.at, until = excluded.until`,
		addressKey(s.Address), cut(s.Reason, 100), cut(s.Detail, mostReply), int64(s.Message), noted, at(s.Until))
	if err != nil {
		return fmt.Errorf("outbox: writing the suppression list: %w", err)
	}
	return nil
}

// Unsuppress takes an address off the list. [ErrNotFound] where it was not on it.
func (b *Box) Unsuppress(ctx context.Context, address string) error {
	return b.write(ctx, func(ctx context.Context, t *tx) error {
		n, err := t.Exec(ctx, "DELETE FROM parley_suppressed WHERE address = ?", addressKey(address))
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

const suppressedColumns = "SELECT address, reason, detail, message, at, until FROM parley_suppressed"

func scanSuppression(scan func(...any) error) (s Suppression, err error) {
	var noted, until int64
	err = scan(&s.Address, &s.Reason, &s.Detail, &s.Message, &noted, &until)
	s.At, s.Until = timeOf(noted), timeOf(until)
	return s, err
}

// Suppressed tells why nothing is sent to an address; nil: it is not on the list.
func (b *Box) Suppressed(ctx context.Context, address string) (*Suppression, error) {
	return b.suppressed(ctx, b.reader(), address)
}

func (b *Box) suppressed(ctx context.Context, t *tx, address string) (*Suppression, error) {
	s, err := scanSuppression(func(into ...any) error {
		return t.QueryRow(ctx, suppressedColumns+" WHERE address = ? AND (until = 0 OR until > ?)", []any{addressKey(address), b.now()}, into...)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("outbox: reading the suppression list: %w", err)
	}
	return &s, nil
}

// suppressedAmong tells which of some addresses are on the list. Where it is empty that costs one look.
func (b *Box) suppressedAmong(ctx context.Context, t *tx, addresses []string) (map[string]*Suppression, error) {
	found := make(map[string]*Suppression)
	var some bool
	if err := t.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM parley_suppressed)", nil, &some); err != nil {
		return nil, fmt.Errorf("outbox: reading the suppression list: %w", err)
	}
	if !some {
		return nil, nil
	}
	err := inChunks(len(addresses), func(from, to int) error {
		args := make([]any, 0, to-from+1)
		for _, a := range addresses[from:to] {
			args = append(args, addressKey(a))
		}
		query := suppressedColumns + " WHERE address IN " + values(1, len(args)) + " AND (until = 0 OR until > ?)"
		return t.each(ctx, query, append(args, b.now()), func(rows *sql.Rows) error {
			s, err := scanSuppression(rows.Scan)
			found[s.Address] = &s
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: reading the suppression list: %w", err)
	}
	return found, nil
}

// Suppressions gives the list from an address on, in the order of the alphabet.
func (b *Box) Suppressions(ctx context.Context, after string, limit int) (list []Suppression, err error) {
	if limit <= 0 {
		limit = 50
	}
	err = b.reader().each(ctx, suppressedColumns+" WHERE address > ? ORDER BY address LIMIT ?", []any{addressKey(after), limit}, func(rows *sql.Rows) error {
		s, err := scanSuppression(rows.Scan)
		list = append(list, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: reading the suppression list: %w", err)
	}
	return list, nil
}
