package diagnose

// weak reports whether a generic rule goes by words that stand in many a reply
// beside those that tell: "rejected", "try again later", "not permitted".
func (rule *rule) weak() bool {
	switch rule.kind {
	case "policy-rejected", "protocol-error", "temporary-server", "timeout", "recipient-refused":
		return true
	}
	return false
}

// cost is the order in which rules are asked: those of wide expressions, and those that say
// little, last, since they are often not asked at all.
func (rule *rule) cost() int {
	n := 2 * int(rule.sort)
	if rule.sort == generic && rule.regexp != nil && rule.weak() {
		n++
	}
	return n
}

// exact reports whether an enhanced code leaves no doubt, so that it says more than words
// that are no one's in particular. Servers use X.7.1, X.5.0 and the like for all
// sorts of things; nobody says 5.1.1 for anything but an unknown mailbox.
func (rule *rule) exact() bool {
	switch rule.kind {
	case "recipient-unknown", "mailbox-full", "message-too-big", "recipient-domain",
		"spf-failed", "dkim-failed", "rdns-missing", "utf8-unsupported", "mail-loop", "too-many-recipients", "auth-bad-credential":
		return true
	}
	return false
}

// vague is for kinds that codes stand for which servers use for all sorts of things.
func vague(k Kind) bool {
	switch k {
	case "policy-rejected", "protocol-error", "temporary-server", "unclassified":
		return true
	}
	return false
}
