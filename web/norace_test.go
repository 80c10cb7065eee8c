//go:build !race

package web_test

import "time"

// costsAtMost is how long a page may take.
const costsAtMost = time.Second
