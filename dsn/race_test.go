//go:build race

package dsn

const slower = 10 // with the race detector, under which pools keep little
