package hostile_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// Most of these tests are very many short conversations: with the usual GOGC a third
// of their time would go into collecting what is left of them.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}
