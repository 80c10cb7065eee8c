package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestBodyErrors: what is wrong with a body is told with its place, and without the names of our types.
func TestBodyErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "the body is empty",
		`{"name": "x"`:                       "the body ends too soon",
		"{\n \"name\": \"x\",\n \"n\": 1 2}": `the body, line 3, column 9: invalid character '2' after object key:value pair`,
		"{\n\"n\": \"x\"}":                   `the body, line 2, column 8: "n" cannot be of the type string`,
		`[]`:                                 "the body, line 1, column 1: a value cannot be of the type array",
		`{"m": 1}`:                           `the body: unknown field "m"`,
		`{} {}`:                              "the body: something stands behind its end",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		var into struct {
			Name string `json:"name"`
			N    int    `json:"n"`
		}
		if err := body(r, &into); err == nil || err.Error() != want {
			t.Errorf("%q: %v, and not %s", text, err, want)
		}
	}
}
