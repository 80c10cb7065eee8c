//go:build !unix

package config

import (
	"io/fs"
	"os"
)

// shell runs a command that a person wrote.
var shell = [...]string{"cmd", "/c"}

// Who can read a file is not in its mode here.
func open(fs.FileInfo) bool { return false }

func sameOwner(*os.File, fs.FileInfo) error { return nil }

func syncFolder(string) error { return nil }
