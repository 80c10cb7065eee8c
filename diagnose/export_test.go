package diagnose

import (
	"maps"
	"slices"
)

// Condition is what a rule names as error.
func Condition(id string) string {
	if r := Default().byID[id]; r != nil {
		return r.error
	}
	return ""
}

// Conditions are all that there are.
func Conditions() []string { return slices.Sorted(maps.Keys(conditions)) }
