package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/zalando/go-keyring"
)

// service is what our secrets are kept under in the keyring.
const service = "parley"

// systemKeys is the keyring of the system: Keychain, the Credential Manager, or
// whoever offers the Secret Service on the session's bus.
type systemKeys struct{ env func(string) string }

var errNoBus = errors.New("there is no session bus (DBUS_SESSION_BUS_ADDRESS)")

// there reports whether it makes sense to ask. The library would else start a bus of
// its own, on which nobody keeps secrets.
func (k systemKeys) there() error {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" || k.env("DBUS_SESSION_BUS_ADDRESS") != "" {
		return nil
	}
	dir := k.env("XDG_RUNTIME_DIR")
	if dir == "" {
		return errNoBus
	}
	if _, err := os.Stat(filepath.Join(dir, "bus")); err != nil {
		return errNoBus
	}
	return nil
}

// ask does what the library does, but ends with the context: a keyring that is locked
// asks the person for its password, and waits.
func (k systemKeys) ask(ctx context.Context, what func() error) error {
	if err := k.there(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("asking the keyring: %v", p)
			}
		}()
		done <- what()
	}()
	select {
	case err := <-done:
		if errors.Is(err, keyring.ErrNotFound) {
			return ErrNotInKeyring
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k systemKeys) Get(ctx context.Context, account string) (string, error) {
	found := make(chan string, 1)
	err := k.ask(ctx, func() error {
		secret, err := keyring.Get(service, account)
		found <- secret
		return err
	})
	if err != nil {
		return "", err
	}
	return <-found, nil
}

func (k systemKeys) Set(ctx context.Context, account, secret string) error {
	return k.ask(ctx, func() error { return keyring.Set(service, account, secret) })
}

func (k systemKeys) Delete(ctx context.Context, account string) error {
	return k.ask(ctx, func() error { return keyring.Delete(service, account) })
}
