package mail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// The same fields as DecodeJSON reads, as they are written.
type (
	messageJSON struct {
		From          any              `json:"from,omitempty"`
		Sender        any              `json:"sender,omitempty"`
		ReplyTo       []any            `json:"replyTo,omitempty"`
		To            []any            `json:"to,omitempty"`
		Cc            []any            `json:"cc,omitempty"`
		Bcc           []any            `json:"bcc,omitempty"`
		Subject       string           `json:"subject,omitempty"`
		Text          string           `json:"text,omitempty"`
		HTML          string           `json:"html,omitempty"`
		Inline        []partJSON       `json:"inline,omitempty"`
		Attach        []partJSON       `json:"attach,omitempty"`
		Invite        *inviteJSON      `json:"invite,omitempty"`
		Date          *time.Time       `json:"date,omitempty"`
		MessageID     string           `json:"messageID,omitempty"`
		InReplyTo     string           `json:"inReplyTo,omitempty"`
		References    []string         `json:"references,omitempty"`
		Priority      string           `json:"priority,omitempty"`
		Unsubscribe   *unsubscribeJSON `json:"unsubscribe,omitempty"`
		AutoSubmitted string           `json:"autoSubmitted,omitempty"`
		Header        []fieldJSON      `json:"header,omitempty"`
		ReversePath   *string          `json:"reversePath,omitempty"`
		Notify        []string         `json:"notify,omitempty"`
		Return        string           `json:"return,omitempty"`
		EnvelopeID    string           `json:"envelopeID,omitempty"`
		RequireTLS    bool             `json:"requireTLS,omitempty"`
	}
	addressJSON struct {
		Name    string `json:"name,omitempty"`
		Address string `json:"address"`
	}
	partJSON struct {
		Name      string `json:"name,omitempty"`
		Type      string `json:"type,omitempty"`
		ContentID string `json:"contentID,omitempty"`
		Content   []byte `json:"content"`
	}
	inviteJSON struct {
		Calendar string `json:"calendar"`
		Method   string `json:"method,omitempty"`
		File     string `json:"file,omitempty"`
	}
	unsubscribeJSON struct {
		URL      string `json:"url,omitempty"`
		Mailto   string `json:"mailto,omitempty"`
		OneClick bool   `json:"oneClick,omitempty"`
	}
	fieldJSON struct {
		Name  string `json:"name"`
		Value string `json:"value,omitempty"`
	}
)

// MarshalJSON writes what [DecodeJSON] reads. Parts are written with their content,
// whatever they were made of, so that the JSON says all and names no file.
func (m Message) MarshalJSON() ([]byte, error) {
	j := messageJSON{
		From: m.From.json(), Sender: m.Sender.json(), ReplyTo: addressesJSON(m.ReplyTo),
		To: addressesJSON(m.To), Cc: addressesJSON(m.Cc), Bcc: addressesJSON(m.Bcc),
		Subject: m.Subject, Text: m.Text, HTML: m.HTML,
		MessageID: m.MessageID, InReplyTo: m.InReplyTo, References: m.References,
		Priority: [...]string{High: "high", Low: "low"}[min(m.Priority, Low)], AutoSubmitted: m.AutoSubmitted,
		Notify: m.Notify.words(), Return: [...]string{ReturnFull: "full", ReturnHeader: "header"}[min(m.Return, ReturnHeader)],
		EnvelopeID: m.EnvelopeID, RequireTLS: m.RequireTLS,
	}
	if m.Invite != (Invite{}) {
		j.Invite = &inviteJSON{m.Invite.Calendar, m.Invite.Method, m.Invite.File}
	}
	if m.Unsubscribe != (Unsubscribe{}) {
		j.Unsubscribe = &unsubscribeJSON{m.Unsubscribe.URL, m.Unsubscribe.Mailto, m.Unsubscribe.OneClick}
	}
	if !m.Date.IsZero() {
		j.Date = &m.Date
	}
	if m.ReversePath != nil {
		j.ReversePath = new(m.ReversePath.String())
	}
	for _, f := range m.Header {
		j.Header = append(j.Header, fieldJSON(f))
	}
	var err error
	if j.Inline, err = partsJSON("Inline", m.Inline); err == nil {
		j.Attach, err = partsJSON("Attach", m.Attach)
	}
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it is full of brackets, and goes into no page
	err = e.Encode(j)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// json is a string where that is read back as the same address, else an object.
func (a Address) json() any {
	if a == (Address{}) {
		return nil
	}
	s := a.String()
	if back, err := ParseAddress(s); err == nil && back == a {
		return s
	}
	return addressJSON(a)
}

func addressesJSON(list []Address) (j []any) {
	for _, a := range list {
		if a == (Address{}) {
			j = append(j, addressJSON{})
		} else {
			j = append(j, a.json())
		}
	}
	return j
}

func (n Notify) words() (list []string) {
	for _, w := range [...]string{"never", "success", "failure", "delay"} {
		if n&notifyWords[w] != 0 {
			list = append(list, w)
		}
	}
	return list
}

func partsJSON(field string, parts []Part) (list []partJSON, err error) {
	for i := range parts {
		p := &parts[i]
		b, err := p.readAll()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", at(field, i), err)
		}
		list = append(list, partJSON{p.Name, p.Type, p.ContentID, b})
	}
	return list, nil
}

func (p *Part) readAll() ([]byte, error) {
	if p.data != nil || p.open == nil {
		return append([]byte{}, p.data...), nil
	}
	r, err := p.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
