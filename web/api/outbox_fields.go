package api

import (
	"net/http"
	"strings"
)

// wishFields are the fields of a header by which the relay calls what a request says beside the mail, and their names in a request.
var wishFields = []struct{ header, field string }{
	{"X-Parley-Not-Before", "notBefore"}, {"X-Parley-Expires", "expires"}, {"X-Parley-Class", "class"}, {"X-Parley-Topic", "topic"}, {"X-Parley-Key", "key"},
}

// asAsked is what went wrong with a mail that came as JSON, by the names that it has there.
func asAsked(err error) *failed {
	f := failedOf(err)
	if f.status != http.StatusUnprocessableEntity || !strings.HasPrefix(f.Message, "X-Parley-") {
		return f
	}
	named := *f
	for _, w := range wishFields {
		if rest, ok := strings.CutPrefix(named.Message, w.header); ok {
			named.Fields = []problem{{w.field, strings.TrimLeft(rest, ": ")}}
		}
		named.Message = strings.ReplaceAll(named.Message, w.header, w.field)
	}
	for i := range named.Fields {
		for _, w := range wishFields {
			named.Fields[i].What = strings.ReplaceAll(named.Fields[i].What, w.header, w.field)
		}
	}
	return &named
}

// fieldAsAsked is the name of a field of mail.Message as JSON has it: "Attach[0].Content" is "attach[0].content".
func fieldAsAsked(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		word, _, _ := strings.Cut(p, "[")
		if word == strings.ToUpper(word) {
			parts[i] = strings.ToLower(word) + p[len(word):]
		} else {
			parts[i] = strings.ToLower(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, ".")
}
