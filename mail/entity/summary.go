package entity

import "strings"

// A Head is what a row of a list shows of a mail.
type Head struct {
	From, To, Cc, Subject, Date, MessageID string // decoded; of several with one name the first

	// Mixed: the type says that there is more than a text. [Entity.Attachments] counts.
	Mixed bool
}

// Of a header whose rows must be quick, and of a field that a row can show.
const (
	maxHeadOctets = 64 << 10
	maxHeadFields = 300
	maxHeadValue  = 4 << 10
)

// Summary reads what a list shows from a content, or from its header alone: the first 64 KiB and 300 fields of it.
// A value longer than 4 KiB is cut.
func Summary(content []byte) Head {
	var h Head
	at := skipMboxLine(content, &Entity{})
	scanFields(content[at:min(len(content), at+maxHeadOctets)], at, maxHeadFields, func(f Field) bool {
		h.field(f)
		return true
	})
	return h
}

func (h *Head) field(f Field) {
	var to *string
	switch {
	case len(f.Name) > len("Content-Type"):
		return
	case strings.EqualFold(f.Name, "From"):
		to = &h.From
	case strings.EqualFold(f.Name, "To"):
		to = &h.To
	case strings.EqualFold(f.Name, "Cc"):
		to = &h.Cc
	case strings.EqualFold(f.Name, "Subject"):
		to = &h.Subject
	case strings.EqualFold(f.Name, "Date"):
		to = &h.Date
	case strings.EqualFold(f.Name, "Message-ID"):
		to = &h.MessageID
	case strings.EqualFold(f.Name, "Content-Type"):
		kind, _, _ := strings.Cut(string(f.Raw[:min(len(f.Raw), 64)]), ";")
		h.Mixed = strings.EqualFold(strings.TrimSpace(kind), "multipart/mixed")
		return
	default:
		return
	}
	if *to == "" {
		*to = strings.TrimSpace(decodeValue(f.Raw[:min(len(f.Raw), maxHeadValue)]))
	}
}
