package talk

import (
	"testing"

	"github.com/parleymail/parley/smtp"
)

// TestAPasswordCannotBeGuessed: what a server says in SCRAM stands on no screen and in no transcript.
func TestAPasswordCannotBeGuessed(t *testing.T) {
	for _, line := range []string{"334 cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhdyxzPVFTWENSLGk9NDA5Ng==", "334 dj1ybUY5cHFWOFM3c3VBb1pXamE0ZEpSa0ZzS1E9"} {
		if shown, hidden := (vault{}).hide([]byte(line), smtp.StageAuth); !hidden || string(shown) != "334 (secret)" {
			t.Errorf("%s is shown", shown)
		}
	}
}
