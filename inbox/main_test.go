package inbox_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if anything goes on after a store was closed. The program is also
// the process that is killed, and the client of the benchmarks.
func TestMain(m *testing.M) {
	for env, run := range map[string]func(string) error{victimEnv: runVictim, benchClient: runBenchClient} {
		if args := os.Getenv(env); args != "" {
			if err := run(args); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	goleak.VerifyTestMain(m)
}
