package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parleymail/parley/outbox"
	"github.com/parleymail/parley/relay"
	"github.com/parleymail/parley/route"
	"github.com/parleymail/parley/smtptest"
	"github.com/parleymail/parley/web/api"
)

// A handing is the API over a relay that works, and sends to a sink.
type handing struct {
	t        testing.TB
	mux      *http.ServeMux
	box      *outbox.Box
	relay    *relay.Server
	sink     *smtptest.Server
	patterns []string
	who      relay.Account
	stop     func()
}

func hash(t testing.TB, password string) relay.Hash {
	t.Helper()
	line, err := relay.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	h, err := relay.ParseHash(line)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// hand begins one. Whatever is to be sent waits while the sink is not needed: held has nothing leave.
func hand(t testing.TB, change func(*relay.Config)) *handing {
	t.Helper()
	box, err := relay.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "box.db"), outbox.Options{KeepContent: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	x := &handing{t: t, mux: http.NewServeMux(), box: box, sink: smtptest.NewServer(t), who: relay.Account{Operator: true}}
	c := relay.Config{
		Hostname: "relay.example", Listeners: []relay.Listener{{Address: "127.0.0.1:0"}}, Grace: 5 * time.Second,
		Routes: route.Table{Servers: []route.Server{{Name: "sink", Client: x.sink.Client()}}},
		Log:    slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&c)
	}
	if x.relay, err = relay.New(box, c); err != nil {
		t.Fatal(err)
	}
	if err := x.relay.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- x.relay.Run(ctx) }()
	stopped := false
	x.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() { x.stop(); box.Close() })
	o := &api.Outbox{Box: box, Relay: x.relay, Context: ctx}
	for pattern, h := range o.Routes() {
		x.mux.Handle(pattern, h)
		x.patterns = append(x.patterns, pattern)
	}
	return x
}

func (x *handing) as(name string, operator bool) *handing {
	other := *x
	other.who = relay.Account{Name: name, Operator: operator}
	return &other
}

// do asks, and gives the answer with what stands in it.
func (x *handing) do(method, path, body string, header ...string) (*httptest.ResponseRecorder, map[string]any) {
	x.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r = r.WithContext(api.WithAccount(r.Context(), x.who))
	w := httptest.NewRecorder()
	x.mux.ServeHTTP(w, r)
	var v map[string]any
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			x.t.Fatalf("%s %s said %s", method, path, w.Body)
		}
	}
	return w, v
}

// want asks, and has the answer be as it should.
func (x *handing) want(status int, code, method, path, body string, header ...string) map[string]any {
	x.t.Helper()
	w, v := x.do(method, path, body, header...)
	got := ""
	if e, ok := v["error"].(map[string]any); ok {
		got = e["code"].(string)
	}
	if w.Code != status || got != code {
		x.t.Errorf("%s %s %.200s: %d %s, want %d %s", method, path, body, w.Code, w.Body, status, code)
	}
	return v
}

const message = `{"from": "Shop <shop@shop.example>", "to": ["kim@example.net", "li@example.net"], "bcc": "max@example.net", "subject": "三月对账单", "text": "见附件。\n",
	"attach": [{"name": "a.pdf", "content": "JVBERi0xLjQ="}]}`

