package statement

import (
	"context"
	"runtime"
	"time"
)

// A chosen row is on its way into the outbox.
type chosen struct {
	key     string
	line    int
	data    string
	digest  []byte
	edition int
	d       *made
	wrong   *Problem
	err     error // it is not its row's
}

const chosenColumns = "SELECT id, line, data, digest, edition FROM parley_statement_rows WHERE "

func scanChosen(list *[]chosen) func(scan func(...any) error) error {
	return func(scan func(...any) error) error {
		var c chosen
		err := scan(&c.key, &c.line, &c.data, &c.digest, &c.edition)
		*list = append(*list, c)
		return err
	}
}

// A batch is some rows whose mails are made.
type batch struct {
	list []chosen
	err  error
}

// fetch makes the mails of the next rows, while those before are put: as many as are made within a second, so that little is made in vain where this program dies.
func (f *feeding) fetch(ctx context.Context, line int, key string) {
	next := make(chan batch, 1)
	f.next = next
	go func() {
		var b batch
		b.err = f.j.s.reader().Each(ctx, chosenColumns+"state = 0 AND chosen = 1 AND (line > ? OR line = ? AND id > ?) ORDER BY line, id LIMIT ?", []any{line, line, key, batchRows}, scanChosen(&b.list))
		if b.err == nil {
			made, some := 0, 4*runtime.GOMAXPROCS(0)
			for begun := time.Now(); made < len(b.list) && time.Since(begun) < batchTime; made = min(made+some, len(b.list)) {
				part := b.list[made:min(made+some, len(b.list))]
				inParallel(len(part), func(i int) { f.k.remake(ctx, &part[i]) })
			}
			b.list, b.err = b.list[:made], ctx.Err()
			for i := 0; i < made && b.err == nil; i++ {
				b.err = b.list[i].err
			}
		}
		next <- b
	}()
}

// batch puts the next rows, and tells how many they were. Behind the last it begins anew: what was chosen meanwhile may stand before.
func (f *feeding) batch(ctx context.Context) (int, error) {
	if f.next == nil {
		f.fetch(ctx, -1, "")
	}
	b := <-f.next
	f.next = nil
	if b.err != nil {
		return 0, b.err
	}
	n := len(b.list)
	if n == 0 {
		again := f.behind
		f.behind = false
		if again {
			return f.batch(ctx)
		}
		return 0, nil
	}
	f.behind = true
	f.fetch(ctx, b.list[n-1].line, b.list[n-1].key)
	for rest := b.list; len(rest) > 0; {
		k, size := 0, int64(0)
		for k < len(rest) && (k == 0 || size < batchOctets) {
			if d := rest[k].d; d != nil {
				size += d.size
			}
			k++
		}
		if err := f.put(ctx, rest[:k]); err != nil {
			return 0, err
		}
		rest = rest[k:]
	}
	return n, nil
}

// end waits for what was fetched and is not used.
func (f *feeding) end() {
	if f.next != nil {
		<-f.next
	}
}
