package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/oauth2"

	"github.com/parleymail/parley/sasl"
	"github.com/parleymail/parley/sasl/oauth"
)

type source func() (*oauth2.Token, error)

func (f source) Token() (*oauth2.Token, error) { return f() }

func TestSource(t *testing.T) {
	broken := errors.New("no route to the token endpoint")
	for _, c := range []struct {
		name  string
		token *oauth2.Token
		err   error
		want  string
		wrong string
	}{
		{name: "bearer", token: &oauth2.Token{AccessToken: "ya29", TokenType: "bearer"}, want: "ya29"},
		{name: "no type", token: &oauth2.Token{AccessToken: "ya29"}, want: "ya29"},
		{name: "mac", token: &oauth2.Token{AccessToken: "ya29", TokenType: "mac"}, wrong: `a token of type "MAC"`},
		{name: "empty", token: &oauth2.Token{}, wrong: "gave no access token"},
		{name: "nil", wrong: "gave no access token"},
		{name: "error", err: broken, wrong: "no route"},
	} {
		got, err := oauth.Source(source(func() (*oauth2.Token, error) { return c.token, c.err })).Token(context.Background())
		if got != c.want || (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	if _, err := oauth.Source(nil).Token(context.Background()); err == nil {
		t.Error("a source of nothing gives something")
	}
}

// The context ends the wait, though oauth2 knows nothing of it.
func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		slow := oauth.Source(source(func() (*oauth2.Token, error) {
			<-release
			return &oauth2.Token{AccessToken: "late"}, nil
		}))
		ctx, cancel := context.WithCancelCause(context.Background())
		done := make(chan error)
		go func() { _, err := slow.Token(ctx); done <- err }()
		synctest.Wait()
		why := errors.New("the user has gone")
		cancel(why)
		if err := <-done; !errors.Is(err, why) {
			t.Error(err)
		}
		if _, err := slow.Token(ctx); !errors.Is(err, why) {
			t.Error(err)
		}
		close(release)
	})
}

// A refresh, and what an authorization server says when it refuses one. Its reply
// may hold anything: no error repeats it.
func TestRefresh(t *testing.T) {
	replies := []struct {
		status int
		body   string
	}{
		{200, `{"access_token":"first","token_type":"Bearer","expires_in":1}`},
		{200, `{"access_token":"second","token_type":"Bearer","expires_in":3600}`},
		{400, `{"error":"invalid_grant","error_description":"Token has been revoked.","refresh_token":"hush-hush"}`},
		{500, "hush-hush"},
	}
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply := replies[calls]
		calls++
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(reply.status)
		_, _ = w.Write([]byte(reply.body))
	}))
	defer server.Close()
	config := &oauth2.Config{ClientID: "parley", ClientSecret: "hush-hush", Endpoint: oauth2.Endpoint{TokenURL: server.URL, AuthStyle: oauth2.AuthStyleInParams}}
	fresh := func() sasl.TokenSource {
		return oauth.Source(config.TokenSource(context.Background(), &oauth2.Token{RefreshToken: "hush-hush"}))
	}
	kept := fresh()
	for _, want := range []string{"first", "second", "second"} { // oauth2 takes a token of one second for one that has run out
		if got, err := kept.Token(context.Background()); got != want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	for _, want := range []string{`"invalid_grant": "Token has been revoked."; the refresh token has run out`, "500"} {
		creds := sasl.Token("kim", fresh())
		_, err := creds.Choose(context.Background(), []string{"XOAUTH2"}, sasl.Channel{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush-hush") {
			t.Errorf("%v, want %s", err, want)
		}
		if _, ok := errors.AsType[*oauth2.RetrieveError](err); !ok {
			t.Errorf("%T is no RetrieveError", err)
		}
	}
}
