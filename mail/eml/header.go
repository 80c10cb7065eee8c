package eml

import (
	"encoding/base64"
	"fmt"
	"mime"
	stdmail "net/mail"
	"regexp"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"
	"github.com/parleymail/parley/mail"
)

// A draft is a message as far as it is read.
type draft struct {
	m         *mail.Message
	parts     int
	calendars map[int]string // those in m.Attach, by their place
}

// fields gives each field's name and value, unfolded and otherwise as it is:
// go-message's own Get makes one blank of several at a fold.
func fields(h textproto.Header, each func(name, value string) error) error {
	if h.Len() > maxFields {
		return fmt.Errorf("the mail has a header of more than %d fields", maxFields)
	}
	for f := h.Fields(); f.Next(); {
		raw, err := f.Raw()
		if err != nil {
			return fmt.Errorf("reading the mail's field %s: %w", f.Key(), err)
		}
		name, value, _ := strings.Cut(string(raw), ":")
		value = lineEnds.Replace(value)
		if err := each(strings.TrimSpace(name), strings.Trim(value, " \t")); err != nil {
			return err
		}
	}
	return nil
}

var lineEnds = strings.NewReplacer("\r", "", "\n", "")

// field takes in one field of the header.
func (d *draft) field(name, value string) (err error) {
	m := d.m
	switch key := strings.ToLower(name); key {
	case "from":
		err = one(&m.From, value)
	case "sender":
		err = one(&m.Sender, value)
	case "reply-to":
		err = people(&m.ReplyTo, value)
	case "to":
		err = people(&m.To, value)
	case "cc":
		err = people(&m.Cc, value)
	case "bcc":
		err = people(&m.Bcc, value)
	case "subject":
		m.Subject = decode(value)
	case "date":
		// A date that cannot be read is none: the message gets a new one.
		m.Date, _ = stdmail.ParseDate(value)
	case "message-id":
		m.MessageID = first(ids(value))
	case "in-reply-to":
		m.InReplyTo = first(ids(value))
	case "references":
		m.References = ids(value)
	case "importance", "x-priority":
		d.priority(strings.ToLower(value))
	case "auto-submitted":
		m.AutoSubmitted = word(value)
	case "list-unsubscribe":
		d.unsubscribe(value)
	case "list-unsubscribe-post":
		m.Unsubscribe.OneClick = strings.EqualFold(strings.ReplaceAll(value, " ", ""), "List-Unsubscribe=One-Click")
	default:
		if !dropped(key) {
			m.Header = append(m.Header, mail.Field{Name: name, Value: decode(value)})
		}
	}
	if err != nil {
		return fmt.Errorf("reading the mail's field %s: %w", name, err)
	}
	return nil
}

// dropped: fields that Message writes itself, and those that told of another
// sending and would lie of the next.
func dropped(key string) bool {
	switch key {
	case "mime-version", "received", "return-path", "delivered-to", "dkim-signature", "authentication-results", "received-spf":
		return true
	}
	return strings.HasPrefix(key, "content-") || strings.HasPrefix(key, "resent-") || strings.HasPrefix(key, "arc-")
}

func people(to *[]mail.Address, value string) error {
	list, err := mail.ParseAddressField(inUTF8(value))
	*to = append(*to, list...)
	return err
}

func one(to *mail.Address, value string) error {
	var list []mail.Address
	if err := people(&list, value); err != nil {
		return err
	}
	if len(list) > 0 && *to == (mail.Address{}) {
		*to = list[0]
	}
	return nil
}

// encodedWord is one of RFC 2047 §2, with the language of RFC 2231 §5.
var encodedWord = regexp.MustCompile(`=\?[^?\s]{1,64}\?[bBqQ]\?[^?\s]*\?=`)

// inUTF8 writes the encoded-words of a field anew where they are in a charset that
// mail.ParseAddressField does not know.
func inUTF8(value string) string {
	if !strings.Contains(value, "=?") {
		return value
	}
	return encodedWord.ReplaceAllStringFunc(value, func(w string) string {
		text, err := decoder().Decode(w)
		if err != nil {
			return w
		}
		return "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(text)) + "?="
	})
}

func decoder() *mime.WordDecoder { return &mime.WordDecoder{CharsetReader: message.CharsetReader} }

// decode is a text with its encoded-words decoded; one that cannot be is kept as it
// is.
func decode(value string) string {
	if text, err := decoder().DecodeHeader(value); err == nil {
		value = text
	}
	return strings.ToValidUTF8(value, "\uFFFD")
}

var bracketed = regexp.MustCompile(`<[^<>\s]*>`)

// ids are message identifiers, without their brackets.
func ids(value string) []string {
	list := bracketed.FindAllString(value, -1)
	if list == nil {
		list = strings.Fields(value) // QUIRK: some leave the brackets out
	}
	for i, id := range list {
		list[i] = strings.Trim(id, "<>")
	}
	return list
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// word is a value without parameters and comments.
func word(value string) string {
	if i := strings.IndexAny(value, "; \t("); i >= 0 {
		value = value[:i]
	}
	return value
}

func (d *draft) priority(value string) {
	switch {
	case value == "high", strings.HasPrefix(value, "1"), strings.HasPrefix(value, "2"):
		d.m.Priority = mail.High
	case value == "low", strings.HasPrefix(value, "4"), strings.HasPrefix(value, "5"):
		d.m.Priority = mail.Low
	}
}

// unsubscribe takes the first URL of each kind.
func (d *draft) unsubscribe(value string) {
	u := &d.m.Unsubscribe
	for _, s := range bracketed.FindAllString(value, -1) {
		s = strings.Trim(s, "<>")
		scheme, rest, _ := strings.Cut(s, ":")
		switch strings.ToLower(scheme) {
		case "http", "https":
			if u.URL == "" {
				u.URL = s
			}
		case "mailto":
			if u.Mailto == "" {
				u.Mailto = rest
			}
		}
	}
}
