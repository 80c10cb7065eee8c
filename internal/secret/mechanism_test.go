package secret_test

import (
	"testing"

	"github.com/parleymail/parley/internal/secret"
)

func TestIsMechanism(t *testing.T) {
	for word, want := range map[string]bool{"PLAIN": true, "plain": true, "SCRAM-SHA-512-PLUS": true, "": false, "tulip": false, "PLAIN ": false, "AGtpbQ==": false} {
		if secret.IsMechanism(word) != want {
			t.Errorf("%q: %v", word, !want)
		}
	}
}
