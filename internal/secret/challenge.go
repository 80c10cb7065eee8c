package secret

import "encoding/base64"

// codeSize is that of a reply's code and what parts it from its text.
const codeSize = len("334 ")

// TestsPasswords reports whether a line of a server's reply to AUTH lets whoever sees it try passwords without the
// server: SCRAM's messages do (RFC 5802 §5.1, r= and v=), for with the salt, the count and the signature each guess can be
// computed and compared. The line may be cut short, and is without its line end.
func TestsPasswords(line []byte) bool {
	const prefix = 4 // of base64: three octets
	if len(line) < codeSize+prefix || string(line[:3]) != "334" && string(line[:3]) != "235" {
		return false
	}
	var begin [3]byte
	if _, err := base64.StdEncoding.Decode(begin[:], line[codeSize:codeSize+prefix]); err != nil {
		return false
	}
	return (begin[0] == 'r' || begin[0] == 'v') && begin[1] == '='
}
