package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
)

// BenchmarkList is of a box with a million mails, half of them sent, of the others a few odd.
func BenchmarkList(b *testing.B) {
	s := onSQLite(b)
	const n = 1_000_000
	for _, q := range []string{
		`INSERT INTO parley_lanes SELECT value, 'lane ' || value, 0, 0, 0, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, '', 0, 0, '', 0, 0, '' FROM series LIMIT 100`,
		fmt.Sprintf(`INSERT INTO parley_messages SELECT (%d + value) << 20, 'shop', NULL, NULL, 1, 'statements ' || (value / 100000), 0, 1 << 50, 1, 'shop@example.net', '', 'shop@example.net',
			'Your statement', value || '@example.net', '', 0, 1000, 0, CASE WHEN value %% 2 = 0 THEN zeroblob(1000) END, 0, 0, value %% 2 FROM series LIMIT %d`, time.Since(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)).Milliseconds()-n-1000, n),
		`INSERT INTO parley_recipients SELECT id, 0, 'kim' || (id >> 20) || '@example.org', 0, '', 0, CASE WHEN done THEN 5 WHEN (id >> 20) % 1000 = 0 THEN 6 WHEN (id >> 20) % 1000 = 2 THEN 1 ELSE 0 END, 1, (id >> 20) % 100 + 1, 0, 0, 1, 0, 0, 0, '250 taken' FROM parley_messages`,
	} {
		if _, err := s.db.Exec("WITH RECURSIVE series (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM series) " + q); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("tally", func(b *testing.B) {
		for range b.N {
			t, err := s.Tally(b.Context())
			if err != nil || t.States[outbox.Sent] != n/2 {
				b.Fatal(t, err)
			}
		}
	})
	for _, q := range []outbox.Query{
		{}, {States: []outbox.State{outbox.Queued}}, {States: []outbox.State{outbox.Bounced}}, {States: []outbox.State{outbox.Deferred, outbox.Held}},
		{States: []outbox.State{outbox.Sent}}, {States: []outbox.State{outbox.Sending}}, {Lane: "lane 7"}, {Lane: "lane 8", States: []outbox.State{outbox.Queued}}, {Topic: "statements 3"}, {Topic: "none"},
		{Recipient: "kim1000@example.org"}, {Recipient: "@example.com"}, {MessageID: "1000@example.net"}, {Sender: "nobody@example.net"}, {Class: "alert"}, {Origin: "other"},
		{Since: time.Now().Add(-10 * time.Second), Recipient: "nobody@example.org"},
	} {
		b.Run(fmt.Sprintf("%+v", q), func(b *testing.B) {
			for range b.N {
				if _, err := s.List(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
