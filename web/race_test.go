//go:build race

package web_test

import "time"

// costsAtMost is how long a page may take: the race detector makes everything some ten times slower.
const costsAtMost = 10 * time.Second
