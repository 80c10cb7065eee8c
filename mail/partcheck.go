package mail

import (
	"mime"
	"strconv"
	"strings"
)

// checkParts notes what is wrong with the parts' fields.
func (m *Message) checkParts(p *Problems) {
	if len(m.Inline) > 0 && m.HTML == "" {
		p.add("Inline", "needs HTML to show it; give files that nothing shows as Attach")
	}
	for i := range m.Inline {
		m.Inline[i].check(p, "Inline", i)
		id := m.Inline[i].cid()
		for j := range i {
			if m.Inline[j].cid() == id {
				p.addAt("Inline", i, ".ContentID", "is that of Inline["+strconv.Itoa(j)+"] too")
				break
			}
		}
	}
	for i := range m.Attach {
		m.Attach[i].check(p, "Attach", i)
	}
}

// cid is what HTML calls an inline part by.
func (p *Part) cid() string {
	if p.ContentID == "" {
		return p.Name
	}
	return bareID(p.ContentID)
}

func (p *Part) check(all *Problems, list string, i int) {
	if p.data == nil && p.open == nil {
		all.addAt(list, i, "", "has no content: make it by File, Bytes, FS or Reader")
	}
	if p.Name != "" || list == "Attach" {
		all.addAt(list, i, ".Name", badFileName(p.Name))
	}
	if p.Type != "" {
		all.addAt(list, i, ".Type", badType(p.Type))
	}
	switch {
	case p.ContentID != "":
		all.addAt(list, i, ".ContentID", badID(p.ContentID))
	case list == "Inline" && p.Name == "":
		all.addAt(list, i, ".ContentID", "is missing, and so is Name")
	case list == "Inline" && badID(p.Name) != "":
		all.addAt(list, i, ".ContentID", "is missing, and Name cannot stand for it: it "+badID(p.Name))
	}
	if p.Size < 0 {
		all.addAt(list, i, ".Size", "is negative")
	}
}

// badFileName says what is wrong with a file name. Readers save files under it, so
// what could lead into another folder, or look like another extension, is refused
// and not mended.
func badFileName(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > 255:
		return "is longer than 255 octets"
	case strings.ContainsAny(s, `/\`):
		return "holds a slash or a backslash"
	case s == "." || s == "..":
		return "is " + quote(s)
	case turns(s):
		return "holds a character that turns the line around"
	}
	return badText(s, false)
}

// badType says what is wrong with a content type.
func badType(s string) string {
	if bad := badText(s, false); bad != "" {
		return bad
	}
	if len(s) > 255 {
		return "is longer than 255 octets"
	}
	kind, params, err := mime.ParseMediaType(s)
	slash := strings.IndexByte(kind, '/')
	switch {
	case err != nil:
		return "is no content type: " + err.Error()
	case slash < 1 || !all(kind[:slash], isToken) || slash+1 == len(kind) || !all(kind[slash+1:], isToken):
		return "is no content type, which is two words with a slash between"
	case kind[:slash] == "multipart":
		return "is a multipart, which a file cannot be"
	case kind[:slash] == "message" && kind != "message/rfc822":
		return "is of the kind message, of which only message/rfc822 is taken"
	}
	for name, value := range params {
		if !all(name, isToken) || strings.ContainsAny(name, "*'%") || badText(value, false) != "" {
			return "has a parameter that cannot be written: " + quote(name)
		}
	}
	return ""
}
