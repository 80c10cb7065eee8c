//go:build !race

package dsn

const slower = 1
