package fault

// An Example is one fault of each sort, with what becomes of a mail that meets it.
type Example struct {
	Name string // "drop-after-the-dot"
	Rule Rule
	Kept bool // the server has kept the mail
}

// Examples are one of each sort that a server can make, in the order of docs/faults.md.
func Examples() []Example {
	return []Example{
		{"greeting-refused", Rule{Stage: "greeting", Reply: "554 5.7.1 no mail from you"}, false},
		{"greeting-busy", Rule{Stage: "greeting", Reply: "421 4.3.2 too busy"}, false},
		{"hello-refused", Rule{Stage: "hello", Reply: "504 5.5.2 that is no host's name"}, false},
		{"login-refused", Rule{Stage: "auth", Reply: "535 5.7.8 user or password is wrong"}, false},
		{"sender-refused", Rule{Stage: "mail", Reply: "553 5.7.1 the sender is not yours"}, false},
		{"recipient-refused", Rule{Stage: "rcpt", Reply: "550 5.1.1 no such user"}, false},
		{"recipient-later", Rule{Stage: "rcpt", Reply: "451 4.7.1 come back later"}, false},
		{"data-refused", Rule{Stage: "data", Reply: "554 5.5.1 no valid recipients"}, false},
		{"content-refused", Rule{Stage: "end", Reply: "554 5.7.1 the content is taken for spam"}, false},
		{"full", Rule{Stage: "end", Reply: "452 4.3.1 Insufficient system storage"}, false},
		{"delay", Rule{Stage: "rcpt", Wait: Duration(300e6)}, true},
		{"throttle", Rule{Stage: "greeting", Rate: 2000}, true},
		{"drop-at-the-greeting", Rule{Stage: "greeting", Mute: true, Then: "hang-up"}, false},
		{"drop-in-the-content", Rule{Stage: "content", Octets: 10, Then: "hang-up"}, false},
		{"reset-in-the-content", Rule{Stage: "content", Octets: 10, Then: "reset"}, false},
		{"drop-before-the-dot", Rule{Stage: "data", Then: "hang-up"}, false},
		{"drop-after-the-dot", Rule{Stage: "end", Mute: true, Then: "hang-up"}, true},
		{"lost-after-the-dot", Rule{Stage: "end", Mute: true, Lose: true, Then: "hang-up"}, false},
		{"half-close", Rule{Stage: "mail", Then: "half-close"}, false},
		{"silence", Rule{Stage: "mail", Mute: true, Then: "silence"}, false},
		{"garbage", Rule{Stage: "mail", Garbage: `\xff\xfe\x00 nonsense\r\n`}, false},
		{"endless-reply", Rule{Stage: "mail", Reply: "250 and on", Endless: true}, false},
		{"starttls-refused", Rule{TLS: "refused"}, false},
		{"certificate-expired", Rule{TLS: "expired"}, false},
		{"certificate-misnamed", Rule{TLS: "misnamed"}, false},
		{"certificate-self-signed", Rule{TLS: "self-signed"}, false},
		{"certificate-untrusted", Rule{TLS: "untrusted"}, false},
		{"old-tls", Rule{TLS: "old"}, false},
		{"greylisting", Rule{Greylist: Duration(300e9)}, false},
		{"rate-limit", Rule{Limit: Limit{Mails: 1, Per: Duration(3600e9)}, Skip: 0}, true},
		{"421-on-idle", Rule{Idle: Duration(500e6)}, true},
		{"first-two-fail", Rule{Stage: "rcpt", Reply: "451 4.3.0 not yet", Times: 2}, false},
	}
}
