package mail

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// DecodeJSON reads a message from JSON, an object with the fields of [Message]:
//
//	{
//	  "from": "Kim <kim@example.net>",
//	  "to": ["lee@example.org", {"name": "Max", "address": "max@example.org"}],
//	  "subject": "Your statement",
//	  "text": "See the file.\n",
//	  "attach": [{"name": "a.pdf", "content": "JVBERi0..."}]
//	}
//
// Names are those of the Go fields, in whatever case; one that is unknown or stands
// twice is an error, and so is anything after the object. An address is a string
// or an object; a list of them may be one string, with commas. A date is as
// RFC 3339 has it, priority is "high" or "low", notify a list of "never",
// "success", "failure" and "delay", return "full" or "header", and reversePath a
// path, "<>" for the null one. null is the same as nothing.
//
// A part has name, type and contentID, and one of content (base64), text, and
// path. A path names a file of files, and is refused where files is nil: what a
// stranger writes must never open a file. With the FS of an [os.Root] it cannot
// lead out of one folder.
//
// What is wrong is told with the name of the field, as a [Problems] where the JSON
// itself is right. Whether the message can be sent is seen by Check. No more is
// read than there is: who reads from a stranger limits r. A list has at most 10000
// members, for a small text could make a large one.
func DecodeJSON(r io.Reader, files fs.FS) (*Message, error) { return DecodeJSONWith(r, files, nil) }

// DecodeJSONWith is [DecodeJSON] for an object that has further fields, each of
// them a string. The function of its name is given it.
func DecodeJSONWith(r io.Reader, files fs.FS, more map[string]func(text string) error) (*Message, error) {
	d := &decoder{dec: json.NewDecoder(r), files: files}
	for name, take := range more {
		d.more = append(d.more, slot{name, func(field string) error {
			var s string
			err := d.text(&s)(field)
			if err == nil {
				err = take(s)
			}
			return err
		}})
	}
	m := new(Message)
	if err := d.message(m); err != nil {
		return nil, err
	}
	if _, err := d.dec.Token(); err != io.EOF {
		return nil, errors.New("reading the message: there is something after its end")
	}
	return m, nil
}

// UnmarshalJSON reads what [DecodeJSON] reads, without files.
func (m *Message) UnmarshalJSON(b []byte) error {
	d := &decoder{dec: json.NewDecoder(bytes.NewReader(b))}
	var read Message
	err := d.message(&read)
	if err == nil {
		*m = read
	}
	return err
}

// A decoder reads JSON a token at a time, so that every error has the name of its
// field, and no large part is copied from level to level.
type decoder struct {
	dec   *json.Decoder
	files fs.FS
	more  []slot // of a message, besides its own
}

func wrong(field, format string, args ...any) error {
	return Problems{{Field: field, What: fmt.Sprintf(format, args...)}}
}

// A slot is where the value of one field goes.
type slot struct {
	name string // in Go
	read func(field string) error
}

// message reads a whole one. The slots are the one list of what there is.
func (d *decoder) message(m *Message) error {
	return d.object("", "a message", append([]slot{
		{"From", d.address(&m.From)}, {"Sender", d.address(&m.Sender)}, {"ReplyTo", d.addresses(&m.ReplyTo)},
		{"To", d.addresses(&m.To)}, {"Cc", d.addresses(&m.Cc)}, {"Bcc", d.addresses(&m.Bcc)},
		{"Subject", d.text(&m.Subject)}, {"Text", d.text(&m.Text)}, {"HTML", d.text(&m.HTML)},
		{"Inline", d.parts(&m.Inline)}, {"Attach", d.parts(&m.Attach)},
		{"Invite", d.fields("an invite", []slot{
			{"Calendar", d.text(&m.Invite.Calendar)}, {"Method", d.text(&m.Invite.Method)}, {"File", d.text(&m.Invite.File)},
		})},
		{"Date", d.date(&m.Date)}, {"MessageID", d.text(&m.MessageID)}, {"InReplyTo", d.text(&m.InReplyTo)},
		{"References", list(d, &m.References, d.text)},
		{"Priority", word(d, &m.Priority, map[string]Priority{"high": High, "low": Low})},
		{"Unsubscribe", d.fields("an unsubscribe", []slot{
			{"URL", d.text(&m.Unsubscribe.URL)}, {"Mailto", d.text(&m.Unsubscribe.Mailto)}, {"OneClick", d.flag(&m.Unsubscribe.OneClick)},
		})},
		{"AutoSubmitted", d.text(&m.AutoSubmitted)},
		{"Header", list(d, &m.Header, func(f *Field) func(string) error {
			return d.fields("a field", []slot{{"Name", d.text(&f.Name)}, {"Value", d.text(&f.Value)}})
		})},
		{"ReversePath", d.path(&m.ReversePath)},
		{"Notify", d.notify(&m.Notify)},
		{"Return", word(d, &m.Return, map[string]Return{"full": ReturnFull, "header": ReturnHeader})},
		{"EnvelopeID", d.text(&m.EnvelopeID)}, {"RequireTLS", d.flag(&m.RequireTLS)},
	}, d.more...))
}

