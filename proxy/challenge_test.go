package proxy

import (
	"testing"

	"github.com/parleymail/parley/internal/secret"
)

// TestAPasswordCannotBeGuessed: what a provider says in SCRAM stands in nothing that is told, whatever was said to it.
func TestAPasswordCannotBeGuessed(t *testing.T) {
	for _, pieces := range []bool{false, true} {
		s := secrets{secret.List{[]byte("cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhdw==")}}
		if shown, found := s.hide([]byte("334 cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhdzMscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng=="), pieces); !found || string(shown) != "334 (secret)" {
			t.Errorf("%s is shown", shown)
		}
	}
}
