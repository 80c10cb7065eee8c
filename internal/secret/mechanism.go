package secret

import "strings"

// IsMechanism reports whether a word is the name of a mechanism of AUTH, and may be shown behind it. What else stands there may
// be a password that somebody put in the wrong place.
func IsMechanism(word string) bool {
	switch strings.ToUpper(word) {
	case "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
		"SCRAM-SHA-512", "SCRAM-SHA-512-PLUS", "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "NTLM", "GSSAPI", "ANONYMOUS":
		return true
	}
	return false
}
