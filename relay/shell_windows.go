package relay

// shell runs a command that a person wrote.
var shell = [...]string{"cmd", "/C"}
