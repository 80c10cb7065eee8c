package outbox_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/parleymail/parley/outbox"
)

// TestPutTogether: mails that come at the same moment are put together, and each for itself all the same: one whose key is known is not
// put again, and keeps no other out.
func TestPutTogether(t *testing.T) {
	both(t, func(t *testing.T, open func(outbox.Options) *outbox.Box) {
		b := open(outbox.Options{})
		const keys, each = 8, 12
		ids := make([][each]outbox.ID, keys)
		var all sync.WaitGroup
		for k := range keys {
			for i := range each {
				all.Go(func() {
					m := &outbox.Mail{Object: hello(k, fmt.Sprintf("kim%d@example.net", k), "lee@example.net")}
					if k > 0 {
						m.Key = fmt.Sprint("key", k)
					}
					id, err := b.Put(t.Context(), nil, m)
					if err != nil {
						t.Error(err)
					}
					ids[k][i] = id
				})
			}
		}
		all.Wait()
		for k := range keys {
			different := make(map[outbox.ID]bool)
			for _, id := range ids[k] {
				different[id] = true
				if s, err := b.Show(t.Context(), id); err != nil || len(s.Recipients) != 2 || s.Problem != "" || s.Recipients[0].Path != fmt.Sprintf("kim%d@example.net", k) {
					t.Errorf("%v: %+v, %v", id, s, err)
				}
			}
			if want := map[bool]int{true: 1, false: each}[k > 0]; len(different) != want {
				t.Errorf("key %d: %d mails, want %d", k, len(different), want)
			}
		}
	})
}
