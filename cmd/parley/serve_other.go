//go:build !unix

package main

import (
	"os"
	"time"
)

// reloadSignals: there is none.
var reloadSignals []os.Signal

func sinceBoot() time.Duration { return 0 }