// object reads an object whose members are slots.
func (d *decoder) object(field, what string, slots []slot) error {
	tok, err := d.token(field)
	if tok == nil || err != nil {
		return err
	}
	if tok != json.Delim('{') {
		return wrong(field, "is %s, and not an object", describe(tok))
	}
	seen := make(map[string]bool)
	for d.dec.More() {
		tok, err := d.token(field)
		if err != nil {
			return err
		}
		key, _ := tok.(string)
		i := 0
		for i < len(slots) && !strings.EqualFold(slots[i].name, key) {
			i++
		}
		if i == len(slots) {
			return wrong(join(field, key), "is no field of %s", what)
		}
		name := join(field, slots[i].name)
		if seen[name] {
			return wrong(name, "stands twice")
		}
		seen[name] = true
		if err := slots[i].read(name); err != nil {
			return err
		}
	}
	_, err = d.token(field) // the closing brace
	return err
}

func join(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

func (d *decoder) fields(what string, slots []slot) func(string) error {
	return func(field string) error { return d.object(field, what, slots) }
}

// token gives nil for null.
func (d *decoder) token(field string) (json.Token, error) {
	tok, err := d.dec.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if _, ok := errors.AsType[*json.SyntaxError](err); ok {
			err = fmt.Errorf("behind octet %d: %w", d.dec.InputOffset(), err)
		}
		if field != "" {
			return nil, fmt.Errorf("reading the message: at %s: %w", field, err)
		}
		return nil, fmt.Errorf("reading the message: %w", err)
	}
	return tok, nil
}

func describe(tok json.Token) string {
	switch tok := tok.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case float64, json.Number:
		return "a number"
	case json.Delim:
		if tok == '[' {
			return "a list"
		}
		return "an object"
	}
	return "null"
}

// list reads a list, each member by what read gives for its place.
func list[T any](d *decoder, to *[]T, read func(*T) func(string) error) func(string) error {
	return func(field string) error {
		tok, err := d.token(field)
		if tok == nil || err != nil {
			return err
		}
		if tok != json.Delim('[') {
			return wrong(field, "is %s, and not a list", describe(tok))
		}
		return listRest(d, field, to, read)
	}
}

const (
	mostMembers   = 10_000  // of a list
	mostAddresses = 4 << 20 // octets of addresses in one string
)

func listRest[T any](d *decoder, field string, to *[]T, read func(*T) func(string) error) error {
	for i := 0; d.dec.More(); i++ {
		if i == mostMembers {
			return wrong(field, "has more than %d members", mostMembers)
		}
		var one T
		if err := read(&one)(at(field, i)); err != nil {
			return err
		}
		*to = append(*to, one)
	}
	_, err := d.token(field) // the closing bracket
	return err
}

func (d *decoder) text(to *string) func(string) error {
	return func(field string) error {
		tok, err := d.token(field)
		if tok == nil || err != nil {
			return err
		}
		s, ok := tok.(string)
		if !ok {
			return wrong(field, "is %s, and not a string", describe(tok))
		}
		*to = s
		return nil
	}
}

func (d *decoder) flag(to *bool) func(string) error {
	return func(field string) error {
		tok, err := d.token(field)
		if tok == nil || err != nil {
			return err
		}
		b, ok := tok.(bool)
		if !ok {
			return wrong(field, "is %s, and not true or false", describe(tok))
		}
		*to = b
		return nil
	}
}

// word reads one of a few.
func word[T any](d *decoder, to *T, words map[string]T) func(string) error {
	return func(field string) error {
		var s string
		if err := d.text(&s)(field); s == "" || err != nil {
			return err
		}
		v, ok := words[strings.ToLower(s)]
		if !ok {
			return wrong(field, "is %s, which is none of its words", quote(s))
		}
		*to = v
		return nil
	}
}

var notifyWords = map[string]Notify{"never": NotifyNever, "success": NotifySuccess, "failure": NotifyFailure, "delay": NotifyDelay}

