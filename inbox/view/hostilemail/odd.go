package hostilemail

import (
	"embed"
	"iter"
	"strings"
)

// odd has mails that programs have really sent, or that were made after them; odd/README.md tells where they are from.
//
//go:embed odd
var odd embed.FS

// Odd gives mails as they are met: broken boundaries, fields that are none, uuencoded files, charsets that are not what they say.
func Odd() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		files, err := odd.ReadDir("odd")
		if err != nil {
			panic(err) // it is within this program
		}
		for _, f := range files {
			name, ok := strings.CutSuffix(f.Name(), ".msg")
			if !ok {
				continue
			}
			content, err := odd.ReadFile("odd/" + f.Name())
			if err != nil {
				panic(err)
			}
			if !yield("odd "+name, content) {
				return
			}
		}
	}
}
