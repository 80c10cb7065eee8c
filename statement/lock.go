package statement

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/yeka/zip"

	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
)

// A Renderer makes a PDF of a page in HTML. Many goroutines may use it.
type Renderer interface {
	PDF(ctx context.Context, page []byte) ([]byte, error)
}

// Locking is how files are locked by a password.
type Locking uint8

const (
	LockAny Locking = iota // PDFs by their own encryption, others in a ZIP
	LockZIP                // all in one ZIP, with AES
)

// lock locks the files of a mail by the row's password. The password stands nowhere but in the table.
func (k *maker) lock(d *made) error {
	password := d.row.Text(k.c.Password)
	var rest []int
	for i := range d.m.Attach {
		if k.c.Lock == LockZIP || !strings.EqualFold(path.Ext(d.m.Attach[i].Name), ".pdf") {
			rest = append(rest, i)
			continue
		}
		locked, err := lockPDF(d.data[i], password)
		if err != nil {
			return fmt.Errorf("locking %s: %w", plain.Quoted(d.m.Attach[i].Name), err)
		}
		d.set(i, d.m.Attach[i].Name, locked)
	}
	if len(rest) == 0 {
		return nil
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, i := range rest {
		f, err := w.Encrypt(d.m.Attach[i].Name, password, zip.AES256Encryption)
		if err == nil {
			_, err = f.Write(d.data[i])
		}
		if err != nil {
			return fmt.Errorf("locking %s: %w", plain.Quoted(d.m.Attach[i].Name), err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("locking files: %w", err)
	}
	name := strings.TrimSuffix(d.m.Attach[rest[0]].Name, path.Ext(d.m.Attach[rest[0]].Name)) + ".zip"
	d.set(rest[0], name, b.Bytes())
	for _, i := range slices.Backward(rest[1:]) {
		d.m.Attach, d.data = slices.Delete(d.m.Attach, i, i+1), slices.Delete(d.data, i, i+1)
	}
	return nil
}

func (d *made) set(i int, name string, data []byte) {
	part := mail.Bytes(name, data)
	part.Size = int64(len(data))
	d.m.Attach[i], d.data[i] = part, data
}

// withoutSettings keeps pdfcpu from making a folder for its settings in the home of whoever sends.
var withoutSettings = sync.OnceFunc(api.DisableConfigDir)

// lockPDF encrypts a PDF with AES-256: it opens with the password alone.
func lockPDF(data []byte, password string) ([]byte, error) {
	withoutSettings()
	c := model.NewAESConfiguration(password, password, 256)
	c.Permissions = model.PermissionsPrint
	var b bytes.Buffer
	if err := api.Encrypt(bytes.NewReader(data), &b, c); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
