package outbox_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A disk is a folder as the kernel shows it, and as it would be found if the power failed now: of what was not synced any
// sector may be there, or not, or as it was in between, and any name.
//
// It is as mean as POSIX lets it be. A file that was synced can be found only once its folder was too. Where a sync fails, what it should
// have written is taken for clean by the kernel, and never written, unless its page is changed again.
type disk struct {
	rng  *rand.Rand
	dir  string
	now  map[string]*inode
	safe map[string]*inode
	ops  []naming // that are not safe yet

	over  map[*call]bool       // calls that have ended
	syncs map[*call]func(bool) // what those make safe that have not, where they do not fail
}

// A naming is a name that was given or taken away: an inode of nil.
type naming struct {
	c    *call
	name string
	file *inode
}

type inode struct {
	now, safe []byte
	changes   []change // that are not safe yet
}

// A change is a page as a call left it, and the file's size.
type change struct {
	c    *call
	page int64 // less than zero: the size alone
	data []byte
	size int
}

const (
	pageSize   = 4096
	sectorSize = 512
)

// newDisk takes what is in a folder for safe.
func newDisk(rng *rand.Rand, dir string) (*disk, error) {
	d := &disk{rng: rng, dir: dir, now: make(map[string]*inode), safe: make(map[string]*inode), over: make(map[*call]bool), syncs: make(map[*call]func(bool))}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		f := &inode{now: data, safe: slices.Clone(data)}
		d.now[e.Name()], d.safe[e.Name()] = f, f
	}
	return d, nil
}

// follow goes on by a moment of a child's.
func (d *disk) follow(m moment) {
	if !m.begins {
		d.over[m.call] = m.ended
		if sync := d.syncs[m.call]; sync != nil && m.ended {
			sync(m.failed)
		}
		return
	}
	if m.path == d.dir && m.name == "fsync" {
		d.syncs[m.call] = d.syncNames()
		return
	}
	name, ok := strings.CutPrefix(m.path, d.dir+"/")
	if !ok || strings.HasSuffix(name, "-shm") { // which is memory that processes share, and made anew
		return
	}
	file := d.now[name]
	switch {
	case m.name == "fsync" || m.name == "fdatasync":
		d.syncs[m.call] = d.syncFile(file)
	case m.failed:
	case m.name == "open" || m.name == "openat":
		if m.creates && file == nil {
			d.rename(m.call, name, new(inode))
		}
	case m.name == "unlink" || m.name == "unlinkat":
		d.rename(m.call, name, nil)
	case m.name == "rename":
		d.rename(m.call, strings.TrimPrefix(m.to, d.dir+"/"), file)
		d.rename(m.call, name, nil)
	case m.name == "ftruncate":
		file.resize(m.call)
	default:
		file.write(m.call)
	}
}

func (d *disk) rename(c *call, name string, f *inode) {
	if f == nil {
		delete(d.now, name)
	} else {
		d.now[name] = f
	}
	d.ops = append(d.ops, naming{c, name, f})
}

// syncNames gives what makes safe how files are called now.
func (d *disk) syncNames() func(failed bool) {
	var covered []naming
	for _, op := range d.ops {
		if d.over[op.c] {
			covered = append(covered, op)
		}
	}
	return func(failed bool) {
		if failed {
			return // the file system's journal has it still, unlike a file's pages
		}
		for _, op := range covered {
			set(d.safe, op.name, op.file)
		}
		d.ops = slices.DeleteFunc(d.ops, func(op naming) bool { return slices.Contains(covered, op) })
	}
}

func set(names map[string]*inode, name string, f *inode) {
	if f == nil {
		delete(names, name)
	} else {
		names[name] = f
	}
}

func (f *inode) write(c *call) {
	end := int(c.at) + len(c.data)
	f.now = grown(f.now, end)
	copy(f.now[c.at:], c.data)
	for p := c.at / pageSize; p*pageSize < int64(end); p++ {
		page := make([]byte, pageSize)
		copy(page, f.now[p*pageSize:])
		f.changes = append(f.changes, change{c, p, page, len(f.now)})
	}
}

func (f *inode) resize(c *call) {
	size := int(c.at)
	f.now = grown(f.now[:min(size, len(f.now))], size)
	f.changes = append(f.changes, change{c, -1, nil, size})
}

