package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/parleymail/parley/mail"
	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/smtp"
)

// HandOverPath is where mail is handed over: the one route whose bodies are larger than a guard should take.
const HandOverPath = "/api/v1/messages"

const (
	mostBatch = 1000 // mails in one request
	atOnce    = 8    // of them that are put down together
)

// A taken is a mail of a batch that was taken, or why it was not.
type taken struct {
	ID    *outbox.ID `json:"id,omitempty"`
	Error *failed    `json:"error,omitempty"`
}

// handOver takes mail. What is answered 202 is on stable storage.
func (o *Outbox) handOver(w http.ResponseWriter, r *http.Request) {
	who, ok := AccountOf(r.Context())
	if !ok {
		o.fail(w, errStranger)
		return
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Header.Get("Content-Encoding") != "" {
		err = errors.New("it is encoded")
	}
	h := relay.Handing{Account: who, Trace: r.Header.Get("Traceparent"), Remote: r.RemoteAddr, Protocol: "HTTP"}
	if r.TLS != nil {
		h.Protocol = "HTTPS"
	}
	if h.Wishes.Key, ok = keyOf(r); !ok {
		o.fail(w, bad("Idempotency-Key: it stands there twice, or is empty"))
		return
	}
	switch {
	case err == nil && kind == "application/json":
		o.handOverJSON(w, r, h)
	case err == nil && (kind == "message/rfc822" || kind == "message/global"):
		h.UTF8 = kind == "message/global" // RFC 6532 §3.7
		o.handOverRaw(w, r, h)
	default:
		o.fail(w, &failure{http.StatusUnsupportedMediaType, "content_type", "the body is to be application/json, or a mail as it is: message/rfc822, message/global. It is not to be encoded"})
	}
}

// keyOf is the header Idempotency-Key, with or without the quotes that its draft has.
func keyOf(r *http.Request) (string, bool) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", true
	}
	key := strings.TrimSpace(values[0])
	if n := len(key); n > 1 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	return key, len(values) == 1 && key != ""
}

// handOverRaw takes a mail as it is. It goes into the box as it comes.
func (o *Outbox) handOverRaw(w http.ResponseWriter, r *http.Request, h relay.Handing) {
	if err := rawWishes(r, &h); err != nil {
		o.fail(w, err)
		return
	}
	most := o.Relay.MaxSize()
	b := o.upload(w, r, most*2, most+most/8) // a file with bare LF grows, and one with CRLF may be as large as the mail
	defer b.done()
	h.Content = b
	id, err := o.Relay.HandOver(r.Context(), h)
	if err != nil {
		o.fail(w, err)
		return
	}
	o.accepted(w, id)
}

// rawWishes reads what the parameters say of a mail.
func rawWishes(r *http.Request, h *relay.Handing) error {
	all, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return bad("the parameters cannot be read: %v", err)
	}
	h.FromHeader = true
	places := wishPlaces(&h.Wishes)
	for name, values := range all {
		place := places[name]
		switch {
		case name == "to":
			for _, text := range values {
				list, err := mail.ParseAddresses(text)
				if err != nil {
					return bad("to: %v", err)
				}
				for _, a := range list {
					p, err := a.Path()
					if err != nil {
						return bad("to: %v", err)
					}
					h.Envelope.Recipients = append(h.Envelope.Recipients, mail.Recipient{Path: p})
				}
			}
		case len(values) > 1:
			return bad("%s: it stands there twice", name)
		case name == "from":
			if h.Envelope.ReversePath, err = mail.ParsePath(values[0]); err != nil {
				return bad("from: %v", err)
			}
			h.FromHeader = false
		case place == nil:
			return bad("there is no parameter %q here; there is from, to, class, topic, key, notBefore, expires", name)
		case name == "key" && *place != "" && *place != values[0]:
			return bad("key: it is not what Idempotency-Key says")
		default:
			*place = values[0]
		}
	}
	return nil
}

// wishPlaces are what may be said of a mail beside it, by name.
func wishPlaces(w *relay.Wishes) map[string]*string {
	return map[string]*string{"class": &w.Class, "topic": &w.Topic, "key": &w.Key, "notBefore": &w.NotBefore, "expires": &w.Expires}
}

// handOverJSON takes a message, or a batch of them.
func (o *Outbox) handOverJSON(w http.ResponseWriter, r *http.Request, h relay.Handing) {
	if err := known(r); err != nil {
		o.fail(w, err)
		return
	}
	most := o.Relay.MaxSize()
	b := o.upload(w, r, largeBody, most/3*4+slack)
	defer b.done()
	in := bufio.NewReader(b)
	if isBatch(in) {
		o.handOverBatch(w, r, h, in, b)
		return
	}
	m, err := decode(in, &h.Wishes)
	if err == nil {
		h.Object = m
		var id outbox.ID
		if id, err = o.Relay.HandOver(r.Context(), h); err == nil {
			o.accepted(w, id)
			return
		}
	}
	o.fail(w, asAsked(b.or(err)))
}

func (o *Outbox) accepted(w http.ResponseWriter, id outbox.ID) {
	w.Header().Set("Location", HandOverPath+"/"+id.String())
	say(w, http.StatusAccepted, taken{ID: &id})
}

