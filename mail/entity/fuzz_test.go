package entity_test

import (
	"io"
	"testing"
	"unicode/utf8"

	"github.com/parleymail/parley/mail/entity"
)

// FuzzParse: no content makes a panic or an endless loop, offsets lie where they must, and texts are UTF-8.
func FuzzParse(f *testing.F) {
	for _, make := range bombs(300) {
		if b := make(); len(b) < 4000 {
			f.Add(b)
		}
	}
	f.Add([]byte("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n\r\none\r\n--a--\r\n--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?gbk?B?yP3Uwg==?=\r\n\r\n--a--"))
	f.Add([]byte("Content-Disposition: attachment; filename*0*=utf-8''%E5; filename*1*=%AF\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=  \r\n=41"))
	f.Fuzz(func(t *testing.T, content []byte) {
		root := entity.Parse(content, entity.Limits{Depth: 5, Parts: 20, Fields: 30, Header: 2000})
		held(t, "fuzz", root)
		n := 0
		for e := range root.All() {
			n++
			for f := range e.Fields() {
				if !utf8.ValidString(f.Text()) {
					t.Fatalf("%q is no UTF-8", f.Text())
				}
			}
			whole, err := io.ReadAll(e.Open())
			if err != nil {
				t.Fatal(err)
			}
			body, cut := e.Body(10)
			if string(body) != string(whole[:min(10, len(whole))]) || cut != (len(whole) > 10) {
				t.Fatalf("Body(10) is %q, %v of %q", body, cut, whole)
			}
			if !utf8.ValidString(e.Text(1000).Text) || !utf8.ValidString(e.File) || !utf8.ValidString(e.FileTold) || !utf8.ValidString(e.Type) {
				t.Fatalf("%s: no UTF-8", e.Path())
			}
		}
		if n > 20 {
			t.Fatalf("%d entities", n)
		}
		entity.Summary(content)
	})
}
