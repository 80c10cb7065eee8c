package hostile_test

import (
	"strings"
	"testing"
)

// What these tests have found and is not mended yet. Each stands here, so that it is
// seen, and goes when it is mended.

// knownSpill: a Session printed by %+v, %q or %d shows its secrets, for nothing but a
// Format method keeps fmt from them; and a server that says back only a part of what
// AUTH said has that part shown.
func knownSpill(_, what, where string) bool {
	return strings.HasPrefix(where, "session ") || what == "cut short" || what == "in the midst"
}

// knownClient: a Client printed by %+v shows the password in its Proxy; and since fmt
// reads its pool too, without the lock, that is a data race beside a Close. Format
// would mend both.
const knownClient = "a Client printed by %+v shows the password of its Proxy, and reads its pool without the lock"

func known(t *testing.T, what string) {
	t.Helper()
	t.Skip("known: " + what)
}