// TestHandOver: a message in JSON, a batch, and a mail as it is, arrive.
func TestHandOver(t *testing.T) {
	x := hand(t, nil)
	w, v := x.do("POST", "/api/v1/messages", message)
	if w.Code != http.StatusAccepted || len(v["id"].(string)) != 13 || w.Header().Get("Location") != "/api/v1/messages/"+v["id"].(string) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	m := x.sink.Wait(t, 1)[0]
	if len(m.Recipients) != 3 || m.ReversePath.String() != "<shop@shop.example>" {
		t.Errorf("%v", m.Envelope)
	}
	for _, want := range []string{"Received: from [192.0.2.1]\r\n\tby relay.example with HTTP;\r\n\t", "\r\nTo: kim@example.net", "filename=\"a.pdf\"", "\r\nMessage-ID: <"} {
		if !bytes.Contains(m.Content, []byte(want)) {
			t.Errorf("it has no %q:\n%s", want, m.Content)
		}
	}
	if bytes.Contains(m.Content, []byte("max@")) {
		t.Errorf("it tells of Bcc:\n%s", m.Content)
	}

	x.sink.Forget()
	v = x.want(http.StatusAccepted, "", "POST", "/api/v1/messages", ` {"messages": [`+message+`,`+message+`]}`)
	if v["taken"] != 2.0 || v["whole"] != true || len(v["items"].([]any)) != 2 {
		t.Errorf("%v", v)
	}
	x.sink.Wait(t, 2)

	x.sink.Forget()
	x.want(http.StatusAccepted, "", "POST", "/api/v1/messages", "From: shop@shop.example\nTo: kim@example.net\nBcc: li@example.net\nX-Parley-Topic: raw\nSubject: one\r\n\nline\rline\r\nend", "Content-Type", "message/rfc822")
	m = x.sink.Wait(t, 1)[0]
	if len(m.Recipients) != 2 || !bytes.HasSuffix(m.Content, []byte("Subject: one\r\n\r\nline\r\nline\r\nend\r\n")) || bytes.Contains(m.Content, []byte("X-Parley")) {
		t.Errorf("%v\n%q", m.Envelope, m.Content)
	}
	x.sink.Forget()
	x.want(http.StatusAccepted, "", "POST", "/api/v1/messages?from=%3C%3E&to=a@example.net,b@example.net&to=c@example.net&class=bulk", "From: shop@shop.example\n\nhello\n", "Content-Type", "message/rfc822; charset=x")
	if m = x.sink.Wait(t, 1)[0]; !m.ReversePath.IsNull() || len(m.Recipients) != 3 {
		t.Errorf("%v", m.Envelope)
	}
	// One that is larger than should be held: read once, and never whole.
	x.sink.Forget()
	big := io.MultiReader(strings.NewReader("From: shop@shop.example\nTo: kim@example.net\n\n"), io.LimitReader(lines{}, 20<<20))
	r := httptest.NewRequest("POST", "/api/v1/messages", big)
	r.Header.Set("Content-Type", "message/rfc822")
	rec := httptest.NewRecorder()
	x.mux.ServeHTTP(rec, r.WithContext(api.WithAccount(t.Context(), x.who)))
	if rec.Code != http.StatusAccepted {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if n := len(x.sink.Wait(t, 1)[0].Content); n < 20<<20 {
		t.Errorf("it has %d octets", n)
	}
}

// lines is text without end.
type lines struct{}

func (lines) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
		if i%70 == 69 {
			p[i] = '\n'
		}
	}
	return len(p), nil
}

