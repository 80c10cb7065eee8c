package hostile_test

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/parleymail/parley/internal/hostile"
	"github.com/parleymail/parley/mail"
)

// makers make something of a string that then stands in a message: what is made of
// it, where it stands, and what it is made of when nothing is amiss.
var makers = map[string]struct {
	base string
	path string
	make func(m *mail.Message, s string) error
}{
	"mail.To": {"Lee <lee@example.org>", "Message.To[0].Address", func(m *mail.Message, s string) error {
		m.To = mail.To(s)
		return nil
	}},
	"mail.ParseAddress": {"Lee <lee@example.org>", "Message.To[0].Address", func(m *mail.Message, s string) (err error) {
		m.To[0], err = mail.ParseAddress(s)
		return err
	}},
	"mail.ParseAddresses": {"Lee <lee@example.org>", "Message.To[0].Address", func(m *mail.Message, s string) error {
		return one(m, s, mail.ParseAddresses)
	}},
	"mail.ParseAddressField": {"Lee <lee@example.org>", "Message.To[0].Address", func(m *mail.Message, s string) error {
		return one(m, s, mail.ParseAddressField)
	}},
	"mail.ParsePath": {"<bounce@example.net>", "Message.ReversePath.Path", func(m *mail.Message, s string) error {
		p, err := mail.ParsePath(s)
		m.ReversePath = &p
		return err
	}},
	"mail.Bytes": {"a.pdf", "Message.Attach[0].Name", func(m *mail.Message, s string) error {
		m.Attach[0] = asBefore(mail.Bytes(s, []byte("octets of a.pdf")))
		return nil
	}},
	"mail.Reader": {"a.pdf", "Message.Attach[0].Name", func(m *mail.Message, s string) error {
		m.Attach[0] = asBefore(mail.Reader(s, func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader([]byte("octets of a.pdf"))), nil
		}))
		m.Attach[0].Size = 15
		return nil
	}},
	"mail.FS": {"a.pdf", "Message.Attach[0].Name", func(m *mail.Message, s string) error {
		m.Attach[0] = asBefore(mail.FS(anyFile{}, s))
		return nil
	}},
	"mail.File": {"/nowhere/a.pdf", "Message.Attach[0].Name", func(m *mail.Message, s string) error {
		m.Attach[0] = asBefore(mail.File(s))
		return nil
	}},
}

// one is for lists, in which a second address is as it should be.
func one(m *mail.Message, s string, parse func(string) ([]mail.Address, error)) error {
	list, err := parse(s)
	if err == nil && len(list) != 1 {
		err = errors.New("not one")
	}
	m.To = list
	return err
}

func asBefore(p mail.Part) mail.Part {
	p.Type, p.ContentID = "application/pdf", "a.pdf@example.net"
	return p
}

// anyFile is a file system that has every file.
type anyFile struct{}

func (anyFile) Open(name string) (fs.File, error) {
	return fstest.MapFS{"a": {Data: []byte("octets of a.pdf")}}.Open("a")
}

// What makes parts of a message of a string is taken in by none either.
func TestInjectionThroughMakers(t *testing.T) {
	python, err := hostile.StartPython()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("python3 is not here, whose email package is to judge")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer python.Close()
	q := &inquest{T: t, pouch: newPouch(t, offersASCII), python: python, seen: map[string]bool{}, make: func() mail.Object { return full() }}
	q.pouch.keep = true
	q.clean()
	refused := 0
	for name, maker := range makers {
		before := q.sent
		for _, payload := range hostile.Payloads() {
			for _, value := range hostile.Placed(maker.base, payload) {
				m := full()
				if err := maker.make(m, value); err != nil {
					refused++
					if strings.ContainsAny(err.Error(), "\r\n\x00\x1b\x7f\u2028\u0085") {
						t.Errorf("%s(%q): the error is %q", name, value, err)
					}
					continue
				}
				shown := value
				if maker.path == "Message.Attach[0].Name" {
					shown = m.Attach[0].Name
				}
				q.send(m, maker.path, shown)
			}
		}
		if q.sent == before && name != "mail.File" {
			t.Errorf("%s: nothing was sent at all", name)
		}
	}
	t.Logf("%d values tried, %d refused at once, %d sent, %d contents judged", q.tried, refused, q.sent, q.judged)
}