// decode reads a message with what is said beside it.
func decode(r io.Reader, w *relay.Wishes) (*mail.Message, error) {
	more := make(map[string]func(string) error)
	for name, place := range wishPlaces(w) {
		more[name] = func(text string) error {
			if *place != "" && *place != text && name == "key" {
				return mail.Problems{{Field: "key", What: "is not what Idempotency-Key says"}}
			}
			*place = text
			return nil
		}
	}
	m, err := mail.DecodeJSONWith(r, nil, more)
	p, ok := errors.AsType[mail.Problems](err)
	_, mine := errors.AsType[*failed](err)
	switch {
	case ok && len(p) == 1 && p[0].Field == "":
		err = &failure{http.StatusUnprocessableEntity, "invalid", "the mail " + smtp.Printable(p[0].What)}
	case err != nil && !ok && !mine:
		err = bad("%s", smtp.Printable(err.Error()))
	}
	return m, err
}

// isBatch reports whether the body begins as one: the first field of its object is "messages".
func isBatch(in *bufio.Reader) bool {
	const far = 256 // blanks that may stand there
	for n := 1; n <= far; n++ {
		begin, err := in.Peek(n)
		rest := bytes.TrimLeft(begin, " \t\r\n{")
		if len(rest) >= len(`"messages"`) || err != nil {
			return bytes.HasPrefix(rest, []byte(`"messages"`))
		}
	}
	return false
}

// An item is a mail of a batch. What is wrong with it is no reason not to read the next.
type item struct {
	message *mail.Message
	wishes  relay.Wishes
	err     error
}

// UnmarshalJSON reads it where it stands.
func (i *item) UnmarshalJSON(b []byte) error {
	i.message, i.err = decode(bytes.NewReader(b), &i.wishes)
	return nil
}

// handOverBatch takes mails one by one, each for itself: {"messages": [...]}.
func (o *Outbox) handOverBatch(w http.ResponseWriter, r *http.Request, h relay.Handing, in io.Reader, b *upload) {
	d := json.NewDecoder(in)
	var list []taken
	var tasks sync.WaitGroup
	var mu sync.Mutex
	turns := make(chan struct{}, atOnce)
	whole, err := readBatch(d, func(n int, i *item) {
		mu.Lock()
		list = append(list, taken{})
		mu.Unlock()
		turns <- struct{}{}
		tasks.Go(func() {
			defer func() { <-turns }()
			one := o.takeItem(r.Context(), h, n, i)
			mu.Lock()
			defer mu.Unlock()
			list[n] = one
		})
	})
	tasks.Wait()
	if err != nil {
		err = b.or(err)
		if len(list) == 0 {
			o.fail(w, err)
			return
		}
		list = append(list, taken{Error: failedOf(err)})
	}
	status, good := http.StatusAccepted, 0
	for i := range list {
		if list[i].Error == nil {
			good++
		}
	}
	if good < len(list) {
		status = http.StatusMultiStatus
	}
	if good == 0 && len(list) > 0 {
		status = list[0].Error.status
	}
	say(w, status, map[string]any{"items": nonNil(list), "taken": good, "whole": whole})
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// readBatch gives each mail. What is no JSON ends it, and whole is false then: what stands behind was not read.
func readBatch(d *json.Decoder, give func(n int, i *item)) (whole bool, err error) {
	for _, want := range []json.Token{json.Delim('{'), "messages", json.Delim('[')} {
		if t, err := d.Token(); err != nil {
			return false, unreadable(err)
		} else if t != want {
			return false, bad("messages: it is to be a list of mails")
		}
	}
	for n := 0; d.More(); n++ {
		if n == mostBatch {
			return false, &failure{http.StatusRequestEntityTooLarge, "too_many", fmt.Sprintf("a request has at most %d mails: this one and those behind it were not taken", mostBatch)}
		}
		i := new(item)
		if err := d.Decode(i); err != nil {
			return false, unreadable(err)
		}
		if i.message == nil && i.err == nil {
			i.err = mail.Problems{{Field: "messages[" + strconv.Itoa(n) + "]", What: "is null"}}
		}
		give(n, i)
	}
	for _, want := range []json.Token{json.Delim(']'), json.Delim('}')} {
		if t, err := d.Token(); err != nil {
			return false, unreadable(err)
		} else if t != want {
			return false, bad("something stands beside messages")
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return false, bad("the body: something stands behind its end")
	}
	return true, nil
}

func unreadable(err error) error {
	if _, mine := errors.AsType[*failed](err); mine {
		return err
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return bad("the body: %s", smtp.Printable(err.Error()))
}

// takeItem takes one mail of a batch. Its key is its own, or that of the request with its place.
func (o *Outbox) takeItem(ctx context.Context, h relay.Handing, n int, i *item) taken {
	if i.err != nil {
		return taken{Error: failedOf(i.err)}
	}
	if i.wishes.Key == "" && h.Wishes.Key != "" {
		i.wishes.Key = h.Wishes.Key + "/" + strconv.Itoa(n)
	}
	h.Object, h.Wishes = i.message, i.wishes
	id, err := o.Relay.HandOver(ctx, h)
	if err != nil {
		return taken{Error: asAsked(err)}
	}
	return taken{ID: &id}
}