// TestHandOverRefused: each way to be wrong has its status, a word, and says what is wrong.
func TestHandOverRefused(t *testing.T) {
	x := hand(t, func(c *relay.Config) {
		c.Limits.MaxSize = 1 << 20
		c.Limits.MaxRecipients = 3
		c.Users = []relay.User{{Name: "shop", Password: hash(t, "x"), Senders: []string{"*@shop.example"}, Classes: []outbox.Class{outbox.Normal}, PerHour: 2}}
	}).as("shop", false)
	const path = "/api/v1/messages"
	raw := []string{"Content-Type", "message/rfc822"}
	for _, c := range []struct {
		status     int
		code, says string
		path, body string
		header     []string
	}{
		{422, "invalid", "no field of a message", path, `{"from": "a@shop.example", "too": "b@example.net"}`, nil},
		{422, "invalid", "To[1] is no address", path, `{"from": "a@shop.example", "to": ["b@example.net", "c"]}`, nil},
		{422, "invalid", "is a number, and not a string", path, `{"from": "a@shop.example", "subject": 7}`, nil},
		{422, "invalid", "files are not taken here", path, `{"from": "a@shop.example", "attach": [{"path": "/etc/passwd"}]}`, nil},
		{422, "invalid", "From is missing", path, `{"to": "b@example.net"}`, nil},
		{422, "invalid", "From", path, `null`, nil},
		{422, "invalid", "is a list", path, strings.Repeat("[", 100000), nil},
		{422, "invalid", "is a list", path, `{"to":` + strings.Repeat("[", 100000), nil},
		{422, "invalid", "no class", path, `{"from": "a@shop.example", "to": "b@example.net", "class": "urgent"}`, nil},
		{422, "invalid", "no time", path, `{"from": "a@shop.example", "to": "b@example.net", "notBefore": "tomorrow"}`, nil},
		{422, "invalid", "is over", path, `{"from": "a@shop.example", "to": "b@example.net", "expires": "2020-01-01T00:00:00Z"}`, nil},
		{422, "invalid", "has 4 recipients, and may have 3", path, `{"from": "a@shop.example", "to": "b@example.net, c@example.net, d@example.net, e@example.net"}`, nil},
		{422, "invalid", "has 3 recipients, and user shop may send to 2 an hour", path, `{"from": "a@shop.example", "to": "b@example.net, c@example.net, d@example.net"}`, nil},
		{422, "invalid", "the mail is a number", path, `7`, nil},
		{422, "invalid", "not what Idempotency-Key says", path, `{"from": "a@shop.example", "to": "b@example.net", "key": "b"}`, []string{"Idempotency-Key", "a"}},
		{422, "invalid", "said twice", path, `{"from": "a@shop.example", "to": "b@example.net", "topic": "b", "header": [{"name": "X-Parley-Topic", "value": "c"}]}`, nil},
		{403, "not_allowed", "the address <a@else.example> of the field From is not one of user shop", path, `{"from": "a@else.example", "to": "b@example.net"}`, nil},
		{403, "not_allowed", "the address <a@else.example> of the field From", path, `{"from": "a@else.example", "reversePath": "<a@shop.example>", "to": "b@example.net"}`, nil},
		{403, "not_allowed", "the reverse-path", path, `{"from": "a@shop.example", "reversePath": "<a@else.example>", "to": "b@example.net"}`, nil},
		{403, "not_allowed", "may not send as alert", path, `{"from": "a@shop.example", "to": "b@example.net", "class": "alert"}`, nil},
		{400, "bad_request", "unexpected EOF", path, `{"from": "a@shop.example", `, nil},
		{400, "bad_request", "unexpected EOF", path, ``, nil},
		{400, "bad_request", "after its end", path, `{"from": "a@shop.example"} {}`, nil},
		{400, "bad_request", "invalid character", path, `{"from" "a@shop.example"}`, nil},
		{400, "bad_request", "there is no parameter", path + "?to=x", `{}`, nil},
		{400, "bad_request", "cannot be read", path + "?%zz", `{}`, nil},
		{400, "bad_request", "Idempotency-Key", path, `{}`, []string{"Idempotency-Key", ""}},
		{415, "content_type", "application/json", path, `{}`, []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{415, "content_type", "encoded", path, `{}`, []string{"Content-Encoding", "gzip"}},
		{413, "too_large", "octets", path, `{"from": "a@shop.example", "to": "b@example.net", "text": "` + strings.Repeat("x", 3<<20) + `"}`, nil},
		{413, "too_large", "larger than", path, `{"from": "a@shop.example", "to": "b@example.net", "text": "` + strings.Repeat("x\\n", 1<<19) + `"}`, nil},
		{413, "too_large", "octets", path, "From: a@shop.example\nTo: b@example.net\n\n" + strings.Repeat("x\n", 1<<20), raw},
		{413, "too_large", "larger than", path, "From: a@shop.example\nTo: b@example.net\n\n" + strings.Repeat("x\n", 1<<19), raw},
		{422, "invalid", "no field From", path, "To: b@example.net\n\n", raw},
		{422, "invalid", "names nobody", path, "From: a@shop.example\n\n", raw},
		{422, "invalid", "no field: an empty line", path, "{}", raw},
		{422, "invalid", "octets over 127", path, "From: a@shop.example\nTo: b@example.net\nSubject: 三月\n\n", raw},
		{422, "invalid", "NUL", path, "From: a@shop.example\nTo: b@example.net\n\n\x00", raw},
		{422, "invalid", "line", path, "From: a@shop.example\nTo: b@example.net\n\n" + strings.Repeat("x", 999), raw},
		{403, "not_allowed", "the reverse-path <b@else.example>", path + "?from=b@else.example", "From: a@shop.example\nTo: b@example.net\n\n", raw},
		{400, "bad_request", "there is no parameter", path + "?form=b@else.example", "From: a@shop.example\n\n", raw},
		{400, "bad_request", "twice", path + "?from=a@b.example&from=a@b.example", "From: a@shop.example\n\n", raw},
		{400, "bad_request", "to:", path + "?to=,,@", "From: a@shop.example\n\n", raw},
		{422, "invalid", "", path, `{"messages": [{"from": 1}]}`, nil},
		{400, "bad_request", "list of mails", path, `{"messages": {}}`, nil},
		{400, "bad_request", "invalid character", path, `{"messages": [}`, nil},
	} {
		w, v := x.do("POST", c.path, c.body, c.header...)
		e, _ := v["error"].(map[string]any)
		if items, ok := v["items"].([]any); ok {
			e = items[0].(map[string]any)["error"].(map[string]any)
		}
		if w.Code != c.status || e["code"] != c.code || !strings.Contains(e["message"].(string), c.says) {
			t.Errorf("%s %.120s:\n  %d %.300s\n  want %d %s %q", c.path, c.body, w.Code, w.Body, c.status, c.code, c.says)
		}
	}
	v := x.want(422, "invalid", "POST", path, `{"from": "a@shop.example", "to": "b@example.net", "replyTo": [{"address": "x"}], "subject": "a\u0000b"}`)
	if fields := v["error"].(map[string]any)["fields"].([]any); len(fields) != 2 || fields[0].(map[string]any)["field"] != "replyTo[0]" {
		t.Errorf("%v", v)
	}
	for field, more := range map[string]string{"notBefore": `"notBefore": "tomorrow"`, "class": `"class": "urgent"`} {
		v := x.want(422, "invalid", "POST", path, `{"from": "a@shop.example", "to": "b@example.net", `+more+`}`)
		e := v["error"].(map[string]any)
		if fields, ok := e["fields"].([]any); !ok || fields[0].(map[string]any)["field"] != field || strings.Contains(fmt.Sprint(e), "X-Parley") {
			t.Errorf("%s: %v", field, v)
		}
	}
	if tally, err := x.box.Tally(t.Context()); err != nil || len(tally.States) != 0 {
		t.Errorf("the box holds %v, %v", tally, err)
	}
	// Nobody who did not say who they are is answered.
	r := httptest.NewRequest("POST", path, strings.NewReader(message))
	w := httptest.NewRecorder()
	x.mux.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	x.as("gone", false).want(403, "not_allowed", "POST", path, message)
	x.as("", true).want(401, "login", "POST", path, message)
}

// TestHandOverLimits: what is over a user's limit is 429, with when to come again.
func TestHandOverLimits(t *testing.T) {
	x := hand(t, func(c *relay.Config) {
		c.Users = []relay.User{{Name: "shop", Password: hash(t, "x"), Senders: []string{"*"}, PerHour: 4}}
	}).as("shop", false)
	x.want(202, "", "POST", "/api/v1/messages", message)
	for range 3 {
		w, v := x.do("POST", "/api/v1/messages", message)
		if w.Code != 429 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "may send to 4 recipients an hour") {
			t.Errorf("%d %v %v", w.Code, v, w.Header())
		}
	}
	v := x.want(207, "", "POST", "/api/v1/messages", `{"messages": [{"from":"a@x.example","to":"b@example.net"}, `+message+`, {"to": 1}]}`)
	items := v["items"].([]any)
	if v["taken"] != 1.0 || items[1].(map[string]any)["error"].(map[string]any)["code"] != "limit" || items[2].(map[string]any)["error"].(map[string]any)["code"] != "invalid" {
		t.Errorf("%v", v)
	}
}

