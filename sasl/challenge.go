package sasl

import "encoding/base64"

// TestsPasswords reports whether a line of a server's reply to AUTH lets whoever sees it try passwords without the
// server: SCRAM's messages do (RFC 5802 §5.1, r= and v=), for with the salt, the count and the signature each guess can be
// computed and compared. Such a line belongs in no trace. It may be cut short, and is without its line end.
func TestsPasswords(line []byte) bool {
	const code, prefix = len("334 "), 4 // of base64: three octets
	if len(line) < code+prefix || string(line[:3]) != "334" && string(line[:3]) != "235" {
		return false
	}
	var begin [3]byte
	if _, err := base64.StdEncoding.Decode(begin[:], line[code:code+prefix]); err != nil {
		return false
	}
	return (begin[0] == 'r' || begin[0] == 'v') && begin[1] == '='
}
