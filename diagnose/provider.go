package diagnose

import (
	"net"
	"slices"
	"strings"
)

// A Provider is what is known of somebody's servers for submission.
type Provider struct {
	ID       string
	Name     string
	Domains  []string // of its mail addresses, in lower case
	Hosts    []Host   // the first is the one to take
	Username Words    // what to log in as
	Password Words    // what the password must be: "authorization code (...)"
	Where    Words    // where to make it
	Sender   Words    // what From and the reverse-path must be
	Limits   Words    // how much it takes of one account
	Notes    Words
	Size     string   // of a mail in MB, as told: "about 50"
	Auth     string   // the mechanisms, as told
	Source   string   // where this is from
	Sure     string   // A: from its own documents; B: second-hand; C: general knowledge
	Groups   []string // of rules for its replies

	marks []string
}

// A Host is a server for submission, with its ports.
type Host struct {
	Name  string // may hold a word in capitals to be filled in: email-smtp.REGION.amazonaws.com
	Ports []Port // the first is the one to take
}

// A Port is one that a provider takes submissions on. More than one of its modes
// is true where sources differ, or where the server takes each.
type Port struct {
	Number   int
	Implicit bool // TLS from the first octet
	STARTTLS bool
	Plain    bool // no TLS at all
}

// A mark is a piece of text that betrays who said it.
type mark struct {
	text     string
	provider *Provider
}

// common are words that stand in the hosts of many, and name nobody.
var common = []string{"smtp", "mail", "email", "relay", "out", "in", "send", "com", "net", "org", "cn", "co"}

// provider finds one by whatever names it, or nil.
func (f *Facts) provider(name string) *Provider {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" || name == "*" {
		return nil
	}
	for _, p := range f.providers {
		if p.ID == name {
			return p
		}
	}
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		name = name[i+1:]
	}
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	name = strings.TrimSuffix(name, ".")
	if ip := net.ParseIP(strings.Trim(name, "[]")); name == "localhost" || ip != nil && ip.IsLoopback() {
		return nil // Proton's Bridge is there, and so is every test, tunnel and relay
	}
	for _, p := range f.providers {
		if slices.Contains(p.Domains, name) || len(p.Hosts) > 0 && p.Hosts[0].is(name) {
			return p
		}
	}
	for _, p := range f.providers { // another of its hosts, which may be somebody's first
		if slices.ContainsFunc(p.Hosts, func(h Host) bool { return h.is(name) }) {
			return p
		}
	}
	for _, p := range f.providers { // a provider's national sister, or another host of its
		if slices.ContainsFunc(p.Domains, func(d string) bool { return strings.HasSuffix(name, "."+d) }) {
			return p
		}
	}
	if strings.ContainsRune(name, '.') {
		return f.marked(name)
	}
	return f.nicknamed(name)
}

// nicknamed finds a provider by a word of its domains or hosts, as people call it:
// 163, office365.
func (f *Facts) nicknamed(name string) *Provider {
	has := func(host string) bool {
		for label := range strings.SplitSeq(host, ".") {
			if label == name {
				return true
			}
		}
		return false
	}
	for _, p := range f.providers {
		if slices.ContainsFunc(p.Domains, has) && !slices.Contains(common, name) {
			return p
		}
	}
	for _, p := range f.providers {
		if slices.ContainsFunc(p.Hosts, func(h Host) bool { return has(h.Name) && !slices.Contains(common, name) }) {
			return p
		}
	}
	return nil
}

// is compares a host with a name, where a word in capitals stands for anything.
func (h Host) is(name string) bool {
	if h.Name == name {
		return true
	}
	if strings.ToLower(h.Name) == h.Name {
		return false // as most are, and every failed attempt asks all of them
	}
	labels, given := strings.Split(h.Name, "."), strings.Split(name, ".")
	if len(labels) != len(given) {
		return false
	}
	for i, l := range labels {
		if l != given[i] && (l != strings.ToUpper(l) || l == strings.ToLower(l)) {
			return false
		}
	}
	return true
}

// marked finds whose mark a text in lower case bears: the longest wins.
func (f *Facts) marked(lower string) *Provider {
	for _, m := range f.marks {
		if strings.Contains(lower, m.text) {
			return m.provider
		}
	}
	return nil
}

// groups are the groups of rules for whoever a hint names: a provider, or a group by its own name.
func (f *Facts) groups(name string) (id string, groups []string) {
	if p := f.provider(name); p != nil {
		return p.ID, p.Groups
	}
	name = strings.ToLower(strings.TrimSpace(name))
	for _, r := range f.rules {
		if r.group == name {
			return name, []string{name}
		}
	}
	return "", nil
}
