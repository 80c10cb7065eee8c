package secret_test

import (
	"encoding/base64"
	"testing"

	"github.com/parleymail/parley/internal/secret"
)

func TestTestsPasswords(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, line := range []string{
		"334 " + b64("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"),
		"334 " + b64("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), "235 " + b64("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="),
		"334 " + b64("r=fyko+d2")[:7], "334-" + b64("v=rmF9pqV8"),
	} {
		if !secret.TestsPasswords([]byte(line)) {
			t.Errorf("%q may be shown", line)
		}
	}
	for _, line := range []string{"", "334", "334 ", "334 cj", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "334 " + b64("e=invalid-proof"),
		"334 " + b64(`{"status":"401"}`), "235 2.7.0 welcome", "334 " + b64("<1896.697170952@mx.example>"), "250 " + b64("r=1234")} {
		if secret.TestsPasswords([]byte(line)) {
			t.Errorf("%q is hidden", line)
		}
	}
}
