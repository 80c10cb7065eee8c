package sqlite

import (
	"errors"

	"golang.org/x/sys/unix"
)

// onThisMachine refuses a file on a file system of another machine's, by its kind: statfs(2).
func onThisMachine(path string) error {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return nil // nobody knows
	}
	switch uint32(s.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.V9FS_MAGIC:
		return errors.New("it is on a network's file system, where SQLite's locks do not hold: keep it on a disk of this machine, or use PostgreSQL")
	}
	return nil
}
