package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/pelletier/go-toml/v2"
)

// mostRead is how large a plan's file may be, and mostRules how many rules a plan may have.
const (
	mostRead  = 1 << 20
	mostRules = 1000
)

// Read reads a plan's file: TOML ([[fault]] tables) or JSON (an array of rules, or an object with the array "faults"). A field that
// no rule has is an error, and so is a rule that can never be.
func Read(r io.Reader) ([]Rule, error) {
	data, err := io.ReadAll(io.LimitReader(r, mostRead+1))
	if err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	if len(data) > mostRead {
		return nil, errors.New("the plan is over 1 MiB")
	}
	var rules []Rule
	switch text := bytes.TrimLeft(data, " \t\r\n"); {
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")) && !bytes.HasPrefix(text, []byte("[[")) && json.Valid(text):
		rules, err = readJSON(text)
	default:
		rules, err = readTOML(data)
	}
	if err != nil {
		return nil, err
	}
	for i := range rules {
		if err := rules[i].settle(); err != nil {
			return nil, fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	return rules, nil
}

func readJSON(data []byte) ([]Rule, error) {
	var file struct {
		Faults []Rule `json:"faults"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var err error
	if data[0] == '[' {
		err = d.Decode(&file.Faults)
	} else {
		err = d.Decode(&file)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	if d.More() {
		return nil, errors.New("reading the plan: something stands behind its end")
	}
	return file.Faults, nil
}

func readTOML(data []byte) ([]Rule, error) {
	var file struct {
		Fault []Rule `toml:"fault"`
	}
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(&file)
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		return nil, fmt.Errorf("reading the plan: there is no such field:\n%s", strict.String())
	}
	if err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	return file.Fault, nil
}
