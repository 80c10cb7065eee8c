package inbox

import "fmt"

// Room lets the store's file grow by so many pages, as a disk that is full then.
func (s *Store) Room(pages int64) error {
	return s.do(noContext, func(b *batch) error {
		var all int64
		if err := b.c.QueryRowContext(noContext, "PRAGMA page_count").Scan(&all); err != nil {
			return err
		}
		_, err := b.c.ExecContext(noContext, fmt.Sprintf("PRAGMA max_page_count = %d", all+pages))
		return err
	})
}

// HoldIndex keeps the index from going on until free is called.
func (s *Store) HoldIndex() (free func()) {
	s.index.mu.Lock()
	return s.index.mu.Unlock
}
