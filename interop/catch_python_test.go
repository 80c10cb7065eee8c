package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCatchPython runs Python's own tests of smtplib with "parley catch" in place of the servers that they bring.
// catch/python/trial.py says how; catch/python/tests.txt has what became of each test.
func TestCatchPython(t *testing.T) {
	notShort(t)
	state := t.TempDir()
	needPython(t, state)
	copyFiles(t, state, "catch/python/trial.py", "catch/python/caught.py")
	copyFile(t, buildParley(t), filepath.Join(state, "parley"))
	out, err := python(t, state, 3*time.Minute, "/state/trial.py")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var table strings.Builder
	count := map[string]int{}
	for line := range strings.Lines(out) {
		var test struct{ Test, Outcome, Why string }
		if err := json.Unmarshal([]byte(line), &test); err != nil {
			t.Fatalf("the trial says %q: %v", line, err)
		}
		count[test.Outcome]++
		switch test.Outcome {
		case "ok":
			test.Why = ""
		case "not for it", "skipped":
			test.Why = ": " + test.Why
		default:
			t.Errorf("%s: %s\n%s", test.Test, test.Outcome, test.Why)
			test.Why = ""
		}
		fmt.Fprintf(&table, "%s: %s%s\n", test.Test, test.Outcome, test.Why)
	}
	t.Logf("%d pass, %d are not for another server, %d skip by themselves", count["ok"], count["not for it"], count["skipped"])
	golden(t, "catch/python/tests.txt", table.String())
}

func needPython(t *testing.T, state string) {
	t.Helper()
	if out, err := python(t, state, time.Minute, "-c", "import test.test_smtplib"); err != nil {
		missing(t, "python", err.Error()+out)
	}
}

// python runs Debian's Python with its tests. What parley is, the environment says.
func python(t *testing.T, state string, limit time.Duration, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "peers/python.sh", append([]string{"run", state, "/usr/bin/python3"}, args...)...)
	cmd.Env = append(os.Environ(), "PARLEY=/state/parley", "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore")
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("python: %w: %s", err, stderr.String())
	}
	return stdout.String(), nil
}

// copyFiles puts files where a peer sees them: in its state.
func copyFiles(t *testing.T, state string, files ...string) {
	t.Helper()
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(state, filepath.Base(file)), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
