//go:build !unix

package view

import "time"

// cpu is the clock, where nothing better is known.
func cpu() time.Duration { return time.Duration(time.Now().UnixNano()) }
