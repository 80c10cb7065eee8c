package smtp

import (
	"strconv"
	"strings"
)

// extensions are what the server offered in its reply to EHLO: RFC 5321 §4.1.1.1.
type extensions struct {
	all map[string]string // keyword, in capitals, to parameters

	pipelining, chunking, eightBit, utf8, dsn bool

	auth     []string // mechanisms, in capitals
	size     int64    // RFC 1870: the largest content; 0 for no limit that was told
	maxRcpt  int      // RFC 9422 LIMITS; 0 for none
	maxMails int
}

func (x *extensions) lookup(keyword string) (string, bool) {
	params, ok := x.all[strings.ToUpper(keyword)]
	return params, ok
}

func (x *extensions) offers(keyword string) bool {
	_, ok := x.all[keyword]
	return ok
}

// parseExtensions reads the lines of the reply after its first.
func parseExtensions(lines []string) extensions {
	x := extensions{all: make(map[string]string, len(lines))}
	for _, line := range lines {
		word, params, _ := strings.Cut(strings.TrimSpace(line), " ")
		word = strings.ToUpper(word)
		params = strings.TrimSpace(params)
		// QUIRK: servers of the last century, and those that mean to please their
		// clients, write AUTH=LOGIN, in place of AUTH LOGIN or beside it.
		if mechanisms, ok := strings.CutPrefix(word, "AUTH="); ok {
			word, params = "AUTH", mechanisms+" "+params
		}
		if word == "AUTH" {
			for _, m := range strings.Fields(strings.ToUpper(params)) {
				x.auth = append(x.auth, strings.TrimPrefix(m, "="))
			}
		}
		if _, twice := x.all[word]; word != "" && !twice {
			x.all[word] = params
		}
	}
	x.pipelining = x.offers("PIPELINING")
	x.chunking = x.offers("CHUNKING")
	x.eightBit = x.offers("8BITMIME")
	x.utf8 = x.offers("SMTPUTF8")
	x.dsn = x.offers("DSN")
	if n, err := strconv.ParseInt(x.all["SIZE"], 10, 64); err == nil && n > 0 {
		x.size = n
	}
	for _, limit := range strings.Fields(x.all["LIMITS"]) {
		name, value, _ := strings.Cut(limit, "=")
		n, err := strconv.Atoi(value)
		if err != nil || n <= 0 {
			continue
		}
		switch strings.ToUpper(name) {
		case "RCPTMAX":
			x.maxRcpt = n
		case "MAILMAX":
			x.maxMails = n
		}
	}
	return x
}
