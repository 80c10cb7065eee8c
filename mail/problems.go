package mail

import (
	"strconv"
	"strings"
)

// Problems is all that is wrong with a message, field by field. It is what
// [Message.Check], [Message.Envelope] and [Message.Open] give where anything is:
//
//	if p, ok := errors.AsType[mail.Problems](err); ok { ... p[0].Field ... }
type Problems []FieldError

// A FieldError is what is wrong with one field.
type FieldError struct {
	Field string // as in the program: "From", "To[1]", "Attach[0].Name"
	What  string // "is missing", "holds a CR"
	Err   error  // the cause, where there is one: what opening an attachment gave
}

func (e FieldError) Error() string {
	s := e.Field + " " + e.What
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause: errors.Is(err, fs.ErrNotExist) works.
func (e FieldError) Unwrap() error { return e.Err }

// Error tells all of them on one line.
func (p Problems) Error() string {
	var b strings.Builder
	b.WriteString("the message cannot be sent: ")
	for i, e := range p {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap gives each of them.
func (p Problems) Unwrap() []error {
	list := make([]error, len(p))
	for i, e := range p {
		list[i] = e
	}
	return list
}

// asError is nil where nothing is wrong: a Problems without members is not.
func (p Problems) asError() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// add notes what is wrong, unless it is nothing.
func (p *Problems) add(field, what string) {
	if what != "" {
		*p = append(*p, FieldError{Field: field, What: what})
	}
}

// addAt does so for a member of a list, or a field of it: "Header", 2, ".Name".
func (p *Problems) addAt(list string, i int, sub, what string) {
	if what != "" {
		p.add(at(list, i)+sub, what)
	}
}

func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
