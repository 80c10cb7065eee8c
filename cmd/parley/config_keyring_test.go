//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/smtptest"
)

// TestKeyring keeps a password in the keyring of GNOME, on a bus of its own, sends with
// it, and takes it away.
func TestKeyring(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing of it is side by side")
	}
	for _, name := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("there is no %s here", name)
		}
	}
	server := (&smtptest.Server{Security: smtp.StartTLS, Users: map[string]string{"kim@example.com": "open sesame"}}).Start(t)
	home := t.TempDir()
	parley, err := exec.LookPath("parley") // testscript.Main has put it there
	if err != nil {
		parley = filepath.Join(t.TempDir(), "parley")
		if err := os.Symlink(os.Args[0], parley); err != nil {
			t.Fatal(err)
		}
	}
	script := `set -e
printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null
printf 'open sesame\n' | "$1" init --server "smtp://$2" kim@example.com
"$1" config --check
"$1" send --to max@example.net --text hi
printf 'open sesame\n' | "$1" config set-password example
"$1" send --to max@example.net --text hi
"$1" config remove example
"$1" config --json`
	cmd := exec.Command("dbus-run-session", "--", "/bin/sh", "-c", script, "sh", parley, server.Addr())
	cmd.Env = []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + home, "XDG_CONFIG_DIRS=" + home, "XDG_DATA_HOME=" + home, "PATH=" + os.Getenv("PATH"), "SSL_CERT_FILE=" + server.CAFile(), "LANG=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"example: the password is in the keyring", "password-keyring example · can be had", "example is removed, and its password too", `"servers":[]`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q\n%s", want, out)
		}
	}
	if len(server.Mails()) != 2 || strings.Contains(string(out), "sesame") {
		t.Errorf("%d mails\n%s", len(server.Mails()), out)
	}
	if files, _ := filepath.Glob(filepath.Join(home, ".config/parley/*")); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}
