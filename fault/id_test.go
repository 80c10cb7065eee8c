package fault

import (
	"strings"
	"testing"
)

// TestIDs: a rule's id stands in paths and in metrics, and what cannot is refused wherever rules come in.
func TestIDs(t *testing.T) {
	for id, good := range map[string]bool{
		"": true, "slow": true, "A.b_c-9": true, strings.Repeat("x", 64): true,
		strings.Repeat("x", 65): false, "\xff": false, "a/b": false, "a b": false, "灰": false, ".": false, "..": false, "a\n": false, "a\"": false,
	} {
		var p Plan
		if _, err := p.Add(Rule{ID: id, Stage: "rcpt", Reply: "451 4.7.1 later"}); (err == nil) != good {
			t.Errorf("%q: %v", id, err)
		}
		if err := p.Replace([]Rule{{ID: id, Stage: "rcpt", Reply: "451 4.7.1 later"}}); (err == nil) != good {
			t.Errorf("%q in place of others: %v", id, err)
		}
	}
	if _, err := ParseRule(`rcpt id="\xff" reply="451 4.7.1 later"`); err == nil {
		t.Error("a line with such an id is taken")
	}
}
