package view

import (
	"path"
	"strings"

	"github.com/parleymail/parley/mail/entity"
	"golang.org/x/net/html"
)

// usage counts the matches of clients.toml that a mail has.
type usage struct {
	n      map[string]int
	wanted map[string]struct{}
	body   bool // the body has begun
	sheets int  // octets of style elements
}

// usedFeatures looks through HTML as it was sent. What it finds in its own way:
//
//	is:style-in-body     a style element behind the beginning of the body
//	is:style-long        style elements of more than 16 KB, behind which Gmail drops all
//	is:no-doctype        no doctype
//	is:no-html-size      HTML over 102 KB
//	is:conditional       a conditional comment, which Word reads and nobody else
//	is:amp               a part of type text/x-amp-html
//	is:background-attr   a background as an attribute
//	is:negative-margin   a margin below zero
//	is:important         !important
//	is:attr-selector     [attribute] in a selector
//	is:cid               an image in the mail
func usedFeatures(source string, size int64, root *entity.Entity) map[string]int {
	u := usage{n: make(map[string]int), wanted: wantedKeys()}
	doctype, style := false, false
	for e := range root.All() {
		if e.Type == "text/x-amp-html" {
			u.add("is:amp")
		}
	}
	if size > gmailClips {
		u.add("is:no-html-size")
	}
	for z := html.NewTokenizer(strings.NewReader(source)); ; {
		switch z.Next() {
		case html.ErrorToken:
			if !doctype {
				u.add("is:no-doctype")
			}
			if u.sheets > 16<<10 {
				u.add("is:style-long")
			}
			return u.n
		case html.DoctypeToken:
			doctype = true
		case html.CommentToken:
			if s := strings.TrimSpace(string(z.Text())); strings.HasPrefix(s, "[if") {
				u.add("is:conditional")
			}
		case html.TextToken:
			if style {
				text := string(z.Text())
				u.sheets += len(text)
				u.sheet(text)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := readTag(z)
			style = t.Data == "style"
			u.element(t)
		case html.EndTagToken:
			style = false
		}
	}
}

func (u *usage) add(key string) {
	if _, ok := u.wanted[key]; ok {
		u.n[key]++
	}
}

func (u *usage) element(t html.Token) {
	u.add("el:" + t.Data)
	switch t.Data {
	case "body":
		u.body = true
	case "style":
		if u.body {
			u.add("is:style-in-body")
		}
	}
	for _, a := range t.Attr {
		u.add("attr:" + t.Data + "." + a.Key)
		u.add("attr:*." + a.Key)
		switch a.Key {
		case "style":
			u.declarations(&cssLexer{s: a.Val}, true)
		case "background":
			u.add("is:background-attr")
			u.image(a.Val)
		case "src", "srcset":
			if t.Data == "img" || t.Data == "source" {
				first, _, _ := strings.Cut(strings.TrimSpace(a.Val), " ")
				u.image(first)
			}
		case "rel":
			if t.Data == "link" {
				u.add("attr:link.rel=" + strings.ToLower(strings.TrimSpace(a.Val)))
			}
		}
	}
}

func (u *usage) image(url string) {
	url = plainURL(url)
	scheme := schemeOf(url)
	u.add("url:" + scheme)
	switch scheme {
	case "cid":
		u.add("is:cid")
	case "data":
		kind, _, _ := strings.Cut(url[len("data:"):min(len(url), 64)], ";")
		u.add("img:" + strings.TrimPrefix(strings.ToLower(kind), "image/"))
	default:
		if i := strings.IndexAny(url, "?#"); i >= 0 {
			url = url[:i]
		}
		u.add("img:" + strings.ToLower(strings.TrimPrefix(path.Ext(url[max(0, len(url)-64):]), ".")))
	}
}

// sheet counts what a style element uses. Blocks within blocks are read as rules where they are of @media and its like.
func (u *usage) sheet(css string) {
	lex := &cssLexer{s: css}
	at := ""
	for {
		switch t := lex.next(); {
		case t.kind == cssEnd:
			return
		case t.kind == cssAt:
			at = strings.ToLower(t.text)
			u.add("at:" + at)
		case t.is(";"):
			at = ""
		case t.is("{"):
			if at == "" || at == "font-face" || at == "page" {
				u.declarations(lex, false)
			}
			at = ""
		case at != "":
			if t.kind == cssIdent {
				u.add("at:" + at + "=" + strings.ToLower(t.text))
			}
		default:
			u.selector(t, lex)
		}
	}
}

func (u *usage) selector(t cssToken, lex *cssLexer) {
	switch {
	case t.is(":"):
		next := lex.next()
		if next.is(":") {
			next = lex.next()
		}
		if next.kind == cssIdent || next.kind == cssFunction {
			u.add("sel::" + strings.ToLower(next.text))
		}
	case t.is("["):
		u.add("is:attr-selector")
	case t.is(">"), t.is("+"), t.is("~"), t.is("*"):
		u.add("sel:" + t.text)
	}
}

// declarations counts those of a block or an attribute.
func (u *usage) declarations(lex *cssLexer, attribute bool) {
	property, value := "", false
	for {
		switch t := lex.next(); {
		case t.kind == cssEnd, t.is("}") && !attribute:
			return
		case t.is(";"):
			property, value = "", false
		case t.is(":") && !value:
			value = true
			u.add("css:" + property)
			if strings.HasPrefix(property, "--") {
				u.add("css:--")
			}
		case !value:
			if t.kind == cssIdent {
				property = strings.ToLower(t.text)
			}
		default:
			u.value(property, t, lex)
		}
	}
}

func (u *usage) value(property string, t cssToken, lex *cssLexer) {
	switch t.kind {
	case cssIdent:
		word := strings.ToLower(t.text)
		u.add("css:" + property + "=" + word)
		if word == "important" {
			u.add("is:important")
		}
	case cssFunction:
		u.add("fn:" + strings.ToLower(t.text))
		if strings.EqualFold(t.text, "url") {
			if s := lex.next(); s.kind == cssString {
				u.image(s.text)
				u.add("css:" + property + "=url")
			}
		}
	case cssURL:
		u.image(t.text)
		u.add("css:" + property + "=url")
	case cssNumber:
		unit := strings.TrimLeft(t.text, "+-.0123456789")
		u.add("unit:" + strings.ToLower(unit))
		if t.text[0] == '-' && strings.HasPrefix(property, "margin") {
			u.add("is:negative-margin")
		}
	default:
	}
}
