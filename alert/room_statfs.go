//go:build linux || darwin || freebsd

package alert

import "golang.org/x/sys/unix"

// room gives how many octets of a folder's disk are free for us, and how many it has.
func room(folder string) (free, all uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, 0, err
	}
	size := uint64(s.Bsize)                                      //nolint:gosec,unconvert // its type is not the same everywhere, and it is not negative
	return uint64(max(0, s.Bavail)) * size, s.Blocks * size, nil //nolint:gosec,unconvert // FreeBSD's may be negative: then there is none
}