func (d *decoder) notify(to *Notify) func(string) error {
	return func(field string) error {
		var words []Notify
		err := list(d, &words, func(n *Notify) func(string) error { return word(d, n, notifyWords) })(field)
		for _, n := range words {
			*to |= n
		}
		return err
	}
}

func (d *decoder) date(to *time.Time) func(string) error {
	return func(field string) error {
		var s string
		if err := d.text(&s)(field); s == "" || err != nil {
			return err
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return wrong(field, "is %s, which is no date as in 2026-03-09T08:05:00+08:00", quote(s))
		}
		*to = t
		return nil
	}
}

func (d *decoder) path(to **Path) func(string) error {
	return func(field string) error {
		tok, err := d.token(field)
		if tok == nil || err != nil {
			return err
		}
		s, ok := tok.(string)
		if !ok {
			return wrong(field, "is %s, and not a string", describe(tok))
		}
		p, err := ParsePath(s)
		if err != nil {
			return wrong(field, "is no path: %v", err)
		}
		*to = &p
		return nil
	}
}

// address reads "Kim <kim@example.net>" or an object.
func (d *decoder) address(to *Address) func(string) error {
	return func(field string) error {
		var list []Address
		if err := d.addressOr(&list, field, false); err != nil {
			return err
		}
		if len(list) > 1 {
			return wrong(field, "is more than one address")
		}
		if len(list) == 1 {
			*to = list[0]
		}
		return nil
	}
}

func (d *decoder) addresses(to *[]Address) func(string) error {
	return func(field string) error { return d.addressOr(to, field, true) }
}

// addressOr reads an address, several in a string, or where many is set a list.
func (d *decoder) addressOr(to *[]Address, field string, many bool) error {
	tok, err := d.token(field)
	if tok == nil || err != nil {
		return err
	}
	switch tok := tok.(type) {
	case string:
		if len(tok) > mostAddresses {
			return wrong(field, "is longer than %d octets", mostAddresses)
		}
		list, err := ParseAddresses(tok)
		if err != nil {
			return wrong(field, "is no address: %v", err)
		}
		*to = append(*to, list...)
		return nil
	case json.Delim:
		if tok == '[' && many {
			return listRest(d, field, to, d.address)
		}
		if tok == '{' {
			return d.addressObject(to, field)
		}
	}
	return wrong(field, "is %s, and not an address", describe(tok))
}

// addressObject reads the rest of an object: its brace was seen.
func (d *decoder) addressObject(to *[]Address, field string) error {
	var a Address
	for d.dec.More() {
		tok, err := d.token(field)
		if err != nil {
			return err
		}
		key, _ := tok.(string)
		place := &a.Name
		switch strings.ToLower(key) {
		case "name":
		case "address":
			place = &a.Address
		default:
			return wrong(join(field, key), "is no field of an address")
		}
		if *place != "" {
			return wrong(join(field, key), "stands twice")
		}
		if err := d.text(place)(join(field, key)); err != nil {
			return err
		}
	}
	*to = append(*to, a)
	_, err := d.token(field) // the closing brace
	return err
}

func (d *decoder) parts(to *[]Part) func(string) error {
	return list(d, to, func(p *Part) func(string) error {
		return func(field string) error { return d.part(p, field) }
	})
}

func (d *decoder) part(p *Part, field string) error {
	var content, text, file *string
	some := func(to **string) func(string) error {
		return func(field string) error {
			*to = new(string)
			return d.text(*to)(field)
		}
	}
	err := d.object(field, "a part", []slot{
		{"Name", d.text(&p.Name)}, {"Type", d.text(&p.Type)}, {"ContentID", d.text(&p.ContentID)},
		{"Content", some(&content)}, {"Text", some(&text)}, {"Path", some(&file)},
	})
	if err != nil {
		return err
	}
	switch {
	case content != nil && text == nil && file == nil:
		b, err := base64.StdEncoding.DecodeString(*content)
		if err != nil {
			return wrong(field+".Content", "is no base64: %v", err)
		}
		p.data = b
	case text != nil && content == nil && file == nil:
		p.data = []byte(*text)
	case file != nil && content == nil && text == nil:
		return d.file(p, *file, field+".Path")
	default:
		return wrong(field, "must have one of content, text and path")
	}
	if p.data == nil {
		p.data = []byte{}
	}
	return nil
}

func (d *decoder) file(p *Part, name, field string) error {
	switch {
	case d.files == nil:
		return wrong(field, "names a file, and files are not taken here")
	case !fs.ValidPath(name):
		return wrong(field, "is %s, which is no path within the folder that is allowed", quote(name))
	}
	p.open = FS(d.files, name).open
	if p.Name == "" {
		p.Name = path.Base(name)
	}
	return nil
}