// tried is what has strings in the public face of the packages that send, and where
// that is tried; or why there is nothing to try.
var tried = map[string]string{
	"mail.Address": "Message", "mail.Envelope": "Raw", "mail.Field": "Message", "mail.Invite": "Message", "mail.Message": "itself",
	"mail.Part": "Message", "mail.Path": "Message", "mail.Recipient": "Raw", "mail.Unsubscribe": "Message",
	"mail.FieldError": "comes out of it", "mail.DecodeJSONWith": "what it makes is a Message; the further fields are only given to who asks for them",

	"smtp.Client": "itself", "smtp.ParseURL": "TestInjectionIntoAURL",
	"smtp.Event": "comes out of it", "smtp.Peer": "comes out of it", "smtp.Reply": "comes out of it", "smtp.Printable": "it is what keeps others from harm", "smtp.Session.Extension": "only looked up",

	"sasl.Password": "speakers", "sasl.Token": "speakers", "sasl.FixedToken": "speakers", "sasl.External": "speakers", "sasl.Only": "speakers", "sasl.Bind": "speakers",
	"sasl.Accounts": "the server's side", "sasl.Accounts.Start": "the server's side", "sasl.Users": "the server's side", "sasl.MakeKeys": "the server's side",
	"sasl.Channel": "made by the client of Client.Addr", "sasl.OfferError": "comes out of it", "sasl.TokenError": "comes out of it",
}

// A new type with a string, or a function that takes one, has to be tried too.
func TestNoStringIsForgotten(t *testing.T) {
	found := map[string]bool{}
	for _, pkg := range []string{"mail", "smtp", "sasl"} {
		for _, name := range stringsOf(t, pkg) {
			found[name] = true
			if _, made := makers[name]; !made && tried[name] == "" {
				t.Errorf("%s has a string, and nothing tries what it can do", name)
			}
		}
	}
	for name := range tried {
		if !found[name] {
			t.Errorf("%s has no string any more", name)
		}
	}
}

// stringsOf names the exported structs of a package with exported fields that are
// strings, or made of them, and the exported functions that take strings.
func stringsOf(t *testing.T, pkg string) (names []string) {
	files, err := filepath.Glob(filepath.Join("..", "..", pkg, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(pkg, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && hasString(d.Type.Params, false) {
					names = appendFunc(names, pkg, d)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					s, ok := spec.(*ast.TypeSpec)
					if !ok || !s.Name.IsExported() {
						continue
					}
					if st, ok := s.Type.(*ast.StructType); ok && hasString(st.Fields, true) {
						names = append(names, pkg+"."+s.Name.Name)
					}
				}
			}
		}
	}
	return names
}

// appendFunc adds a function, or a method of an exported type.
func appendFunc(names []string, pkg string, d *ast.FuncDecl) []string {
	if d.Recv == nil {
		return append(names, pkg+"."+d.Name.Name)
	}
	recv := d.Recv.List[0].Type
	if star, ok := recv.(*ast.StarExpr); ok {
		recv = star.X
	}
	if id, ok := recv.(*ast.Ident); ok && id.IsExported() {
		return append(names, pkg+"."+id.Name+"."+d.Name.Name)
	}
	return names
}

// hasString reports whether one of the fields, or of the exported ones, is a string
// or a list of strings. What a function type takes is not looked at.
func hasString(list *ast.FieldList, exported bool) bool {
	for _, f := range list.List {
		if exported && (len(f.Names) == 0 || !f.Names[0].IsExported()) {
			continue
		}
		found := false
		ast.Inspect(f.Type, func(n ast.Node) bool {
			if _, ok := n.(*ast.FuncType); ok {
				return false
			}
			id, ok := n.(*ast.Ident)
			found = found || ok && id.Name == "string"
			return true
		})
		if found {
			return true
		}
	}
	return false
}
