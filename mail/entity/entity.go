package entity

import (
	"iter"
	"strconv"
	"strings"
)

// Limits bound what is read of a content. No honest mail comes near them.
type Limits struct {
	Depth  int // of entities within one another; zero: 32
	Parts  int // entities in all; zero: 1,000
	Header int // octets of a header that are read; zero: 256 KiB
	Fields int // of a header that are read; zero: 1,000
}

func (l Limits) orDefault() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Depth, 32)
	def(&l.Parts, 1000)
	def(&l.Header, 256<<10)
	def(&l.Fields, 1000)
	return l
}

// An Entity is a header and a body (RFC 2045 §2.4): a mail, a part of it, or a mail
// within it. The offsets are into the content that was parsed, and those of a part
// lie within those of its parent's body.
type Entity struct {
	Start     int // of the header
	BodyStart int // behind the header's empty line
	End       int // behind the body; the line end before a boundary is the boundary's

	Parent *Entity
	Parts  []*Entity // of a multipart; the one mail of a message/rfc822

	Type        string            // in lower case, as "text/html"; what RFC 2045 §5.2 says where none is told
	Params      map[string]string // of the type, decoded, names in lower case
	Declared    string            // the type's field as it is, decoded; empty: none
	Encoding    string            // the content transfer encoding in lower case; "7bit" where none is told
	Disposition string            // in lower case: "attachment", "inline"; empty: none
	File        string            // the file's name made harmless; empty: none
	FileTold    string            // the file's name as it was told
	ContentID   string            // without <>
	Description string
	Location    string // Content-Location

	// Of the root alone, for the whole tree: what was left out, and what is not as it
	// should be. At most a hundred of each are told.
	Cut, Odd []Note

	index   int // in the parent's Parts
	depth   int
	opened  bool // by the parser
	long    bool // the header is longer than the limit
	crowded bool // the header has more fields than the limit
	c       *content
}

// content is what all entities of a tree share.
type content struct {
	octets []byte
	limits Limits
}

// A Note tells of one place in a content.
type Note struct {
	What Remark
	At   int // offset
	Path string
	N    int // the limit, or how much was left out
}

// A Remark is a kind of note.
type Remark string

const (
	// What is left out.
	TooDeep       Remark = "too-deep"        // an entity deeper than N is not opened
	TooManyParts  Remark = "too-many-parts"  // N entities were read, and what stands behind is not
	LongHeader    Remark = "long-header"     // N octets of a header were read, and the rest is not
	TooManyFields Remark = "too-many-fields" // N fields of a header were read, and the rest is not

	// What is odd.
	NoBoundary   Remark = "no-boundary"   // a multipart does not tell its boundary
	NeverBegun   Remark = "never-begun"   // a multipart's boundary never comes
	NeverClosed  Remark = "never-closed"  // a multipart's last boundary is missing
	BadHeader    Remark = "bad-header"    // a line of a header is none: the body begins there
	NoHeaderEnd  Remark = "no-header-end" // the empty line behind a header is missing
	BadEncoding  Remark = "bad-encoding"  // a transfer encoding that nobody knows
	CodedMessage Remark = "coded-message" // a multipart or message in base64 or quoted-printable: RFC 2045 §6.4 forbids it
	SameBoundary Remark = "same-boundary" // a multipart within one of the same boundary
	TwoTypes     Remark = "two-types"     // several Content-Type fields: readers differ in which they take
	BadType      Remark = "bad-type"      // a Content-Type that cannot be read
)

// Raw is the entity as it was sent, header and body.
func (e *Entity) Raw() []byte { return e.c.octets[e.Start:e.End:e.End] }

// RawHeader is the header as it was sent, with the empty line that ends it.
func (e *Entity) RawHeader() []byte { return e.c.octets[e.Start:e.BodyStart:e.BodyStart] }

// RawBody is the body as it was sent, in its transfer encoding.
func (e *Entity) RawBody() []byte { return e.c.octets[e.BodyStart:e.End:e.End] }

// Path is where the entity stands, as IMAP counts (RFC 9051 §6.4.5.1): "2.1" is the first part of
// the second; the root has none.
func (e *Entity) Path() string {
	if e.Parent == nil {
		return ""
	}
	above := e.Parent.Path()
	if above == "" {
		return strconv.Itoa(e.index + 1)
	}
	return above + "." + strconv.Itoa(e.index+1)
}

// At gives the entity of a path, or nil.
func (e *Entity) At(path string) *Entity {
	for e != nil && path != "" {
		step, rest, _ := strings.Cut(path, ".")
		n, err := strconv.Atoi(step)
		if err != nil || n < 1 || n > len(e.Parts) || step[0] == '+' {
			return nil
		}
		e, path = e.Parts[n-1], rest
	}
	return e
}

// All gives the entity and all below it, in the order in which they stand.
func (e *Entity) All() iter.Seq[*Entity] {
	return func(yield func(*Entity) bool) { e.walk(yield) }
}

// walk goes no deeper than Limits.Depth, for no tree is.
func (e *Entity) walk(yield func(*Entity) bool) bool {
	if !yield(e) {
		return false
	}
	for _, p := range e.Parts {
		if !p.walk(yield) {
			return false
		}
	}
	return true
}

// IsMultipart says whether the type is multipart.
func (e *Entity) IsMultipart() bool { return strings.HasPrefix(e.Type, "multipart/") }

// IsMessage says whether the body is a mail of its own (RFC 2046 §5.2.1, RFC 6532 §3.7).
func (e *Entity) IsMessage() bool { return e.Type == "message/rfc822" || e.Type == "message/global" }

// IsAttachment says whether a person would call the entity an attachment: a leaf, or a mail within the mail, that
// says so, or has a file name and is not shown within HTML, or is of a type that no client shows as text.
func (e *Entity) IsAttachment() bool {
	switch {
	case e.Parent == nil && e.Disposition != "attachment" && strings.HasPrefix(e.Type, "text/"):
		return false
	case e.IsMultipart():
		return len(e.Parts) == 0 && e.Parent != nil
	case e.Disposition == "attachment":
		return true
	case e.Parent != nil && e.Parent.Type == "multipart/related" && e.index > 0 && (e.ContentID != "" || e.Location != ""):
		return false
	case e.Type == "text/plain" || e.Type == "text/html":
		return e.File != "" && e.Disposition != "inline"
	case e.Type == "text/calendar" && e.Parent != nil && e.Parent.Type == "multipart/alternative",
		e.Type == "text/x-amp-html" && e.File == "":
		return false
	}
	return true
}

// Attachments counts the attachments. Those of a mail within the mail are not looked at.
func (e *Entity) Attachments() int {
	if e.IsAttachment() {
		return 1
	}
	n := 0
	if !e.IsMessage() {
		for _, p := range e.Parts {
			n += p.Attachments()
		}
	}
	return n
}
