package hostile

import "strings"

// Evil is in all that a payload would add if it could: a header field, an address,
// a part, a command.
const Evil = "evil"

// Payloads are what no field of an API is to be taken in by.
func Payloads() []string {
	return append([]string{
		// Line ends, and what some take for them.
		"\r", "\n", "\r\n", "\n\r", "\x00", "\v", "\f", "\u0085", "\u2028", "\u2029", "\x85", "\x7f", "\x1b[2J", "\x08", "\t",
		// What they would bring.
		"\r\nX-Evil: 1", "\nX-Evil: 1", "\rX-Evil: 1", "\r\n\r\nevil", "\n\nevil", "\r\rX-Evil: 1\r\r", "\r\n X-Evil: 1", "\r\n\tevil",
		"\r\nBcc: evil@evil.test", "\x00\r\nX-Evil: 1", "\u0085X-Evil: 1", "\u2028X-Evil: 1", "\vX-Evil: 1", "\fX-Evil: 1",
		"\r\n.\r\nMAIL FROM:<evil@evil.test>\r\nRCPT TO:<evil@evil.test>\r\nDATA", "\n.\nMAIL FROM:<evil@evil.test>", "\r.\rMAIL FROM:<evil@evil.test>",
		"\r\nRCPT TO:<evil@evil.test>", "\nRCPT TO:<evil@evil.test>", "a@b.test>\r\nRCPT TO:<evil@evil.test", "\r\nAUTH PLAIN AGV2aWwAZXZpbA==",
		// Low octets that are CR and LF, if somebody cuts a character to one octet.
		"\u010d\u010aX-Evil: 1", "\u560d\u560aX-Evil: 1", "\u2a0d\u2a0aRCPT TO:<evil@evil.test>",
		// What encoded-words, percent signs and the like hide.
		"=?utf-8?q?=0d=0aX-Evil:_1?=", "=?utf-8?b?DQpYLUV2aWw6IDE=?=", "=?utf-8?q?evil=40evil.test=2c?=", "=?utf-7?q?+AA0ACg-X-Evil:?=", "=?", "?=", "%0d%0aX-Evil:%201", "\\r\\nX-Evil: 1", "&#13;&#10;X-Evil: 1",
		// Quotes, brackets and lists.
		`"`, `\`, `\"`, `"\`, `""`, "<", ">", "<evil@evil.test>", ", evil@evil.test", "; evil@evil.test", ": evil@evil.test;", "(evil)", "(", ")", "@evil.test", "@evil.test:",
		`" <evil@evil.test>, "`, "a@b.test> ORCPT=rfc822;evil@evil.test", "> SIZE=1 BODY=8BITMIME SMTPUTF8 X=<", `" NOTIFY=NEVER ORCPT=rfc822;evil@evil.test`, " ORCPT=evil",
		// Parameters.
		`"; filename="evil.exe`, `; filename=evil.exe`, `"; filename*=utf-8''evil.exe; x="`, "*", "*0*", "*=utf-8''evil", "'", "utf-8''%0d%0aX-Evil", `"; boundary="evil`, "; boundary=evil; x=y", "; charset=utf-7",
		// Boundaries.
		"--", "--=_a", "\r\n--boundary\r\nContent-Type: text/plain\r\n\r\nevil\r\n--boundary--\r\n",
		// What is not UTF-8, and what turns lines around.
		"\xff", "\xc0\x8d\xc0\x8a", "\xed\xa0\x8d\xed\xa0\x8a", "\xe2\x80", "\u202eexe.gpj", "\ufeff", "\u200b", "\u0000X-Evil: 1",
	},
		strings.Repeat("x", 77), strings.Repeat("x", 1100), strings.Repeat("\u6f22", 400), strings.Repeat(" ", 1100), strings.Repeat("x ", 600),
		strings.Repeat("\"", 80), strings.Repeat("=?", 80), strings.Repeat("\r\n ", 40)+"X-Evil: 1",
	)
}

// Placed gives a text with a payload in it, in each of the ways that there are.
func Placed(text, payload string) []string {
	half := len(text) / 2
	return []string{payload, text + payload, payload + text, text[:half] + payload + text[half:]}
}
