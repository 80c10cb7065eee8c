package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/outbox/sqlite"
)

func letter(topic string) *outbox.Mail {
	return &outbox.Mail{Topic: topic, Object: &mail.Raw{Data: fmt.Appendf(nil, "From: shop@example.net\r\nSubject: %s\r\n\r\nhello\r\n", topic), Env: mail.Envelope{
		ReversePath: mail.Path{Local: "shop", Domain: "example.net"}, Recipients: []mail.Recipient{{Path: mail.Path{Local: "kim", Domain: "example.org"}}},
	}}}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a box?.db")
	b, err := sqlite.Open(t.Context(), "sqlite:"+path, outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := b.Put(t.Context(), nil, letter("1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		f, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && f.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v: others can read it", name, f.Mode())
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(t.Context(), nil, letter("2")); !errors.Is(err, outbox.ErrClosed) {
		t.Errorf("after it was closed: %v", err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log is left when the box is closed: %v", err)
	}
	if b, err = sqlite.Open(t.Context(), path, outbox.Options{}); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if s, err := b.Show(t.Context(), id); err != nil || s.Recipients[0].Topic != "1" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("this is no store, though it is long enough to be one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "none", "box.db"), dir, text} {
		if b, err := sqlite.Open(t.Context(), path, outbox.Options{}); err == nil {
			b.Close()
			t.Errorf("%s was opened", path)
		}
	}
}
