// Command parley sends mail, and lets a person see what was said.
//
// "parley demo" is the whole of it with nothing to set up, and "parley send" sends
// one message. The rules of its user interface stand in ui.go.
package main

import "os"

func main() { os.Exit(run(os.Args, theSystem())) }