// TestHandOverKeys: with one key a mail is taken once, whoever asks how often; another mail with it is refused.
func TestHandOverKeys(t *testing.T) {
	x := hand(t, nil)
	first := x.want(202, "", "POST", "/api/v1/messages", message, "Idempotency-Key", `"order 7"`)
	for _, again := range [][3]string{{message, "Idempotency-Key", "order 7"}, {strings.Replace(message, `"text"`, `"key": "order 7", "text"`, 1), "X", "y"}} {
		if v := x.want(202, "", "POST", "/api/v1/messages", again[0], again[1], again[2]); v["id"] != first["id"] {
			t.Errorf("%v is not %v", v, first)
		}
	}
	x.want(409, "key_reused", "POST", "/api/v1/messages", strings.Replace(message, "三月", "四月", 1), "Idempotency-Key", "order 7")
	batch := `{"messages": [` + message + `, ` + message + `]}`
	one := x.want(202, "", "POST", "/api/v1/messages", batch, "Idempotency-Key", "batch")
	two := x.want(202, "", "POST", "/api/v1/messages", batch, "Idempotency-Key", "batch")
	a, _ := json.Marshal(one)
	b, _ := json.Marshal(two)
	if !bytes.Equal(a, b) {
		t.Errorf("%s is not %s", b, a)
	}
	x.sink.Wait(t, 3)
	if items, err := x.box.List(t.Context(), outbox.Query{}); err != nil || len(items) != 9 {
		t.Errorf("%d recipients, %v", len(items), err)
	}
	x.stop()
	w, _ := x.do("POST", "/api/v1/messages", message)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// FuzzHandOver: whatever a body is, the answer is one that a program understands, and nothing breaks.
func FuzzHandOver(f *testing.F) {
	for _, seed := range []string{message, `{"messages": [` + message + `]}`, `{}`, `[]`, `null`, `{"messages":[{},null,1]}`, `{"from":"a@b","to":[`, "From: a@b.example\r\nTo: c@d.example\r\n\r\nx", "\r\n", "{\"messages\"", ` { "messages" : [ { } ] , "x" : 1 }`, "\xff\xfe", `{"from":{"name":"\u0000","address":"a@b.example"},"to":"c@d.example","class":"alert","key":""}`} {
		f.Add(true, []byte(seed))
		f.Add(false, []byte(seed))
	}
	x := hand(f, nil)
	f.Fuzz(func(t *testing.T, asJSON bool, body []byte) {
		r := httptest.NewRequest("POST", "/api/v1/messages", bytes.NewReader(body))
		r.Header.Set("Content-Type", map[bool]string{true: "application/json", false: "message/rfc822"}[asJSON])
		w := httptest.NewRecorder()
		x.mux.ServeHTTP(w, r.WithContext(api.WithAccount(context.Background(), relay.Account{Operator: true})))
		var v map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// TestHandOverManyWrong: a request with very much wrong in it has a short answer.
func TestHandOverManyWrong(t *testing.T) {
	x := hand(t, nil)
	many := func(one string) string { return strings.Repeat(one+",", 9_999) + one }
	one := `{"from": "a@x.example", "to": [` + many(`{}`) + `], "references": [` + many(`""`) + `]}`
	for _, body := range []string{one, `{"messages": [` + strings.Repeat(one+",", 9) + one + `]}`} {
		if w, _ := x.do("POST", "/api/v1/messages", body); w.Code != 422 || w.Body.Len() > 64<<10 {
			t.Errorf("%d, and an answer of %d octets", w.Code, w.Body.Len())
		}
	}
}

// TestHandOverAgain: who asks again with a key has not sent more for it.
func TestHandOverAgain(t *testing.T) {
	x := hand(t, func(c *relay.Config) {
		c.Users = []relay.User{{Name: "shop", Password: hash(t, "x"), Senders: []string{"*"}, PerHour: 6}}
	}).as("shop", false)
	for range 5 {
		x.want(202, "", "POST", "/api/v1/messages", message, "Idempotency-Key", "one")
	}
	if u := x.relay.Users()[0]; u.Hour != 3 {
		t.Errorf("the user has sent to %d", u.Hour)
	}
	x.want(202, "", "POST", "/api/v1/messages", message)
	x.want(429, "limit", "POST", "/api/v1/messages", `{"from": "a@x.example", "to": "b@example.net"}`)
}

// TestNobody: an account that has no name and is no operator's is nobody's, and sees nothing.
func TestNobody(t *testing.T) {
	x := hand(t, nil).as("", false)
	for _, pattern := range x.patterns {
		method, path, _ := strings.Cut(pattern, " ")
		if !strings.HasSuffix(path, ".yaml") {
			x.want(401, "login", method, strings.NewReplacer("{id}", "0000000000000", "{address}", "a@b.example").Replace(path), "{}")
		}
	}
}
