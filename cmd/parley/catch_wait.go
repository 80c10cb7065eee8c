package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parleymail/parley/smtp"
)

// waitFlags are the values of all that "parley catch wait" can be told.
type waitFlags struct {
	to, from, subject, query, mailbox string
	after                             int64
	since                             string
	timeout                           time.Duration
	http, print                       string
}

// defaultCatch is where parley catch has its pages unless it was told otherwise.
const defaultCatch = "http://127.0.0.1:8025"

// catchWaitCommand is "parley catch wait".
func (a *app) catchWaitCommand() *cobra.Command {
	f := new(waitFlags)
	cmd := &cobra.Command{
		Use:   "wait [FLAG...]",
		Short: a.ui.say(wordWaitShort),
		Long:  a.ui.say(wordWaitLong),
		Args:  a.noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			code, err := a.ui.wait(cmd.Context(), f)
			if err != nil {
				return err
			}
			a.exit = code
			return nil
		},
	}
	set := cmd.Flags()
	set.StringVar(&f.to, "to", "", "")
	set.StringVar(&f.from, "from", "", "")
	set.StringVar(&f.subject, "subject", "", "")
	set.StringVar(&f.query, "query", "", "")
	set.StringVar(&f.mailbox, "mailbox", "", "")
	set.Int64Var(&f.after, "after", 0, "")
	set.StringVar(&f.since, "since", "", "")
	set.DurationVar(&f.timeout, "timeout", 30*time.Second, "")
	set.StringVar(&f.http, "http", "", "")
	set.StringVar(&f.print, "print", "", "")
	a.describe(cmd, waitWords)
	return cmd
}

// An awaited mail is what the API says of it, as far as this command needs it.
type awaited struct {
	ID         int64    `json:"id"`
	From       string   `json:"from"`
	Recipients []string `json:"recipients"`
	Subject    string   `json:"subject"`
	Text       string   `json:"text"`
	Links      []struct {
		URL string `json:"url"`
	} `json:"links"`
	Codes []struct {
		Code string `json:"code"`
	} `json:"codes"`
}

// wait asks for a mail, and prints it.
func (u *ui) wait(ctx context.Context, f *waitFlags) (int, error) {
	switch f.print {
	case "", "id", "code", "link", "text", "json":
	default:
		return 0, &usageError{u.say(wordWaitPrint, f.print)}
	}
	base, query, err := u.waitURL(f)
	if err != nil {
		return 0, err
	}
	body, status, err := u.askCatch(ctx, f.timeout, base, "/wait", query)
	switch {
	case err != nil && ctx.Err() != nil:
		return exitLater, nil
	case err != nil:
		u.tell(u.say(wordWaitNobody, base.Redacted(), unwrapURL(err)))
		return exitRefused, nil
	case status == http.StatusRequestTimeout:
		u.tell(u.say(wordWaitNone, f.timeout))
		return exitLater, nil
	case status == http.StatusBadRequest:
		return 0, &usageError{apiError(body)}
	case status != http.StatusOK:
		u.tell(u.say(wordWaitRefused, base.Redacted(), strconv.Itoa(status)+" "+apiError(body)))
		return exitRefused, nil
	}
	if f.print == "json" {
		u.out.Write(append([]byte(strings.TrimSpace(string(body))), '\n'))
		return exitTaken, nil
	}
	var m awaited
	if err := json.Unmarshal(body, &m); err != nil {
		u.tell(u.say(wordWaitRefused, base.Redacted(), err.Error()))
		return exitRefused, nil
	}
	return u.printAwaited(&m, f.print), nil
}

// catchURL is where parley catch is.
func (u *ui) catchURL(text string) (*url.URL, error) {
	text = cmp.Or(text, u.env("PARLEY_CATCH"), defaultCatch)
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	base, err := url.Parse(text)
	if err != nil || base.Host == "" {
		return nil, &usageError{"--http: " + text}
	}
	return base, nil
}

// waitURL is where parley catch is, and what it is asked.
func (u *ui) waitURL(f *waitFlags) (base *url.URL, query url.Values, err error) {
	if base, err = u.catchURL(f.http); err != nil {
		return nil, nil, err
	}
	query = url.Values{"timeout": {f.timeout.String()}}
	for name, value := range map[string]string{"to": f.to, "from": f.from, "subject": f.subject, "query": f.query, "mailbox": f.mailbox} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if f.after > 0 {
		query.Set("after", strconv.FormatInt(f.after, 10))
	}
	if f.since != "" {
		at := f.since
		if ago, err := time.ParseDuration(f.since); err == nil {
			at = time.Now().Add(-ago).UTC().Format(time.RFC3339Nano)
		}
		query.Set("since", at)
	}
	return base, query, nil
}

// askCatch asks once: the server answers when the mail is there.
func (u *ui) askCatch(ctx context.Context, timeout time.Duration, base *url.URL, path string, query url.Values) (body []byte, status int, err error) {
	const grace, most = 10 * time.Second, 64 << 20
	ctx, cancel := context.WithTimeout(ctx, timeout+grace)
	defer cancel()
	where := *base
	where.User, where.RawQuery, where.Fragment = nil, query.Encode(), ""
	where.Path = strings.TrimSuffix(where.Path, "/") + "/api/v1" + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where.String(), nil)
	if err != nil {
		return nil, 0, err
	}
	if base.User != nil {
		password, _ := base.User.Password()
		req.SetBasicAuth(base.User.Username(), password)
	}
	client, err := u.catchClient()
	if err != nil {
		return nil, 0, err
	}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, most))
	return body, resp.StatusCode, err
}

// catchClient trusts, besides what this machine does, the certificate that parley catch --https made for itself and --save-cert has kept.
func (u *ui) catchClient() (*http.Client, error) {
	name := u.env("PARLEY_CATCH_CA")
	if name == "" {
		return http.DefaultClient, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("PARLEY_CATCH_CA: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // there is none on this system
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("PARLEY_CATCH_CA: %s holds no certificate in PEM", name)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots}
	return &http.Client{Transport: t}, nil
}

// unwrapURL takes off the request that an error repeats.
func unwrapURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// apiError is what the API said was wrong.
func apiError(body []byte) string {
	var e struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &e) == nil && e.Error.Message != "" {
		return e.Error.Message
	}
	const most = 200
	return smtp.Printable(strings.TrimSpace(string(body[:min(len(body), most)])))
}

// printAwaited prints what was asked for of a mail.
func (u *ui) printAwaited(m *awaited, what string) int {
	switch what {
	case "id":
		u.print(strconv.FormatInt(m.ID, 10))
	case "text":
		u.print(strings.TrimRight(m.Text, "\n"))
	case "link":
		if len(m.Links) == 0 {
			u.tell(u.say(wordWaitNoLink, m.ID))
			return exitMessage
		}
		u.print(smtp.Printable(m.Links[0].URL))
	case "code":
		if len(m.Codes) == 0 {
			u.tell(u.say(wordWaitNoCode, m.ID))
			return exitMessage
		}
		u.print(smtp.Printable(m.Codes[0].Code))
	default:
		u.awaitedRow(wordWaitFrom, m.From)
		u.awaitedRow(wordWaitTo, strings.Join(m.Recipients, ", "))
		u.awaitedRow(wordWaitSubject, m.Subject)
		for _, l := range m.Links {
			u.awaitedRow(wordWaitLink, l.URL)
		}
		for _, c := range m.Codes {
			u.awaitedRow(wordWaitCode, c.Code)
		}
	}
	return exitTaken
}

func (u *ui) awaitedRow(label text, s string) {
	u.print(pad(u.say(label), 10) + smtp.Printable(s))
}
