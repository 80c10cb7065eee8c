package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts a text in place of a file, whole or not at all. Old is what it was made
// of; if the file is no longer so, nothing is written. A new file is for its owner
// alone; one that was there keeps its mode, its owner, and its place behind a link.
func Write(path string, old, text []byte) error {
	if path == "" {
		return &Fault{Words: wordNothingIsIt}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if whole, err := filepath.EvalSymlinks(path); err == nil {
		path = whole
	}
	now, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !bytes.Equal(now, old) {
		return &Fault{Path: path, Words: wordChanged}
	}
	return replace(path, text, true)
}

// WriteSecret keeps a secret in a file that its owner alone can read.
func WriteSecret(path, secret string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return replace(path, []byte(secret+"\n"), false)
}

// replace writes beside a file, and then renames: whoever reads it meanwhile reads the
// old one or the new one. The new one is for its owner alone, unless it is to be as
// open as the old one.
func replace(path string, text []byte, asOpen bool) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if info, err := os.Stat(path); err == nil && asOpen {
		if err := sameOwner(f, info); err != nil {
			return err
		}
		if err := f.Chmod(info.Mode().Perm()); err != nil {
			return err
		}
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
