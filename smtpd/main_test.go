package smtpd_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if any session of any test goes on after its end. The program is
// also the client of its benchmarks.
func TestMain(m *testing.M) {
	if args := os.Getenv(benchClient); args != "" {
		if err := runBenchClient(args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}
