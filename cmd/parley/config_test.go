package main

import (
	"net"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

func scriptConfig(ts *testscript.TestScript, _ bool, args []string) {
	addr := ts.Getenv("ADDR")
	host, port, err := net.SplitHostPort(addr)
	ts.Check(err)
	text := strings.NewReplacer("ADDR", addr, "HOST", host, "PORT", port, "CAFILE", ts.Getenv("CA")).Replace(ts.ReadFile(args[0]))
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path, []byte(text), 0o600))
	ts.Check(os.Chmod(path, 0o600))
}
