//go:build unix

package config

import (
	"io/fs"
	"os"
	"syscall"
)

// shell runs a command that a person wrote.
var shell = [...]string{"/bin/sh", "-c"}

// open reports whether everybody on this machine can read a file.
func open(info fs.FileInfo) bool { return info.Mode().Perm()&0o004 != 0 }

// sameOwner gives a new file the owner and group of the one that it replaces, so that
// those who could read that can read this.
func sameOwner(f *os.File, old fs.FileInfo) error {
	was, ok1 := old.Sys().(*syscall.Stat_t)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	is, ok2 := info.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 || was.Uid == is.Uid && was.Gid == is.Gid {
		return nil
	}
	return f.Chown(int(was.Uid), int(was.Gid))
}

// syncFolder makes sure that a new name in a folder outlives a power cut.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
