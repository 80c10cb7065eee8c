package statement

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// openJSON opens a file with a JSON object a line.
func openJSON(name string, o TableOptions) (*Table, error) {
	f, err := openText(name, o.Encoding)
	if err != nil {
		return nil, err
	}
	f.Close() //nolint:errcheck // nothing was written
	return &Table{name: name, rows: func(ctx context.Context, yield func(*Row, error) bool) {
		f, err := openText(name, o.Encoding)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		eachJSON(ctx, f, yield)
	}}, nil
}

func eachJSON(ctx context.Context, f io.Reader, yield func(*Row, error) bool) {
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 64<<10), mostLine)
	n := 0
	for lines.Scan() {
		n++
		if err := ctx.Err(); err != nil {
			yield(nil, err)
			return
		}
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 {
			continue
		}
		row, err := jsonRow(n, text)
		if !yield(row, err) {
			return
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = errLongLine
		}
		yield(nil, fmt.Errorf("statement: reading the table behind line %d: %w", n, err))
	}
}

func jsonRow(line int, text []byte) (*Row, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // an account's number has more digits than a float keeps
	r := &Row{Line: line}
	if err := d.Decode(&r.Data); err != nil || r.Data == nil {
		return nil, &RowError{line, "is no JSON object"}
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, &RowError{line, "has something behind its object"}
	}
	if len(r.Data) > mostCells {
		return nil, &RowError{line, "has too many fields"}
	}
	for name, v := range r.Data {
		if err := cleanJSON(name, v); err != nil {
			return nil, &RowError{line, err.Error()}
		}
		if n, ok := v.(json.Number); ok {
			r.Data[name] = n.String()
		}
	}
	return r, nil
}

// cleanJSON looks through all that is within a value.
func cleanJSON(name string, v any) error {
	switch v := v.(type) {
	case string:
		return clean(name, v)
	case []any:
		for i, e := range v {
			if n, ok := e.(json.Number); ok {
				v[i] = n.String()
			} else if err := cleanJSON(name, e); err != nil {
				return err
			}
		}
	case map[string]any:
		for k, e := range v {
			if n, ok := e.(json.Number); ok {
				v[k] = n.String()
			} else if err := cleanJSON(name+"."+k, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// textOf is a value as text; of a list or an object there is none.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
