package route

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// maxSite is the longest that the names of all of a site's hosts are told; a longer one is cut and summed.
const maxSite = 120

// siteName names a set of hosts, the same wherever and whenever: "mx.example.net", "{mx1,mx2}.example.net".
func siteName(hosts []exchange) string {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.host
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 1 {
		return names[0]
	}
	tail := commonTail(names)
	heads := make([]string, len(names))
	for i, n := range names {
		heads[i] = strings.TrimSuffix(n, tail)
	}
	if name := "{" + strings.Join(heads, ",") + "}" + tail; len(name) <= maxSite {
		return name
	}
	sum := sha256.Sum256([]byte(strings.Join(names, ",")))
	return fmt.Sprintf("{%s,+%d-%s}%s", heads[0], len(names)-1, hex.EncodeToString(sum[:6]), tail)
}

// commonTail is the longest end of all names that begins with a dot, and leaves something of each.
func commonTail(names []string) string {
	tail := names[0]
	for {
		i := strings.IndexByte(tail, '.')
		if i < 0 {
			return ""
		}
		// What is left begins with the dot, then with what comes behind it.
		if rest := tail[i:]; !slices.ContainsFunc(names, func(n string) bool { return len(n) <= len(rest) || !strings.HasSuffix(n, rest) }) {
			return rest
		}
		tail = tail[i+1:]
	}
}
