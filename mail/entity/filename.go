package entity

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxFileName = 200 // octets; most file systems take 255

// harmless makes a file name that can be saved anywhere: no folders, no controls, nothing that turns the line
// around or cannot be seen, no name that a system takes for a device, none that is hidden.
func harmless(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '_'
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r), unicode.Is(unicode.Cf, r), isFiller(r):
			return -1
		}
		return r
	}, name)
	name = strings.TrimRight(strings.TrimLeft(name, " ."), " .")
	stem, ext := name, ""
	if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i <= 16 {
		stem, ext = name[:i], name[i:]
	}
	if first, _, _ := strings.Cut(stem, "."); isDevice(strings.TrimSpace(first)) {
		stem = "_" + stem
	}
	for len(stem)+len(ext) > maxFileName {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	return stem + ext
}

// isFiller: letters by their class that show nothing.
func isFiller(r rune) bool {
	return r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0 || r == 0x2800 || r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0000 && r <= 0xe01ef
}

// isDevice: what Windows opens instead of a file of that name.
func isDevice(s string) bool {
	switch s = strings.ToUpper(s); s {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	return len(s) == 4 && (s[:3] == "COM" || s[:3] == "LPT") && s[3] >= '0' && s[3] <= '9'
}
