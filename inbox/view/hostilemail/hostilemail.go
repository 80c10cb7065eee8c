// Package hostilemail makes mails that attack whoever shows them, for tests of what shows mails: a sanitizer, an API, pages in a browser.
//
//	for name, content := range hostilemail.All() { ... }
//
// A script that runs asks for something at [Host], and whatever is loaded without having been asked for is at Host too: a test that watches what
// a browser asks for sees both, with the name of what got through. The mails are made here and not kept as files: the repository stays small,
// and no scanner of files takes offence.
//
// What it does not do: it attacks nobody. Host is a name that can have no address (RFC 2606 §2).
package hostilemail

import (
	"encoding/base64"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Host is whom everything here asks, if it is let.
const Host = "hostile.invalid"

const (
	script = "new/**/Image().src=`https://" + Host + "/ran`" // fits into an attribute without quotes
	remote = "https://" + Host + "/loaded"
)

// All gives every mail with its name, which is unlike every other.
func All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, set := range []iter.Seq2[string, []byte]{pages(), Headers(), Files(), Broken(), Odd(), Bombs()} {
			for name, content := range set {
				if !yield(name, content) {
					return
				}
			}
		}
	}
}

// HTML gives the HTML of those mails that are attacks by HTML and CSS.
func HTML() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, set := range []func() []string{handlers, schemes, elements, mutations, tags, styles, loads} {
			for _, source := range set() {
				kind, source, _ := strings.Cut(source, "\x00")
				source = strings.NewReplacer("{js}", script, "{url}", remote).Replace(source)
				if !yield(kind, source) {
					return
				}
			}
		}
	}
}

// named sets before each source what kind it is.
func named(kind string, sources ...string) []string {
	list := make([]string, len(sources))
	for i, s := range sources {
		list[i] = fmt.Sprintf("%s %03d\x00%s", kind, i+1, s)
	}
	return list
}

// lines takes a source from each line that is not empty.
func lines(s string) []string {
	return slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
}

// pages gives the mails of HTML. Every second is encoded, since what a scanner does not read a browser does.
func pages() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		n := 0
		for name, source := range HTML() {
			n++
			head := "From: Mallory <mallory@" + Host + ">\r\nTo: kim@example.net\r\nSubject: " + name + "\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"
			body := source
			if n%2 == 0 {
				head += "Content-Transfer-Encoding: base64\r\n"
				body = wrap(base64.StdEncoding.EncodeToString([]byte(source)))
			}
			if !yield(name, []byte(head+"\r\n"+body+"\r\n")) {
				return
			}
		}
	}
}

// wrap breaks base64 into lines: RFC 2045 §6.8.
func wrap(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	return b.String() + s
}
