//go:build linux || darwin || freebsd

package outbox

import "golang.org/x/sys/unix"

// room gives how many octets of a folder's disk are free for us, and how many it has.
func room(folder string) (free, all uint64, ok bool) {
	var s unix.Statfs_t
	if unix.Statfs(folder, &s) != nil || s.Blocks == 0 {
		return 0, 0, false
	}
	size := uint64(s.Bsize)                                       //nolint:gosec,unconvert // its type is not the same everywhere, and it is not negative
	return uint64(max(0, s.Bavail)) * size, s.Blocks * size, true //nolint:gosec,unconvert // FreeBSD's may be negative: then there is none
}
