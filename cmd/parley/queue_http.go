package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/smtp"
	"github.com/parleymail/parley/web/api"
)

// A remoteQueue is a parley serve that is asked by HTTP.
type remoteQueue struct {
	base           *url.URL
	client         *http.Client
	user, password string
}

// A queueRefusal is why parley serve did not do what it was asked to.
type queueRefusal struct {
	status  int
	where   string
	message string
}

func (e *queueRefusal) Error() string { return e.where + ": " + smtp.Printable(e.message) }

func (e *queueRefusal) exit() int {
	switch e.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitCredentials
	case http.StatusBadRequest:
		return exitUsage
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusConflict:
		return exitLater
	}
	return exitRefused
}

// remoteQueue asks nothing yet.
func (u *ui) remoteQueue(ctx context.Context, f *queueFlags) (queueStore, error) {
	text := f.http
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	base, err := url.Parse(text)
	if err != nil || base.Host == "" || base.User != nil || base.Scheme != "http" && base.Scheme != "https" {
		return nil, &usageError{u.say(wordQueueURL)} // without the text: a password may stand in it
	}
	q := &remoteQueue{base: base, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, user: f.user}
	if f.user == "" {
		return q, nil
	}
	if q.password, err = u.asker().password(ctx, f.passwordFile, u.say(wordQueueAsk, smtp.Printable(f.user))); err != nil {
		return nil, err
	}
	return q, nil
}

// Close gives connections back.
func (q *remoteQueue) Close() error {
	q.client.CloseIdleConnections()
	return nil
}

// ask asks, and gives the answer's body, if it was taken.
func (q *remoteQueue) ask(ctx context.Context, method, path string, params url.Values, body any) (io.ReadCloser, error) {
	where := *q.base
	where.Path = strings.TrimSuffix(where.Path, "/") + "/api/v1" + path
	where.RawPath, where.RawQuery = "", params.Encode()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, where.String(), content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.user != "" {
		r.SetBasicAuth(q.user, q.password)
	}
	answer, err := q.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.base.Redacted(), unwrapURL(err))
	}
	if answer.StatusCode/100 == 2 {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	const most = 64 << 10
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.base.Redacted(), err)
	}
	if answer.StatusCode == http.StatusNotFound && bytes.Contains(text, []byte(`"not_found"`)) {
		return nil, outbox.ErrNotFound
	}
	return nil, &queueRefusal{answer.StatusCode, q.base.Redacted(), strconv.Itoa(answer.StatusCode) + " " + apiError(text)}
}

// get asks for JSON.
func (q *remoteQueue) get(ctx context.Context, method, path string, params url.Values, body, into any) error {
	answer, err := q.ask(ctx, method, path, params, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(answer).Decode(into); err != nil {
		return fmt.Errorf("%s: its answer cannot be read: %w", q.base.Redacted(), err)
	}
	return nil
}

// paramsOf are a query's, as the API has them.
func paramsOf(q outbox.Query) url.Values {
	v := make(url.Values)
	for name, value := range map[string]string{
		"lane": q.Lane, "class": q.Class, "topic": q.Topic, "origin": q.Origin, "sender": q.Sender, "recipient": q.Recipient, "message_id": q.MessageID,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	var states []string
	for _, s := range q.States {
		states = append(states, s.String())
	}
	if len(states) > 0 {
		v.Set("state", strings.Join(states, ","))
	}
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			v.Set(name, at.Format(time.RFC3339))
		}
	}
	return v
}

func (q *remoteQueue) list(ctx context.Context, query outbox.Query) ([]outbox.Item, error) {
	v := paramsOf(query)
	if query.Limit > 0 {
		v.Set("limit", strconv.Itoa(query.Limit))
	}
	if query.Before.Message != 0 {
		v.Set("before", query.Before.Message.String()+"."+strconv.Itoa(query.Before.Recipient))
	}
	var page struct{ Items []outbox.Item }
	err := q.get(ctx, http.MethodGet, "/messages", v, nil, &page)
	if err == nil && len(page.Items) > 0 && page.Items[0].Message == 0 {
		err = &queueRefusal{http.StatusBadRequest, q.base.Redacted(), "this is no parley serve, though it answers like one; parley catch has no queue"}
	}
	return page.Items, err
}

func (q *remoteQueue) show(ctx context.Context, id outbox.ID) (*outbox.Shown, error) {
	s := new(outbox.Shown)
	if err := q.get(ctx, http.MethodGet, "/messages/"+id.String(), nil, nil, s); err != nil {
		return nil, err
	}
	return s, nil
}

func (q *remoteQueue) tally(ctx context.Context) (*outbox.Tally, error) {
	t := new(outbox.Tally)
	if err := q.get(ctx, http.MethodGet, "/lanes", nil, nil, t); err != nil {
		return nil, err
	}
	return t, nil
}

func (q *remoteQueue) content(ctx context.Context, id outbox.ID) (io.ReadCloser, error) {
	return q.ask(ctx, http.MethodGet, "/messages/"+id.String()+"/raw", nil, nil)
}

func (q *remoteQueue) act(ctx context.Context, what, why string, ref outbox.Ref) (c api.Changed, err error) {
	path := "/messages/" + ref.Message.String()
	if what == "purge" {
		return c, q.get(ctx, http.MethodDelete, path, nil, nil, &c)
	}
	v := make(url.Values)
	if ref.Recipient >= 0 {
		v.Set("recipient", strconv.Itoa(ref.Recipient))
	}
	if why != "" {
		v.Set("why", why)
	}
	return c, q.get(ctx, http.MethodPost, path+"/"+what, v, nil, &c)
}

func (q *remoteQueue) actOnAll(ctx context.Context, what, why string, query outbox.Query) (c api.Changed, err error) {
	v := paramsOf(query)
	if why != "" {
		v.Set("why", why)
	}
	return c, q.get(ctx, http.MethodPost, "/queue/"+what, v, nil, &c)
}

func (q *remoteQueue) suppressions(ctx context.Context, after string) ([]outbox.Suppression, error) {
	v := url.Values{"limit": {strconv.Itoa(queuePage)}}
	if after != "" {
		v.Set("after", after)
	}
	var page struct{ Items []outbox.Suppression }
	err := q.get(ctx, http.MethodGet, "/suppressions", v, nil, &page)
	return page.Items, err
}

func (q *remoteQueue) suppress(ctx context.Context, s outbox.Suppression) error {
	return q.get(ctx, http.MethodPut, "/suppressions/"+s.Address, nil, map[string]any{"reason": s.Reason, "detail": s.Detail}, nil)
}

func (q *remoteQueue) unsuppress(ctx context.Context, address string) error {
	err := q.get(ctx, http.MethodDelete, "/suppressions/"+address, nil, nil, nil)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
