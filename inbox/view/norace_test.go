//go:build !race

package view

import "time"

const (
	raceEnabled = false
	costsAtMost = time.Second
)
