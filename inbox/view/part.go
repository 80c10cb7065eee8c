package view

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"sync"

	"github.com/gabriel-vasile/mimetype"
	"github.com/parleymail/parley/mail/entity"
)

// A Part is an entity as a list shows it.
type Part struct {
	Path        string `json:"path"` // as entity.Entity.Path; of the mail itself ""
	Name        string `json:"name"` // harmless, and never empty
	Told        string `json:"told,omitempty"`
	Type        string `json:"type"` // as it is declared
	Disposition string `json:"disposition,omitempty"`
	ContentID   string `json:"content_id,omitempty"`
	Description string `json:"description,omitempty"`

	e     *entity.Entity
	facts func() partFacts
}

// partFacts are what costs a reading of the body.
type partFacts struct {
	sniffed string
	size    int64
	sum     string
}

func newPart(e *entity.Entity) Part {
	p := Part{Path: e.Path(), Name: e.File, Told: e.FileTold, Type: e.Type, Disposition: e.Disposition, ContentID: e.ContentID, Description: e.Description, e: e}
	if p.Name == "" {
		p.Name = "part-" + strings.ReplaceAll(p.Path, ".", "-") + extensionOf(e.Type)
		if p.Path == "" {
			p.Name = "message" + extensionOf(e.Type)
		}
	}
	p.facts = sync.OnceValue(p.look)
	return p
}

func extensionOf(mediaType string) string {
	switch mediaType {
	case "message/rfc822", "message/global":
		return ".eml"
	case "text/plain":
		return ".txt"
	}
	if m := mimetype.Lookup(mediaType); m != nil {
		return m.Extension()
	}
	return ".bin"
}

// Entity is the entity itself.
func (p Part) Entity() *entity.Entity { return p.e }

// Open gives the body, its transfer encoding taken off.
func (p Part) Open() io.Reader { return p.e.Open() }

// Size is how many octets Open gives.
func (p Part) Size() int64 { return p.facts().size }

// SHA256 is the sum of what Open gives, in hexadecimal digits.
func (p Part) SHA256() string { return p.facts().sum }

// Sniffed is the type that the first octets show, as "application/pdf"; "application/octet-stream" where they show none.
func (p Part) Sniffed() string { return p.facts().sniffed }

func (p Part) look() partFacts {
	head := make([]byte, 3072) // as many as mimetype looks at
	r := p.e.Open()
	n, _ := io.ReadFull(r, head) // a body that is shorter is none the worse
	sum := sha256.New()
	sum.Write(head[:n])
	rest, _ := io.Copy(sum, r) // Open gives no errors
	kind, _, _ := strings.Cut(mimetype.Detect(head[:n]).String(), ";")
	return partFacts{kind, int64(n) + rest, hex.EncodeToString(sum.Sum(nil))}
}

// MarshalJSON tells the facts too, which reads the body.
func (p Part) MarshalJSON() ([]byte, error) {
	type plain Part
	return json.Marshal(struct {
		plain
		Size    int64  `json:"size"`
		SHA256  string `json:"sha256"`
		Sniffed string `json:"sniffed"`
	}{plain(p), p.Size(), p.SHA256(), p.Sniffed()})
}
