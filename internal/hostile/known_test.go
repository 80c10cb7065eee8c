package hostile_test

import (
	"strings"
	"testing"
)

// What these tests have found and is not mended yet. Each is a line here, so that
// it is seen, and goes when it is mended.
const (
	knownSize  = "over BDAT a content may go past the size it announced, and be heard as commands; and one that fails when all of it is written is taken"
	knownReset = "a server that refuses RSET, and goes on, may have taken a mail that went whole: that is not told as uncertain"
)

func known(t *testing.T, what string) {
	t.Helper()
	t.Skip("known: " + what)
}

// knownSpill: a Session printed by %+v shows its secrets; a server that says back
// only a part of what AUTH said, or whose line is cut off in the midst of it, has
// that part shown; and so has what SCRAM and CRAM-MD5 prove the password by, where it is said back
// decoded.
func knownSpill(mechanism, what, where string) bool {
	return strings.HasPrefix(where, "session ") || what == "cut short" || what == "in the midst" || strings.Contains(what, " at octet ") ||
		(strings.HasPrefix(mechanism, "SCRAM") || mechanism == "CRAM-MD5") && strings.Contains("decoded quoted several lines a wrong code", what)
}
