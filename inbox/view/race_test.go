//go:build race

package view

import "time"

const (
	raceEnabled = true
	costsAtMost = 10 * time.Second
)
