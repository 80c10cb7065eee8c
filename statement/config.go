package statement

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/parleymail/parley/internal/plain"
	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
)

// Config is what a mailing is made of. Key, From and Template are needed to prepare and to send.
type Config struct {
	Name string // what it is found by in an outbox; empty: "statement"

	Key    string // the column by which rows are told apart: a customer's number. A key is mailed once
	To     string // the column of addresses; empty: "email"
	ToName string // the column of names that stand beside them; empty: none

	From        mail.Address
	ReplyTo     []mail.Address
	ReversePath *mail.Path // where bounces go; nil: From

	Template *Template

	Files    string   // the folder of what is attached; empty: the working directory. Nothing outside of it is read, whatever rows say
	Attach   []string // names within it, as templates: "{{.account}}.pdf". A cell is one name there; {{path .file}} lets it name folders too
	FileName string   // what the first file is called in the mail, as a template; empty: its name
	PDF      string   // what the PDF of pdf.html is called, as a template; empty: "statement.pdf"
	Renderer Renderer // makes it; nil: a template with pdf.html is refused

	Password string  // the column of passwords that files are locked by; empty: they are not
	Lock     Locking // how; zero: PDFs by their own encryption, others in a ZIP

	Doubles bool  // several rows may have one address: accounts of one person
	MaxSize int64 // octets of a mail; zero: 20 MiB

	Window int           // mails that wait in the outbox at most; zero: 2,000
	MaxAge time.Duration // how long a mail is tried; zero: as the outbox has it
	Again  bool          // a mail of which nobody knows whether it was taken is sent again, and may come twice; else it waits for a person's word

	Worker outbox.Worker // sends; without a Router another process over the same database does
	Log    *slog.Logger  // what goes wrong and can be said to nobody; nil: slog.Default
}

const (
	defaultMaxSize = 20 << 20
	defaultWindow  = 2000
	batchRows      = 400 // rows in a transaction, and
	batchOctets    = 64 << 20
	batchTime      = time.Second // that is taken to make them
)

// check tells what is wrong with a configuration, and fills in what is left out.
func (c *Config) check() error {
	var errs []error
	if c.Name = plain.OneLine(c.Name, 100); c.Name == "" {
		c.Name = "statement"
	}
	if c.To == "" {
		c.To = "email"
	}
	if c.MaxSize <= 0 {
		c.MaxSize = defaultMaxSize
	}
	if c.Window <= 0 {
		c.Window = defaultWindow
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Template != nil && c.Template.sources[pdfFile] != "" && c.Renderer == nil {
		errs = append(errs, errors.New("statement: the template has pdf.html, and no browser was found that makes a PDF of it: install chromium (or Google Chrome), or take pdf.html away"))
	}
	return errors.Join(errs...)
}

// ready tells what a mailing lacks that is to make mails.
func (c *Config) ready() error {
	var errs []error
	if strings.TrimSpace(c.Key) == "" {
		errs = append(errs, errors.New("statement: key: the column is missing by which rows are told apart"))
	}
	if c.Template == nil {
		errs = append(errs, errors.New("statement: the template is missing"))
	}
	if _, err := c.From.Path(); err != nil {
		errs = append(errs, fmt.Errorf("statement: from: %w", err))
	}
	return errors.Join(errs...)
}

// maker makes mails of rows.
type maker struct {
	c        *Config
	root     *os.Root
	attach   []*pattern
	fileName *pattern
	pdfName  *pattern
}

func newMaker(c *Config) (*maker, error) {
	if err := c.ready(); err != nil {
		return nil, err
	}
	m := &maker{c: c}
	var err error
	for _, a := range c.Attach {
		p, err := newPattern("attach", a, c.Template)
		if err != nil {
			return nil, err
		}
		m.attach = append(m.attach, p)
	}
	if c.FileName != "" {
		if m.fileName, err = newPattern("file-name", c.FileName, c.Template); err != nil {
			return nil, err
		}
	}
	pdf := c.PDF
	if pdf == "" {
		pdf = "statement.pdf"
	}
	if m.pdfName, err = newPattern("pdf", pdf, c.Template); err != nil {
		return nil, err
	}
	if len(m.attach) == 0 {
		return m, nil
	}
	folder := c.Files
	if folder == "" {
		folder = "."
	}
	if m.root, err = os.OpenRoot(folder); err != nil {
		return nil, fmt.Errorf("statement: opening the folder of files: %w", err)
	}
	return m, nil
}

func (k *maker) close() {
	if k.root != nil {
		k.root.Close() //nolint:errcheck // nothing was written
	}
}

// fields are the columns that mails need beside those of the template.
func (k *maker) fields() (names []string) {
	names = append(names, k.c.Key, k.c.To)
	for _, name := range []string{k.c.ToName, k.c.Password, k.c.Template.o.Column} {
		if name != "" {
			names = append(names, name)
		}
	}
	for _, p := range append(k.attach, k.fileName, k.pdfName) {
		if p != nil {
			names = append(names, p.names...)
		}
	}
	return names
}
