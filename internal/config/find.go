package config

import (
	"os"
	"path/filepath"
	"runtime"
)

const fileName = "config.toml"

// Find says which file it is: the one that PARLEY_CONFIG names, else that of the user,
// else that of the machine, if it is there. A file that is to be made is the first of
// these that could be. It is empty where nothing says whose file it would be.
func Find(getenv func(string) string) (path string, exists bool) {
	candidates := Candidates(getenv)
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	if len(candidates) == 0 {
		return "", false
	}
	return candidates[0], false
}

// Candidates are the places where the file may be, the best first.
func Candidates(getenv func(string) string) []string {
	if path := getenv("PARLEY_CONFIG"); path != "" {
		return []string{path}
	}
	var list []string
	if dir := userDir(getenv); dir != "" {
		list = append(list, filepath.Join(dir, "parley", fileName))
	}
	for _, dir := range machineDirs(getenv) {
		list = append(list, filepath.Join(dir, "parley", fileName))
	}
	return list
}

// userDir is where the user's files of this sort are. By the XDG base directory
// specification a path that is not absolute is as good as none.
func userDir(getenv func(string) string) string {
	if dir := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if runtime.GOOS == "windows" {
		return getenv("AppData")
	}
	if home := Home(getenv); home != "" {
		return filepath.Join(home, ".config") // on macOS too: that is where people look for a command's
	}
	return ""
}

// machineDirs are for programs that run as users without a home, such as a web
// server's that calls sendmail.
func machineDirs(getenv func(string) string) []string {
	var list []string
	for _, dir := range filepath.SplitList(getenv("XDG_CONFIG_DIRS")) {
		if filepath.IsAbs(dir) {
			list = append(list, dir)
		}
	}
	switch {
	case len(list) > 0:
	case runtime.GOOS == "windows":
		if dir := getenv("ProgramData"); dir != "" {
			list = []string{dir}
		}
	default:
		list = []string{"/etc"}
	}
	return list
}

// Home is the user's folder, empty if the environment does not say.
func Home(getenv func(string) string) string {
	if runtime.GOOS == "windows" {
		return getenv("USERPROFILE")
	}
	return getenv("HOME")
}
