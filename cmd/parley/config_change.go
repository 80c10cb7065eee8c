package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/parleymail/parley/internal/config"
	"github.com/parleymail/parley/smtp"
)

// A draft is the file as it is, and as it is to be.
type draft struct {
	path string
	old  []byte // nil if there is none
	text []byte
}

// draft reads the file that is to be changed.
func (u *ui) draft() (*draft, error) {
	path, _ := config.Find(u.env)
	if path == "" {
		return nil, &usageError{u.say(wordNoConfigPath)}
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &usageError{err.Error()}
	}
	return &draft{path: path, old: old, text: old}, nil
}

func (d *draft) write() error { return config.Write(d.path, d.old, d.text) }

// existing is the draft with the server of a name, which must be there.
func (u *ui) existing(name string) (*draft, *config.Server, error) {
	d, err := u.draft()
	if err != nil {
		return nil, nil, err
	}
	file, err := config.Parse(d.path, d.old)
	if err != nil {
		return nil, nil, u.serverError("", err)
	}
	s, ok := file.Server(name)
	if !ok {
		return nil, nil, u.noEntry(file, name)
	}
	return d, s, nil
}

// changed tells that a change was made.
func (u *ui) changed(f *configFlags, path, what string) error {
	if f.json {
		u.printJSON(&configRecord{Path: path, Exists: true, Servers: []*serverRecord{}, Did: what})
		return nil
	}
	u.print(smtp.Printable(what)) // as one line: a path is to be copied
	return nil
}

func (u *ui) setDefault(f *configFlags, name string) error {
	d, _, err := u.existing(name)
	if err != nil {
		return err
	}
	if d.text, err = config.SetDefault(d.path, d.old, name); err == nil {
		err = d.write()
	}
	if err != nil {
		return u.serverError("config", err)
	}
	return u.changed(f, d.path, u.say(wordDefaultSet, name))
}

// setPassword keeps the password of a server where no one else can read it, and has the
// file say where that is.
func (u *ui) setPassword(ctx context.Context, f *configFlags, name string) error {
	d, s, err := u.existing(name)
	if err != nil {
		return err
	}
	if s.User == "" {
		return &usageError{u.say(wordServerWithoutUser, name)}
	}
	password, err := u.asker().password(ctx, f.passwordFile, u.say(wordAskPassword, s.User, s.Host()))
	if err != nil {
		return u.serverError("config", err)
	}
	if password == "" {
		return &usageError{u.say(wordNoPasswordRead)}
	}
	kept := keeping{u: u, path: d.path, name: name, token: s.Secret.Token, inFile: f.file}
	secret, err := kept.keep(ctx, password)
	if err != nil {
		return err
	}
	if d.text, err = config.SetSecret(d.path, d.old, name, secret); err == nil {
		err = d.write()
	}
	if err != nil {
		if s.Secret != secret { // nothing leads to it
			kept.forget(ctx, secret)
		}
		return u.serverError("config", err)
	}
	if s.Secret != secret { // what was kept before is of no use to anybody
		if _, err := kept.forget(ctx, s.Secret); err != nil {
			u.warn(wordSecretLeft, s.Secret.String(), err)
		}
	}
	return u.changed(f, d.path, u.say(wordPasswordSet, name, kept.where(secret)))
}

// A keeping is where the secret of one server is kept by us.
type keeping struct {
	u      *ui
	path   string // of the file of servers
	name   string
	token  bool
	inFile bool // a file was asked for
	either bool // a file will do, where there is no keyring
}

// keep puts a secret into the keyring, or into a file beside the file of servers.
func (k *keeping) keep(ctx context.Context, value string) (config.Secret, error) {
	if !k.inFile {
		err := k.u.vault().Keyring().Set(ctx, k.name, value)
		if err == nil {
			return config.Secret{Source: config.Keyring, Token: k.token, Name: k.name}, nil
		}
		if !k.either {
			return config.Secret{}, &usageError{k.u.say(wordNoKeyringHere, err)}
		}
	}
	written, whole := config.PasswordFile(k.path, k.name)
	if err := config.WriteSecret(whole, value); err != nil {
		return config.Secret{}, &usageError{err.Error()}
	}
	return config.Secret{Source: config.InFile, Token: k.token, Name: written}, nil
}

// where says where a secret is now.
func (k *keeping) where(s config.Secret) string {
	if s.Source == config.InFile {
		_, whole := config.PasswordFile(k.path, k.name)
		return k.u.say(wordInFile, whole)
	}
	return k.u.say(wordInKeyring)
}

// forget takes a secret away that keep has put somewhere. One that is elsewhere is not
// ours.
func (k *keeping) forget(ctx context.Context, s config.Secret) (done bool, err error) {
	written, whole := config.PasswordFile(k.path, k.name)
	switch {
	case s.Source == config.Keyring && s.Name == k.name:
		err = k.u.vault().Keyring().Delete(ctx, k.name)
		if errors.Is(err, config.ErrNotInKeyring) {
			return false, nil
		}
	case s.Source == config.InFile && s.Name == written:
		err = os.Remove(whole)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
	default:
		return false, nil
	}
	return err == nil, err
}

// removeServer takes a server out of the file, and the secret that we have kept for it.
func (u *ui) removeServer(ctx context.Context, f *configFlags, name string) error {
	d, s, err := u.existing(name)
	if err != nil {
		return err
	}
	if d.text, err = config.Remove(d.path, d.old, name); err == nil {
		err = d.write()
	}
	if err != nil {
		return u.serverError("config", err)
	}
	what := u.say(wordRemoved, name)
	if !f.keepSecret {
		k := keeping{u: u, path: d.path, name: name}
		done, err := k.forget(ctx, s.Secret)
		if err != nil {
			u.warn(wordSecretLeft, s.Secret.String(), err)
		}
		if done {
			what = u.say(wordRemovedBoth, name)
		}
	}
	return u.changed(f, d.path, what)
}
