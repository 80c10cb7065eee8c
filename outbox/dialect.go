package outbox

import (
	"strconv"
	"strings"
	"sync"
)

// Dialect is which database a box is in.
type Dialect uint8

const (
	SQLite Dialect = iota + 1
	Postgres
)

func (d Dialect) String() string { return [...]string{"", "sqlite", "postgres"}[min(d, Postgres)] }

// Statements are written once, with "?" for each argument and nothing that one of the
// databases does not know; where they cannot be, dialect.go says the difference.

// bound has the statements as PostgreSQL wants them, by how they are written here.
// There are some dozens, and the key is a constant.
type bound struct{ m sync.Map }

// bind writes ? as $1, $2... for PostgreSQL. None of our statements has a "?" in a text.
func (b *bound) bind(query string) string {
	if s, ok := b.m.Load(query); ok {
		return s.(string)
	}
	var s strings.Builder
	n := 0
	for i := range len(query) {
		if query[i] != '?' {
			s.WriteByte(query[i])
			continue
		}
		n++
		s.WriteByte('$')
		s.WriteString(strconv.Itoa(n))
	}
	b.m.Store(query, s.String())
	return s.String()
}

// locking ends a SELECT of rows that are changed next. SQLite has one writer, and needs no locks.
func (d Dialect) locking(how string) string {
	if d == Postgres {
		return " FOR UPDATE" + how
	}
	return ""
}

// values is "(?, ?), (?, ?)": so many rows of so many columns.
func values(rows, columns int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", columns), ", ") + ")"
	return strings.TrimSuffix(strings.Repeat(row+", ", rows), ", ")
}

// notLocked gives those of a table of recipients' keys that nobody else has at this moment: several workers find the same mail at the
// same time, and would wait for each other, each with what the other waits for.
func (d Dialect) notLocked(keys string) string {
	if d != Postgres {
		return keys
	}
	return "(SELECT q.message AS column1, q.n AS column2 FROM parley_recipients q JOIN " + keys + " AS w ON q.message = w.column1 AND q.n = w.column2 WHERE +q.lane = 0 AND +q.state <= 1 FOR UPDATE OF q SKIP LOCKED)"
}
