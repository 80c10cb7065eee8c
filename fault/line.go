package fault

import (
	"encoding"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// fields gives those of a rule that people write, with their names. Counts are not among them.
func (r *Rule) fields() iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) {
		v := reflect.ValueOf(r).Elem()
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("toml")
			if name != "-" && !yield(name, v.Field(i)) {
				return
			}
		}
	}
}

// String is the rule on one line, as ParseRule reads it: the stage first, then what is not zero.
//
//	rcpt recipient=*@example.com times=2 reply="451 4.7.1 come back later"
func (r Rule) String() string {
	var words []string
	if r.Stage != "" && r.Persona == "" {
		words = append(words, r.Stage)
	}
	for name, v := range r.fields() {
		if name == "stage" || v.IsZero() {
			continue
		}
		if v.Kind() == reflect.Bool {
			words = append(words, name)
			continue
		}
		text := fmt.Sprint(v.Interface())
		if name == "garbage" {
			words = append(words, `garbage="`+strings.ReplaceAll(writtenGarbage(text), `"`, `\"`)+`"`)
			continue
		}
		if text == "" || strings.ContainsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || c == '"' || c == '\\' || !unicode.IsPrint(c) }) {
			text = strconv.Quote(text)
		}
		words = append(words, name+"="+text)
	}
	return strings.Join(words, " ")
}

// ParseRule reads a rule on one line. Words are parted by blanks; a value with a blank in it stands in quotes, with escapes as in Go.
// Garbage is written the same with quotes and without, since its own escapes are all that there are: garbage="\xff go on\r\n".
func ParseRule(line string) (Rule, error) {
	const most = 4096
	var r Rule
	if len(line) > most {
		return r, fmt.Errorf("a rule has at most %d octets", most)
	}
	words, err := split(line)
	if err != nil {
		return r, err
	}
	if len(words) == 0 {
		return r, errors.New("the rule is empty")
	}
	given := make(map[string]bool)
	for i, word := range words {
		name, value, has := strings.Cut(word, "=")
		if i == 0 && !has && stageOf(name) != 0 {
			name, value, has = "stage", name, true
		}
		if given[name] {
			return r, fmt.Errorf("%s: it stands there twice", name)
		}
		given[name] = true
		if err := r.set(name, value, has); err != nil {
			return r, err
		}
	}
	return r, r.settle()
}

// set gives a field its value.
func (r *Rule) set(name, value string, has bool) error {
	for known, v := range r.fields() {
		if known != name {
			continue
		}
		if v.Kind() == reflect.Bool {
			if has && value != "true" {
				return fmt.Errorf("%s: it has no value", name)
			}
			v.SetBool(true)
			return nil
		}
		if !has {
			return fmt.Errorf("%s: it wants a value, as in %s=x", name, name)
		}
		if err := setText(v, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	if stageOf(name) != 0 && !has {
		return fmt.Errorf("%s: the stage stands first", name)
	}
	var names []string
	for known := range r.fields() {
		names = append(names, known)
	}
	if near := likest(name, names); near != "" {
		return fmt.Errorf("%q is no field of a rule; did you mean %q?", name, near)
	}
	return fmt.Errorf("%q is no field of a rule; those are %s", name, strings.Join(names, ", "))
}

// likest is the field that somebody meant: at most two letters were left out, put in or changed, or one of the two begins with the other.
func likest(name string, of []string) string {
	const most = 2
	best, least := "", most+1
	for _, one := range of {
		d := distance(name, one)
		if len(name) > 2 && (strings.HasPrefix(one, name) || strings.HasPrefix(name, one)) {
			d = min(d, most)
		}
		if d < least && d < len(one)-1 {
			best, least = one, d
		}
	}
	return best
}

// distance is how many letters are to be put in, taken out or changed to make one word of another.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func setText(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if v.Kind() == reflect.String {
		v.SetString(text)
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no number", text)
	}
	if v.Kind() == reflect.Uint64 {
		v.SetUint(uint64(n))
		return nil
	}
	v.SetInt(n)
	return nil
}

// split parts a line into words; what stands in quotes belongs to its word.
func split(line string) (words []string, err error) {
	for {
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if line == "" {
			return words, nil
		}
		end := strings.IndexFunc(line, unicode.IsSpace)
		if end < 0 {
			end = len(line)
		}
		quote := strings.Index(line, `="`)
		if quote < 0 || quote > end {
			words = append(words, line[:end])
			line = line[end:]
			continue
		}
		quoted, err := strconv.QuotedPrefix(line[quote+1:])
		if err != nil {
			return nil, fmt.Errorf("%s: its quote has no end, or an escape that is none", line[:quote])
		}
		value, _ := strconv.Unquote(quoted)
		if line[:quote] == "garbage" {
			value = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
		}
		words = append(words, line[:quote+1]+value)
		line = line[quote+1+len(quoted):]
		if line != "" && !unicode.IsSpace(rune(line[0])) {
			return nil, fmt.Errorf("%s: something stands behind its quote", words[len(words)-1])
		}
	}
}