// syncFile gives what makes safe what was written to a file before.
func (d *disk) syncFile(f *inode) func(failed bool) {
	covered := make(map[*call]bool)
	for _, c := range f.changes {
		if d.over[c.c] {
			covered[c.c] = true
		}
	}
	return func(failed bool) {
		var list, left []change
		for _, c := range f.changes {
			if covered[c.c] {
				list = append(list, c)
			} else {
				left = append(left, c)
			}
		}
		f.changes = left
		if failed {
			f.safe = outcome(d.rng, f.safe, list, some, zeros)
			return
		}
		for _, c := range list {
			f.safe = grown(f.safe, max(c.size, int(c.page+1)*pageSize))
			if c.page >= 0 {
				copy(f.safe[c.page*pageSize:], c.data)
			}
			f.safe = f.safe[:c.size]
		}
	}
}

// grown is b with zeros behind it.
func grown(b []byte, size int) []byte {
	if size <= len(b) {
		return b
	}
	n := len(b)
	b = slices.Grow(b, size-n)[:size]
	clear(b[n:])
	return b
}

// How much of what was not synced is found, and what is found where a file was made longer and nothing came.
const (
	none = iota
	all
	some
	most
	few
)

const (
	zeros = iota
	garbage
)

// outcome is a file as it may be found.
func outcome(rng *rand.Rand, safe []byte, changes []change, how, gap int) []byte {
	version := func(n int) int { // of n changes of a sector, how many came
		switch how {
		case none:
			return 0
		case all:
			return n
		case most:
			if rng.IntN(20) > 0 {
				return n
			}
		case few:
			if rng.IntN(20) > 0 {
				return 0
			}
		}
		return rng.IntN(n + 1)
	}
	size, longest := len(safe), len(safe)
	if n := version(len(changes)); n > 0 {
		size = changes[n-1].size
	}
	pages := make(map[int64][]change)
	for _, c := range changes {
		longest = max(longest, c.size)
		if c.page < 0 { // what is cut off is gone from each page behind it
			for p, list := range pages {
				if p*pageSize >= int64(c.size) {
					pages[p] = append(list, change{c.c, p, make([]byte, pageSize), c.size})
				}
			}
			continue
		}
		pages[c.page] = append(pages[c.page], c)
	}
	longest = (longest + pageSize - 1) / pageSize * pageSize
	found := make([]byte, longest)
	if gap == garbage {
		for i := len(safe); i < longest; i++ {
			found[i] = byte(rng.Uint32())
		}
	}
	copy(found, safe)
	for p := int64(0); p*pageSize < int64(longest); p++ { // not in the order of the map, so that a seed gives the same again
		list := pages[p]
		for s := 0; s < pageSize && len(list) > 0; s += sectorSize {
			if n := version(len(list)); n > 0 {
				copy(found[int(p)*pageSize+s:][:sectorSize], list[n-1].data[s:])
			}
		}
	}
	return found[:size]
}

// lose writes down what may be found after the power failed.
func (d *disk) lose(into string) (what string, err error) {
	how := [...]int{none, all, some, some, most, few}[d.rng.IntN(6)]
	gap := [...]int{zeros, garbage}[d.rng.IntN(2)]
	found := make(map[string]*inode)
	for name, f := range d.safe {
		found[name] = f
	}
	came := make(map[string]bool) // whether what came last for a name came
	for _, op := range d.ops {
		if before, ok := came[op.name]; ok && !before {
			continue
		}
		came[op.name] = how == all || how != none && d.rng.IntN(2) == 0
		if came[op.name] {
			set(found, op.name, op.file)
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		data := outcome(d.rng, found[name].safe, found[name].changes, how, gap)
		if err := os.WriteFile(filepath.Join(into, name), data, 0o600); err != nil {
			return "", err
		}
	}
	if d.rng.IntN(2) == 0 { // what it holds nobody may believe
		shm := make([]byte, 32<<10)
		for i := range shm {
			shm[i] = byte(d.rng.Uint32())
		}
		err = os.WriteFile(filepath.Join(into, "box.db-shm"), shm, 0o600)
	}
	return fmt.Sprintf("of the unsynced %s, gaps %s", [...]string{"none", "all", "some", "most", "few"}[how], [...]string{"zeros", "garbage"}[gap]), err
}
