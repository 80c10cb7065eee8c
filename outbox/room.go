package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"syscall"
)

// findFile finds where SQLite keeps the database. One without a name is in memory.
func (b *Box) findFile(ctx context.Context) error {
	if b.d != SQLite {
		return nil
	}
	var file sql.NullString
	if err := b.reader().QueryRow(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'", nil, &file); err != nil {
		return fmt.Errorf("outbox: asking the database: %w", err)
	}
	b.file = file.String
	return nil
}

// mostReserve is the room on a disk that no mail is taken into; of a small disk it is a quarter. It is for what is there already: to send a mail
// SQLite writes more before it can give anything back, up to the size of its log.
// A queue that had filled its disk to the end would stay there for ever.
const mostReserve = 64 << 20

// checkRoom refuses mail where the disk is almost full. Room within the file, which sent mail has left, counts as well.
func (b *Box) checkRoom(ctx context.Context) error {
	if b.file == "" {
		return nil
	}
	free, all, ok := room(filepath.Dir(b.file))
	reserve := min(mostReserve, all/4)
	if !ok || free >= reserve {
		return nil
	}
	var within uint64
	if err := b.reader().QueryRow(ctx, "SELECT (SELECT freelist_count FROM pragma_freelist_count) * (SELECT page_size FROM pragma_page_size)", nil, &within); err != nil {
		return fmt.Errorf("outbox: asking the database: %w", err)
	}
	if free += within; free < reserve {
		return fmt.Errorf("outbox: %d octets are free on the disk, and %d are kept for sending what is there: %w", free, reserve, syscall.ENOSPC)
	}
	return nil
}
