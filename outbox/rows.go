package outbox

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// Statements for many rows come in a few sizes, so that few are to be prepared, and what is written costs few trips to
// the database.
var sizes = [...]int{64, 32, 16, 8, 4, 2, 1}

// atLeast is the smallest size that n rows go into; the largest where they go into none.
func atLeast(n int) int {
	for i := len(sizes) - 1; i > 0; i-- {
		if n <= sizes[i] {
			return sizes[i]
		}
	}
	return sizes[0]
}

// inChunks runs f for n rows, as many at a time as one of the sizes.
func inChunks(n int, f func(from, to int) error) error {
	for from := 0; from < n; {
		size := 1
		for _, s := range sizes {
			if s <= n-from {
				size = s
				break
			}
		}
		if err := f(from, from+size); err != nil {
			return err
		}
		from += size
	}
	return nil
}

// SQLite plans a query anew when it is run with another number for a "?" that it may have chosen its way by: one behind LIMIT, and one that a
// column of an index is compared with where that index has a condition of its own. To plan costs several times what it costs to run it. A
// number in CAST is none to go by.
const atMost = "LIMIT CAST(? AS BIGINT)"

// A column is how a database that has no other way to know takes the values of one for numbers, or for text.
type column uint8

const (
	number column = iota
	text          // nil is NULL
	octets        // where there are arrays
)

// table is "(VALUES (...), (...))": rows to be compared with, or joined to, whose columns are column1, column2...
// PostgreSQL goes by the types in the first row.
func table(rows int, columns ...column) string {
	var b strings.Builder
	b.WriteString("(VALUES (")
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		if c == text {
			b.WriteString("CAST(? AS TEXT)")
		} else {
			b.WriteString("CAST(? AS BIGINT)")
		}
	}
	b.WriteString(")")
	if rows > 1 {
		b.WriteString(", ")
		b.WriteString(values(rows-1, len(columns)))
	}
	b.WriteString(")")
	return b.String()
}

// inTables runs f for n rows that a statement is to be joined to or to write, put together as the dialect has them: where it has
// arrays all in one, so that there is one statement for any number of rows, planned once; else in chunks. row appends a row's values.
func (t *tx) inTables(n int, columns []column, row func(args []any, i int) []any, f func(table string, args []any) error) error {
	if t.b.d == Postgres {
		if n == 0 {
			return nil
		}
		return f(arrays(columns), transposed(n, columns, row))
	}
	return inChunks(n, func(from, to int) error {
		args := make([]any, 0, (to-from)*len(columns)+4)
		for i := from; i < to; i++ {
			args = row(args, i)
		}
		return f(table(to-from, columns...), args)
	})
}

// insert is [tx.inTables] for a statement that begins with into.
func (t *tx) insert(into string, n int, columns []column, row func(args []any, i int) []any, f func(query string, args []any) error) error {
	if t.b.d == Postgres {
		return t.inTables(n, columns, row, func(table string, args []any) error { return f(into+" SELECT * FROM "+table+" v", args) })
	}
	return inChunks(n, func(from, to int) error {
		args := make([]any, 0, (to-from)*len(columns))
		for i := from; i < to; i++ {
			args = row(args, i)
		}
		return f(into+" VALUES "+values(to-from, len(columns)), args)
	})
}

// arrays is [table] of rows that come as an array for each column.
func arrays(columns []column) string {
	var casts, names strings.Builder
	for i, c := range columns {
		if i > 0 {
			casts.WriteString(", ")
			names.WriteString(", ")
		}
		casts.WriteString("CAST(? AS " + [...]string{"BIGINT[]", "TEXT[]", "BYTEA[]"}[c] + ")")
		names.WriteString("column" + strconv.Itoa(i+1))
	}
	return "(SELECT * FROM unnest(" + casts.String() + ") AS u(" + names.String() + "))"
}

// transposed gives an array for each column.
func transposed(n int, columns []column, row func(args []any, i int) []any) []any {
	all := make([]any, 0, n*len(columns))
	for i := range n {
		all = row(all, i)
	}
	args := make([]any, len(columns), len(columns)+4)
	for c := range columns {
		switch columns[c] {
		case number:
			list := make([]int64, n)
			for i := range list {
				switch v := all[i*len(columns)+c].(type) {
				case int64:
					list[i] = v
				case int:
					list[i] = int64(v)
				default:
					panic("outbox: a number is of a type that is not expected") // cannot be: rows are made here
				}
			}
			args[c] = list
		case text:
			list := make([]*string, n)
			for i := range list {
				if v, ok := all[i*len(columns)+c].(string); ok {
					list[i] = &v
				}
			}
			args[c] = list
		case octets:
			list := make([][]byte, n)
			for i := range list {
				list[i], _ = all[i*len(columns)+c].([]byte)
			}
			args[c] = list
		}
	}
	return args
}

// inLists runs f for numbers that a column is compared with, as many at a time as the dialect takes: list is what stands
// behind the column.
func (t *tx) inLists(ids []int64, f func(list string, args []any) error) error {
	if t.b.d == Postgres {
		if len(ids) == 0 {
			return nil
		}
		return f("= ANY(CAST(? AS BIGINT[]))", append(make([]any, 0, 4), ids))
	}
	return inChunks(len(ids), func(from, to int) error {
		args := make([]any, 0, to-from+4)
		for _, id := range ids[from:to] {
			args = append(args, id)
		}
		return f("IN "+values(1, to-from), args)
	})
}

// inPadded is [tx.inLists] where it does no harm to look for one several times: fewer statements in fewer sizes.
func (t *tx) inPadded(ids []int64, f func(list string, args []any) error) error {
	for t.b.d == SQLite && len(ids) > 0 {
		size := atLeast(len(ids))
		some := ids[:min(size, len(ids))]
		ids = ids[len(some):]
		for len(some) < size {
			some = append(some[:len(some):len(some)], some[0])
		}
		if err := t.inLists(some, f); err != nil {
			return err
		}
	}
	return t.inLists(ids, f)
}

// A key is a recipient's.
type key struct {
	message ID
	n       int
}

// keysOf runs a statement that gives the keys of the rows that it changed.
func (t *tx) keysOf(ctx context.Context, changed map[key]bool, query string, args []any) error {
	return t.each(ctx, query, args, func(rows *sql.Rows) error {
		var k key
		err := rows.Scan((*int64)(&k.message), &k.n)
		changed[k] = true
		return err
	})
}
