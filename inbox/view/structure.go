package view

import (
	"github.com/parleymail/parley/diagnose"
	"github.com/parleymail/parley/mail/entity"
)

// A Node is an entity in the tree of a mail. A tree is told as a list, in the order in which its nodes stand.
type Node struct {
	Depth       int    `json:"depth"`
	Path        string `json:"path"`
	Type        string `json:"type"`
	Charset     string `json:"charset,omitempty"`
	Encoding    string `json:"encoding"`
	Disposition string `json:"disposition,omitempty"`
	Name        string `json:"name,omitempty"`
	ContentID   string `json:"content_id,omitempty"`
	Attachment  bool   `json:"attachment,omitempty"`
	Shown       string `json:"shown,omitempty"` // "html" or "text": it is the part that the letter is
	Start       int    `json:"start"`           // offsets into the content
	BodyStart   int    `json:"body_start"`
	End         int    `json:"end"`
	Fields      int    `json:"fields"` // of its header
}

// A Structure is how a mail is made.
type Structure struct {
	Nodes []Node        `json:"nodes"`
	Cut   []entity.Note `json:"cut,omitempty"` // what was left out, and why: see [RemarkWords]
	Odd   []entity.Note `json:"odd,omitempty"`
}

// Structure gives the tree of entities as a list.
func (v *View) Structure() Structure {
	root, l := v.root(), v.letter()
	s := Structure{Cut: root.Cut, Odd: root.Odd}
	for e := range root.All() {
		n := Node{Path: e.Path(), Type: e.Type, Charset: e.Params["charset"], Encoding: e.Encoding, Disposition: e.Disposition, Name: e.File, ContentID: e.ContentID,
			Attachment: e.IsAttachment(), Start: e.Start, BodyStart: e.BodyStart, End: e.End}
		for p := e.Parent; p != nil; p = p.Parent {
			n.Depth++
		}
		for range e.Fields() {
			n.Fields++
		}
		switch {
		case l.HTML != nil && l.HTML.e == e:
			n.Shown = "html"
		case l.Plain != nil && l.Plain.e == e:
			n.Shown = "text"
		}
		s.Nodes = append(s.Nodes, n)
	}
	return s
}

// A HeaderField is a field of a header, as it was sent and as it reads.
type HeaderField struct {
	Name string `json:"name"`
	Text string `json:"text"` // decoded
	Raw  string `json:"raw"`  // folded and encoded, octets that are no UTF-8 replaced
	At   int    `json:"at"`   // offset
}

// Headers gives the fields of the mail, or of an entity in it.
func (v *View) Headers(path string) []HeaderField {
	e := v.root().At(path)
	if e == nil {
		return nil
	}
	var list []HeaderField
	for f := range e.Fields() {
		list = append(list, HeaderField{f.Name, f.Text(), validUTF8(f.Raw), f.Start})
	}
	return list
}

// RemarkWords says what a note means.
func RemarkWords(r entity.Remark) diagnose.Words { return remarkTexts[r] }

var remarkTexts = map[entity.Remark]diagnose.Words{
	entity.TooDeep:       {En: "It stands too deep in others to be opened.", Zh: "嵌套过深，没有展开。"},
	entity.TooManyParts:  {En: "There are more parts than are read.", Zh: "部分过多，后面的没有读取。"},
	entity.LongHeader:    {En: "The header is longer than is read.", Zh: "邮件头过长，后面的没有读取。"},
	entity.TooManyFields: {En: "The header has more fields than are read.", Zh: "头字段过多，后面的没有读取。"},
	entity.NoBoundary:    {En: "A multipart does not tell its boundary.", Zh: "multipart 没有给出分隔符（boundary）。"},
	entity.NeverBegun:    {En: "A multipart's boundary never comes.", Zh: "multipart 的分隔符从未出现。"},
	entity.NeverClosed:   {En: "A multipart's last boundary is missing: the mail may be cut off.", Zh: "multipart 缺少结束分隔符，邮件可能被截断。"},
	entity.BadHeader:     {En: "A line of the header is no field: the body is taken to begin there.", Zh: "邮件头里有一行不是字段，从那里起按正文处理。"},
	entity.NoHeaderEnd:   {En: "The empty line behind the header is missing.", Zh: "邮件头后面缺少空行。"},
	entity.BadEncoding:   {En: "Nobody knows this transfer encoding: the body is shown as it is.", Zh: "未知的传输编码，正文按原样显示。"},
	entity.CodedMessage:  {En: "A multipart or a mail is encoded as a whole, which RFC 2045 §6.4 forbids.", Zh: "multipart 或邮件被整体编码，RFC 2045 §6.4 不允许这样。"},
	entity.SameBoundary:  {En: "A multipart has the boundary of the one that it is in.", Zh: "内层 multipart 与外层用了相同的分隔符。"},
	entity.TwoTypes:      {En: "There are several Content-Type fields: readers differ in which they take.", Zh: "有多个 Content-Type，各家取用的并不一致。"},
	entity.BadType:       {En: "The Content-Type cannot be read: it is taken for plain text.", Zh: "Content-Type 无法解析，按纯文本处理。"},
}
